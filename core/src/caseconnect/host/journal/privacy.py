"""What is held of a shopper, and its erasure on request.

Erased are raw bodies, records that events brought, facts and answers of decisions, the texts of settled commands and of
findings. Kept are ids, keys, amounts, outcomes and digests: what was done stays provable and is not done again, and a
repeated delivery is still known. A lane with an open matter, or with a command that has not come to its end, is left
whole, because it is being worked; the receipt names it, and the erasure is repeated when that is over.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import ValidationError

from caseconnect.host.journal.bodies import forget
from caseconnect.host.journal.codec import Squeezer, dump, expand, load, stamp
from caseconnect.host.journal.intake import subject_of
from caseconnect.sdk.commands import COMMANDS
from caseconnect.sdk.subjects import Subject

ERASED = "erased"
"""Stands where a text was."""

ON_REQUEST = "erased on request"
"""Why a parked delivery cannot be read again."""

_AT_ONCE = 500
_OPEN_COMMANDS = ("planned", "sending", "unknown", "accepted", "parked")
_KEPT_FIELDS = frozenset({"kind", "name", "version", "type"})


@dataclass(frozen=True)
class Whom:
    """One shopper of a connection by id, with the orders that the platform names; without a shopper: all of them."""

    tenant: str
    connection: str
    customer: str | None
    orders: tuple[str, ...] = ()

    def title(self) -> str:
        """In words."""
        return (
            f"customer {self.customer} of {self.connection}" if self.customer else f"all shoppers of {self.connection}"
        )


@dataclass(frozen=True)
class Receipt:
    """What became of a request. `kept` are references of open matters, `cases` the numbers of cases with data."""

    seq: int
    whom: Whom
    action: Literal["access", "erase"]
    at: str
    rows: dict[str, int]
    cases: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def held(db: sqlite3.Connection, whom: Whom, texts: Sequence[str], now: datetime) -> Receipt:
    """Where data of a shopper is, as a receipt of having been asked."""
    lanes, kept = _lanes(db, whom, texts)
    every = dump([*lanes, *kept])
    rows = {
        table: int(db.execute(count, (whom.tenant, every)).fetchone()[0])
        for table, count in (
            ("events", "SELECT count(*) FROM events WHERE tenant=? AND lane IN (SELECT value FROM json_each(?))"),
            ("decisions", "SELECT count(*) FROM decisions WHERE tenant=? AND lane IN (SELECT value FROM json_each(?))"),
            ("matters", "SELECT count(*) FROM matters WHERE tenant=? AND subject IN (SELECT value FROM json_each(?))"),
        )
    }
    return _receipt(db, whom, "access", rows, _cases(db, whom.tenant, every), sorted(set(kept.values())), now)


def erase(
    db: sqlite3.Connection,
    squeezer: Squeezer,
    whom: Whom,
    texts: Sequence[str],
    deliveries: Sequence[int],
    now: datetime,
) -> Receipt:
    """Erase what is held of a shopper, and the bodies of these `deliveries`, of which no event was made."""
    lanes, kept = _lanes(db, whom, texts)
    names = dump(lanes)
    _remember(db, whom, lanes, kept, now)
    found = db.execute(
        "SELECT DISTINCT delivery FROM events WHERE tenant=? AND delivery IS NOT NULL"
        " AND lane IN (SELECT value FROM json_each(?))",
        (whom.tenant, names),
    )
    rows = {"deliveries": forget(db, [*(seq for (seq,) in found), *deliveries], ON_REQUEST)}
    rows["events"] = db.execute(
        "UPDATE events SET body=json_remove(body, '$.record', '$.data') WHERE tenant=? AND type <> 'PrivacyRequested'"
        " AND lane IN (SELECT value FROM json_each(?))"
        " AND (body ->> '$.record' IS NOT NULL OR body ->> '$.data' <> '{}')",
        (whom.tenant, names),
    ).rowcount
    rows["decisions"] = _decisions(db, whom.tenant, names)
    rows["commands"] = _commands(db, squeezer, whom.tenant, names)
    rows["matters"] = _findings(db, whom.tenant, names)
    every = dump([*lanes, *kept])
    return _receipt(db, whom, "erase", rows, _cases(db, whom.tenant, every), sorted(set(kept.values())), now)


def _remember(db: sqlite3.Connection, whom: Whom, lanes: Sequence[str], kept: Collection[str], now: datetime) -> None:
    """What comes later of these tells nothing personal any more; of one that is being worked, once it is erased."""
    names = [*lanes, *(str(given) for given in _given(whom) if str(given) not in kept)]
    if whom.customer is None and not kept:
        names = [f"{whom.connection}/", *(lane for lane in lanes if not lane.startswith(f"{whom.connection}/"))]
    db.executemany(
        "INSERT INTO erased VALUES (?,?,?) ON CONFLICT DO NOTHING",
        [(whom.tenant, name, stamp(now)) for name in dict.fromkeys(names)],
    )


def _given(whom: Whom) -> list[Subject]:
    """The subjects that the request names."""
    if whom.customer is None:
        return []
    orders = [Subject(whom.connection, "order", number) for number in whom.orders]
    return [Subject(whom.connection, "customer", whom.customer), *orders]


def unread(db: sqlite3.Connection, whom: Whom, texts: Iterable[str], after: int) -> tuple[list[int], int | None]:
    """Of the next deliveries of which no event was made, those that hold one of `texts`; and where to go on.

    `texts` are an e-mail address, a telephone number: the shopper may have written by any connection. Of a whole shop:
    all of that connection.
    """
    wanted = [text.casefold().encode() for text in texts if len(text) > 5]
    rows = db.execute(
        "SELECT seq, body FROM deliveries WHERE seq > ?1 AND tenant=?2 AND (connection=?3 OR ?4 IS NOT NULL)"
        " AND state IN ('ignored', 'parked') AND body IS NOT NULL AND masked = 0 ORDER BY seq LIMIT ?5",
        (after, whom.tenant, whom.connection, whom.customer, _AT_ONCE),
    ).fetchall()
    found = [seq for seq, body in rows if whom.customer is None or any(text in expand(body).lower() for text in wanted)]
    return found, rows[-1][0] if len(rows) == _AT_ONCE else None


def receipts(db: sqlite3.Connection, tenant: str | None = None) -> list[Receipt]:
    """All receipts, oldest first."""
    rows = db.execute(
        "SELECT seq, tenant, connection, customer, orders, action, at, rows, cases, kept FROM receipts"
        " WHERE ?1 IS NULL OR tenant=?1 ORDER BY seq",
        (tenant,),
    )
    return [
        Receipt(
            seq,
            Whom(who, connection, customer, tuple(load(orders))),
            action,
            at,
            load(counts),
            tuple(load(cases)),
            tuple(load(kept)),
        )
        for seq, who, connection, customer, orders, action, at, counts, cases, kept in rows
    ]


# '0' follows '/': between the two is every subject of the connection. Beside them what came by another connection and
# names one of them.
_OF_A_SHOP = """
SELECT DISTINCT lane FROM events WHERE tenant = :tenant AND lane > :begin AND lane < :end
UNION SELECT DISTINCT subject FROM matters WHERE tenant = :tenant AND subject > :begin AND subject < :end
UNION SELECT DISTINCT lane FROM events e WHERE tenant = :tenant AND (lane < :begin OR lane > :end)
    AND (body ->> '$.subject' BETWEEN :begin AND :end
        OR EXISTS (SELECT 1 FROM json_each(e.body, '$.refs') r WHERE r.value BETWEEN :begin AND :end))
