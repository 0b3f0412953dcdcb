"""An order's statuses: cancelling, and setting one. None of this moves money: no API of the platform does.

Transitions are those of SCAPI Orders 1.5.2, `PUT …/status` (sfcc.md §3). What else is refused here: what would ship an
order twice, and what a command of its own does more carefully.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from caseconnect.sdk.commands import CancelOrder, SetOrderStatus
from caseconnect.sdk.components import Outcome, Sighting

from .client import ORDERS, Json, part
from .mapping import refunded
from .values import amount
from .writing import StateWork, order_no

_NAMES: Final[Mapping[str, str]] = {
    "order": "status",
    "confirmation": "confirmationStatus",
    "payment": "paymentStatus",
    "shipping": "shippingStatus",
    "export": "exportStatus",
    "external": "externalOrderStatus",
}
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "order": ("created", "new", "completed", "failed"),
    "confirmation": ("confirmed", "not_confirmed"),
    "payment": ("paid", "part_paid", "not_paid"),
    "shipping": ("shipped", "part_shipped", "not_shipped"),
    "export": ("exported", "not_exported", "ready", "failed"),
}
_NEXT: Final[Mapping[str, tuple[str, ...]]] = {
    "created": ("new", "completed", "failed"),
    "failed": ("created",),
    "new": ("new", "completed"),
    "completed": ("new", "completed"),
    "cancelled": ("new", "completed"),
}
_LONGEST_EXTERNAL: Final = 256
_UNPLACED: Final = frozenset({"created", "failed"})
_SHIPPED: Final = frozenset({"shipped", "part_shipped"})
_PAID: Final = frozenset({"paid", "part_paid"})
_NO_MONEY: Final = "no money was moved: give up at the payment provider what it may have authorised"


class Cancel(StateWork):
    """CancelOrder. An order that was never placed is failed, not cancelled: cancelling would place it first."""

    async def do(self, command: CancelOrder, key: str) -> Outcome:
        """Cancel it, unless goods or money are on their way."""
        number = order_no(command)
        site, order = await self.desk.places.order(number)
        if self._is_so(order):
            return Outcome(state="done", note="it was cancelled already")
        if refusal := self._refusal(order, command):
            return Outcome(state="refused", note=refusal)
        status = "failed" if order.get("status") in _UNPLACED else "cancelled"
        path = f"/orders/{part(number)}/status"
        await self.desk.client.scapi(ORDERS, "PUT", path, site=site, body={"status": status})
        told = "; the platform tells the shopper nothing" if command.notify_customer else ""
        return Outcome(state="done", note=f"{_NO_MONEY}{told}")

    async def see(self, command: CancelOrder, key: str) -> Sighting:
        """Whether it is cancelled, or failed without ever being placed."""
        _, order = await self.desk.places.order(order_no(command))
        return Sighting(seen=self._is_so(order), note=str(order.get("status")))

    @staticmethod
    def _is_so(order: Json) -> bool:
        return order.get("status") in {"cancelled", "failed"}

    def _refusal(self, order: Json, command: CancelOrder) -> str:
        if order.get("shippingStatus") in _SHIPPED:
            return "too late: already shipped"
        if order.get("exportStatus") == "exported":
            return "too late: already exported; cancel it in the system that ships it"
        if order.get("paymentStatus") in _PAID and refunded(order, self.desk.settings) < amount(order["orderTotal"]):
            return (
                f"its money was captured ({order['paymentStatus']}), and cancelling gives none back: refund it first, "
                f"or set its payment status to not_paid"
            )
        if not command.restock:
            return "the platform gives the stock back when an order is cancelled; it cannot be kept back"
        return ""


class SetStatus(StateWork):
    """SetOrderStatus."""

    async def do(self, command: SetOrderStatus, key: str) -> Outcome:
        """Set it, if the order may go there from where it is."""
        number, name = order_no(command), _NAMES[command.status]
        if refusal := _unknown(command):
            return Outcome(state="refused", note=refusal)
        site, order = await self.desk.places.order(number)
        now = str(order.get(name) or "")
        if now == command.value:
            return Outcome(state="done", note="it was so already")
        if refusal := _forbidden(command, now):
            return Outcome(state="refused", note=refusal)
        path = "status" if command.status == "order" else f"{command.status}-status"
        where, body = f"/orders/{part(number)}/{path}", {"status": command.value}
        await self.desk.client.scapi(ORDERS, "PUT", where, site=site, body=body)
        return Outcome(state="done", data={"before": now})

    async def see(self, command: SetOrderStatus, key: str) -> Sighting:
        """Whether it is so."""
        _, order = await self.desk.places.order(order_no(command))
        now = str(order.get(_NAMES[command.status]) or "")
        return Sighting(seen=now == command.value, note=now)


def _unknown(command: SetOrderStatus) -> str:
    if command.status == "external":
        return "" if 1 <= len(command.value) <= _LONGEST_EXTERNAL else "an external status has 1 to 256 characters"
    if command.status == "order" and command.value == "cancelled":
        return "an order is cancelled by CancelOrder, which looks at money and goods first"
    allowed = _VALUES[command.status]
    return "" if command.value in allowed else f"{command.value!r} is none of {', '.join(allowed)}"


def _forbidden(command: SetOrderStatus, now: str) -> str:
    if command.status == "export" and now == "exported":
        return "already exported: to export it again would ship it again; a person decides that in Business Manager"
    allowed = _NEXT.get(now, ())
    if command.status == "order" and command.value not in allowed:
        return f"an order that is {now} can become {' or '.join(allowed) or 'nothing else'}, not {command.value}"
    return ""
