"""A migration that is killed after any statement, or finds no room, leaves the old journal or the new one (B10)."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from caseconnect.host.journal import SqliteJournal, opening, schema, sealing
from caseconnect.host.journal.backups import check
from caseconnect.host.journal.errors import JournalError

EVERY = 1 if os.environ.get("CONNECT_STORAGE") == "full" else 40
STATES = schema.pending(Database(memory=True))[1:]
"""Before each of these is a state in which a journal may lie somewhere."""

ROWS = (
    "INSERT INTO deliveries (tenant, connection, topic, delivery_id, received_at, polled, headers, digest, due)"
    " VALUES ('acme', 'shop', 't', 'd1', '2026', 0, '{}', x'00', '2026')",
    "INSERT INTO alerts (tenant, cause, title, link, first_at, last_at, count) VALUES ('acme','c','t','','','',1)",
    "INSERT INTO cursors VALUES ('acme', 'shop', 'c7', '2026')",
)


def old_journal(path: Path, before: str) -> None:
    """A journal as a version before that migration left it, with some rows."""
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        schema.migrations.apply(Database(db), stop_before=before)
        for row in ROWS:
            db.execute(row)
        if schema.is_sealed(Database(db)):
            sealing.seal_all(db)
    db.close()


def is_kept(path: Path) -> bool:
    with sqlite3.connect(path) as db:
        found = db.execute("SELECT (SELECT delivery_id FROM deliveries), (SELECT cursor FROM cursors)").fetchone()
    db.close()
    return bool(found == ("d1", "c7"))


def state(folder: Path) -> bytes:
    """A digest of what lies there but for the index of the log, which whoever opens it after a kill makes anew.

    What is alike is tried once: while a transaction is on nothing of it is in the files.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.endswith("-shm"))
    whole = sha256()
    for file in files:
        whole.update(f"{file.relative_to(folder)} {file.stat().st_size} ".encode() + file.read_bytes())
    return whole.digest()


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Connections made meanwhile call what is in the list before each statement."""
    calls: list[Any] = []
    connect = opening.connect

    def tracing(path: Path, **more: Any) -> sqlite3.Connection:
        db = connect(path, **more)
        db.set_trace_callback(lambda statement: [call(db, statement) for call in calls] and None)
        return db

    monkeypatch.setattr(opening, "connect", tracing)
    yield calls
    calls.clear()


@pytest.mark.parametrize("before", STATES if EVERY == 1 else ["0011_clicks", STATES[-1]])
def test_killed_after_any_statement(tmp_path: Path, traced: list[Any], before: str) -> None:
    path, count, seen = tmp_path / "old" / "journal.db", 0, set[bytes]()
    old_journal(path, before)

    def snapshot(db: sqlite3.Connection, statement: str) -> None:
        nonlocal count
        count += 1
        if count % EVERY == 0 and (mark := state(path.parent)) not in seen:
            seen.add(mark)
            shutil.copytree(path.parent, tmp_path / f"at{count}")

    traced.append(snapshot)
    SqliteJournal.open(path, synchronous="OFF").close()
    traced.clear()
    assert is_kept(path)
    assert count > 40
    assert len(seen) >= (4 if EVERY == 1 else 1)
    for folder in tmp_path.glob("at*"):
        file = folder / "journal.db"
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
            left = schema.pending(Database(db))
        db.close()
        assert left == [] or before in left, f"{folder.name}: neither old nor new"
        assert check(file) == []
        journal = SqliteJournal.open(file, synchronous="OFF")
        journal.close()
        assert is_kept(file)
        assert check(file) == []
    backup = next((path.parent / "backups").iterdir())
    assert backup.name.startswith(f"before-{before}-")
    assert check(backup) == []


def test_no_room_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "old" / "journal.db"
    old_journal(path, STATES[0])
    pages = path.stat().st_size // 4096
    connect = opening.connect

    def small(file: Path, **more: Any) -> sqlite3.Connection:
        db = connect(file, **more)
        db.execute(f"PRAGMA max_page_count={pages + 2}")
        return db

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "connect", small)
        with pytest.raises(JournalError, match="full"):
            SqliteJournal.open(path, synchronous="OFF")
    with sqlite3.connect(path) as db:
        assert schema.pending(Database(db)) == STATES
    db.close()
    SqliteJournal.open(path, synchronous="OFF").close()
    assert is_kept(path)


def test_backups_before_migrations_are_few(tmp_path: Path) -> None:
    path = tmp_path / "none"
    for number in range(5):
        path = tmp_path / str(number) / "journal.db"
        old_journal(path, STATES[-1])
        if number:
            shutil.move(tmp_path / str(number - 1) / "backups", path.parent)
        SqliteJournal.open(path, synchronous="OFF").close()
    assert len([*(path.parent / "backups").iterdir()]) == 3
