"""`refundCreate`: what it refuses and what it does (API 2026-10; messages from recorded answers of real stores).

Amounts are in the customer's currency (`RefundInput.currency`: "must be the presentment currency"). Money goes back
only by `transactions` and `refundMethods`; without them a refund records goods. A gateway that is slow leaves its
transaction PENDING; later the same one becomes SUCCESS or FAILURE and `order_transactions/create` is sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import balances, fulfilment, money, tenders
from .aftersale import Refund, RefundLine
from .records import ZERO, Line, Order, Transaction

if TYPE_CHECKING:
    from .shop import Shop

Wanted = Mapping[str, Any]
NOTHING = "either refund line items or refund duties or transactions or refund methods must be present"


class Refused(Exception):
    """Why something cannot be done, as a user error: its field path (None for the whole call), message and code."""

    def __init__(self, field_path: list[str] | None, message: str, code: str = "INVALID") -> None:
        super().__init__(message)
        self.field = field_path
        self.message = message
        self.code = code


@dataclass(slots=True)
class Move:
    """Money to go back, in the customer's currency: to a payment, or to store credit when there is no parent."""

    amount: Decimal
    parent: Transaction | None = None
    expires_at: datetime | None = None
    currency: str | None = None


@dataclass(slots=True)
class Plan:
    """A refund that nothing speaks against. `places`: where the goods of a line go back on the shelf."""

    lines: list[tuple[Line, int, str]] = field(default_factory=list)
    shipping: Decimal = ZERO
    moves: list[Move] = field(default_factory=list)
    note: str | None = None
    notify: bool = False
    places: dict[int, int] = field(default_factory=dict)


def plan(order: Order, wanted: Wanted, to_id: Any) -> Plan:
    """Reads `RefundInput`; raises Refused. `to_id(gid, kind)` gives the number of a gid."""
    methods = wanted.get("refundMethods") or []
    if not any((wanted.get("refundLineItems"), wanted.get("refundDuties"), wanted.get("transactions"), methods)):
        raise Refused(None, NOTHING)
    currency = wanted.get("currency")
    foreign = order.currency != order.presentment_currency
    if (currency and currency != order.presentment_currency) or (foreign and not currency):
        raise Refused(["currency"], f"Currency must be the presentment currency {order.presentment_currency}")
    made = Plan(note=wanted.get("note"), notify=bool(wanted.get("notify")))
    made.lines = _lines(order, wanted.get("refundLineItems") or [], to_id)
    made.places = {
        to_id(x["lineItemId"], "LineItem"): to_id(x["locationId"], "Location")
        for x in wanted.get("refundLineItems") or []
        if x.get("locationId")
    }
    made.shipping = shipping_part(order, wanted.get("shipping") or {})
    made.moves = [_move(order, t, to_id) for t in wanted.get("transactions") or []]
    made.moves += [store_credit(order, m["storeCreditRefund"]) for m in methods]
    check_caps(order, made.moves, over=bool(wanted.get("allowOverRefunding")))
    return made


def _lines(order: Order, wanted: list[Wanted], to_id: Any) -> list[tuple[Line, int, str]]:
    found: list[tuple[Line, int, str]] = []
    for place, item in enumerate(wanted):
        number = to_id(item["lineItemId"], "LineItem")
        line = next((x for x in order.lines if x.id == number), None)
        if line is None:
            raise Refused(["refundLineItems", str(place), "lineItemId"], "Line item does not exist")
        already = sum(units for other, units, _ in found if other is line)
        if item["quantity"] < 0 or item["quantity"] + already > line.quantity - line.removed:
            text = "Quantity cannot refund more items than were purchased"
            raise Refused(["refundLineItems", str(place), "quantity"], text)
        if item["quantity"]:
            found.append((line, item["quantity"], item.get("restockType") or "NO_RESTOCK"))
    return found


def shipping_part(order: Order, wanted: Wanted) -> Decimal:
    """How much of the delivery goes back, in the shop's money; `amount` is in the customer's."""
    left = order.shipping - money.shipping_refunded(order)
    if wanted.get("fullRefund"):
        return max(left, ZERO)
    asked = money.in_shop(order, wanted.get("amount") or ZERO)
    if asked < 0 or asked > left:
        most = money.worded(money.in_presentment(order, max(left, ZERO)), order.presentment_currency)
        raise Refused(["shipping"], f"Shipping refund amount cannot be more than what is left of it, {most}")
    return asked


def _move(order: Order, wanted: Wanted, to_id: Any) -> Move:
    if wanted["kind"] != "REFUND":
        raise Refused(None, f"Kind {wanted['kind'].lower()} is not a valid transaction")
    number = to_id(wanted["parentId"], "OrderTransaction") if wanted.get("parentId") else None
    own = to_id(wanted["orderId"], "Order") == order.id
    # The gateway of the parent is used, whatever the call says: recorded on a real store.
    return Move(_positive(wanted["amount"], ["transactions"]), parent_of(order, number if own else None))


def parent_of(order: Order, number: int | None) -> Transaction:
    """The payment with this number; Refused when the order has none."""
    found = next((t for t in tenders.payments(order) if t.id == number), None)
    if found is None:
        raise Refused(["transactions"], "Transactions require a parent_id associated with the order")
    return found


