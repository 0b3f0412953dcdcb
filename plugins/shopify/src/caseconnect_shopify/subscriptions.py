"""Which webhooks there are, which there should be, and making those that are missing (Admin API 2026-10).

Shopify deletes a subscription made by the API after eight failed deliveries in a row. Those of the app's own
configuration stay, and are not in the API's list.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from caseconnect.sdk.components import Check
from caseconnect_shopify import topics
from caseconnect_shopify.changes import page_of
from caseconnect_shopify.client import Operation, ShopifyClient
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.writing import Writer

LIST: Final = Operation(
    "ConnectSubscriptions",
    """query ConnectSubscriptions($after: String) {
  webhookSubscriptions(first: 100, after: $after) {
    nodes { topic uri filter }
    pageInfo { hasNextPage endCursor }
  }
}""",
    cost=100,
)

CREATE: Final = Operation(
    "ConnectSubscribe",
    """mutation ConnectSubscribe($topic: WebhookSubscriptionTopic!, $wanted: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $wanted) { userErrors { field message } }
}""",
    mutation=True,
)

STEP: Final = "webhooks"


@dataclass(frozen=True)
class Compared:
    """What was found. `left_out`: topics that Shopify does not allow for want of a scope, with what it asks for."""

    there: tuple[str, ...]
    missing: tuple[str, ...]
    left_out: Mapping[str, tuple[str, ...]]
    filtered: tuple[str, ...] = ()

    def checks(self) -> tuple[Check, ...]:
        """The same for people."""
        note = f"{len(self.there)} topics"
        if self.missing:
            note = f"missing: {', '.join(self.missing)}. `connect setup` makes them"
        steps = [Check(step=STEP, ok=not self.missing, note=note)]
        if self.filtered:
            text = f"not all is sent, because of a filter: {', '.join(self.filtered)}"
            steps.append(Check(step=f"{STEP}, filters", ok=True, note=text))
        for scopes in sorted(set(self.left_out.values())):
            names = ", ".join(t for t, wanted in self.left_out.items() if wanted == scopes)
            steps.append(Check(step=f"{STEP}, without {scopes[0]}", ok=True, note=f"left out: {names}"))
        return tuple(steps)


async def compare(client: ShopifyClient, settings: ShopifySettings, address: str, scopes: Collection[str]) -> Compared:
    """Compare the subscriptions to `address` with what is wanted, as far as the granted `scopes` allow it."""
    found: dict[str, bool] = {}
    after: str | None = None
    while True:
        page, after = await page_of(client, LIST, after=after)
        for one in page:
            if one["uri"].rstrip("/") == address.rstrip("/"):
                found[one["topic"]] = found.get(one["topic"], True) and bool(one.get("filter"))
        if after is None:
            break
    wanted = {name: topic for name, topic in topics.TOPICS.items() if name in settings.subscribed()}
    left_out = {n: t.scopes for n, t in wanted.items() if t.scopes and not _granted(t.scopes, scopes)}
    allowed = [name for name in wanted if name not in left_out]
    there = tuple(n for n in allowed if topics.enum_of(n) in found)
    missing = tuple(n for n in allowed if topics.enum_of(n) not in found)
    return Compared(there, missing, left_out, tuple(n for n in there if found[topics.enum_of(n)]))


async def subscribe(client: ShopifyClient, topic: str, address: str) -> str:
    """Make one subscription; what Shopify has against it, empty when it was made. One that is there is no error."""
    asked = {"topic": topics.enum_of(topic), "wanted": {"uri": address, "format": "JSON"}}
    problems = await Writer(client).send(CREATE, asked)
    return "; ".join(p["message"] for p in problems if "already been taken" not in p["message"])


def _granted(wanted: Collection[str], scopes: Collection[str]) -> bool:
    return any(scope in scopes or scope.replace("read_", "write_", 1) in scopes for scope in wanted)
