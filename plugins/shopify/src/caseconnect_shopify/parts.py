"""The parts of an order, from Shopify's GraphQL JSON (Admin API 2026-10) to canonical records. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from caseconnect.models import (
    Address,
    FulfillmentOrder,
    Hold,
    LineItem,
    Money,
    Payment,
    Refund,
    ReturnRequest,
    Risk,
    RiskFact,
    Shipment,
    ShipmentEvent,
)
from caseconnect_shopify.targets import is_marked

Json = Mapping[str, Any]
TenderKind = Literal["card", "gift_card", "store_credit", "manual", "other"]

_FULFILLMENT_ORDER_STATUS: Final = {
    "OPEN",
    "IN_PROGRESS",
    "ON_HOLD",
    "SCHEDULED",
    "CLOSED",
    "CANCELLED",
    "INCOMPLETE",
}
_KIND: Final[Mapping[str, Any]] = {
    "AUTHORIZATION": "authorization",
    "EMV_AUTHORIZATION": "authorization",
    "CAPTURE": "capture",
    "SALE": "sale",
    "REFUND": "refund",
    "VOID": "void",
}
_STATUS: Final[Mapping[str, Any]] = {
    "SUCCESS": "success",
    "FAILURE": "failure",
    "PENDING": "pending",
    "AWAITING_RESPONSE": "pending",
    "ERROR": "error",
}
_TENDERS: Final[Mapping[str, TenderKind]] = {
    "gift_card": "gift_card",
    "shopify_store_credit": "store_credit",
    "cash": "manual",
    "manual": "manual",
}
_UNDER_WAY: Final = frozenset({"PENDING", "AWAITING_RESPONSE", "UNKNOWN"})
_RETURN_STATUS: Final = {"REQUESTED", "OPEN", "DECLINED", "CLOSED", "CANCELED"}
_RISK_ORDER: Final = ("none", "low", "unknown", "pending", "medium", "high")
_VALIDATION: Final[Mapping[str, Any]] = {"NO_ISSUES": "ok", "WARNING": "warning", "ERROR": "error"}


def moment(text: str) -> datetime:
    """A time as Shopify writes it: with an offset or Z, down to nanoseconds (what is below a microsecond is cut)."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("a time without an offset")
    return value.astimezone(UTC)


def number_of(gid: str) -> str:
    """The numeric part of `gid://shopify/Order/820982911946154508`, as text."""
    number = gid.rsplit("/", 1)[-1].split("?", 1)[0]
    if not (number.isascii() and number.isdigit()):
        raise ValueError("not a gid with a number")
    return number


def shop_money(bag: Json) -> Money:
    """The shop's side of a MoneyBag."""
    return money(bag["shopMoney"])


def presentment_money(bag: Json) -> Money | None:
    """The shopper's side of a MoneyBag, where it was asked for."""
    shown = bag.get("presentmentMoney")
    return money(shown) if shown else None


def nodes(part: Json | Iterable[Json] | None) -> Sequence[Json]:
    """The items of a connection or of a plain list; none when it was withheld."""
    items = part.get("nodes") if isinstance(part, Mapping) else part
    return [n for n in items or () if n]


def money(node: Json) -> Money:
    """A MoneyV2, exact."""
    return Money(amount=Decimal(str(node["amount"])), currency=node["currencyCode"])


def maybe(make: Callable[[Any], Any], value: Any) -> Any:
    """`make(value)`, or None where Shopify gave nothing."""
    return make(value) if value else None


def lower(value: str | None) -> str | None:
    """An enum value in lower case."""
    return value.lower() if value else None


def _level(value: str | None) -> Any:
    level = lower(value) or "none"
    return level if level in _RISK_ORDER else "unknown"


def _sentiment(fact: Json) -> Any:
    value = lower(fact.get("sentiment"))
    return value if value in {"positive", "negative"} else "neutral"


def address_of(node: Json | None) -> Address | None:
    """An address, or None when there is none."""
    if not node:
        return None
    return Address(
        name=node.get("name") or None,
        company=node.get("company") or None,
        line1=node.get("address1") or None,
        line2=node.get("address2") or None,
        city=node.get("city") or None,
        province=node.get("provinceCode") or node.get("province") or None,
        postal_code=node.get("zip") or None,
        country=node.get("countryCodeV2") or None,
        phone=node.get("phone") or None,
        validation=_VALIDATION.get(node.get("validationResultSummary") or ""),
    )


def line_of(node: Json) -> LineItem:
    """One line; quantities are as bought, not as edited since."""
    return LineItem(
        id=number_of(node["id"]),
        title=node.get("title") or "",
        quantity=node["quantity"],
        sku=node.get("sku") or None,
        product_id=maybe(number_of, (node.get("product") or {}).get("id")),
        variant_id=maybe(number_of, (node.get("variant") or {}).get("id")),
        unfulfilled_quantity=node.get("unfulfilledQuantity") or 0,
        refundable_quantity=node.get("refundableQuantity"),
        requires_shipping=node.get("requiresShipping") is not False,
        unit_price=maybe(shop_money, node.get("originalUnitPriceSet")),
        total=maybe(shop_money, node.get("discountedTotalSet")),
    )


