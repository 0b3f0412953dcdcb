"""A journal that was set back, copied or put elsewhere starts paused and asks about the money first (faults.md, B6)."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from damaging import worked
from journal_desk import Desk, delivery
from toys import LOST_AFTER, Pipe, World, acting, flow

from caseconnect.cli import Exit, main
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.backups import back_up, check
from caseconnect.host.journal.doubting import CAUSE
from caseconnect.host.journal.errors import JournalError
from caseconnect.host.journal.records import Brake
from caseconnect.models import Money
from caseconnect.sdk.commands import HoldOrder, RefundPayment
from caseconnect.sdk.components import Sighting
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.virtual import run

REFUND = RefundPayment(amount=Money(amount=Decimal(10), currency="EUR"))


def doubt_of(path: Path) -> str | None:
    journal = SqliteJournal.open(path)
    try:
        return journal.in_doubt()
    finally:
        journal.close()


def set_back(data: Path) -> None:
    """Put yesterday's file back; the marker knows better."""
    for part in ("-wal", "-shm"):
        (data / f"journal.db{part}").unlink(missing_ok=True)
    (data / "yesterday.db").replace(data / "journal.db")


def without_wal(data: Path) -> None:
    """As copied by somebody who did not know of it."""
    (data / "journal.db-wal").unlink()


def fork(data: Path) -> None:
    """Set back, and then as long as it was, with another past."""
    marker = (data / "journal.instance").read_bytes()
    set_back(data)
    (data / "journal.instance").unlink()
    desk = Desk(data)
    for number in range(9):
        desk.receive(delivery(f"other{number}", b"other %d" % number))
    desk.close()
    (data / "journal.instance").write_bytes(marker)


def garbled(data: Path) -> None:
    """A marker that cannot be read."""
    (data / "journal.instance").write_bytes(b"{}")


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (set_back, "was set back: 2 records"),
        (without_wal, "was set back: 2 records"),
        (fork, "another past"),
        (garbled, "marker"),
        (lambda data: (data / "journal.instance").unlink(), "marker"),
    ],
)
def test_a_journal_with_another_past_than_its_marker_is_in_doubt(
    tmp_path: Path, harm: Callable[[Path], Any], word: str
) -> None:
    data = tmp_path / "data"
    path = worked(data, orders=2)
    back_up(path, data / "yesterday.db")
    desk = Desk(data)
    desk.receive(delivery("new1", b"1"), delivery("new2", b"2"))
    shutil.copytree(data, tmp_path / "killed")  # as kill -9 leaves it, with its -wal
    desk.close()
    shutil.rmtree(data)
    (tmp_path / "killed").rename(data)
    harm(data)
    assert word in str(doubt_of(path))
    assert word in str(doubt_of(path)), "it stays in doubt until everything was paused"


def test_a_person_may_mistrust_a_journal_whose_whole_folder_was_set_back(tmp_path: Path) -> None:
    path = worked(tmp_path, orders=1)
    journal = SqliteJournal.open(path, mistrust="said so")
    assert journal.in_doubt() == "said so"
    journal.close()
    assert doubt_of(path) is None


def test_a_killed_journal_is_in_no_doubt(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "data")
    desk.receive(delivery("new1", b"1"))
    shutil.copytree(tmp_path / "data", tmp_path / "killed")
    desk.close()
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "killed").rename(tmp_path / "data")
    assert doubt_of(desk.path) is None


def test_a_marker_that_is_older_than_the_journal_is_in_order(tmp_path: Path) -> None:
    """As after a power loss: the journal is synced, the marker is not."""
    path = worked(tmp_path, orders=1)
    marker = (tmp_path / "journal.instance").read_bytes()
    desk = Desk(tmp_path)
    desk.receive(delivery("new1", b"1"))
    desk.close()
    (tmp_path / "journal.instance").write_bytes(marker)
    assert doubt_of(path) is None


def test_another_place_and_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worked(tmp_path / "here", orders=1)
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    told = str(doubt_of(tmp_path / "there" / "journal.db"))
    assert str(tmp_path / "here") in told
    assert str(tmp_path / "there") in told
    monkeypatch.setenv("CONNECT_ENVIRONMENT", "staging")
    desk = Desk(tmp_path / "staging")
    desk.receive(delivery())
    desk.close()
    shutil.copytree(tmp_path / "staging", tmp_path / "moved")
    assert doubt_of(tmp_path / "moved" / "journal.db") is None, "it has a name of its own: its place does not matter"
    monkeypatch.setenv("CONNECT_ENVIRONMENT", "production")
    assert "staging" in str(doubt_of(tmp_path / "moved" / "journal.db"))


def the_past(folder: Path) -> None:
    """Set the journal back to `past.db`, as `connect restore` does."""
    told = CliRunner().invoke(main, ["restore", str(folder / "past.db"), "--data", str(folder)])
    assert told.exit_code == Exit.OK, told.output


