"""Storms: of one exception no more than so many cases within a window; what comes beyond joins one incident.

Counted in the deciding commit, so that no two lanes pass the number together. A storm goes on while orders join, and
is over when a window went by in which none did. What joined is parked under the incident's one alert.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from caseconnect.host.journal import states
from caseconnect.host.journal.caps import INCIDENT as CAUSE
from caseconnect.host.journal.codec import expand, load, stamp, unstamp
from caseconnect.host.journal.matters import save_matter
from caseconnect.host.journal.records import AddedFinding, Ask, MatterKey, MatterRow
from caseconnect.host.journal.rules import StormRule
from caseconnect.models.base import Record, Utc
from caseconnect.sdk.commands import Command, OpenCase, digest_of
from caseconnect.sdk.decisions import Finding
from caseconnect.sdk.subjects import Subject

INCIDENT = "incident"
"""Topic of an incident's matter, kind of its subject, and the fact that tells who joined it."""

HOST = "connect"
"""Stands for the connection in the subject of what is the host's own."""

LIST = "list"
"""The timer that lists who joined. Comments that list are named `list:FIRST-LAST:TIME`."""

EVERY = timedelta(minutes=1)
_AT_ONCE = 1000


class Member(Record):
    """A matter that joined an incident, with the title of the case that it asked for."""

    subject: Subject
    title: str


class Incident(Record):
    """Who joined an incident. `unlisted`: those that no comment lists yet, the next of them; `listed` comes before."""

    exception: str
    total: int
    waiting: int
    listed: int
    unlisted: tuple[Member, ...]
    last_at: Utc


def weigh(
    db: sqlite3.Connection, tenant: str, ask: Ask, rule: StormRule, key: str, now: datetime
) -> tuple[Ask, Ask | None]:
    """Count a case that is asked for. Beyond the number it is parked; with it the incident's own, if that begins."""
    kind = (tenant, rule.use, rule.exception)
    since = stamp(now - rule.within)
    (asked,) = db.execute(
        "SELECT count(*) FROM asked_cases WHERE tenant=? AND use=? AND exception=? AND at > ?", (*kind, since)
    ).fetchone()
    incident: str | None = None
    begins: Ask | None = None
    if asked >= rule.cases:
        incident = _going_on(db, kind, since)
        if incident is None:
            begins = _begin(db, tenant, ask, rule, since, now)
            incident = begins.matter
        lane = _subject(db, incident)
        timer = (tenant, str(lane), rule.use, "", LIST, incident, stamp(now + EVERY))
        db.execute("INSERT INTO timers VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING", timer)
        note = f"{_words(rule)}: it joined {INCIDENT}:{lane.id}"
        ask = replace(ask, birth="parked", note=note, incident=lane.id)
    db.execute(
        "INSERT INTO asked_cases (tenant, use, exception, key, matter, at, incident) VALUES (?,?,?,?,?,?,?)",
        (*kind, key, ask.matter, stamp(now), incident),
    )
    return ask, begins


def _words(rule: StormRule) -> str:
    return f"more than {rule.cases} cases of {_readable(rule.exception)} ({rule.use}) in {rule.span}"


def _readable(exception: str) -> str:
    return exception.replace("_", " ") or "one kind"


def _going_on(db: sqlite3.Connection, kind: tuple[str, str, str], since: str) -> str | None:
    """The open incident that something joined within the window."""
    row = db.execute(
        "SELECT a.incident FROM asked_cases a JOIN matters m ON m.id = a.incident AND m.state = 'open'"
        " WHERE a.tenant=? AND a.use=? AND a.exception=? AND a.at > ? ORDER BY a.seq DESC LIMIT 1",
        (*kind, since),
    ).fetchone()
    return row[0] if row else None


def _begin(db: sqlite3.Connection, tenant: str, ask: Ask, rule: StormRule, since: str, now: datetime) -> Ask:
    """Write the incident's matter; what asks for its case."""
    mark = digest_of(tenant, rule.use, rule.exception, stamp(now))
    subject = Subject(HOST, INCIDENT, f"{now:%Y%m%d-%H%M%S}-{mark[:6]}")
    mode = db.execute("SELECT mode FROM matters WHERE id=?", (ask.matter,)).fetchone()[0]
    ground = digest_of(str(subject))
    finding = Finding(exception=rule.exception, ground=ground, summary=_words(rule), arose_at=now)
    row = MatterRow(
        id=digest_of(tenant, str(subject)),
        key=MatterKey(tenant, subject, INCIDENT),
        episode=1,
        mode=mode,
        state="open",
        owner=rule.use,
        reference=f"{rule.environment}/{subject}/1",
        uses=(rule.use,),
        findings=(AddedFinding(rule.use, finding),),
        cases=ask.connection,
        stage="storm",
        opened_at=now,
    )
    save_matter(db, row, state="open")
    former = db.execute(
        "SELECT c.body, m.subject FROM asked_cases a JOIN commands c ON c.key = a.key JOIN matters m ON m.id = a.matter"
        " WHERE a.tenant=? AND a.use=? AND a.exception=? AND a.at > ? AND a.incident IS NULL ORDER BY a.seq LIMIT ?",
        (tenant, rule.use, rule.exception, since, rule.cases),
    )
    bodies = [(load(expand(body)), Subject.parse(of)) for body, of in former]
    command = _case(ask.command, rule, row, bodies, _subject(db, ask.matter))
    return Ask(row.id, rule.use, command, ask.connection, "planned", ground)