def tender_of(node: Json) -> TenderKind:
    """By what a transaction was paid."""
    known = _TENDERS.get(node.get("gateway") or "")
    if known:
        return known
    if node.get("manualPaymentGateway"):
        return "manual"
    return "card" if node.get("paymentDetails") else "other"


def payment_of(node: Json) -> Payment:
    """One transaction, amount in the shop's currency and in the shopper's."""
    card = node.get("paymentDetails") or {}
    digits = "".join(c for c in card.get("number") or "" if c.isascii() and c.isdigit())
    return Payment(
        id=number_of(node["id"]),
        kind=_KIND.get(node.get("kind") or "", "other"),
        status=_STATUS.get(node.get("status") or "", "unknown"),
        amount=shop_money(node["amountSet"]),
        presentment_amount=presentment_money(node["amountSet"]),
        created_at=moment(node["createdAt"]),
        gateway=node.get("gateway") or None,
        tender=tender_of(node),
        error_code=lower(node.get("errorCode")),
        parent_id=maybe(number_of, (node.get("parentTransaction") or {}).get("id")),
        avs_result=card.get("avsResultCode") or None,
        cvv_result=card.get("cvvResultCode") or None,
        card_brand=card.get("company") or None,
        card_last_digits=digits[-4:] or None,
    )


def refund_of(node: Json) -> Refund:
    """One refund; lines and whether it is pending where `queries.REFUNDS` was asked."""
    return Refund(
        id=number_of(node["id"]),
        created_at=moment(node.get("createdAt") or node["processedAt"]),
        total=shop_money(node["totalRefundedSet"]),
        presentment_total=presentment_money(node["totalRefundedSet"]),
        note=node.get("note") or None,
        lines=tuple((number_of(n["lineItem"]["id"]), n["quantity"]) for n in nodes(node.get("refundLineItems"))),
        pending=any(n.get("status") in _UNDER_WAY for n in nodes(node.get("transactions"))),
        ours=is_marked(node.get("note")),
    )


def return_summary_of(node: Json, order_id: str) -> ReturnRequest:
    """A return as far as its order tells of it, without its lines."""
    status: Any = node.get("status")
    return ReturnRequest(
        id=number_of(node["id"]),
        name=node.get("name") or "",
        order_id=order_id,
        status=status.lower() if status in _RETURN_STATUS else "unknown",
        requested_at=maybe(moment, node.get("createdAt")),
        decline_reason=lower((node.get("decline") or {}).get("reason")),
    )


def risk_of(node: Json | None) -> Risk:
    """The worst of all assessments; an assessment without a provider is Shopify's own."""
    if not node:
        return Risk()
    assessments = node.get("assessments") or ()
    levels = [_level(a.get("riskLevel")) for a in assessments]
    worst: Any = max(levels, key=_RISK_ORDER.index, default="none")
    by = next((a for a, level in zip(assessments, levels, strict=True) if level == worst), None)
    advice: Any = lower(node.get("recommendation"))
    return Risk(
        level=worst,
        recommendation=advice if advice in {"accept", "investigate", "cancel"} else "none",
        provider=None if by is None else (by.get("provider") or {}).get("title") or "Shopify",
        facts=tuple(
            RiskFact(description=f.get("description") or "", sentiment=_sentiment(f))
            for a in assessments
            for f in a.get("facts") or ()
        ),
    )


def fulfillment_order_of(node: Json) -> FulfillmentOrder:
    """A fulfilment order with its holds."""
    status: Any = node.get("status")
    return FulfillmentOrder(
        id=number_of(node["id"]),
        status=status.lower() if status in _FULFILLMENT_ORDER_STATUS else "unknown",
        remaining_quantity=sum(n.get("remainingQuantity") or 0 for n in nodes(node.get("lineItems"))),
        holds=tuple(
            Hold(
                id=number_of(h["id"]),
                reason=lower(h.get("reason")) or "other",
                handle=h.get("handle") or None,
                ours=bool(h.get("heldByRequestingApp")),
                notes=h.get("reasonNotes") or None,
            )
            for h in node.get("fulfillmentHolds") or ()
        ),
    )


def shipment_of(node: Json) -> Shipment:
    """A parcel; its events in the order in which they happened."""
    tracking = node.get("trackingInfo") or ()
    events = [
        ShipmentEvent(
            status=lower(e.get("status")) or "unknown",
            happened_at=moment(e["happenedAt"]),
            message=e.get("message") or None,
        )
        for e in nodes(node.get("events"))
    ]
    return Shipment(
        id=number_of(node["id"]),
        status=lower(node.get("displayStatus") or node.get("status")) or "unknown",
        created_at=moment(node["createdAt"]),
        carrier=next((t["company"] for t in tracking if t.get("company")), None),
        tracking_numbers=tuple(t["number"] for t in tracking if t.get("number")),
        tracking_urls=tuple(t["url"] for t in tracking if t.get("url")),
        estimated_delivery_at=maybe(moment, node.get("estimatedDeliveryAt")),
        delivered_at=maybe(moment, node.get("deliveredAt")),
        events=tuple(sorted(events, key=lambda e: (e.happened_at, e.status))),
    )
