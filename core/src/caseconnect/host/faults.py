"""Faults in words: kind and place. Texts of foreign exceptions may quote records, so they are shown nowhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from traceback import walk_tb
from types import FrameType

from caseconnect.sdk.errors import ConnectError

_DEEP = 3
_NOT_OURS = frozenset({*sys.stdlib_module_names, "uvloop"}) - {"__main__"}


def told(error: BaseException) -> str:
    """Our own errors with their text, which is made for people; any other with kind and place only."""
    if isinstance(error, ConnectError):
        return str(error)
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(told(inner) for inner in error.exceptions)
    return kind_and_place(error)


def kind_and_place(error: BaseException) -> str:
    """`KeyError at caseconnect_x.rules:41 < …`: the innermost places first."""
    frames = list(walk_tb(error.__traceback__))
    return f"{type(error).__name__} at {places(reversed(frames))}"


def places(frames: Iterable[tuple[FrameType, int]]) -> str:
    """The first places (module:line) outside the standard library; within it where there is no other."""
    found = [(str(frame.f_globals.get("__name__", "?")), line) for frame, line in frames]
    ours = [place for place in found if place[0].partition(".")[0] not in _NOT_OURS]
    return " < ".join(f"{module}:{line}" for module, line in (ours or found)[:_DEEP]) or "unknown"
