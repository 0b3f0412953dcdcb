"""How an asked command becomes a row: its key, its generation, its slot and claim, its counter.

All of it happens in the deciding commit, so that two decisions never plan the same effect twice.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from caseconnect.host.journal import caps, closing, counters, slots, states, storms
from caseconnect.host.journal.alerts import alert
from caseconnect.host.journal.codec import Squeezer, dump, expand, stamp
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.history import MONEY, record, tell
from caseconnect.host.journal.records import Ask, NewAlert
from caseconnect.host.journal.rules import FREE, CapRule
from caseconnect.host.journal.slots import Birth
from caseconnect.sdk.commands import CASE, COMMANDS, HELD, RELEASED, CancelOrder, OpenCase
from caseconnect.sdk.decisions import REFUSED

_GENERATION = re.compile(r"(?<!~)~\d+$")
_INSERT = (
    "INSERT INTO commands (key, base, generation, tenant, matter, use, kind, name, connection, target,"
    " slot, value, after,"
    " body, ground, protective, waits, state, due, note, created_at, updated_at, cap)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)


def plan(
    db: sqlite3.Connection, squeezer: Squeezer, tenant: str, ask: Ask, now: datetime, slot_limit: int
) -> tuple[str | None, set[str]]:
    """Write the command unless it is the same as one that is there; its key, or None.

    With it the matters whose planned commands it overtook: others may have waited for those.
    """
    command = ask.command
    named = (ask.matter, command.kind, command.name.replace("~", "~~"), command.approval() if command.money else "")
    base = ":".join(filter(None, named))
    generation = _next_generation(db, base, ask, *_slot(tenant, ask))
    if generation is None:
        return None, set()
    if command.money and ask.birth == states.PLANNED and (doubt := _doubt(db, base, ask)):
        ask = replace(ask, birth="parked", note=doubt)
    if ask.storm and ask.birth == states.PLANNED:
        ask, begins = storms.weigh(db, tenant, ask, ask.storm, _key(base, generation), now)
        if begins:
            _write(db, squeezer, tenant, begins, f"{begins.matter}:{OpenCase.kind}", 1, now, slot_limit)
    return _write(db, squeezer, tenant, ask, base, generation, now, slot_limit)


def _key(base: str, generation: int) -> str:
    return base if generation == 1 else f"{base}~{generation}"


def base_of(key: str) -> str:
    """What the generations of one command have in common: its key without `~2`; a `~` of its name is doubled."""
    return _GENERATION.sub("", key)


def _doubt(db: sqlite3.Connection, base: str, ask: Ask) -> str | None:
    """Why a person has to look before this moves money: the same was asked for with another approval, or before."""
    named = (ask.matter, ask.command.kind, ask.command.name)
    over = "('refused', 'superseded', 'withheld')"
    other = db.execute(
        f"SELECT key, state FROM commands WHERE matter=? AND kind=? AND name=? AND base<>? AND state NOT IN {over}",  # noqa: S608 - constant states
        (*named, base),
    ).fetchone()
    if other:
        return f"changed after {other[0]} was asked for, which is {other[1]}: a person decides"
    former = db.execute(
        "SELECT c.key, c.state FROM matters m JOIN matters e ON e.tenant = m.tenant AND e.subject = m.subject"  # noqa: S608 - as above
        " AND e.topic = m.topic AND e.item = m.item AND e.observe = m.observe AND e.id <> m.id"
        " JOIN commands c ON c.matter = e.id AND c.base = e.id || ?"
        f" WHERE m.id = ? AND c.state NOT IN {over}",
        (base.removeprefix(ask.matter), ask.matter),
    ).fetchone()
    if former:
        return f"the same was approved before, as {former[0]}, which is {former[1]}: a person decides"
    beside = db.execute(
        "SELECT c.kind, e.topic, coalesce(e.case_number, e.id), c.state FROM matters m JOIN matters e"  # noqa: S608 - as above
        " ON e.tenant = m.tenant AND e.subject = m.subject AND e.observe = m.observe AND e.topic <> m.topic"
        f" JOIN commands c ON c.matter = e.id AND c.kind IN ({MONEY}) WHERE m.id = ? AND c.state NOT IN {over}",
        (ask.matter,),
    ).fetchone()
    if beside:
        kind, topic, case, state = beside
        return (
            f"{topic} {case} gives for the same order, too ({kind} is {state}): a person decides whether both are meant"
        )
    return None


def ask_again(
    db: sqlite3.Connection,
    squeezer: Squeezer,
    key: str,
    reason: str,
    by: str,
    now: datetime,
    rules: Sequence[CapRule] | None = None,
) -> tuple[str, set[str]]:
    """A person asks a refused command of an open matter again: its next generation, whatever its ground and slot.

    It passes no cap: over one of `rules` it is parked as a first one is. None: nobody knows them, so they are looked
    at when it is sent. Answers like `plan`. `Conflict` if it is not refused, was asked again already, or its matter is
    closed, or if it moves money and the same was asked for with another approval, or before.
    """
    row = db.execute(
        "SELECT c.state, c.base, c.generation, c.tenant, c.matter, c.use, c.kind, c.connection, c.body, c.ground,"
        " m.state, (SELECT n.key FROM commands n WHERE n.base = c.base ORDER BY n.generation DESC LIMIT 1)"
        " FROM commands c JOIN matters m ON m.id = c.matter WHERE c.key=?",
        (key,),
    ).fetchone()
    if row is None:
        raise Conflict(f"there is no command {key}")
    state, base, generation, tenant, matter, use, kind, connection, body, ground, matter_state, newest = row
    if state != states.REFUSED:
        raise Conflict(f"command {key} is {state}; only a refused one can be asked again")
    if newest != key:
        raise Conflict(f"command {key} was asked again already, as {newest}")
    if matter_state != "open":
        raise Conflict(f"the matter of {key} is closed: nothing is done for it any more")
    if kind not in COMMANDS:
        raise Conflict(f"this version knows no command {kind}, so it cannot be asked again")
    command = COMMANDS[kind].model_validate_json(expand(body))
    former = caps.former(db, key)
    under = former if rules is None or former == FREE else tuple(rules)
    ask = Ask(matter, use, command, connection, "planned", ground, f"{by}: {reason}", caps=under)
    if command.money and (doubt := _doubt(db, base, ask)):
        raise Conflict(f"{key} is not asked again: {doubt}")
    return _write(db, squeezer, tenant, ask, base, generation + 1, now, sys.maxsize, by)


def _slot(tenant: str, ask: Ask) -> tuple[str | None, str | None]:
    """(slot, value) that the command is to set, if it sets one."""
    field, value = ask.command.slot() or (None, None)
    target = ask.command.target or ask.matter
    return (slots.name_of(tenant, ask.connection, target, field) if field else None), value


def _write(
    db: sqlite3.Connection,
    squeezer: Squeezer,
    tenant: str,
    ask: Ask,
    base: str,
    generation: int,
    now: datetime,
    slot_limit: int,
    by: str = "connect",
) -> tuple[str, set[str]]:
    command = ask.command
    slot, value = _slot(tenant, ask)
    key = _key(base, generation)
    birth = Birth(ask.birth, ask.note)
    overtaken: set[str] = set()
    if slot and value is not None and birth.state == states.PLANNED:
        overtaken = slots.take(db, slot, value, ask.matter, birth, now, slot_limit)
        if command.kind == CancelOrder.kind and slots.confirmed(db, slot) == value:
            slots.cancelled(db, tenant, ask.connection, command.target)
    cap = f"{caps.INCIDENT}{ask.incident}" if ask.incident else ""
    if birth.state == states.PLANNED and (full := caps.over(db, tenant, ask.caps, command.worth(), now)):
        cap, birth = caps.cause_of(ask.use, command.kind, full[0]), Birth(states.PARKED, full[1])
    if birth.state == states.PLANNED and command.counter:
        over = counters.reserve(db, tenant, key, command.counter)
        birth = Birth(states.PARKED, over) if over else birth
    if birth.state in (states.PLANNED, states.PARKED):
        caps.reserve(db, tenant, key, ask.caps, command.worth(), now if birth.state == states.PLANNED else None)
    states.check(states.NEW, birth.state, key)
    after = [*command.after]
    if command.side == "case" and command.kind != OpenCase.kind and command.target is None and CASE not in after:
        after.append(CASE)
    at = stamp(now)
    db.execute(
        _INSERT,
        (key, base, generation, tenant, ask.matter, ask.use, command.kind, command.name, ask.connection)
        + (command.target and str(command.target), slot, value, dump(after))
        + (squeezer.squeeze(command.model_dump_json().encode()), ask.ground, command.protective, bool(after))
        + (birth.state, at, birth.note, at, at, cap),
    )
    was = states.NEW
    if by != "connect" and birth.note != ask.note:  # their reason is one line, what we found instead the next
        record(db, key, 0, was, ask.birth, ask.note, {}, by, now)
        was, by = ask.birth, "connect"
    record(db, key, 0, was, birth.state, birth.note, {}, by, now)
    if birth.state in states.SETTLED and not ask.incident:
        tell(db, key, birth.state, birth.note, now)
    if cap:
        caps.parked(db, tenant, cap, key, birth.note, now)
    elif birth.state == states.PARKED:
        alert(db, NewAlert(tenant, f"parked:{command.kind}", f"{command.kind} parked: {birth.note}", key), now)
    if generation > 1:
        closing.review(db, tenant, now, f"{REFUSED}{command.kind}")
    return key, overtaken


def _next_generation(db: sqlite3.Connection, base: str, ask: Ask, slot: str | None, value: str | None) -> int | None:
    """1 for a new key; the next one if this may be asked again; None if it is the same command."""
    last = db.execute(
        "SELECT generation, state, ground, value FROM commands WHERE base=? ORDER BY generation DESC LIMIT 1", (base,)
    ).fetchone()
    if last is None:
        return 1
    generation, state, ground, had = last
    again = value != had
    if state in (states.REFUSED, states.SUPERSEDED, states.WITHHELD):
        again = again or (ground != ask.ground and not _held_on_it(db, base, ask, value))
    if not again and value is not None and state not in (states.REFUSED, states.WITHHELD):
        # The same value again counts only if this matter wanted another one since: not if a person or another
        # matter set it, for then we would set it back for ever.
        ours = db.execute(
            "SELECT value FROM commands WHERE slot=? AND matter=?"
            " AND state NOT IN ('refused', 'superseded', 'withheld') ORDER BY seq DESC LIMIT 1",
            (slot, ask.matter),
        ).fetchone()
        again = ours is not None and ours[0] != value
        if not again and ask.fresh and state == states.DONE and slots.taken_off(db, str(slot), ask.matter):
            used = db.execute("SELECT 1 FROM commands WHERE base=? AND ground=?", (base, ask.ground)).fetchone()
            again = used is None
    return int(generation) + 1 if again else None


def _held_on_it(db: sqlite3.Connection, base: str, ask: Ask, value: str | None) -> bool:
    """A hold on this ground was set before and was not given up by its own matter: a person took it off."""
    row = db.execute(
        "SELECT 1 FROM commands a WHERE a.base=? AND a.ground=? AND a.state='done' AND NOT EXISTS (SELECT 1 FROM"
        " commands r WHERE r.matter = a.matter AND r.slot = a.slot AND r.value = ? AND r.seq > a.seq)",
        (base, ask.ground, RELEASED),
    ).fetchone()
    return value == HELD and row is not None
