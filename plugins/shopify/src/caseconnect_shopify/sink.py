"""The sink: tags and metafields, holds, releases and cancelling, by GraphQL mutations.

None of them takes a key of ours (Shopify's `@idempotent` does not exist on them), so a repeat is made safe by
looking first: holds by their handle, tags and metafields by their value, a cancelled order by `cancelledAt`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from caseconnect.sdk.commands import AnnotateOrder, CancelOrder, Command, HoldOrder, ReleaseOrder
from caseconnect.sdk.components import Check, Outcome, Repeat, Sighting, SinkSpec
from caseconnect.sdk.errors import PermanentError, PluginError
from caseconnect.sdk.resources import Resources
from caseconnect_shopify import checks
from caseconnect_shopify.annotations import annotate, is_annotated
from caseconnect_shopify.cancelling import cancel, is_cancelled
from caseconnect_shopify.config import EXAMPLE, ShopifySettings
from caseconnect_shopify.holding import Holds
from caseconnect_shopify.reading import client_of
from caseconnect_shopify.writing import Writer


class ShopifySink:
    """Carries commands out on the orders of one shop."""

    def __init__(self, settings: ShopifySettings, resources: Resources) -> None:
        self._settings = settings
        self._client = client_of(settings, resources)
        self._holds = Holds(settings.hold_prefix)

    async def check(self) -> Sequence[Check]:
        """Token, shop, API version, and the scopes that the commands need, one by one."""
        return await checks.run(self._client, self._settings, checks.WRITING)

    async def execute(self, command: Command, key: str) -> Outcome:
        """One attempt; every command looks first, so what is so already is not sent again."""
        gid, writer = _order_gid(command), Writer(self._client)
        match command:
            case HoldOrder():
                return await self._holds.hold(writer, gid, command, key)
            case ReleaseOrder():
                return await self._holds.release(writer, gid)
            case AnnotateOrder():
                return await annotate(writer, gid, command, self._settings)
            case CancelOrder():
                return await cancel(writer, gid, command)
            case _:
                raise _unsupported(command)

    async def verify(self, command: Command, key: str) -> Sighting:
        """Whether the order is as the command wanted it."""
        gid = _order_gid(command)
        match command:
            case HoldOrder():
                return await self._holds.is_held(self._client, gid)
            case ReleaseOrder():
                return await self._holds.is_released(self._client, gid)
            case AnnotateOrder():
                return await is_annotated(self._client, gid, command, self._settings)
            case CancelOrder():
                return await is_cancelled(self._client, gid, command.receipt.get("job"))
            case _:
                raise _unsupported(command)


def _order_gid(command: Command) -> str:
    target = command.target
    if target is None or target.kind != "order" or not target.id.isdigit():
        raise PermanentError(f"{command.kind} wants an order by its number as its target, not {target}")
    return f"gid://shopify/Order/{target.id}"


def _unsupported(command: Command) -> PluginError:
    return PluginError(f"the Shopify sink has no command {command.kind}", plugin="shopify")


SINK = SinkSpec(
    name="shopify",
    summary="Tags, metafields, holds, releases and cancelling on the orders of a Shopify shop.",
    settings=ShopifySettings,
    example=EXAMPLE,
    build=ShopifySink,
    commands={
        AnnotateOrder: Repeat.STATE,
        HoldOrder: Repeat.STATE,
        ReleaseOrder: Repeat.STATE,
        CancelOrder: Repeat.READ,
    },
    deadline=timedelta(seconds=30),
    lateness=timedelta(seconds=120),
    settle_within=timedelta(hours=1),
)
