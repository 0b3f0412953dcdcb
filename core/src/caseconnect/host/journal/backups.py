"""Backups: the journal as one file, verified before it counts as made, and put back in the journal's place."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database

from caseconnect.host.journal import schema
from caseconnect.host.journal.errors import JournalDamaged, JournalError
from caseconnect.host.journal.verifying import Damage, verify

_KEPT = 3
_PARTS = ("", "-wal", "-shm")


def back_up(journal: Path, target: Path) -> int:
    """Copy the journal, as it is at one moment and while others write it, to the new file `target`; its bytes.

    The copy is verified as a whole and synced before it gets its name: a file of that name is a good backup.
    """
    if target.exists():
        raise JournalError(f"{target} is there already: give the backup a new name")
    beside = target.with_name(f".{target.name}.part")
    try:
        _copy(journal, beside)
        if damage := check(beside):
            raise JournalDamaged(f"no backup was made: {told(damage)}. The journal itself is damaged")
        _sync(beside)
        beside.rename(target)
        _sync(target.parent)
    except sqlite3.Error as error:
        raise JournalError(f"no backup was made: {error}") from error
    finally:
        beside.unlink(missing_ok=True)
    return target.stat().st_size


def _copy(source: Path, target: Path) -> None:
    """One state of `source` as one file, without a -wal beside it, that only its owner may read."""
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=10)) as reading,
        closing(sqlite3.connect(target, isolation_level=None)) as writing,
    ):
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode=DELETE")


def check(file: Path) -> list[Damage]:
    """What is damaged in a journal or a backup of one; one of before the seals passes SQLite's own check only."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None, timeout=10)) as db:
            if schema.is_sealed(Database(db)):
                return verify(db)
            if not schema.is_there(Database(db)):
                return [Damage("file", "", "is no journal of Connect")]
            words = [str(word) for (word,) in db.execute("PRAGMA integrity_check(20)")]
            return [Damage("file", "", word) for word in words if word != "ok"]
    except Exception as error:  # noqa: BLE001 - a damaged file may give anything, also where its own tables are listed
        return [Damage("file", "", f"cannot be read: {type(error).__name__} {error}")]


def told(damage: Sequence[Damage]) -> str:
    """The first of them in words."""
    return "; ".join(map(str, damage[:3])) + (f" (and {len(damage) - 3} more)" if len(damage) > 3 else "")


def restore(backup: Path, journal: Path, mistrust: Callable[[str], None]) -> Path | None:
    """Put a verified copy of `backup` in the journal's place; where the former journal is kept, if there was one.

    The caller holds the lock. Whatever becomes of this, the journal is in doubt: `mistrust` comes first.
    """
    if damage := check(backup):
        raise JournalDamaged(f"{backup} is not restored, it is damaged: {told(damage)}")
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    beside = journal.with_name(f".{journal.name}.part")
    try:
        _copy(backup, beside)
        _sync(beside)
        mistrust(f"it was restored from {backup.name} at {now}")
        kept = _put_aside(journal, now)
        beside.rename(journal)
        _sync(journal.parent)
    finally:
        beside.unlink(missing_ok=True)
    return kept


def _put_aside(journal: Path, now: str) -> Path | None:
    """The former journal keeps its records: perhaps somebody has to look into it."""
    if not journal.exists():
        return None
    kept = journal.with_name(f"before-restore-{now}.db")
    for part in _PARTS:
        with suppress(FileNotFoundError):
            journal.with_name(journal.name + part).rename(kept.with_name(kept.name + part))
    return kept


def before_migration(journal: Path, name: str) -> Path:
    """Back the journal up before the migration `name`; the newest of these are kept."""
    folder = journal.parent / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / f"before-{name}-{datetime.now(UTC).strftime('%Y%m%dT%H%M%S%fZ')}.db"
    back_up(journal, target)
    made = sorted(folder.glob("before-*.db"), key=lambda path: path.stat().st_mtime_ns)
    for old in made[:-_KEPT]:
        old.unlink()
    return target


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
