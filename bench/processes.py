"""Processes that are measured: started, waited for, weighed and ended."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench import tenant

ROOT = Path(__file__).resolve().parent.parent
_PATIENCE = 120.0
"""Seconds after which a process is given up. Long: the machine may be busy with other things."""


@dataclass
class Running:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    port: int
    start_seconds: float

    def memory_mb(self) -> float:
        """Resident memory now, in MB (10^6 bytes)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def memory_peak_mb(self) -> float:
        """The most resident memory that it ever had, in MB (10^6 bytes)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6

    def cpu_seconds(self) -> float:
        """Processor time used so far, in the process and in the kernel for it."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _connect() -> list[str]:
    return [sys.executable, "-c", "from caseconnect.cli import main; main()"]


def _get(port: int, path: str) -> tuple[int, bytes]:
    """One GET without a library, so that nothing of ours takes part in the measurement."""
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


class Talk:
    """One kept connection to a simulator's control API."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Post JSON; the JSON of the answer."""
        self._connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path} answered {answer.status}: {text[:200]!r}")
        return json.loads(text)


def get_json(port: int, path: str) -> Any:
    """The JSON at a path of a server on this machine."""
    status, body = _get(port, path)
    if status != 200:
        raise RuntimeError(f"{path} of port {port} answered {status}")
    return json.loads(body)


@contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


@contextmanager
def serve(
    folder: Path, *, shop_url: str = tenant.NOWHERE, case_url: str = tenant.NOWHERE, quiet: bool = False
) -> Iterator[Running]:
    """`connect serve` with the bench's tenant, without pacing; ready when `/readyz` says so. `quiet`: two tenants."""
    tenants = tenant.write(folder / "tenants", shop_url=shop_url, case_url=case_url, quiet=quiet)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (folder / "serve.log").open("w")
    words = ["serve", "--tenants", str(tenants), "--data", str(folder / "data"), "--port", str(port), "--no-pacing"]
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own words
        [*_connect(), *words, "--log", "json"], cwd=folder, env={**os.environ, **tenant.SECRETS}, stderr=log, text=True
    )
    with log, _ended(process):
        while True:
            with suppress(OSError):
                if _get(port, "/readyz")[0] == 200:
                    break
            if process.poll() is not None or time.perf_counter() - began > _PATIENCE:
                raise RuntimeError(f"connect serve did not start: {(folder / 'serve.log').read_text()[-2000:]}")
            time.sleep(0.005)
        yield Running(process, port, time.perf_counter() - began)


@contextmanager
def plain_server(store: str) -> Iterator[Running]:
    """The daemon's web server alone; `store`: nothing or journal."""
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", "bench.plain_server", store],
        cwd=ROOT,
        env={**os.environ, **tenant.SECRETS},
        stdout=subprocess.PIPE,
        text=True,
    )
    with _ended(process):
        port = int(_line(process))
        yield Running(process, port, time.perf_counter() - began)


@contextmanager
def simulator(platform: str, options: dict[str, Any], folder: Path) -> Iterator[Running]:
    """`connect simulate PLATFORM`."""
    config = folder / f"{platform}.json"
    config.write_text(json.dumps(options))
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own words
        [*_connect(), "simulate", platform, "--config", str(config)], stdout=subprocess.PIPE, text=True, cwd=folder
    )
    with _ended(process):
        port = int(_line(process).rstrip().rpartition(":")[2])
        yield Running(process, port, time.perf_counter() - began)


def _line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line.strip():
        raise RuntimeError(f"a process of the bench did not start (exit code {process.wait()})")
    return line


def call(module: str, *words: str, given: bytes = b"", under: Sequence[str] = ()) -> dict[str, Any]:
    """Run a module of the bench to its end, `given` on its standard input; the JSON that it prints.

    `under`: the words of a program that runs it.
    """
    done = subprocess.run(  # noqa: S603 - our own words
        [*under, sys.executable, "-m", module, *words],
        cwd=ROOT,
        input=given,
        env={**os.environ, **tenant.SECRETS},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def seconds_of(*words: str) -> float:
    """How long `connect WORDS` takes."""
    began = time.perf_counter()
    subprocess.run([*_connect(), *words], stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - our own words
    return time.perf_counter() - began
