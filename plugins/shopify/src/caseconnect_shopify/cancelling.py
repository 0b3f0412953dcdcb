"""Cancelling an order. Shopify does it later, in a job; done means that the order says so."""

from __future__ import annotations

from typing import Final

from caseconnect.models import Money
from caseconnect.sdk.commands import CancelOrder
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import UnknownOutcome
from caseconnect_shopify import sink_queries as queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.parts import Json, money
from caseconnect_shopify.reading import one
from caseconnect_shopify.targets import order_gid
from caseconnect_shopify.writing import Writer

_REASONS: Final = {
    "fraud": "FRAUD",
    "customer": "CUSTOMER",
    "inventory": "INVENTORY",
    "declined": "DECLINED",
    "staff": "STAFF",
    "other": "OTHER",
}


class Cancelling:
    """Cancels orders of one shop."""

    def __init__(self, client: ShopifyClient) -> None:
        self._client = client

    async def cancel(self, command: CancelOrder, key: str) -> Outcome:
        """Ask Shopify to cancel, without refunding. Refused when money was captured: it would stay with the shop."""
        gid = order_gid(command)
        order = await one(self._client, queries.CANCELLATION, gid, "order")
        if order.get("cancelledAt"):
            return Outcome(state="done", note="it was cancelled already")
        kept = _kept(order)
        if kept is None:
            return Outcome(state="refused", note="Shopify does not say how much money was captured")
        if kept.amount > 0:
            return Outcome(
                state="refused",
                note=f"{kept} was captured and cancelling moves no money: first give it back (RefundPayment)",
            )
        variables = {
            "id": gid,
            "reason": _REASONS[command.cause],
            "restock": command.restock,
            "notify": command.notify_customer,
            "note": command.note or None,
        }
        problems, payload = await Writer(self._client).ask(queries.CANCEL, variables)
        if problems:
            if (await one(self._client, queries.CANCELLATION, gid, "order")).get("cancelledAt"):
                return Outcome(state="done", note="it was cancelled already")
            if any(p.get("code") == "INTERNAL_ERROR" for p in problems):
                raise UnknownOutcome(f"Shopify could not finish cancelling: {problems[0]['message']}")
            return Outcome(state="refused", note="; ".join(dict.fromkeys(p["message"] for p in problems)))
        job = (payload.get("job") or {}).get("id")
        return Outcome(state="accepted", note="Shopify is cancelling it", data={"job": job} if job else {})

    async def is_cancelled(self, command: CancelOrder, key: str) -> Sighting:
        """Whether the order is cancelled. A known job that ended and left the order as it was has failed."""
        gid, job = order_gid(command), command.receipt.get("job")
        if (order := await one(self._client, queries.CANCELLATION, gid, "order")).get("cancelledAt"):
            return _cancelled(order)
        if job is None:
            return Sighting(seen=False)
        if not ((await self._client.run(queries.JOB, {"id": job})).get("job") or {}).get("done"):
            return Sighting(seen=False, note="Shopify is still at it")
        if (order := await one(self._client, queries.CANCELLATION, gid, "order")).get("cancelledAt"):
            return _cancelled(order)
        return Sighting(
            seen=False, failed=True, note="Shopify ended the job without cancelling the order; see its timeline"
        )


def _kept(order: Json) -> Money | None:
    """Money received and not given back, in the shopper's money: the shop's is rounded at each refund.

    None when Shopify does not say.
    """
    received, refunded = (order.get(name) for name in ("totalReceivedSet", "totalRefundedSet"))
    if not received or not refunded:
        return None
    return money(received["presentmentMoney"]) - money(refunded["presentmentMoney"])


def _cancelled(order: Json) -> Sighting:
    """Somebody may have captured money between our look and the job of Shopify, which gives none back."""
    kept = _kept(order)
    note = f"{kept} was captured and is still with the shop: give it back" if kept and kept.amount > 0 else ""
    return Sighting(seen=True, note=note)
