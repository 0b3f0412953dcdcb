"""The one table of command states. Every write is checked against it; a figure in docs is made from it."""

from __future__ import annotations

from caseconnect.host.journal.errors import Conflict

NEW = "new"
PLANNED, SENDING, ACCEPTED, UNKNOWN = "planned", "sending", "accepted", "unknown"
DONE, REFUSED, SUPERSEDED, WITHHELD, PARKED = "done", "refused", "superseded", "withheld", "parked"

TRANSITIONS: dict[str, frozenset[str]] = {
    NEW: frozenset({PLANNED, WITHHELD, PARKED, DONE}),
    PLANNED: frozenset({SENDING, SUPERSEDED, REFUSED, PARKED, DONE}),
    SENDING: frozenset({DONE, ACCEPTED, REFUSED, UNKNOWN, PLANNED}),
    UNKNOWN: frozenset({SENDING, DONE, PLANNED, PARKED}),
    ACCEPTED: frozenset({DONE, REFUSED, PARKED}),
    PARKED: frozenset({PLANNED, DONE, REFUSED}),
    DONE: frozenset(),
    REFUSED: frozenset(),
    SUPERSEDED: frozenset(),
    WITHHELD: frozenset(),
}

OPEN = (PLANNED, SENDING, ACCEPTED, UNKNOWN)
"""States in which something is still to be done without a person."""

SETTLED = (DONE, REFUSED, PARKED)
"""States that are told to the matter's owner."""


def check(was: str, becomes: str, key: str) -> None:
    """Raise `Conflict` unless a command may go from `was` to `becomes`."""
    if becomes not in TRANSITIONS[was]:
        allowed = ", ".join(sorted(TRANSITIONS[was])) or "nothing: it has ended"
        raise Conflict(f"command {key} is {was} and may become {allowed}; not {becomes}")
