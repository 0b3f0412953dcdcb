"""Root queries, and the small types that only they lead to."""

from __future__ import annotations

from typing import Any

from caseconnect_shopify.simulator.api.errors import ApiError
from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.paging import Page, in_order, paginate
from caseconnect_shopify.simulator.api.registry import ROOT, fields, query
from caseconnect_shopify.simulator.api.wire import number_of, split_gid, when
from caseconnect_shopify.simulator.world.records import Customer, FulfillmentOrder, Order, gid
from caseconnect_shopify.simulator.world.search import SORTS, Entry
from caseconnect_shopify.simulator.world.shop import VERSIONS
from caseconnect_shopify.simulator.world.system import Job, Subscription
from caseconnect_shopify.simulator.world.topics import enum_of

from .nodes import node

MAX_COUNT = 10_000


def search_orders(call: Call, args: dict[str, Any], name: str) -> Page:
    """A page of orders: found in the index (which may lag), shown as they are now."""
    sort = args.get("sortKey") or "ID"
    text, reverse = args.get("query") or "", bool(args.get("reverse"))
    entries, read = call.shop.index.find(text, sort, reverse, call.shop.now())
    if read.warnings:
        parsed = " ".join(read.parsed)
        call.search.append({"path": [name], "query": text, "parsed": parsed, "warnings": list(read.warnings)})
    rank = SORTS.get(sort, SORTS["ID"])

    def value(entry: Entry) -> Any:
        found = rank(entry)
        return found.isoformat() if hasattr(found, "isoformat") else float(found) if sort == "TOTAL_PRICE" else found

    page = paginate(entries, args, value=value)
    return Page([call.shop.orders[e.id] for e in page.nodes], page.cursors, page.has_next, page.has_previous)


@query("order")
def _order(root: object, args: dict[str, Any], call: Call) -> Order | None:
    return call.shop.orders.get(number_of(args["id"], "Order"))


@query("orderByIdentifier")
def _order_by(root: object, args: dict[str, Any], call: Call) -> Order | None:
    wanted = args["identifier"]
    if not wanted.get("id"):
        raise ApiError("The simulator finds orders by id only.", "NOT_SIMULATED")
    return call.shop.orders.get(number_of(wanted["id"], "Order"))


@query("orders")
def _orders(root: object, args: dict[str, Any], call: Call) -> Page:
    return search_orders(call, args, "orders")


