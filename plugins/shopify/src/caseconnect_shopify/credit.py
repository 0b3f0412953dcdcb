"""Store credit by `storeCreditAccountCredit` (Admin API 2026-10), which nothing protects against a repeat.

So the intent is written first, as a metafield on the customer that must not exist yet: it remembers the newest credit
that was there, and then the credit that was given. Whether ours was given after a lost answer is told from the credits
that came since, less those that the customer's other intents name, for whichever order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

import orjson

from caseconnect.sdk.commands import IssueCredit
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import ConnectError, UnknownOutcome
from caseconnect_shopify import money_queries as queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.metafields import Found, Metafields, Wanted
from caseconnect_shopify.parts import maybe, moment, nodes, number_of
from caseconnect_shopify.reading import one
from caseconnect_shopify.targets import gid, mark, order_gid
from caseconnect_shopify.writing import Writer

_BY_HAND_OR_APP: Final = "ADJUSTMENT"
_PAGE: Final = 100
"""As many credits as `CREDITS` asks for."""
_INTENT: Final = re.compile(r"credit_[0-9a-f]{16}")


@dataclass(frozen=True)
class _Ledger:
    """The newest credits of one account, newest first; none where there is no account in that currency yet."""

    credits: tuple[dict[str, Any], ...]

    def since(self, newest: str | None) -> list[dict[str, Any]] | None:
        """Those after the one with this id; None when they go back too far to tell."""
        ids = [c["id"] for c in self.credits]
        if newest is None:
            return list(self.credits) if len(ids) < _PAGE else None
        return list(self.credits[: ids.index(newest)]) if newest in ids else None


@dataclass(frozen=True)
class _Intent:
    """What one command was about to give: after which credit, and which one it became, once that is known."""

    newest: str | None
    amount: str
    credit: str | None = None

    @classmethod
    def read(cls, text: str) -> _Intent:
        found = orjson.loads(text)
        return cls(found.get("newest") or None, str(found.get("amount")), found.get("credit") or None)

    def text(self) -> str:
        shown = {"newest": self.newest, "amount": self.amount, "credit": self.credit}
        return orjson.dumps({k: v for k, v in shown.items() if k != "credit" or v}).decode()


class Credits:
    """Store credit of one shop's customers."""

    def __init__(self, client: ShopifyClient, namespace: str) -> None:
        self._client, self._metafields = client, Metafields(client, namespace)

    async def issue(self, command: IssueCredit, key: str) -> Outcome:
        """Write the intent, then give the credit. An intent of an earlier attempt is looked after first."""
        customer = await self._who(command)
        if customer is None:
            return Outcome(state="refused", note="store credit needs a customer, and this order has none")
        if command.amount.amount <= 0 or command.amount.amount % command.amount.unit:
            return Outcome(state="refused", note=f"{command.amount} cannot be given as credit")
        writer, name = Writer(self._client), _name(key)
        intents = _intents(await self._metafields.read(customer, [name]))
        intent = intents.pop(name, None)
        if intent is not None and intent.credit:
            return _before(intent.credit)
        ledger = await self._ledger(customer, command.amount.currency)
        if intent is None:
            intent = _Intent(ledger.credits[0]["id"] if ledger.credits else None, str(command.amount))
            problems = await self._metafields.write(writer, customer, {name: Wanted(intent.text(), "json", None)})
            if problems:
                return writer.refusal([p["message"] for p in problems])
        elif (found := _given(ledger, intent, intents, command)) is None:
            raise UnknownOutcome("a person has to tell whether this credit is among those that came since")
        elif found:
            await self._remember(customer, name, intent, found)
            return _before(found)
        return await self._give(writer, (customer, name, intent), command)

    async def is_issued(self, command: IssueCredit, key: str) -> Sighting:
        """Whether one such credit came after the intent. None when it cannot be told."""
        customer = await self._who(command)
        if customer is None:
            return Sighting(seen=False, note="the order has no customer")
        name = _name(key)
        intents = _intents(await self._metafields.read(customer, [name]))
        intent = intents.pop(name, None)
        if intent is None:
            return Sighting(seen=False, note="no intent was written, so none was given")
        found = intent.credit
        if not found:
            found = _given(await self._ledger(customer, command.amount.currency), intent, intents, command)
        if found is None:
            return Sighting(seen=None, note="several credits came since: a person has to tell which one is this")
        return Sighting(seen=bool(found), data={"credit": number_of(found)} if found else {})

    async def _give(self, writer: Writer, written: tuple[str, str, _Intent], command: IssueCredit) -> Outcome:
        amount = {"amount": f"{command.amount.amount:f}", "currencyCode": command.amount.currency}
        credit: dict[str, Any] = {"creditAmount": amount, "notify": command.notify_customer}
        if command.expires_at:
            credit["expiresAt"] = command.expires_at.isoformat()
        problems, payload = await writer.ask(queries.CREDIT, {"id": written[0], "credit": credit})
        if problems:
            # The intent stays; it gives nothing away.
            return Outcome(state="refused", note="; ".join(dict.fromkeys(p["message"] for p in problems)))
        made = (payload.get("storeCreditAccountTransaction") or {}).get("id")
        if not made:
            raise UnknownOutcome("Shopify's answer names no credit")
        await self._remember(*written, made)
        return Outcome(state="done", data={"credit": number_of(made)})

    async def _remember(self, customer: str, name: str, intent: _Intent, credit: str) -> None:
        """Name the credit in its intent, so that no other command takes it for its own."""
        text = replace(intent, credit=credit).text()
        # The credit is given, whatever becomes of this. An intent that stays open only sends others to a person.
        with suppress(ConnectError):
            digest = (await self._metafields.read(customer, [name]))[name].digest
            await self._metafields.write(Writer(self._client), customer, {name: Wanted(text, "json", digest)})

    async def _who(self, command: IssueCredit) -> str | None:
        """Whose credit it is."""
        if command.customer is not None:
            return gid(command.customer, "customer", command.kind)
        if command.target is not None and command.target.kind == "customer":
            return gid(command.target, "customer", command.kind)
        found: str | None = (
            (await one(self._client, queries.BUYER, order_gid(command), "order")).get("customer") or {}
        ).get("id")
        return found

    async def _ledger(self, customer: str, currency: str) -> _Ledger:
        found = await one(self._client, queries.CREDIT_ACCOUNTS, customer, "customer")
        accounts = nodes(found["storeCreditAccounts"])
        account = next((a["id"] for a in accounts if a["balance"]["currencyCode"] == currency), None)
        if account is None:
            return _Ledger(())
        shown = await one(self._client, queries.CREDITS, account, "storeCreditAccount")
        return _Ledger(tuple(dict(n) for n in nodes(shown["transactions"])))


def _given(ledger: _Ledger, intent: _Intent, others: Mapping[str, _Intent], command: IssueCredit) -> str | None:
    """The credit after the intent that is as the command wanted; empty when none is, None when it cannot be told."""
    since = ledger.since(intent.newest)
    if since is None:
        return None
    until = command.expires_at.replace(microsecond=0) if command.expires_at else None
    taken = {other.credit for other in others.values()}
    found = [
        str(c["id"])
        for c in since
        if c.get("event") == _BY_HAND_OR_APP
        and c["id"] not in taken
        and Decimal(str(c["amount"]["amount"])) == command.amount.amount
        and maybe(moment, c.get("expiresAt")) == until
    ]
    if not found:
        return ""
    rivals = any(not other.credit and other.amount == str(command.amount) for other in others.values())
    return None if rivals or len(found) > 1 else found[0]


def _intents(fields: Mapping[str, Found]) -> dict[str, _Intent]:
    return {name: _Intent.read(f.value) for name, f in fields.items() if f.value and _INTENT.fullmatch(name)}


def _before(credit: str) -> Outcome:
    return Outcome(state="done", note="it was given already", data={"credit": number_of(credit)})


def _name(key: str) -> str:
    return f"credit_{mark(key)}"
