"""History by bulk operation (Admin API 2026-10; the same since 2026-01): an export at Shopify, then its file.

The file is JSONL; what hangs on an order has a line of its own with `__parentId`, anywhere after its order's. It is
taken a piece at a time, so that memory does not grow with the shop, and the cursor says where the next piece begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from caseconnect.sdk.addresses import checked_url
from caseconnect.sdk.deliveries import Page, Polled
from caseconnect.sdk.errors import PermanentError, TransientError
from caseconnect.sdk.http import Response
from caseconnect.sdk.resources import Resources
from caseconnect_shopify import changes, checks
from caseconnect_shopify.client import Operation, ShopifyClient
from caseconnect_shopify.writing import Writer

RUN: Final = Operation(
    "ConnectExport",
    """mutation ConnectExport($query: String!) {
  bulkOperationRunQuery(query: $query) { bulkOperation { id } userErrors { field message code } }
}""",
    mutation=True,
)

STATE: Final = Operation(
    "ConnectExportState",
    "query ConnectExportState($id: ID!) { bulkOperation(id: $id) { status errorCode url objectCount } }",
    cost=1,
)

COUNT: Final = Operation(
    "ConnectExportCount",
    "query ConnectExportCount($search: String) { ordersCount(query: $search, limit: null) { count } }",
)

PIECE: Final = 1024 * 1024
"""Bytes of the file in one page; an order's line has about two hundred."""

_RETURNS: Final = "returns { edges { node { id status order { updatedAt } } } }"
_EXPORT: Final = """{
  orders(query: "updated_at:>='SINCE'") {
    edges { node { id legacyResourceId name updatedAt returnStatus disputes { id status } RETURNS } }
  }
}"""
_BUSY: Final = frozenset({"LIMIT_REACHED", "OPERATION_IN_PROGRESS"})
_GOES_ON: Final = frozenset({"CREATED", "RUNNING"})


@dataclass(frozen=True)
class _Place:
    """Which export, and how many bytes of its file have been given out."""

    operation: str
    offset: int = 0

    def dump(self) -> str:
        return orjson.dumps(asdict(self)).decode()


def is_place(cursor: str) -> bool:
    """Whether a cursor is a place in an export."""
    return cursor.startswith('{"operation"')


async def expected(client: ShopifyClient, since: datetime) -> int:
    """How many orders changed since; their returns and disputes come beside them."""
    counted = (await client.run(COUNT, {"search": f"updated_at:>='{_text(since)}'"}))["ordersCount"]
    return int((counted or {}).get("count") or 0)


async def page(client: ShopifyClient, resources: Resources, since: datetime, cursor: str | None) -> Page:
    """The next page; an empty one with `more` while Shopify is still at work on the export."""
    if cursor is None:
        return Page(items=(), cursor=_Place(await _start(client, since)).dump(), more=True)
    place = _read(cursor)
    state = (await client.run(STATE, {"id": place.operation}))["bulkOperation"]
    if not state:
        raise PermanentError("Shopify does not know the export any more: begin the backfill anew")
    if state["status"] in _GOES_ON:
        return Page(items=(), cursor=cursor, more=True)
    if state["status"] != "COMPLETED":
        code = f", {state['errorCode']}" if state.get("errorCode") else ""
        raise PermanentError(f"Shopify ended the export as {state['status']}{code}: begin the backfill anew")
    if not state.get("url"):
        if int(state.get("objectCount") or 0) == 0:
            return Page(items=(), cursor=cursor, more=False)
        raise PermanentError("Shopify keeps an export for seven days, and they are over: begin the backfill anew")
    lines, end, more = await _piece(resources, state["url"], place.offset)
    return Page(items=tuple(_items(lines)), cursor=_Place(place.operation, end).dump(), more=more)


async def _start(client: ShopifyClient, since: datetime) -> str:
    _, granted = await checks.installation(client)
    returns = _RETURNS if granted & {"read_returns", "write_returns"} else ""
    text = _EXPORT.replace("SINCE", _text(since)).replace("RETURNS", returns)
    problems, payload = await Writer(client).ask(RUN, {"query": text})
    if any(p.get("code") in _BUSY for p in problems):
        raise TransientError("other exports of this app are running in this shop; five may", retry_after=60)
    if problems or not payload.get("bulkOperation"):
        why = "; ".join(p["message"] for p in problems) or "no reason is given"
        raise PermanentError(f"Shopify refuses the export: {why}")
    return str(payload["bulkOperation"]["id"])


def _text(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read(cursor: str) -> _Place:
    try:
        return _Place(**orjson.loads(cursor))
    except (TypeError, ValueError):
        raise PermanentError("the kept place of the backfill cannot be read: begin it anew") from None


async def _piece(resources: Resources, url: str, offset: int) -> tuple[list[bytes], int, bool]:
    """The whole lines of the next piece, where they end, and whether there are more."""
    parts = urlsplit(url)
    origin = checked_url(f"{parts.scheme}://{parts.netloc}", "the address of the export")
    http = resources.once(
        ("shopify export", origin),
        lambda: resources.http(origin, deadline=120.0, public=origin.startswith("https:")),
    )
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    wanted = {"range": f"bytes={offset}-{offset + PIECE - 1}", "accept-encoding": "identity"}
    # It has a signature of its own, and is another host: neither our token nor our account's pace belong there.
    response = await http.request("GET", path, headers=wanted, cost=0)
    if response.status == 416:
        return [], offset, False
    body, size = _content(response, offset)
    ends = offset + len(body) >= size
    whole = len(body) if ends else body.rfind(b"\n") + 1
    if not whole and not ends:
        raise PermanentError(f"a line of the export is longer than {PIECE} bytes")
    return body[:whole].splitlines(), offset + whole, not ends


def _content(response: Response, offset: int) -> tuple[bytes, int]:
    """What was sent from `offset` on, and the size of the whole file."""
    if response.status == 200:  # a server that knows no ranges sends all of it
        return response.body[offset:], len(response.body)
    total = response.headers.get("content-range", "").rpartition("/")[2]
    if response.status == 206 and total.isdecimal():
        return response.body, int(total)
    raise TransientError(f"the file of the export cannot be had (HTTP {response.status})")


def _items(lines: Iterable[bytes]) -> Iterable[Polled]:
    for raw in lines:
        if raw.strip():
            yield from _of_line(raw)


def _of_line(raw: bytes) -> Iterable[Polled]:
    try:
        line: dict[str, Any] = orjson.loads(raw)
        parent = line.pop("__parentId", None)
        if parent is None:
            return [changes.order_item(line), *changes.dispute_items(line)]
        return [changes.return_item(line, parent, line["order"]["updatedAt"])]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PermanentError(f"a line of the export cannot be read ({type(error).__name__})") from None
