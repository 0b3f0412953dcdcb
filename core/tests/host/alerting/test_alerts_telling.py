"""Alerts reach people: once when they open, again while they stay open, once when they close."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from pigeon import Pigeon

from caseconnect.host.alerting.causes import SEVERITIES
from caseconnect.host.alerting.channels import Channel
from caseconnect.host.alerting.due import HOLDS, planned
from caseconnect.host.alerting.telling import EVERY, Links, Teller
from caseconnect.host.journal import SqliteJournal, notices
from caseconnect.host.journal.errors import JournalFull
from caseconnect.host.journal.notices import Notice, Told
from caseconnect.host.journal.records import NewAlert
from caseconnect.sdk.testing.resources import RecordingLog
from caseconnect.sdk.testing.rig import in_virtual_time

AUTH = "auth:shop"
REPEAT = timedelta(hours=4)
START = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)


class Desk:
    """A journal with its teller, on virtual time."""

    def __init__(self, folder: Path, **ways: Pigeon) -> None:
        self.folder, self.ways = folder, ways
        self.channels = [Channel(n, w, severities=frozenset(SEVERITIES)) for n, w in ways.items()]
        self.now = asyncio.get_running_loop().now  # type: ignore[attr-defined] # the virtual loop's
        self.open()

    def open(self) -> None:
        self.journal = SqliteJournal.open(self.folder / "journal.db", synchronous="OFF")
        links = Links("j1", "https://docs.example.com/runbooks", "https://console.example.com")
        self.teller = Teller(self.journal, self.channels, REPEAT, self.now, RecordingLog(), links)

    def restart(self) -> None:
        self.journal.close()
        self.open()

    async def alert(self, cause: str = AUTH, title: str = "refused", tenant: str = "acme") -> None:
        await self.journal.alert(NewAlert(tenant, cause, title, "shop"), self.now())

    async def pass_time(self, **time: float) -> None:
        end = self.now() + timedelta(**time)
        while self.now() < end:
            await self.teller.turn()
            await asyncio.sleep(60 if "hours" in time else EVERY)


@in_virtual_time
async def test_an_alert_is_told_when_it_opens_every_four_hours_and_when_it_closes(tmp_path: Path) -> None:
    way = Pigeon()
    desk = Desk(tmp_path, ops=way)
    await desk.alert()
    await desk.alert()
    await desk.pass_time(hours=9)
    assert way.told() == [f"opened {AUTH}", f"repeated {AUTH}", f"repeated {AUTH}"]
    assert (way.sent[1][0].first_at - way.sent[0][0].first_at, way.sent[1][0].count) == (timedelta(0), 2)
    await desk.journal.close_alert("acme", AUTH, desk.now())
    await desk.pass_time(hours=9)
    assert way.told()[3:] == [f"closed {AUTH}"]
    assert way.sent[3][0].closed == "2026-01-01 09:00 UTC by itself"
    assert len({m.id for some in way.sent for m in some}) == 4
    await desk.alert()
    await desk.pass_time(minutes=1)
    assert way.told()[4:] == [f"opened {AUTH}"], "an alert that opens anew is another one"


@in_virtual_time
async def test_a_restart_tells_nothing_twice_and_forgets_nothing(tmp_path: Path) -> None:
    way = Pigeon()
    desk = Desk(tmp_path, ops=way)
    await desk.alert()
    await desk.pass_time(minutes=1)
    for _ in range(3):
        desk.restart()
        await desk.pass_time(minutes=1)
    assert way.told() == [f"opened {AUTH}"]
    await desk.journal.close_alert("acme", AUTH, desk.now())
    desk.restart()
    await desk.pass_time(hours=5)
    assert way.told() == [f"opened {AUTH}", f"closed {AUTH}"]


@in_virtual_time
async def test_what_a_crash_sends_again_has_the_same_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    way = Pigeon()
    desk = Desk(tmp_path, ops=way)
    await desk.alert()
    put = desk.journal.put_notices

    async def once(told: Sequence[Notice]) -> None:
        if way.sent:
            raise RuntimeError("the power is gone")
        await put(told)

    monkeypatch.setattr(desk.journal, "put_notices", once)
    with suppress(RuntimeError):
        await desk.teller.turn()
    desk.restart()
    await desk.pass_time(minutes=1)
    assert [m.kind for some in way.sent for m in some] == ["opened", "opened"]
    assert len({m.id for some in way.sent for m in some}) == 1


@in_virtual_time
async def test_what_was_over_before_it_could_be_told_is_not_told(tmp_path: Path) -> None:
    way = Pigeon(down=True)
    desk = Desk(tmp_path, ops=way)
    await desk.alert()
    await desk.pass_time(minutes=2)
    await desk.journal.close_alert("acme", AUTH, desk.now())
    way.down = False
    await desk.pass_time(hours=1)
    assert AUTH not in " ".join(way.told())


@in_virtual_time
async def test_a_channel_that_fails_is_told_by_the_others_and_rests_longer_and_longer(tmp_path: Path) -> None:
    broken, well = Pigeon(down=True), Pigeon()
    desk = Desk(tmp_path, broken=broken, well=well)
    await desk.alert()
    await desk.pass_time(hours=1)
    assert well.told() == [f"opened {AUTH}", "opened channel:broken"]
    assert "nobody is at home" in well.sent[1][0].title
    assert 6 <= broken.tried <= 10
    broken.down = False
    await desk.pass_time(minutes=20)
    assert broken.told() == [f"opened {AUTH}"]
    assert well.told()[2:] == ["closed channel:broken"]


@in_virtual_time
async def test_a_channel_that_hangs_keeps_no_other_waiting(tmp_path: Path) -> None:
    hung, well = Pigeon(hangs=True), Pigeon()
    desk = Desk(tmp_path, hung=hung, well=well)
    running = asyncio.create_task(desk.teller.run())
    await asyncio.sleep(EVERY)
    await desk.alert()
    await asyncio.sleep(2 * EVERY)
    assert (hung.tried, well.told()) == (1, [f"opened {AUTH}"])
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@in_virtual_time
async def test_what_goes_together_goes_as_one_and_not_too_often(tmp_path: Path) -> None:
    way = Pigeon(together=True, apart=timedelta(minutes=1))
    desk = Desk(tmp_path, mail=way)
    await desk.alert("parked:event")
    await desk.pass_time(seconds=10)
    for number in range(40):
        await desk.alert(f"fraud_review:order {number} is odd")
        await desk.pass_time(seconds=5)
    sizes = [len(some) for some in way.sent]
    assert sizes[0] == 1
    assert len(sizes) == 4
    assert sum(sizes) == 36, "the last wait for the next mail"


@in_virtual_time
async def test_a_channel_is_told_what_it_is_for(tmp_path: Path) -> None:
    bad, acme, host = Pigeon(), Pigeon(), Pigeon()
    desk = Desk(tmp_path, bad=bad, acme=acme, host=host)
    desk.teller.channels = [
        Channel("bad", bad, severities=frozenset({"critical"})),
        Channel("acme", acme, frozenset({"acme"}), frozenset(SEVERITIES)),
        Channel("host", host, severities=frozenset({"warning"})),
    ]
    for tenant, cause in (("acme", "parked:event"), ("other", "unknown:RefundPayment"), ("", "disk:low")):
        await desk.alert(cause, tenant=tenant)
    await desk.pass_time(minutes=1)
    assert bad.told() == ["opened unknown:RefundPayment"]
    assert acme.told() == ["opened parked:event"]
    assert host.told() == ["opened parked:event", "opened disk:low"]


@in_virtual_time
async def test_nothing_personal_is_told_and_links_lead_on(tmp_path: Path) -> None:
    way = Pigeon()
    desk = Desk(tmp_path, ops=way)
    title = "order 1001 of ann@example.com, card 4111 1111 1111 1111,\nis odd"
    await desk.alert(f"fraud_review:{title}", title)
    await desk.pass_time(seconds=5)
    (message,) = way.sent[0]
    assert message.title == "order 1001 of [e-mail], card [card …1111], is odd"
    assert "ann@" not in repr(message)
    assert message.runbook == "https://docs.example.com/runbooks/flow-told"
    assert message.console == "https://console.example.com/alerts"


@in_virtual_time
async def test_what_a_channel_refuses_keeps_nothing_else_waiting(tmp_path: Path) -> None:
    way, well = Pigeon(refuses="auth:bad"), Pigeon()
    desk = Desk(tmp_path, ops=way, well=well)
    await desk.alert("auth:bad")
    await desk.pass_time(seconds=10)
    for number in range(5):
        await desk.alert(f"auth:other{number}")
    await desk.pass_time(seconds=10)
    assert way.told() == [f"opened auth:other{number}" for number in range(5)]
    await desk.pass_time(hours=3)
    assert 12 <= way.tried - 5 <= 20, "it is tried later and later, at least every quarter of an hour"
    assert [told for told in well.told() if "channel" in told] == ["opened channel:ops"]
    way.refuses = ""
    await desk.pass_time(minutes=16)
    assert way.told()[5:] == ["opened auth:bad"]
    assert well.told()[-1] == "closed channel:ops"


@in_virtual_time
async def test_what_was_told_while_the_journal_takes_nothing_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook, mail = Pigeon(), Pigeon(together=True, apart=timedelta(minutes=1))
    desk = Desk(tmp_path, hook=hook, mail=mail)
    await desk.alert()
    put, full = desk.journal.put_notices, True

    async def refuse(told: Sequence[Notice]) -> None:
        if full and any(n.state == "sent" for n in told):
            raise JournalFull("no room")
        await put(told)

    monkeypatch.setattr(desk.journal, "put_notices", refuse)
    running = asyncio.create_task(desk.teller.run())
    await asyncio.sleep(3600)
    assert (len(hook.sent), len(mail.sent)) == (1, 1)
    full = False
    await asyncio.sleep(2 * EVERY)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert {n.state for n in desk.journal.tellable()[1]} == {"sent"}


@in_virtual_time
async def test_an_alert_after_a_restore_is_not_taken_for_the_one_that_was_lost(tmp_path: Path) -> None:
    ids = []
    for folder in (tmp_path / "before", tmp_path / "restored"):
        folder.mkdir()
        way = Pigeon()
        desk = Desk(folder, ops=way)
        await desk.alert()
        await desk.pass_time(seconds=5)
        ids += [message.id for some in way.sent for message in some]
    assert len(set(ids)) == 2


def told(opened_before: int, held: timedelta, closed: timedelta | None = None, heard: str = "ops") -> bool:
    """Whether the opening of an alert is told, by the pure rule."""
    ended = START + closed if closed else None
    alert = Told(1, "acme", AUTH, "refused", "", START, START, 1, ended, None, None, opened_before, frozenset({heard}))
    channel = Channel("ops", Pigeon(), severities=frozenset(SEVERITIES))
    return bool(planned(([alert], []), [channel], REPEAT, START + held))


def test_once_it_was_told_that_it_comes_and_goes_it_is_told_only_when_it_holds() -> None:
    none, short = timedelta(0), HOLDS - timedelta(seconds=1)
    assert [told(before, none) for before in range(5)] == [True] * 3 + [False] * 2
    assert [told(before, none, heard="another") for before in range(5)] == [True] * 5
    assert [told(4, held) for held in (none, short, HOLDS, timedelta(hours=5))] == [False, False, True, True]
    assert not told(4, HOLDS, closed=short)


@in_virtual_time
async def test_what_comes_and_goes_is_told_four_times_and_again_when_it_holds(tmp_path: Path) -> None:
    way = Pigeon()
    desk = Desk(tmp_path, ops=way)
    for _ in range(12):
        await desk.alert()
        await desk.pass_time(minutes=1)
        await desk.journal.close_alert("acme", AUTH, desk.now())
        await desk.pass_time(minutes=1)
    assert way.told() == [f"opened {AUTH}", f"closed {AUTH}"] * 4
    titles = [m.title for some in way.sent for m in some if m.kind == "opened"]
    assert titles[:3] == ["refused"] * 3
    assert titles[3] == (
        "refused (it comes and goes: 4 times within an hour; it is told once an hour, and when it holds for 10m)"
    )
    await desk.alert("auth:other")
    await desk.alert()
    await desk.pass_time(minutes=9)
    assert way.told()[8:] == ["opened auth:other"], "another cause is told as ever"
    await desk.pass_time(minutes=2)
    assert way.told()[9:] == [f"opened {AUTH}"]
    assert way.sent[-1][0].title == "refused (it comes and goes: 13 times within an hour; it held for 10m)"
    await desk.journal.close_alert("acme", AUTH, desk.now())
    await desk.pass_time(hours=1.1)
    await desk.alert()
    await desk.pass_time(minutes=1)
    assert way.told()[10:] == [f"closed {AUTH}", f"opened {AUTH}"]
    assert way.sent[-1][0].title == "refused", "after a quiet hour it is as ever"


@in_virtual_time
@pytest.mark.parametrize(("open_for", "shut_for"), [(1, 4), (4, 1), (9, 4)])
async def test_what_comes_and_goes_all_night_is_told_once_an_hour(tmp_path: Path, open_for: int, shut_for: int) -> None:
    way, late = Pigeon(), Pigeon(down=True)
    desk = Desk(tmp_path, ops=way, late=late)
    at = []
    for number in range(480 // (open_for + shut_for)):
        late.down = number < 3
        await desk.alert()
        before = len(way.told())
        await desk.pass_time(hours=open_for / 60)
        at += [desk.now()] * (f"opened {AUTH}" in way.told()[before:])
        await desk.journal.close_alert("acme", AUTH, desk.now())
        await desk.pass_time(hours=shut_for / 60)
    waited = [then - now for now, then in pairwise(at)]
    assert len(at) in (10, 11), "three, and then each hour"
    assert max(waited) <= timedelta(hours=1, minutes=open_for + shut_for)
    heard = [m.title for some in late.sent for m in some if m.kind == "opened" and m.cause == AUTH]
    assert "it is told once an hour" in heard[0], "who missed the first is told the next"


def test_what_is_over_costs_a_look_nothing(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path / "journal.db", synchronous="OFF")
    plans = [
        row[3]
        for query in (notices._ALERTS, notices._HEARD, notices._TOLD)
        for row in journal._db().execute(f"EXPLAIN QUERY PLAN {query}", (1,) * query.count("?"))
    ]
    journal.close()
    scans = [plan for plan in plans if plan.startswith("SCAN") and "INDEX alerts_on" not in plan]
    assert [plan for plan in scans if "INDEX notices_open" not in plan] == []
    assert [plan for plan in plans if "alerts_of (tenant=? AND cause=? AND first_at>?" in plan], plans
