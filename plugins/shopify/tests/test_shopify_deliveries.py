from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from caseconnect.sdk.deliveries import Delivery, Ignored, Parsed
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.events import ConnectionEnded, CustomerChanged, DisputeChanged, PrivacyRequested, ReturnChanged
from caseconnect_shopify import topics
from caseconnect_shopify.deliveries import parse

RECEIVED = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SHOP = "demo-shop.myshopify.com"
BIG = 820982911946154508
SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "samples" / "shopify"


def delivery(topic: str, body: Any, **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery("shop", topic, "d-1", RECEIVED, raw, {k.replace("_", "-"): v for k, v in headers.items()})


def names(parsed: Parsed | Ignored) -> list[str]:
    assert isinstance(parsed, Parsed)
    (event,) = parsed.events
    return [str(event.subject), *map(str, event.refs)]


@pytest.mark.parametrize(
    ("topic", "body", "expected"),
    [
        ("orders/create", {"id": BIG}, [f"shop/order/{BIG}"]),
        ("orders/updated", {"id": 123, "admin_graphql_api_id": "https://www.example.com/"}, ["shop/order/123"]),
        ("ORDERS/Paid", {"id": "123"}, ["shop/order/123"]),
        ("orders/edited", {"order_edit": {"id": 5, "order_id": BIG}}, [f"shop/order/{BIG}"]),
        ("orders/risk_assessment_changed", {"order_id": str(BIG)}, [f"shop/order/{BIG}"]),
        (
            "orders/risk_assessment_changed",
            {"order_id": None, "admin_graphql_api_order_id": "gid://shopify/Order/7"},
            ["shop/order/7"],
        ),
        ("order_transactions/create", {"id": 1, "order_id": 2}, ["shop/order/2"]),
        ("fulfillments/update", {"id": 1, "order_id": 2}, ["shop/order/2"]),
        ("fulfillment_events/create", {"id": 1, "fulfillment_id": 3, "order_id": 2}, ["shop/order/2"]),
        ("refunds/create", {"id": 1, "order_id": 2}, ["shop/order/2"]),
        ("disputes/create", {"id": 9, "order_id": 2}, ["shop/order/2", "shop/dispute/9"]),
        ("disputes/update", {"id": 9, "order_id": None}, ["shop/dispute/9"]),
        ("draft_orders/update", {"id": 9, "order_id": 2}, ["shop/order/2"]),
        ("customers/update", {"id": BIG}, [f"shop/customer/{BIG}"]),
        ("customer.tags_added", {"customerId": "gid://shopify/Customer/1", "tags": ["vip"]}, ["shop/customer/1"]),
        ("customers/purchasing_summary", {"customerId": "gid://shopify/Customer/1"}, ["shop/customer/1"]),
        (
            "customers/merge",
            {
                "admin_graphql_api_customer_kept_id": "gid://shopify/Customer/1",
                "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/2",
                "status": "completed",
            },
            ["shop/customer/1", "shop/customer/2"],
        ),
        ("app/uninstalled", {"id": 548380009, "domain": None, "myshopify_domain": SHOP}, ["shop/shop/548380009"]),
        ("app/uninstalled", {"myshopify_domain": SHOP}, ["shop/shop/this"]),
        (
            "fulfillment_orders/of_a_later_version",
            {"x": "gid://shopify/FulfillmentOrder/1"},
            ["shop/fulfillment_order/1"],
        ),
        ("returns/of_a_later_version", {"id": 8, "order_id": 2}, ["shop/order/2", "shop/return/8"]),
        (
            "fulfillment_orders/placed_on_hold",
            {
                "fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/1"},
                "remaining_fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/2"},
            },
            ["shop/fulfillment_order/1", "shop/fulfillment_order/2"],
        ),
        (
            "fulfillment_orders/merged",
            {"fulfillment_order_merges": [{"fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/3"}}]},
            ["shop/fulfillment_order/3"],
        ),
        (
            "fulfillment_holds/added",
            {
                "fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/1"},
                "fulfillment_hold": {"id": "gid://shopify/FulfillmentHold/4"},
            },
            ["shop/fulfillment_order/1"],
        ),
        (
            "returns/request",
            {"id": 8, "admin_graphql_api_id": "gid://shopify/Return/8", "order": {"id": BIG}},
            [f"shop/order/{BIG}", "shop/return/8"],
        ),
        ("returns/close", {"id": 8, "order_id": 2}, ["shop/order/2", "shop/return/8"]),
        ("returns/update", {"admin_graphql_api_id": "gid://shopify/Return/8"}, ["shop/return/8"]),
        ("orders/poll", {"id": "gid://shopify/Order/7", "updatedAt": "2026-11-20T11:00:00Z"}, ["shop/order/7"]),
        (
            "returns/poll",
            {"id": "gid://shopify/Return/8", "order": {"id": "gid://shopify/Order/7"}},
            ["shop/order/7", "shop/return/8"],
        ),
        (
            "disputes/poll",
            {"id": "gid://shopify/OrderDisputeSummary/9", "order": {"id": "gid://shopify/Order/7"}},
            ["shop/order/7", "shop/dispute/9"],
        ),
        ("customers/poll", {"id": "gid://shopify/Customer/1"}, ["shop/customer/1"]),
    ],
)
def test_what_a_body_is_about(topic: str, body: Any, expected: list[str]) -> None:
    assert names(parse(delivery(topic, body))) == expected


