from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from journal_desk import START, TENANT, Desk, delivery

from caseconnect.host.journal import writer as module
from caseconnect.host.journal.batch import Item, apply
from caseconnect.host.journal.errors import Conflict, JournalBroken, JournalBusy, JournalError, JournalFull
from caseconnect.host.journal.writer import InlineWriter, ThreadWriter


class Faulty(sqlite3.Connection):
    """A connection that raises `fault` at the statement that begins with `at`, after doing `first`."""

    at, fault, first = "", "", ""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if self.at and sql.startswith(self.at):
            if self.first:
                super().execute(self.first)
            error = sqlite3.OperationalError(f"injected {self.fault}")
            error.sqlite_errorname = self.fault
            raise error
        return super().execute(sql, *values)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Faulty]:
    made = sqlite3.connect(tmp_path / "x.db", isolation_level=None, check_same_thread=False, factory=Faulty)
    made.execute("PRAGMA journal_mode=WAL")
    made.execute("CREATE TABLE t (x UNIQUE)")
    yield made
    made.close()


def put(value: object) -> Item:
    return Item("put", lambda db: db.execute("INSERT INTO t VALUES (?)", (value,)).lastrowid)


def rows(db: sqlite3.Connection) -> list[Any]:
    return [x for (x,) in sqlite3.Connection.execute(db, "SELECT x FROM t ORDER BY x")]


