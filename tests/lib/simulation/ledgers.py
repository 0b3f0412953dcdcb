"""What was really done to an order, by the platforms' own ledgers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from caseconnect_shopify.simulator.world import money
from simulation.people import Life
from simulation.town import Town


@dataclass(frozen=True)
class Done:
    """One thing that was done to an order by us."""

    at: datetime
    what: str
    amount: Decimal = Decimal(0)


def done_by_us(town: Town, life: Life, what: str) -> list[Done]:
    """Entries of the ledger about the order, of a kind: refund, cancel."""
    if life.tenant == "birch":
        mine = [e for e in town.instance.ledger if e.target == life.id and e.changed and e.who != "merchant"]
        wanted = {"refund": ("merchant.refund", None), "cancel": ("order.status", "cancelled")}[what]
        return [Done(e.at, what, _amount(e.args)) for e in mine if (e.what, e.args.get("to")) == wanted]
    if what == "refund":
        return _refunds(town, life)
    return [Done(e.at, what) for e in town.shop.ledger if e.what == what and life.id in e.target]


def _refunds(town: Town, life: Life) -> list[Done]:
    own = {str(t.id) for t in life.order.transactions}
    found = []
    for entry in town.shop.ledger:
        moves = entry.args.get("transactions", ()) if entry.what == "refund" else ()
        mine = [m["amount"] for m in moves if m["id"].rpartition("/")[2] in own]
        if mine:
            found.append(Done(entry.at, "refund", sum(mine, Decimal(0))))
    return found


def _amount(args: dict[str, Any]) -> Decimal:
    given = args.get("payload", args)
    return Decimal(str(given.get("amount", 0) or 0))


def given_back(town: Town, life: Life) -> Decimal:
    """All that was given back of the order, by whomever."""
    if life.tenant == "acme":
        return money.refunded(life.order)
    return Decimal(str(life.order.custom.get("refundAmount", 0)))


def cancelled(life: Life) -> bool:
    """The order is cancelled."""
    return life.order.status == "cancelled" if life.tenant == "birch" else life.order.cancelled_at is not None


def held(life: Life) -> bool:
    """The order is held."""
    if life.tenant == "birch":
        return bool(life.order.holds)
    return any(fo.holds for fo in life.order.fulfillment_orders)
