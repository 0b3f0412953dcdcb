"""What a pause keeps back: what would go out when it ends, in which order, with which amounts."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from caseconnect.host.journal.codec import expand, unstamp
from caseconnect.models.money import Money
from caseconnect.sdk.commands import COMMANDS


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


def held_back(db: sqlite3.Connection, tenant: str, scope: str, name: str) -> list[Queued]:
    """What goes out when that pause ends, in the order in which it starts."""
    found = []
    for row in db.execute(_QUEUE, {"tenant": tenant, "scope": scope, "name": name}):
        key, whose, use, kind, connection, target, reference, state, body, waits, due, attempt, behind = row
        known = COMMANDS.get(kind)
        worth = known.model_validate_json(expand(body)).worth() if known and known.money else None
        money = bool(known and known.money)
        names = (key, whose, use, kind, connection, target, reference, state)
        found.append(Queued(*names, money, worth, bool(waits), unstamp(due), attempt, behind))
    return found
