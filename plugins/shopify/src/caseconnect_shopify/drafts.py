"""Replacements: a draft order at no cost, completed (Admin API 2026-10). Neither mutation takes a key of ours.

The draft bears a tag made of the command's key and is looked for by it. Shopify's search lags, which is why a repeat
waits for the quiet time; the order that the draft becomes keeps the tag.
"""

from __future__ import annotations

from typing import Any

from caseconnect.sdk.commands import CreateReplacement
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import UnknownOutcome
from caseconnect_shopify import money_queries as queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.parts import nodes, number_of
from caseconnect_shopify.reading import one
from caseconnect_shopify.targets import mark, order_gid
from caseconnect_shopify.variants import variants_of
from caseconnect_shopify.waiting_drafts import WaitingDrafts, completed, done_by
from caseconnect_shopify.writing import Writer

_ADDRESS = ("firstName", "lastName", "company", "address1", "address2", "city", "provinceCode", "zip", "phone")


class Replacements:
    """Replacement orders of one connection; `prefix` begins the tag by which each is found."""

    def __init__(self, client: ShopifyClient, prefix: str) -> None:
        self._client, self._prefix = client, prefix
        self.waiting = WaitingDrafts(client)

    def tag(self, key: str) -> str:
        """The tag of the draft and of its order (40 characters are allowed)."""
        return f"{self._prefix}-{mark(key)[:15]}"

    async def create(self, command: CreateReplacement, key: str) -> Outcome:
        """Make the draft and complete it. A draft of an earlier attempt is completed, or found completed."""
        if command.draft:
            return await self.waiting.complete(command)
        return await self._made(order_gid(command), command, key)

    async def _made(self, gid: str, command: CreateReplacement, key: str) -> Outcome:
        writer = Writer(self._client)
        found = await self._found(key)
        if len(found) > 1:
            raise UnknownOutcome(f"there are {len(found)} drafts with the tag {self.tag(key)}: a person has to look")
        if found and found[0]["status"] == "COMPLETED":
            return done_by(found[0])
        if found:
            return await self._resumed(writer, found[0], command)
        order = await one(self._client, queries.REPLACED, gid, "order")
        if order.get("requiresShipping") and not (order.get("shippingAddress") or {}).get("address1"):
            return Outcome(state="refused", note="Shopify does not show where the order was shipped to")
        variants, missing = await variants_of(self._client, command.items)
        if missing:
            return Outcome(state="refused", note=missing)
        lines = [{"variantId": variant, "quantity": quantity} for variant, quantity in variants]
        problems, payload = await writer.ask(queries.CREATE_DRAFT, {"input": self._input(order, lines, command, key)})
        if problems:
            return writer.refusal([p["message"] for p in problems])
        if not payload.get("draftOrder"):
            raise UnknownOutcome("Shopify's answer names no draft order")
        return await completed(writer, payload["draftOrder"]["id"])

    async def _resumed(self, writer: Writer, draft: dict[str, Any], command: CreateReplacement) -> Outcome:
        """Staff see an open draft, and may have changed it since an earlier attempt made it."""
        variants, missing = await variants_of(self._client, command.items)
        if missing:
            raise UnknownOutcome(f"there is a draft of an earlier attempt, and {missing}")
        await self.waiting.untouched(number_of(draft["id"]), variants)
        return await completed(writer, draft["id"])

    async def is_created(self, command: CreateReplacement, key: str) -> Sighting:
        """Whether the draft became an order. None when there are several drafts."""
        if command.draft:
            return await self.waiting.is_completed(command)
        found = await self._found(key)
        if len(found) > 1:
            return Sighting(seen=None, note=f"there are {len(found)} drafts with the tag {self.tag(key)}")
        if not found or found[0]["status"] != "COMPLETED":
            return Sighting(seen=False, note="the draft is still open" if found else "")
        return Sighting(seen=True, data=done_by(found[0]).data)

    async def _found(self, key: str) -> list[dict[str, Any]]:
        tag = self.tag(key)
        shown = nodes((await self._client.run(queries.DRAFTS, {"search": f"tag:'{tag}'"}))["draftOrders"])
        return [dict(n) for n in shown if tag in {t.casefold() for t in n["tags"]}]

    def _input(
        self, order: dict[str, Any], lines: list[dict[str, Any]], command: CreateReplacement, key: str
    ) -> dict[str, Any]:
        title = f"Replacement for {order['name']}"
        wanted: dict[str, Any] = {
            "lineItems": lines,
            "appliedDiscount": {"title": title, "value": 100.0, "valueType": "PERCENTAGE"},
            "taxExempt": True,
            "tags": [self.tag(key)],
            "customAttributes": [{"key": "replaces", "value": order["name"]}, {"key": "ref", "value": mark(key)}],
            "note": command.note or title,
        }
        for name in ("email", "phone"):
            if order.get(name):
                wanted[name] = order[name]
        if order.get("customer"):
            wanted["purchasingEntity"] = {"customerId": order["customer"]["id"]}
        address = order.get("shippingAddress")
        if address:
            shown = {name: address[name] for name in _ADDRESS if address.get(name)}
            wanted["shippingAddress"] = shown | {"countryCode": address.get("countryCodeV2")}
        return wanted