@pytest.mark.parametrize(
    ("topic", "says"),
    [
        ("customers/delete", "deleted"),
        ("customer.joined_segment", "segments"),
        ("customers_whats_app_marketing_consent/update", "consents"),
        ("draft_orders/delete", "draft"),
        ("bulk_operations/finish", "backfill"),
        ("products/update", "products"),
        ("orders/delete", "deleted"),
        ("nonsense/made_up", "not a topic that this version knows"),
        ("", "not a topic that this version knows"),
    ],
)
def test_what_no_flow_uses_is_ignored_with_a_reason(topic: str, says: str) -> None:
    found = parse(delivery(topic, b"not even json"))
    assert isinstance(found, Ignored)
    assert says in found.reason


@pytest.mark.parametrize(
    ("topic", "body", "says"),
    [
        ("orders/risk_assessment_changed", {"risk_level": "medium", "order_id": None}, "names no order"),
        ("draft_orders/create", {"id": 5, "order_id": None}, "no order yet"),
        (
            "customers/merge",
            {"admin_graphql_api_customer_kept_id": "gid://shopify/Customer/1", "status": "failed"},
            "not merged",
        ),
    ],
)
def test_what_leads_to_nothing_is_ignored_with_a_reason(topic: str, body: Any, says: str) -> None:
    found = parse(delivery(topic, body))
    assert isinstance(found, Ignored)
    assert says in found.reason


def event_of(topic: str, body: Any) -> Any:
    found = parse(delivery(topic, body))
    assert isinstance(found, Parsed)
    return found.events[0]


def test_returns_and_disputes_are_items_of_their_order() -> None:
    asked = event_of("returns/request", {"id": 8, "order": {"id": 2}, "status": "requested"})
    assert isinstance(asked, ReturnChanged)
    assert (str(asked.item), str(asked.subject), asked.hint) == ("shop/return/8", "shop/order/2", "returns/request")
    alone = event_of("disputes/create", {"id": 9, "order_id": None})
    assert isinstance(alone, DisputeChanged)
    assert alone.item == alone.subject
    assert alone.told() is None  # what it is now is read when it is needed


def test_a_merged_customer_keeps_the_old_name() -> None:
    merged = event_of("customers/update", {"id": 1})
    assert isinstance(merged, CustomerChanged)
    assert merged.refs == ()


