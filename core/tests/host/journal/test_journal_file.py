from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest
from journal_desk import START, TENANT, Desk, delivery, now_of
from sqlite_utils import Database

from caseconnect.host.journal import SqliteJournal, schema
from caseconnect.host.journal.errors import JournalError, JournalLocked, JournalNewer

LIB = Path(__file__).parents[4] / "tests" / "lib"


def other_process(code: str, *arguments: object, before: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Run `code` in a process of its own; it finds `sys`, `Path`, and the desk's module."""
    head = "import sys, asyncio\nfrom pathlib import Path\nfrom journal_desk import *\n"
    return subprocess.Popen(
        [*before, sys.executable, "-c", head + textwrap.dedent(code), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(LIB)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    return out.strip()


def test_a_second_opener_in_this_process_is_refused_by_name(desk: Desk) -> None:
    with pytest.raises(JournalLocked, match=f"process {os.getpid()}"):
        SqliteJournal.open(desk.path)
    desk.close()
    SqliteJournal.open(desk.path).close()


def test_a_journal_of_a_newer_program_is_opened_by_nobody(desk: Desk) -> None:
    desk.close()
    db = sqlite3.connect(desk.path)
    db.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('caseconnect', '0999_teleport', '')"
    )
    db.commit()
    db.close()
    for opener in (SqliteJournal.open, SqliteJournal.read, SqliteJournal.open):
        with pytest.raises(JournalNewer, match="0999_teleport"):
            opener(desk.path)


def test_an_older_journal_is_brought_up_by_a_writer_and_refused_to_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    sqlite3.connect(path).close()
    with pytest.raises(JournalError, match="connect serve"):
        SqliteJournal.read(path)
    SqliteJournal.open(path).close()
    SqliteJournal.read(path).close()


def test_an_older_journal_keeps_its_alerts(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as db:
        schema.migrations.apply(Database(db), stop_before="0002_alerts_closed_by")
        db.execute(
            "INSERT INTO alerts (tenant, cause, title, link, first_at, last_at, count) VALUES (?,'c','t','','','',1)",
            (TENANT,),
        )
    db.close()
    with pytest.raises(JournalError, match="not up to date"):
        SqliteJournal.read(path)
    journal = SqliteJournal.open(path)
    assert now_of(journal.dismiss("c", None, "seen", "ann", START)) == TENANT
    journal.close()


def test_an_older_journal_keeps_its_timers_slots_and_parked_commands(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as db:
        schema.migrations.apply(Database(db), stop_before="0003_items")
        db.execute("INSERT INTO timers VALUES ('acme', 'shop/order/1', 'fraud', 'later', 'm1', '2026-01-01')")
        db.execute("INSERT INTO slots VALUES ('acme|shop|shop/order/1|hold', 'held', '2026-01-01', 1, '[]')")
    db.close()
    SqliteJournal.open(path).close()
    with sqlite3.connect(path) as db:
        timers = db.execute("SELECT tenant, lane, use, item, name, matter, due FROM timers").fetchall()
        assert timers == [("acme", "shop/order/1", "fraud", "", "later", "m1", "2026-01-01")]
        assert db.execute("SELECT confirmed, before FROM slots").fetchall() == [("held", None)]
    db.close()


def test_a_migration_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("caseconnect.host.journal.schema._FIRST", "CREATE TABLE deliveries (x); CREATE NONSENSE")
        with pytest.raises(sqlite3.OperationalError):
            SqliteJournal.open(tmp_path / "journal.db")
    desk = Desk(tmp_path)
    desk.receive(delivery())
    desk.close()


def test_without_a_journal_a_reader_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal at"):
        SqliteJournal.read(tmp_path / "journal.db")


def test_only_its_owner_may_look_into_the_file(tmp_path: Path) -> None:
    SqliteJournal.open(tmp_path / "journal.db").close()
    desk = Desk(tmp_path)
    desk.receive(delivery())
    files = [f for f in desk.path.parent.iterdir() if f.name.startswith("journal")]
    assert len(files) == 5
    assert {f.stat().st_mode & 0o077 for f in files} == {0}
    desk.close()


def test_a_reader_writes_nothing(desk: Desk) -> None:
    reader = SqliteJournal.read(desk.path)
    with pytest.raises(JournalError, match="reading only"):
        now_of(reader.receive([delivery()], None, START))
    with pytest.raises(sqlite3.OperationalError):
        reader._db().execute("DELETE FROM deliveries")
    reader.close()
    reader.close()


def test_another_process_reads_beside_the_writer_and_cannot_be_a_second_one(desk: Desk) -> None:
    code = """
        from caseconnect.host.journal.errors import JournalLocked
        try:
            SqliteJournal.open(Path(sys.argv[1]))
        except JournalLocked as error:
            print(error, flush=True)
        journal = SqliteJournal.read(Path(sys.argv[1]))
        for line in sys.stdin:
            print(journal.counts()["deliveries"].get("new", 0), flush=True)
    """
    other = other_process(code, desk.path)
    assert other.stdin is not None
    assert other.stdout is not None
    assert f"another Connect (process {os.getpid()})" in other.stdout.readline()
    for number in range(1, 4):
        desk.receive(delivery(f"d{number}", str(number).encode()))
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == f"{number}\n"
    assert said(other) == ""
    desk.close()
    reader = SqliteJournal.read(desk.path)
    assert reader.counts()["deliveries"] == {"new": 3}
    reader.close()


WRITER = """
    folder = Path(sys.argv[1])
    desk = Desk(folder, threaded=True, synchronous="FULL")
    async def work(worker, amount):
        for number in range(amount):
            name = f"{worker}-{number}"
            await desk.journal.receive([delivery(name, name.encode() * 500, headers={"pad": name * 200})], None, START)
            print(name, flush=True)
    async def run(turn, amount):
        done = await asyncio.gather(*(work(f"{turn}.{n}", amount) for n in range(16)), return_exceptions=True)
        for error in filter(None, done):
            print(type(error).__name__, flush=True)
"""


def test_a_lock_dies_with_its_process_and_what_was_acknowledged_does_not(tmp_path: Path) -> None:
    process = other_process(WRITER + "    asyncio.run(run(1, 100_000))", tmp_path)
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(400)]
    with pytest.raises(JournalLocked, match=f"process {process.pid}"):
        SqliteJournal.open(tmp_path / "journal.db")
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=30)
    acknowledged += rest.splitlines()[:-1]
    assert stored(tmp_path) >= set(acknowledged)
    assert "" not in acknowledged


def test_a_full_disk_is_refused_and_loses_nothing(tmp_path: Path) -> None:
    small = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=20m none "$0" && exec "$@"', str(tmp_path)]
    try:
        subprocess.run([*small, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        _file_that_may_not_grow(tmp_path)  # this machine lets nobody mount a small disk
        return
    rest = """
    from caseconnect.host.journal import ballast as kept
    kept._AGAIN = 0
    padding = folder / "padding"
    padding.write_bytes(bytes(9_000_000))
    asyncio.run(run(1, 100_000))
    assert desk.journal.full()
    padding.unlink()
    asyncio.run(run(2, 2))
    desk.close()
    print("stored", *(d.delivery.delivery_id for d in Desk(folder).journal.unparsed(TENANT, START, 100_000)))
    """
    out = said(other_process(WRITER + rest, tmp_path, before=small)).splitlines()
    acknowledged = {line for line in out[:-1] if "-" in line}
    assert {line for line in out[:-1] if "-" not in line} == {"JournalFull"}
    assert any(line.startswith("1.") for line in acknowledged)
    assert {f"2.{n}-{m}" for n in range(16) for m in range(2)} <= acknowledged, "it goes on when there is space"
    assert set(out[-1].split()) >= acknowledged


def _file_that_may_not_grow(folder: Path) -> None:
    limit = """
    import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
    asyncio.run(run(1, 100_000))
    """
    out = said(other_process(WRITER + limit, folder)).splitlines()
    errors = {line for line in out if line.startswith("Journal")}
    assert errors
    assert errors <= {"JournalFull", "JournalBroken"}
    acknowledged = {line for line in out if "-" in line}
    assert acknowledged
    assert stored(folder) >= acknowledged


def stored(folder: Path) -> set[str]:
    desk = Desk(folder)
    found = {d.delivery.delivery_id for d in desk.journal.unparsed(TENANT, START, 100_000)}
    assert desk.sql("PRAGMA integrity_check") == [("ok",)]
    desk.close()
    return found


def test_a_daemon_that_is_closed_answers_no_more(desk: Desk) -> None:
    desk.close()
    desk.close()
    with pytest.raises(JournalError):
        desk.receive(delivery())
    assert desk.journal.load() == 0
