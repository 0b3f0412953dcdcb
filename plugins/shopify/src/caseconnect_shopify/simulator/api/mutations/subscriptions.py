"""`webhookSubscriptionCreate`, `Update` and `Delete` (API 2026-10)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from caseconnect_shopify.simulator.api.errors import ApiError
from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import number_of
from caseconnect_shopify.simulator.webhooks import filters
from caseconnect_shopify.simulator.world.records import gid
from caseconnect_shopify.simulator.world.topics import topic_of

NAME = re.compile(r"^[A-Za-z0-9_-]{1,50}$")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def _refused(message: str, *field: str) -> dict[str, Any]:
    return {"webhookSubscription": None, "userErrors": [{"field": list(field) or None, "message": message}]}


def _address_problem(uri: str) -> str | None:
    """Plain http is allowed to this machine only, since a simulator's subscriber usually is there."""
    parts = urlsplit(uri)
    if parts.scheme in {"arn", "pubsub"}:
        raise ApiError("The simulator delivers over HTTP only.", "NOT_SIMULATED")
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        return f"Address protocol {parts.scheme}:// is not supported"
    if (parts.hostname or "").endswith((".myshopify.com", ".shopify.com")):
        return "Address cannot be a Shopify or an internal domain"
    return None


def _problem(call: Call, topic: str, wanted: dict[str, Any], own: int | None) -> dict[str, Any] | None:
    uri = wanted.get("uri") or wanted.get("callbackUrl")
    try:
        filters.parse(wanted.get("filter") or "id:*")
    except filters.FilterError:
        text = "The specified filter is invalid, please ensure you specify the field(s) you wish to filter on."
        return _refused(text, "webhookSubscription", "filter")
    if wanted.get("format") == "XML":
        raise ApiError("The simulator sends JSON only.", "NOT_SIMULATED")
    if uri is None and own is None:
        return _refused("Address can't be blank", "webhookSubscription", "uri")
    if uri is not None:
        problem = _address_problem(uri)
        if problem:
            return _refused(problem, "webhookSubscription", "uri")
        same = (topic, uri, wanted.get("filter"))
        others = [s for s in call.shop.subscriptions.values() if s.id != own and (s.topic, s.uri, s.filter) == same]
        if others:
            return _refused("Address for this topic has already been taken", "webhookSubscription", "uri")
    if wanted.get("name") and not NAME.match(wanted["name"]):
        return _refused("Name is invalid", "webhookSubscription", "name")
    return None


@mutation("webhookSubscriptionCreate")
def _create(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    topic, wanted = topic_of(args["topic"]), args["webhookSubscription"]
    problem = _problem(call, topic, wanted, None)
    if problem:
        return problem
    uri = wanted.get("uri") or wanted["callbackUrl"]
    made = call.shop.subscribe(topic, uri, by_api=True, version=call.version, name=wanted.get("name"))
    made.filter = wanted.get("filter")
    made.include_fields = wanted.get("includeFields") or []
    made.metafield_namespaces = wanted.get("metafieldNamespaces") or []
    call.shop.effect(call.who, "webhook_subscribe", gid("WebhookSubscription", made.id), topic=topic, uri=uri)
    return {"webhookSubscription": made, "userErrors": []}


@mutation("webhookSubscriptionUpdate")
def _update(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    number, wanted = number_of(args["id"], "WebhookSubscription"), args["webhookSubscription"]
    found = call.shop.subscriptions.get(number)
    if found is None or not found.by_api:
        return _refused("Webhook subscription does not exist", "id")
    problem = _problem(call, found.topic, wanted, number)
    if problem:
        return problem
    found.uri = wanted.get("uri") or wanted.get("callbackUrl") or found.uri
    found.name = wanted.get("name", found.name)
    found.filter = wanted.get("filter", found.filter)
    found.include_fields = wanted.get("includeFields", found.include_fields) or []
    found.metafield_namespaces = wanted.get("metafieldNamespaces", found.metafield_namespaces) or []
    found.updated_at = call.shop.stamp()
    call.shop.effect(call.who, "webhook_update", args["id"], uri=found.uri)
    return {"webhookSubscription": found, "userErrors": []}


@mutation("webhookSubscriptionDelete")
def _delete(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    number = number_of(args["id"], "WebhookSubscription")
    found = call.shop.subscriptions.get(number)
    if found is None or not found.by_api:
        error = {"field": ["id"], "message": "Webhook subscription does not exist"}
        return {"deletedWebhookSubscriptionId": None, "userErrors": [error]}
    del call.shop.subscriptions[number]
    call.shop.effect(call.who, "webhook_unsubscribe", args["id"], topic=found.topic, uri=found.uri)
    return {"deletedWebhookSubscriptionId": args["id"], "userErrors": []}
