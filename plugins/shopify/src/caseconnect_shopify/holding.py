"""Holds on fulfilment orders. Ours are known by their handle, which is unique per app and fulfilment order.

(Admin API 2026-10, `fulfillmentOrderHold`: at most 64 characters; a repeat is DUPLICATE_FULFILLMENT_HOLD_HANDLE.)
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from caseconnect.sdk.commands import HoldOrder, ReleaseOrder
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import PermanentError, TransientError, UnknownOutcome
from caseconnect_shopify import sink_queries as queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.parts import number_of
from caseconnect_shopify.reading import order_to_ship
from caseconnect_shopify.targets import order_gid
from caseconnect_shopify.writing import Writer

_ENDED: Final = frozenset({"CLOSED", "CANCELLED", "INCOMPLETE"})
_REASONS: Final = {
    "fraud": "HIGH_RISK_OF_FRAUD",
    "address": "INCORRECT_ADDRESS",
    "payment": "AWAITING_PAYMENT",
    "other": "OTHER",
}
_ROUTING_SECONDS: Final = 30.0


class Holds:
    """Holds of one connection: `prefix` begins the handle of each, the rest is a digest of the command's key."""

    def __init__(self, client: ShopifyClient, prefix: str) -> None:
        self._client, self._prefix = client, prefix

    def handle(self, key: str) -> str:
        """The handle of the hold that the command with this key makes (64 characters are allowed)."""
        return f"{self._prefix}-{sha256(key.encode()).hexdigest()[:32]}"

    def ours(self, part: dict[str, Any]) -> list[str]:
        """Ids of our own holds on a fulfilment order."""
        return [
            hold["id"]
            for hold in part.get("fulfillmentHolds") or ()
            if hold.get("heldByRequestingApp") and (hold.get("handle") or "").startswith(f"{self._prefix}-")
        ]

    async def hold(self, command: HoldOrder, key: str) -> Outcome:
        """Put our hold on every fulfilment order that is still open and does not bear it.

        An edit, split or move after a hold makes fulfilment orders that nobody holds: a repeat holds these, too. One
        that this command held before (its receipt says so) and that bears our hold no more was released by a person.
        Where a part is held already, another that never can be leaves the hold done, with the reason in its note: so
        it stays claimed, and a release takes it off. Refused, it would be nobody's.
        """
        writer = Writer(self._client)
        order = await order_to_ship(self._client, order_gid(command))
        parts = _open_parts(order)
        if refusal := _nothing_to_hold(order, parts):
            return Outcome(state="refused", note=refusal)
        freed = self._freed(parts, command)
        if parts and len(freed) == len(parts):
            return Outcome(state="done", note="a person released it", data={"held": sorted(freed), "not_held": []})
        parts = [p for p in parts if p["id"] not in freed]
        held, never, failed = await self._hold_all(writer, parts, command, key)
        why = "; ".join(dict.fromkeys((*never.values(), *failed.values())))
        if not held:
            return Outcome(state="refused", note=why)
        if failed:
            # The next attempt looks anew: a part that was shipped meanwhile is late then, and the hold done.
            which = "; ".join(f"fulfilment order {number_of(part)}: {text}" for part, text in failed.items())
            note = f"{len(held)} of {len(parts)} parts held; not held: {which}"
            raise UnknownOutcome(note) if writer.changed else TransientError(note)
        note = f"{len(held)} of {len(parts)} parts held: {why}" if never else ""
        return Outcome(state="done", note=note, data={"held": [*held, *sorted(freed)], "not_held": sorted(never)})

    async def _hold_all(
        self, writer: Writer, parts: list[dict[str, Any]], command: HoldOrder, key: str
    ) -> tuple[list[str], dict[str, str], dict[str, str]]:
        """Which parts are held now; which never can be, and which could not be this time, each with the reason."""
        held = [p["id"] for p in parts if self.ours(p)]
        never: dict[str, str] = {}
        failed: dict[str, str] = {}
        for part in (p for p in parts if p["id"] not in held):
            if not any(a.get("action") == "HOLD" for a in part.get("supportedActions") or ()):
                state = part["status"].lower().replace("_", " ")
                never[part["id"]] = f"too late: a part of the goods is {state} and cannot be held"
                continue
            try:
                problem = await self._hold_part(writer, part, command, key)
            except PermanentError as error:
                never[part["id"]] = f"fulfilment order {number_of(part['id'])} cannot be held: {error}"
                continue
            if problem:
                failed[part["id"]] = problem
            else:
                held.append(part["id"])
        return held, never, failed

    async def is_held(self, command: HoldOrder, key: str) -> Sighting:
        """Whether every open fulfilment order bears our hold, or bore it until a person took it off."""
        parts = _open_parts(await order_to_ship(self._client, order_gid(command)))
        held = {p["id"] for p in parts if self.ours(p)} | self._freed(parts, command)
        return Sighting(seen=bool(parts) and len(held) == len(parts), note=f"{len(held)} of {len(parts)} parts held")

    def _freed(self, parts: list[dict[str, Any]], command: HoldOrder) -> set[str]:
        before = set(command.receipt.get("held") or ())
        return {p["id"] for p in parts if p["id"] in before and not self.ours(p)}

    async def release(self, command: ReleaseOrder, key: str) -> Outcome:
        """Take our own holds off, by their ids: without ids Shopify would take off everyone's."""
        writer = Writer(self._client)
        order = await order_to_ship(self._client, order_gid(command))
        released: list[str] = []
        problems: list[str] = []
        for part in order["fulfillmentOrders"]["nodes"]:
            if holds := self.ours(part):
                try:
                    found = await writer.send(queries.RELEASE, {"id": part["id"], "holds": holds})
                except PermanentError as error:
                    # Perhaps someone else took the hold off since we looked: Shopify does not know its id any more.
                    found = [{"message": str(error)}]
                problems += [p["message"] for p in found]
                released += [] if found else holds
        if problems and not (await self.is_released(command, key)).seen:
            return writer.refusal(problems)
        return Outcome(state="done", note="" if released else "there was no hold of ours", data={"released": released})

    async def is_released(self, command: ReleaseOrder, key: str) -> Sighting:
        """Whether none of our holds is left."""
        order = await order_to_ship(self._client, order_gid(command))
        left = [h for part in order["fulfillmentOrders"]["nodes"] for h in self.ours(part)]
        return Sighting(seen=not left, note=f"{len(left)} of our holds are left")

    async def _hold_part(self, writer: Writer, part: dict[str, Any], command: HoldOrder, key: str) -> str | None:
        """Why this fulfilment order could not be held; None when it is held."""
        hold = {"reason": _REASONS[command.cause], "handle": self.handle(key)}
        if command.note:
            hold["reasonNotes"] = command.note
        problems = await writer.send(queries.HOLD, {"id": part["id"], "hold": hold})
        left = [p["message"] for p in problems if p.get("code") != "DUPLICATE_FULFILLMENT_HOLD_HANDLE"]
        return "; ".join(left) or None


def _open_parts(order: dict[str, Any]) -> list[dict[str, Any]]:
    return [p for p in order["fulfillmentOrders"]["nodes"] if p["status"] not in _ENDED]


def _nothing_to_hold(order: dict[str, Any], parts: list[dict[str, Any]]) -> str | None:
    if order.get("cancelledAt"):
        return "already cancelled"
    if parts:
        return None
    if order["fulfillmentOrders"]["nodes"]:
        return "too late: already shipped"
    if order.get("displayFulfillmentStatus") == "UNFULFILLED" and order.get("requiresShipping"):
        raise TransientError("Shopify has not yet said where the order ships from", retry_after=_ROUTING_SECONDS)
    return "nothing to hold: no part of the order is shipped"
