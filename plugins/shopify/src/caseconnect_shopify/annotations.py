"""Tags and metafields of an order. Metafields are in the connection's own namespace: texts, and one link."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, Final

from caseconnect.sdk.commands import AnnotateOrder
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect_shopify import queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.reading import absent
from caseconnect_shopify.writing import Writer

_TAG_LENGTH: Final = 40
_KEY: Final = re.compile(r"^[A-Za-z0-9_-]{2,64}$")
_AT_ONCE: Final = 25


class _Wanted:
    """What is to be so on the order, and what of it is not yet."""

    def __init__(self, command: AnnotateOrder, settings: ShopifySettings) -> None:
        self.namespace = settings.metafield_namespace
        self.add = [settings.tag_prefix + tag.strip() for tag in command.add_tags]
        self.remove = [settings.tag_prefix + tag.strip() for tag in command.remove_tags]
        self.values = dict(command.attributes)

    def refusal(self) -> str | None:
        """Why Shopify could not take it."""
        for tag in (*self.add, *self.remove):
            if not tag or "," in tag or len(tag) > _TAG_LENGTH:
                return f"{tag!r} is no tag: 1 to {_TAG_LENGTH} characters, no comma"
        for key in self.values:
            if not _KEY.match(key):
                return f"{key!r} is no metafield key: 2 to 64 letters, digits, '-' or '_'"
        return None

    async def read(self, client: ShopifyClient, gid: str) -> None:
        """Keep only what differs from the order as it is. Tags that differ only in case are the same to Shopify."""
        variables = {"id": gid, "namespace": self.namespace, "withMetafields": bool(self.values)}
        order = (await client.run(queries.ANNOTATIONS, variables))["order"]
        if not order:
            raise absent("order", gid)
        tags = {t.casefold(): t for t in order["tags"]}
        self.add = [t for t in self.add if t.casefold() not in tags]
        self.remove = [tags[t.casefold()] for t in self.remove if t.casefold() in tags]
        there = {m["key"]: m["value"] for m in (order.get("metafields") or {}).get("nodes") or ()}
        self.values = {k: v for k, v in self.values.items() if v != there.get(k, "")}

    def met(self) -> bool:
        """Nothing differs."""
        return not (self.add or self.remove or self.values)


async def annotate(writer: Writer, gid: str, command: AnnotateOrder, settings: ShopifySettings) -> Outcome:
    """Make the order's tags and metafields so; what is so already is not sent. An empty text deletes a metafield."""
    wanted = _Wanted(command, settings)
    if refusal := wanted.refusal():
        return Outcome(state="refused", note=refusal)
    await wanted.read(writer.client, gid)
    problems: list[dict[str, Any]] = []
    if wanted.add:
        problems += await writer.send(queries.ADD_TAGS, {"id": gid, "tags": wanted.add})
    if wanted.remove:
        problems += await writer.send(queries.REMOVE_TAGS, {"id": gid, "tags": wanted.remove})
    keys = iter(sorted(wanted.values))
    while some := list(islice(keys, _AT_ONCE)):
        fields = [{"ownerId": gid, "namespace": wanted.namespace, "key": k} for k in some]
        filled = [
            {**f, "type": settings.metafield_type(f["key"]), "value": wanted.values[f["key"]]}
            for f in fields
            if wanted.values[f["key"]]
        ]
        emptied = [f for f in fields if not wanted.values[f["key"]]]
        if filled:
            problems += await writer.send(queries.SET_METAFIELDS, {"metafields": filled})
        if emptied:
            problems += await writer.send(queries.DELETE_METAFIELDS, {"metafields": emptied})
    if problems:
        return writer.refusal([p["message"] for p in problems])
    return Outcome(state="done", note="" if writer.changed else "it was so already")


async def is_annotated(client: ShopifyClient, gid: str, command: AnnotateOrder, settings: ShopifySettings) -> Sighting:
    """Whether the order's tags and metafields are so."""
    wanted = _Wanted(command, settings)
    await wanted.read(client, gid)
    return Sighting(seen=wanted.met())