@pytest.mark.parametrize("planned_before", [True, False])
def test_money_that_a_lost_past_sent_is_not_sent_again(tmp_path: Path, planned_before: bool) -> None:
    """The backup knows the refund as planned, or knows nothing of it: it is found, and sent once in all."""

    async def story() -> None:
        world = World()
        pipe = Pipe(tmp_path, world, [flow("odd", acting(HoldOrder(), REFUND))])
        async with pipe:
            await pipe.look({"id": "7"})
            assert world.of("RefundPayment") == ["RefundPayment"]
            if planned_before:
                await pipe.journal.pause(_brake(pipe))
            await pipe.send()
            await pipe.runner.intake.turn()
            if planned_before:
                await pipe.settle()
                assert pipe.commands()["RefundPayment"] == "planned"
            back_up(tmp_path / "journal.db", tmp_path / "past.db")
            await pipe.journal.resume("acme", "tenant", "acme", "go on", "ann", pipe.now())
            await pipe.settle()
            assert world.of("RefundPayment") == ["RefundPayment"] * 2
        the_past(tmp_path)
        async with Pipe(tmp_path, world, [flow("odd", acting(HoldOrder(), REFUND))]) as pipe:
            await pipe.settle()
            assert CAUSE in pipe.alerts()
            assert len(world.attempts) == 4, "paused: nothing is sent"
            (told,) = [a["title"] for a in pipe.journal.stuck()["alerts"] if a["cause"] == CAUSE]
            asked = "2 money commands: 2 done" if planned_before else "1 money commands: 1 done"
            assert f"the platforms were asked about {asked}" in told
            await pipe.journal.resume("acme", "tenant", "acme", "looked at", "ann", pipe.now())
            await pipe.pass_time(120)
            assert pipe.commands()["RefundPayment"] == "done"
            assert [kind for kind, _ in world.attempts].count("RefundPayment") == 2
        async with Pipe(tmp_path, world, [flow("odd", acting(HoldOrder(), REFUND))]) as pipe:
            assert pipe.journal.in_doubt() is None, "only once"
            assert not pipe.journal.brakes()

    run(story())


def _brake(pipe: Pipe) -> Any:
    return Brake("acme", "tenant", "acme", "a look", "ann", pipe.now())


def test_done_here_and_not_there_is_told_and_the_unclear_is_a_persons(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("odd", acting(REFUND))]) as pipe:
            await pipe.look({"id": "1"})
            world.script["execute:RefundPayment"] = [LOST_AFTER]
            await pipe.look({"id": "2"})
        back_up(tmp_path / "journal.db", tmp_path / "past.db")
        the_past(tmp_path)
        world.script["verify:RefundPayment"] = [Sighting(seen=False), Sighting(seen=None, note="too old")]
        async with Pipe(tmp_path, world, [flow("odd", acting(REFUND))]) as pipe:
            await pipe.settle()
            assert "doubt:RefundPayment" in pipe.alerts()
            assert pipe.commands(Subject("shop", "order", "2"))["RefundPayment"] == "parked"
            assert len(world.of("RefundPayment")) == 2

    run(story())


def test_backup_verify_and_restore_by_command(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "b.db"
    worked(data, orders=2)

    def said(*arguments: object) -> Result:
        return CliRunner().invoke(main, [*map(str, arguments), "--data", str(data)])

    assert "verified" in said("backup", file).output
    assert (file.stat().st_mode & 0o777, [*tmp_path.glob(".b.db*")]) == (0o600, [])
    assert said("backup", file).exit_code == Exit.WRONG, "a backup is never written over"
    assert said("verify").output.strip() == f"{data / 'journal.db'} is whole"
    file.write_bytes(file.read_bytes()[:-4096])
    assert said("verify", file).exit_code == Exit.JOURNAL
    refused = said("restore", file)
    assert refused.exit_code == Exit.JOURNAL
    assert "is not restored, it is damaged" in refused.output
    assert doubt_of(data / "journal.db") is None, "nothing was touched"
    desk = Desk(data)
    assert said("backup", tmp_path / "live.db").exit_code == Exit.OK, "also while somebody writes"
    assert said("restore", tmp_path / "live.db").exit_code == Exit.HELD
    desk.close()
    told = json.loads(said("restore", tmp_path / "live.db", "--json").output)
    assert check(Path(told["kept"])) == []
    assert "restored from live.db" in str(doubt_of(data / "journal.db"))


def test_a_damaged_journal_gives_no_backup(tmp_path: Path) -> None:
    path = worked(tmp_path, orders=1)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE commands SET state='planned'")
    db.close()
    with pytest.raises(JournalError, match="no backup was made"):
        back_up(path, tmp_path / "b.db")
    assert [*tmp_path.glob("*b.db*")] == []
