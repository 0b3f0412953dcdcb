"""`connect setup`: scopes looked at one by one, webhooks made, our metafields defined and pinned for staff.

Admin API 2026-10. Whatever is there already is left as it is, so it may be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from caseconnect.sdk.components import Check
from caseconnect.sdk.resources import Resources
from caseconnect_shopify import checks, definitions, subscriptions, topics
from caseconnect_shopify.client import Operation, ShopifyClient
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.reading import client_of
from caseconnect_shopify.writing import Writer

DEFINE: Final = Operation(
    "ConnectDefine",
    """mutation ConnectDefine($definition: MetafieldDefinitionInput!) {
  metafieldDefinitionCreate(definition: $definition) { userErrors { field message code } }
}""",
    mutation=True,
)

PIN: Final = Operation(
    "ConnectPin",
    """mutation ConnectPin($id: ID!) {
  metafieldDefinitionPin(definitionId: $id) { userErrors { field message code } }
}""",
    mutation=True,
)


async def setup(settings: ShopifySettings, resources: Resources, address: str) -> Sequence[Check]:
    """Make what the connection needs; each step with what became of it."""
    client = client_of(settings, resources)
    steps = [*await checks.run(client, settings, checks.ALL)]
    _, granted = await checks.installation(client)
    steps += await _webhooks(client, settings, address or settings.webhook_address or "", granted)
    steps += await _metafields(client, settings)
    return steps


async def _webhooks(client: ShopifyClient, settings: ShopifySettings, address: str, granted: Any) -> list[Check]:
    if not address:
        note = "nobody said where Shopify reaches us (--address, or webhook_address): only the poll finds changes"
        return [Check(step=subscriptions.STEP, ok=True, note=note)]
    found = await subscriptions.compare(client, settings, address, granted)
    refused = {t: p for t in found.missing if (p := await subscriptions.subscribe(client, t, address))}
    made = [t for t in found.missing if t not in refused]
    note = f"{len(found.there)} were there, {len(made)} made" + (f": {', '.join(made)}" if made else "")
    steps = [Check(step=subscriptions.STEP, ok=True, note=note)]
    steps += [Check(step=f"{subscriptions.STEP}, {topic}", ok=False, note=why) for topic, why in refused.items()]
    by_hand = ", ".join(t for t in topics.TOPICS if t not in topics.LISTED)
    steps.append(
        Check(
            step=f"{subscriptions.STEP}, privacy",
            ok=True,
            note=f"{by_hand}: not to be had by the API; name {address} for them in the app's configuration",
        )
    )
    return steps + [step for step in found.checks() if step.step != subscriptions.STEP]


async def _metafields(client: ShopifyClient, settings: ShopifySettings) -> list[Check]:
    there = await definitions.defined(client, settings)
    wanted = settings.shown_metafields.items()
    return [await _metafield(client, settings, key, name, there.get(key)) for key, name in wanted]


async def _metafield(client: ShopifyClient, settings: ShopifySettings, key: str, name: str, there: Any) -> Check:
    step, kind = f"metafield {settings.metafield_namespace}.{key}", settings.metafield_type(key)
    if there is None:
        definition = {
            "name": name,
            "namespace": settings.metafield_namespace,
            "key": key,
            "type": kind,
            "ownerType": "ORDER",
            "description": "Written by Connect",
            "pin": True,
        }
        done, problems = "made and pinned", await Writer(client).send(DEFINE, {"definition": definition})
    elif wrong := definitions.misfit(settings, key, there):
        return Check(step=step, ok=False, note=wrong)
    elif there["pinnedPosition"] is None:
        done, problems = "was there, pinned now", await Writer(client).send(PIN, {"id": there["id"]})
    else:
        return Check(step=step, ok=True, note="was there, pinned")
    if problems:
        return Check(step=step, ok=False, note="; ".join(p["message"] for p in problems))
    return Check(step=step, ok=True, note=done)
