"""What a disk does to the journal is found: turned bits, zeroed pages, cut files (faults.md, B5)."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import Counter
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: a run can be repeated

import pytest
from damaging import DAMAGES, content, own_check, worked
from journal_desk import ORDER, START, TENANT, Desk, delivery

from caseconnect.host.journal import SqliteJournal, opening, verifying
from caseconnect.host.journal.backups import check
from caseconnect.host.journal.errors import JournalDamaged, JournalError
from caseconnect.host.journal.privacy import Whom

SHARE = 1 if os.environ.get("CONNECT_STORAGE") == "full" else 40


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return worked(tmp_path_factory.mktemp("whole"))


def test_what_was_not_damaged_is_whole(whole: Path, tmp_path: Path) -> None:
    assert check(whole) == []
    Desk(whole.parent).close()


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_found_or_changes_nothing(whole: Path, tmp_path: Path, kind: str) -> None:
    before, original = content(whole), whole.read_bytes()
    damage, times = DAMAGES[kind]
    found: Counter[str] = Counter()
    file = tmp_path / "journal.db"
    for seed in range(max(times // SHARE, 5)):
        data = bytearray(original)
        damage(data, Random(seed))
        file.write_bytes(data)
        if check(file):
            found["found"] += 1
            found["by SQLite itself"] += own_check(file)
        else:
            assert content(file) == before, f"{kind}, seed {seed}: other records, and nothing was found"
            assert not own_check(file)
            found["nothing changed"] += 1
    print(kind, dict(found))  # noqa: T201 - shown by `make storage`
    assert found["found"] > 0
    if kind == "bits":
        assert found["by SQLite itself"] < found["found"], "the control: SQLite's own check is not enough"


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("UPDATE commands SET state='planned' WHERE state='done'", "commands"),
        ("UPDATE outcomes SET became='refused', note='x' WHERE seq=3", "outcomes 3"),
        ("DELETE FROM outcomes WHERE seq=3", "outcomes 3: is gone"),
        ("DELETE FROM outcomes WHERE seq=(SELECT max(seq) FROM outcomes)", "is gone"),
        ("INSERT INTO outcomes VALUES (999, 'k', 1, 'sending', 'done', '', '{}', 'mallory', '')", "never sealed"),
        ("UPDATE cursors SET cursor='c0'", "cursors"),
        ("DELETE FROM brakes", "brakes 1: is gone"),
        ("UPDATE heads SET seq=seq+1", "does not end where it did"),
        ("UPDATE chain SET content=salt||salt WHERE tbl='outcomes' AND row=3", "chain"),
    ],
)
def test_a_row_that_somebody_else_changed_is_found(whole: Path, tmp_path: Path, sql: str, word: str) -> None:
    file = tmp_path / "journal.db"
    file.write_bytes(whole.read_bytes())
    with sqlite3.connect(file) as db:
        db.execute(sql)
    db.close()
    assert word in "; ".join(map(str, check(file)))
    with pytest.raises(JournalDamaged, match="connect restore FILE"):
        SqliteJournal.open(file)


@pytest.mark.parametrize(("seq", "found"), [(1, False), (2, True)])
def test_of_a_large_journal_a_start_verifies_what_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seq: int, found: bool
) -> None:
    desk = Desk(tmp_path)
    desk.receive(delivery("over"), delivery("open"))
    desk.parsed(1)
    desk.close()
    with sqlite3.connect(desk.path) as db:
        db.execute("UPDATE deliveries SET topic='x' WHERE seq=?", (seq,))
    db.close()
    monkeypatch.setattr(opening, "_WHOLE", 0)
    monkeypatch.setattr(verifying, "_NEWEST", 0)
    if found:
        with pytest.raises(JournalDamaged, match=f"deliveries {seq}"):
            SqliteJournal.open(desk.path)
    else:
        SqliteJournal.open(desk.path).close()


def test_whoever_mends_the_sum_as_well_breaks_the_chain(whole: Path, tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    file.write_bytes(whole.read_bytes())
    desk = Desk(tmp_path)
    writing = desk.journal._writing
    assert writing is not None
    writing.execute("UPDATE outcomes SET by='ann' WHERE seq=3")  # sealed with the next commit, as if it were ours
    desk.receive(delivery("later"))
    desk.close()
    (damage,) = check(file)
    assert (damage.table, damage.what) == ("chain", "its row was changed (outcomes 3)")


def test_erasing_keeps_the_chain_and_forgets_the_salt(tmp_path: Path) -> None:
    path = worked(tmp_path)
    desk = Desk(tmp_path)
    salted = "SELECT count(*) FROM chain WHERE salt IS NOT NULL AND tbl='commands'"
    before = desk.sql(salted)[0][0]
    writing = desk.journal._writing
    assert writing is not None
    writing.execute("UPDATE matters SET state='closed'")
    writing.execute("UPDATE commands SET state='done'")
    asyncio.run(desk.journal.erase(Whom(TENANT, "shop", None), (), START))
    assert desk.sql(salted)[0][0] < before
    assert desk.sql("SELECT count(*) FROM chain WHERE salt IS NOT NULL AND tbl='decisions'") == [(0,)]
    desk.close()
    assert check(path) == []


def test_an_empty_file_where_a_journal_was_is_refused(tmp_path: Path) -> None:
    path = worked(tmp_path, orders=1)
    for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    with pytest.raises(JournalDamaged, match="gone or empty"):
        SqliteJournal.open(path)
    path.touch()
    with pytest.raises(JournalDamaged, match="gone or empty"):
        SqliteJournal.open(path)


def test_an_item_that_fails_leaves_no_seal(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    event = desk.event()
    desk.decide(events=(event,))
    with pytest.raises(JournalError):
        desk.decide(events=(event,), lane=ORDER)
    desk.close()
    assert check(desk.path) == []
