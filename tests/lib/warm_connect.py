"""A process that has imported Connect and forks a `connect` whenever it is told to: a start costs milliseconds.

Tests write one JSON object a line to it: `{"arguments": [...], "environment": {...}, "log": file}`, and perhaps
`"errors": file` for what goes to stderr and `"program": text` for what runs in place of the command. It answers
`{"started": pid}`, and `{"ended": pid, "code": n}` when one has ended (negative: the signal, as in `subprocess`).
"""

from __future__ import annotations

import importlib
import json
import os
import select
import sys
import traceback
import warnings
from typing import Any


def _load() -> None:
    for name in ("caseconnect.cli.serve", "caseconnect.host.daemon", "caseconnect.host.logs", "aiohttp"):
        importlib.import_module(name)
    importlib.import_module("caseconnect.host.plugins").load()
    for platform in ("opentext_case", "sfcc", "shopify"):
        importlib.import_module(f"caseconnect_{platform}.simulator")


def _child(order: dict[str, Any]) -> None:
    from caseconnect.cli import main
    from caseconnect.host import crash

    for number, file in ((1, order["log"]), (2, order.get("errors", order["log"]))):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr] # both are files
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(order["environment"])
    importlib.reload(crash)  # reads the environment once, when it is imported
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.argv = ["connect", *order["arguments"]]
    code: Any = 1
    try:
        if order.get("program"):
            exec(order["program"], {"__name__": "__main__"})
        else:
            main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
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
