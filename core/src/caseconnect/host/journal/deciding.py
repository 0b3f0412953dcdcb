"""Verbs of deciding: what is ready, what a matter looks like, and the one commit of a verdict."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from caseconnect.host.journal import closing, slots
from caseconnect.host.journal.alerts import alert
from caseconnect.host.journal.codec import Squeezer, dump, load, stamp, unstamp
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.intake import subject_of
from caseconnect.host.journal.planning import plan
from caseconnect.host.journal.records import (
    AddedFinding,
    DecidedBy,
    MatterKey,
    MatterRow,
    NewAlert,
    StoredEvent,
    Verdict,
)
from caseconnect.host.journal.settling import release_followers
from caseconnect.host.journal.slots import observe
from caseconnect.sdk.decisions import ActedOn, CommandState, Finding
from caseconnect.sdk.events import EVENTS
from caseconnect.sdk.subjects import Subject

_MATTER = (
    "id, tenant, subject, topic, item, observe, episode, mode, state, owner, reference, uses, findings, cases,"
    " case_subject, case_number, case_url, stage, acted_on, opened_at, closed_at"
)


_READY = """
SELECT seq, lane, type, body, tries, replayed, seen FROM (
    SELECT seq, lane, type, body, tries, replayed, seen FROM events
    WHERE state = 'ready' AND tenant = :tenant ORDER BY seq LIMIT :limit)
UNION ALL SELECT seq, lane, type, body, tries, replayed, seen FROM (
    SELECT seq, lane, type, body, tries, replayed, seen FROM events
    WHERE state = 'waiting' AND tenant = :tenant AND due <= :now ORDER BY due LIMIT :limit)
