"""A recall: products off sale on the connection's sites, and back as they were.

SCAPI Products 1.2: `onlineFlag` and `searchable` are maps with a key for each site, in one of two forms; the form is
copied from the product (sfcc.md §10). What was there is kept in an attribute of the product, written in the same PATCH
as the flags, so that the product itself tells how to restore it. A master's flag hides its variants. Connections to one
instance share the attribute: each keeps in it, and takes out of it, only what belongs to its own sites.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from caseconnect.sdk.commands import RestoreProduct, SuppressProduct
from caseconnect.sdk.components import Outcome, Sighting

from .client import PRODUCTS, Json, SfccClient, part
from .publishing import publish, publishing
from .writing import Attempt, Desk, attributes, named

_MAPS = ("onlineFlag", "searchable", "validFrom", "validTo")
_FORMS = ("{site}", "default@{site}")
_Flagged = dict[str, dict[str, bool | None]]
"""Flags by the name of their map and the key of their site. None: there was no value of its own."""


class _Flags:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._mark = f"c_{desk.settings.writing.recall}"

    def _keys(self, product: Json) -> list[str]:
        """The keys of the connection's sites, in the form that this product uses."""
        used = {key for name in _MAPS for key in product.get(name) or {}}
        form = self._desk.settings.writing.site_key
        if any(key.startswith("default@") for key in used):
            form = "default@{site}"
        elif used - {"default"}:
            form = "{site}"
        return [form.replace("{site}", site) for site in self._desk.settings.sites]

    def _own(self, product: Json) -> _Flagged:
        """What the mark keeps of the connection's sites, in whichever form."""
        forms = {each.replace("{site}", site) for each in _FORMS for site in self._desk.settings.sites}
        forms.update(self._keys(product))
        return _only(_kept(product.get(self._mark)), lambda _, key: key in forms)

    def _was(self, product: Json) -> _Flagged:
        """The flags of the connection's sites before our recall: the mark tells, else the product."""
        keys, names = self._keys(product), self._desk.settings.writing.suppress_by
        now: _Flagged = {name: {key: (product.get(name) or {}).get(key) for key in keys} for name in names}
        return _joined(now, self._own(product))

    def _is_off(self, product: Json) -> bool:
        was = self._was(product)
        off = all((product.get(name) or {}).get(key) is False for name, flags in was.items() for key in flags)
        return off and self._own(product) == was

    async def _patch(self, attempt: Attempt, product_id: str, body: Json) -> None:
        whole = {"id": product_id, **body}
        await attempt.write(self._desk.editing.scapi(PRODUCTS, "PATCH", f"/products/{part(product_id)}", body=whole))

    async def _clients(self, product_id: str) -> tuple[Json, Json]:
        """The product where it is edited and where it is sold."""
        edited = await self._desk.editing.product(product_id)
        return edited, edited if self._desk.staging is None else await _sold(self._desk.client, product_id)


class Suppress(_Flags):
    """SuppressProduct."""

    async def before(self, command: SuppressProduct) -> Json:
        """The flags of the connection's sites."""
        return dict(self._was(await self._desk.editing.product(named(command, "product").id)))

    async def do(self, command: SuppressProduct, key: str) -> Outcome:
        """Take the flags off and keep what they were, in one PATCH; then publish."""
        product_id, attempt = named(command, "product").id, Attempt()
        edited, sold = await self._clients(product_id)
        was = self._was(edited)
        data: Json = {"before": was}
        if self._is_off(edited) and self._is_off(sold):
            return Outcome(state="done", note="it was off sale already", data=data)
        if not self._is_off(edited):
            off = dict.fromkeys(self._keys(edited), False)
            mark = _mark_of(_joined(_kept(edited.get(self._mark)), was))
            body: Json = dict.fromkeys(self._desk.settings.writing.suppress_by, off)
            await self._patch(attempt, product_id, {**body, **attributes({self._desk.settings.writing.recall: mark})})
        found = await publish(self._desk, attempt, {"product": {"productId": product_id}})
        return found.model_copy(update={"data": {**found.data, **data}})

    async def see(self, command: SuppressProduct, key: str) -> Sighting:
        """Whether it is off sale where it is sold."""
        sold = await self._desk.client.product(named(command, "product").id)
        if self._is_off(sold):
            return Sighting(seen=True, data={"before": self._was(sold)})
        return await publishing(self._desk, command.receipt.get("process"))


class Restore(_Flags):
    """RestoreProduct: only flags that are still off are set back; what somebody switched on stays on."""

    async def before(self, command: RestoreProduct) -> Json:
        """Nothing: restoring is not undone."""
        return {}

    async def do(self, command: RestoreProduct, key: str) -> Outcome:
        """Set the flags back and forget what they were, in one PATCH; then publish."""
        product_id, attempt = named(command, "product").id, Attempt()
        edited, sold = await self._clients(product_id)
        was = _told(command) or self._own(edited) or self._own(sold)
        kept = _kept(edited.get(self._mark))
        if not _common(kept, was) and not _common(_kept(sold.get(self._mark)), was):
            return Outcome(state="done", note="there was no recall of ours")
        if _common(kept, was):
            body = {name: back for name, flags in was.items() if (back := _back(edited.get(name) or {}, flags))}
            mark = _mark_of(_without(kept, was))
            await self._patch(attempt, product_id, {**body, **attributes({self._desk.settings.writing.recall: mark})})
        return await publish(self._desk, attempt, {"product": {"productId": product_id}})

    async def see(self, command: RestoreProduct, key: str) -> Sighting:
        """Whether our mark is gone where it is sold."""
        sold = await self._desk.client.product(named(command, "product").id)
        if not _common(_kept(sold.get(self._mark)), _told(command) or self._own(sold)):
            return Sighting(seen=True)
        return await publishing(self._desk, command.receipt.get("process"))


def _back(now: Mapping[str, Any], was: Mapping[str, bool | None]) -> dict[str, bool]:
    """The flags that are still off, as they were. A key that was not there cannot go again: it gets the default."""
    wanted = {key: bool(now.get("default")) if value is None else value for key, value in was.items()}
    return {key: value for key, value in wanted.items() if value and now.get(key) is False}


async def _sold(client: SfccClient, product_id: str) -> Json:
    return await client.product(product_id)


def _told(command: RestoreProduct) -> _Flagged:
    """What the host knows of the time before; empty when it knows nothing."""
    return _kept(orjson.dumps(command.receipt.get("before") or None))


def _common(kept: _Flagged, own: _Flagged) -> _Flagged:
    return _only(kept, lambda name, key: key in own.get(name, {}))


def _without(kept: _Flagged, own: _Flagged) -> _Flagged:
    return _only(kept, lambda name, key: key not in own.get(name, {}))


def _only(kept: _Flagged, wanted: Callable[[str, str], bool]) -> _Flagged:
    found = {name: {key: was for key, was in flags.items() if wanted(name, key)} for name, flags in kept.items()}
    return {name: flags for name, flags in found.items() if flags}


def _joined(first: _Flagged, over: _Flagged) -> _Flagged:
    return first | {name: first.get(name, {}) | flags for name, flags in over.items()}


def _mark_of(flags: _Flagged) -> str:
    return orjson.dumps(flags).decode() if flags else ""


def _kept(value: Any) -> _Flagged:
    """What a mark holds; empty when it holds nothing that can be read."""
    try:
        found = orjson.loads(value) if isinstance(value, str | bytes) else None
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(found, Mapping) or not all(isinstance(flags, Mapping) for flags in found.values()):
        return {}
    return {str(name): dict(flags) for name, flags in found.items() if name in {"onlineFlag", "searchable"}}
