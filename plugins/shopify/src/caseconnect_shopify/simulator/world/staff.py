"""What shoppers and staff do outside the API: ask for returns, decide on them, make drafts, move goods, uninstall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import balances, catalogue, drafts, fulfilment, movement, orders, people, returns
from .aftersale import Return, ReturnLine
from .drafts import Discount, Draft, DraftLine
from .reasons import BY_ENUM
from .records import Customer, FulfillmentOrder, Order, gid
from .refunds import Refused
from .specs import Spec, SpecError, amount, choice, only, records, whole

if TYPE_CHECKING:
    from .shop import Shop

DECLINES = frozenset({"FINAL_SALE", "OTHER", "RETURN_PERIOD_ENDED"})


def ask_return(shop: Shop, order: Order, spec: Spec) -> Return:
    """A shopper asks for a return: `lines` {line id or sku: units} (all that can be by default), `reason`, `note`.

    `open` makes it as staff do, approved at once.
    """
    only(spec, {"lines", "reason", "note", "open"}, "The return")
    reason = choice(spec.get("reason", "unwanted"), BY_ENUM.keys(), "return.reason")
    wanted = spec.get("lines")
    lines: list[ReturnLine] = []
    for parcel in order.fulfillments:
        for number, line, _ in parcel.lines:
            free = returns.available(shop, order, number)
            key = next((k for k in (str(line.id), line.sku) if wanted and k in wanted), None)
            units = free if wanted is None else whole(wanted[key], "return.lines", 1) if key else 0
            if units > free:
                raise SpecError(f"Only {free} units of {line.name!r} can be returned.")
            if units:
                note = spec.get("note")
                lines.append(ReturnLine(shop.next_id(), line, number, units, reason, customer_note=note))
    if not lines:
        raise SpecError(f"Order {order.name} has nothing that can be returned: only sent goods can.")
    return returns.start(shop, order, lines, "OPEN" if spec.get("open") else "REQUESTED")


def decide_return(shop: Shop, key: str, step: str, spec: Spec) -> Return:
    """Staff decide on a return: approve, decline, close, cancel, reopen."""
    found = shop.returns.get(int(key)) if key.isdigit() else None
    if found is None:
        raise SpecError(f"There is no return {key!r}.")
    only(spec, {"reason", "note"}, "The decision")
    simple = {"approve": returns.approve, "close": returns.close, "cancel": returns.cancel, "reopen": returns.reopen}
    try:
        if step == "decline":
            reason = choice(spec.get("reason", "other"), DECLINES, "decline.reason")
            returns.decline(shop, found, reason, spec.get("note"))
        elif step in simple:
            simple[step](shop, found)
        else:
            raise SpecError(f"There is no step {step!r}. Allowed: {', '.join(sorted([*simple, 'decline']))}.")
    except Refused as refusal:
        raise SpecError(refusal.message) from None
    return found


def draft(shop: Shop, spec: Spec) -> Draft:
    """Staff make a draft: `lines` of `sku` or of `title` and `price`, `customer`, `tags`, `note`, `attributes`.

    `discount`: so many per cent off all of it.
    """
    only(spec, {"lines", "customer", "tags", "note", "email", "attributes", "discount"}, "The draft")
    made = drafts.start(shop, shop.currency, shop.rate(shop.currency) or amount("1", "rate"))
    for item in records(spec.get("lines"), "lines"):
        only(item, {"sku", "title", "price", "quantity"}, "lines")
        variant = next((v for v in shop.variants.values() if v.sku and v.sku == item.get("sku")), None)
        if variant is None and ("title" not in item or "price" not in item):
            raise SpecError("A line needs a known sku, or a title and a price.")
        units = whole(item.get("quantity", 1), "quantity", 1)
        title = variant.title if variant else str(item["title"])
        price = variant.price if variant else amount(item["price"], "price")
        line = DraftLine(shop.next_id(), shop.next_uuid(), title, units, price, sku=item.get("sku"))
        if variant:
            line.variant_id, line.product_id = variant.id, variant.product_id
        made.lines.append(line)
    if not made.lines:
        raise SpecError("The draft needs at least one line.")
    if spec.get("discount"):
        made.discount = Discount(amount(spec["discount"], "discount"), "PERCENTAGE")
    if spec.get("customer"):
        made.customer = orders.customer(shop, spec["customer"])
    made.email = spec.get("email") or (made.customer.email if made.customer else None)
    made.attributes = [(str(k), str(v)) for k, v in dict(spec.get("attributes") or {}).items()]
    made.tags, made.note = [str(t) for t in records(spec.get("tags"), "tags")], spec.get("note")
    drafts.save(shop, made)
    return made


def decide_draft(shop: Shop, key: str, step: str, spec: Spec) -> Draft:
    """Staff complete or delete a draft."""
    found = next((d for d in shop.drafts.values() if key in {str(d.id), d.name, d.name.lstrip("#")}), None)
    if found is None or found.status == "COMPLETED":
        raise SpecError(f"There is no open draft {key!r}.")
    if step == "complete":
        drafts.complete(shop, found, None, pending=bool(spec.get("pending")))
    elif step == "delete":
        drafts.delete(shop, found)
    else:
        raise SpecError(f"There is no step {step!r}. Allowed: complete, delete.")
    return found


def decide_customer(shop: Shop, key: str, step: str, spec: Spec) -> Any:
    """Staff merge or delete a customer, or give store credit (`amount`)."""
    customer = people.find(shop, key)
    if step == "merge":
        people.merge(shop, people.find(shop, only(spec, {"into"}, "The merge").get("into")), customer)
    elif step == "delete":
        people.delete(shop, customer)
    elif step == "credit":
        account = balances.account_for(shop, customer, shop.currency)
        balances.credit(shop, account, amount(only(spec, {"amount"}, "The credit").get("amount"), "amount"))
    else:
        raise SpecError(f"There is no step {step!r}. Allowed: credit, delete, merge.")
    return customer_summary(shop, customer)


def customer_summary(shop: Shop, customer: Customer) -> dict[str, Any]:
    """A customer in one line."""
    count, spent = orders.spent(shop, customer)
    credit = {a.currency: str(a.balance) for a in balances.accounts_of(shop, customer)}
    shown = {"id": str(customer.id), "email": customer.email, "tags": customer.tags, "orders": count}
    return shown | {"spent": str(spent), "store_credit": credit}


def product(shop: Shop, spec: Spec) -> dict[str, Any]:
    """A product comes to be."""
    made = catalogue.add(shop, spec)
    return {
        "sku": made.sku,
        "variant_id": gid("ProductVariant", made.id),
        "product_id": gid("Product", made.product_id),
    }


def _open_orders(order: Order) -> list[FulfillmentOrder]:
    return [
        f for f in order.fulfillment_orders if f.status not in movement.CLOSED and any(x.remaining for x in f.lines)
    ]


def move_goods(shop: Shop, order: Order, spec: Spec) -> None:
    """Staff move the goods of an order to `location`: the new fulfilment orders bear no hold."""
    location = whole(only(spec, {"location"}, "The move").get("location", 2), "location", 1)
    if location not in shop.locations:
        raise SpecError(f"There is no location {location}. Allowed: {', '.join(map(str, shop.locations))}.")
    for fo in _open_orders(order):
        movement.move(shop, fo, location, {})


def split_goods(shop: Shop, order: Order, spec: Spec) -> None:
    """Staff split off `lines` {line id or sku: units}: the new fulfilment order bears no hold."""
    wanted = only(spec, {"lines"}, "The split").get("lines") or {}
    for fo in _open_orders(order):
        part = {
            x.id: whole(wanted[k], "lines", 1) for x in fo.lines for k in (str(x.line.id), x.line.sku) if k in wanted
        }
        try:
            movement.check_part(fo, part, ["lines"])
        except Refused as refusal:
            raise SpecError(refusal.message) from None
        if part and movement.split(shop, fo, part) is None:
            raise SpecError("A split must leave something behind.")


def begin_work(shop: Shop, order: Order, spec: Spec) -> None:
    """Staff report that work on an order's goods has begun."""
    only(spec, {"notes"}, "The progress")
    for fo in _open_orders(order):
        if fulfilment.refresh(shop, fo).status in {"OPEN", "IN_PROGRESS"}:
            movement.report(shop, fo, spec.get("notes"))


def uninstall(shop: Shop) -> dict[str, Any]:
    """The merchant removes the app: `app/uninstalled` is sent, tokens die, subscriptions made by the API go."""
    body = {
        "id": shop.id,
        "name": shop.name,
        "email": f"owner@{shop.domain}",
        "domain": shop.domain,
        "myshopify_domain": shop.domain,
        "currency": shop.currency,
        "primary_locale": "en",
        "country_code": "US",
        "plan_name": "partner_test",
        "enabled_presentment_currencies": [shop.currency, *shop.rates],
    }
    count = shop.emit("app/uninstalled", body)
    shop.installed = False
    shop.tokens.clear()
    for number in [s.id for s in shop.subscriptions.values() if s.by_api and s.topic != "app/uninstalled"]:
        del shop.subscriptions[number]
    return {"installed": False, "deliveries": count}
