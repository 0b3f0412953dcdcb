"""What people do: each action with its fields, what it would do as a plan, and the verb that does it.

A plan is made from the journal alone and has a digest over all that it is about: it is done only while it is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from caseconnect.host.journal import Journal
from caseconnect.host.journal.cap_changes import COUNT, CapUse
from caseconnect.host.journal.caps import CAUSE
from caseconnect.host.journal.clicks import GivenAway
from caseconnect.host.journal.queueing import Rest, summed
from caseconnect.host.pipeline.capping import all_caps
from caseconnect.host.tenants.durations import parse_duration
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.host.web.console.people import Role
from caseconnect.host.web.control import Names, need_name
from caseconnect.models.money import Money
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.errors import ConnectError

Fields = Mapping[str, Sequence[str]]
"""What a form sent: each field with all its values."""

MOST = 1_000
"""So many at once."""

_SCOPES = ("tenant", "flow", "connection", "command", "access")


class NotPossible(ConnectError):
    """It cannot be done as it was asked for; the text says why, and what is possible."""


@dataclass(frozen=True)
class Step:
    """One thing that would happen. `mark`: what must not have changed until it does. `subject`: whose page it is on.

    `just_now`: what is told behind the effect, and may be another when it happens.
    """

    about: str
    what: str
    effect: str
    tenant: str = ""
    subject: str = ""
    money: bool = False
    worth: Money | None = None
    mark: str = ""
    just_now: str = ""

    @property
    def told(self) -> str:
        """The effect, as people read it."""
        return self.effect + self.just_now


@dataclass(frozen=True)
class Plan:
    """What an action would do, in order. `asks`: what the verb is called with, in turn; `second`: why it takes two.

    `mark`: as of a step, of the whole; `marked`: it says all that must be the same, and steps may be other ones.
    `rest`: what comes after the steps and is not shown.
    """

    action: str
    title: str
    fields: Fields
    steps: tuple[Step, ...]
    asks: tuple[Mapping[str, Any], ...]
    role: Role
    tenant: str = ""
    notes: tuple[str, ...] = ()
    pays: bool = False
    second: str = ""
    mark: str = ""
    marked: bool = False
    rest: Rest = field(default_factory=Rest)

    @property
    def digest(self) -> str:
        """Of all that it is about, and whether it takes two."""
        counted = () if self.marked else self.steps
        steps = [(s.about, s.effect, s.mark, str(s.worth)) for s in counted]
        fields = {name: list(values) for name, values in self.fields.items()}
        return digest_of(self.action, fields, steps, bool(self.second), self.mark)

    @property
    def sums(self) -> tuple[Money, ...]:
        """What it gives away, by currency."""
        return tuple(summed([step.worth for step in self.steps], self.rest))

    @property
    def worths(self) -> dict[str, dict[str, str]]:
        """What it gives away, by currency and command."""
        found: dict[str, dict[str, str]] = {}
        for key, worth in ({step.about: step.worth for step in self.steps} | dict(self.rest.money)).items():
            if worth:
                found.setdefault(worth.currency, {})[key] = str(worth.amount)
        return found

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "action": self.action,
            "title": self.title,
            "tenant": self.tenant,
            "steps": [
                {
                    **{name: getattr(step, name) for name in ("about", "what", "tenant", "subject", "money")},
                    "effect": step.told,
                    "worth": str(step.worth) if step.worth else None,
                }
                for step in self.steps
            ],
            "more": self.rest.count,
            "sums": [str(money) for money in self.sums],
            "notes": list(self.notes),
            "role": self.role.word,
            "second": self.second,
            "digest": self.digest,
        }


@dataclass(frozen=True)
class Desk:
    """What plans are made from. `names`: what can be paused; `before`: what the person that asks gave away lately by
    clicks of their own."""

    journal: Journal
    tenants: Mapping[str, Tenant]
    now: datetime
    names: Names
    four_eyes: Mapping[str, Decimal] | None = None
    before: GivenAway = field(default_factory=GivenAway)


@dataclass(frozen=True)
class Action:
    """An action. `fields` it takes, of which `many` may be repeated; `plan` says what would happen; `verb` does it."""

    verb: str
    label: str
    fields: tuple[str, ...]
    plan: Callable[[Desk, Fields], Plan]
    many: str = ""
    reason: bool = True


def one(fields: Fields, name: str, *, optional: bool = False) -> str:
    """The value of a field. `NotPossible` without."""
    values = fields.get(name) or ("",)
    if not values[0] and not optional:
        raise NotPossible(f"the field {name!r} is missing")
    return values[0]


def every(fields: Fields, name: str) -> tuple[str, ...]:
    """All values of a field, each once. `NotPossible` for none, or more than a thousand."""
    values = tuple(dict.fromkeys(value for value in fields.get(name, ()) if value))
    if not values:
        raise NotPossible("nothing was chosen")
    if len(values) > MOST:
        raise NotPossible(f"at most {MOST} at once, not {len(values)}")
    return values


def numbers(fields: Fields, name: str) -> tuple[int, ...]:
    """The values of a field, which are whole numbers."""
    values = every(fields, name)
    if not all(value.isascii() and value.isdigit() and len(value) < 19 for value in values):
        raise NotPossible(f"{name!r} takes numbers")
    return tuple(int(value) for value in values)


def chosen(fields: Fields, name: str, allowed: Sequence[str]) -> str:
    """The value of a field, which is one of these."""
    value = one(fields, name)
    if value not in allowed:
        raise NotPossible(f"{name!r} is one of {', '.join(allowed)}, not {value!r}")
    return value


def place_of(fields: Fields) -> tuple[str, str, str]:
    """Tenant, scope and name of a pause."""
    tenant, scope = one(fields, "tenant"), chosen(fields, "scope", _SCOPES)
    return tenant, scope, tenant if scope == "tenant" else one(fields, "name")


def known_place(desk: Desk, fields: Fields) -> tuple[str, str, str]:
    """The same of something that is there: the command alone pauses what is gone, or is to come."""
    tenant, scope, name = place_of(fields)
    try:
        need_name(desk.names, tenant, scope, name)
    except ConnectError as error:
        raise NotPossible(str(error)) from None
    return tenant, scope, name


def why_two(steps: Sequence[Step], desk: Desk, rest: Rest | None = None) -> str:
    """Why a second approver has to confirm it; empty if not."""
    if desk.four_eyes is None:
        return ""
    rest = rest or Rest()
    unknown = next((step.what for step in steps if step.money and step.worth is None), rest.unknown)
    if unknown:
        return f"nobody can say what {unknown} is worth"
    gone = desk.before.beside([*(step.about for step in steps), *rest.money])
    for money in summed([step.worth for step in steps], rest):
        currency, amount = money.currency, money.amount
        limit = desk.four_eyes.get(currency)
        if limit is None:
            return f"no amount in {currency} is so small that one may decide it alone"
        most, (before, since) = Money(amount=limit, currency=currency), gone.get(currency, (Decimal(0), desk.now))
        if amount > limit:
            return f"it is more than {most}"
        if amount + before > limit:
            gave = Money(amount=before, currency=currency)
            when = f"{since:%Y-%m-%d %H:%M} UTC"
            return f"with the {gave} that {desk.before.who} let go since {when} it is more than {most}"
    return ""


def passes_a_cap(desk: Desk, steps: Sequence[Step]) -> bool:
    """A cap has parked one of them, or they go beyond what is left of one now."""
    more: dict[tuple[str, str, str], Decimal] = {}
    for step in steps:
        cause, names = desk.journal.kept_by(step.about)
        if cause.startswith(CAUSE):
            return True
        for name in names:
            for what, much in [
                (COUNT, Decimal(1)),
                *([(step.worth.currency, step.worth.amount)] if step.worth else []),
            ]:
                place = (step.tenant, name, what)
                more[place] = more.get(place, Decimal(0)) + much
    tenants = [desk.tenants[name] for name in {place[0] for place in more} if name in desk.tenants]
    return any(
        use.used + more.get((use.tenant, use.cap, use.what), Decimal(0)) > use.limit
        for tenant in tenants
        for use in desk.journal.cap_uses(tenant.name, all_caps(tenant), desk.now)
        if (use.tenant, use.cap, use.what) in more
    )


def role_for(steps: Sequence[Step]) -> Role:
    """An approver answers money, an operator the rest."""
    return Role.APPROVER if any(step.money for step in steps) else Role.OPERATOR


def cap_of(desk: Desk, fields: Fields) -> CapUse:
    """The limit that the fields name."""
    tenant = desk.tenants.get(one(fields, "tenant"))
    if tenant is None:
        raise NotPossible(f"there is no tenant {one(fields, 'tenant')!r}")
    cap, per, what = one(fields, "cap"), one(fields, "per"), one(fields, "what")
    uses = desk.journal.cap_uses(tenant.name, all_caps(tenant), desk.now)
    found = next((use for use in uses if (use.cap, use.per, use.what) == (cap, per, what)), None)
    if found is None:
        known = ", ".join(f"{use.what} an {use.per} of {use.cap}" for use in uses) or "none"
        raise NotPossible(f"there is no limit of {what} an {per} of {cap} (there are: {known})")
    return found


def amount_of(text: str) -> Decimal:
    """A limit that somebody typed."""
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount < Decimal(10) ** 12:
        raise NotPossible(f"{text[:40]!r} is no amount, zero or more")
    return amount


def seconds_of(text: str) -> int | None:
    """A duration such as `2h` in seconds; None: until it is taken back."""
    if not text:
        return None
    try:
        return max(int(parse_duration(text).total_seconds()), 1)
    except (ValueError, OverflowError) as error:
        raise NotPossible(str(error)) from None
