"""Order, its lines, its risk and its metafields."""

from __future__ import annotations

from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.paging import Page, in_order
from caseconnect_shopify.simulator.api.registry import field, fields
from caseconnect_shopify.simulator.api.wire import bag, moved_bag, when
from caseconnect_shopify.simulator.world import money
from caseconnect_shopify.simulator.world.metafields import namespace_of
from caseconnect_shopify.simulator.world.records import ZERO, Address, Assessment, Line, Metafield, Order, gid

LEVELS = {"HIGH": "HIGH", "MEDIUM": "MEDIUM", "LOW": "LOW"}


def _pairs(attributes: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"key": k, "value": v} for k, v in attributes]


def _matches(order: Order) -> bool:
    if order.billing is None or order.shipping_address is None:
        return order.billing is order.shipping_address
    return order.billing.place() == order.shipping_address.place()


fields(
    "Order",
    Order,
    id=lambda o: gid("Order", o.id),
    legacyResourceId=lambda o: str(o.id),
    name=lambda o: o.name,
    number=lambda o: o.number,
    createdAt=lambda o: when(o.created_at),
    updatedAt=lambda o: when(o.updated_at),
    processedAt=lambda o: when(o.processed_at),
    cancelledAt=lambda o: when(o.cancelled_at),
    cancelReason=lambda o: o.cancel_reason,
    cancellation=lambda o: {"staffNote": o.cancel_note} if o.cancelled_at else None,
    closed=lambda o: o.closed_at is not None,
    closedAt=lambda o: when(o.closed_at),
    test=lambda o: o.test,
    confirmed=lambda o: o.confirmed,
    confirmationNumber=lambda o: f"SIM{o.number}",
    edited=lambda o: o.edited,
    email=lambda o: o.email,
    phone=lambda o: o.phone,
    note=lambda o: o.note,
    poNumber=lambda o: o.po_number,
    tags=lambda o: sorted(o.tags),
    sourceName=lambda o: o.source_name,
    sourceIdentifier=lambda o: None,
    registeredSourceUrl=lambda o: None,
    clientIp=lambda o: o.client_ip,
    currencyCode=lambda o: o.currency,
    presentmentCurrencyCode=lambda o: o.presentment_currency,
    customAttributes=lambda o: _pairs(o.attributes),
    discountCode=lambda o: o.discount_codes[0][0] if o.discount_codes else None,
    discountCodes=lambda o: [c for c, _ in o.discount_codes],
    paymentGatewayNames=lambda o: list(dict.fromkeys(t.gateway for t in o.transactions)),
    displayFinancialStatus=money.financial_status,
    displayFulfillmentStatus=money.fulfillment_status,
    returnStatus=lambda o: o.return_status,
    fullyPaid=lambda o: money.financial_status(o) == "PAID",
    unpaid=lambda o: not money.received(o),
    capturable=lambda o: money.capturable(o) > 0,
    refundable=lambda o: money.received(o) > money.refunded(o),
    fulfillable=lambda o: any(f.status == "OPEN" for f in o.fulfillment_orders),
    requiresShipping=lambda o: any(x.requires_shipping for x in o.lines),
    restockable=lambda o: any(x.quantity > x.removed for x in o.lines),
    canMarkAsPaid=lambda o: money.outstanding(o) > 0 and not o.cancelled_at,
    canNotifyCustomer=lambda o: bool(o.email),
    merchantEditable=lambda o: not o.cancelled_at,
    merchantEditableErrors=lambda o: ["Can't edit a canceled order"] if o.cancelled_at else [],
    taxExempt=lambda o: False,
    taxesIncluded=lambda o: False,
    estimatedTaxes=lambda o: False,
    taxLines=lambda o: [],
    dutiesIncluded=lambda o: False,
    additionalFees=lambda o: [],
    alerts=lambda o: [],
    productNetwork=lambda o: False,
    hasTimelineComment=lambda o: False,
    app=lambda o: None,
    staffMember=lambda o: None,
    cartToken=lambda o: None,
    checkoutToken=lambda o: None,
    customerLocale=lambda o: o.customer.locale if o.customer else None,
    customerAcceptsMarketing=lambda o: False,
    retailLocation=lambda o: None,
    shopifyProtect=lambda o: None,
    publication=lambda o: None,
    currentSubtotalLineItemsQuantity=lambda o: sum(x.quantity - x.removed for x in o.lines),
    subtotalLineItemsQuantity=lambda o: sum(x.quantity for x in o.lines),
    totalWeight=lambda o: str(sum(x.grams * x.quantity for x in o.lines)),
    totalPriceSet=lambda o: bag(o, money.total(o)),
    originalTotalPriceSet=lambda o: bag(o, money.total(o)),
    currentTotalPriceSet=lambda o: bag(o, money.current_total(o)),
    subtotalPriceSet=lambda o: bag(o, money.subtotal(o)),
    currentSubtotalPriceSet=lambda o: bag(o, min(money.subtotal(o), money.current_total(o))),
    totalShippingPriceSet=lambda o: bag(o, o.shipping),
    currentShippingPriceSet=lambda o: bag(o, ZERO if o.cancelled_at else o.shipping),
    totalTaxSet=lambda o: bag(o, o.tax),
    currentTotalTaxSet=lambda o: bag(o, ZERO if o.cancelled_at else o.tax),
    totalDiscountsSet=lambda o: bag(o, money.discounts(o)),
    currentTotalDiscountsSet=lambda o: bag(o, money.discounts(o)),
    cartDiscountAmountSet=lambda o: bag(o, sum((a for _, a in o.discount_codes), ZERO)),
    totalReceivedSet=lambda o: moved_bag(o, "SALE", "CAPTURE"),
    totalRefundedSet=lambda o: moved_bag(o, "REFUND"),
    totalRefundedShippingSet=lambda o: bag(o, money.shipping_refunded(o)),
    totalCapturableSet=lambda o: bag(o, money.capturable(o)),
    totalOutstandingSet=lambda o: bag(o, money.outstanding(o)),
    totalTipReceivedSet=lambda o: bag(o, ZERO),
    netPaymentSet=lambda o: bag(o, money.received(o) - money.refunded(o)),
    refundDiscrepancySet=lambda o: bag(o, ZERO),
    customer=lambda o: o.customer,
    billingAddress=lambda o: o.billing,
    shippingAddress=lambda o: o.shipping_address,
    displayAddress=lambda o: o.shipping_address or o.billing,
    billingAddressMatchesShippingAddress=_matches,
    risk=lambda o: {"recommendation": o.recommendation, "assessments": o.assessments},
    disputes=lambda o: o.disputes,
    transactionsCount=lambda o: {"count": len(o.transactions), "precision": "EXACT"},
    fulfillmentsCount=lambda o: {"count": len(o.fulfillments), "precision": "EXACT"},
)
fields(
    "LineItem",
    Line,
    id=lambda x: gid("LineItem", x.id),
    title=lambda x: x.title,
    name=lambda x: x.name,
    variantTitle=lambda x: x.variant_title,
    vendor=lambda x: x.vendor,
    sku=lambda x: x.sku,
    quantity=lambda x: x.quantity,
    currentQuantity=lambda x: x.quantity - x.removed,
    refundableQuantity=lambda x: x.quantity - x.removed,
    fulfillableQuantity=lambda x: x.open,
    unfulfilledQuantity=lambda x: x.open,
    nonFulfillableQuantity=lambda x: x.quantity - x.open,
    requiresShipping=lambda x: x.requires_shipping,
    isGiftCard=lambda x: x.gift_card,
    taxable=lambda x: x.taxable,
    restockable=lambda x: x.quantity > x.removed,
    merchantEditable=lambda x: not x.fulfilled,
    customAttributes=lambda x: _pairs(x.attributes),
    product=lambda x: {"id": gid("Product", x.product_id), "title": x.title} if x.product_id else None,
    variant=lambda x: {"id": gid("ProductVariant", x.variant_id), "sku": x.sku} if x.variant_id else None,
    weight=lambda x: {"value": float(x.grams), "unit": "GRAMS"},
    discountAllocations=lambda x: [],
    duties=lambda x: [],
    image=lambda x: None,
    lineItemGroup=lambda x: None,
    staffMember=lambda x: None,
)
fields(
    "MailingAddress",
    Address,
    id=lambda a: gid("MailingAddress", f"{a.id}?model_name=Address"),
    firstName=lambda a: a.first_name,
    lastName=lambda a: a.last_name,
    name=lambda a: a.name,
    company=lambda a: a.company,
    address1=lambda a: a.address1,
    address2=lambda a: a.address2,
    city=lambda a: a.city,
    province=lambda a: a.province,
    provinceCode=lambda a: a.province_code,
    country=lambda a: a.country,
    countryCode=lambda a: a.country_code,
    countryCodeV2=lambda a: a.country_code,
    zip=lambda a: a.zip,
    phone=lambda a: a.phone,
    latitude=lambda a: a.latitude,
    longitude=lambda a: a.longitude,
    coordinatesValidated=lambda a: False,
    timeZone=lambda a: None,
    formattedArea=lambda a: ", ".join(p for p in (a.city, a.province_code, a.country) if p) or None,
    validationResultSummary=lambda a: a.validation,
)
fields(
    "OrderRiskAssessment",
    Assessment,
    riskLevel=lambda a: a.level,
    facts=lambda a: [{"description": d, "sentiment": s} for d, s in a.facts],
)
fields(
    "OrderDisputeSummary",
    id=lambda d: gid("OrderDisputeSummary", d.id),
    initiatedAs=lambda d: d.type,
    status=lambda d: d.status,
)
fields(
    "Metafield",
    Metafield,
    id=lambda m: gid("Metafield", m.id),
    legacyResourceId=lambda m: str(m.id),
    namespace=lambda m: m.namespace,
    key=lambda m: m.key,
    type=lambda m: m.type,
    value=lambda m: m.value,
    compareDigest=lambda m: m.digest,
    createdAt=lambda m: when(m.created_at),
    updatedAt=lambda m: when(m.updated_at),
    ownerType=lambda m: m.owner_id.split("/")[3].upper(),
    sizeInBytes=lambda m: len(m.value.encode()),
    description=lambda m: None,
)


