"""Which alerts close by themselves, and when: once nothing that they name needs a person any more."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from datetime import datetime

from caseconnect.host.journal import slots, states
from caseconnect.host.journal.alerts import MORE, close_alert, joined, links_of
from caseconnect.host.journal.intake import subject_of
from caseconnect.sdk.commands import COMMANDS, HOLD, OpenCase
from caseconnect.sdk.commands import HELD as VALUE_HELD
from caseconnect.sdk.decisions import IMPOSSIBLE, REFUSED, UNMAPPED, matter_name
from caseconnect.sdk.subjects import Subject

BROKE = "broke:"
"""Begins the cause of an alert about commands that broke on their way; their kind follows."""

PARKED = "parked:"
"""Begins the cause of an alert about parked commands; their kind follows."""

HELD, TWINS, UNCLAIMED = "close:held", "matters:twins", "held:unclaimed"
"""Other causes that end by themselves: what they name is a matter, a matter, and an order."""

Over = Callable[[sqlite3.Connection, str, str], bool]


def matter_closed(db: sqlite3.Connection, tenant: str, matter: str, uses: Collection[str], now: datetime) -> None:
    """A matter was closed: end what was told of it. `uses` are its use cases, whose alerts name its subject."""
    review(db, tenant, now, REFUSED, HELD, TWINS)
    subject = db.execute("SELECT subject FROM matters WHERE id=?", (matter,)).fetchone()[0]
    still = db.execute(
        "SELECT 1 FROM matters WHERE tenant=? AND subject=? AND state='open' LIMIT 1", (tenant, subject)
    ).fetchone()
    if not still:
        causes = [cause for use in uses for cause in (f"{use}:", f"mode:{use}")]
        review(db, tenant, now, *causes, over=lambda _db, _tenant, link: link == subject)


def acted(db: sqlite3.Connection, tenant: str, use: str, lane: Subject, item: str, now: datetime) -> None:
    """An outcome of a matter was acted on: that an earlier one was mapped to nothing, or lacked something, is over."""
    review(db, tenant, now, f"{use}:{UNMAPPED}", over=lambda _db, _tenant, link: link == str(lane))
    close_alert(db, tenant, f"{use}:{IMPOSSIBLE}{matter_name(lane, item)}", now)


def settled(db: sqlite3.Connection, tenant: str, kind: str, was: str, becomes: str, now: datetime) -> None:
    """A command's state changed: the alert that its kind is parked, or that one broke, may be over."""
    if was == states.PARKED:
        waiting = "SELECT 1 FROM commands WHERE state='parked' AND kind=? AND tenant=? AND cap='' LIMIT 1"
        if db.execute(waiting, (kind, tenant)).fetchone() is None:
            close_alert(db, tenant, f"{PARKED}{kind}", now)
    broken = "SELECT 1 FROM alerts WHERE tenant=? AND cause=? AND closed_at IS NULL"
    if becomes not in states.OPEN and db.execute(broken, (tenant, f"{BROKE}{kind}")).fetchone():
        review(db, tenant, now, f"{BROKE}{kind}", over=_command_ended)


def _command_ended(db: sqlite3.Connection, tenant: str, key: str) -> bool:
    row = db.execute("SELECT state FROM commands WHERE key=?", (key,)).fetchone()
    return row is not None and row[0] not in states.OPEN


def review(db: sqlite3.Connection, tenant: str, now: datetime, *causes: str, over: Over | None = None) -> None:
    """Look again at the open alerts whose cause begins with one of `causes`: what is over is not named any more.

    An alert that names nothing more closes. What is not known any more is left to a person.
    """
    rows = db.execute("SELECT seq, cause, link FROM alerts WHERE tenant=? AND closed_at IS NULL", (tenant,))
    for seq, cause, link in rows.fetchall():
        if not cause.startswith(causes):
            continue
        links, ended = links_of(link), over or _OVER[cause if cause in _OVER else REFUSED]
        left = [one for one in links if one == MORE or not ended(db, tenant, one)]
        _, refused, kind = cause.rpartition(REFUSED)
        if left == [MORE] and refused and kind in COMMANDS and not _any_refused(db, tenant, kind):
            left = []
        if links and not left:
            close_alert(db, tenant, cause, now)
        elif left != links:
            db.execute("UPDATE alerts SET link=? WHERE seq=?", (joined(left), seq))


def _refusal_over(db: sqlite3.Connection, tenant: str, key: str) -> bool:
    """It was asked again, or its matter was closed: after the refusal, if it was of something else than the case."""
    row = db.execute(
        "SELECT m.state = 'closed' AND (c.kind = ? OR m.closed_at > c.updated_at) OR EXISTS ("
        "SELECT 1 FROM commands n WHERE n.base = c.base AND n.generation > c.generation)"
        " FROM commands c JOIN matters m ON m.id = c.matter WHERE c.key=?",
        (OpenCase.kind, key),
    ).fetchone()
    return row is not None and bool(row[0])


def _any_refused(db: sqlite3.Connection, tenant: str, kind: str) -> bool:
    found = db.execute(
        "SELECT 1 FROM matters m JOIN commands c ON c.matter = m.id WHERE m.tenant=? AND m.state='open' AND c.kind=?"
        " AND c.state='refused'"
        " AND NOT EXISTS (SELECT 1 FROM commands n WHERE n.base = c.base AND n.generation > c.generation) LIMIT 1",
        (tenant, kind),
    )
    return found.fetchone() is not None


def _matter_closed(db: sqlite3.Connection, tenant: str, matter: str) -> bool:
    return db.execute("SELECT 1 FROM matters WHERE id=? AND state='closed'", (matter,)).fetchone() is not None


def _twins_over(db: sqlite3.Connection, tenant: str, matter: str) -> bool:
    row = db.execute("SELECT subject, topic, item, observe, state FROM matters WHERE id=?", (matter,)).fetchone()
    if row is None:
        return False
    subject, topic, item, observe, state = row
    root = str(subject_of(db, tenant, Subject.parse(subject)))
    other = db.execute(
        "SELECT 1 FROM matters WHERE tenant=? AND subject=? AND topic=? AND item=? AND observe=? AND state='open'"
        " AND id<>?",
        (tenant, root, topic, item, observe, matter),
    ).fetchone()
    return state == "closed" or other is None


def _hold_over(db: sqlite3.Connection, tenant: str, order: str) -> bool:
    """A person took it off, or a matter claims it again."""
    slot = slots.name_of(tenant, order.partition("/")[0], order, HOLD)
    claimed = db.execute("SELECT 1 FROM claims WHERE slot=?", (slot,)).fetchone()
    return slots.confirmed(db, slot) != VALUE_HELD or claimed is not None


_OVER: dict[str, Over] = {
    REFUSED: _refusal_over,
    HELD: _matter_closed,
    TWINS: _twins_over,
    UNCLAIMED: _hold_over,
}
