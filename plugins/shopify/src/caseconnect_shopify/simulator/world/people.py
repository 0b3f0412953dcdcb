"""Customers: changed by apps and staff, tagged, merged; and what privacy law asks of apps (compliance topics)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import orders
from .records import Customer, gid
from .specs import Spec, SpecError, only, records

if TYPE_CHECKING:
    from .shop import Shop


def tell_tags(shop: Shop, customer: Customer, added: list[str], removed: list[str]) -> None:
    """Says which tags a customer got and lost; these bodies are in camel case and in UTC."""
    at = f"{shop.now():%Y-%m-%dT%H:%M:%S.000Z}"
    for topic, tags in (("customer.tags_added", added), ("customer.tags_removed", removed)):
        if tags:
            shop.emit(topic, {"customerId": gid("Customer", customer.id), "tags": tags, "occurredAt": at})


def retag(shop: Shop, customer: Customer, tags: list[str]) -> None:
    """Gives a customer exactly these tags."""
    old = {t.casefold() for t in customer.tags}
    new = {t.casefold() for t in tags}
    added = [t for t in tags if t.casefold() not in old]
    removed = [t for t in customer.tags if t.casefold() not in new]
    customer.tags = tags
    tell_tags(shop, customer, added, removed)


def changed(shop: Shop, customer: Customer) -> None:
    """Says that a customer changed."""
    customer.updated_at = max(customer.updated_at, shop.stamp())
    shop.note_email(customer)
    shop.emit("customers/update", customer)


def save(shop: Shop, spec: Spec) -> Customer:
    """Staff make or change a customer; the same JSON as an order's `customer`."""
    email, number = spec.get("email"), spec.get("id")
    known = shop.customers.get(int(number)) if number is not None else shop.customer_by_email(email)
    old = list(known.tags) if known else []
    customer = orders.customer(shop, spec)
    new = list(customer.tags)
    customer.tags = old
    retag(shop, customer, new)
    if known:
        changed(shop, customer)
    else:
        shop.emit("customers/create", customer)
    return customer


def merge(shop: Shop, kept: Customer, gone: Customer) -> None:
    """Merges two customers: orders, tags, notes and credit go to the one that is kept; emits `customers/merge`."""
    for number in gone.order_ids:
        order = shop.orders[number]
        order.customer = kept
        shop.touch(order)
    kept.order_ids = sorted({*kept.order_ids, *gone.order_ids})
    kept.prior_orders += gone.prior_orders
    kept.prior_spent += gone.prior_spent
    kept.tags = list(dict.fromkeys([*kept.tags, *gone.tags]))
    kept.note = "\n".join(n for n in (kept.note, gone.note) if n) or None
    kept.addresses += gone.addresses
    for account in shop.accounts.values():
        if account.customer_id == gone.id:
            account.customer_id = kept.id
    for draft in shop.drafts.values():
        if draft.customer is gone:
            draft.customer = kept
    del shop.customers[gone.id]
    shop.merged[gone.id] = kept.id
    kept.updated_at = shop.stamp()
    shop.note_email(kept)
    body: dict[str, Any] = {
        "admin_graphql_api_customer_kept_id": gid("Customer", kept.id),
        "admin_graphql_api_customer_deleted_id": gid("Customer", gone.id),
        "admin_graphql_api_job_id": None,
        "status": "completed",
        "errors": [],
    }
    shop.emit("customers/merge", body)
    shop.emit("customers/update", kept)


def delete(shop: Shop, customer: Customer) -> None:
    """Staff delete a customer without orders."""
    if customer.order_ids:
        raise SpecError(f"Customer {customer.id} has orders and cannot be deleted.")
    del shop.customers[customer.id]
    shop.emit("customers/delete", {"id": customer.id, "admin_graphql_api_id": gid("Customer", customer.id)})


def compliance(shop: Shop, kind: str, spec: Spec) -> dict[str, Any]:
    """Sends a compliance topic to the addresses of the app's configuration: they are not in the API's list of topics.

    `kind` is data_request, redact (of `customer`) or shop_redact. Shopify changes nothing by it: the app has to act.
    """
    body: dict[str, Any] = {"shop_id": shop.id, "shop_domain": shop.domain}
    if kind == "shop_redact":
        return {"topic": "shop/redact", "deliveries": shop.emit("shop/redact", body)}
    only(spec, {"customer", "orders"}, "The request")
    customer = find(shop, spec.get("customer"))
    wanted = spec.get("orders")
    numbers = [int(n) for n in records(wanted, "orders")] if wanted is not None else list(customer.order_ids)
    who = {"id": customer.id, "email": customer.email, "phone": customer.phone}
    body["customer"] = who
    if kind == "data_request":
        body |= {"orders_requested": numbers, "data_request": {"id": shop.next_id()}}
        return {"topic": "customers/data_request", "deliveries": shop.emit("customers/data_request", body)}
    if kind == "redact":
        body |= {"orders_to_redact": numbers}
        return {"topic": "customers/redact", "deliveries": shop.emit("customers/redact", body)}
    raise SpecError(f"There is no compliance request {kind!r}. Allowed: data_request, redact, shop_redact.")


def find(shop: Shop, key: Any) -> Customer:
    """A customer by numeric id, gid or e-mail."""
    tail = str(key).rsplit("/", 1)[-1]
    found = shop.customers.get(int(tail)) if tail.isdigit() else shop.customer_by_email(tail)
    if found is None:
        raise SpecError(f"There is no customer {key!r}.")
    return found