@field("OrderRiskAssessment", "provider")
def _provider(assessment: Assessment, args: dict[str, Any], call: Call) -> dict[str, Any] | None:
    if assessment.provider_id is None:
        return None
    return {"id": gid("App", assessment.provider_id), "title": assessment.provider_title, "handle": None}


@field("MailingAddress", "formatted")
def _formatted(address: Address, args: dict[str, Any], call: Call) -> list[str]:
    area = " ".join(p for p in (address.city, address.province_code, address.zip) if p)
    lines = [address.name if args.get("withName") else None, address.company if args.get("withCompany") else None]
    return [p for p in (*lines, address.address1, address.address2, area, address.country) if p]


@field("Order", "lineItems")
def _lines(order: Order, args: dict[str, Any], call: Call) -> Page:
    return in_order(order.lines, args)


@field("Order", "statusPageUrl")
def _status_page(order: Order, args: dict[str, Any], call: Call) -> str:
    return f"https://{call.shop.domain}/{call.shop.id}/orders/sim{order.id}/authenticate"


@field("Order", "transactions")
def _transactions(order: Order, args: dict[str, Any], call: Call) -> list[Any]:
    found = list(order.transactions)
    if args.get("capturable") is not None:
        open_money = money.capturable(order) > 0
        found = [t for t in found if (t.kind == "AUTHORIZATION" and open_money) is args["capturable"]]
    return found[: args.get("first") or None]


