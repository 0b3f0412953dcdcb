"""How pages say times, amounts and numbers, and the values that every template gets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from caseconnect.host.web.console.asking import Ask, Shown
from caseconnect.models.money import Money

_STEPS = ((365 * 86_400, "y"), (86_400, "d"), (3600, "h"), (60, "min"))
_GOOD = frozenset(
    {"done", "events", "works", "closed", "ready for its turn", "found", "live", "read", "room", "at work"}
)
_BAD = frozenset(
    {
        "parked",
        "refused",
        "unknown",
        "wrong",
        "does not work",
        "needs a look",
        "reached",
        "cannot be built",
        "refused to start",
    }
)
_BUSY = frozenset({"planned", "sending", "accepted", "new", "waiting", "ready", "open", "storm"})
_HALTED = frozenset({"paused"})


@dataclass(frozen=True)
class Moment:
    """A time for people: the machine's form, the UTC text, and how long ago or ahead."""

    iso: str
    text: str
    ago: str


def moment(at: datetime | str | None, now: datetime) -> Moment | None:
    """A time as pages show it; None where there is none."""
    if not at:
        return None
    when = (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(UTC)
    return Moment(when.isoformat(timespec="seconds"), f"{when:%Y-%m-%d %H:%M:%S} UTC", span(when, now))


def span(when: datetime, now: datetime) -> str:
    """'5 min ago', 'in 3 h'."""
    passed = (now - when).total_seconds()
    words = lasting(timedelta(seconds=abs(passed)))
    if words == "0 s":
        return "now"
    return f"{words} ago" if passed > 0 else f"in {words}"


def lasting(time: timedelta) -> str:
    """A length of time, in the largest unit that fits."""
    seconds = time.total_seconds()
    for size, unit in _STEPS:
        if seconds >= size * (2 if unit == "min" else 1):
            return (
                f"{seconds / size:.1f} {unit}"
                if seconds < 10 * size and unit == "h"
                else f"{seconds // size:.0f} {unit}"
            )
    return f"{seconds:.0f} s"


def grouped(worth: Money) -> str:
    """'12,345.00 USD'."""
    amount, _, currency = str(worth).partition(" ")
    whole, dot, rest = amount.partition(".")
    return f"{int(whole):,}{dot}{rest} {currency}"


def sums_of(worths: Iterable[Money | None]) -> tuple[Money, ...]:
    """Amounts added up, one for each currency."""
    found: dict[str, Money] = {}
    for worth in worths:
        if worth is not None:
            found[worth.currency] = found[worth.currency] + worth if worth.currency in found else worth
    return tuple(found[currency] for currency in sorted(found))


def said(amounts: Sequence[Money]) -> str:
    """Amounts in a sentence."""
    return " and ".join(grouped(amount) for amount in amounts)


def many(number: int, one: str, more: str = "") -> str:
    """'1 order', '2 orders', '12,000 orders'."""
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"


def spelled(name: str) -> str:
    """A name of the code in words: 'RefundPayment' and 'order_review' as 'refund payment', 'order review'."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").lower()


_KINDS = {
    "RefundPayment": "refund",
    "IssueCredit": "credit",
    "CreateReplacement": "replacement",
    "ExchangeReturn": "exchange",
    "AdjustLoyalty": "change of points",
    "OpenCase": "case",
    "CommentCase": "comment",
    "HoldOrder": "hold",
    "ReleaseOrder": "release",
    "CancelOrder": "cancellation",
}


def thing(kind: str) -> str:
    """What a kind of command brings, in a word where there is one."""
    return _KINDS.get(kind, spelled(kind))


def tone(state: str) -> str:
    """How a state looks: good, bad, busy, halted, or plain."""
    for name, words in (("good", _GOOD), ("bad", _BAD), ("busy", _BUSY), ("halted", _HALTED)):
        if state in words:
            return name
    return "plain"


def order_path(tenant: str, subject: str) -> str:
    """The page of an order, or of whatever else the subject is."""
    return f"/orders/{quote(tenant, safe='')}/{quote(subject, safe='/')}"


def link(path: str, **query: object) -> str:
    """A path with a query; what is None or empty is left out."""
    asked = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(asked)}" if asked else path


def number(text: str | None) -> int | None:
    """A positive number of a query; None for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def safe_url(url: object) -> str | None:
    """A link to another system, if it is one of the web: never script or data."""
    return url if isinstance(url, str) and re.match(r"https?://[^\s\"'<>]+\Z", url) else None


def shown(ask: Ask, template: str, title: str, status: int = 200, **values: object) -> Shown:
    """A page."""
    return Shown(template, {"not_ready": ask.live.not_ready, **values}, title, status)


def missing(ask: Ask, what: str, hint: str) -> Shown:
    """The page for what is not there."""
    return shown(ask, "missing.html", f"There is no {what}", 404, hint=hint)


WORDS = {
    "grouped": grouped,
    "many": many,
    "spelled": spelled,
    "thing": thing,
    "tone": tone,
    "order_path": order_path,
    "link": link,
    "safe_url": safe_url,
}
"""What templates use beside `moment`."""
