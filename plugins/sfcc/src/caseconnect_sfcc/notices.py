"""Notices: a localized attribute of a product, and a content asset that checkout shows."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from caseconnect.sdk.commands import RemoveNotice, ShowNotice
from caseconnect.sdk.components import Outcome, Sighting

from .client import PRODUCTS, Json, SfccClient, part
from .publishing import publish, publishing
from .writing import Attempt, Desk, found, named, writable

Texts = dict[str, str]
"""Text by the platform's locale, such as de_CH; `default` for every other."""


class _Notice:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def _page(self, command: ShowNotice | RemoveNotice) -> _ProductPage | _Checkout:
        if command.place == "product":
            return _ProductPage(self.desk, named(command, "product").id)
        return _Checkout(self.desk, named(command, "site").id)


class Show(_Notice):
    """ShowNotice."""

    async def before(self, command: ShowNotice) -> Json:
        """The notice that is there."""
        return await self._page(command).read(self.desk.editing)

    async def do(self, command: ShowNotice, key: str) -> Outcome:
        """Write it, then publish."""
        page, wanted = self._page(command), {"texts": _texts(command)}
        now = await page.read(self.desk.editing)
        outcome = await _bring(self.desk, page, now, wanted)
        return outcome.model_copy(update={"data": {**outcome.data, "before": now}})

    async def see(self, command: ShowNotice, key: str) -> Sighting:
        """Whether shoppers see it."""
        page = self._page(command)
        return await _seen(self.desk, page, {"texts": _texts(command)}, command)


class Remove(_Notice):
    """RemoveNotice: what was there before ours is there again; without knowing it, nothing is."""

    async def before(self, command: RemoveNotice) -> Json:
        """Nothing: removing is not undone."""
        return {}

    async def do(self, command: RemoveNotice, key: str) -> Outcome:
        """Write what was there, then publish."""
        page = self._page(command)
        return await _bring(self.desk, page, await page.read(self.desk.editing), _earlier(command))

    async def see(self, command: RemoveNotice, key: str) -> Sighting:
        """Whether it is as it was."""
        return await _seen(self.desk, self._page(command), _earlier(command), command)


class _ProductPage:
    """The notice of one product: an attribute of it."""

    def __init__(self, desk: Desk, product_id: str) -> None:
        self._id, self._name = product_id, f"c_{desk.settings.product_notice}"
        self.item: Json = {"product": {"productId": product_id}}

    async def read(self, client: SfccClient) -> Json:
        return {"texts": _plain((await client.product(self._id)).get(self._name))}

    async def write(self, client: SfccClient, now: Json, wanted: Json) -> None:
        body = {"id": self._id, self._name: _merged(now["texts"], wanted["texts"])}
        await client.scapi(PRODUCTS, "PATCH", f"/products/{part(self._id)}", body=body)


class _Checkout:
    """The notice at the checkout of one site: a content asset. One that was not there before is taken offline."""

    def __init__(self, desk: Desk, site: str) -> None:
        library = desk.settings.writing.libraries.get(site, site)
        self._id = desk.settings.writing.checkout_notice
        self._path = f"/libraries/{part(library)}/content/{part(self._id)}"
        self._library = library
        owner = {"type": "private", "siteId": site} if library == site else {"type": "shared", "libraryId": library}
        self.item: Json = {"contentAsset": {"contentId": self._id, **owner}}

    async def read(self, client: SfccClient) -> Json:
        asset = await found(client.content(self._library, self._id), "ContentNotFound")
        if asset is None:
            return {"texts": {}, "absent": True}
        body = asset.get("c_body")
        kept = {str(k): _source(v) for k, v in body.items()} if isinstance(body, Mapping) else {}
        shown = (asset.get("online") or {}).get("default") is True
        return {"texts": kept if shown else {}, "kept": kept}

    async def write(self, client: SfccClient, now: Json, wanted: Json) -> None:
        body: Json = {"online": {"default": bool(wanted["texts"])}}
        if wanted["texts"]:
            body["c_body"] = {
                locale: {"source": text} if text is not None else None
                for locale, text in _merged(now.get("kept", {}), wanted["texts"]).items()
            }
        if now.get("absent"):
            body["name"] = {"default": "Notice of a recall"}
        await client.ocapi("data", "PUT" if now.get("absent") else "PATCH", self._path, body=body)


async def _bring(desk: Desk, page: _ProductPage | _Checkout, now: Json, wanted: Json) -> Outcome:
    attempt = Attempt()
    if now["texts"] != wanted["texts"]:
        await attempt.write(page.write(desk.editing, now, wanted))
    elif desk.staging is None or (await page.read(desk.client))["texts"] == wanted["texts"]:
        return Outcome(state="done", note="it was so already")
    return await publish(desk, attempt, page.item)


async def _seen(
    desk: Desk, page: _ProductPage | _Checkout, wanted: Json, command: ShowNotice | RemoveNotice
) -> Sighting:
    if (await page.read(desk.client))["texts"] == wanted["texts"]:
        return Sighting(seen=True)
    return await publishing(desk, command.receipt.get("process"))


def _texts(command: ShowNotice) -> Texts:
    """The texts as they will be there: markup at checkout, plain on a product."""
    plain = {tag.replace("-", "_"): writable(text) for tag, text in command.texts.items()}
    return plain if command.place == "product" else {tag: f"<p>{escape(text)}</p>" for tag, text in plain.items()}


def _earlier(command: RemoveNotice) -> Json:
    before = command.receipt.get("before")
    texts = before.get("texts") if isinstance(before, Mapping) else None
    return {"texts": dict(texts) if isinstance(texts, Mapping) else {}}


def _merged(now: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str | None]:
    """What makes `wanted` of `now`, whether the platform merges by locale or replaces: the others are cleared."""
    return {**dict.fromkeys(now), **wanted}


def _plain(value: Any) -> Texts:
    if isinstance(value, Mapping):
        return {str(locale): str(text) for locale, text in value.items() if text}
    return {"default": value} if isinstance(value, str) and value else {}


def _source(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("source") or value.get("markup") or "")
    return str(value or "")
