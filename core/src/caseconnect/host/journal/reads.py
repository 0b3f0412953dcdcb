"""What people ask the journal: why, what is stuck, how much. Reads only; safe while `serve` runs."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from caseconnect.host.journal import deciding, storms
from caseconnect.host.journal.codec import dump, expand, load, stamp
from caseconnect.sdk.commands import CASE, OpenCase
from caseconnect.sdk.subjects import Subject

_STATES = {
    "deliveries": "SELECT state, count(*) FROM deliveries WHERE ? IN ('', tenant) GROUP BY state",
    "events": "SELECT state, count(*) FROM events WHERE ? IN ('', tenant) GROUP BY state",
    "commands": "SELECT state, count(*) FROM commands WHERE ? IN ('', tenant) GROUP BY state",
    "matters": "SELECT state, count(*) FROM matters WHERE ? IN ('', tenant) GROUP BY state",
}


def _dicts(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def counts(db: sqlite3.Connection, tenant: str = "") -> dict[str, dict[str, int]]:
    """How many deliveries, events, commands and matters are in each state, of one tenant or of all."""
    return {name: dict(db.execute(sql, (tenant,)).fetchall()) for name, sql in _STATES.items()}


def explain(db: sqlite3.Connection, tenant: str, subject: Subject, *, facts: bool = False) -> dict[str, Any]:
    """Everything known of a subject: deliveries, events, verdicts with reasons, matters, commands, outcomes."""
    row = db.execute("SELECT subject FROM aliases WHERE tenant=? AND alias=?", (tenant, str(subject))).fetchone()
    lane = row[0] if row else str(subject)
    aliases = [a for (a,) in db.execute("SELECT alias FROM aliases WHERE tenant=? AND subject=?", (tenant, lane))]
    names = dump([lane, *aliases])  # what was decided before an alias was learned stays under that name
    events = _dicts(
        db.execute(
            "SELECT e.seq, e.id, e.type, e.at, e.state, e.reason, e.decision, e.delivery, e.body, d.topic,"
            " d.delivery_id, d.received_at"
            " FROM events e LEFT JOIN deliveries d ON d.seq = e.delivery WHERE e.tenant=?"
            " AND e.lane IN (SELECT value FROM json_each(?)) ORDER BY e.seq",
            (tenant, names),
        )
    )
    for event in events:
        event["body"] = load(event["body"])
    decisions = _dicts(
        db.execute(
            "SELECT seq, at, answers FROM decisions WHERE tenant=?"
            " AND lane IN (SELECT value FROM json_each(?)) ORDER BY seq",
            (tenant, names),
        )
    )
    for decision in decisions:
        deciding.recall(db, decision, facts=facts)
    matters = _dicts(
        db.execute(
            "SELECT id, topic, item, episode, mode, state, owner, reference, findings, case_subject, case_number,"
            " case_url, stage, acted_on, opened_at, closed_at FROM matters WHERE tenant=?"
            " AND subject IN (SELECT value FROM json_each(?)) ORDER BY opened_at",
            (tenant, names),
        )
    )
    for matter in matters:
        matter["findings"] = load(matter["findings"])
        matter["acted_on"] = load(matter["acted_on"]) if matter["acted_on"] else None
        matter["commands"] = _commands(db, matter["id"])
        matter["incident"] = storms.joined(db, matter["id"])
        matter["members"] = storms.members(db, matter["id"])
        matter["claims"] = [s for (s,) in db.execute("SELECT slot FROM claims WHERE matter=?", (matter["id"],))]
        matter["timers"] = _dicts(
            db.execute("SELECT name, due FROM timers WHERE matter=? AND matter<>''", (matter["id"],))
        )
    return {
        "tenant": tenant,
        "subject": lane,
        "aliases": sorted(aliases),
        "events": events,
        "decisions": decisions,
        "matters": matters,
    }


def _commands(db: sqlite3.Connection, matter: str) -> list[dict[str, Any]]:
    commands = _dicts(
        db.execute(
            "SELECT key, kind, name, use, connection, target, state, note, cap, attempt, due, created_at, updated_at,"
            " data, body"
            " FROM commands WHERE matter=? ORDER BY seq",
            (matter,),
        )
    )
    for command in commands:
        command["data"] = load(command["data"])
        command["body"] = {k: v for k, v in load(expand(command["body"])).items() if k != "documents"}
        history = db.execute(
            "SELECT at, was, became, attempt, note, by FROM outcomes WHERE key=? ORDER BY seq", (command["key"],)
        )
        command["outcomes"] = _dicts(history)
    return commands


_PLACE = "substr(step, 1, instr(step, '/') + instr(substr(step, instr(step, '/') + 1), '/'))"
_KINDS = """
WITH RECURSIVE names (step) AS (
    SELECT (SELECT min({column}) FROM {table} WHERE tenant = :tenant)
    UNION ALL
    SELECT (SELECT min({column}) FROM {table} WHERE tenant = :tenant AND {column} > {place} || char(1114111))
    FROM names WHERE step IS NOT NULL LIMIT 200
)
SELECT {place} FROM names WHERE step IS NOT NULL
"""
"""Connection and kind of all subjects, as 'shop/order/': stepped over in the index, however many there are of each."""
_TENANTS = """
WITH RECURSIVE names (step) AS (
    SELECT min(tenant) FROM {table}
    UNION ALL
    SELECT (SELECT min(tenant) FROM {table} WHERE tenant > step) FROM names WHERE step IS NOT NULL
)
SELECT step FROM names WHERE step IS NOT NULL
"""

_PLACES = (("events", "lane"), ("aliases", "alias"), ("matters", "subject"))


def find(db: sqlite3.Connection, text: str, limit: int = 20) -> list[tuple[str, str]]:
    """(tenant, subject) that `text` may mean: a subject, its id, the number of an order or case, a reference.

    Answered by indexes alone, however much there is.
    """
    labels = "SELECT tenant, subject FROM labels WHERE label IN (?, ?)"
    found: list[tuple[str, str]] = db.execute(labels, (text, f"#{text}")).fetchall()
    found += db.execute("SELECT tenant, subject FROM matters WHERE case_number = ?", (text,)).fetchall()
    found += db.execute("SELECT tenant, subject FROM matters WHERE id = ?", (text,)).fetchall()
    tenants = {tenant: "" for table, _ in _PLACES for (tenant,) in db.execute(_TENANTS.format(table=table))}
    for tenant in tenants:
        reference = "SELECT tenant, subject FROM matters WHERE tenant = ? AND reference = ?"
        found += db.execute(reference, (tenant, text)).fetchall()
        found += _named(db, tenant, [text])
    for tenant in tenants if not found else ():
        found += _named(db, tenant, [f"{place}{text}" for place in _places(db, tenant)])
    return list(dict.fromkeys(found))[:limit]


def _places(db: sqlite3.Connection, tenant: str) -> list[str]:
    found = [
        place
        for table, column in _PLACES
        for (place,) in db.execute(_KINDS.format(table=table, column=column, place=_PLACE), {"tenant": tenant})
    ]
    return list(dict.fromkeys(found))


def _named(db: sqlite3.Connection, tenant: str, subjects: list[str]) -> list[tuple[str, str]]:
    """Those of `subjects` that are known, by the name of what they mean."""
    asked = (tenant, dump(subjects))
    found: list[tuple[str, str]] = []
    for told, table, column in (("lane", *_PLACES[0]), ("subject", *_PLACES[1]), ("subject", *_PLACES[2])):
        found += db.execute(
            f"SELECT DISTINCT tenant, {told} FROM {table} WHERE tenant = ?"  # noqa: S608 - names of ours
            f" AND {column} IN (SELECT value FROM json_each(?))",
            asked,
        ).fetchall()
    return found


_DELIVERIES = """
SELECT d.seq, d.tenant, d.connection, d.topic, d.delivery_id, d.received_at, d.polled, d.state, d.reason,
    (SELECT json_group_array(DISTINCT e.lane) FROM events e WHERE e.delivery = d.seq) AS subjects
