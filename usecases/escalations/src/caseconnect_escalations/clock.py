"""The clock of an escalated case: its timers, which stand still while the case waits for the customer.

All that must be remembered is in the names of the timers: the step, and until when it runs or how much is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from caseconnect.sdk.casework import WAITING_FOR_CUSTOMER
from caseconnect.sdk.decisions import Decision, Matter, Timer
from caseconnect_escalations.hours import between, later
from caseconnect_escalations.settings import Calendar, EscalationsSettings

_OURS, _RUNS, _STANDS = "escalation", "until", "left"
_STAMP = "%Y%m%dT%H%M%S.%f"
_LOOK_AGAIN = timedelta(days=30)


@dataclass(frozen=True)
class Hand:
    """One step's clock. `at`: when it strikes; None while it stands, and `left` is what remains."""

    topic: str
    step: int
    at: datetime | None = None
    left: timedelta = timedelta()

    @property
    def name(self) -> str:
        """As timers carry it."""
        if self.at is not None:
            return f"{_OURS}:{self.topic}:{self.step}:{_RUNS}:{self.at.strftime(_STAMP)}"
        return f"{_OURS}:{self.topic}:{self.step}:{_STANDS}:{self.left.total_seconds()}"

    def timer(self, now: datetime) -> Timer:
        """What wakes it; one that stands is only looked at again."""
        return Timer(name=self.name, due=self.at if self.at is not None else now + _LOOK_AGAIN)

    def stopped(self, calendar: Calendar, now: datetime) -> Hand:
        """The same, standing."""
        return self if self.at is None else Hand(self.topic, self.step, left=between(calendar, now, self.at))

    def going(self, calendar: Calendar, now: datetime) -> Hand:
        """The same, running."""
        return self if self.at is not None else Hand(self.topic, self.step, later(calendar, now, self.left))


def read(name: str) -> Hand | None:
    """The hand that a timer's name tells; None for other timers."""
    parts = name.split(":")
    if len(parts) != 5 or parts[0] != _OURS:
        return None
    _, topic, step, way, value = parts
    if way == _RUNS:
        return Hand(topic, int(step), datetime.strptime(value, _STAMP).replace(tzinfo=UTC))
    return Hand(topic, int(step), left=timedelta(seconds=float(value)))


def begun(matter: Matter, settings: EscalationsSettings, now: datetime) -> list[Hand]:
    """The hands of a case that is escalated now."""
    steps = enumerate(settings.steps)
    return [Hand(matter.topic, i, later(settings.calendar, now, timedelta(hours=s.after_hours))) for i, s in steps]


def kept(
    answer: Decision, matter: Matter, settings: EscalationsSettings, now: datetime, started: Iterable[Hand] = ()
) -> Decision:
    """The answer, with timers as they have to be when it is written: going, or standing while the shopper is asked."""
    if answer.close:
        return answer
    had = {name: hand for name in matter.timers if (hand := read(name)) is not None and hand.topic == matter.topic}
    stage = matter.stage if matter.is_open() else None
    waits = (answer.stage or stage) == WAITING_FOR_CUSTOMER
    hands = [*had.values(), *started]
    wanted = [hand.stopped(settings.calendar, now) if waits else hand.going(settings.calendar, now) for hand in hands]
    names = {hand.name for hand in wanted}
    timers = tuple(hand.timer(now) for hand in wanted if hand.name not in had)
    gone = tuple(sorted(had.keys() - names))
    if not timers and not gone:
        return answer
    told = "the clock stands: the case waits for the customer" if waits and timers else "the clock runs"
    return answer.model_copy(
        update={
            "reason": f"{answer.reason}; {told}",
            "timers": (*answer.timers, *timers),
            "cancel_timers": (*answer.cancel_timers, *gone),
        }
    )