"""
# What names no order can only be about this shop, where the tenant was never told of an order of another one.
_ALONE = """
WITH orders (name) AS (
    SELECT lane FROM events WHERE tenant = :tenant AND lane LIKE '%/order/%'
    UNION ALL SELECT r.value FROM events e, json_each(e.body, '$.refs') r
        WHERE e.tenant = :tenant AND r.value LIKE '%/order/%'
)
SELECT DISTINCT lane FROM events WHERE tenant = :tenant AND body ->> '$.item' = lane
    AND NOT EXISTS (SELECT 1 FROM orders WHERE name NOT BETWEEN :begin AND :end)
"""

# A matter can be closed while a command of it has not come to its end: what it says may still be needed for that.
_WORKED = f"""
SELECT m.reference FROM matters m WHERE m.tenant=? AND m.subject=? AND (m.state = 'open' OR EXISTS (
    SELECT 1 FROM commands c WHERE c.matter = m.id AND c.state IN {_OPEN_COMMANDS})) LIMIT 1
"""  # noqa: S608 - our own words


def _lanes(db: sqlite3.Connection, whom: Whom, texts: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The lanes of a shopper, also of what was written by another way, and those left whole: lane -> open matter."""
    if whom.customer is None:
        asked = {"tenant": whom.tenant, "begin": f"{whom.connection}/", "end": f"{whom.connection}0"}
        rows = [*db.execute(_OF_A_SHOP, asked), *db.execute(_ALONE, asked)]
        names = list(dict.fromkeys(lane for (lane,) in rows))
    else:
        wrote = db.execute(
            "SELECT DISTINCT lane FROM events WHERE tenant=?1 AND"
            " (lower(body ->> '$.record.email') IN (SELECT value FROM json_each(?2))"
            " OR lower(body ->> '$.record.phone') IN (SELECT value FROM json_each(?2)))",
            (whom.tenant, dump([text.strip().lower() for text in texts if len(text) > 5])),
        )
        found = [*(str(subject_of(db, whom.tenant, subject)) for subject in _given(whom)), *(lane for (lane,) in wrote)]
        names = list(dict.fromkeys(found))
    worked = {name: db.execute(_WORKED, (whom.tenant, name)).fetchone() for name in names}
    kept = {name: str(row[0]) for name, row in worked.items() if row}
    return [name for name in names if name not in kept], kept