FROM deliveries d
"""


def deliveries(db: sqlite3.Connection, text: str, limit: int = 30) -> list[dict[str, Any]]:
    """The newest deliveries that `text` may mean, also those of which no event was made, oldest first.

    It is the name of a connection, the id of a delivery as the platform gave it, `delivery:NUMBER`, or a subject that
    a parked or waiting one names. An ignored one names nobody: it is found by its connection or id.
    """
    places = db.execute("SELECT tenant, substr(name, 7) FROM firsts WHERE name LIKE 'start:%'").fetchall()
    rows: list[dict[str, Any]] = []
    for place in places:
        if text == place[1]:
            # In the order of arrival, not by the index: what is wanted is near the end of the table.
            newest = _DELIVERIES.replace("deliveries d", "deliveries d NOT INDEXED")
            newest += " WHERE d.tenant=? AND d.connection=? ORDER BY d.seq DESC LIMIT ?"
            rows += _dicts(db.execute(newest, (*place, limit)))
        same = _DELIVERIES + " WHERE d.tenant=? AND d.connection=? AND d.delivery_id=? LIMIT ?"
        rows += _dicts(db.execute(same, (*place, text, limit)))
    number = text.removeprefix("delivery:")
    if number != text and number.isascii() and number.isdigit() and len(number) < 19:
        rows += _dicts(db.execute(_DELIVERIES + " WHERE d.seq=?", (int(number),)))
    if "/" in text:
        for state in ("parked", "waiting"):
            naming = f"{_DELIVERIES} WHERE d.state='{state}' AND (instr(d.reason, ?) OR instr(d.reason, ?))"
            rows += _dicts(db.execute(naming + " ORDER BY d.seq DESC LIMIT ?", (f"{text} ", f"{text}:", limit)))
    for row in rows:
        row["subjects"] = load(row["subjects"])
    return sorted({row["seq"]: row for row in rows}.values(), key=lambda row: int(row["seq"]))


_PARKED = """
SELECT c.key, c.tenant, c.use, c.kind, c.name, c.target, c.note, c.updated_at, m.reference, (
    SELECT count(*) FROM commands f WHERE f.matter = c.matter AND f.waits = 1 AND f.state = 'planned' AND EXISTS (
        SELECT 1 FROM json_each(f.after) a WHERE a.value = c.kind || ':' || c.name
        OR (c.name = '' AND a.value = c.kind) OR (c.kind = :case_kind AND a.value = :case))) AS blocks
