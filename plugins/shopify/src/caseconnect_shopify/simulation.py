"""The simulator as a component. It is imported only when it is started: a running connector does not load it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseconnect.sdk.components import SimulatorSpec


def app(options: Mapping[str, Any]) -> Any:
    """The simulator's ASGI application; `options` are those of `ShopifySimulatorSettings`."""
    from caseconnect_shopify.simulator import ShopifySimulatorSettings, create_app

    return create_app(ShopifySimulatorSettings.from_dict(options))


SIMULATOR = SimulatorSpec(
    name="shopify",
    summary="Shops with GraphQL Admin API 2026-10, webhooks, a ledger of effects and faults on demand.",
    app=app,
)