def test_the_end_of_a_connection() -> None:
    ended = event_of("app/uninstalled", {"id": 5, "myshopify_domain": SHOP})
    assert isinstance(ended, ConnectionEnded)
    assert ended.hint == "app/uninstalled"


@pytest.mark.parametrize(
    ("topic", "body", "action", "customer", "orders"),
    [
        (
            "customers/data_request",
            {
                "customer": {"id": 191167, "email": "j@shopper.example", "phone": None},
                "orders_requested": [299938, BIG],
                "data_request": {"id": 9999},
                "shop_domain": SHOP,
            },
            "access",
            "191167",
            ("299938", str(BIG)),
        ),
        (
            "customers/redact",
            {"customer": {"id": 191167, "email": "j@shopper.example"}, "orders_to_redact": [], "shop_domain": SHOP},
            "erase",
            "191167",
            (),
        ),
        ("shop/redact", {"shop_id": 954889, "shop_domain": SHOP}, "erase", None, ()),
    ],
)
def test_privacy_requests(topic: str, body: Any, action: str, customer: str | None, orders: tuple[str, ...]) -> None:
    asked = event_of(topic, body)
    assert isinstance(asked, PrivacyRequested)
    record = asked.record
    assert (record.action, record.customer_id, record.order_ids) == (action, customer, orders)
    assert record.email == (body.get("customer") or {}).get("email")
    # No refs: an order that is named here must not become another name of the customer.
    assert asked.refs == ()
    assert str(asked.subject) == (f"shop/customer/{customer}" if customer else "shop/shop/954889")
    assert "shopper.example" not in repr(asked)


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("shop/redact", {"id": 820982911946154508, "shop_id": 1, "shop_domain": SHOP}),
        ("shop/redact", {"id": 820982911946154508}),
        ("shop/redact", {"shop_id": 1, "shop_domain": "other.myshopify.com"}),
        ("customers/redact", {"id": 1, "customer": {"id": 777}}),
        ("customers/redact", {"shop_domain": SHOP, "customer": {"id": 777}}),
        ("customers/redact", {"shop_domain": "other.myshopify.com", "customer": {"id": 7}, "orders_to_redact": []}),
        ("customers/data_request", {"shop_domain": SHOP, "customer": {"id": 777}, "orders_to_redact": []}),
        ("app/uninstalled", {}),
        ("app/uninstalled", {"id": 1, "myshopify_domain": "other.myshopify.com"}),
    ],
)
def test_another_body_under_a_topic_that_erases_or_ends_is_parked(topic: str, body: Any) -> None:
    with pytest.raises(PermanentError, match=topic):
        parse(delivery(topic, body), SHOP)


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("returns/request", {"order": {"id": 2}}),
        ("disputes/create", {"order_id": 2}),
        ("customers/update", {}),
        ("customers/redact", {"shop_id": 1, "customer": "somebody"}),
        ("customers/redact", {"customer": {"id": 1}, "orders_to_redact": [{"id": 2}]}),
        ("customers/data_request", {"customer": {"id": "x"}}),
    ],
)
def test_what_names_nothing_is_parked(topic: str, body: Any) -> None:
    with pytest.raises(PermanentError, match=topic):
        parse(delivery(topic, body))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b'{"id": 1', "not JSON"),
        (b'{"id": "\xff"}', "not JSON"),
        (b"[" * 5000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{}", "names neither"),
        (b'{"id": null}', "names neither"),
        (b'{"id": 1.5}', "not one of Shopify's"),
        (b'{"id": 99999999999999999999999}', "not one of Shopify's"),
        (b'{"id": true}', "not one of Shopify's"),
        (b'{"id": -4}', "not one of Shopify's"),
        (b'{"id": {"a": 1}}', "not one of Shopify's"),
        (b'{"id": "https://www.example.com/"}', "not one of Shopify's"),
    ],
)
def test_what_cannot_be_read_is_said(body: bytes, says: str) -> None:
    with pytest.raises(PermanentError, match=says) as caught:
        parse(delivery("orders/create", body))
    assert "orders/create" in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (
            {"X_Shopify_Triggered_At": "2026-11-20T11:59:58.234647458Z"},
            {"updated_at": "2021-12-31T19:00:00-05:00"},
            datetime(2026, 11, 20, 11, 59, 58, 234647, tzinfo=UTC),
        ),
        ({}, {"updated_at": "2021-12-31T19:00:00-05:00"}, datetime(2022, 1, 1, tzinfo=UTC)),
        (
            {"x_shopify_triggered_at": "soon"},
            {"created_at": "2021-12-31T19:00:00-05:00"},
            datetime(2022, 1, 1, tzinfo=UTC),
        ),
        ({"x_shopify_triggered_at": "2099-01-01T00:00:00Z"}, {}, RECEIVED),
        ({}, {"updated_at": "example string"}, RECEIVED),
    ],
)
def test_when_it_happened(headers: dict[str, str], body: dict[str, Any], expected: datetime) -> None:
    parsed = parse(delivery("orders/updated", {"id": 1, **body}, **headers))
    assert isinstance(parsed, Parsed)
    assert parsed.events[0].time == expected


