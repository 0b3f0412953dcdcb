"""Tags and metafields of orders and customers; metafields are in the connection's own namespace: texts and one link."""

from __future__ import annotations

import re
from typing import Any, Final

from caseconnect.sdk.commands import AnnotateCustomer, AnnotateOrder
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect_shopify import money_queries
from caseconnect_shopify import sink_queries as queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.metafields import Found, Metafields, Wanted, fields_of
from caseconnect_shopify.reading import one
from caseconnect_shopify.targets import gid, order_gid
from caseconnect_shopify.writing import Writer

_TAG_LENGTH: Final = 40
_KEY: Final = re.compile(r"^[A-Za-z0-9_-]{2,64}$")


class _Wanted:
    """What is to be so on the order or customer, and what of it is not yet."""

    def __init__(self, command: AnnotateOrder | AnnotateCustomer, settings: ShopifySettings) -> None:
        prefix, self._type = settings.tag_prefix, settings.metafield_type
        self.add = [prefix + tag.strip() for tag in command.add_tags]
        self.remove = [prefix + tag.strip() for tag in command.remove_tags]
        self.values = dict(command.attributes)
        self.found: dict[str, Found] = {}

    def refusal(self) -> str | None:
        """Why Shopify could not take it."""
        for tag in (*self.add, *self.remove):
            if not tag or "," in tag or len(tag) > _TAG_LENGTH:
                return f"{tag!r} is no tag: 1 to {_TAG_LENGTH} characters, no comma"
        for key in self.values:
            if not _KEY.match(key):
                return f"{key!r} is no metafield key: 2 to 64 letters, digits, '-' or '_'"
        return None

    async def read(self, metafields: Metafields, owner: str) -> None:
        """Keep only what differs from what is so. Tags that differ only in case are the same to Shopify."""
        node = await metafields.look(owner, with_metafields=bool(self.values))
        tags = {t.casefold(): t for t in node["tags"]}
        self.add = [t for t in self.add if t.casefold() not in tags]
        self.remove = [tags[t.casefold()] for t in self.remove if t.casefold() in tags]
        self.found = fields_of(node, self.values)
        self.values = {k: v for k, v in self.values.items() if v != (self.found[k].value or "")}

    def fields(self) -> dict[str, Wanted]:
        """The metafields to set, each of the type that it has or that its definition wants."""
        return {k: Wanted(v, self.found[k].type or self._type(k), self.found[k].digest) for k, v in self.values.items()}

    def met(self) -> bool:
        """Nothing differs."""
        return not (self.add or self.remove or self.values)


class Annotations:
    """Tags and metafields of one connection."""

    def __init__(self, client: ShopifyClient, settings: ShopifySettings) -> None:
        self._client, self._settings = client, settings
        self._metafields = Metafields(client, settings.metafield_namespace)

    async def annotate(self, command: AnnotateOrder | AnnotateCustomer, key: str) -> Outcome:
        """Make tags and metafields so; what is so already is not sent. An empty text deletes a metafield."""
        wanted = _Wanted(command, self._settings)
        owner = await self._owner(command)
        if owner is None:
            return Outcome(state="refused", note="the order has no customer on whom it could be shown")
        if refusal := wanted.refusal():
            return Outcome(state="refused", note=refusal)
        await wanted.read(self._metafields, owner)
        writer = Writer(self._client)
        problems: list[dict[str, Any]] = []
        if wanted.add:
            problems += await writer.send(queries.ADD_TAGS, {"id": owner, "tags": wanted.add})
        if wanted.remove:
            problems += await writer.send(queries.REMOVE_TAGS, {"id": owner, "tags": wanted.remove})
        problems += await self._metafields.write(writer, owner, wanted.fields())
        if problems:
            return writer.refusal([p["message"] for p in problems])
        return Outcome(state="done", note="" if writer.changed else "it was so already")

    async def is_annotated(self, command: AnnotateOrder | AnnotateCustomer, key: str) -> Sighting:
        """Whether tags and metafields are so."""
        owner = await self._owner(command)
        if owner is None:
            return Sighting(seen=False, note="the order has no customer")
        wanted = _Wanted(command, self._settings)
        await wanted.read(self._metafields, owner)
        return Sighting(seen=wanted.met())

    async def _owner(self, command: AnnotateOrder | AnnotateCustomer) -> str | None:
        """The gid of what is annotated; None when the order has no customer."""
        if isinstance(command, AnnotateOrder):
            return order_gid(command)
        if command.target is not None and command.target.kind == "customer":
            return gid(command.target, "customer", command.kind)
        order = await one(self._client, money_queries.BUYER, order_gid(command), "order")
        found: str | None = (order.get("customer") or {}).get("id")
        return found
