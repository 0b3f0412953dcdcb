"""What the shared functions must know of a use case, and of the item that a matter of it may be about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from caseconnect.models import Case, File, Money, Order, Record
from caseconnect.sdk.casework.outcome_settings import Action
from caseconnect.sdk.commands import Item, LineQuantity

CancelCause = Literal["fraud", "customer", "inventory", "declined", "staff", "other"]
HoldCause = Literal["fraud", "address", "payment", "other"]
DeclineCause = Literal["final_sale", "return_period_ended", "other"]


@dataclass(frozen=True)
class Requested:
    """What an item asks for, as its use case reads it. Amounts are in the money in which the shopper paid.

    `wish`: the action that `as_requested` stands for. `bound`: no other goods than `lines` can be allowed. `due`: by
    when somebody else wants an answer, such as a bank. `draft`: the draft order that holds `items` and waits.
    `customer`: the profile that it is about, where the item names it, as the platform knows it.
    """

    text: str
    wish: Action | None = None
    files: tuple[File, ...] = ()
    amount: Money | None = None
    lines: tuple[LineQuantity, ...] = ()
    items: tuple[Item, ...] = ()
    points: int | None = None
    corrections: Mapping[str, str] = field(default_factory=dict)
    email: str = ""
    locale: str = ""
    name: str = ""
    bound: bool = False
    draft: str = ""
    due: datetime | None = None
    customer: str | None = None


Reading = Callable[[Any, Order | None], Requested]
"""(the item's record, its order if known) -> what it asks for."""


@dataclass(frozen=True)
class Waiting:
    """What of an outcome waits for something that shows in the item or the case: a refund for the goods.

    `actions`: which of them wait, with all that stands after them, under the settings. `stands`: whether what they
    wait for is still to come, is there, or never comes, and what the case is told.
    """

    actions: Callable[[Any], Collection[Action]]
    stands: Callable[[Any, Case, Any], tuple[Literal["waits", "due", "over"], str]]


@dataclass(frozen=True)
class UseCase:
    """Name, exceptions, the causes it gives to commands, and how it reads the items that it works by.

    `item`: the model of its items (fact kind: the item's kind); None: it works by order.
    """

    name: str
    exceptions: tuple[str, ...]
    cancel_cause: CancelCause = "other"
    hold_causes: Mapping[str, HoldCause] = field(default_factory=dict)
    decline_causes: Mapping[str, DeclineCause] = field(default_factory=dict)
    waiting: Waiting | None = None
    item: type[Record] | None = None
    reading: Reading | None = None

    def requested(self, item: Record | None, order: Order | None) -> Requested | None:
        """What the item asks for; None without an item."""
        return None if item is None or self.reading is None else self.reading(item, order)