ORDER BY seq
"""
_WAITING_LANES = "SELECT DISTINCT lane FROM events WHERE state = 'waiting' AND tenant = ? AND due > ?"


def ready_events(db: sqlite3.Connection, tenant: str, now: datetime, limit: int) -> list[StoredEvent]:
    """Events of a tenant whose turn may be now, oldest first.

    A lane with an event that waits has no turn until that is due; what else came for it folds into it then.
    """
    waiting = {lane for (lane,) in db.execute(_WAITING_LANES, (tenant, stamp(now)))}
    ready = _READY if not waiting else _READY.replace("ORDER BY seq LIMIT", _NOT_WAITING + " ORDER BY seq LIMIT", 1)
    rows = db.execute(ready, {"tenant": tenant, "now": stamp(now), "limit": limit})
    return [_event(seq, tenant, *row) for seq, *row in rows if row[0] not in waiting]


_NOT_WAITING = (
    "AND NOT EXISTS (SELECT 1 FROM events w WHERE w.tenant = events.tenant AND w.lane = events.lane"
    " AND w.state = 'waiting' AND +w.due > :now)"
)


def _event(seq: int, tenant: str, lane: str, kind: str, body: str, tries: int, replayed: int, seen: int) -> StoredEvent:
    known = EVENTS.get(kind)
    try:
        event = known.model_validate_json(body) if known else None
    except ValidationError:  # written by a program that knows more of it: parked, like an unknown type
        event = None
    return StoredEvent(seq, tenant, Subject.parse(lane), event, tries, kind, bool(replayed), bool(seen))


def put_off(db: sqlite3.Connection, seqs: Iterable[int], state: str, reason: str, due: datetime) -> None:
    """Let events wait until `due`, or park them (state 'parked')."""
    for seq in seqs:
        db.execute(
            "UPDATE events SET state=?, reason=?, due=?, tries=tries+1 WHERE seq=? AND state IN ('ready', 'waiting')",
            (state, reason, stamp(due), seq),
        )


def decided(db: sqlite3.Connection, squeezer: Squeezer, verdict: Verdict) -> list[str]:
    """Write a verdict: events done, decision, matters, commands, timers. The keys of the new commands.

    `Conflict` when one of the events is not open any more, or the lane was moved by an alias learned meanwhile.
    """
    if subject_of(db, verdict.tenant, verdict.lane) != verdict.lane:
        raise Conflict(f"{verdict.lane} is known under another name now: decide again in that lane")
    facts = _facts(verdict) if verdict.asks or verdict.matters else None
    cursor = db.execute(
        "INSERT INTO decisions (tenant, lane, at, answers, facts) VALUES (?,?,?,?,?)",
        (verdict.tenant, str(verdict.lane), stamp(verdict.at), dump([_answer(a) for a in verdict.answers]))
        + (squeezer.squeeze(facts) if facts else None,),
    )
    for seq in verdict.events:
        done = db.execute(
            "UPDATE events SET state='done', decision=? WHERE seq=? AND state IN ('ready', 'waiting')",
            (cursor.lastrowid, seq),
        )
        if done.rowcount != 1:
            raise Conflict(f"event {seq} was decided already")
    for label in verdict.labels:
        named = (label, verdict.tenant, str(verdict.lane))
        db.execute("INSERT INTO labels VALUES (?,?,?) ON CONFLICT DO NOTHING", named)
    for seen in verdict.observed:
        observe(db, verdict.tenant, seen, verdict.at)
    ending = [m for m in verdict.matters if m.state == "closed"]
    for matter in verdict.matters:
        save_matter(db, matter, state="open" if matter in ending else matter.state)
    planned = [plan(db, squeezer, verdict.tenant, ask, verdict.at, verdict.slot_limit) for ask in verdict.asks]
    for matter_id in sorted({ask.matter for ask in verdict.asks}.union(*(overtaken for _, overtaken in planned))):
        release_followers(db, matter_id, verdict.at)
    for answer in verdict.answers:
        _timers(db, verdict, answer)
    for matter in ending:
        _close(db, matter, verdict.at)
    if verdict.observed:
        closing.review(db, verdict.tenant, verdict.at, closing.UNCLAIMED)
    _alerts(db, verdict)
    return [key for key, _ in planned if key]


def _alerts(db: sqlite3.Connection, verdict: Verdict) -> None:
    """After matters were closed: what is told in the same verdict is not over with them."""
    for answer in verdict.answers:
        if answer.alert:
            cause = f"{answer.use}:{answer.alert[:80]}"
            alert(db, NewAlert(verdict.tenant, cause, answer.alert, str(verdict.lane)), verdict.at)


def _facts(verdict: Verdict) -> bytes:
    return dump([[kind, str(subject), fact.model_dump(mode="json")] for kind, subject, fact in verdict.facts]).encode()


def _answer(answer: DecidedBy) -> dict[str, Any]:
    told: dict[str, Any] = {"use": answer.use, "reason": answer.reason}
    if answer.matter:
        told["matter"] = answer.matter
    if answer.decision:
        told["decision"] = answer.decision
    return told


def _timers(db: sqlite3.Connection, verdict: Verdict, answer: DecidedBy) -> None:
    whose = (verdict.tenant, str(verdict.lane), answer.use, answer.item)
    for name in answer.cancel_timers:
        db.execute("DELETE FROM timers WHERE tenant=? AND lane=? AND use=? AND item=? AND name=?", (*whose, name))
    for timer in answer.timers:
        db.execute(
            "INSERT INTO timers VALUES (?,?,?,?,?,?,?)"
            " ON CONFLICT DO UPDATE SET due=excluded.due, matter=excluded.matter",
            (*whose, timer.name, answer.matter or "", stamp(timer.due)),
        )


def _close(db: sqlite3.Connection, matter: MatterRow, now: datetime) -> None:
    """A matter cannot close while it claims a hold: then it stays open and a person is told."""
    claim = db.execute("SELECT slot FROM claims WHERE matter=? LIMIT 1", (matter.id,)).fetchone()
    if claim:
        title = f"{matter.reference} was to be closed but for it {slots.told(claim[0])}: undo that first"
        alert(db, NewAlert(matter.key.tenant, closing.HELD, title, matter.id), now)
        return
    db.execute("UPDATE matters SET state='closed', closed_at=? WHERE id=?", (stamp(now), matter.id))
    db.execute("DELETE FROM timers WHERE matter=?", (matter.id,))
    closing.matter_closed(db, matter.key.tenant, matter.id, {matter.owner, *matter.uses}, now)


def save_matter(db: sqlite3.Connection, matter: MatterRow, *, state: str) -> None:
    """Insert a matter or change what deciding owns of it. Its case is written by what opened it."""
    key = matter.key
    findings = [{"by": f.by, **f.finding.model_dump(mode="json")} for f in matter.findings]
    row: tuple[Any, ...] = (
        matter.id,
        key.tenant,
        str(key.subject),
        key.topic,
        key.item,
        key.observe,
        matter.episode,
        matter.mode,
        state,
    )
    row += (matter.owner, matter.reference, dump(matter.uses), dump(findings), matter.cases)
    row += (matter.case and str(matter.case), matter.case_number, matter.case_url, matter.stage)
    row += (
        matter.acted_on and matter.acted_on.model_dump_json(),
        stamp(matter.opened_at) if matter.opened_at else None,
    )
    db.execute(
        f"INSERT INTO matters ({_MATTER}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,NULL)"  # noqa: S608 - constant columns
        " ON CONFLICT (id) DO UPDATE SET mode=excluded.mode, uses=excluded.uses, findings=excluded.findings,"
        " stage=excluded.stage,"
        " acted_on=excluded.acted_on",
        row,
    )


def _row(row: tuple[Any, ...]) -> MatterRow:
    (id_, tenant, subject, topic, item, observe_, episode, mode, state, owner, reference, uses, findings, cases) = row[
        :14
    ]
    case, number, url, stage, acted_on, opened_at, closed_at = row[14:]
    return MatterRow(
        id=id_,
        key=MatterKey(tenant, Subject.parse(subject), topic, item, bool(observe_)),
        episode=episode,
        mode=mode,
        state=state,
        owner=owner,
        reference=reference,
        uses=tuple(load(uses)),
        findings=tuple(AddedFinding(f.pop("by"), Finding.model_validate(f)) for f in load(findings)),
        cases=cases,
        case=Subject.parse(case) if case else None,
        case_number=number,
        case_url=url,
        stage=stage,
        acted_on=ActedOn.model_validate_json(acted_on) if acted_on else None,
        opened_at=unstamp(opened_at),
        closed_at=unstamp(closed_at) if closed_at else None,
    )


def episodes(db: sqlite3.Connection, key: MatterKey) -> list[MatterRow]:
    """All matters of a key, newest episode first."""
    rows = db.execute(
        f"SELECT {_MATTER} FROM matters WHERE tenant=? AND subject=? AND topic=?"  # noqa: S608 - as above
        " AND item=? AND observe=? ORDER BY episode DESC",
        (key.tenant, str(key.subject), key.topic, key.item, key.observe),
    )
    return [_row(row) for row in rows]


def matters_of(db: sqlite3.Connection, tenant: str, subject: Subject) -> list[MatterRow]:
    """All matters of a subject, newest first."""
    rows = db.execute(
        f"SELECT {_MATTER} FROM matters WHERE tenant=? AND subject=? ORDER BY opened_at DESC, episode DESC",  # noqa: S608 - as above
        (tenant, str(subject)),
    )
    return [_row(row) for row in rows]


def matter(db: sqlite3.Connection, id_: str) -> MatterRow | None:
    """The matter with that id."""
    row = db.execute(f"SELECT {_MATTER} FROM matters WHERE id=?", (id_,)).fetchone()  # noqa: S608 - as above
    return _row(row) if row else None


def matter_of_case(db: sqlite3.Connection, tenant: str, case: Subject) -> MatterRow | None:
    """The newest matter that is worked in that case."""
    row = db.execute(
        f"SELECT {_MATTER} FROM matters WHERE tenant=? AND case_subject=? ORDER BY opened_at DESC LIMIT 1",  # noqa: S608 - as above
        (tenant, str(case)),
    ).fetchone()
    return _row(row) if row else None


def matter_of_reference(db: sqlite3.Connection, tenant: str, reference: str) -> MatterRow | None:
    """The matter that our own reference names."""
    row = db.execute(
        f"SELECT {_MATTER} FROM matters WHERE tenant=? AND reference=?",  # noqa: S608 - as above
        (tenant, reference),
    ).fetchone()
    return _row(row) if row else None


def around(db: sqlite3.Connection, matter_id: str) -> tuple[tuple[CommandState, ...], frozenset[str], frozenset[str]]:
    """(commands, claimed fields, timers) of a matter."""
    commands = tuple(
        CommandState(*row)
        for row in db.execute(
            "SELECT kind, name, state, use, key FROM commands WHERE matter=? ORDER BY seq", (matter_id,)
        )
    )
    claims = frozenset(
        s.rsplit("|", 1)[1] for (s,) in db.execute("SELECT slot FROM claims WHERE matter=?", (matter_id,))
    )
    timers = frozenset(n for (n,) in db.execute("SELECT name FROM timers WHERE matter=?", (matter_id,)))
    return commands, claims, timers


def open_cases(db: sqlite3.Connection, tenant: str, connection: str) -> list[str]:
    """Ids of the cases of open matters on a connection, longest unseen first."""
    rows = db.execute(
        "SELECT case_subject FROM matters WHERE tenant=? AND state='open' AND case_subject IS NOT NULL ORDER"
        " BY opened_at",
        (tenant,),
    )
    found = [Subject.parse(text) for (text,) in rows]
    return list(dict.fromkeys(s.id for s in found if s.connection == connection))
