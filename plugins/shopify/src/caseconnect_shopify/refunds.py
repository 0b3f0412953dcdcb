"""Refunds by `refundCreate` (Admin API 2026-10), in the shopper's money, under an idempotency key.

Shopify keeps a key for 24 hours and compares the arguments. The split over the payments follows from what is left of
them, so a repeat may have other arguments: before each attempt the refund is looked for by the mark in its note.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from caseconnect.models import Money
from caseconnect.sdk.commands import RefundPayment
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import UnknownOutcome
from caseconnect_shopify import money_queries as queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.parts import money, nodes, number_of, tender_of
from caseconnect_shopify.reading import one
from caseconnect_shopify.targets import mark, order_gid, uuid_of, written
from caseconnect_shopify.tenders import CannotRefundError, Purse, purse_of
from caseconnect_shopify.writing import Writer

_RESTOCK: Final = {"no": "NO_RESTOCK", "return": "RETURN", "cancel": "CANCEL"}
_WAITING: Final = frozenset({"PENDING", "AWAITING_RESPONSE", "UNKNOWN"})
_KEY_IN_DOUBT: Final = re.compile(r"in progress|different parameters", re.IGNORECASE)
"""refundCreate's user errors have no code: what Shopify says when an earlier call with the key may have had effect."""


