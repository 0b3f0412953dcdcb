"""Sending the mutations of one attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caseconnect.sdk.components import Outcome
from caseconnect.sdk.errors import ConnectError, UnknownOutcome
from caseconnect_shopify.client import Operation, ShopifyClient
from caseconnect_shopify.words import masked


class Writer:
    """The mutations of one attempt. After the first that had an effect no later error may say 'surely no effect'."""

    def __init__(self, client: ShopifyClient) -> None:
        self.client = client
        self.changed = False

    async def send(self, operation: Operation, variables: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Send a mutation; its user errors, none when it had its effect."""
        problems, _ = await self.ask(operation, variables)
        return problems

    def refusal(self, problems: Sequence[str]) -> Outcome:
        """The outcome of what Shopify refused; not of one of which a part was done: that has to be looked at."""
        text = "; ".join(dict.fromkeys(problems))
        if self.changed:
            raise UnknownOutcome(f"a part was done, then: {text}")
        return Outcome(state="refused", note=text)

    async def ask(
        self, operation: Operation, variables: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Send a mutation; its user errors, and the whole payload."""
        try:
            data = await self.client.run(operation, variables)
        except ConnectError as error:
            if self.changed and not isinstance(error, UnknownOutcome):
                raise UnknownOutcome(f"a part was done, then: {error}") from error
            raise
        payload = next(iter(data.values()), None)
        if not isinstance(payload, dict):
            raise UnknownOutcome(f"{operation.name}: Shopify's answer is empty")
        found = [p for name in payload if name.endswith(("userErrors", "UserErrors")) for p in payload[name] or ()]
        problems = [{**p, "message": masked(p.get("message") or "no reason is given", variables)} for p in found]
        self.changed = self.changed or not problems
        return problems, payload
