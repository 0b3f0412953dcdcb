"""Credit: a gift certificate under a merchant id made of our key, which the platform takes once.

SCAPI Gift Certificates 1.0.42: `merchantId` is unique; a second one with the same id is refused. The amount never
changes after creation. The API shows the code masked: the cartridge's notice hook can tell it to the shopper.
"""

from __future__ import annotations

from typing import Any

from caseconnect.sdk.commands import IssueCredit
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import UnknownOutcome

from .client import GIFT_CERTIFICATES, Json, part
from .faults import Refused
from .values import amount
from .writing import StateWork, found, named, order_no, our_key, place_of, writable


class Credit(StateWork):
    """IssueCredit."""

    async def do(self, command: IssueCredit, key: str) -> Outcome:
        """Make the gift certificate, unless it is there."""
        number, merchant = order_no(command), our_key(key)
        if refusal := _refusal(command):
            return Outcome(state="refused", note=refusal)
        site, order = await self.desk.places.order(number)
        if (there := await self._find(site, merchant)) is not None:
            return _taken(there, command, merchant)
        if (currency := order.get("currency")) != command.amount.currency:
            return Outcome(state="refused", note=f"the order was paid in {currency}, not in {command.amount.currency}")
        recipient = await self._recipient(command, order)
        if not recipient.get("recipientEmail"):
            return Outcome(state="refused", note="there is no e-mail address to issue a gift certificate to")
        body = {
            **recipient,
            "merchantId": merchant,
            "amount": {"currencyMnemonic": command.amount.currency, "value": float(command.amount.amount)},
            "description": writable(command.note) or f"Goodwill for order {number}",
            "senderName": self.desk.settings.writing.sender_name,
            "orderNo": number,
            "enabled": True,
            "status": "issued",
        }
        try:
            made = await self.desk.client.scapi(GIFT_CERTIFICATES, "PUT", "/gift-certificates", site=site, body=body)
        except Refused as refused:
            if (there := await self._find(site, merchant)) is not None:
                return _taken(there, command, merchant)
            raise refused
        return _taken(made, command, merchant)

    async def see(self, command: IssueCredit, key: str) -> Sighting:
        """Whether a gift certificate with our id is there."""
        site, _ = await self.desk.places.order(order_no(command))
        there = await self._find(site, our_key(key))
        if there is None:
            return Sighting(seen=False)
        taken = _taken(there, command, our_key(key))
        return Sighting(seen=True, note=taken.note, data=taken.data)

    async def _find(self, site: str, merchant: str) -> Json | None:
        call = self.desk.client.scapi(GIFT_CERTIFICATES, "GET", f"/gift-certificates/{part(merchant)}", site=site)
        return await found(call, "NotFound", "GiftCertificateNotFound")

    async def _recipient(self, command: IssueCredit, order: Json) -> Json:
        info = order.get("customerInfo") or {}
        email, name = info.get("email"), info.get("customerName")
        if command.customer is not None:
            profile = await self.desk.client.customer(*place_of(named(command, "customer", of=command.customer)))
            email = profile.get("email") or (profile.get("credentials") or {}).get("login")
            name = " ".join(each for each in (profile.get("firstName"), profile.get("lastName")) if each)
        return {"recipientEmail": str(email or ""), "recipientName": writable(str(name or ""), 256)}


def _refusal(command: IssueCredit) -> str:
    value = command.amount.amount
    if value <= 0 or amount(float(value)) != value:
        return f"{command.amount} is no amount for a gift certificate"
    if value % command.amount.unit:
        return f"{command.amount} is finer than the smallest unit of {command.amount.currency}"
    if command.expires_at is not None:
        return "a gift certificate has no end date"
    return ""


def _taken(there: Any, command: IssueCredit, merchant: str) -> Outcome:
    """Done, if the amount is ours; a wrong one under our own id is nothing that another attempt repairs."""
    held = there.get("amount") if isinstance(there, dict) else None
    value, currency = (held.get("value"), held.get("currencyMnemonic")) if isinstance(held, dict) else (None, None)
    if not isinstance(value, int | float) or (amount(value), currency) != (
        command.amount.amount,
        command.amount.currency,
    ):
        raise UnknownOutcome(f"what is there under our id is no gift certificate over {command.amount}: look at it")
    note = "the platform tells the shopper nothing: send a notice" if command.notify_customer else ""
    return Outcome(state="done", note=note, data={"gift_certificate": merchant})
