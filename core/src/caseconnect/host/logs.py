"""Logs: one line an event, for people on a terminal, JSON otherwise. Values are ids and reasons, never records."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog


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
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    # A tick that comes while one is on is left out on purpose: the rows say what is due, so nothing is missed.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.basicConfig(stream=stream, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