def _decisions(db: sqlite3.Connection, tenant: str, names: str) -> int:
    rows = db.execute(
        "SELECT seq, answers FROM decisions WHERE tenant=? AND lane IN (SELECT value FROM json_each(?))",
        (tenant, names),
    ).fetchall()
    for seq, answers in rows:
        left = [{k: v for k, v in answer.items() if k in ("use", "reason", "matter")} for answer in load(answers)]
        db.execute("UPDATE decisions SET facts=NULL, answers=? WHERE seq=?", (dump(left), seq))
    return len(rows)


def _commands(db: sqlite3.Connection, squeezer: Squeezer, tenant: str, names: str) -> int:
    rows = db.execute(
        "SELECT c.key, c.kind, c.body FROM commands c JOIN matters m ON m.id = c.matter WHERE m.tenant=?"
        " AND m.subject IN (SELECT value FROM json_each(?))",
        (tenant, names),
    ).fetchall()
    for key, kind, body in rows:
        blank = blanked(kind, load(expand(body)))
        db.execute("UPDATE commands SET body=? WHERE key=?", (squeezer.squeeze(dump(blank).encode()), key))
    return len(rows)


def blanked(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """A command without its texts: a field whose type is no text (an amount, a time, an id, one of few words) stays."""
    known = COMMANDS.get(kind)
    blank = {name: value if name in _KEPT_FIELDS else _blank(value) for name, value in body.items()}
    if known is None:
        return {name: blank[name] for name in blank if name in _KEPT_FIELDS}
    while True:
        try:
            known.model_validate(blank)
        except ValidationError as error:
            wrong = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
            back = {name: body[name] for name in wrong if name in body and blank.get(name) != body[name]}
            if not back:
                return blank
            blank |= back
        else:
            return blank


def _blank(value: Any) -> Any:
    if isinstance(value, str):
        return ERASED if value else value
    if isinstance(value, dict):
        return {name: _blank(inner) for name, inner in value.items()}
    return [_blank(inner) for inner in value] if isinstance(value, list) else value


def _findings(db: sqlite3.Connection, tenant: str, names: str) -> int:
    rows = db.execute(
        "SELECT id, findings FROM matters WHERE tenant=? AND subject IN (SELECT value FROM json_each(?))",
        (tenant, names),
    ).fetchall()
    for id_, findings in rows:
        left = [finding | {"summary": ERASED} for finding in load(findings)]
        db.execute("UPDATE matters SET findings=? WHERE id=?", (dump(left), id_))
    return len(rows)


def _cases(db: sqlite3.Connection, tenant: str, names: str) -> list[str]:
    rows = db.execute(
        "SELECT DISTINCT coalesce(case_number, case_subject) FROM matters WHERE tenant=? AND case_subject IS NOT NULL"
        " AND subject IN (SELECT value FROM json_each(?)) ORDER BY 1",
        (tenant, names),
    )
    return [str(number) for (number,) in rows]


def _receipt(
    db: sqlite3.Connection,
    whom: Whom,
    action: Literal["access", "erase"],
    rows: dict[str, int],
    cases: list[str],
    kept: list[str],
    now: datetime,
) -> Receipt:
    told = (whom.tenant, whom.connection, whom.customer, dump(list(whom.orders)), action, stamp(now))
    cursor = db.execute(
        "INSERT INTO receipts (tenant, connection, customer, orders, action, at, rows, cases, kept)"
        " VALUES (?,?,?,?,?,?,?,?,?)",
        (*told, dump(rows), dump(cases), dump(kept)),
    )
    return Receipt(int(cursor.lastrowid or 0), whom, action, stamp(now), rows, tuple(cases), tuple(kept))
