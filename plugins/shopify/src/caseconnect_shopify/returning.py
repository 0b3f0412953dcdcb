"""Returns: approved, declined, and exchanged for other goods (Admin API 2026-10). None of it takes a key of ours.

Exchange items can be put on a return only when it is made (`returnCreate`), in the API or in the admin: approving a
request cannot add any. `ExchangeReturn` sends those that are on the return already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from caseconnect.sdk.commands import ApproveReturn, DeclineReturn, ExchangeReturn
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect_shopify import sink_queries as queries
from caseconnect_shopify.client import Operation, ShopifyClient
from caseconnect_shopify.parts import nodes
from caseconnect_shopify.reading import one
from caseconnect_shopify.targets import gid
from caseconnect_shopify.variants import variants_of
from caseconnect_shopify.writing import Writer

_APPROVED: Final = frozenset({"OPEN", "CLOSED"})
_DECLINED: Final = frozenset({"DECLINED"})
_CAUSES: Final = {"final_sale": "FINAL_SALE", "return_period_ended": "RETURN_PERIOD_ENDED", "other": "OTHER"}
_ABSENT: Final = (
    "does not bear these exchange items, and Shopify's API cannot add any to a return that exists:"
    " add them in the admin, or send a replacement"
)


class Returns:
    """Answers to return requests of one shop."""

    def __init__(self, client: ShopifyClient) -> None:
        self._client = client

    async def approve(self, command: ApproveReturn, key: str) -> Outcome:
        """Let the goods come back."""
        found = gid(command.returned, "return", command.kind)
        wanted = {"id": found, "notifyCustomer": command.notify_customer}
        return await self._answer(found, _APPROVED, queries.APPROVE_RETURN, wanted)

    async def is_approved(self, command: ApproveReturn, key: str) -> Sighting:
        """Whether the return is approved."""
        return await self._is(gid(command.returned, "return", command.kind), _APPROVED)

    async def decline(self, command: DeclineReturn, key: str) -> Outcome:
        """Refuse the request, with the reason that the shopper reads."""
        found = gid(command.returned, "return", command.kind)
        wanted = {
            "id": found,
            "declineReason": _CAUSES[command.cause],
            "declineNote": command.note or None,
            "notifyCustomer": command.notify_customer,
        }
        return await self._answer(found, _DECLINED, queries.DECLINE_RETURN, wanted)

    async def is_declined(self, command: DeclineReturn, key: str) -> Sighting:
        """Whether the return is declined."""
        return await self._is(gid(command.returned, "return", command.kind), _DECLINED)

    async def exchange(self, command: ExchangeReturn, key: str) -> Outcome:
        """Process the exchange items of the return, so that they get a fulfilment order."""
        found = gid(command.returned, "return", command.kind)
        shown = await one(self._client, queries.RETURN, found, "return")
        variants, missing = await variants_of(self._client, command.items)
        if missing:
            return Outcome(state="refused", note=missing)
        lines = _matched(shown, variants)
        if lines is None:
            return Outcome(state="refused", note=f"return {shown['name']} {_ABSENT}")
        left = [(line["id"], units - line["processedQuantity"]) for line, units in lines]
        left = [(line, units) for line, units in left if units > 0]
        if not left:
            return Outcome(state="done", note="they were sent off already")
        if shown["status"] != "OPEN":
            return Outcome(
                state="refused", note=f"the return is {shown['status'].lower()}: only an open one is exchanged"
            )
        items = [{"id": line, "quantity": units} for line, units in left]
        writer = Writer(self._client)
        wanted = {"returnId": found, "exchangeLineItems": items, "notifyCustomer": False}
        problems = await writer.send(queries.PROCESS_RETURN, {"input": wanted})
        if problems:
            return writer.refusal([p["message"] for p in problems])
        return Outcome(state="done")

    async def is_exchanged(self, command: ExchangeReturn, key: str) -> Sighting:
        """Whether the return's exchange items are processed."""
        found = gid(command.returned, "return", command.kind)
        shown = await one(self._client, queries.RETURN, found, "return")
        variants, missing = await variants_of(self._client, command.items)
        lines = None if missing else _matched(shown, variants)
        done = bool(lines) and all(line["processedQuantity"] >= units for line, units in lines or ())
        return Sighting(seen=done, note=missing or "")

    async def _answer(self, found: str, wanted: frozenset[str], operation: Operation, variables: Any) -> Outcome:
        status = (await one(self._client, queries.RETURN, found, "return"))["status"]
        if status in wanted:
            return Outcome(state="done", note="it was answered so already")
        if status != "REQUESTED":
            return Outcome(state="refused", note=f"the return is {status.lower()}: only a request can be answered")
        problems = await Writer(self._client).send(operation, {"input": variables})
        if not problems or (await self._is(found, wanted)).seen:
            return Outcome(state="done")
        return Outcome(state="refused", note="; ".join(dict.fromkeys(p["message"] for p in problems)))

    async def _is(self, found: str, wanted: frozenset[str]) -> Sighting:
        status = (await one(self._client, queries.RETURN, found, "return"))["status"]
        return Sighting(seen=status in wanted, note=f"the return is {status.lower()}")


def _matched(shown: dict[str, Any], wanted: Iterable[tuple[str, int]]) -> list[tuple[dict[str, Any], int]] | None:
    """The return's exchange lines for these variants, with how many of each; None when it does not bear them all.

    The same variant named twice is one line with the sum, so that neither is taken for the other.
    """
    sums = Counter[str]()
    for variant, units in wanted:
        sums[variant] += units
    lines = nodes(shown.get("exchangeLineItems"))
    found: list[tuple[dict[str, Any], int]] = []
    for variant, units in sums.items():
        line = next((n for n in lines if n.get("variantId") == variant and n["quantity"] >= units), None)
        if line is None:
            return None
        found.append((dict(line), units))
    return found
