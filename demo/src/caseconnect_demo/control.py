"""The simulators' control APIs, the set-up of webhooks, and a delivery that comes twice."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from caseconnect.sdk.errors import ConnectError, TransientError
from caseconnect.sdk.http import Http, Response
from caseconnect.sdk.pace import Pace

TOPICS: Sequence[str] = (
    "ORDERS_CREATE",
    "ORDERS_UPDATED",
    "ORDERS_CANCELLED",
    "ORDERS_PAID",
    "ORDERS_FULFILLED",
    "ORDERS_PARTIALLY_FULFILLED",
    "ORDERS_RISK_ASSESSMENT_CHANGED",
    "ORDER_TRANSACTIONS_CREATE",
    "FULFILLMENTS_CREATE",
    "FULFILLMENT_HOLDS_ADDED",
    "FULFILLMENT_HOLDS_RELEASED",
)
_SUBSCRIBE = """mutation Subscribe($topic: WebhookSubscriptionTopic!, $uri: String!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: {uri: $uri}) { userErrors { message } }
}"""
_READY_SECONDS = 60.0
_API = "/admin/api/2026-10/graphql.json"


class Control:
    """JSON over HTTP to one process on this machine, as fast as it goes: these are not the platforms' own APIs."""

    def __init__(self, name: str, address: str) -> None:
        self.name, self.address = name, address
        self._http = Http(address, pace=Pace(float("inf"), 1), deadline=20)

    async def get(self, path: str) -> Any:
        """The answer to a GET."""
        return self._good(await self._http.request("GET", path), path)

    async def post(self, path: str, body: Any) -> Any:
        """The answer to a POST."""
        return self._good(await self._http.request("POST", path, json=body), path)

    async def ready(self, path: str) -> None:
        """Wait until it answers."""
        clock = asyncio.get_running_loop().time
        until = clock() + _READY_SECONDS
        while clock() < until:
            try:
                await self.get(path)
            except TransientError:
                await asyncio.sleep(0.05)
            else:
                return
        raise ConnectError(f"{self.name} does not answer at {self.address}")

    async def close(self) -> None:
        """Close its connections."""
        await self._http.close()

    def _good(self, response: Response, path: str) -> Any:
        if response.status >= 400:
            said = response.body[:300].decode("utf-8", "replace")
            raise ConnectError(f"{self.name} answered {response.status} to {path}: {said}")
        return response.json()


async def subscribe(shop: Control, client_id: str, secret: str, address: str) -> None:
    """Have the shop send its webhooks to `address`: asked of its own API, as whoever sets up a shop does."""
    grant = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    token = (await shop.post("/admin/oauth/access_token", grant))["access_token"]
    http = Http(shop.address, pace=Pace(float("inf"), 1), deadline=20)
    try:
        for topic in TOPICS:
            answer = await http.request(
                "POST",
                _API,
                headers={"X-Shopify-Access-Token": token},
                json={"query": _SUBSCRIBE, "variables": {"topic": topic, "uri": address}},
            )
            told = answer.json()
            done = (told.get("data") or {}).get("webhookSubscriptionCreate")
            if not done or done["userErrors"]:
                raise ConnectError(f"the shop does not take a subscription to {topic}: {answer.body[:300]!r}")
    finally:
        await http.close()


async def deliver_twice(hook: str, shop_domain: str, secret: str, order: Mapping[str, Any], delivery: str) -> list[int]:
    """Post one signed delivery two times, as a platform does that lost our first answer; the two statuses."""
    body = orjson.dumps(
        {
            "id": int(order["id"]),
            "admin_graphql_api_id": order["admin_graphql_api_id"],
            "name": order["name"],
            "updated_at": order["updated_at"],
        }
    )
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": "orders/updated",
        "X-Shopify-Shop-Domain": shop_domain,
        "X-Shopify-Webhook-Id": delivery,
        "X-Shopify-Hmac-Sha256": base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode(),
    }
    http = Http(hook, pace=Pace(float("inf"), 1), deadline=20)
    try:
        return [await _posted(http, headers, body) for _ in range(2)]
    finally:
        await http.close()


async def _posted(http: Http, headers: Mapping[str, str], body: bytes) -> int:
    return (await http.request("POST", "", headers=headers, json=orjson.Fragment(body))).status


async def post_signed(address: str, secret: str, body: Mapping[str, Any]) -> None:
    """Post what the tenant's own systems tell, signed as the platform `inbound` reads it by default."""
    raw = orjson.dumps(body)
    signature = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Signature": signature, "Idempotency-Key": str(body["id"])}
    http = Http(address, pace=Pace(float("inf"), 1), deadline=20)
    try:
        status = await _posted(http, headers, raw)
    finally:
        await http.close()
    if status != 200:
        raise ConnectError(f"the daemon answered {status} to {address}")
