"""Requests for approval that staff make in the admin: a tag on the order, and a metafield that says what is asked for.

Anyone who may edit orders can write them, so who asks is not known: a name in the metafield is not believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import orjson
from pydantic import ValidationError

from caseconnect.models import ApprovalRequest, Money
from caseconnect.sdk.deliveries import Polled
from caseconnect.sdk.errors import PermanentError
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