FROM commands c JOIN matters m ON m.id = c.matter WHERE c.state = 'parked' ORDER BY c.seq
"""


def stuck(db: sqlite3.Connection) -> dict[str, list[dict[str, Any]]]:
    """What waits for a person: open alerts, cases that were refused, parked deliveries, events and commands, brakes.

    Of refused cases those of open matters that were not asked again. `blocks`: how many commands wait for this one.
    """
    return {
        "alerts": _dicts(
            db.execute(
                "SELECT tenant, cause, title, link, first_at, last_at, count FROM alerts WHERE closed_at IS NULL"
                " ORDER BY seq"
            )
        ),
        "refused": _dicts(
            db.execute(
                "SELECT c.key, c.tenant, c.use, c.kind, c.note, c.updated_at, m.reference,"
                " EXISTS (SELECT 1 FROM claims WHERE claims.matter = m.id) AS held"
                " FROM matters m JOIN commands c ON c.matter = m.id"
                " WHERE m.state='open' AND c.kind=? AND c.state='refused' AND NOT EXISTS"
                " (SELECT 1 FROM commands n WHERE n.base = c.base AND n.generation > c.generation) ORDER BY c.seq",
                (OpenCase.kind,),
            )
        ),
        "deliveries": _dicts(
            db.execute(
                "SELECT seq, tenant, connection, topic, delivery_id, received_at, reason FROM deliveries"
                " WHERE state='parked' ORDER BY seq"
            )
        ),
        "events": _dicts(
            db.execute("SELECT seq, tenant, lane, type, at, reason FROM events WHERE state='parked' ORDER BY seq")
        ),
        "commands": _dicts(db.execute(_PARKED, {"case_kind": OpenCase.kind, "case": CASE})),
        "brakes": _dicts(
            db.execute("SELECT tenant, scope, name, reason, by, at FROM brakes WHERE released_at IS NULL ORDER BY seq")
        ),
    }


def delivered(db: sqlite3.Connection, tenant: str, connection: str, prefix: str) -> list[str]:
    """The ids of a connection's deliveries that begin with `prefix` and a dash."""
    rows = db.execute(  # a range, not LIKE: the index answers it
        "SELECT delivery_id FROM deliveries WHERE tenant=? AND connection=? AND delivery_id>? AND delivery_id<?",
        (tenant, connection, f"{prefix}-", f"{prefix}."),
    )
    return [name for (name,) in rows]


def alerts(db: sqlite3.Connection, after: datetime) -> list[dict[str, Any]]:
    """Open alerts that were opened or counted after a moment, oldest first."""
    return _dicts(
        db.execute(
            "SELECT tenant, cause, title, link, first_at, last_at, count FROM alerts"
            " WHERE closed_at IS NULL AND last_at > ? ORDER BY last_at",
            (stamp(after),),
        )
    )


_FLOWS = """
SELECT DISTINCT tenant, use FROM commands
UNION SELECT DISTINCT m.tenant, u.value FROM matters m, json_each(m.uses) u
"""
_CONNECTIONS = """
SELECT DISTINCT tenant, connection FROM deliveries UNION SELECT DISTINCT tenant, connection FROM commands
UNION SELECT tenant, connection FROM cursors WHERE connection NOT LIKE '%/%'
UNION SELECT tenant, connection FROM schedules
"""


def names(db: sqlite3.Connection) -> dict[str, dict[str, list[str]]]:
    """By tenant the names of flows and connections that rows have. A tenant that was ever started is there."""
    found: dict[str, dict[str, list[str]]] = {}
    for (tenant,) in db.execute("SELECT DISTINCT tenant FROM firsts"):
        found[tenant] = {"flow": [], "connection": []}
    for scope, rows in (("flow", _FLOWS), ("connection", _CONNECTIONS)):
        for tenant, name in db.execute(rows):
            found.setdefault(tenant, {"flow": [], "connection": []})[scope].append(name)
    return found
