"""What waits for a person, for the console: bounded, with amounts and with what each blocks. Reads only."""

from __future__ import annotations

import sqlite3
from typing import Any

from pydantic import ValidationError

from caseconnect.host.journal import caps, storms
from caseconnect.host.journal.codec import expand, load
from caseconnect.host.journal.history import MONEY
from caseconnect.models.money import Money
from caseconnect.sdk.commands import CASE, COMMANDS, OpenCase

MOST = 1000
"""So many rows of one sort are read for a page; how many there are is counted apart."""

Rows = list[dict[str, Any]]

_COMMAND = """
SELECT c.seq, c.key, c.tenant, c.use, c.kind, c.name, c.connection, c.target, c.state, c.note, c.cap, c.attempt, c.due,
    c.created_at, c.updated_at, c.body, m.id AS matter, m.subject, m.reference, m.case_number, m.case_url
"""
_BLOCKS = """, (
    SELECT count(*) FROM commands f WHERE f.matter = c.matter AND f.waits = 1 AND f.state = 'planned' AND EXISTS (
        SELECT 1 FROM json_each(f.after) a WHERE a.value = c.kind || ':' || c.name
        OR (c.name = '' AND a.value = c.kind) OR (c.kind = :case_kind AND a.value = :case))) AS blocks
"""
_FROM = "FROM commands c JOIN matters m ON m.id = c.matter"
_PARKED = f"{_COMMAND}{_BLOCKS} {_FROM} WHERE c.state = 'parked' ORDER BY c.seq LIMIT :n"
_UNKNOWN = f"""
{_COMMAND}, 0 AS blocks FROM commands c INDEXED BY commands_open JOIN matters m ON m.id = c.matter
WHERE c.waits = 0 AND c.state IN ('planned', 'unknown', 'accepted') AND c.state IN ('unknown', 'accepted')
    AND c.kind IN ({MONEY}) ORDER BY c.seq LIMIT :n
"""
_REFUSED = f"""
{_COMMAND}, EXISTS (SELECT 1 FROM claims WHERE claims.matter = m.id) AS blocks {_FROM}
WHERE c.kind = 'OpenCase' AND c.state = 'refused' AND m.state = 'open' AND NOT EXISTS (
    SELECT 1 FROM commands n WHERE n.base = c.base AND n.generation > c.generation) ORDER BY c.created_at LIMIT :n
"""  # noqa: S608 - constant columns


def dicts(cursor: sqlite3.Cursor) -> Rows:
    """The rows by the names of their columns."""
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def worth_of(kind: str, body: bytes) -> Money | None:
    """What a stored command gives away; None when that is no amount, or its kind is not known to this program."""
    known = COMMANDS.get(kind)
    if known is None or not known.money:
        return None
    try:
        return known.model_validate_json(expand(body)).worth()
    except ValidationError:
        return None


def _commands(db: sqlite3.Connection, sql: str) -> Rows:
    rows = dicts(db.execute(sql, {"case_kind": OpenCase.kind, "case": CASE, "n": MOST}))
    for row in rows:
        row["worth"] = worth_of(row["kind"], row.pop("body"))
        row["money"] = row["kind"] in COMMANDS and COMMANDS[row["kind"]].money
    return rows


def waiting(db: sqlite3.Connection) -> dict[str, Rows]:
    """By sort what waits for a person, the first `MOST` of each, oldest first.

    parked: commands; unknown: money whose outcome is looked for; refused: cases that were not opened; deliveries and
    events that could not be read or decided on; brakes. Each command has `worth` (Money or None) and `blocks`.
    """
    limit = (MOST,)
    return {
        "parked": _commands(db, _PARKED),
        "unknown": _commands(db, _UNKNOWN),
        "refused": _commands(db, _REFUSED),
        "deliveries": dicts(
            db.execute(
                "SELECT seq, tenant, connection, topic, delivery_id, received_at, reason FROM deliveries"
                " WHERE state='parked' ORDER BY seq LIMIT ?",
                limit,
            )
        ),
        "events": dicts(
            db.execute(
                "SELECT seq, tenant, lane, type, at, reason FROM events WHERE state='parked' ORDER BY seq LIMIT ?",
                limit,
            )
        ),
        "brakes": dicts(
            db.execute(
                "SELECT tenant, scope, name, reason, by, at FROM brakes WHERE released_at IS NULL ORDER BY seq LIMIT ?",
                limit,
            )
        ),
    }


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """How many parked commands, deliveries and events there are in all."""
    return {
        table: int(db.execute(f"SELECT count(*) FROM {table} WHERE state='parked'").fetchone()[0])  # noqa: S608 - names of ours
        for table in ("commands", "deliveries", "events")
    }


