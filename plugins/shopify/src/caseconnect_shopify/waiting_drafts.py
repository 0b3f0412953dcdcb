"""Draft orders that staff left open and that wait for an approval (Admin API 2026-10): completed by it, or deleted.

No mutation here takes a key. A draft is completed once, and one that is gone is gone: looking makes a repeat safe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from caseconnect.sdk.commands import CreateReplacement, DeleteDraft
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import PermanentError, UnknownOutcome
from caseconnect_shopify import money_queries as queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.parts import money, nodes, number_of
from caseconnect_shopify.writing import Writer

Goods = Iterable[tuple[str, int]]
"""What a draft holds, or is to hold: variants or SKUs, and how many of each."""


class WaitingDrafts:
    """Drafts of one shop, named by their numbers."""

    def __init__(self, client: ShopifyClient) -> None:
        self._client = client

    async def is_completed(self, command: CreateReplacement) -> Sighting:
        """Whether the draft became an order."""
        draft = await self._read(command.draft)
        if draft is None or draft["status"] != "COMPLETED":
            return Sighting(seen=False, note="the draft is gone" if draft is None else "the draft is still open")
        return Sighting(seen=True, data=done_by(draft).data)

    async def delete(self, command: DeleteDraft, key: str) -> Outcome:
        """Delete the draft that staff made; one that is gone already is deleted."""
        draft = await self._read(command.draft)
        if draft is None:
            return Outcome(state="done", note="the draft is gone already")
        if draft["status"] == "COMPLETED":
            return Outcome(state="refused", note="the draft was completed: its order is there")
        writer = Writer(self._client)
        problems, _ = await writer.ask(queries.DELETE_DRAFT, {"id": draft["id"]})
        return writer.refusal([p["message"] for p in problems]) if problems else Outcome(state="done")

    async def is_deleted(self, command: DeleteDraft, key: str) -> Sighting:
        """Whether the draft is gone."""
        return Sighting(seen=await self._read(command.draft) is None)

    async def complete(self, command: CreateReplacement) -> Outcome:
        """Complete the draft that staff made, if it holds what was approved."""
        draft = await self._read(command.draft)
        if draft is None:
            return Outcome(state="refused", note="the draft was deleted in the shop")
        if draft["status"] == "COMPLETED":
            return done_by(draft)
        goods = [(line.get("sku") or "", line["quantity"]) for line in nodes(draft["lineItems"])]
        if why := changed(draft, goods, [(item.sku, item.quantity) for item in command.items]):
            return Outcome(state="refused", note=f"changed: {why}")
        return await completed(Writer(self._client), str(draft["id"]))

    async def untouched(self, number: str, wanted: Goods) -> None:
        """`UnknownOutcome` unless a draft that an earlier attempt made still holds these variants, for nothing."""
        draft = await self._read(number)
        if draft is None:
            raise UnknownOutcome("the draft of an earlier attempt is gone: a person has to look")
        lines = nodes(draft["lineItems"])
        if why := changed(draft, [((x.get("variant") or {}).get("id") or "", x["quantity"]) for x in lines], wanted):
            raise UnknownOutcome(f"the draft of an earlier attempt was changed: {why}")

    async def _read(self, number: str) -> dict[str, Any] | None:
        if not number.isdigit():
            raise PermanentError("a draft is named by its number")
        found = await self._client.run(queries.DRAFT, {"id": f"gid://shopify/DraftOrder/{number}"})
        return dict(found["draftOrder"]) if found["draftOrder"] else None


def changed(draft: dict[str, Any], held: Goods, wanted: Goods) -> str | None:
    """Why a draft is not what was approved, whoever changed it: other goods, or a price.

    Completing books the price as paid (`draftOrderComplete`, Admin API 2026-10), and nobody has paid it.
    """
    there, asked = Counter[str](), Counter[str]()
    for one, units in held:
        there[one] += units
    for one, units in wanted:
        asked[one] += units
    if there != asked or draft["lineItems"]["pageInfo"]["hasNextPage"]:
        return "the draft holds other goods now than were approved"
    price = money(draft["totalPriceSet"]["presentmentMoney"])
    return f"the draft costs {price}, which nobody has paid: let it cost nothing" if price.amount else None


async def completed(writer: Writer, draft: str) -> Outcome:
    """Make an order of a draft."""
    problems, payload = await writer.ask(queries.COMPLETE_DRAFT, {"id": draft})
    if problems:
        text = "; ".join(dict.fromkeys(p["message"] for p in problems))
        raise UnknownOutcome(f"the draft is there and could not be completed: {text}")
    shown = payload.get("draftOrder") or {}
    if shown.get("status") != "COMPLETED":
        raise UnknownOutcome("Shopify's answer does not say that the draft is completed")
    return done_by(shown)


def done_by(draft: dict[str, Any]) -> Outcome:
    """The order that a draft became."""
    order = draft.get("order") or {}
    data = {"draft": number_of(draft["id"]), "order": number_of(order["id"])} if order else {}
    return Outcome(state="done", note=f"order {order['name']}" if order else "", data=data)
