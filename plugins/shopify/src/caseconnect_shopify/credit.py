"""Store credit by `storeCreditAccountCredit` (Admin API 2026-10), which nothing protects against a repeat.

So the intent is written first, as a metafield on the order or customer that must not exist yet: it remembers the
newest credit that was there. Whether ours was given is told from the credits that came after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import orjson

from caseconnect.sdk.commands import IssueCredit
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import UnknownOutcome
from caseconnect_shopify import money_queries as queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.metafields import Metafields, Wanted
from caseconnect_shopify.parts import maybe, moment, nodes, number_of
from caseconnect_shopify.reading import one
from caseconnect_shopify.targets import gid, mark, order_gid
from caseconnect_shopify.writing import Writer

_BY_HAND_OR_APP: Final = "ADJUSTMENT"
_PAGE: Final = 100
"""As many credits as `CREDITS` asks for."""


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


class Credits:
    """Store credit of one shop's customers."""

    def __init__(self, client: ShopifyClient, namespace: str) -> None:
        self._client, self._metafields = client, Metafields(client, namespace)

    async def issue(self, command: IssueCredit, key: str) -> Outcome:
        """Write the intent, then give the credit. An intent of an earlier attempt is looked after first."""
        owner, customer = await self._who(command)
        if customer is None:
            return Outcome(state="refused", note="store credit needs a customer, and this order has none")
        if command.amount.amount <= 0 or command.amount.amount % command.amount.unit:
            return Outcome(state="refused", note=f"{command.amount} cannot be given as credit")
        ledger = await self._ledger(customer, command.amount.currency)
        writer, name = Writer(self._client), _name(key)
        intent = (await self._metafields.read(owner, [name])).get(name)
        if intent is None or intent.value is None:
            newest = ledger.credits[0]["id"] if ledger.credits else None
            text = orjson.dumps({"newest": newest, "amount": str(command.amount)}).decode()
            problems = await self._metafields.write(writer, owner, {name: Wanted(text, "json", None)})
            if problems:
                return writer.refusal([p["message"] for p in problems])
        elif (found := _given(ledger, _newest(intent.value), command)) is None:
            raise UnknownOutcome("too many credits came since: a person has to tell whether this one is among them")
        elif found:
            return Outcome(state="done", note="it was given already", data={"credit": number_of(found[0]["id"])})
        return await self._give(writer, customer, command)

    async def is_issued(self, command: IssueCredit, key: str) -> Sighting:
        """Whether one such credit came after the intent. None when it cannot be told."""
        owner, customer = await self._who(command)
        if customer is None:
            return Sighting(seen=False, note="the order has no customer")
        name = _name(key)
        intent = (await self._metafields.read(owner, [name])).get(name)
        if intent is None or intent.value is None:
            return Sighting(seen=False, note="no intent was written, so none was given")
        ledger = await self._ledger(customer, command.amount.currency)
        found = _given(ledger, _newest(intent.value), command)
        if found is None or len(found) > 1:
            return Sighting(seen=None, note="several credits came since: a person has to tell which one is this")
        return Sighting(seen=bool(found), data={"credit": number_of(found[0]["id"])} if found else {})

    async def _give(self, writer: Writer, customer: str, command: IssueCredit) -> Outcome:
        amount = {"amount": f"{command.amount.amount:f}", "currencyCode": command.amount.currency}
        credit: dict[str, Any] = {"creditAmount": amount, "notify": command.notify_customer}
        if command.expires_at:
            credit["expiresAt"] = command.expires_at.isoformat()
        problems, payload = await writer.ask(queries.CREDIT, {"id": customer, "credit": credit})
        if problems:
            # The intent stays; it gives nothing away.
            return Outcome(state="refused", note="; ".join(dict.fromkeys(p["message"] for p in problems)))
        made = (payload.get("storeCreditAccountTransaction") or {}).get("id")
        return Outcome(state="done", data={"credit": number_of(made)} if made else {})

    async def _who(self, command: IssueCredit) -> tuple[str, str | None]:
        """Where the intent is written, and whose credit it is."""
        if command.target is not None and command.target.kind == "customer":
            owner = gid(command.target, "customer", command.kind)
            return owner, gid(command.customer, "customer", command.kind) if command.customer else owner
        owner = order_gid(command)
        if command.customer is not None:
            return owner, gid(command.customer, "customer", command.kind)
        return owner, ((await one(self._client, queries.BUYER, owner, "order")).get("customer") or {}).get("id")

    async def _ledger(self, customer: str, currency: str) -> _Ledger:
        found = await one(self._client, queries.CREDIT_ACCOUNTS, customer, "customer")
        accounts = nodes(found["storeCreditAccounts"])
        account = next((a["id"] for a in accounts if a["balance"]["currencyCode"] == currency), None)
        if account is None:
            return _Ledger(())
        shown = await one(self._client, queries.CREDITS, account, "storeCreditAccount")
        return _Ledger(tuple(dict(n) for n in nodes(shown["transactions"])))


def _given(ledger: _Ledger, newest: str | None, command: IssueCredit) -> list[dict[str, Any]] | None:
    """The credits after the intent that are as the command wanted; None when it cannot be told."""
    since = ledger.since(newest)
    if since is None:
        return None
    until = command.expires_at.replace(microsecond=0) if command.expires_at else None
    return [
        c
        for c in since
        if c.get("event") == _BY_HAND_OR_APP
        and Decimal(str(c["amount"]["amount"])) == command.amount.amount
        and maybe(moment, c.get("expiresAt")) == until
    ]


def _name(key: str) -> str:
    return f"credit_{mark(key)}"


def _newest(intent: str) -> str | None:
    found = orjson.loads(intent).get("newest")
    return str(found) if found else None
