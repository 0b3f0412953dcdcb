"""Requests for approval that staff make in the admin: a tag on the order, and a metafield that says what is asked for;
or a draft order that is left open.

Anyone who may edit orders can write them, so who asks is not known: a name in the metafield is not believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import reduce
from hashlib import sha256
from typing import Any, Final

import orjson
from pydantic import ValidationError

from caseconnect.models import ApprovalRequest, Money
from caseconnect.sdk.deliveries import Polled
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.order_names import OrderName, plain
from caseconnect_shopify.changes import order_named, page_of, quoted
from caseconnect_shopify.client import Operation, ShopifyClient
from caseconnect_shopify.config import AskingSettings
from caseconnect_shopify.parts import Json, moment, number_of

ASKED: Final = Operation(
    "ConnectAskedOfOrders",
    """query ConnectAskedOfOrders($ids: [ID!]!, $namespace: String!, $key: String!) {
  nodes(ids: $ids) { ... on Order { id tags metafield(namespace: $namespace, key: $key) { value updatedAt } } }
}""",
    cost=50,
)

KIND: Final = "approvals/poll"
"""Kind of the items. No webhook has such a body: Shopify signs bodies, not topics."""

DRAFTS: Final = Operation(
    "ConnectAskedByDrafts",
    """query ConnectAskedByDrafts($first: Int!, $after: String, $search: String!) {
  draftOrders(first: $first, after: $after, query: $search) {
    nodes {
      id status updatedAt createdAt tags customAttributes { key value }
      lineItems(first: 20) {
        nodes { sku quantity originalUnitPriceSet { presentmentMoney { amount currencyCode } } }
        pageInfo { hasNextPage }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}""",
    cost=420,
)

DRAFT: Final = "drafts/poll"
"""Kind of the items of drafts; no webhook has such a body either."""

_DRAFTS_AT_ONCE: Final = 10
_DRAFT_KEYS: Final = frozenset({"id", "order", "draft", "status", "createdAt", "updatedAt", "lines"})
_AT_ONCE: Final = 25
_KEYS: Final = frozenset({"id", "order", "value", "updatedAt"})
_TAKEN: Final = ("action", "lines", "reason", "text")
_LONGEST: Final = 10_000


async def requests(client: ShopifyClient, asking: AskingSettings, orders: Sequence[Json]) -> list[Polled]:
    """What is asked for on these orders; nothing while the setting names no tag."""
    if not asking.tag:
        return []
    namespace, _, key = asking.metafield.partition(".")
    ids, found = [order["id"] for order in orders], []
    for at in range(0, len(ids), _AT_ONCE):
        asked = {"ids": ids[at : at + _AT_ONCE], "namespace": namespace, "key": key}
        for order in (await client.run(ASKED, asked))["nodes"] or ():
            tags = {tag.casefold() for tag in (order or {}).get("tags") or ()}
            if asking.tag.casefold() in tags and order.get("metafield"):
                found.append(_item(order["id"], order["metafield"]))
    return found


async def drafts(client: ShopifyClient, asking: AskingSettings, since: str) -> list[Polled]:
    """Draft orders that wait for an approval and changed since; nothing while the setting names no tag."""
    if not asking.draft_tag:
        return []
    search, after = f"tag:{quoted(asking.draft_tag)} updated_at:>='{since}'", None
    items: list[Polled] = []
    while True:
        found, after = await page_of(client, DRAFTS, first=_DRAFTS_AT_ONCE, after=after, search=search)
        tagged = [d for d in found if asking.draft_tag.casefold() in {tag.casefold() for tag in d["tags"]}]
        items += [await _draft(client, asking, draft) for draft in tagged]
        if after is None:
            return items


async def _draft(client: ShopifyClient, asking: AskingSettings, draft: Json) -> Polled:
    said = {each["key"]: each["value"] for each in draft["customAttributes"]}
    number = plain(said.get(asking.draft_for) or "")
    order = await order_named(client, OrderName(number)) if number else None
    held = draft["lineItems"]
    whole = not held["pageInfo"]["hasNextPage"]
    lines = [
        {"sku": n.get("sku") or "", "quantity": n["quantity"], **n["originalUnitPriceSet"]["presentmentMoney"]}
        for n in held["nodes"]
    ]
    known = orjson.dumps([order, lines], option=orjson.OPT_SORT_KEYS)
    name = f"draft-{number_of(draft['id'])}-{sha256(known).hexdigest()[:12]}"
    body = {
        "id": name,
        "order": {"id": order},
        "draft": number_of(draft["id"]),
        "status": draft["status"],
        "createdAt": draft["createdAt"],
        "updatedAt": draft["updatedAt"],
        "lines": lines if whole else [],
    }
    return Polled(
        kind=DRAFT, id=name, version=str(draft["status"]), body=orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    )


def draft_of(body: Json) -> ApprovalRequest:
    """The request of a draft. The same goods for the same order are one request; others are another.

    `PermanentError` tells what is wrong, and quotes nothing.
    """
    if set(body) != _DRAFT_KEYS:
        raise PermanentError(f"{DRAFT}: the body is not one of ours")
    order = (body["order"] or {}).get("id")
    if order is None:
        raise PermanentError(f"{DRAFT}: the draft names no order, or none that is found: see `approvals.draft_for`")
    try:
        sums = [Money(amount=Decimal(n["amount"]) * n["quantity"], currency=n["currencyCode"]) for n in body["lines"]]
        skus = [(n["sku"], n["quantity"]) for n in body["lines"]]
        return ApprovalRequest(
            id=body["id"],
            order_id=number_of(order),
            action="replacement",
            amount=reduce(lambda one, other: one + other, sums) if sums else None,
            # Goods without an SKU cannot be told again when the draft is completed, so nothing of it can be approved.
            lines=tuple(skus) if all(sku for sku, _ in skus) else (),
            draft=number_of(body["draft"]),
            status="completed" if body["status"] == "COMPLETED" else None,
            created_at=moment(body["createdAt"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise PermanentError(f"{DRAFT}: the draft cannot be read ({type(error).__name__})") from None


def _item(order: str, metafield: Json) -> Polled:
    value = metafield["value"]
    digest = sha256(value.encode()).hexdigest()[:12]
    body = {"id": f"{number_of(order)}-{digest}", "order": {"id": order}, "value": value}
    body["updatedAt"] = metafield["updatedAt"]
    return Polled(kind=KIND, id=body["id"], version=digest, body=orjson.dumps(body, option=orjson.OPT_SORT_KEYS))


def request_of(body: Json) -> ApprovalRequest:
    """The request in an item's body. The same words on the same order are one request; others are another.

    `PermanentError` tells what is wrong, and quotes nothing.
    """
    if set(body) != _KEYS:
        raise PermanentError(f"{KIND}: the body is not one of ours")
    try:
        said = orjson.loads(body["value"][:_LONGEST])
        fields: dict[str, Any] = {name: said[name] for name in _TAKEN if said.get(name) is not None}
        if said.get("amount") is not None:
            fields["amount"] = Money.model_validate({"amount": said["amount"], "currency": said["currency"]})
        fields["lines"] = tuple((line["sku"], line["quantity"]) for line in fields.pop("lines", ()))
        return ApprovalRequest.model_validate(
            {
                **fields,
                "id": body["id"],
                "order_id": number_of(body["order"]["id"]),
                "created_at": moment(body["updatedAt"]),
            }
        )
    except ValidationError as error:
        where = ", ".join(sorted({".".join(map(str, e["loc"])) for e in error.errors(include_input=False)}))
        raise PermanentError(f"{KIND}: the metafield asks for nothing that is understood ({where})") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PermanentError(
            f"{KIND}: the metafield is not JSON with action, and amount with currency or lines of sku and quantity"
            f" ({type(error).__name__})"
        ) from None