@query("ordersCount")
def _orders_count(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    entries, _ = call.shop.index.find(args.get("query") or "", "ID", reverse=False, now=call.shop.now())
    limit = args.get("limit") or MAX_COUNT
    exact = len(entries) <= limit
    return {"count": min(len(entries), limit), "precision": "EXACT" if exact else "AT_LEAST"}


@query("customer")
def _customer(root: object, args: dict[str, Any], call: Call) -> Customer | None:
    return call.shop.customers.get(number_of(args["id"], "Customer"))


@query("customerByIdentifier")
def _customer_by(root: object, args: dict[str, Any], call: Call) -> Customer | None:
    wanted = args["identifier"]
    if wanted.get("emailAddress"):
        return call.shop.customer_by_email(wanted["emailAddress"])
    if wanted.get("id"):
        return call.shop.customers.get(number_of(wanted["id"], "Customer"))
    raise ApiError("The simulator finds customers by id or e-mail address only.", "NOT_SIMULATED")


@query("fulfillmentOrder")
def _fulfillment_order(root: object, args: dict[str, Any], call: Call) -> FulfillmentOrder | None:
    return call.shop.fulfillment_orders.get(number_of(args["id"], "FulfillmentOrder"))


@query("fulfillmentOrders")
def _fulfillment_orders(root: object, args: dict[str, Any], call: Call) -> Page:
    found = [f for f in call.shop.fulfillment_orders.values() if args.get("includeClosed") or f.status != "CLOSED"]
    return in_order(found, args)


@query("fulfillment")
def _fulfillment(root: object, args: dict[str, Any], call: Call) -> Any:
    number = number_of(args["id"], "Fulfillment")
    return next((f for o in call.shop.orders.values() for f in o.fulfillments if f.id == number), None)


@query("refund")
def _refund(root: object, args: dict[str, Any], call: Call) -> Any:
    number = number_of(args["id"], "Refund")
    return next((r for o in call.shop.orders.values() for r in o.refunds if r.id == number), None)


@query("node")
def _node(root: object, args: dict[str, Any], call: Call) -> Any:
    return _any_node(call, args["id"])


@query("nodes")
def _nodes(root: object, args: dict[str, Any], call: Call) -> list[Any]:
    return [_any_node(call, text) for text in args["ids"]]


def _any_node(call: Call, text: str) -> Any:
    return _shop_dict(call) if split_gid(text)[0] == "Shop" else node(call, text)


@query("job")
def _job(root: object, args: dict[str, Any], call: Call) -> Job | None:
    split_gid(args["id"])
    return call.shop.jobs.get(args["id"])


fields("Job", Job, id=lambda j: j.id, done=lambda j: j.done, query=lambda j: ROOT)


@query("shop")
def _shop(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    return _shop_dict(call)


def _shop_dict(call: Call) -> dict[str, Any]:
    shop = call.shop
    host = f"https://{shop.domain}"
    minutes = int((shop.zone.utcoffset(None)).total_seconds() // 60)
    hours = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
    return {
        "__typename": "Shop",
        "id": gid("Shop", shop.id),
        "name": shop.name,
        "myshopifyDomain": shop.domain,
        "url": host,
        "primaryDomain": {"id": gid("Domain", 1), "host": shop.domain, "url": host, "sslEnabled": True},
        "email": f"owner@{shop.domain}",
        "contactEmail": f"owner@{shop.domain}",
        "currencyCode": shop.currency,
        "enabledPresentmentCurrencies": [shop.currency, *shop.rates],
        "ianaTimezone": "Etc/UTC" if not minutes else f"Etc/GMT{-minutes // 60:+d}",
        "timezoneOffset": hours,
        "timezoneOffsetMinutes": minutes,
        "timezoneAbbreviation": f"UTC{hours}",
        "createdAt": when(shop.started_at),
        "updatedAt": when(shop.started_at),
        "orderNumberFormatPrefix": "#",
        "orderNumberFormatSuffix": "",
        "taxesIncluded": False,
        "weightUnit": "KILOGRAMS",
        "unitSystem": "METRIC_SYSTEM",
        "setupRequired": False,
        "checkoutApiSupported": True,
        "description": None,
        "plan": {"partnerDevelopment": True, "publicDisplayName": "Development", "shopifyPlus": False},
    }


@query("currentAppInstallation")
def _installation(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    shop = call.shop
    scopes = [{"handle": s, "description": s.replace("_", " ").capitalize()} for s in sorted(shop.scopes)]
    app = {"id": gid("App", shop.app_id), "title": shop.app_title, "handle": "connect", "apiKey": shop.client_id}
    number = gid("AppInstallation", shop.app_id + 1)
    return {"id": number, "accessScopes": scopes, "app": app | {"webhookApiVersion": shop.api_version}}


@query("publicApiVersions")
def _versions(root: object, args: dict[str, Any], call: Call) -> list[dict[str, Any]]:
    stable = [{"handle": v, "displayName": v, "supported": True} for v in VERSIONS]
    return [*stable, {"handle": "unstable", "displayName": "unstable", "supported": False}]


@query("webhookSubscription")
def _subscription(root: object, args: dict[str, Any], call: Call) -> Subscription | None:
    return call.shop.subscriptions.get(number_of(args["id"], "WebhookSubscription"))


@query("webhookSubscriptions")
def _subscriptions(root: object, args: dict[str, Any], call: Call) -> Page:
    topics, uri = args.get("topics"), args.get("uri") or args.get("callbackUrl")
    made = [s for s in call.shop.subscriptions.values() if s.by_api]
    found = [s for s in made if (not topics or enum_of(s.topic) in topics) and uri in {None, s.uri}]
    return in_order(found, args)


@query("webhookSubscriptionsCount")
def _subscriptions_count(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    count, limit = sum(s.by_api for s in call.shop.subscriptions.values()), args.get("limit") or MAX_COUNT
    return {"count": min(count, limit), "precision": "EXACT" if count <= limit else "AT_LEAST"}


fields(
    "WebhookSubscription",
    Subscription,
    id=lambda s: gid("WebhookSubscription", s.id),
    legacyResourceId=lambda s: str(s.id),
    topic=lambda s: enum_of(s.topic),
    uri=lambda s: s.uri,
    callbackUrl=lambda s: s.uri,
    endpoint=lambda s: {"__typename": "WebhookHttpEndpoint", "callbackUrl": s.uri},
    format=lambda s: "JSON",
    filter=lambda s: s.filter,
    name=lambda s: s.name,
    includeFields=lambda s: s.include_fields,
    metafieldNamespaces=lambda s: s.metafield_namespaces,
    metafields=lambda s: [],
    createdAt=lambda s: when(s.created_at),
    updatedAt=lambda s: when(s.updated_at),
    apiVersion=lambda s: {"handle": s.api_version, "displayName": s.api_version, "supported": True},
)
