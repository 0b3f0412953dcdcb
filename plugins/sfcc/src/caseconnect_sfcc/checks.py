"""`connect check --live`: each token, and one harmless call of each kind that the source makes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Final

from caseconnect.sdk.components import Check
from caseconnect.sdk.errors import AuthError, PermanentError

from .changes import Stream, streams
from .client import CUSTOMERS, ORDERS, PRODUCTS, Json, SfccClient
from .config import SfccSettings
from .config_objects import ObjectSettings
from .faults import Refused

SCOPES: Final = {
    ORDERS.scope: "orders",
    CUSTOMERS.scope: "profiles, and earlier orders by telephone number",
    PRODUCTS.scope: "products and whether they are on sale",
}
"""Scopes of SCAPI that reading needs, and what for."""

Step = tuple[str, Callable[[], Awaitable[str]]]
"""A step's name, and what it does; it answers a note."""

_ONE: Final = {"query": {"match_all_query": {}}, "select": "(**)", "count": 1}


async def run(client: SfccClient, settings: SfccSettings) -> tuple[Check, ...]:
    """The steps. What stands before them (no connection, refused credentials) is raised as an error."""
    return tuple([await step(name, work) for name, work in _steps(client, settings)])


async def step(name: str, work: Callable[[], Awaitable[str]]) -> Check:
    """One step: fine, or refused with the platform's words and what to do."""
    try:
        note = await work()
    except PermanentError as error:
        return Check(step=name, ok=False, note=str(error))
    return Check(step=name, ok=True, note=note)


def _steps(client: SfccClient, settings: SfccSettings) -> Iterator[Step]:
    for scope, use in SCOPES.items():
        yield f"SCAPI scope {scope}", partial(_token, client, scope, use)
    yield "OCAPI token", partial(_ocapi, client)
    for site in settings.sites:
        yield f"orders of {site} (SCAPI)", partial(_orders, client, site)
        yield f"order_search on {site} (OCAPI Shop)", partial(_search, client, settings, site)
        list_id = settings.customer_list(site)
        yield f"customer list {list_id} (SCAPI)", partial(_customers, client, list_id)
    yield "uploaded files (WebDAV)", partial(_files, client, settings)
    yield "attributes of orders (OCAPI Data)", partial(_order_attributes, client, settings)
    seen: set[str] = set()
    for stream in streams(settings):
        if stream.object is not None and stream.kind not in seen:
            seen.add(stream.kind)
            yield f"custom objects {stream.object.type} (OCAPI Data)", partial(_objects, client, stream)


async def _token(client: SfccClient, scope: str, use: str) -> str:
    await client.tokens.scope(scope).get()
    return use


async def _ocapi(client: SfccClient) -> str:
    await client.tokens.data.get()
    if client.tokens.shop is not client.tokens.data:
        await client.tokens.shop.get()
        return "of the client, and of the Business Manager user"
    return ""


async def _orders(client: SfccClient, site: str) -> str:
    answer = await client.scapi(ORDERS, "GET", "/orders", site=site, query={"limit": "1"})
    found = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise PermanentError("the answer is no list of orders")
    return "" if found else "none yet"


async def _search(client: SfccClient, settings: SfccSettings, site: str) -> str:
    hits, total = await client.order_search(site, _ONE)
    if hits and settings.read_notes:
        await client.notes(site, str(hits[0]["order_no"]))
    return f"{total} orders" + (", notes can be read" if hits and settings.read_notes else "")


async def _customers(client: SfccClient, list_id: str) -> str:
    await client.customer_search(list_id, {"query": {"matchAllQuery": {}}, "limit": 1})
    return ""


async def _files(client: SfccClient, settings: SfccSettings) -> str:
    try:
        await client.file(f"Impex/{settings.files.folder}/none")
    except AuthError as error:
        why = f"allow the client of `ocapi` to read /impex in Business Manager > WebDAV Client Permissions ({error})"
        raise PermanentError(why) from None
    except Refused as refused:
        if refused.status != 404:
            raise
    return ""


async def _order_attributes(client: SfccClient, settings: SfccSettings) -> str:
    names, risk = settings.orders, settings.risk
    wanted = {*names.shown, *names.tags, names.hold, *names.holds, names.refunded, *risk.levels, *risk.facts} - {""}
    missing = sorted(wanted - set(await client.attributes("system", "Order")))
    return f"not defined, so never seen: {', '.join(missing)}" if missing else ""


async def _objects(client: SfccClient, stream: Stream) -> str:
    found = stream.object
    if found is None:
        return ""
    _, total = await client.custom_object_search(found.type, _ONE)
    defined: dict[str, Json] = await client.attributes("custom", found.type)
    needed = {found.order_number, found.status} - {""}
    if lacking := sorted(needed - set(defined)):
        raise PermanentError(f"the type lacks the attributes {', '.join(lacking)}: import the cartridge's metadata")
    missing = sorted(attributes_of(found) - set(defined))
    return f"{total} objects" + (f"; not defined, so never seen: {', '.join(missing)}" if missing else "")


def attributes_of(settings: ObjectSettings) -> set[str]:
    """The attributes that the settings of a type name."""
    held: dict[str, Any] = settings.model_dump(exclude={"type", "scope"})
    return {value for value in held.values() if isinstance(value, str) and value}