@field("Order", "fulfillmentOrders")
def _fulfillment_orders(order: Order, args: dict[str, Any], call: Call) -> Page:
    return in_order(order.fulfillment_orders, args)


@field("Order", "fulfillments")
def _fulfillments(order: Order, args: dict[str, Any], call: Call) -> list[Any]:
    return order.fulfillments[: args.get("first") or None]


@field("Order", "refunds")
def _refunds(order: Order, args: dict[str, Any], call: Call) -> list[Any]:
    return order.refunds[: args.get("first") or None]


@field("Order", "returns")
def _returns(order: Order, args: dict[str, Any], call: Call) -> Page:
    return in_order(order.returns, args)


@field("Order", "shippingLine")
def _shipping_line(order: Order, args: dict[str, Any], call: Call) -> dict[str, Any] | None:
    return shipping_line(order)


@field("Order", "shippingLines")
def _shipping_lines(order: Order, args: dict[str, Any], call: Call) -> Page:
    line = shipping_line(order)
    return Page([line] if line else [], [""] if line else [], has_next=False, has_previous=False)


@field("Order", "metafield")
@field("DraftOrder", "metafield")
@field("Customer", "metafield")
def _metafield(owner: Any, args: dict[str, Any], call: Call) -> Metafield | None:
    found: Metafield | None = owner.metafields.get((namespace_of(call.shop, args.get("namespace")), args["key"]))
    return found


@field("Order", "metafields")
@field("DraftOrder", "metafields")
@field("Customer", "metafields")
def _metafields(owner: Any, args: dict[str, Any], call: Call) -> Page:
    space = namespace_of(call.shop, args["namespace"]) if args.get("namespace") else None
    keys = set(args.get("keys") or ())
    found = [m for m in owner.metafields.values() if space in {None, m.namespace}]
    return in_order([m for m in found if not keys or m.key in keys or f"{m.namespace}.{m.key}" in keys], args)


def shipping_line(order: Order) -> dict[str, Any] | None:
    """The order's ShippingLine; None for what is not shipped."""
    if order.shipping_address is None:
        return None
    price = bag(order, order.shipping)
    line = {"id": gid("ShippingLine", order.id), "title": order.shipping_title, "code": order.shipping_title}
    more = {"source": "shopify", "carrierIdentifier": None, "custom": False, "isRemoved": False, "phone": None}
    return line | more | {"originalPriceSet": price, "discountedPriceSet": price, "currentDiscountedPriceSet": price}
