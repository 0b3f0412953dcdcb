"""What a refund may be: its amount, and what of the order's money is left beside all other refunds. Pure.

The platform knows of no refund. The order's attribute tells what was given back, once the merchant's hook has written
it; until then, and where there is no such attribute, the actions that were asked for tell (cartridges/README.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import orjson

from caseconnect.models import Money
from caseconnect.sdk.commands import RefundPayment
from caseconnect.sdk.errors import PermanentError, TransientError

from .client import Json
from .config import SfccSettings
from .config_objects import ActionObjects
from .mapping import captured, refunded
from .values import amount, money

REFUND: Final = "refund"
"""The action's name."""


def details(command: RefundPayment) -> Json:
    """What the merchant's hook is given."""
    return {
        "amount": _plain(command.amount),
        "currency": command.amount.currency,
        "lines": [line.model_dump() for line in command.lines],
        "shipping": _plain(command.shipping) if command.shipping else None,
        "to": command.to,
        "note": command.note,
        "notify": command.notify_customer,
    }


def unfit(command: RefundPayment, order: Json) -> str:
    """Why no refund of this order can have this amount; empty when it can."""
    share, whole = command.shipping, command.amount
    if whole.amount <= 0:
        return f"{whole} is nothing to refund"
    if whole.currency != order.get("currency"):
        return f"the order was paid in {order.get('currency')}, not in {whole.currency}"
    for each in (whole, share):
        if each is not None and each.amount % each.unit:
            return f"{each} is finer than the smallest unit of {each.currency}"
    if share is not None and (share.currency != whole.currency or not 0 <= share.amount <= whole.amount):
        return f"the part for shipping, {share}, is no part of {whole}"
    return ""


def excess(command: RefundPayment, order: Json, others: Iterable[Json], settings: SfccSettings) -> str:
    """Why so much cannot go back, given the order's other refund actions; empty when it can."""
    currency, status = str(order["currency"]), order.get("paymentStatus")
    total = money(order.get("orderTotal"), currency)
    if total is None:
        raise TransientError("the order shows no total")
    done, unsettled = _asked(others, settings.actions)
    left = captured(order, total, max(refunded(order, settings), done))
    if left is None:
        return f"nobody says how much of the order was paid: its payment status is {status}"
    if status == "not_paid":
        return "no money of the order was taken: its payment status is not_paid"
    if command.amount.amount <= left.amount - unsettled:
        return ""
    other = Money(amount=unsettled, currency=currency)
    also = f", and other refunds of {other} are not settled" if unsettled else ""
    return f"only {left} is left of the order{also}: {command.amount} is more"


def _asked(others: Iterable[Json], names: ActionObjects) -> tuple[Decimal, Decimal]:
    """What other refunds gave back, and what they may yet give back or perhaps gave."""
    done = unsettled = Decimal(0)
    for each in others:
        status = str(each.get(f"c_{names.status}") or "")
        if status == "error":
            continue
        try:
            worth = amount(orjson.loads(str(each.get(f"c_{names.payload}")))["amount"])
        except (ArithmeticError, KeyError, TypeError, ValueError):
            raise PermanentError(
                "another refund action of the order has no amount that can be read: look at it"
            ) from None
        if status == "done":
            done += worth
        else:
            unsettled += worth
    return done, unsettled


def _plain(value: Money) -> str:
    return str(value).partition(" ")[0]
