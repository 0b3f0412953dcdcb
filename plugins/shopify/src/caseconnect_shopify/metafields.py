"""Metafields of orders and customers in the connection's namespace, with compare-and-set.

`compareDigest` (Admin API, from 2024-07) names the value that was read; null: there must be none yet. So a change
that somebody else made meanwhile, or a request of ours that lands late, overwrites nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from caseconnect.sdk.errors import TransientError, UnknownOutcome
from caseconnect_shopify import sink_queries as queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.parts import nodes
from caseconnect_shopify.reading import absent
from caseconnect_shopify.writing import Writer

TEXT: Final = "multi_line_text_field"
_AT_ONCE: Final = 25
_STALE: Final = frozenset({"STALE_OBJECT", "INVALID_COMPARE_DIGEST"})
_OWNERS: Final = {"Order": "ORDER", "Customer": "CUSTOMER"}


@dataclass(frozen=True)
class Found:
    """A metafield as it is; `value` None: there is none, and `type` is what its definition, if any, wants."""

    value: str | None
    type: str | None
    digest: str | None


@dataclass(frozen=True)
class Wanted:
    """A metafield as it should be: an empty value deletes it. `digest` is that of the value that was read."""

    value: str
    type: str
    digest: str | None


class Metafields:
    """The metafields of one namespace."""

    def __init__(self, client: ShopifyClient, namespace: str) -> None:
        self._client, self._namespace = client, namespace

    async def read(self, owner: str, keys: Collection[str]) -> dict[str, Found]:
        """Those of an order or customer, by key; all `keys` are in the answer."""
        return fields_of(await self.look(owner, with_metafields=True), keys)

    async def look(self, owner: str, *, with_metafields: bool) -> dict[str, Any]:
        """Tags, and perhaps metafields with their definitions, as Shopify's JSON."""
        kind = owner.split("/")[3]
        variables: dict[str, Any] = {
            "id": owner,
            "namespace": self._namespace,
            "owner": _OWNERS[kind],
            "withMetafields": with_metafields,
        }
        fields: list[Any] = []
        while True:
            data = await self._client.run(queries.ANNOTATIONS, variables)
            if not data["node"]:
                raise absent(kind.lower(), owner)
            page = data["node"].get("metafields") or {}
            fields += nodes(page)
            if not page.get("pageInfo", {}).get("hasNextPage"):
                break
            variables = {**variables, "after": page["pageInfo"]["endCursor"]}
        return {**data["node"], "metafields": fields, "definitions": data.get("metafieldDefinitions")}

    async def write(self, writer: Writer, owner: str, wanted: Mapping[str, Wanted]) -> list[dict[str, Any]]:
        """Set and delete. User errors are given back, except those that mean: somebody was faster."""
        problems: list[dict[str, Any]] = []
        keys = iter(sorted(wanted))
        while some := list(islice(keys, _AT_ONCE)):
            where = [{"ownerId": owner, "namespace": self._namespace, "key": k} for k in some]
            filled = [
                {**w, "type": x.type, "value": x.value, "compareDigest": x.digest}
                for w in where
                if (x := wanted[w["key"]]).value
            ]
            emptied = [w for w in where if not wanted[w["key"]].value]
            if filled:
                problems += await writer.send(queries.SET_METAFIELDS, {"metafields": filled})
                _raise_if_stale(problems, changed=writer.changed)
            if emptied:
                problems += await writer.send(queries.DELETE_METAFIELDS, {"metafields": emptied})
        return problems


def fields_of(node: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Found]:
    """The metafields in what `Metafields.look` answered, and an empty one for each key that is not there."""
    types = {d["key"]: d["type"]["name"] for d in nodes(node.get("definitions"))}
    found = {key: Found(None, types.get(key), None) for key in keys}
    for m in nodes(node.get("metafields")):
        found[m["key"]] = Found(m["value"], m["type"], m["compareDigest"])
    return found


def _raise_if_stale(problems: Iterable[Mapping[str, Any]], *, changed: bool) -> None:
    if not any(p.get("code") in _STALE for p in problems):
        return
    text = "somebody changed the same metafield just now"
    raise UnknownOutcome(f"a part was done, then: {text}") if changed else TransientError(text, retry_after=2.0)