def store_credit(order: Order, wanted: Wanted) -> Move:
    """A refund to store credit: `amount` with its currency, and when it expires."""
    path = ["refundMethods"]
    if order.customer is None:
        raise Refused(path, "Store credit refunds need an order with a customer")
    given = wanted["amount"]
    if given["currencyCode"] not in {order.presentment_currency, order.currency}:
        raise Refused(path, f"Currency must be the presentment currency {order.presentment_currency}")
    amount = _positive(given["amount"], path)
    if given["currencyCode"] != order.presentment_currency:
        amount = money.in_presentment(order, amount)
    until = wanted.get("expiresAt")
    return Move(amount, None, datetime.fromisoformat(until) if until else None, given["currencyCode"])


def _positive(amount: Decimal, path: list[str]) -> Decimal:
    if amount <= 0:
        raise Refused(path, "Amount must be greater than 0")
    return amount


def check_caps(order: Order, moves: list[Move], *, over: bool) -> None:
    """Refuses more than was paid, in all and by payment; `over` (`allowOverRefunding`) lifts both."""
    if over or not moves:
        return
    currency = order.presentment_currency
    total, net = sum((m.amount for m in moves), ZERO), money.net_seen(order)
    if total > net:
        a, b = money.worded(total, currency), money.worded(net, currency)
        raise Refused(None, f"Refund amount {a} is greater than net payment received {b}")
    for parent in {m.parent.id: m.parent for m in moves if m.parent}.values():
        own = sum((m.amount for m in moves if m.parent is parent), ZERO)
        left = tenders.refundable(order, parent)
        if own > left:
            a, b = money.worded(own, currency), money.worded(left, currency)
            raise Refused(["transactions"], f"Refund amount {a} is greater than {b} left of the parent transaction")


def make(shop: Shop, order: Order, planned: Plan, return_id: int | None = None) -> Refund:
    """Carries a refund out and emits `refunds/create`, which tells of goods and intent, and the transactions."""
    made = Refund(shop.next_id(), order.id, shop.stamp(), planned.note, shipping=planned.shipping, return_id=return_id)
    made.notified = planned.notify
    for line, units, restock in planned.lines:
        # Goods of a return have been sent; else the units that never left are taken first.
        unsent = min(units, line.open) if return_id is None else 0
        made.lines.append(RefundLine(shop.next_id(), line, units, restock, units - unsent, planned.places.get(line.id)))
        line.removed += units
        line.returned += units - unsent
        fulfilment.withdraw(shop, order, line, unsent)
    order.refunds.append(made)
    for move in planned.moves:
        made.transactions.append(_transact(shop, order, move, return_id))
    shop.touch(order)
    shop.emit("refunds/create", made)
    for transaction in made.transactions:
        shop.emit("order_transactions/create", transaction)
    return made


def _transact(shop: Shop, order: Order, move: Move, return_id: int | None) -> Transaction:
    parent = move.parent
    stamp = shop.stamp()
    transaction = Transaction(
        id=shop.next_id(),
        order_id=order.id,
        kind="REFUND",
        status="PENDING",
        amount=_shop_amount(order, move),
        gateway=parent.gateway if parent else balances.STORE_CREDIT,
        created_at=stamp,
        test=order.test,
        parent_id=parent.id if parent else None,
        payment_id=f"{order.name}.{len(order.transactions) + 1}",
        manual=bool(parent and parent.manual),
        card=parent.card if parent else None,
        presentment=move.amount,
        gift_card_id=parent.gift_card_id if parent else None,
        account_id=parent.account_id if parent else None,
        return_id=return_id,
    )
    order.transactions.append(transaction)
    if parent is None:
        customer = order.customer
        assert customer is not None  # noqa: S101 - `store_credit` refuses an order without one
        account = balances.account_for(shop, customer, move.currency or order.presentment_currency)
        transaction.account_id = account.id
    slow = shop.slow_refunds.get(transaction.gateway)
    if slow is None:
        settle(shop, order, transaction, "success", quiet=True, expires_at=move.expires_at)
    elif float(slow.get("seconds", 0)) <= 0:
        settle(shop, order, transaction, str(slow.get("outcome", "success")), quiet=True)
    else:
        outcome = str(slow.get("outcome", "success"))
        shop.after(float(slow["seconds"]), lambda: settle(shop, order, transaction, outcome))
    return transaction


def settle(
    shop: Shop,
    order: Order,
    transaction: Transaction,
    outcome: str,
    *,
    quiet: bool = False,
    expires_at: datetime | None = None,
) -> None:
    """Ends a pending refund transaction with `success` or `failure`, and says so unless `quiet`."""
    transaction.status = "SUCCESS" if outcome.lower() == "success" else "FAILURE"
    if transaction.status == "SUCCESS":
        balances.give_back(shop, transaction, expires_at)
    else:
        transaction.error_code, transaction.message = "PROCESSING_ERROR", "The refund was refused by the gateway"
    if not quiet:
        shop.touch(order)
        shop.emit("order_transactions/create", transaction)


def _shop_amount(order: Order, move: Move) -> Decimal:
    """The shop's money of a move; the rest of a payment is its rest in both currencies."""
    converted = money.in_shop(order, move.amount)
    if move.parent is None:
        return converted
    left, left_seen = (
        move.parent.amount - money.returning(order, move.parent.id),
        tenders.refundable(order, move.parent),
    )
    if move.amount == left_seen:
        return left
    return converted if move.amount > left_seen else min(converted, left)
