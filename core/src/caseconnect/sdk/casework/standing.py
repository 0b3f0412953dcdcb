"""How a matter and its order stand: what is held, what is being carried out, what could still be held."""

from __future__ import annotations

from caseconnect.models import Order, Shipment
from caseconnect.sdk.commands import HOLD
from caseconnect.sdk.decisions import Matter

DECIDED = ("outcome", "revision", "status", "stage", "closed", "number", "decided_by", "url")
"""Fields of a case that say how far it is. Its comments and documents cost further requests."""

_NOT_SENT = frozenset({"cancelled", "canceled", "error"})

IN_REVIEW = "in_review"
WAITING_FOR_CUSTOMER = "waiting_for_customer"
WAITING_FOR_GOODS = "waiting_for_goods"
CARRYING_OUT = "carrying_out"
RELEASED = "released"
CANCELLED = "cancelled"
RESOLVED = "resolved"
BLOCKED = "blocked"

DECISIVE = (
    "ReleaseOrder",
    "CancelOrder",
    "ApproveReturn",
    "DeclineReturn",
    "RefundPayment",
    "ExchangeReturn",
    "CreateReplacement",
    "IssueCredit",
    "AdjustLoyalty",
    "CorrectProfile",
    "SubmitEvidence",
)
"""Commands that carry an outcome out: once one may have happened, another outcome is a person's."""

_GOODS = ("ReleaseOrder", "CancelOrder")
_WITHOUT_EFFECT = frozenset({"refused", "superseded", "withheld"})
MAY_HAVE_HAPPENED = frozenset({"sending", "accepted", "unknown", "parked", "done"})
"""States of a command that had its effect, or may have it yet without another word of ours."""

ENDED = frozenset({"done", "refused", "superseded", "withheld"})
"""States of a command that nothing more comes of."""

_OPEN = frozenset({"open", "in_progress", "on_hold", "scheduled", "incomplete", "unknown"})


def holding(matter: Matter) -> bool:
    """True while this matter keeps the goods back or is about to. A hold that a person took off holds nothing.

    A release gives the claim up when it is planned, and may be revoked until it is sent.
    """
    hold, release = matter.command("HoldOrder"), matter.command("ReleaseOrder")
    if hold is None or hold.state in _WITHOUT_EFFECT:
        return False
    return hold.state != "done" or HOLD in matter.claims or (release is not None and release.state == "planned")


def taken_off(matter: Matter, order: Order) -> bool:
    """True when a person took this matter's hold off: on a new ground it may hold again."""
    hold = matter.command("HoldOrder")
    decided = any(c.kind in _GOODS and c.state not in _WITHOUT_EFFECT for c in matter.commands)
    if hold is None or hold.state != "done" or decided:
        return False
    shown = any(mark.ours for part in order.fulfillment_orders for mark in part.holds)
    return HOLD not in matter.claims or (bool(order.fulfillment_orders) and not shown)


def executing(matter: Matter) -> str | None:
    """Kind of the command that carried out, or may have carried out, an outcome; None if none did."""
    return next((c.kind for c in matter.commands if c.kind in DECISIVE and c.state in MAY_HAVE_HAPPENED), None)


def sent(order: Order) -> list[Shipment]:
    """What left, oldest first."""
    found = (each for each in order.shipments if each.status.casefold() not in _NOT_SENT)
    return sorted(found, key=lambda each: (each.created_at, each.id))


def shippable(order: Order) -> str | None:
    """None while something of the order can still be kept back, else why not."""
    if order.cancelled_at is not None:
        return "the order is cancelled"
    if order.fulfillment_status == "fulfilled":
        return "everything was shipped already"
    if order.fulfillment_orders:
        left = any(f.status in _OPEN and f.remaining_quantity > 0 for f in order.fulfillment_orders)
    elif order.fulfillment_status == "partially_fulfilled":
        left = any(line.unfulfilled_quantity > 0 for line in order.lines)
    else:
        left = True
    return None if left else "nothing of the order is open to be shipped"
