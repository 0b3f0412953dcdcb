"""What settings make of verdicts: conditions that limit or add, and the time that an exception may settle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from caseconnect.models import Customer, Order, Record
from caseconnect.sdk.casework.policy import CaseworkSettings
from caseconnect.sdk.casework.usecase import Requested
from caseconnect.sdk.casework.verdicts import Verdict, also, let_settle, limited
from caseconnect.sdk.conditions import Records
from caseconnect.sdk.decisions import Facts, Matter, Need, Needs
from caseconnect.sdk.subjects import Subject

_TIMES = ("created_at", "requested_at")


@dataclass(frozen=True)
class Background:
    """What a case is opened from beside its findings. Of an item that names no order, `order` is None.

    `about` is the item: the matter's, or one that joins it.
    """

    order: Order | None
    item: Record | None = None
    requested: Requested | None = None
    about: Subject | None = None

    @property
    def customer_id(self) -> str | None:
        """The shopper's profile; None for guests."""
        named = self.requested.customer if self.requested else None
        return named or (self.order.customer_id if self.order else None)

    def began(self, now: datetime) -> datetime:
        """When it was asked for or, without an item, ordered."""
        times = [getattr(self.item, name, None) for name in _TIMES]
        known = next((time for time in times if isinstance(time, datetime)), None)
        return known or (self.order.created_at if self.order else now)


def customer_of(matter: Matter, ground: Background) -> Subject:
    """The shopper that the item names, else that of the matter's order."""
    named = ground.requested is not None and ground.requested.customer is not None
    place = ((ground.about or matter.about) if named else None) or matter.subject
    return Subject(place.connection, "customer", ground.customer_id or "")


def judged(
    matter: Matter,
    ground: Background,
    verdicts: Iterable[Verdict],
    facts: Facts,
    settings: CaseworkSettings,
    now: datetime,
) -> list[Verdict] | Needs:
    """The verdicts that count. A customer is read only for a condition that looks at one."""
    conditions = (*settings.only_if.values(), *settings.also.values())
    customer = None
    if ground.customer_id is not None and any("customer" in condition.uses for condition in conditions):
        subject = customer_of(matter, ground)
        needs = facts.lacking([Need(fact="customer", subject=subject, required=False)])
        if needs:
            return Needs(needs=needs)
        read = facts.get("customer", subject, Customer)
        customer = read if isinstance(read, Customer) else None
    records = Records(now, ground.order, customer, ground.item)
    counted = limited(verdicts, settings.only_if, records)
    counted += also(settings.also, records, ground.began(now))
    return let_settle(counted, settings.settle_minutes, now)
