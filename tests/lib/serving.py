"""`connect` as processes of their own, for tests: `serve` and simulators started, asked, told to stop, or killed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

import warm_start

SHOP, SECRET, CASE_SECRET = "demo-shop.myshopify.com", "shop-secret-0123456789", "connect-secret"
DEFINITION, CONFIG = "7a51c9f0-52c4-4f0b-8f2e-3d7f4b1f9e01", "2f7d1d0a-6f1b-4b52-9b6c-8e7e9a4c5d02"
PATIENCE = 60.0
"""Seconds after which a wait fails: much more than anything takes on a busy machine."""

TENANT = """
tenant: acme
environment: test
go_live: 2025-12-01T00:00:00Z
connections:
  shop:
    platform: shopify
    poll: {every: $shop_poll}
    settings:
      shop: $shop
      client_id: sim-client
      client_secret: {env: SHOP_SECRET}
      base_url: http://127.0.0.1:$shop_port
  cases:
    platform: opentext_case
    poll: {every: $case_poll}
    settings:
      base_url: http://127.0.0.1:$case_port/case
      definition_id: $definition
      config_id: $config
      auth:
        token_url: http://127.0.0.1:$case_port/tenants/demo/oauth2/token
        client_id: connect-client
        client_secret: {env: CASE_SECRET}
      service_account: [connect.service@core-case.example]
flows:
$flows
timing: {backoff_first: $backoff, quiet: $quiet, look_again: $look_again, deadline: $deadline}
"""

FLOWS = """\
  - use: fraud_review
    mode: live
    settings:
      high_value: {USD: "1000"}
  - use: order_exceptions
    mode: live
  - use: status_updates
    mode: live
"""


def write_tenant(folder: Path, template: str = TENANT, **values: Any) -> Path:
    """Write `acme.yaml`; the folder of tenant files. Values are those of `template`; platforms default to nowhere."""
    told = {
        "shop": SHOP,
        "definition": DEFINITION,
        "config": CONFIG,
        "flows": FLOWS,
        "shop_port": 1,
        "case_port": 1,
        "shop_poll": "1h",
        "case_poll": "1h",
        "backoff": "5s",
        "quiet": "1s",
        "look_again": "1s",
        "deadline": "30s",
    }
    tenants = folder / "tenants"
    tenants.mkdir(parents=True, exist_ok=True)
    (tenants / "acme.yaml").write_text(Template(template).substitute(told | values))
    return tenants


def environment(**more: str) -> dict[str, str]:
    """The environment of a daemon: ours without what would change its ways, and the secrets."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CONNECT_")}
    return kept | {"SHOP_SECRET": SECRET, "CASE_SECRET": CASE_SECRET} | more


def connect(*arguments: object, timeout: float = PATIENCE, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `connect` to its end."""
    with TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = warm_start.start([str(a) for a in arguments], environment(**more), out, errors=err)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess([str(a) for a in arguments], code, out.read_text(), err.read_text())


def stranger(folder: Path, name: str, source: str) -> str:
    """Put a plugin of one module on a path of its own, with its entry point: the path."""
    site = folder / "site"
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{name}.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[connect]\n{name} = {name}\n")
    return str(site)


def play(url: str, body: Any = None) -> Any:
    """Ask a simulator."""
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=PATIENCE) as answer:
        return json.loads(answer.read())


def signed(topic: str, body: bytes, delivery: str, *, shop: str = SHOP, secret: str = SECRET) -> dict[str, str]:
    """The headers of a webhook as Shopify sends them."""
    mac = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": mac,
        "X-Shopify-Shop-Domain": shop,
        "X-Shopify-Webhook-Id": delivery,
        "X-Shopify-API-Version": "2026-10",
    }


def log_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a log so far; a half-written one at its end is left out."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else ():
        if line.startswith("{"):
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    return found


def bound_port(path: Path) -> int | None:
    """The port that a daemon's log tells; None before it serves."""
    return next((int(line["port"]) for line in log_lines(path) if line["event"] == "serving"), None)


@dataclass
class Served:
    """A running `connect serve`."""

    process: warm_start.Started | subprocess.Popen[bytes]
    data: Path
    log: Path
    port: int = 0
    started: float = field(default_factory=time.monotonic)
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    def until(self, what: Any, why: str, seconds: float = PATIENCE) -> Any:
        """Wait until `what()` is true, and give what it said. Fails with the log when the time is up."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := what():
                return found
            time.sleep(0.02)
        raise AssertionError(f"{why}: not within {seconds:g} s; the log says:\n{self.log.read_text()[-4000:]}")

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """One request: status, headers in lower case, body."""
        reused = self._connection is not None
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            self._connection.request(method, path, body, dict(headers or {}))
            response = self._connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        except (http.client.HTTPException, OSError):
            self._connection.close()
            self._connection = None
            if not reused:
                raise
        return self.ask(method, path, body, headers)  # an idle connection is closed after a while

    def post(self, topic: str, body: bytes, delivery: str) -> int:
        """Post a signed webhook; the status."""
        return self.ask("POST", "/hooks/acme/shop", body, signed(topic, body, delivery))[0]

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The log's lines about an event."""
        return [line for line in log_lines(self.log) if line["event"] == event]

    def hang_up(self) -> None:
        """Close the connection; the next request opens one."""
        if self._connection:
            self._connection.close()

    def stop(self, number: int = 15, seconds: float = PATIENCE) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.hang_up()
        self.process.send_signal(number)
        return self.process.wait(seconds)


@contextmanager
def serving(
    folder: Path,
    *more: str,
    program: str = "",
    command: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    wait: bool = True,
) -> Iterator[Served]:
    """`connect serve` over `folder/tenants` and `folder/data`, killed at the end if it still runs.

    `program` is Python that runs in place of the command; `command` starts it cold, such as under strace.
    """
    data, log = folder / "data", folder / "serve.log"
    arguments = [
        "serve",
        "--tenants",
        str(folder / "tenants"),
        "--data",
        str(data),
        "--port",
        "0",
        "--no-pacing",
        *more,
    ]
    log.unlink(missing_ok=True)
    process: warm_start.Started | subprocess.Popen[bytes]
    if command:
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*command, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment(**env or {})
            )
    else:
        process = warm_start.start(arguments, environment(**env or {}), log, program=program)
    served = Served(process, data, log)
    try:
        if wait:
            served.until(lambda: bound_port(log) or process.poll() is not None, "the daemon serves")
            served.port = bound_port(log) or 0
            assert served.port, log.read_text()
        yield served
    finally:
        if served._connection:
            served._connection.close()
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)


@contextmanager
def simulating(platform: str, folder: Path, **options: Any) -> Iterator[int]:
    """`connect simulate PLATFORM` as a process; its port on 127.0.0.1."""
    config, log = folder / f"{platform}.json", folder / f"{platform}.log"
    config.write_text(json.dumps(options))
    log.write_text("")
    process = warm_start.start(["simulate", platform, "--config", str(config)], environment(), log)
    try:
        end = time.monotonic() + PATIENCE
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, f"{platform}: no address within {PATIENCE:g} s"
            time.sleep(0.02)
        while not _listens(int(found[1])):
            assert time.monotonic() < end, f"{platform}: does not listen within {PATIENCE:g} s"
            time.sleep(0.02)
        yield int(found[1])
    finally:
        process.terminate()
        process.wait(PATIENCE)


def rows(data: Path, sql: str) -> list[tuple[Any, ...]]:
    """What the journal in a data folder answers."""
    db = sqlite3.connect(f"file:{data / 'journal.db'}?mode=ro", uri=True)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def _listens(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0
