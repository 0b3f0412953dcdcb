"""What is left of the payments of an order, and how a refund is split over them. Pure.

Refundable is reckoned from the order's transactions (Admin API 2026-10): successful SALE and CAPTURE less every REFUND
that is done, on its way or unknown and less CHANGE given in a shop, in the currency in which the shopper paid
(presentment money). `OrderTransaction.maximumRefundableV2` would say it for each payment, but is null except on
suggested refunds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from caseconnect.models import Money
from caseconnect_shopify.parts import Json, TenderKind, money, tender_of

ORDER: Final[tuple[TenderKind, ...]] = ("gift_card", "card", "other", "manual", "store_credit")
"""Which payments give money back first: gift cards, cards, wallets and the rest, manual ones, store credit."""

_PAID: Final = frozenset({"SALE", "CAPTURE"})
_BACK: Final = frozenset({"REFUND", "CHANGE"})
_GOING: Final = frozenset({"SUCCESS", "PENDING", "AWAITING_RESPONSE", "UNKNOWN"})
_ZERO: Final = Decimal(0)


class CannotRefundError(ValueError):
    """Why so much cannot be given back; the text is for people."""


@dataclass(frozen=True)
class Tender:
    """One payment and what of it can still go back, in the shopper's money and in the shop's."""

    id: str
    kind: TenderKind
    gateway: str
    left: Decimal
    left_shop: Decimal
    rate: Decimal
    """The shop's money for one unit of the shopper's, as this payment was converted."""


@dataclass(frozen=True)
class Purse:
    """All that the shopper paid and did not get back. `left` counts refunds that went to no payment, too."""

    currency: str
    shop_currency: str
    left: Decimal
    left_shop: Decimal
    tenders: tuple[Tender, ...]

    @property
    def refundable(self) -> Money:
        """What can still be given back, in the shopper's currency."""
        by_tender = sum((t.left for t in self.tenders), _ZERO)
        return Money(amount=max(min(self.left, by_tender), _ZERO), currency=self.currency)

    def check(self, amount: Money) -> None:
        """`CannotRefundError` unless so much can go back, in the shopper's money and in the shop's."""
        if amount.currency != self.currency:
            raise CannotRefundError(f"the order was paid in {self.currency} and {amount} was approved")
        if amount.amount <= 0:
            raise CannotRefundError(f"{amount} is nothing to give back")
        if amount.amount % amount.unit:
            raise CannotRefundError(f"{amount} is finer than the smallest unit of {amount.currency}")
        if amount > self.refundable:
            raise CannotRefundError(f"changed: {amount} was approved, and {self.refundable} can still be given back")

    def split(self, amount: Money) -> list[tuple[Tender, Decimal]]:
        """The amount over the payments, in `ORDER` and then by age. Refused, never lowered, when it does not fit."""
        self.check(amount)
        shares: list[tuple[Tender, Decimal]] = []
        rest = amount.amount
        for tender in sorted(self.tenders, key=lambda t: ORDER.index(t.kind)):
            share = min(rest, tender.left)
            if share > 0:
                shares.append((tender, share))
                rest -= share
        self._check_shop([share * tender.rate for tender, share in shares])
        return shares

    def _check_shop(self, parts: Sequence[Decimal]) -> None:
        """Rounding of each part may be off by one smallest unit, never by more."""
        unit = Money(amount=_ZERO, currency=self.shop_currency).unit
        if sum(parts, _ZERO) > self.left_shop + unit * len(parts):
            left = Money(amount=self.left_shop, currency=self.shop_currency)
            raise CannotRefundError(f"changed: only {left} of the shop's money can still be given back")


def purse_of(order: Json) -> Purse | None:
    """What is left of an order's payments, of all its `transactions`; None where Shopify withholds them."""
    nodes = order.get("transactions")
    if nodes is None:
        return None
    paid = [n for n in nodes if n.get("kind") in _PAID and n.get("status") == "SUCCESS"]
    back = [n for n in nodes if n.get("kind") in _BACK and n.get("status") in _GOING]
    pairs = [_pair(n) for n in (*paid, *back)]
    if None in pairs or len({(seen.currency, shop.currency) for seen, shop in filter(None, pairs)}) > 1:
        return None
    currencies = [*pairs, *map(_pair, nodes)][:1]
    shown, shop = currencies[0] if currencies and currencies[0] else (None, None)
    currency = order.get("presentmentCurrencyCode") or (shown.currency if shown else None)
    if currency is None:
        return None
    return Purse(
        currency=currency,
        shop_currency=shop.currency if shop else currency,
        left=_sum(paid, 0) - _sum(back, 0),
        left_shop=_sum(paid, 1) - _sum(back, 1),
        tenders=tuple(_tender(node, back) for node in sorted(paid, key=_age)),
    )


def _tender(node: Json, back: Iterable[Json]) -> Tender:
    parents = {node["id"], _parent(node)} if node.get("kind") == "CAPTURE" else {node["id"]}
    gone = [n for n in back if _parent(n) in parents and _parent(n) is not None]
    seen, shop = _sum([node], 0), _sum([node], 1)
    return Tender(
        id=node["id"],
        kind=tender_of(node),
        gateway=node.get("gateway") or "",
        left=max(seen - _sum(gone, 0), _ZERO),
        left_shop=max(shop - _sum(gone, 1), _ZERO),
        rate=shop / seen if seen else Decimal(1),
    )


def _parent(node: Json) -> str | None:
    parent = (node.get("parentTransaction") or {}).get("id")
    return str(parent) if parent else None


def _age(node: Json) -> tuple[str, int]:
    number = str(node["id"]).rsplit("/", 1)[-1]
    return node.get("createdAt") or "", int(number) if number.isdigit() else 0


def _pair(node: Json) -> tuple[Money, Money] | None:
    bag: dict[str, Any] = node.get("amountSet") or {}
    if not bag.get("presentmentMoney") or not bag.get("shopMoney"):
        return None
    return money(bag["presentmentMoney"]), money(bag["shopMoney"])


def _sum(nodes: Iterable[Json], side: int) -> Decimal:
    return sum((pair[side].amount for pair in map(_pair, nodes) if pair), _ZERO)