def test_the_event_says_what_made_us_look() -> None:
    for topic, hint in (("orders/create", "orders/create"), ("orders/poll", "poll")):
        parsed = parse(delivery(topic, {"id": 1}))
        assert isinstance(parsed, Parsed)
        (event,) = parsed.events
        assert event.type == "OrderChanged"
        assert event.model_dump()["hint"] == hint
        assert event.source == "shop"


def test_every_official_topic_is_known() -> None:
    from importlib import resources

    text = (resources.files("caseconnect_shopify.simulator") / "schema" / "admin_2026_10.graphql").read_text()
    line = next(line for line in text.splitlines() if line.startswith("enum WebhookSubscriptionTopic"))
    used = {topics.enum_of(t) for t in topics.LISTED}
    unused = {topics.enum_of(t) for t in topics.EXACT}
    prefixes = tuple(f"{p.upper()}_" for p in topics.PREFIXES)
    official = line.partition("{")[2].rstrip(" }").split()
    assert len(official) > 200
    assert [t for t in official if t not in used | unused and not t.startswith(prefixes)] == []
    assert used <= set(official)
    assert not used & unused
    assert [t for t in topics.TOPICS if not topics.TOPICS[t].listed and topics.enum_of(t) in official] == []


def sample_files() -> list[Any]:
    found = sorted(SAMPLES.rglob("*.json")) if SAMPLES.is_dir() else []
    return [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in found]


def topics_of(path: Path) -> list[str]:
    known = [*topics.TOPICS, *topics.EXACT]
    if path.parent.name.startswith("documented"):
        stem = path.stem
        resource = next((r for r in sorted(_RESOURCES, key=len, reverse=True) if stem.startswith(f"{r}_")), None)
        return [f"{resource}/{stem[len(resource) + 1 :]}" if resource else stem]
    resource = next((r for r in sorted(_RESOURCES, key=len, reverse=True) if f"{r}_" in path.stem), "orders")
    return [t for t in known if t.startswith(f"{resource}/")] or [f"{resource}/update"]


_RESOURCES = {t.split("/")[0] for t in [*topics.TOPICS, *topics.EXACT] if "/" in t}


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the folder of real bodies is not beside this checkout")
@pytest.mark.parametrize("path", sample_files())
def test_samples(path: Path) -> None:
    for topic in topics_of(path):
        try:
            found = parse(delivery(topic, path.read_bytes()))
        except PermanentError as error:
            assert str(error)  # noqa: PT017 - parked is one of the three good ends
        else:
            assert isinstance(found, Parsed) or found.reason
            assert not isinstance(found, Ignored) or "not a topic" not in found.reason