def _case(
    asked: Command, rule: StormRule, row: MatterRow, former: Iterable[tuple[dict[str, Any], Subject]], first: Subject
) -> OpenCase:
    """The incident's case. It goes where the others go: definition, owner and attributes are those that all have."""
    bodies = list(former)
    mine = asked.model_dump()
    attributes = {
        name: text
        for name, text in mine.get("attributes", {}).items()
        if all(body.get("attributes", {}).get(name) == text for body, _ in bodies)
    }
    said = f"connect resolve {INCIDENT}:{row.key.subject.id}"
    lines = [
        f"Connect found {_words(rule)}. Further orders get no case of their own while this goes on: comments here list"
        " them, and an outcome of this case is not carried out on them. When the cause is known, a person says what"
        f" becomes of them: `{said} --open SUBJECT` (or --all) opens their own cases, `{said} --close` ends them"
        " with this one.",
        "",
        f"The first that has no case of its own: {mine.get('title', '')} ({first})",
    ]
    if bodies:
        lines += ["", "Before it, with cases of their own:", *(f"- {body.get('title')} ({of})" for body, of in bodies)]
    return OpenCase(
        title=f"Storm: {_readable(rule.exception)}: more than {rule.cases} cases in {rule.span}",
        description="\n".join(lines),
        definition=mine.get("definition", ""),
        owner=mine.get("owner", ""),
        priority="urgent",
        attributes=attributes,
        reference=row.reference,
    )


def _subject(db: sqlite3.Connection, matter: str) -> Subject:
    return Subject.parse(db.execute("SELECT subject FROM matters WHERE id=?", (matter,)).fetchone()[0])


def incident(db: sqlite3.Connection, tenant: str, subject: Subject) -> Incident | None:
    """Who joined the incident of that subject; None if there is none."""
    found = db.execute(
        "SELECT m.id, max(a.at), max(a.exception), count(*), sum(c.state = 'parked' AND c.cap = ?)"
        " FROM matters m JOIN asked_cases a ON a.incident = m.id JOIN commands c ON c.key = a.key"
        " WHERE m.tenant=? AND m.subject=? AND m.topic=? GROUP BY m.id",
        (f"{CAUSE}{subject.id}", tenant, str(subject), INCIDENT),
    ).fetchone()
    if found is None:
        return None
    matter, last_at, exception, total, waiting = found
    names = db.execute(
        "SELECT name FROM commands WHERE matter=? AND kind='CommentCase' AND name LIKE ? AND state<>?",
        (matter, f"{LIST}:%", states.REFUSED),
    )
    listed = max((int(name.split(":")[1].split("-")[1]) for (name,) in names), default=0)
    rows = db.execute(
        "SELECT m.subject, c.body FROM asked_cases a JOIN commands c ON c.key = a.key JOIN matters m ON m.id = a.matter"
        " WHERE a.incident=? ORDER BY a.seq LIMIT ? OFFSET ?",
        (matter, _AT_ONCE, listed),
    )
    unlisted = tuple(Member(subject=Subject.parse(of), title=load(expand(body))["title"]) for of, body in rows)
    return Incident(
        exception=exception,
        total=total,
        waiting=waiting,
        listed=listed,
        unlisted=unlisted,
        last_at=unstamp(last_at),
    )


def joined(db: sqlite3.Connection, matter: str) -> dict[str, Any] | None:
    """The incident that a matter joined, for people."""
    row = db.execute(
        "SELECT m.subject, m.state, m.case_subject, m.case_number, m.case_url FROM asked_cases a"
        " JOIN matters m ON m.id = a.incident WHERE a.matter=? AND a.incident IS NOT NULL ORDER BY a.seq DESC LIMIT 1",
        (matter,),
    ).fetchone()
    return dict(zip(("subject", "state", "case_subject", "case_number", "case_url"), row, strict=True)) if row else None


def members(db: sqlite3.Connection, matter: str) -> list[dict[str, Any]]:
    """The subjects that joined an incident, in their order, and what became of the case that each asked for."""
    rows = db.execute(
        "SELECT m.subject, c.key, c.state FROM asked_cases a JOIN commands c ON c.key = a.key"
        " JOIN matters m ON m.id = a.matter WHERE a.incident=? ORDER BY a.seq",
        (matter,),
    )
    return [dict(zip(("subject", "key", "state"), row, strict=True)) for row in rows]
