"""A daemon that fails says so before it ends, and after an end that was not in order the next one has people told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from errno import ENOSPC
from pathlib import Path

import pytest

from caseconnect.host import life
from caseconnect.host.alerting.causes import SEVERITIES
from caseconnect.host.alerting.channels import Channel
from caseconnect.host.alerting.messages import Message
from caseconnect.host.alerting.telling import Links
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.errors import JournalBroken, JournalBusy, JournalFull
from caseconnect.host.journal.notices import Notice
from caseconnect.host.life import ENDED, EVERY, WELL, Life, mark_path
from caseconnect.sdk.errors import TransientError
from caseconnect.sdk.testing.resources import RecordingLog
from caseconnect.sdk.testing.rig import in_virtual_time

FAILURE = JournalBroken("the journal cannot be written (disk I/O error)")
WELL_SECONDS = WELL.total_seconds()


@dataclass
class Way:
    """Keeps what it is given, after so many seconds; or fails."""

    seconds: float = 0.0
    fails: bool = False
    sent: list[Message] = field(default_factory=list)

    async def send(self, messages: Sequence[Message], now: datetime) -> None:
        await asyncio.sleep(self.seconds)
        if self.fails:
            raise TransientError("nobody is at home")
        self.sent += messages

    async def close(self) -> None: ...


class House:
    """One journal, and daemons one after another."""

    def __init__(self, folder: Path, *ways: Way) -> None:
        self.now = asyncio.get_running_loop().now  # type: ignore[attr-defined] # the virtual loop's
        self.ways = ways
        self.journal = SqliteJournal.open(folder / "journal.db", synchronous="OFF")

    @asynccontextmanager
    async def daemon(self, *, killed: bool = False, error: Exception | None = None) -> AsyncIterator[None]:
        one = Life(mark_path(self.journal.path), self.now, RecordingLog(), self.channels)
        running = asyncio.create_task(one.run(self.journal, Links("j1")))
        await asyncio.sleep(0.1)
        yield
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if not killed:
            await one.ended(error)

    def channels(self) -> list[Channel]:
        return [Channel(f"ch{n}", way, severities=frozenset(SEVERITIES)) for n, way in enumerate(self.ways)]  # type: ignore[arg-type] # what is asked of it

    def told(self) -> str | None:
        return self.journal.open_alerts("").get(ENDED)


@in_virtual_time
async def test_an_end_in_order_is_not_told(tmp_path: Path) -> None:
    house = House(tmp_path)
    for _ in range(2):
        async with house.daemon():
            await asyncio.sleep(3600)
            assert house.told() is None
    house.journal.close()


@in_virtual_time
async def test_after_a_kill_the_next_start_tells_when_it_was_last_alive_until_it_has_run_well(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.daemon(killed=True):
        await asyncio.sleep(3600)
    await asyncio.sleep(7200)
    async with house.daemon():
        assert house.told() == "the daemon was not stopped in order: its last sign of life was at 2026-01-01 01:00 UTC"
        await asyncio.sleep(WELL_SECONDS - 2 * EVERY)
        assert house.told() is not None
    async with house.daemon():
        assert house.told() is not None, "a stop in order before it has run well leaves it open"
        await asyncio.sleep(WELL_SECONDS + EVERY)
        assert house.told() is None
    house.journal.close()


@in_virtual_time
async def test_a_failure_is_told_by_each_channel_within_seconds_and_again_at_the_next_start(tmp_path: Path) -> None:
    ways = well, slow, broken = Way(), Way(seconds=3600), Way(fails=True)
    house = House(tmp_path, *ways)
    async with house.daemon(error=FAILURE):
        await asyncio.sleep(60)
        begin = house.now()
    assert (house.now() - begin).total_seconds() < 10
    assert [(m.kind, m.cause, m.severity, m.title) for m in well.sent] == [
        ("opened", ENDED, "critical", f"the daemon ends by a failure: {FAILURE}")
    ]
    assert well.sent[0].runbook == "docs/runbooks/daemon-ended.md"
    assert slow.sent == broken.sent == []
    async with house.daemon():
        assert house.told() == f"the daemon ended by a failure at 2026-01-01 00:01 UTC: {FAILURE}"
    house.journal.close()


@in_virtual_time
async def test_one_that_fails_again_and_again_says_so_once(tmp_path: Path) -> None:
    way = Way()
    house = House(tmp_path, way)
    for _ in range(3):
        async with house.daemon(error=FAILURE):
            await asyncio.sleep(5)
    assert len(way.sent) == 1
    async with house.daemon(error=FAILURE):
        await asyncio.sleep(WELL_SECONDS + EVERY)
    assert len(way.sent) == 2, "it had run well meanwhile"
    house.journal.close()


@in_virtual_time
async def test_what_the_journal_does_not_take_is_told_when_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    async with house.daemon(killed=True):
        pass

    async def busy(*_: object) -> None:
        raise JournalBusy("another program has it locked")

    with monkeypatch.context() as patched:
        patched.setattr(house.journal, "alert", busy)
        async with house.daemon(killed=True):
            patched.undo()
            assert house.told() is None
            await asyncio.sleep(EVERY)
            assert house.told() is not None
    house.journal.close()


@in_virtual_time
async def test_one_that_never_came_to_serve_leaves_the_mark_as_it_was(tmp_path: Path) -> None:
    way = Way()
    house = House(tmp_path, way)
    async with house.daemon(killed=True):
        pass
    mark = mark_path(house.journal.path)
    before = mark.stat().st_mtime
    await asyncio.sleep(60)
    for error in (None, FAILURE):
        await Life(mark, house.now, RecordingLog(), house.channels).ended(error)
    assert (mark.stat().st_mtime, mark.read_text(), way.sent) == (before, "", [])
    house.journal.close()


async def full(*_: object) -> None:
    """The journal takes nothing."""
    raise JournalFull("the disk is full")


@in_virtual_time
async def test_a_kill_of_which_nobody_heard_keeps_no_last_words_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way, dead = Way(), Way(fails=True)
    house = House(tmp_path, way, dead)
    async with house.daemon(killed=True):
        await asyncio.sleep(60)
    monkeypatch.setattr(house.journal, "alert", full)
    house.ways = (dead,)
    for _ in range(2):
        async with house.daemon(error=FAILURE):
            await asyncio.sleep(20)
    house.ways = (way, dead)
    for _ in range(2):
        async with house.daemon(error=FAILURE):
            await asyncio.sleep(20)
    assert len(way.sent) == 1, "as soon as somebody hears it, and then not again"
    monkeypatch.undo()
    async with house.daemon():
        kill, failure = str(house.told()).split("; ")
        assert kill == "the daemon was not stopped in order: its last sign of life was at 2026-01-01 00:01 UTC"
        assert failure == f"the daemon ended by a failure at 2026-01-01 00:02 UTC: {FAILURE}"
    house.journal.close()


@in_virtual_time
@pytest.mark.parametrize("writable", [True, False])
async def test_what_the_journal_does_not_take_outlives_stops_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writable: bool
) -> None:
    house = House(tmp_path)
    async with house.daemon(killed=True):
        await asyncio.sleep(60)
    with monkeypatch.context() as patched:
        patched.setattr(house.journal, "alert", full)
        if not writable:
            patched.setattr(life, "_put", no_room)
        for _ in range(2):
            async with house.daemon():
                await asyncio.sleep(600)
    async with house.daemon():
        assert house.told() == "the daemon was not stopped in order: its last sign of life was at 2026-01-01 00:01 UTC"
    for _ in range(2):
        async with house.daemon():
            await asyncio.sleep(WELL_SECONDS + EVERY)
    assert house.told() is None
    assert left(tmp_path) == []
    house.journal.close()


def left(folder: Path) -> list[Path]:
    """What of ends is kept beside the journal."""
    return [*folder.glob("journal.running*"), *folder.glob("journal.ended*")]


def no_room(path: Path, text: str) -> None:
    """Nothing can be written."""
    raise OSError(ENOSPC, "no space left on device")


@in_virtual_time
async def test_an_alert_of_which_a_channel_told_is_known(tmp_path: Path) -> None:
    way = Way()
    house = House(tmp_path, way)
    async with house.daemon(killed=True):
        pass
    async with house.daemon(killed=True):
        (alert,), _ = house.journal.tellable()
        await house.journal.put_notices([Notice(alert.seq, "ch0", "opened", house.now(), "sent", house.now())])
    async with house.daemon(error=FAILURE):
        pass
    assert way.sent == []
    house.journal.close()
