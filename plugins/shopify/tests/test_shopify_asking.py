from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from caseconnect.models import Money
from caseconnect.sdk.deliveries import Delivery, Parsed
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.events import ApprovalRequested
from caseconnect_shopify.asking import KIND, request_of
from caseconnect_shopify.deliveries import parse

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def body(value: Any, **more: Any) -> dict[str, Any]:
    """An item as the poll makes it."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    made = {"id": "7-abc", "order": {"id": "gid://shopify/Order/7"}, "value": text, "updatedAt": "2026-11-02T08:00:00Z"}
    return {**made, **more}


def test_a_request_is_of_its_order_and_names_nobody_who_asks() -> None:
    asked = {"action": "refund", "amount": "12.50", "currency": "USD", "reason": "late", "requested_by": "boss"}
    delivery = Delivery("shop", KIND, "x", NOW, orjson.dumps(body(asked)), polled=True)
    found = parse(delivery)
    assert isinstance(found, Parsed)
    (event,) = found.events
    assert isinstance(event, ApprovalRequested)
    assert (str(event.subject), str(event.item)) == ("shop/order/7", "shop/approval/7-abc")
    record = event.record
    assert record is not None
    assert record.amount == Money.model_validate({"amount": "12.50", "currency": "USD"})
    assert (record.reason, record.requested_by, record.order_id) == ("late", None, "7")
    with pytest.raises(PermanentError, match="no webhook is of this topic"):
        parse(replace(delivery, polled=False))


def test_a_request_for_goods() -> None:
    asked = {"action": "replacement", "lines": [{"sku": "MUG", "quantity": 2}]}
    assert request_of(body(asked)).lines == (("MUG", 2),)


@pytest.mark.parametrize(
    "wrong",
    [
        body("please refund jane@example.com"),
        body([]),
        body({"action": "gift jane@example.com"}),
        body({"amount": "5"}),
        body({"action": "refund", "amount": "5"}),
        body({"action": "refund", "amount": "much", "currency": "USD"}),
        body({"action": "refund", "lines": [{"sku": "MUG"}]}),
        body({"action": "refund"}, namespace="custom"),
    ],
)
def test_what_is_not_understood_is_told_without_quoting_it(wrong: Any) -> None:
    with pytest.raises(PermanentError) as told:
        request_of(wrong)
    assert "jane" not in str(told.value)
