"""Brings alerts to people: each is told when it opens, again while it stays open, and when it closes.

What is due is a row, so a restart forgets nothing and tells nothing twice. It runs beside the pipeline, which never
waits for it; a channel that fails is tried again later, and told of by the others. What a channel refuses keeps
nothing else of it waiting. What comes and goes is not told each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from caseconnect.host.alerting.causes import PAGES, cause_of, page_of
from caseconnect.host.alerting.channels import Channel
from caseconnect.host.alerting.due import CHANNEL, HOLDS, Sight, planned
from caseconnect.host.alerting.messages import Message
from caseconnect.host.faults import told as fault
from caseconnect.host.journal.alerting import AlertPort
from caseconnect.host.journal.errors import JournalError
from caseconnect.host.journal.notices import FLAPS, Notice, Told
from caseconnect.host.journal.records import NewAlert
from caseconnect.host.logs import plain
from caseconnect.host.tenants.durations import show_duration
from caseconnect.sdk.errors import ConnectError, PermanentError, TransientError
from caseconnect.sdk.resources import Log

EVERY = 5.0
"""Seconds between two looks for what is to be told."""

_FIRST, _LONGEST = timedelta(seconds=30), timedelta(minutes=15)
_FAILS = 2  # the first may be a hiccup


@dataclass
class _Standing:
    """How a channel does. `rest`: it is not tried before; `alerted`: its own alert is open, as far as is known.

    `works`: the last that was handed over was taken. `unwritten`: the journal has not taken yet that it was.
    """

    rest: datetime | None = None
    failures: int = 0
    alerted: bool = True
    works: bool = False
    unwritten: Sequence[Notice] = ()


@dataclass
class Teller:
    """Tells by all channels. `run` until it is cancelled; `turn` is one look. `page`: the address of a runbook."""

    journal: AlertPort
    channels: Sequence[Channel]
    repeat: timedelta
    now: Callable[[], datetime]
    log: Log
    links: Links
    _standing: dict[str, _Standing] = field(default_factory=dict)

    async def run(self) -> None:
        """Look every few seconds, each channel by itself: none waits for another."""
        try:
            async with asyncio.TaskGroup() as group:
                for channel in self.channels:
                    group.create_task(self._forever(channel))
        finally:
            for channel in self.channels:
                await channel.way.close()

    async def turn(self) -> None:
        """One look, with all channels."""
        for channel in self.channels:
            await self._turn(channel)

    async def _forever(self, channel: Channel) -> None:
        while True:
            try:
                await self._turn(channel)
            except JournalError as error:
                self.log.error("the journal takes nothing", why=str(error))
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look may do better
                self.log.error("alerts not told", channel=channel.name, error=fault(error))
            await asyncio.sleep(EVERY)

    async def _turn(self, channel: Channel) -> None:
        now, standing = self.now(), self._standing.setdefault(channel.name, _Standing())
        await self._write_down(standing)
        sight = self.journal.tellable()
        new = planned(sight, [channel], self.repeat, now)
        if new:
            await self.journal.put_notices(new)
            sight = self.journal.tellable()
        if standing.alerted and standing.works and not _any_refused(channel, sight):
            standing.alerted = False
            await self.journal.close_alert("", f"{CHANNEL}{channel.name}", now)
        if standing.rest and now < standing.rest:
            return
        for some in _batches(channel, sight, now):
            if not await self._tell(channel, standing, some):
                return

    async def _write_down(self, standing: _Standing) -> None:
        if standing.unwritten:
            await self.journal.put_notices(standing.unwritten)
            standing.unwritten = ()

    async def _tell(self, channel: Channel, standing: _Standing, some: Sequence[tuple[Told, Notice]]) -> bool:
        """Hand over what goes together; False when the channel has to rest."""
        messages = [message_of(alert, notice, self.links) for alert, notice in some]
        notices = [notice for _, notice in some]
        try:
            await channel.way.send(messages, self.now())
        except PermanentError as error:
            standing.rest = self.now() + channel.way.apart
            await self._later(channel, standing, notices, error, max(n.tries for n in notices))
        except ConnectError as error:
            standing.works = False
            standing.failures += 1
            await self._later(channel, standing, notices, error, standing.failures - 1)
            return False
        else:
            now = self.now()
            standing.rest, standing.failures, standing.works = now + channel.way.apart, 0, True
            standing.unwritten = [replace(n, state="sent", at=now, due=now, tries=n.tries + 1) for n in notices]
            await self._write_down(standing)
        return not channel.way.apart

    async def _later(
        self, channel: Channel, standing: _Standing, notices: Sequence[Notice], error: ConnectError, before: int
    ) -> None:
        """Try these again, the later the more often it failed `before`; nothing else waits for what is refused."""
        now = self.now()
        wait = min(_FIRST * 2 ** min(before, 10), _LONGEST)
        if isinstance(error, TransientError) and error.retry_after:
            wait = max(wait, timedelta(seconds=error.retry_after))
        self.log.warning("alerts not told", channel=channel.name, why=str(error))
        standing.unwritten = [replace(n, tries=n.tries + 1, due=now + wait) for n in notices]
        if not isinstance(error, PermanentError):
            standing.rest = now + wait
        await self._write_down(standing)
        if before + 1 >= _FAILS:
            standing.alerted = True
            title = f"alerts cannot be told by {channel.name}: {error}"
            await self.journal.alert(NewAlert("", f"{CHANNEL}{channel.name}", title, channel.name), now)


def _any_refused(channel: Channel, sight: Sight) -> bool:
    """Something was refused so often that it is told of, and is still to be told."""
    return any(n.channel == channel.name and n.state == "due" and n.tries >= _FAILS for n in sight[1])


def _batches(channel: Channel, sight: Sight, now: datetime) -> Iterator[list[tuple[Told, Notice]]]:
    """What is due: each by itself, or all at once."""
    alerts = {alert.seq: alert for alert in sight[0]}
    due = [
        (alerts[notice.alert], notice)
        for notice in sorted(sight[1], key=lambda n: (n.at, n.alert))
        if notice.channel == channel.name and notice.state == "due" and notice.due <= now and notice.alert in alerts
    ]
    if channel.way.together:
        yield from [due] if due else []
    else:
        yield from ([one] for one in due)


@dataclass(frozen=True)
class Links:
    """Where things are: the journal's name, the runbooks' pages, and the console."""

    journal: str
    runbooks: str | None = None
    console: str | None = None

    def runbook(self, cause: str) -> str:
        """The page of a cause: an address, or its path in the documentation."""
        return f"{self.runbooks}/{cause_of(cause).page}" if self.runbooks else page_of(cause)


def message_of(alert: Told, notice: Notice, links: Links) -> Message:
    """What is told: ids, reasons, counts, times. What looks like an e-mail address or a card is not shown."""
    cause = cause_of(alert.cause)
    return Message(
        # With its begin: a journal that was restored counts its alerts from where the copy stood.
        id=f"msg_{links.journal}_{notice.channel}_{alert.seq}_{alert.first_at:%Y%m%d%H%M%S%f}_{notice.number}",
        kind=notice.kind,
        tenant=alert.tenant,
        cause=plain(alert.cause),
        severity=cause.severity,
        what=cause.title,
        title=plain(alert.title) + _flapping(alert, notice.channel),
        about=plain(alert.link),
        first_at=alert.first_at,
        last_at=alert.last_at,
        count=alert.count,
        runbook=links.runbook(alert.cause),
        console=f"{links.console}/alerts" if links.console else None,
        closed=_closed(alert),
    )


def _flapping(alert: Told, channel: str) -> str:
    if alert.before < FLAPS:
        return ""
    long = show_duration(HOLDS)
    why = f"it held for {long}" if channel in alert.heard else f"it is told once an hour, and when it holds for {long}"
    return f" (it comes and goes: {alert.before + 1} times within an hour; {why})"


def _closed(alert: Told) -> str | None:
    if alert.closed_at is None:
        return None
    by = f" by {plain(alert.closed_by)}: {plain(alert.closed_reason or '')}" if alert.closed_by else " by itself"
    return f"{alert.closed_at:%Y-%m-%d %H:%M} UTC{by}"


async def last_words(
    channels: Sequence[Channel], cause: str, title: str, now: datetime, links: Links, within: float
) -> bool:
    """Tell of a last alert by all channels at once, each within so many seconds; whether one of them took it.

    It asks nothing of the journal.
    """
    alert = Told(0, "", cause, title, "", now, now, 1, None, None, None)

    async def say(channel: Channel) -> None:
        message = message_of(alert, Notice(0, channel.name, "opened", now, "due", now), links)
        try:
            async with asyncio.timeout(within):
                await channel.way.send([message], now)
        finally:
            await channel.way.close()

    wanted = [channel for channel in channels if channel.wants("", cause_of(cause).severity)]
    ends = await asyncio.gather(*(say(channel) for channel in wanted), return_exceptions=True)
    return any(end is None for end in ends)


Trial = Mapping[str, str | None]
"""By channel why a trial could not be sent; None: it was handed over."""


async def try_out(channels: Sequence[Channel], now: datetime, links: Links) -> Trial:
    """Send a trial by each channel. It changes nothing in the journal."""
    alert = Told(0, "", f"{CHANNEL}trial", "this is a trial: nothing is wrong", "", now, now, 1, None, None, None)
    ends: dict[str, str | None] = {}
    for channel in channels:
        notice = Notice(0, f"{channel.name}_{int(now.timestamp())}", "opened", now, "due", now)
        message = message_of(alert, notice, links)
        trial = replace(message, cause="trial", what="A trial", severity="info", runbook=f"{PAGES}/README.md")
        try:
            await channel.way.send([trial], now)
            ends[channel.name] = None
        except ConnectError as error:
            ends[channel.name] = str(error)
        finally:
            await channel.way.close()
    return ends