def open_alerts(db: sqlite3.Connection) -> Rows:
    """Alerts that are open, oldest first."""
    return dicts(
        db.execute(
            "SELECT tenant, cause, title, link, first_at, last_at, count FROM alerts WHERE closed_at IS NULL"
            " ORDER BY first_at LIMIT ?",
            (MOST,),
        )
    )


def closed_alerts(db: sqlite3.Connection, before: int | None, limit: int) -> Rows:
    """Alerts that were closed, the newest first, those with a number below `before`."""
    return dicts(
        db.execute(
            "SELECT seq, tenant, cause, title, link, first_at, last_at, count, closed_at, closed_by, closed_reason"
            " FROM alerts WHERE closed_at IS NOT NULL AND seq < ? ORDER BY seq DESC LIMIT ?",
            (before or 1 << 62, limit),
        )
    )


_INCIDENTS = """
SELECT m.id, m.tenant, m.subject, m.state, m.stage, m.owner, m.findings, m.case_number, m.case_subject, m.case_url,
    m.opened_at, m.closed_at,
    (SELECT count(*) FROM asked_cases a WHERE a.incident = m.id) AS joined,
    (SELECT max(a.at) FROM asked_cases a WHERE a.incident = m.id) AS last_at,
    (SELECT count(*) FROM commands c WHERE c.state = 'parked' AND c.cap <> '' AND c.tenant = m.tenant
        AND c.cap = :cause || substr(m.subject, :after)) AS waiting
FROM matters m WHERE m.tenant = :tenant AND m.subject >= :first AND m.subject < :beyond
ORDER BY m.subject DESC LIMIT :n
"""


def incidents(db: sqlite3.Connection, tenant: str, limit: int) -> Rows:
    """A tenant's incidents, the newest first: how many joined, how many of them wait for a person."""
    place = f"{storms.HOST}/{storms.INCIDENT}"
    asked = {"tenant": tenant, "first": f"{place}/", "beyond": f"{place}0", "n": limit}
    rows = dicts(db.execute(_INCIDENTS, {**asked, "cause": caps.INCIDENT, "after": len(place) + 2}))
    for row in rows:
        row["findings"] = load(row["findings"])
    return rows


def members(db: sqlite3.Connection, incident: str, after: int, limit: int) -> Rows:
    """Who joined an incident, in order, and what became of the case that each asked for."""
    return dicts(
        db.execute(
            "SELECT a.seq, m.tenant, m.subject, c.key, c.state, c.note, a.at FROM asked_cases a"
            " JOIN commands c ON c.key = a.key JOIN matters m ON m.id = a.matter"
            " WHERE a.incident=? AND a.seq>? ORDER BY a.seq LIMIT ?",
            (incident, after, limit),
        )
    )


_BEHIND = """
SELECT c.kind, c.body FROM commands c JOIN brakes b ON b.tenant = c.tenant AND b.scope = :scope AND b.name = :name
    AND b.released_at IS NULL
WHERE c.waits = 0 AND c.state IN ('planned', 'unknown', 'accepted') AND c.tenant = :tenant AND (b.scope = 'tenant'
    OR (b.scope = 'flow' AND b.name = c.use) OR (b.scope IN ('connection', 'access') AND b.name = c.connection)
    OR (b.scope = 'command' AND b.name = c.kind)) LIMIT :n
"""


def behind(db: sqlite3.Connection, tenant: str, scope: str, name: str) -> list[Money | None]:
    """What each command that a pause keeps back gives away; of the first `MOST`."""
    asked = {"tenant": tenant, "scope": scope, "name": name, "n": MOST}
    return [worth_of(kind, body) for kind, body in db.execute(_BEHIND, asked)]
