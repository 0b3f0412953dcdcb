"""Logs: one line an event, for people on a terminal, JSON otherwise. Values are ids and reasons, never records.

What a plugin hands in all the same is not shown: a value with a name that is not known, e-mail addresses, card numbers,
and more than a line.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from caseconnect.host.faults import kind_and_place
from caseconnect.models.cards import without_cards
from caseconnect.sdk.resources import LOG_FIELDS

_OURS = frozenset({"event", "level", "timestamp"})
_LONGEST = 2000
_MAIL = re.compile(r"[^\s@<>\"'=:,;()\[\]]+@[^\s@<>\"',;:()\[\]]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def plain(text: str) -> str:
    """`text` on one line, without what a log must not hold."""
    short = _CONTROL.sub(" ", text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
    return without_cards(_MAIL.sub("[e-mail]", short))


def only_known(_: Any, __: str, values: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog's processor that lets through what may be shown."""
    return {_known(name): _shown(name, value) for name, value in values.items()}


def _known(name: str) -> str:
    return name if name in LOG_FIELDS | _OURS else "other"


def _shown(name: str, value: Any) -> Any:
    if _known(name) != name:
        return "a value that is not among the names of a log's values"
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(str(one)) for one in value]
    return plain(str(value))


class _Foreign(logging.Formatter):
    """Lines of libraries: on one line, and of an error only kind and place, as its text may quote anything."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        error = record.exc_info[1] if record.exc_info else None
        where = f" ({kind_and_place(error)})" if error else ""
        return f"{record.levelname} {record.name} {plain(record.getMessage())}{where}"


def configure(*, json: bool | None = None, level: str = "info", out: TextIO | None = None) -> None:
    """Send structured logs to `out` (standard error). `json` None: by whether that is a terminal."""
    stream = out or sys.stderr
    as_json = not stream.isatty() if json is None else json
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_known,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    # A tick that comes while one is on is left out on purpose: the rows say what is due, so nothing is missed.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Foreign())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
