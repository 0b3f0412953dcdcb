"""A client of B2C Commerce: SCAPI Admin and OCAPI (Data, Shop), and files over WebDAV. It knows no canonical model.

`scapi` and `ocapi` send one request and repeat nothing but one refused with 401; what is built on them here reads,
and `client_writes.py` writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import quote

import orjson

from caseconnect.sdk.errors import AuthError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.http import Http, Response
from caseconnect.sdk.texts import leaves
from caseconnect.sdk.tokens import TokenCache

from .auth import Tokens
from .faults import Asked, judge, told

Json = dict[str, Any]
"""A JSON object."""

WINDOW: Final = 10_000
"""Hits beyond this number cannot be reached by paging, in either API family (sfcc.md §3, §5)."""


@dataclass(frozen=True)
class Api:
    """One API of SCAPI Admin: where it is, and its scope for reading; the one for writing ends in `.rw`."""

    path: str
    scope: str


ORDERS: Final = Api("checkout/orders", "sfcc.orders")
CUSTOMERS: Final = Api("customer/customers", "sfcc.customerlists")
PRODUCTS: Final = Api("product/products", "sfcc.products")
GIFT_CERTIFICATES: Final = Api("pricing/gift-certificates", "sfcc.gift-certificates")
REPLICATIONS: Final = Api("operation/replications", "sfcc.granular-replications")


def part(text: str | int) -> str:
    """A segment of a path. Refuses what would change which resource is meant."""
    value = str(text)
    if not value or value in {".", ".."} or any(ord(c) < 32 for c in value):
        raise PermanentError("this is no id that an address can hold: it is empty, a dot or has control characters")
    return quote(value, safe="")


class SfccClient:
    """One instance of B2C Commerce. Safe to share between tasks."""

    def __init__(
        self,
        *,
        scapi: Http,
        ocapi: Http,
        tokens: Tokens,
        organization_id: str,
        version: str,
        now: Callable[[], datetime],
    ) -> None:
        self.tokens, self.organization_id, self.version = tokens, organization_id, version
        self._scapi, self._ocapi, self._now = scapi, ocapi, now

    async def scapi(
        self,
        api: Api,
        method: str,
        path: str,
        *,
        site: str = "",
        query: Mapping[str, str] | None = None,
        body: Any = None,
        reads: bool | None = None,
    ) -> Any:
        """One request to SCAPI Admin; `path` is below the organization. Its JSON, None where there is none.

        `reads` (default: GET): it changes nothing, so that a lost answer is a `TransientError` and the read scope does.
        """
        safe = method == "GET" if reads is None else reads
        asked = {**({"siteId": site} if site else {}), **(query or {})}
        address = f"/{api.path}/v1/organizations/{self.organization_id}{path}"
        token = self.tokens.scope(api.scope if safe else f"{api.scope}.rw")
        return _json(*await self._call(self._scapi, token, method, address, asked, body, safe))

    async def ocapi(
        self,
        family: Literal["data", "shop"],
        method: str,
        path: str,
        *,
        site: str = "",
        query: Mapping[str, str] | None = None,
        body: Any = None,
        reads: bool | None = None,
    ) -> Any:
        """One request to OCAPI; `path` is below the version, `site` is for the Shop API. Its JSON or None.

        A PUT goes out as POST with the override header: staging and production take no other (sfcc.md §0.6).
        """
        safe = method == "GET" if reads is None else reads
        where = part(site) if family == "shop" else "-"
        address = f"/s/{where}/dw/{family}/{self.version}{path}"
        token = self.tokens.shop if family == "shop" else self.tokens.data
        return _json(*await self._call(self._ocapi, token, method, address, dict(query or {}), body, safe))

    async def file(self, path: str) -> Response:
        """A file over WebDAV; `path` is below Sites/, such as Impex/src/caseconnect/RefArch/R-1/photo.jpg."""
        address = "/on/demandware.servlet/webdav/Sites/" + "/".join(part(each) for each in path.split("/"))
        return (await self._call(self._ocapi, self.tokens.data, "GET", address, {}, None, True))[0]

    async def order(self, site: str, order_no: str) -> Json:
        """An order (SCAPI Orders 1.5), whatever its status."""
        return _object(await self.scapi(ORDERS, "GET", f"/orders/{part(order_no)}", site=site), "order", "orderNo")

    async def order_search(self, site: str, request: Mapping[str, Any]) -> tuple[list[Json], int]:
        """The orders that an `order_search` of OCAPI Shop finds, and the number of all hits."""
        answer = await self.ocapi("shop", "POST", "/order_search", site=site, body=request, reads=True)
        hits, total = _found(answer, "order_search")
        return [_object(hit.get("data"), "order_search", "order_no") for hit in hits], total

    async def notes(self, site: str, order_no: str) -> list[Json]:
        """The notes of an order (OCAPI Shop; SCAPI has none), in the order in which they are kept."""
        answer = await self.ocapi("shop", "GET", f"/orders/{part(order_no)}/notes", site=site)
        return _objects(_object(answer, "notes").get("notes"), "notes")

    async def customer(self, list_id: str, customer_no: str) -> Json:
        """A customer of a list (SCAPI Customers 1.1)."""
        path = f"/customer-lists/{part(list_id)}/customers/{part(customer_no)}"
        return _object(await self.scapi(CUSTOMERS, "GET", path), "customer", "customerNo")

    async def customer_search(self, list_id: str, request: Mapping[str, Any]) -> list[Json]:
        """The customers of a list that a search finds; it knows neither times nor what changed."""
        path = f"/customer-lists/{part(list_id)}/customer-search"
        hits, _ = _found(await self.scapi(CUSTOMERS, "POST", path, body=request, reads=True), "customer-search")
        return [_object(hit.get("data"), "customer-search", "customerNo") for hit in hits]

    async def product(self, product_id: str, site: str = "") -> Json:
        """A product (SCAPI Products 1.2); with a site, `online` is what that site shows."""
        return _object(await self.scapi(PRODUCTS, "GET", f"/products/{part(product_id)}", site=site), "product", "id")

    async def product_search(self, request: Mapping[str, Any]) -> tuple[list[Json], int]:
        """The products that a search finds (SCAPI Products 1.2), and the number of all hits."""
        hits, total = _found(await self.scapi(PRODUCTS, "POST", "/product-search", body=request, reads=True), "search")
        return [_object(each, "product-search", "id") for each in hits], total

    async def custom_object(self, object_type: str, key: str, site: str = "") -> Json:
        """A custom object (OCAPI Data); without a site, one of the organization."""
        path = f"{_scope(site)}/custom_objects/{part(object_type)}/{part(key)}"
        return _object(await self.ocapi("data", "GET", path), "custom_object", "object_type")

    async def custom_object_search(self, object_type: str, request: Mapping[str, Any]) -> tuple[list[Json], int]:
        """The custom objects of a type that a search finds, over all sites, and the number of all hits."""
        path = f"/custom_objects_search/{part(object_type)}"
        return _found(await self.ocapi("data", "POST", path, body=request, reads=True), "custom_objects_search")

    async def attributes(self, family: Literal["system", "custom"], object_type: str) -> dict[str, Json]:
        """The attribute definitions of an object type (OCAPI Data), by id."""
        found: dict[str, Json] = {}
        path = f"/{family}_object_definitions/{part(object_type)}/attribute_definitions"
        while True:
            query = {"start": str(len(found)), "count": "200", "select": "(**)"}
            answer = _object(await self.ocapi("data", "GET", path, query=query), "attribute_definitions")
            page = _objects(answer.get("data"), "attribute_definitions")
            known = len(found)
            found |= {str(each.get("id")): each for each in page}
            if len(found) == known or len(found) >= int(answer.get("total") or 0):
                return found

    async def content(self, library: str, content_id: str) -> Json:
        """A content asset (OCAPI Data)."""
        path = f"/libraries/{part(library)}/content/{part(content_id)}"
        return _object(await self.ocapi("data", "GET", path), "content", "id")

    async def _call(
        self,
        http: Http,
        cache: TokenCache,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Any,
        reads: bool,
    ) -> tuple[Response, Asked]:
        asked = Asked(f"{method} {path}", reads, (*leaves(body), *leaves(query)))
        sent, headers = method, {"accept": "application/json"}
        if method == "PUT" and http is self._ocapi:
            sent, headers["x-dw-http-method-override"] = "POST", "PUT"
        words = ""
        for _ in range(2):
            token = await cache.get()
            headers["authorization"] = f"Bearer {token}"
            try:
                response = await http.request(sent, path, headers=headers, query=query or None, json=body, safe=reads)
            except UnknownOutcome as error:
                raise TransientError(str(error)) if reads else error from error
            if "sfdc_load_status" in response.headers:
                # The instance says WARN (80 %) or THROTTLE (90 %): no more bursts until it is silent again.
                http.pace.observe(0.0)
            if response.status != 401:
                break
            # Refused before anything was done: the one repeat outside the journal, with a new token.
            cache.drop(token)
            words = " ".join(each for each in told(response, asked.sent) if each)
        else:
            raise AuthError(f"{asked.what}: HTTP 401 also with a new token" + (f": {words}" if words else ""))
        if failure := judge(response, asked, self._now()):
            raise failure
        return response, asked


def _json(response: Response, asked: Asked) -> Any:
    if not response.body.strip():
        if asked.reads:
            raise TransientError(f"{asked.what}: HTTP {response.status} without a body")
        return None
    try:
        return orjson.loads(response.body)
    except orjson.JSONDecodeError:
        kind = response.headers.get("content-type", "no content type")
        text = f"{asked.what}: HTTP {response.status}: expected JSON, got {len(response.body)} bytes of {kind}"
        raise TransientError(text) if asked.reads else UnknownOutcome(text) from None


def _scope(site: str) -> str:
    return f"/sites/{part(site)}" if site else ""


def _object(data: Any, what: str, key: str = "") -> Json:
    if not isinstance(data, dict) or (key and key not in data):
        raise TransientError(f"{what}: the answer is no such document")
    return data


def _objects(data: Any, what: str) -> list[Json]:
    if data is None:
        return []
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise TransientError(f"{what}: the answer is no list of documents")
    return data


def _found(data: Any, what: str) -> tuple[list[Json], int]:
    total = _object(data, what).get("total")
    if not isinstance(total, int):
        raise TransientError(f"{what}: the answer is no search result")
    return _objects(data.get("hits"), what), total
