"""Draft orders (API 2026-10): the way to a replacement. No key protects `draftOrderCreate`; tags can be searched."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from caseconnect_shopify.simulator.api.errors import ApiError
from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import address_of, number_of
from caseconnect_shopify.simulator.world import drafts
from caseconnect_shopify.simulator.world.drafts import Discount, Draft, DraftLine
from caseconnect_shopify.simulator.world.records import ZERO, gid
from caseconnect_shopify.simulator.world.refunds import Refused

Args = dict[str, Any]
EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
TAG_LENGTH = 40


def _money(call: Call, draft: Draft, given: Args | None, plain: Decimal | None = None) -> Decimal | None:
    """An amount with its currency, or a bare one in the shop's, as the shop's money."""
    if given is None:
        return plain
    if given["currencyCode"] == call.shop.currency:
        return Decimal(given["amount"])
    if given["currencyCode"] != draft.presentment_currency:
        raise Refused(None, "Presentment currency must match the currency of the draft order")
    return (Decimal(given["amount"]) / draft.presentment_rate).quantize(Decimal("0.01"))


def _discount(call: Call, draft: Draft, wanted: Args | None) -> Discount | None:
    if not wanted:
        return None
    value = Decimal(str(wanted["value"]))
    if wanted["valueType"] == "FIXED_AMOUNT":
        value = _money(call, draft, wanted.get("amountWithCurrency"), value) or ZERO
    if value < 0 or (wanted["valueType"] == "PERCENTAGE" and value > 100):
        raise Refused(["appliedDiscount", "value"], "Value must be between 0 and 100")
    return Discount(value, wanted["valueType"], wanted.get("title"), wanted.get("description") or "")


def _line(call: Call, draft: Draft, place: int, item: Args) -> DraftLine:
    if item["quantity"] < 1:
        raise Refused(["lineItems", str(place), "quantity"], "Quantity must be greater than or equal to 1")
    price = _money(call, draft, item.get("originalUnitPriceWithCurrency"), item.get("originalUnitPrice")) or ZERO
    override = _money(call, draft, item.get("priceOverride"))
    if price < 0 or (override or ZERO) < 0:
        raise Refused(None, "Cannot send negative price for line_item")
    made = DraftLine(
        call.shop.next_id(),
        item.get("uuid") or call.shop.next_uuid(),
        item.get("title") or "",
        item["quantity"],
        price,
        override,
        sku=item.get("sku"),
        requires_shipping=item.get("requiresShipping", True) is not False,
        taxable=item.get("taxable", True) is not False,
        discount=_discount(call, draft, item.get("appliedDiscount")),
        attributes=[(a["key"], a["value"]) for a in item.get("customAttributes") or ()],
    )
    if item.get("variantId"):
        number = number_of(item["variantId"], "ProductVariant")
        variant = call.shop.variants.get(number)
        if variant is None:
            raise Refused(None, f"Product with ID {number} is no longer available.")
        made.title, made.price, made.sku = variant.title, variant.price, variant.sku
        made.variant_id, made.product_id, made.variant_title = variant.id, variant.product_id, variant.variant_title
        made.requires_shipping, made.taxable = variant.requires_shipping, variant.taxable
    elif not made.title.strip():
        raise Refused(None, "Merchandise title is empty.")
    return made


def _tags(given: list[str], prefix: list[str], first: int) -> list[str]:
    for place, tag in enumerate(given, first):
        if len(tag) > TAG_LENGTH:
            text = f"Title Tag exceeds the maximum length of {TAG_LENGTH} characters"
            raise Refused([*prefix, "tags", str(place)], text)
    return list(dict.fromkeys(t.strip() for part in given for t in part.split(",") if t.strip()))


PLAIN = {"note": "note", "phone": "phone", "poNumber": "po_number", "taxExempt": "tax_exempt"} | {
    "visibleToCustomer": "visible",
    "sourceName": "source_name",
}


def _fill(call: Call, draft: Draft, wanted: Args, *, new: bool) -> None:
    """Takes over what is given; raises Refused in the middle, so the draft must not be one that is seen already."""
    for key, name in PLAIN.items():
        if key in wanted:
            setattr(draft, name, wanted[key])
    if wanted.get("email") is not None and not EMAIL.match(wanted["email"]):
        raise Refused(["email"], "Email is invalid")
    if "tags" in wanted:
        draft.tags = _tags(wanted["tags"] or [], [] if new else ["input"], 0 if new else 1)
    if "customAttributes" in wanted:
        draft.attributes = [(a["key"], a["value"]) for a in wanted["customAttributes"] or ()]
    _who(call, draft, wanted)
    until = wanted.get("reserveInventoryUntil")
    if until and datetime.fromisoformat(until) < call.shop.now():
        raise Refused(None, "Reserve until can't be in the past")
    if new or "lineItems" in wanted:
        items = wanted.get("lineItems") or []
        if not items:
            raise Refused(None, "Add at least 1 product")
        draft.lines = [_line(call, draft, n, x) for n, x in enumerate(items)]
    if "appliedDiscount" in wanted:
        draft.discount = _discount(call, draft, wanted["appliedDiscount"])
    if wanted.get("shippingLine"):
        line = wanted["shippingLine"]
        price = _money(call, draft, line.get("priceWithCurrency"), line.get("price")) or ZERO
        draft.shipping = (line.get("title") or "Custom", price)


def _who(call: Call, draft: Draft, wanted: Args) -> None:
    text = (wanted.get("purchasingEntity") or {}).get("customerId") or wanted.get("customerId")
    if text:
        customer = call.shop.customers.get(number_of(text, "Customer"))
        if customer is None:
            raise Refused(["purchasingEntity", "customerId"], "Customer does not exist")
        draft.customer, draft.email = customer, draft.email or customer.email
        if wanted.get("useCustomerDefaultAddress") and customer.addresses:
            draft.shipping_address = draft.billing = customer.addresses[0]
    if "email" in wanted:
        draft.email = wanted["email"]
    for key, name in (("shippingAddress", "shipping_address"), ("billingAddress", "billing")):
        if wanted.get(key):
            setattr(draft, name, address_of(call.shop.next_id(), wanted[key]))


def _refused(refusal: Refused, draft: Draft | None = None) -> dict[str, Any]:
    return {"draftOrder": draft, "userErrors": [{"field": refusal.field, "message": refusal.message}]}


def _found(call: Call, text: str) -> Draft:
    found = call.shop.drafts.get(number_of(text, "DraftOrder"))
    if found is None:
        raise Refused(["id"], "Draft order does not exist")
    return found


def _told(call: Call, what: str, draft: Draft, **more: Any) -> dict[str, Any]:
    call.shop.effect(call.who, what, gid("DraftOrder", draft.id), **more)
    return {"draftOrder": draft, "userErrors": []}


@mutation("draftOrderCreate")
def _create(root: object, args: Args, call: Call) -> dict[str, Any]:
    wanted = args["input"]
    currency = wanted.get("presentmentCurrencyCode") or call.shop.currency
    rate = call.shop.rate(currency)
    if rate is None:
        raise ApiError(f"Currency code {currency} is not enabled on this shop.", "CURRENCY_CODE_INVALID")
    draft = drafts.start(call.shop, currency, rate)
    try:
        _fill(call, draft, wanted, new=True)
    except Refused as refusal:
        return _refused(refusal)
    drafts.save(call.shop, draft)
    lines = [{"title": x.title, "units": x.quantity, "price": x.unit} for x in draft.lines]
    customer = gid("Customer", draft.customer.id) if draft.customer else None
    return _told(call, "draft_create", draft, tags=draft.tags, lines=lines, total=draft.total, customer=customer)


@mutation("draftOrderUpdate")
def _update(root: object, args: Args, call: Call) -> dict[str, Any]:
    try:
        draft = _found(call, args["id"])
        if draft.status == "COMPLETED":
            raise Refused(["id"], "Draft order has been completed and cannot be changed")
        draft = replace(draft)
        _fill(call, draft, args["input"], new=False)
    except Refused as refusal:
        return _refused(refusal)
    drafts.save(call.shop, draft)
    return _told(call, "draft_update", draft, changed=sorted(args["input"]))


@mutation("draftOrderDelete")
def _delete(root: object, args: Args, call: Call) -> dict[str, Any]:
    try:
        draft = _found(call, args["input"]["id"])
        if draft.status == "COMPLETED":
            raise Refused(["id"], "Draft order has been completed and cannot be deleted")
    except Refused as refusal:
        return {"deletedId": None, "userErrors": _refused(refusal)["userErrors"]}
    drafts.delete(call.shop, draft)
    _told(call, "draft_delete", draft)
    return {"deletedId": gid("DraftOrder", draft.id), "userErrors": []}


@mutation("draftOrderComplete")
def _complete(root: object, args: Args, call: Call) -> dict[str, Any]:
    draft = None
    try:
        draft = _found(call, args["id"])
        if draft.status == "COMPLETED":
            raise Refused(None, "This order has been paid")
        if args.get("paymentGatewayId"):
            raise Refused(["paymentGatewayId"], "payment_gateway_not_found")
    except Refused as refusal:
        return _refused(refusal, draft)
    order = drafts.complete(call.shop, draft, args.get("sourceName"), pending=bool(args.get("paymentPending")))
    return _told(call, "draft_complete", draft, order=gid("Order", order.id), total=draft.total)


@mutation("draftOrderInvoiceSend")
def _invoice(root: object, args: Args, call: Call) -> dict[str, Any]:
    draft = call.shop.drafts.get(number_of(args["id"], "DraftOrder"))
    if draft is None:
        return _refused(Refused(None, "Draft order not found"))
    to = (args.get("email") or {}).get("to") or draft.email
    texts = [] if to else ["To can't be blank"]
    if draft.status == "COMPLETED":
        texts.append("Draft order Invoice can't be sent. This draft order is already paid.")
    if texts:
        return {"draftOrder": draft, "userErrors": [{"field": None, "message": t} for t in texts]}
    draft.status, draft.invoice_sent_at = "INVOICE_SENT", call.shop.stamp()
    drafts.save(call.shop, draft)
    return _told(call, "draft_invoice_send", draft)
