"""What a pause keeps back: what would go out when it ends, in which order, with which amounts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from caseconnect.host.journal.codec import expand, unstamp
from caseconnect.models.money import Money
from caseconnect.sdk.commands import COMMANDS

FIRST = 200
"""So many are shown; of all others the count, and what moves money with its worth, are kept."""


@dataclass(frozen=True)
class Queued:
    """A command that waits behind a pause. `after`: others, or its case, go first. `worth`: what it gives away.

    `behind`: the connection that connect paused as well, and lets go by itself when its credentials work again.
    """

    key: str
    tenant: str
    use: str
    kind: str
    connection: str
    target: str
    reference: str
    state: str
    money: bool
    worth: Money | None
    after: bool
    due: datetime
    attempt: int
    behind: str = ""


@dataclass(frozen=True)
class Rest:
    """What comes after those that are shown. `money`: by key what it moves; `unknown`: one whose worth is unknown."""

    count: int = 0
    money: Mapping[str, Money | None] = field(default_factory=dict)
    unknown: str = ""


@dataclass(frozen=True)
class Queue:
    """What waits: the `first` in order, the `rest`, and a `digest` over all of it that moves money."""

    first: list[Queued]
    rest: Rest
    digest: str

    @property
    def count(self) -> int:
        """How many wait."""
        return len(self.first) + self.rest.count

    @property
    def sums(self) -> list[Money]:
        """What all of them give away."""
        return summed([queued.worth for queued in self.first], self.rest)


def summed(worths: Iterable[Money | None], rest: Rest) -> list[Money]:
    """By currency, with the rest."""
    found = dict[str, Decimal]()
    for worth in (*worths, *rest.money.values()):
        if worth:
            found[worth.currency] = found.get(worth.currency, Decimal(0)) + worth.amount
    return [Money(amount=amount, currency=currency) for currency, amount in sorted(found.items())]


# As sending.py chooses what is due, but for the pause in question. What another pause stops too stays where it is, if a
# person has to end that one. What connect paused for refused credentials ends by itself: nobody is asked again then.
_STOPS = """(b.scope = 'tenant' OR (b.scope = 'flow' AND b.name = c.use)
    OR (b.scope IN ('connection', 'access') AND b.name = c.connection) OR (b.scope = 'command' AND b.name = c.kind))"""
_BY_ITSELF = "(o.scope = 'connection' AND o.by = 'connect')"
_OTHERS = f"""SELECT 1 FROM brakes o WHERE o.released_at IS NULL AND o.tenant = c.tenant AND o.seq <> b.seq
    AND {_STOPS.replace("b.", "o.")}"""  # noqa: S608 - constant text
_QUEUE = f"""
SELECT c.key, c.tenant, c.use, c.kind, c.connection, coalesce(c.target, ''), m.reference, c.state, c.body, c.waits,
    c.due, c.attempt, CASE WHEN EXISTS ({_OTHERS} AND {_BY_ITSELF}) THEN c.connection ELSE '' END
FROM commands c JOIN matters m ON m.id = c.matter JOIN brakes b ON b.tenant = c.tenant
WHERE c.state IN ('planned', 'unknown', 'accepted') AND b.released_at IS NULL
AND b.tenant = :tenant AND b.scope = :scope AND b.name = :name AND {_STOPS}
AND NOT EXISTS ({_OTHERS} AND NOT {_BY_ITSELF})
ORDER BY c.protective DESC, c.waits, c.seq
"""  # noqa: S608 - constant text


def held_back(db: sqlite3.Connection, tenant: str, scope: str, name: str, limit: int = FIRST) -> Queue:
    """What goes out when that pause ends, in the order in which it starts; `limit` of them one by one."""
    first, count = list[Queued](), 0
    money, unknown, digest = dict[str, Money | None](), "", sha256()
    for row in db.execute(_QUEUE, {"tenant": tenant, "scope": scope, "name": name}):
        queued = _queued(row)
        if queued.money:
            digest.update(f"{queued.key}|{queued.state}|{queued.worth}\n".encode())
        if len(first) < limit:
            first.append(queued)
            continue
        count += 1
        if queued.money:
            money[queued.key] = queued.worth
            unknown = unknown or ("" if queued.worth else f"{queued.kind} of {queued.use}")
    return Queue(first, Rest(count, money, unknown), digest.hexdigest())


def _queued(row: tuple[Any, ...]) -> Queued:
    key, whose, use, kind, connection, target, reference, state, body, waits, due, attempt, behind = row
    known = COMMANDS.get(kind)
    worth = known.model_validate_json(expand(body)).worth() if known and known.money else None
    money = bool(known and known.money)
    names = (key, whose, use, kind, connection, target, reference, state)
    return Queued(*names, money, worth, bool(waits), unstamp(due), attempt, behind)
