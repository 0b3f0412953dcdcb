"""What is read of a draft that waits for an approval, and what cannot be."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from caseconnect.models import Money
from caseconnect.sdk.deliveries import Delivery, Parsed
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.events import ApprovalRequested
from caseconnect.sdk.subjects import Subject
from caseconnect_shopify.deliveries import parse

AT = datetime(2026, 11, 2, tzinfo=UTC)
LINE = {"sku": "MUG", "quantity": 2, "amount": "20.00", "currencyCode": "EUR"}
BODY = {
    "id": "draft-7-abc",
    "order": {"id": "gid://shopify/Order/1001"},
    "draft": "7",
    "status": "OPEN",
    "createdAt": "2026-11-01T00:00:00Z",
    "updatedAt": "2026-11-01T01:00:00Z",
    "lines": [LINE, {**LINE, "sku": "CUP", "quantity": 1, "amount": "2.50"}],
}


def read(*, polled: bool = True, **changes: Any) -> Any:
    body = orjson.dumps({**BODY, **changes})
    return parse(Delivery("shop", "drafts/poll", "7@OPEN", AT, body, headers={}, polled=polled))


def test_a_draft_is_a_request_for_a_replacement_of_what_it_holds() -> None:
    parsed = read()
    assert isinstance(parsed, Parsed)
    (event,) = parsed.events
    assert isinstance(event, ApprovalRequested)
    assert (event.subject, event.item) == (
        Subject("shop", "order", "1001"),
        Subject("shop", "approval", "draft-7-abc"),
    )
    record = event.record
    assert record is not None
    assert (record.action, record.draft, record.status) == ("replacement", "7", None)
    assert record.amount == Money(amount=Decimal("42.50"), currency="EUR")
    assert record.lines == (("MUG", 2), ("CUP", 1))


@pytest.mark.parametrize(
    ("changes", "lines", "status"),
    [
        ({"status": "COMPLETED"}, 2, "completed"),
        ({"status": "INVOICE_SENT"}, 2, None),
        ({"lines": [LINE, {**LINE, "sku": ""}]}, 0, None),
        ({"lines": []}, 0, None),
    ],
)
def test_goods_without_an_sku_are_not_told_and_a_completed_draft_says_so(changes: Any, lines: int, status: Any) -> None:
    record = read(**changes).events[0].record
    assert (len(record.lines), record.status) == (lines, status)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"order": {"id": None}}, "names no order"),
        ({"more": 1}, "not one of ours"),
        ({"draft": "x"}, "cannot be read"),
        ({"lines": [{**LINE, "amount": "much"}]}, "cannot be read"),
        ({"lines": [LINE, {**LINE, "currencyCode": "USD"}]}, "cannot be read"),
        ({"lines": [{}]}, "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_told_without_quoting_it(changes: Any, says: str) -> None:
    with pytest.raises(PermanentError, match=says):
        read(**changes)


def test_no_webhook_has_such_a_body() -> None:
    with pytest.raises(PermanentError, match="no webhook"):
        read(polled=False)
