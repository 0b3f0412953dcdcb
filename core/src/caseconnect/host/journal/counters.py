"""Counters that travel with commands: an amount is reserved in the deciding commit and given back on refusal."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from caseconnect.sdk.commands import Counter


def reserve(db: sqlite3.Connection, tenant: str, key: str, counter: Counter) -> str | None:
    """Count the amount for a command; why not, if that would pass the limit."""
    rows = db.execute("SELECT amount FROM counters WHERE tenant=? AND name=?", (tenant, counter.name))
    used = sum((Decimal(a) for (a,) in rows), Decimal(0))
    if used + counter.amount > counter.limit:
        return f"{counter.name}: {used} used, {counter.amount} more would pass the limit of {counter.limit}"
    count(db, tenant, key, counter)
    return None


def count(db: sqlite3.Connection, tenant: str, key: str, counter: Counter) -> None:
    """Count the amount whatever the limit: a person let the command go. Twice for one command is once."""
    db.execute("INSERT OR IGNORE INTO counters VALUES (?,?,?,?)", (tenant, counter.name, key, str(counter.amount)))


def give_back(db: sqlite3.Connection, key: str) -> None:
    """The command did not happen."""
    db.execute("DELETE FROM counters WHERE key=?", (key,))
