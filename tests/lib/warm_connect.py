"""A process that has imported Connect and forks a `connect` whenever it is told to: a start costs milliseconds.

Tests write one JSON object a line to it: `{"arguments": [...], "environment": {...}, "log": file}`. It answers
`{"started": pid}`, and `{"ended": pid, "code": n}` when one has ended (negative: the signal, as in `subprocess`).
"""

from __future__ import annotations

import importlib
import json
import os
import select
import sys
import warnings
from typing import Any


def _load() -> None:
    for name in ("caseconnect.cli.serve", "caseconnect.host.daemon", "caseconnect.host.logs"):
        importlib.import_module(name)
    importlib.import_module("caseconnect.host.plugins").load()


def _child(order: dict[str, Any]) -> None:
    from caseconnect.cli import main
    from caseconnect.host import crash

    out = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(out, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(order["environment"])
    importlib.reload(crash)  # reads the environment once, when it is imported
    code: Any = 70
    try:
        main(order["arguments"])
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def _tell(**what: int) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _tell(ended=pid, code=os.waitstatus_to_exitcode(status))


def main() -> None:
    """Read orders until the input ends."""
    warnings.simplefilter("ignore")
    _load()
    _tell(ready=os.getpid())
    while True:
        readable, _, _ = select.select([sys.stdin], [], [], 0.02)
        _reap()
        if not readable:
            continue
        line = os.read(0, 1_000_000)  # a test writes one order and reads its answer before the next
        if not line:
            return
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(order)
        _tell(started=pid)


if __name__ == "__main__":
    main()