def raising(error: BaseException) -> Item:
    def write(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO t VALUES ('half')")
        raise error

    return Item("raising", write)


def stuck(release: threading.Event, entered: threading.Event) -> Item:
    def write(db: sqlite3.Connection) -> None:
        entered.set()
        assert release.wait(10)

    return Item("stuck", write)


def test_an_item_that_fails_is_undone_alone(db: Faulty) -> None:
    bad_sql = Item("bad", lambda db: db.execute("SELECT nothing FROM nowhere"))
    results = apply(db, [put(1), raising(ValueError("no")), put(1), bad_sql, put(object()), put(2)])
    assert [type(r) for r in results] == [
        int, ValueError, Conflict, sqlite3.OperationalError, sqlite3.ProgrammingError, int,
    ]  # fmt: skip
    assert rows(db) == [1, 2]


@pytest.mark.parametrize(
    ("at", "fault", "expected"),
    [
        ("INSERT", "SQLITE_FULL", JournalFull),
        ("INSERT", "SQLITE_IOERR_WRITE", JournalFull),
        ("INSERT", "SQLITE_IOERR_READ", JournalBroken),
        ("INSERT", "SQLITE_CORRUPT", JournalBroken),
        ("BEGIN", "SQLITE_BUSY", JournalBusy),
        ("SAVEPOINT", "SQLITE_FULL", JournalFull),
        ("RELEASE", "SQLITE_NOMEM", JournalBroken),
        ("COMMIT", "SQLITE_FULL", JournalFull),
        ("COMMIT", "SQLITE_IOERR_WRITE", JournalBroken),
        ("COMMIT", "SQLITE_IOERR_FSYNC", JournalBroken),
        ("COMMIT", "SQLITE_BUSY", JournalBroken),
    ],
)
def test_what_the_storage_does_hits_the_whole_batch(db: Faulty, at: str, fault: str, expected: type) -> None:
    db.at, db.fault = at, fault
    with pytest.raises(JournalError) as caught:
        apply(db, [Item("read", lambda db: db.execute("SELECT 1")), put(1), put(2)])
    assert type(caught.value) is expected
    assert fault in str(caught.value)
    db.at = ""
    assert rows(db) == []
    assert apply(db, [put(3)]) == [1]


@pytest.mark.parametrize("fault", ["SQLITE_FULL", "SQLITE_ERROR"])
def test_after_sqlite_undid_the_batch_no_savepoint_is_asked_for(db: Faulty, fault: str) -> None:
    db.at, db.fault, db.first = "INSERT", fault, "ROLLBACK"
    with pytest.raises(JournalError):
        apply(db, [put(1), put(2)])
    db.at = ""
    assert rows(db) == []
    assert apply(db, [put(3)]) == [1]


def test_an_undo_that_fails_breaks_the_journal(db: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    db.at, db.fault = "COMMIT", "SQLITE_FULL"
    monkeypatch.setattr("caseconnect.host.journal.batch._undo", lambda db: None)
    with pytest.raises(JournalBroken):
        apply(db, [put(1)])


def test_a_stop_in_the_middle_leaves_no_open_transaction(db: Faulty) -> None:
    writer = InlineWriter(db)
    with pytest.raises(KeyboardInterrupt):
        writer.submit_now(raising(KeyboardInterrupt()))
    assert writer.submit_now(put(1)) == 1
    assert rows(db) == [1]


def test_answers_come_in_order_from_many_threads_and_loops(db: Faulty) -> None:
    writer = ThreadWriter(db)
    order: list[tuple[int, int]] = []

    def work(worker: int) -> None:
        async def loop() -> None:
            async def one(number: int) -> None:
                await writer.submit(put(worker * 1000 + number))
                order.append((worker, number))

            await asyncio.gather(*(one(n) for n in range(100)))

        asyncio.run(loop()) if worker % 2 else [writer.submit_now(put(worker * 1000 + n)) for n in range(100)]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert rows(db) == [w * 1000 + n for w in range(6) for n in range(100)]
    for worker in (1, 3, 5):
        assert [n for w, n in order if w == worker] == list(range(100))


def test_what_waits_together_is_committed_together_and_fails_alone(db: Faulty) -> None:
    commits: list[int] = []
    writer = ThreadWriter(db)
    release, entered = threading.Event(), threading.Event()

    async def run() -> list[Any]:
        first = asyncio.create_task(writer.submit(stuck(release, entered)))
        await asyncio.to_thread(entered.wait)
        db.set_trace_callback(lambda sql: commits.append(1) if sql.startswith("COMMIT") else None)
        items = [put(1), raising(ValueError("no")), put(1), put(2)]
        waiting = [asyncio.create_task(writer.submit(item)) for item in items]
        await asyncio.sleep(0)
        release.set()
        await first
        return await asyncio.gather(*waiting, return_exceptions=True)

    results = asyncio.run(run())
    writer.close()
    assert [type(r) for r in results] == [int, ValueError, Conflict, int]
    assert len(commits) == 2
    assert rows(db) == [1, 2]


def outside(size: int = 0) -> Item:
    return Item("receive", lambda db: None, size, outside=True)


@pytest.mark.parametrize("limits", [{"max_items": 2}, {"max_bytes": 20}, {"max_age": 0.01}])
def test_a_full_queue_refuses_what_comes_from_outside_and_only_that(db: Faulty, limits: dict[str, Any]) -> None:
    writer = ThreadWriter(db, **limits)
    release, entered = threading.Event(), threading.Event()
    threads = [threading.Thread(target=writer.submit_now, args=(stuck(release, entered),))]
    threads[0].start()
    entered.wait(5)
    for _ in range(2):
        threads.append(threading.Thread(target=writer.submit_now, args=(Item("own", lambda db: None, 10),)))
        threads[-1].start()
    until(lambda: writer.load() >= 1)
    with pytest.raises(JournalBusy, match="try again"):
        writer.submit_now(outside())
    threads.append(threading.Thread(target=writer.submit_now, args=(put(1),)))
    threads[-1].start()
    release.set()
    for thread in threads:
        thread.join()
    until(lambda: writer.load() == 0)
    writer.submit_now(outside())
    writer.close()
    assert rows(db) == [1]


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_close_writes_what_waits_and_then_refuses(db: Faulty) -> None:
    writer = ThreadWriter(db)
    release, entered = threading.Event(), threading.Event()
    answers: list[object] = []

    async def run() -> None:
        first = asyncio.create_task(writer.submit(stuck(release, entered)))
        await asyncio.to_thread(entered.wait)
        waiting = [asyncio.create_task(writer.submit(put(n))) for n in range(1500)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(writer.close))
        await asyncio.to_thread(until, lambda: writer._closing)
        with pytest.raises(JournalBusy, match="closing"):
            await writer.submit(put("late"))
        release.set()
        await closing
        answers.extend(await asyncio.gather(first, *waiting))

    asyncio.run(run())
    writer.close()
    assert len(answers) == 1501
    assert rows(db) == list(range(1500))


@pytest.mark.parametrize("fault", ["SQLITE_IOERR_FSYNC", "SQLITE_IOERR_WRITE"])
def test_a_failed_commit_is_told_to_everybody_and_nobody_hears_of_success(db: Faulty, fault: str) -> None:
    broken: list[JournalError] = []
    writer = ThreadWriter(db, on_broken=broken.append)
    release, entered = threading.Event(), threading.Event()

    async def run() -> list[Any]:
        first = asyncio.create_task(writer.submit(stuck(release, entered)))
        await asyncio.to_thread(entered.wait)
        waiting = [asyncio.create_task(writer.submit(put(n))) for n in range(600)]
        await asyncio.sleep(0)
        db.at, db.fault = "COMMIT", fault
        release.set()
        results = await asyncio.gather(first, *waiting, return_exceptions=True)
        with pytest.raises(JournalBroken):
            await writer.submit(put(9))
        with pytest.raises(JournalBroken):
            writer.submit_now(put(9))
        return results

    results = asyncio.run(run())
    assert {type(r) for r in results} == {JournalBroken}
    assert len(results) == 601
    assert [type(b) for b in broken] == [JournalBroken]
    db.at = ""
    writer.close()
    assert rows(db) == []


def test_a_full_disk_is_told_and_gone_on_after(db: Faulty) -> None:
    broken: list[JournalError] = []
    writer = ThreadWriter(db, on_broken=broken.append)
    db.at, db.fault = "COMMIT", "SQLITE_FULL"
    with pytest.raises(JournalFull, match="free some space"):
        writer.submit_now(put(1))
    db.at = ""
    writer.submit_now(put(2))
    writer.close()
    assert rows(db) == [2]
    assert broken == []


@pytest.mark.parametrize(
    ("fault", "ends"), [("SQLITE_IOERR_FSYNC", True), ("SQLITE_FULL", False), ("SQLITE_BUSY", False)]
)
def test_a_checkpoint_that_was_not_synced_breaks_the_journal(db: Faulty, fault: str, ends: bool) -> None:
    broken: list[JournalError] = []
    writer = ThreadWriter(db, on_broken=broken.append, checkpoint_every=0.01)
    db.at, db.fault = "PRAGMA wal_checkpoint", fault
    writer.submit_now(put(1))
    if ends:
        until(lambda: bool(broken))
    writer.close()
    assert bool(broken) == ends
    assert rows(db) == [1]


def test_the_writing_thread_does_not_die_unheard(db: Faulty) -> None:
    broken: list[JournalError] = []
    writer = ThreadWriter(db, on_broken=broken.append)
    with pytest.raises(JournalBroken, match="SystemExit"):
        writer.submit_now(raising(SystemExit()))
    writer.close()
    assert len(broken) == 1
    assert rows(db) == []


def test_one_who_no_longer_waits_disturbs_nobody(db: Faulty) -> None:
    writer = ThreadWriter(db)
    release, entered = threading.Event(), threading.Event()

    async def run() -> None:
        first = asyncio.create_task(writer.submit(stuck(release, entered)))
        await asyncio.to_thread(entered.wait)
        gone, stays = (asyncio.create_task(writer.submit(put(n))) for n in (1, 2))
        await asyncio.sleep(0)
        gone.cancel()
        release.set()
        await asyncio.gather(first, stays)

    asyncio.run(run())
    asyncio.run(_leave(writer))
    writer.submit_now(put(4))
    writer.close()
    assert rows(db) == [1, 2, 3, 4]


async def _leave(writer: ThreadWriter) -> None:
    asyncio.create_task(writer.submit(put(3)))  # noqa: RUF006 - its loop ends before the answer
    await asyncio.sleep(0)


def test_the_log_is_moved_into_the_file_while_it_is_written(tmp_path: Path) -> None:
    desk = Desk(tmp_path, threaded=True)

    async def run() -> None:
        for number in range(40):
            new = delivery(f"d{number}", bytes(range(256)) * 4000)
            await desk.journal.receive([new], None, START)

    asyncio.run(run())
    assert desk.path.stat().st_size > 10_000
    assert len(desk.journal.unparsed(TENANT, START, 99)) == 40
    assert desk.journal.load() == 0
    desk.close()


def put_from_outside(value: int) -> Item:
    return Item("put", put(value).write, outside=True)


def test_after_a_crowd_the_next_batch_is_gathered(db: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(module, "_CROWD", 4)
    monkeypatch.setattr(module, "_GATHER", 60.0)

    def counted(db: sqlite3.Connection, items: Sequence[Item], seal: None) -> list[Any]:
        sizes.append(len(items))
        return apply(db, items)

    monkeypatch.setattr(module, "apply", counted)
    writer, release, entered = ThreadWriter(db), threading.Event(), threading.Event()

    async def flood() -> None:
        first = asyncio.create_task(writer.submit(stuck(release, entered)))
        await asyncio.to_thread(entered.wait, 10)
        crowd = [asyncio.create_task(writer.submit(put_from_outside(n))) for n in range(2)]
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(first, *crowd)
        await asyncio.gather(*(writer.submit(put_from_outside(n)) for n in range(2, 6)))

    asyncio.run(flood())
    writer.close()
    assert sizes == [1, 2, 4]
    assert rows(db) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("closes", [True, False])
def test_what_is_gathered_is_written_when_no_more_comes_or_the_journal_closes(
    db: Faulty, monkeypatch: pytest.MonkeyPatch, closes: bool
) -> None:
    monkeypatch.setattr(module, "_GATHER", 60.0 if closes else 0.001)
    writer = ThreadWriter(db)
    writer._crowd = True

    async def play() -> None:
        waiting = asyncio.create_task(writer.submit(put_from_outside(1)))
        await asyncio.sleep(0)
        if closes:
            await asyncio.to_thread(writer.close)
        await waiting

    asyncio.run(play())
    writer.close()
    assert rows(db) == [1]
