"""What is shipped for a machine of one's own: the unit, the proxy, the image. `make ops` runs what needs programs."""

from __future__ import annotations

import getpass
import grp
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from command_lines import parsed
from serving import PATIENCE, serving, signed, write_tenant
from tools.docs.workspace import ROOT

OPS = ROOT / "ops"
needs_programs = pytest.mark.skipif(not os.environ.get("CONNECT_OPS"), reason="make ops runs it")
IMAGE = os.environ.get("CONNECT_IMAGE", "")


def unit(connect: str, user: str) -> str:
    """The unit as it would be with Connect elsewhere."""
    text = (OPS / "systemd" / "connect.service").read_text()
    text = text.replace("/opt/connect/bin/connect", connect)
    return re.sub(r"^(User|Group)=.*$", rf"\1={user}", text, flags=re.MULTILINE)


@needs_programs
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    file = tmp_path / "connect.service"
    file.write_text(unit(f"{Path(sys.executable).parent}/connect", "daemon"))
    found = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@needs_programs
def test_the_unit_is_shut_in_by_systemds_own_measure(tmp_path: Path) -> None:
    """`systemd-analyze security`: 0 is shut in wholly, 10 not at all; below 2 it says OK."""
    file = tmp_path / "connect.service"
    file.write_text(unit("/bin/true", "daemon"))
    order = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(file)]
    found = subprocess.run(order, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_the_unit_names_options_and_exit_codes_that_there_are() -> None:
    from caseconnect.cli import Exit

    text = (OPS / "systemd" / "connect.service").read_text()
    (line,) = re.findall(r"^ExecStart=/opt/connect/bin/connect (.*)$", text, re.MULTILINE)
    assert parsed(line.split()).info_name == "serve"
    assert f"RestartPreventExitStatus={Exit.USAGE} {Exit.HELD}" in text
    (beat,) = re.findall(r"^WatchdogSec=(\d+)$", text, re.MULTILINE)
    assert int(beat) >= 20, "a plugin may block for a while, and the watch says so first"


def test_the_image_starts_the_command_and_the_example_uses_it() -> None:
    text = (OPS / "container" / "Containerfile").read_text()
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert "--require-hashes" in text
    compose = yaml.safe_load((OPS / "container" / "compose.yaml").read_text())
    ours = compose["services"]["connect"]
    assert ours["read_only"] is True
    assert ours["cap_drop"] == ["ALL"]
    assert (OPS / "container" / ours["build"]["context"] / ours["build"]["dockerfile"]).is_file()


def wait_for(port: int) -> None:
    """Until something listens there."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")


@contextmanager
def proxied(folder: Path, port: int) -> Iterator[int]:
    """nginx with the shipped file, on ports of this machine; the port of its TLS."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        tls = int(free.getsockname()[1])
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=connect.example.com"]
    names = ["-addext", "subjectAltName=DNS:connect.example.com,DNS:console.connect.example.com"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run(["openssl", *made, *names, *files], check=True, capture_output=True)
    text = (OPS / "proxy" / "nginx.conf").read_text().replace("/etc/ssl/connect", str(folder))
    text = text.replace("127.0.0.1:8480", f"127.0.0.1:{port}").replace("listen 443", f"listen 127.0.0.1:{tls}")
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    user = f"{getpass.getuser()} {grp.getgrgid(os.getgid()).gr_name}"
    frame = f"user {user}; daemon off; pid {folder}/nginx.pid; error_log stderr; events {{}}"
    config.write_text(f"{frame} http {{ access_log off; {paths}\n{text}\n}}")
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
    subprocess.run([program, "-t", "-q", "-e", "stderr", "-c", str(config)], check=True, capture_output=True)
    running = subprocess.Popen([program, "-e", "stderr", "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_for(tls)
        yield tls
    finally:
        running.terminate()
        running.wait(PATIENCE)


def ask(folder: Path, port: int, name: str, path: str, body: bytes | None, headers: dict[str, str]) -> int:
    """One request by TLS to the proxy, under that name; the status."""
    context = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        method = "GET" if body is None else "POST"
        head = {"Host": name, "Content-Length": str(len(body or b"")), "Connection": "close"} | headers
        lines = "".join(f"{key}: {value}\r\n" for key, value in head.items())
        secure.sendall(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + (body or b""))
        return int(secure.recv(65_536).split()[1])


@needs_programs
def test_nginx_passes_webhooks_on_as_they_came_and_nothing_else(tmp_path: Path) -> None:
    write_tenant(tmp_path)
    name = "connect.example.com"
    with serving(tmp_path) as daemon, proxied(tmp_path, daemon.port) as tls:
        body = b'{"id": 5000000000000001, "note": "' + "ä/%2f".encode() * 50_000 + b'"}'
        assert ask(tmp_path, tls, name, "/hooks/acme/shop", body, signed("orders/create", body, "d1")) == 200
        assert ask(tmp_path, tls, name, "/hooks/acme/shop", body + b" ", signed("orders/create", body, "d2")) == 401
        assert ask(tmp_path, tls, name, "/hooks/acme%2fshop", body, signed("orders/create", body, "d3")) == 401
        assert ask(tmp_path, tls, name, "/healthz", None, {}) == 404
        assert ask(tmp_path, tls, name, "/up/acme/none", None, {}) in {404, 405, 401}
        assert ask(tmp_path, tls, f"console.{name}", "/metrics", None, {}) == 404


@pytest.mark.skipif(not IMAGE, reason="CONNECT_IMAGE names an image that was built: make image")
def test_the_image_serves_without_root_on_a_root_that_is_read_only(tmp_path: Path) -> None:
    """The image's files mounted read-only, its user, no capability; only /data and /tmp can be written."""
    made = subprocess.run(["buildah", "from", "--pull-never", IMAGE], capture_output=True, text=True, check=True)
    name = made.stdout.strip()
    try:
        root = subprocess.run(["buildah", "mount", name], capture_output=True, text=True, check=True).stdout.strip()
        write_tenant(tmp_path)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        script = f"""set -e
            mount --bind {root} {root}
            mkdir -p {root}/etc/connect/tenants
            mount --bind {tmp_path}/tenants {root}/etc/connect/tenants
            mount -t tmpfs -o mode=1777 none {root}/tmp
            mount -t tmpfs -o uid=10001,mode=0700 none {root}/data
            mount -t proc none {root}/proc
            mount --bind /dev {root}/dev
            mount -o remount,bind,ro {root}
            exec chroot {root} setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs --bounding-set=-all \\
                env -i SHOP_SECRET=shop-secret-0123456789 CASE_SECRET=connect-secret \\
                /opt/connect/bin/connect serve --data /data --tenants /etc/connect/tenants --log json --port {port}
            """
        (tmp_path / "tenants").chmod(0o755)
        tmp_path.chmod(0o755)
        (tmp_path / "tenants" / "acme.yaml").chmod(0o644)
        log = (tmp_path / "image.log").open("wb")
        running = subprocess.Popen(["unshare", "--mount", "sh", "-c", script], stdout=log, stderr=log)
        try:
            wait_for(port)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE) as answer:
                assert answer.status == 200, (tmp_path / "image.log").read_text()
            running.terminate()
            assert running.wait(PATIENCE) == 0
        finally:
            running.kill()
            log.close()
    finally:
        subprocess.run(["buildah", "rm", name], capture_output=True, check=False)
