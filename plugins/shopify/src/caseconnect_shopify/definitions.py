"""How our metafields of orders are defined in the shop (Admin API 2026-10), and whether that fits what we write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from caseconnect.sdk.components import Check
from caseconnect.sdk.errors import PermanentError
from caseconnect_shopify.changes import page_of
from caseconnect_shopify.client import Operation, ShopifyClient
from caseconnect_shopify.config import ShopifySettings

DEFINITIONS: Final = Operation(
    "ConnectDefinitions",
    """query ConnectDefinitions($namespace: String!, $after: String) {
  metafieldDefinitions(first: 50, after: $after, ownerType: ORDER, namespace: $namespace) {
    nodes { id key pinnedPosition type { name } }
    pageInfo { hasNextPage endCursor }
  }
}""",
    cost=50,
)

STEP: Final = "metafields"


async def defined(client: ShopifyClient, settings: ShopifySettings) -> dict[str, Any]:
    """The definitions of our namespace, by key."""
    there: dict[str, Any] = {}
    after: str | None = None
    while True:
        page, after = await page_of(client, DEFINITIONS, namespace=settings.metafield_namespace, after=after)
        there |= {one["key"]: one for one in page}
        if after is None:
            return there


def misfit(settings: ShopifySettings, key: str, there: Mapping[str, Any] | None) -> str:
    """Why a definition does not take what we write; empty if it does, or there is none."""
    kind = settings.metafield_type(key)
    if there is None or there["type"]["name"] == kind:
        return ""
    return f"it is defined as {there['type']['name']}, and {kind} is what we write: delete that definition"


async def check(client: ShopifyClient, settings: ShopifySettings) -> Check:
    """All of them as one step: each takes what we write, or is not there."""
    try:
        there = await defined(client, settings)
    except PermanentError as error:
        return Check(step=STEP, ok=True, note=f"not read: {error}")
    wrong = {key: why for key in settings.shown_metafields if (why := misfit(settings, key, there.get(key)))}
    note = "; ".join(f"{key}: {why}" for key, why in wrong.items())
    missing = ", ".join(key for key in settings.shown_metafields if key not in there)
    told = note or (f"not defined, so staff do not see them: {missing}" if missing else "")
    return Check(step=STEP, ok=not wrong, note=told)
