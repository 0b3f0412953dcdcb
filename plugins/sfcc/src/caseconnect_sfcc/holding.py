"""Holding an order: it is not confirmed and not exported, so that nothing ships it. Only while it is not exported.

What was there goes into an order attribute before anything is changed, so that the order itself tells how to release
it, whatever became of us. Neither API compares and sets (sfcc.md §12, locking), so the confirmation goes first: what
exports orders takes confirmed ones only, and what it took before that is seen by the look that follows. What is not
seen is an export that took the order and has not said so yet.
"""

from __future__ import annotations

from typing import Final

from caseconnect.sdk.commands import HoldOrder, ReleaseOrder
from caseconnect.sdk.components import Outcome, Sighting

from .client import ORDERS, Json, part
from .writing import Attempt, Desk, attributes, order_no

_ENDED: Final = {"cancelled": "already cancelled", "failed": "the order has failed", "created": "it is not placed yet"}


class _Status:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._mark = f"c_{desk.settings.orders.hold}"

    def _was(self, order: Json) -> Json:
        """What is, or was before our hold: the mark tells, else the order."""
        marked = str(order.get(self._mark) or "").split("/")
        if len(marked) == 2:
            return {"confirmation": marked[0], "export": marked[1]}
        return {"confirmation": order.get("confirmationStatus") or "", "export": order.get("exportStatus") or ""}

    async def _put(self, attempt: Attempt, site: str, number: str, name: str, value: str) -> None:
        path = f"/orders/{part(number)}/{name}-status"
        await attempt.write(self._desk.client.scapi(ORDERS, "PUT", path, site=site, body={"status": value}))

    async def _write_mark(self, attempt: Attempt, site: str, number: str, value: str) -> None:
        body = attributes({self._desk.settings.orders.hold: value})
        await attempt.write(self._desk.client.scapi(ORDERS, "PATCH", f"/orders/{part(number)}", site=site, body=body))


class Hold(_Status):
    """HoldOrder."""

    async def before(self, command: HoldOrder) -> Json:
        """Confirmation and export status."""
        _, order = await self._desk.places.order(order_no(command))
        return self._was(order)

    async def do(self, command: HoldOrder, key: str) -> Outcome:
        """Mark, take off the confirmation, so that no export begins, look again, and take off the export."""
        number, attempt = order_no(command), Attempt()
        site, order = await self._desk.places.order(number)
        if refusal := _too_late(order):
            return await self._refused(attempt, site, order, refusal)
        was = self._was(order)
        if not order.get(self._mark):
            await self._write_mark(attempt, site, number, f"{was['confirmation']}/{was['export']}")
        if order.get("confirmationStatus") != "not_confirmed":
            await self._put(attempt, site, number, "confirmation", "not_confirmed")
        if attempt.changed:
            order = await attempt.look(self._desk.client.order(site, number))
            if refusal := _too_late(order):
                return await self._refused(attempt, site, order, refusal)
        if order.get("exportStatus") != "not_exported":
            await self._put(attempt, site, number, "export", "not_exported")
        return Outcome(state="done", note="" if attempt.changed else "it was held already", data={"before": was})

    async def _refused(self, attempt: Attempt, site: str, order: Json, why: str) -> Outcome:
        """Too late. What this attempt or an earlier one began is taken back."""
        if order.get(self._mark):
            number = str(order["orderNo"])
            began = (order.get("confirmationStatus"), self._was(order)["confirmation"]) == (
                "not_confirmed",
                "confirmed",
            )
            if began and order.get("status") not in _ENDED:
                await self._put(attempt, site, number, "confirmation", "confirmed")
            await self._write_mark(attempt, site, number, "")
        return Outcome(state="refused", note=why)

    async def see(self, command: HoldOrder, key: str) -> Sighting:
        """Whether it bears our mark and is neither confirmed nor exported."""
        _, order = await self._desk.places.order(order_no(command))
        off = (order.get("confirmationStatus"), order.get("exportStatus")) == ("not_confirmed", "not_exported")
        held = off and bool(order.get(self._mark))
        return Sighting(seen=held, data={"before": self._was(order)} if held else {})


class Release(_Status):
    """ReleaseOrder: only what still is as we left it is set back; the mark goes last."""

    async def before(self, command: ReleaseOrder) -> Json:
        """Nothing: a release is not undone."""
        return {}

    async def do(self, command: ReleaseOrder, key: str) -> Outcome:
        """Set back what was there."""
        number, attempt = order_no(command), Attempt()
        site, order = await self._desk.places.order(number)
        if not order.get(self._mark):
            return Outcome(state="done", note="there was no hold of ours")
        given = command.receipt.get("before")
        was = given if isinstance(given, dict) and given else self._was(order)
        if order.get("status") not in _ENDED:
            if order.get("confirmationStatus") == "not_confirmed" and was.get("confirmation") == "confirmed":
                await self._put(attempt, site, number, "confirmation", "confirmed")
            if order.get("exportStatus") == "not_exported" and was.get("export") in {"ready", "failed"}:
                await self._put(attempt, site, number, "export", str(was["export"]))
        await self._write_mark(attempt, site, number, "")
        return Outcome(state="done", data={"restored": was})

    async def see(self, command: ReleaseOrder, key: str) -> Sighting:
        """Whether our mark is gone."""
        _, order = await self._desk.places.order(order_no(command))
        return Sighting(seen=not order.get(self._mark))


def _too_late(order: Json) -> str:
    if order.get("exportStatus") == "exported":
        return "too late: already exported; hold it in the system that ships it"
    if order.get("shippingStatus") == "shipped":
        return "too late: already shipped"
    return _ENDED.get(str(order.get("status")), "")
