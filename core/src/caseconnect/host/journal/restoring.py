"""What was there before ours: kept with `sending`, handed to the command that undoes, forgotten after it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from caseconnect.host.journal.codec import dump, load
from caseconnect.sdk.commands import UNDOING

_MAY_BE_THERE = """
SELECT 1 FROM commands c JOIN outcomes o ON o.key = c.key AND o.became = 'unknown'
WHERE c.slot = :slot AND (:since IS NULL OR o.at > :since) LIMIT 1
"""


def keep(db: sqlite3.Connection, key: str, before: Mapping[str, Any]) -> None:
    """Keep what a read showed just before the command is sent, unless that may be ours already."""
    slot, value = db.execute("SELECT slot, value FROM commands WHERE key=?", (key,)).fetchone()
    if not before or slot is None or value in UNDOING:
        return
    ours, since, kept = _row(db, slot)
    if ours or (kept is not None and db.execute(_MAY_BE_THERE, {"slot": slot, "since": since}).fetchone()):
        return
    _write(db, slot, dump(before))


def settled(db: sqlite3.Connection, key: str) -> None:
    """The command's value is there: an undoing one ends what was kept; of another its own word counts at last."""
    slot, value, data = db.execute("SELECT slot, value, data FROM commands WHERE key=?", (key,)).fetchone()
    ours, _, kept = _row(db, slot)
    if value in UNDOING:
        forget(db, slot)
    elif kept is None and not ours and (before := load(data).get("before")):
        _write(db, slot, dump(before))


def forget(db: sqlite3.Connection, slot: str) -> None:
    """Nothing of ours is there: what is there now is what would be restored."""
    db.execute("UPDATE slots SET before=NULL WHERE slot=?", (slot,))


def _row(db: sqlite3.Connection, slot: str) -> tuple[bool, str | None, str | None]:
    """(something of ours is confirmed, since when, what was before)."""
    row = db.execute("SELECT confirmed, confirmed_at, before FROM slots WHERE slot=?", (slot,)).fetchone()
    confirmed, since, kept = row or (None, None, None)
    return confirmed is not None and confirmed not in UNDOING, since, kept


def _write(db: sqlite3.Connection, slot: str, before: str) -> None:
    db.execute(
        "INSERT INTO slots (slot, before) VALUES (?,?) ON CONFLICT DO UPDATE SET before=excluded.before",
        (slot, before),
    )
