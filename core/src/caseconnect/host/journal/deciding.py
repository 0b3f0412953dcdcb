"""Verbs of deciding: what is ready, what a matter looks like, and the one commit of a verdict."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from caseconnect.host.journal import closing, ending
from caseconnect.host.journal.alerts import alert
from caseconnect.host.journal.codec import Squeezer, digest, dump, expand, load, stamp
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.intake import add_event, learn, subject_of
from caseconnect.host.journal.matters import save_matter
from caseconnect.host.journal.planning import plan
from caseconnect.host.journal.records import DecidedBy, NewAlert, StoredEvent, Verdict
from caseconnect.host.journal.settling import release_followers, revoke
from caseconnect.host.journal.slots import observe
from caseconnect.sdk.events import EVENTS
from caseconnect.sdk.subjects import Subject

_READY = """
SELECT seq, lane, type, body, tries, replayed, seen FROM (
    SELECT seq, lane, type, body, tries, replayed, seen FROM events
    WHERE state = 'ready' AND tenant = :tenant AND lane NOT IN (SELECT value FROM json_each(:busy))
    ORDER BY seq LIMIT :limit)
UNION ALL SELECT seq, lane, type, body, tries, replayed, seen FROM (
    SELECT seq, lane, type, body, tries, replayed, seen FROM events
    WHERE state = 'waiting' AND tenant = :tenant AND due <= :now AND lane NOT IN (SELECT value FROM json_each(:busy))
    ORDER BY due LIMIT :limit)
ORDER BY seq
"""
_WAITING_LANES = "SELECT DISTINCT lane FROM events WHERE state = 'waiting' AND tenant = ? AND due > ?"


def ready_events(
    db: sqlite3.Connection, tenant: str, now: datetime, limit: int, busy: Iterable[Subject] = ()
) -> list[StoredEvent]:
    """Events of a tenant whose turn may be now, oldest first; none of the lanes in `busy`, which have their turn.

    A lane with an event that waits has no turn until that is due; what else came for it folds into it then.
    """
    waiting = {lane for (lane,) in db.execute(_WAITING_LANES, (tenant, stamp(now)))}
    ready = _READY if not waiting else _READY.replace("ORDER BY seq LIMIT", _NOT_WAITING + " ORDER BY seq LIMIT", 1)
    left_out = dump([str(lane) for lane in busy])
    rows = db.execute(ready, {"tenant": tenant, "now": stamp(now), "limit": limit, "busy": left_out})
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

    `Conflict` when one of the events is not open any more, the lane was moved by an alias learned meanwhile, or
    something that it revokes went out meanwhile.
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
    closed = [m for m in verdict.matters if m.state == "closed"]
    for matter in verdict.matters:
        save_matter(db, matter, state="open" if matter in closed else matter.state)
    revoked = {revoke(db, key, verdict.at) for key in verdict.revokes}
    planned = [plan(db, squeezer, verdict.tenant, ask, verdict.at, verdict.slot_limit) for ask in verdict.asks]
    for matter_id in sorted(
        revoked.union({ask.matter for ask in verdict.asks}, *(overtaken for _, overtaken in planned))
    ):
        release_followers(db, matter_id, verdict.at)
    for answer in verdict.answers:
        _timers(db, verdict, answer)
    for matter in closed:
        ending.close(db, squeezer, matter, verdict.at)
    if verdict.observed:
        closing.review(db, verdict.tenant, verdict.at, closing.UNCLAIMED)
    _alerts(db, verdict)
    for passed in verdict.passed_on:
        learn(db, verdict.tenant, passed.aliases, passed.lane, verdict.at)
        add_event(db, verdict.tenant, passed, passed.event.id, None, verdict.at)
    return [key for key, _ in planned if key]


def _alerts(db: sqlite3.Connection, verdict: Verdict) -> None:
    """After matters were closed: what is told in the same verdict is not over with them."""
    for answer in verdict.answers:
        if (answer.decision or {}).get("acted_on"):
            closing.acted(db, verdict.tenant, answer.use, verdict.lane, answer.item, verdict.at)
        if answer.alert:
            cause = f"{answer.use}:{answer.alert_kind or answer.alert[:80]}"
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


def recall(db: sqlite3.Connection, decision: dict[str, Any], *, facts: bool) -> None:
    """Add to a decision's row who had set the outcome that it acted on, and with `facts` all that was read for it."""
    decision["answers"] = load(decision["answers"])
    acts = any((answer.get("decision") or {}).get("acted_on") for answer in decision["answers"])
    read = _read(db, decision["seq"]) if facts or acts else []
    who = (one["record"].get("decided_by") for one in read if acts and one["fact"] == "case")
    decision["decided_by"] = next(who, None)
    if facts:
        decision["facts"] = read


def _read(db: sqlite3.Connection, decision: int) -> list[dict[str, Any]]:
    (kept,) = db.execute("SELECT facts FROM decisions WHERE seq=?", (decision,)).fetchone()
    return [
        {"fact": fact, "subject": subject, "sha256": digest(dump(record).encode()).hex(), "record": record}
        for fact, subject, record in (load(expand(kept)) if kept else ())
    ]
