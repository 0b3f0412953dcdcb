"""Matters as they are stored: written by a verdict, found by key, subject, case or reference."""

from __future__ import annotations

import sqlite3
from typing import Any

from caseconnect.host.journal.codec import dump, load, stamp, unstamp
from caseconnect.host.journal.history import DOUBTFUL
from caseconnect.host.journal.records import AddedFinding, MatterKey, MatterRow
from caseconnect.sdk.decisions import ActedOn, CommandState, Finding
from caseconnect.sdk.subjects import Subject

_MATTER = (
    "id, tenant, subject, topic, item, observe, episode, mode, state, owner, reference, uses, findings, cases,"
    " case_subject, case_number, case_url, stage, acted_on, opened_at, closed_at"
)


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
    """(commands, claimed fields, timers) of a matter. What is planned in doubt is shown as unknown."""
    commands = tuple(
        CommandState(*row)
        for row in db.execute(
            f"SELECT kind, name, iif({DOUBTFUL}, 'unknown', state), use, key"  # noqa: S608 - a constant condition
            " FROM commands WHERE matter=? ORDER BY seq",
            (matter_id,),
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
