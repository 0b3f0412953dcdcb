"""One transaction of the group commit: each item under a savepoint of its own, and what an error means.

An item that fails is rolled back alone. What the storage does to us hits the whole batch: either surely nothing
was written, or that is not known.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from caseconnect.host.crash import crashpoint
from caseconnect.host.journal.errors import Conflict, JournalBroken, JournalBusy, JournalError, JournalFull

T = TypeVar("T")
Write = Callable[[sqlite3.Connection], T]
Together = Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]]
_STORAGE = (
    *("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_NOMEM", "SQLITE_CORRUPT"),
    *("SQLITE_NOTADB", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PROTOCOL", "SQLITE_INTERRUPT", "SQLITE_PERM"),
)
_AGAIN = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_BUSY", "SQLITE_LOCKED")


class Seal(Protocol):
    """What happens around each COMMIT."""

    def before(self) -> None:
        """In the transaction, when all items are written."""

    def after(self) -> None:
        """It is committed."""


@dataclass(frozen=True)
class Item:
    """One write: its name (for crash points), what it does, and about how many bytes it carries.

    `outside`: it came from outside and is refused when the queue is full. The pipeline's own writes are few, and
    each of them ends something. `together`: writes the `what` of many such items at once, which gives the same as
    one after the other and is much cheaper.
    """

    name: str
    write: Write[Any] = field(repr=False)
    size: int = 0
    outside: bool = False
    together: Together | None = field(default=None, repr=False)
    what: Any = field(default=None, repr=False)


def apply(db: sqlite3.Connection, items: Sequence[Item], seal: Seal | None = None) -> list[Any]:
    """Write `items` in one transaction, and `seal` what they changed. For each its result, or what undid it alone.

    Raises `JournalFull` or `JournalBusy` when surely nothing was written, `JournalBroken` when that is not known.
    """
    names = sorted({item.name for item in items})
    try:
        db.execute("BEGIN IMMEDIATE")
        results = _all(db, items)
        if seal:
            seal.before()
        for name in names:
            crashpoint(f"{name}:before")
    except sqlite3.Error as error:
        raise _undone(db, error, committing=False) from error
    except BaseException:
        _undo(db)
        raise
    try:
        db.execute("COMMIT")
    except sqlite3.Error as error:
        raise _undone(db, error, committing=True) from error
    if seal:
        seal.after()
    for name in names:
        crashpoint(f"{name}:after")
    return results


def _all(db: sqlite3.Connection, items: Sequence[Item]) -> list[Any]:
    results: dict[int, Any] = {}
    kin: dict[Together, list[int]] = {}
    for place, item in enumerate(items):
        if item.together:
            kin.setdefault(item.together, []).append(place)
    for together, places in kin.items():
        if len(places) > 1:
            as_one = alone(db, Item(items[places[0]].name, lambda db: together(db, [items[p].what for p in places])))  # noqa: B023 - called at once
            if not isinstance(as_one, Exception):
                results.update(zip(places, as_one, strict=True))
    return [results[place] if place in results else alone(db, item) for place, item in enumerate(items)]


def alone(db: sqlite3.Connection, item: Item) -> Any:
    """The item's result, or the exception that undid it alone. Raises what the storage itself did to us."""
    db.execute("SAVEPOINT item")
    try:
        result = item.write(db)
    except sqlite3.Error as error:
        if is_storage(error) or not db.in_transaction:  # SQLite may have undone the whole batch, savepoints and all
            raise
        result = Conflict(f"{item.name}: {error}") if isinstance(error, sqlite3.IntegrityError) else error
    except Exception as error:  # noqa: BLE001 - one item's fault is its own; the batch goes on
        result = error
    if isinstance(result, Exception):
        db.execute("ROLLBACK TO item")
    db.execute("RELEASE item")
    return result


def is_storage(error: sqlite3.Error) -> bool:
    """The disk, the file or the memory; not the statement, the values or a constraint."""
    return name_of(error).startswith(_STORAGE)


def hurts(error: sqlite3.Error) -> bool:
    """At a checkpoint: not only that there was no room or somebody was in the way, so that it may be tried again."""
    return is_storage(error) and not name_of(error).startswith(_AGAIN)


def name_of(error: sqlite3.Error) -> str:
    """SQLite's own word for it, such as SQLITE_FULL."""
    return getattr(error, "sqlite_errorname", type(error).__name__)


def _undo(db: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):
        if db.in_transaction:
            db.execute("ROLLBACK")


def _undone(db: sqlite3.Connection, error: sqlite3.Error, *, committing: bool) -> JournalError:
    """Roll back, and say what is known of the batch."""
    _undo(db)
    name = name_of(error)
    if not db.in_transaction:
        if name.startswith("SQLITE_FULL") or (name == "SQLITE_IOERR_WRITE" and not committing):
            return JournalFull(f"the journal's disk has no room ({name}): free some space; nothing was lost")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) and not committing:
            return JournalBusy(f"another program has the journal locked ({name}): end it; nothing was lost")
    return JournalBroken(f"the journal cannot be written ({name}): the process ends and reads it anew")
