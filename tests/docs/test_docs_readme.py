"""The README's commands work, as they stand there, in an empty folder.

`make demo` and `make test` are those of the Makefile; here it is seen that they lead to `connect demo`, which its own
tests run, and to pytest.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
PORTS = ("8480", "8701", "8702")
DEADLINE = 30.0


def commands() -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines)
    return [line.removeprefix("$ ") for line in lines]


def files() -> dict[str, str]:
    return dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```', README, re.MULTILINE | re.DOTALL))


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Terminal:
    """Runs commands in a folder. A command that ends with `&` runs until the end; `connect explain` is asked again
    until what it tells has come to rest, as a person would."""

    def __init__(self, folder: Path, ended: ExitStack) -> None:
        self.folder, self.ended = folder, ended
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("CONNECT_")}
        self.environment["PATH"] = f"{BIN}{os.pathsep}{self.environment.get('PATH', '')}"

    def run(self, line: str) -> str:
        if line.startswith("export "):
            self.environment |= dict(pair.split("=", 1) for pair in shlex.split(line)[1:])
            return ""
        if line.endswith("&"):
            return self.ended.enter_context(self.background(line.removesuffix("&")))
        done = subprocess.run(
            shlex.split(line), cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=DEADLINE
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return done.stdout

    def until(self, line: str, said: str) -> str:
        """Run `line` until it says `said`."""
        deadline = time.monotonic() + DEADLINE
        told = ""
        while time.monotonic() < deadline:
            try:
                told = self.run(line)
            except AssertionError as error:
                told = str(error)
            if re.search(said, told):
                return told
            time.sleep(0.7)  # each look is a process, which the daemon has to wait for
        raise AssertionError(f"{line} did not say {said!r} in {DEADLINE} s: {told}")

    @contextmanager
    def background(self, line: str) -> Iterator[str]:
        """Start a command that goes on, and wait for the line that says where it listens."""
        log = self.folder / f"{len(list(self.folder.glob('*.log')))}.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                shlex.split(line), cwd=self.folder, env=self.environment, stdout=out, stderr=subprocess.STDOUT
            )
        try:
            deadline = time.monotonic() + DEADLINE
            while "127.0.0.1" not in log.read_text():
                assert process.poll() is None, f"{line} ended: {log.read_text()}"
                assert time.monotonic() < deadline, f"{line} does not say where it listens: {log.read_text()}"
                time.sleep(0.05)
            yield log.read_text()
        finally:
            process.terminate()
            process.wait(DEADLINE)


def test_the_commands_by_hand_hold_an_order_and_open_a_case(tmp_path: Path) -> None:
    ports = {port: free_port() for port in PORTS}

    def placed(text: str) -> str:
        return re.sub("|".join(PORTS), lambda m: ports[m[0]], text)

    for name, text in files().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(placed(text))
    lines = [placed(line) for line in commands() if not line.startswith("make")]
    told: dict[str, str] = {}
    with ExitStack() as ended:
        terminal = Terminal(tmp_path, ended)
        for line in lines:
            if line.startswith("connect explain"):
                told[line] = terminal.until(line, r"AnnotateOrder \S+ +done")
            else:
                told[line] = terminal.run(line)
    assert "acme (test, from 2026-01-01 00:00 UTC): right" in told["connect check"]
    explained = next(text for line, text in told.items() if line.startswith("connect explain"))
    for what in ("HoldOrder", "OpenCase"):
        assert re.search(rf"{what} +done", explained)
    assert "CASE-1" in explained
    assert told["connect errors"] == "nothing waits for a person\n"


def test_every_command_of_the_readme_is_of_a_kind_that_is_run() -> None:
    assert commands()[:2] == ["make demo", "make test"]
    assert all(c.startswith(("connect ", "export ")) for c in commands()[2:])
    assert {"check", "serve", "simulate", "explain"} <= {c.split()[1] for c in commands()[2:]}


@pytest.mark.parametrize(
    ("target", "runs"), [("demo", r"^\S*bin/connect demo"), ("test", r"^\S*bin/pytest -n auto"), ("", r"make test")]
)
def test_make_targets_lead_to_the_commands(target: str, runs: str) -> None:
    """`make -n` only tells; without a target `make` lists all."""
    arguments = ["make", "-C", str(ROOT), *(["-n", target] if target else [])]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr
    assert re.search(runs, re.sub(r"\x1b\[[0-9;]*m", "", done.stdout), re.MULTILINE), done.stdout


def test_the_example_files_are_what_they_look_like() -> None:
    shown = files()
    assert sorted(shown) == ["shop.json", "tenants/acme.yaml"]
    assert json.loads(shown["shop.json"])["shops"][0]["orders"][0]["id"] == 5001