class Refunds:
    """Refunds of one shop. `shelf` is the location that takes goods back when Shopify suggests none."""

    def __init__(self, client: ShopifyClient, shelf: str | None) -> None:
        self._client, self._shelf = client, shelf

    async def give_back(self, command: RefundPayment, key: str) -> Outcome:
        """Refund exactly the approved amount, or refuse. What was refunded under this key already is not sent again."""
        gid = order_gid(command)
        order = await one(self._client, queries.REFUNDS_OF, gid, "order")
        if found := _marked(order, key):
            return _outcome(await one(self._client, queries.REFUND, found, "refund"))
        try:
            wanted = await self._input(gid, order, command, key)
        except CannotRefundError as refusal:
            return Outcome(state="refused", note=str(refusal))
        problems, payload = await Writer(self._client).ask(queries.GIVE_BACK, {"input": wanted, "key": uuid_of(key)})
        if not problems:
            if not payload.get("refund"):
                raise UnknownOutcome("Shopify's answer names no refund")
            return _outcome(payload["refund"])
        # Nothing is denied that an earlier call with this key may have done.
        order = await one(self._client, queries.REFUNDS_OF, gid, "order")
        if found := _marked(order, key):
            return _outcome(await one(self._client, queries.REFUND, found, "refund"))
        text = "; ".join(dict.fromkeys(p["message"] for p in problems))
        if _KEY_IN_DOUBT.search(text):
            raise UnknownOutcome(f"an earlier request for this refund is not over: {text}")
        return Outcome(state="refused", note=text)

    async def is_given_back(self, command: RefundPayment, key: str) -> Sighting:
        """Whether the refund is there and its money went. None while the gateway has not said so."""
        order = await one(self._client, queries.REFUNDS_OF, order_gid(command), "order")
        found = _marked(order, key)
        if found is None:
            return Sighting(seen=False)
        outcome = _outcome(await one(self._client, queries.REFUND, found, "refund"))
        if outcome.state == "done":
            return Sighting(seen=True, note=outcome.note, data=outcome.data)
        failed = outcome.state == "refused"
        return Sighting(seen=False if failed else None, failed=failed, note=outcome.note, data=outcome.data)

    async def _input(self, gid: str, order: dict[str, Any], command: RefundPayment, key: str) -> dict[str, Any]:
        """`RefundInput`, in a fixed order, because Shopify compares it. `CannotRefundError` says why there is none."""
        purse = purse_of(order)
        if purse is None:
            raise CannotRefundError("Shopify does not show the payments of this order")
        purse.check(command.amount)
        lines = [
            {
                "lineItemId": f"gid://shopify/LineItem/{x.line}",
                "quantity": x.quantity,
                "restockType": _RESTOCK[x.restock],
            }
            for x in command.lines
        ]
        suggested = await self._suggestion(gid, lines)
        _check(command, suggested)
        shelves = {
            n["lineItem"]["id"]: (n.get("location") or {}).get("id") for n in nodes(suggested["refundLineItems"])
        }
        wanted: dict[str, Any] = {
            "orderId": gid,
            "currency": command.amount.currency,
            "note": written(command.note, key),
            "notify": command.notify_customer,
            "refundLineItems": [self._placed(line, shelves) for line in lines],
        }
        if command.shipping and command.shipping.amount:
            wanted["shipping"] = {"amount": f"{command.shipping.amount:f}"}
        return wanted | _ways(gid, order, purse, command)

    async def _suggestion(self, gid: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
        variables = {"id": gid, "lines": lines}
        found = ((await self._client.run(queries.SUGGESTED_REFUND, variables))["order"] or {}).get("suggestedRefund")
        if not found:
            raise CannotRefundError("Shopify does not say how much of this order can be given back")
        return dict(found)

    def _placed(self, line: dict[str, Any], shelves: Mapping[str, Any]) -> dict[str, Any]:
        if line["restockType"] == "NO_RESTOCK":
            return line
        own = f"gid://shopify/Location/{self._shelf}" if self._shelf else None
        place = shelves.get(line["lineItemId"]) or own
        if place is None:
            raise CannotRefundError("goods are to be restocked and nobody says where: set `restock_location`")
        return {**line, "locationId": place}


def _check(command: RefundPayment, suggested: Mapping[str, Any]) -> None:
    """Shopify's own limits, in both moneys, and the shipping's."""
    most = money(suggested["maximumRefundableSet"]["presentmentMoney"])
    if command.amount > most:
        raise CannotRefundError(f"changed: {command.amount} was approved, and Shopify gives back {most} at most")
    if money(suggested["maximumRefundableSet"]["shopMoney"]).amount <= 0:
        raise CannotRefundError("changed: nothing of the shop's money is left to give back")
    if command.shipping is None:
        return
    left = money(suggested["shipping"]["maximumRefundableSet"]["presentmentMoney"])
    if command.shipping.currency != command.amount.currency or command.shipping > command.amount:
        raise CannotRefundError(f"the part for shipping, {command.shipping}, is no part of {command.amount}")
    if command.shipping > left:
        raise CannotRefundError(f"changed: {command.shipping} was approved for shipping, and {left} is left of it")


def _ways(gid: str, order: Mapping[str, Any], purse: Purse, command: RefundPayment) -> dict[str, Any]:
    """How the money goes back: over the payments, or to the shopper's store credit, within the same limits."""
    shares = purse.split(command.amount)
    if command.to == "store_credit":
        if not order.get("customer"):
            raise CannotRefundError("store credit needs a customer, and this order has none")
        return {"refundMethods": [{"storeCreditRefund": {"amount": _input_of(command.amount)}}]}
    return {
        "transactions": [
            {"orderId": gid, "parentId": tender.id, "kind": "REFUND", "gateway": tender.gateway, "amount": f"{share:f}"}
            for tender, share in shares
        ]
    }


def _input_of(amount: Money) -> dict[str, str]:
    return {"amount": f"{amount.amount:f}", "currencyCode": amount.currency}


def _marked(order: Mapping[str, Any], key: str) -> str | None:
    """The gid of the refund that bears the mark of this command."""
    ours = f"(ref {mark(key)})"
    return next((str(r["id"]) for r in nodes(order.get("refunds")) if ours in (r.get("note") or "")), None)


def _outcome(refund: Mapping[str, Any]) -> Outcome:
    """Done when all the money went, refused when none did; else it is waited for, or a person's.

    A refund without any movement is none that is done: what `give_back` sends always has one.
    """
    data = {"refund": number_of(refund["id"])}
    moves = [t for t in nodes(refund.get("transactions")) if t.get("kind") == "REFUND"]
    waiting = [t for t in moves if t.get("status") in _WAITING]
    failed = [t for t in moves if t.get("status") not in {*_WAITING, "SUCCESS"}]
    by_hand = [_recorded(t) for t in moves if t.get("status") == "SUCCESS" and tender_of(t) == "manual"]
    if not moves:
        return Outcome(state="accepted", note="Shopify shows the refund, and no money that went", data=data)
    if not waiting and not failed:
        return Outcome(state="done", note="; ".join(by_hand), data=data)
    said = ", ".join(f"{t.get('gateway')}: {(t.get('errorCode') or t.get('status') or '').lower()}" for t in failed)
    if failed and len(failed) == len(moves):
        note = f"the refund is on the order, and its money did not go: {said}"
        return Outcome(state="refused", note=note, data=data)
    note = (
        f"a part of the money did not go: {said}" if failed else "the gateway has not said yet whether the money went"
    )
    return Outcome(state="accepted", note="; ".join((note, *by_hand)), data=data)


def _recorded(move: Mapping[str, Any]) -> str:
    return f"{money(move['amountSet']['presentmentMoney'])} is only recorded: pay it out by hand"
