"""Limits of intake, from the code that keeps them."""

from __future__ import annotations

import inspect

from caseconnect.host.journal.writer import ThreadWriter
from caseconnect.host.web.hooks import BODY_DEADLINE, MAX_BODY, MAX_READING
from caseconnect.host.web.server import Waits
from tools.docs.markdown import table


def limits() -> str:
    """A table of what a client may do, and what happens beyond."""
    waits = Waits()
    queue = {name: p.default for name, p in inspect.signature(ThreadWriter).parameters.items()}
    rows = [
        ("head of a request", f"{waits.head:g} s, {waits.max_head // 1024} KiB", "the connection is closed"),
        ("body of a webhook", f"{BODY_DEADLINE:g} s", "408"),
        ("body of a webhook", _mib(MAX_BODY), "413"),
        ("a whole request after its head", f"{waits.message:g} s", "the connection is closed"),
        ("silence between two requests", f"{waits.idle:g} s", "the connection is closed"),
        ("bodies that are being read", _mib(MAX_READING), "503 with `Retry-After`"),
        (
            "deliveries that wait to be written",
            f"{queue['max_items']:,}, {_mib(queue['max_bytes'])}, {queue['max_age']:g} s",
            "503 with `Retry-After`",
        ),
    ]
    return table(("what", "how much", "beyond"), rows)


def _mib(count: int) -> str:
    return f"{count / 2**20:g} MiB"
