"""The daily mail: once a day, whatever happens, and what it says is so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from mail_post import serving
from toys import Pipe, World, flow, opening

from caseconnect.host.alerting.daily import DailyMail, daily_mail
from caseconnect.host.alerting.desk import tell
from caseconnect.host.alerting.mailing import Mail, MailServer
from caseconnect.host.alerting.settings import AlertsPart, DailyPart
from caseconnect.host.alerting.telling import Links
from caseconnect.host.daemon import Daemon, Options
from caseconnect.host.daemon_file import load_daemon_file
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.auditing import Comparison
from caseconnect.host.journal.errors import JournalFull
from caseconnect.host.journal.records import NewAlert, NewDelivery
from caseconnect.host.journal.summary import Day
from caseconnect.models import Money
from caseconnect.sdk.commands import RefundPayment
from caseconnect.sdk.decisions import Decision
from caseconnect.sdk.errors import TransientError
from caseconnect.sdk.events import CommandSettled
from caseconnect.sdk.testing.resources import MemorySecrets, RecordingLog
from caseconnect.sdk.testing.rig import in_virtual_time

LINKS = Links("j1", console="https://console.example.com")


class Server(MailServer):
    """Keeps mails instead of sending them."""

    def __init__(self, *, down: bool = False) -> None:
        self.down, self.sent = down, list[tuple[str, Mail, datetime]]()

    async def send(self, mail: Mail, to: Sequence[str], name: str, now: datetime) -> None:
        if self.down:
            raise TransientError("mail.example.com cannot be reached")
        self.sent.append((name, mail, now))


def daily(journal: SqliteJournal, server: Server, **settings: Any) -> DailyMail:
    part = DailyPart.model_validate({"to": ["lead@example.com"], "at": "07:00", "zone": "Europe/Berlin"} | settings)
    now = asyncio.get_running_loop().now  # type: ignore[attr-defined] # the virtual loop's
    return DailyMail(journal, part, server, lambda: ["acme"], now, RecordingLog(), LINKS)


async def pass_time(mail: DailyMail, hours: float) -> None:
    for _ in range(int(hours * 12)):
        await mail.turn()
        await asyncio.sleep(300)


@in_virtual_time
async def test_it_comes_once_a_day_at_its_time_though_restarted(tmp_path: Path) -> None:
    journal, server = SqliteJournal.open(tmp_path / "journal.db", synchronous="OFF"), Server()
    for _ in range(8):
        await pass_time(daily(journal, server), 9)
    assert [(name, f"{at:%d %H:%M}") for name, _, at in server.sent] == [
        ("daily_j1_2026-01-01", "01 06:00"),
        ("daily_j1_2026-01-02", "02 06:00"),
        ("daily_j1_2026-01-03", "03 06:00"),
    ]
    journal.close()


@in_virtual_time
async def test_one_that_was_missed_comes_late_and_one_from_before_it_was_set_up_never(tmp_path: Path) -> None:
    journal, server = SqliteJournal.open(tmp_path / "journal.db", synchronous="OFF"), Server()
    await asyncio.sleep(10 * 3600)
    await pass_time(daily(journal, server), 1)
    assert server.sent == []
    await asyncio.sleep(30 * 3600)
    await pass_time(daily(journal, server), 1)
    assert [name for name, _, _ in server.sent] == ["daily_j1_2026-01-02"]
    journal.close()


@in_virtual_time
async def test_a_server_that_is_down_is_told_of_and_gets_it_later(tmp_path: Path) -> None:
    journal, server = SqliteJournal.open(tmp_path / "journal.db", synchronous="OFF"), Server(down=True)
    mail = daily(journal, server)
    await pass_time(mail, 7)
    (alert,) = journal.stuck()["alerts"]
    assert (alert["cause"], alert["count"]) == ("channel:daily", 6)
    server.down = False
    await pass_time(mail, 1)
    assert (len(server.sent), journal.stuck()["alerts"]) == (1, [])
    journal.close()


@in_virtual_time
async def test_it_comes_once_though_the_journal_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, server = SqliteJournal.open(tmp_path / "journal.db", synchronous="OFF"), Server()
    await journal.remember("daily_mail", "2025-12-30")
    remember, full = journal.remember, True

    async def refuse(name: str, value: str) -> None:
        if full:
            raise JournalFull("no room")
        await remember(name, value)

    monkeypatch.setattr(journal, "remember", refuse)
    running = asyncio.create_task(daily(journal, server).run())
    await asyncio.sleep(26 * 3600)
    assert [name for name, _, _ in server.sent] == ["daily_j1_2025-12-31", "daily_j1_2026-01-01"]
    full = False
    await asyncio.sleep(60)
    assert journal.remembered("daily_mail") == "2026-01-01"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    journal.close()


@pytest.mark.parametrize(
    ("day", "since", "until"),
    [("2026-03-29", "2026-03-28T06:00", "2026-03-29T05:00"), ("2026-10-25", "2026-10-24T05:00", "2026-10-25T06:00")],
)
def test_a_day_on_which_clocks_are_set_is_told_whole(day: str, since: str, until: str) -> None:
    part = DailyPart.model_validate({"to": ["lead@example.com"], "at": "07:00", "zone": "Europe/Berlin"})
    noon = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    mail = DailyMail(None, part, Server(), list, lambda: noon, RecordingLog(), LINKS)  # type: ignore[arg-type] # not asked
    told = mail._last_due()
    assert (f"{mail._before(told):%Y-%m-%dT%H:%M}", f"{told:%Y-%m-%dT%H:%M}") == (since, until)


@in_virtual_time
async def test_what_it_says_is_what_was(tmp_path: Path) -> None:
    refund = RefundPayment(amount=Money(amount="12.50", currency="EUR"), note="n")
    first = opening(refund)

    def review(event: Any, *more: Any) -> Any:
        refunded = isinstance(event, CommandSettled) and event.kind == RefundPayment.kind
        return Decision(reason="a refund", alert="look") if refunded else first(event, *more)

    flows = [flow("review", review), flow("other", below)]
    async with Pipe(tmp_path, World(), flows) as p:
        begin = p.now()
        await p.look()
        await p.pass_time(3600)
        for order in ("2", "2", "3"):
            await p.look({"id": order})
        await p.journal.receive([NewDelivery("acme", "shop", "x", "bad", p.now(), b"not json")], None, p.now())
        await p.settle()
        for what, wrong in (("changes", 4), ("money", 1), ("cases", 0)):
            one = Comparison("acme", "shop", what, p.now(), begin, p.now(), 9, wrong, ("shop/order/1",))  # type: ignore[arg-type]
            await p.journal.compared(one)
        await p.pass_time(60)
        day = p.journal.day("acme", begin, p.now())
        assert (day.received, day.opened, day.late, day.unmatched, day.parked) == (5, 3, 4, 1, 1)
        assert [str(money) for money in day.moved] == ["37.50 EUR"]
        # Nor does it count that each case was opened, but that each refund was told to a person.
        why = (("other: order … is below … EUR", 4), ("review: a refund", 3), ("review: seen before", 1))
        assert day.reasons == why
        assert day.alerts == len(p.alerts())
        later = p.journal.day("acme", p.now(), p.now() + timedelta(days=1))
        assert (later.received, later.opened, later.moved, later.reasons) == (0, 0, (), ())


def below(event: Any, matter: Any, facts: Any, settings: Any, now: Any) -> Decision:
    return Decision(reason=f"order {event.subject} is below 42.00 EUR")


def test_the_mail_is_text_and_html_of_the_same_words() -> None:
    day = Day(
        812,
        3,
        (("fraud: <low> of ann@example.com", 700), ("fraud: shipped", 1)),
        1,
        0,
        2,
        (Money(amount="12.50", currency="EUR"),),
        1,
    )
    until = datetime(2026, 1, 2, 7, tzinfo=UTC)
    mail = daily_mail({"acme": day}, until - timedelta(days=1), until, LINKS)
    assert mail.subject == "[Connect] 2026-01-02: 3 wait for a person"
    for text in (mail.text, mail.html):
        assert "ann@" not in text
        told = ("acme", "812", "12.50 EUR", "700 times", "once fraud: shipped", "https://console.example.com")
        assert all(word in text for word in told)
    assert "  why nothing was done:\n    700 times fraud: <low> of [e-mail]" in mail.text
    assert "&lt;low&gt;" in mail.html


def test_the_desk_tells_alerts_and_the_day_by_real_mail(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    due = now - timedelta(seconds=90)

    async def story(port: int) -> None:
        smtp = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "connect@example.com"}
        settings = AlertsPart.model_validate(
            {
                "smtp": smtp,
                "daily": {"to": ["lead@example.com"], "at": f"{due:%H:%M}"},
                "channels": {"ops": {"mail": {"to": ["ops@example.com"]}}, "log": {"log": {}}},
            }
        )
        journal = SqliteJournal.open(tmp_path / "journal.db", synchronous="OFF")
        await journal.alert(NewAlert("acme", "disk:low", "little room"), now)
        telling = asyncio.create_task(
            tell(settings, MemorySecrets(), journal, lambda: ["acme"], lambda: now, RecordingLog(), LINKS)
        )
        async with asyncio.timeout(20):
            while len(server.mails) < 2:  # noqa: ASYNC110 - the server is a thread
                await asyncio.sleep(0.01)
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        journal.close()

    with serving("") as server:
        asyncio.run(story(server.port))
    told = {message_from_bytes(m.content, policy=default)["Subject"] for m in server.mails}
    day = f"[Connect] {due:%Y-%m-%d}: 1 wait for a person"
    assert told == {"[Connect] new, warning: acme: The disk is nearly full", day}


def test_the_daemon_tells_what_its_file_says(tmp_path: Path) -> None:
    log = RecordingLog()
    (tmp_path / "connect.yaml").write_text("alerts: {channels: {log: {log: {}}}}")
    settings, _ = load_daemon_file(tmp_path / "connect.yaml")
    assert settings is not None
    daemon = Daemon(Options(tmp_path), {}, log, settings=settings)

    async def story() -> None:
        journal = SqliteJournal.open(tmp_path / "journal.db", synchronous="OFF")
        await journal.alert(NewAlert("", "disk:full", "no room"), daemon.now())
        telling = asyncio.create_task(daemon._tell(journal))
        async with asyncio.timeout(20):
            while not log.lines:  # noqa: ASYNC110 - whoever writes it knows no event
                await asyncio.sleep(0)
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        journal.close()

    asyncio.run(story())
    assert [(level, event) for level, event, _ in log.lines] == [("error", "alert opened")]


@in_virtual_time
async def test_what_is_told_of_channels_closes_when_the_file_has_them_no_more(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path / "journal.db", synchronous="OFF")
    now = asyncio.get_running_loop().now  # type: ignore[attr-defined] # the virtual loop's
    for cause in ("channel:former", "channel:log", "channel:daily", "disk:low"):
        await journal.alert(NewAlert("", cause, "it was so"), now())
    settings = AlertsPart.model_validate({"channels": {"log": {"log": {}}}, "repeat": "4h"})
    telling = asyncio.create_task(tell(settings, MemorySecrets(), journal, list, now, RecordingLog(), LINKS))
    await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    assert set(journal.open_alerts("")) <= {"channel:log", "disk:low"}
    assert "disk:low" in journal.open_alerts("")
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    journal.close()
