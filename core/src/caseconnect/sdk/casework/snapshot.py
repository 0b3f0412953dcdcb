"""The order as it was when it was decided on, as a JSON document for the case."""

from __future__ import annotations

import re
from typing import Any

import orjson
from pydantic import BaseModel

from caseconnect.models import Customer, Document, Order, OrderHistory, Record, personal_fields


def snapshot(
    order: Order | None,
    customer: Customer | None = None,
    history: OrderHistory | None = None,
    item: Record | None = None,
    *,
    personal: bool,
) -> Document:
    """JSON of what was read; without `personal`, no field that is marked as personal data. Same facts, same bytes."""
    content = {
        "order": None if order is None else _plain(order, personal),
        "customer": None if customer is None else _plain(customer, personal),
        "order_history": None if history is None else _plain(history, personal),
        "personal_data": personal,
    }
    if item is not None:
        content["item"] = _plain(item, personal)
    return Document(
        name=f"{_name(order)}.json",
        media_type="application/json",
        content=orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS),
    )


def _name(order: Order | None) -> str:
    if order is None:
        return "request"
    name = re.sub(r"[^A-Za-z0-9._-]+", "", order.number).lstrip("._-") or re.sub(r"[^A-Za-z0-9]+", "", order.id)
    return f"order-{name[:100]}"


def _plain(value: Any, personal: bool) -> Any:
    if isinstance(value, BaseModel):
        hidden = frozenset() if personal else personal_fields(type(value))
        dumped = value.model_dump(mode="json")
        return {
            name: _plain(kept, personal) if _holds_records(kept) else dumped[name]
            for name in type(value).model_fields
            if name not in hidden
            for kept in (getattr(value, name),)
        }
    return [_plain(item, personal) for item in value]


def _holds_records(value: Any) -> bool:
    return isinstance(value, BaseModel) or (isinstance(value, tuple) and any(isinstance(v, BaseModel) for v in value))
