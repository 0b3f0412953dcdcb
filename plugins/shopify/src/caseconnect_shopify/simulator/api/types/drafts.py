"""Draft orders and their lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.paging import Page, in_order
from caseconnect_shopify.simulator.api.registry import field, fields, query
from caseconnect_shopify.simulator.api.wire import bag, number_of, when
from caseconnect_shopify.simulator.world import money
from caseconnect_shopify.simulator.world.drafts import Discount, Draft, DraftLine
from caseconnect_shopify.simulator.world.records import ZERO, Order, gid


def _discount(draft: Draft, discount: Discount | None, amount: Decimal) -> dict[str, Any] | None:
    if discount is None:
        return None
    value = {"value": float(discount.value), "valueType": discount.type, "amountSet": bag(draft, amount)}
    single = {"amount": money.spell(amount), "currencyCode": draft.currency}
    return value | {"title": discount.title, "description": discount.description, "amountV2": single}


def _line(draft: Draft, line: DraftLine) -> dict[str, Any]:
    cost = line.unit * line.quantity
    each = (cost - line.off) / line.quantity
    return {
        "__typename": "DraftOrderLineItem",
        "id": gid("DraftOrderLineItem", line.id),
        "uuid": line.uuid,
        "title": line.title,
        "name": f"{line.title} - {line.variant_title}" if line.variant_title else line.title,
        "quantity": line.quantity,
        "sku": line.sku,
        "variantTitle": line.variant_title,
        "vendor": None,
        "custom": line.variant_id is None,
        "customAttributes": [{"key": k, "value": v} for k, v in line.attributes],
        "requiresShipping": line.requires_shipping,
        "taxable": line.taxable,
        "isGiftCard": False,
        "taxLines": [],
        "components": [],
        "image": None,
        "product": {"id": gid("Product", line.product_id), "title": line.title} if line.product_id else None,
        "variant": {"id": gid("ProductVariant", line.variant_id), "sku": line.sku} if line.variant_id else None,
        "appliedDiscount": _discount(draft, line.discount, line.off),
        "originalUnitPriceSet": bag(draft, line.price),
        "originalUnitPriceWithCurrency": bag(draft, line.price)["presentmentMoney"],
        "priceOverride": bag(draft, line.override)["presentmentMoney"] if line.override is not None else None,
        "originalTotalSet": bag(draft, cost),
        "totalDiscountSet": bag(draft, line.off),
        "discountedTotalSet": bag(draft, cost - line.off),
        "approximateDiscountedUnitPriceSet": bag(draft, each.quantize(money.CENT)),
        "weight": {"value": float(line.grams), "unit": "GRAMS"},
    }


def _matches(draft: Draft) -> bool:
    if draft.billing is None or draft.shipping_address is None:
        return draft.billing is draft.shipping_address
    return draft.billing.place() == draft.shipping_address.place()


fields(
    "DraftOrder",
    Draft,
    id=lambda d: gid("DraftOrder", d.id),
    legacyResourceId=lambda d: str(d.id),
    name=lambda d: d.name,
    status=lambda d: d.status,
    ready=lambda d: True,
    createdAt=lambda d: when(d.created_at),
    updatedAt=lambda d: when(d.updated_at),
    completedAt=lambda d: when(d.completed_at),
    invoiceSentAt=lambda d: when(d.invoice_sent_at),
    reserveInventoryUntil=lambda d: when(d.reserve_until),
    currencyCode=lambda d: d.currency,
    presentmentCurrencyCode=lambda d: d.presentment_currency,
    customer=lambda d: d.customer,
    purchasingEntity=lambda d: d.customer,
    email=lambda d: d.email,
    phone=lambda d: d.phone,
    note2=lambda d: d.note,
    poNumber=lambda d: d.po_number,
    tags=lambda d: sorted(d.tags),
    customAttributes=lambda d: [{"key": k, "value": v} for k, v in d.attributes],
    discountCodes=lambda d: [],
    taxExempt=lambda d: bool(d.tax_exempt),
    taxesIncluded=lambda d: False,
    taxLines=lambda d: [],
    visibleToCustomer=lambda d: bool(d.visible),
    acceptAutomaticDiscounts=lambda d: False,
    allowDiscountCodesInCheckout=lambda d: False,
    allVariantPricesOverridden=lambda d: all(x.override is not None for x in d.lines),
    anyVariantPricesOverridden=lambda d: any(x.override is not None for x in d.lines),
    hasTimelineComment=lambda d: False,
    defaultCursor=lambda d: str(d.id),
    invoiceEmailTemplateSubject=lambda d: f"Invoice {d.name}",
    transformerFingerprint=lambda d: None,
    shippingAddress=lambda d: d.shipping_address,
    billingAddress=lambda d: d.billing,
    billingAddressMatchesShippingAddress=_matches,
    appliedDiscount=lambda d: _discount(d, d.discount, d.off),
    totalQuantityOfLineItems=lambda d: sum(x.quantity for x in d.lines),
    totalWeight=lambda d: str(sum(x.grams * x.quantity for x in d.lines)),
    lineItemsSubtotalPrice=lambda d: bag(d, d.goods),
    subtotalPriceSet=lambda d: bag(d, d.subtotal),
    totalPriceSet=lambda d: bag(d, d.total),
    amountDueNowSet=lambda d: bag(d, d.total),
    amountDueLaterSet=lambda d: bag(d, ZERO),
    totalTaxSet=lambda d: bag(d, ZERO),
    totalShippingPriceSet=lambda d: bag(d, d.shipping[1] if d.shipping else ZERO),
    totalDiscountsSet=lambda d: bag(d, d.off + sum((x.off for x in d.lines), ZERO)),
    totalLineItemsPriceSet=lambda d: bag(d, sum((x.unit * x.quantity for x in d.lines), ZERO)),
)


@query("draftOrder")
def _draft(root: object, args: dict[str, Any], call: Call) -> Draft | None:
    return call.shop.drafts.get(number_of(args["id"], "DraftOrder"))


@query("draftOrders")
def _drafts(root: object, args: dict[str, Any], call: Call) -> Page:
    text = args.get("query") or ""
    found, read = call.shop.draft_index.find(text, call.shop.now())
    if read.warnings:
        parsed = " ".join(read.parsed)
        call.search.append({"path": ["draftOrders"], "query": text, "parsed": parsed, "warnings": list(read.warnings)})
    return in_order([call.shop.drafts[number] for number in found], args)


@field("DraftOrder", "lineItems")
def _lines(draft: Draft, args: dict[str, Any], call: Call) -> Page:
    page = in_order(draft.lines, args)
    return Page([_line(draft, x) for x in page.nodes], page.cursors, page.has_next, page.has_previous)


@field("DraftOrder", "order")
def _order(draft: Draft, args: dict[str, Any], call: Call) -> Order | None:
    return call.shop.orders.get(draft.order_id or 0)


@field("DraftOrder", "invoiceUrl")
def _invoice(draft: Draft, args: dict[str, Any], call: Call) -> str:
    return f"https://{call.shop.domain}/{call.shop.id}/invoices/sim{draft.id}"


@field("DraftOrder", "shippingLine")
def _shipping(draft: Draft, args: dict[str, Any], call: Call) -> dict[str, Any] | None:
    if draft.shipping is None:
        return None
    title, amount = draft.shipping
    price = bag(draft, amount)
    line = {"id": None, "title": title, "code": "custom", "source": None, "carrierIdentifier": None, "custom": True}
    return line | {"isRemoved": False, "originalPriceSet": price, "discountedPriceSet": price}
