"""What is written down of a command besides its state: a line of its history, and word to its matter's owner."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from caseconnect.host.journal.codec import dump, stamp
from caseconnect.host.journal.intake import add_event
from caseconnect.host.journal.records import Resolved
from caseconnect.sdk.commands import COMMANDS
from caseconnect.sdk.events import CommandSettled
from caseconnect.sdk.subjects import Subject

MONEY = ", ".join(f"'{kind}'" for kind, command in sorted(COMMANDS.items()) if command.money)
"""Kinds of commands that give value, for SQL."""

DOUBTFUL = (
    f"(state = 'planned' AND attempt > 0 AND kind IN ({MONEY}) AND EXISTS (SELECT 1 FROM outcomes o"  # noqa: S608 - constant kinds
    " WHERE o.key = commands.key AND o.became IN ('unknown', 'accepted')))"
)
"""A row of `commands` that gives value, and that a person planned again: the attempt before may have had its effect."""


def record(
    db: sqlite3.Connection,
    key: str,
    attempt: int,
    was: str,
    became: str,
    note: str,
    data: dict[str, Any],
    by: str,
    now: datetime,
) -> int:
    """One line of the command's history."""
    row = (key, attempt, was, became, note, dump(data), by, stamp(now))
    cursor = db.execute(
        "INSERT INTO outcomes (key, attempt, was, became, note, data, by, at) VALUES (?,?,?,?,?,?,?,?)", row
    )
    return int(cursor.lastrowid or 0)


def tell(
    db: sqlite3.Connection, key: str, state: str, note: str, now: datetime, data: dict[str, Any] | None = None
) -> None:
    """Write `CommandSettled` to the lane of the command's matter, if commands of that kind are told."""
    row = db.execute(
        "SELECT c.kind, c.name, c.tenant, c.matter, m.subject, (SELECT max(o.seq) FROM outcomes o WHERE o.key = c.key)"
        " FROM commands c JOIN matters m ON m.id = c.matter WHERE c.key=?",
        (key,),
    ).fetchone()
    if row is None:
        return
    kind, name, tenant, matter, subject, number = row
    known = COMMANDS.get(kind)
    if known is None or not known.settles:
        return
    lane = Subject.parse(subject)
    event = CommandSettled.model_validate(
        {
            "id": f"settled-{number}",
            "source": "connect",
            "subject": lane,
            "time": now,
            "matter": matter,
            "key": key,
            "kind": kind,
            "name": name,
            "state": state,
            "note": note,
            "data": data or {},
        }
    )
    add_event(db, tenant, Resolved(event, lane), event.id, None, now)
