from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from caseconnect.models import Money, Order
from caseconnect_shopify.mapping import captured, fulfillment_status, order_of, payment_status, summary_of
from caseconnect_shopify.parts import (
    address_of,
    fulfillment_order_of,
    line_of,
    moment,
    number_of,
    payment_of,
    refund_of,
    risk_of,
    shipment_of,
)

BIG = "820982911946154508"  # beyond 2^53: a double would round it to ...500


def money(amount: str, currency: str = "EUR") -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": currency}}


def bare_order(**more: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Order/{BIG}",
        "legacyResourceId": BIG,
        "name": "#1001",
        "createdAt": "2026-11-01T10:00:00Z",
        "updatedAt": "2026-11-01T11:00:00Z",
        "currentTotalPriceSet": money("414.95"),
        **more,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-08T02:34:17Z", datetime(2026, 5, 8, 2, 34, 17, tzinfo=UTC)),
        ("2021-12-31T19:00:00-05:00", datetime(2022, 1, 1, 0, 0, tzinfo=UTC)),
        ("2024-08-03T18:28:37.234647458Z", datetime(2024, 8, 3, 18, 28, 37, 234647, tzinfo=UTC)),
        ("2019-01-01 00:00:00.000Z", datetime(2019, 1, 1, tzinfo=UTC)),
    ],
)
def test_times(text: str, expected: datetime) -> None:
    assert moment(text) == expected


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "example string", ""])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the text says
        moment(text)


@pytest.mark.parametrize(
    ("gid", "number"),
    [
        (f"gid://shopify/Order/{BIG}", BIG),
        ("gid://shopify/CalculatedOrder/12?x=1", "12"),
        ("17", "17"),
    ],
)
def test_ids_are_text_and_whole(gid: str, number: str) -> None:
    assert number_of(gid) == number


@pytest.mark.parametrize("gid", ["https://www.example.com/", "gid://shopify/Order/", "gid://shopify/Job/ab-cd", "١٢"])
def test_what_is_no_number(gid: str) -> None:
    with pytest.raises(ValueError, match="number"):
        number_of(gid)


def test_an_order_with_nothing_personal_and_nothing_optional() -> None:
    order = order_of(bare_order())
    assert order.id == BIG
    assert order.total == Money(amount=Decimal("414.95"), currency="EUR")
    assert (order.email, order.customer_id, order.billing_address, order.captured) == (None, None, None, None)
    assert (order.payment_status, order.fulfillment_status, order.risk.level) == ("unknown", "unknown", "none")
    assert order.addresses_match is None


@pytest.mark.parametrize("field", ["name", "createdAt", "updatedAt", "currentTotalPriceSet"])
def test_an_order_without_its_essentials_is_not_guessed(field: str) -> None:
    node = bare_order()
    del node[field]
    with pytest.raises(KeyError):
        order_of(node)


def test_a_full_order() -> None:
    address = {"name": "A B", "address1": "Main St 1", "city": "Bonn", "zip": "53111", "countryCodeV2": "DE"}
    node = bare_order(
        cancelledAt="2026-11-02T00:00:00Z",
        cancelReason="FRAUD",
        sourceName="shopify_draft_order",
        displayFinancialStatus="PARTIALLY_REFUNDED",
        displayFulfillmentStatus="PARTIALLY_FULFILLED",
        currentTotalPriceSet={
            **money("414.95"),
            "presentmentMoney": {"amount": "60000.0", "currencyCode": "JPY"},
        },
        totalReceivedSet=money("414.95"),
        totalRefundedSet=money("14.9"),
        email="a@example.com",
        customer={"id": "gid://shopify/Customer/7", "displayName": "A B"},
        billingAddress=address,
        shippingAddress=address,
        billingAddressMatchesShippingAddress=True,
        tags=["b", "a"],
        test=True,
    )
    order = order_of(node, "https://admin.example/1")
    assert order.cancel_reason == "fraud"
    assert order.channel == "draft"
    assert order.presentment_total == Money(amount=Decimal(60000), currency="JPY")
    assert order.captured == Money(amount=Decimal("400.05"), currency="EUR")
    assert (order.payment_status, order.fulfillment_status) == ("partially_refunded", "partially_fulfilled")
    assert (order.customer_id, order.customer_name) == ("7", "A B")
    assert order.addresses_match is True
    assert order.tags == ("b", "a")
    assert order.test
    assert order.admin_url == "https://admin.example/1"
    assert Order.model_validate_json(order.model_dump_json()) == order
    assert "a@example.com" not in repr(order)


@pytest.mark.parametrize(
    ("received", "refunded", "expected"),
    [("20.0", "0.0", "20"), ("20.00", "20.0", "0"), ("0.0", "0.0", "0")],
)
def test_captured_money(received: str, refunded: str, expected: str) -> None:
    found = captured({"totalReceivedSet": money(received), "totalRefundedSet": money(refunded)})
    assert found is not None
    assert found.amount == Decimal(expected)


@pytest.mark.parametrize(
    ("shopify", "ours"),
    [("AUTHORIZED", "authorized"), ("VOIDED", "voided"), ("BRAND_NEW", "unknown"), (None, "unknown")],
)
def test_payment_status(shopify: str | None, ours: str) -> None:
    assert payment_status(shopify) == ours


@pytest.mark.parametrize(
    ("shopify", "ours"),
    [
        ("UNFULFILLED", "unfulfilled"),
        ("IN_PROGRESS", "unfulfilled"),
        ("ON_HOLD", "on_hold"),
        ("FULFILLED", "fulfilled"),
        ("BRAND_NEW", "unknown"),
        (None, "unknown"),
    ],
)
def test_fulfillment_status(shopify: str | None, ours: str) -> None:
    assert fulfillment_status(shopify) == ours


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([], "none"),
        (["LOW"], "low"),
        (["LOW", "HIGH", "MEDIUM"], "high"),
        (["NONE", "PENDING", "LOW"], "pending"),
        (["BRAND_NEW", "LOW"], "unknown"),
        ([None], "none"),
    ],
)
def test_the_worst_risk_counts(levels: list[str | None], expected: str) -> None:
    assessments: list[dict[str, Any]] = [{"riskLevel": level, "provider": None, "facts": []} for level in levels]
    assert risk_of({"recommendation": "NONE", "assessments": assessments}).level == expected


def test_risk_tells_who_said_it_and_why() -> None:
    risk = risk_of(
        {
            "recommendation": "INVESTIGATE",
            "assessments": [
                {"riskLevel": "LOW", "provider": None, "facts": [{"description": "fine", "sentiment": "POSITIVE"}]},
                {
                    "riskLevel": "HIGH",
                    "provider": {"title": "Watch"},
                    "facts": [
                        {"description": "proxy", "sentiment": "NEGATIVE"},
                        {"description": "x", "sentiment": "NEW"},
                    ],
                },
            ],
        }
    )
    assert (risk.level, risk.recommendation, risk.provider) == ("high", "investigate", "Watch")
    assert [(f.description, f.sentiment) for f in risk.facts] == [
        ("fine", "positive"),
        ("proxy", "negative"),
        ("x", "neutral"),
    ]
    assert risk_of({"recommendation": "SOMETHING", "assessments": [{"riskLevel": "LOW"}]}).provider == "Shopify"


@pytest.mark.parametrize(
    ("summary", "expected"),
    [("NO_ISSUES", "ok"), ("WARNING", "warning"), ("ERROR", "error"), ("NEW", None), (None, None)],
)
def test_address_validation(summary: str | None, expected: str | None) -> None:
    address = address_of({"city": "Bonn", "countryCodeV2": "DE", "province": "NRW", "validationResultSummary": summary})
    assert address is not None
    assert (address.validation, address.country, address.province) == (expected, "DE", "NRW")


def test_a_redacted_address_keeps_its_country() -> None:
    address = address_of({"countryCodeV2": "DE", "provinceCode": None, "name": None})
    assert address is not None
    assert (address.country, address.name, address.line1) == ("DE", None, None)
    assert address_of(None) is None


@pytest.mark.parametrize(
    ("kind", "status", "ours"),
    [
        ("AUTHORIZATION", "SUCCESS", ("authorization", "success")),
        ("EMV_AUTHORIZATION", "AWAITING_RESPONSE", ("authorization", "pending")),
        ("SALE", "FAILURE", ("sale", "failure")),
        ("SUGGESTED_REFUND", "UNKNOWN", ("other", "unknown")),
        ("BRAND_NEW", "BRAND_NEW", ("other", "unknown")),
    ],
)
def test_payments(kind: str, status: str, ours: tuple[str, str]) -> None:
    payment = payment_of(
        {
            "id": f"gid://shopify/OrderTransaction/{BIG}",
            "kind": kind,
            "status": status,
            "createdAt": "2026-11-01T10:00:00Z",
            "amountSet": money("10.0"),
            "errorCode": "CARD_DECLINED",
            "parentTransaction": {"id": "gid://shopify/OrderTransaction/3"},
            "paymentDetails": {"number": "•••• •••• •••• 4242", "company": "Visa", "avsResultCode": "N"},
        }
    )
    assert (payment.kind, payment.status) == ours
    assert (payment.id, payment.error_code, payment.parent_id) == (BIG, "card_declined", "3")
    assert (payment.card_last_digits, payment.card_brand, payment.avs_result, payment.cvv_result) == (
        "4242",
        "Visa",
        "N",
        None,
    )
    assert "4242" not in repr(payment)


def test_a_payment_that_is_not_by_card() -> None:
    node = {"id": "gid://shopify/OrderTransaction/1", "kind": "SALE", "status": "SUCCESS", "amountSet": money("1.0")}
    payment = payment_of({**node, "createdAt": "2026-11-01T10:00:00Z", "paymentDetails": {}})
    assert (payment.card_last_digits, payment.parent_id, payment.error_code) == (None, None, None)


def test_a_line_without_product() -> None:
    line = line_of({"id": "gid://shopify/LineItem/5", "title": "Mug", "quantity": 2, "product": None, "sku": ""})
    assert (line.id, line.quantity, line.sku, line.product_id, line.unit_price) == ("5", 2, None, None, None)


def test_a_refund_whose_time_of_making_is_withheld() -> None:
    refund = refund_of(
        {
            "id": "gid://shopify/Refund/9",
            "createdAt": None,
            "processedAt": "2026-11-01T10:00:00Z",
            "totalRefundedSet": money("5.5"),
        }
    )
    assert refund.created_at == datetime(2026, 11, 1, 10, tzinfo=UTC)


def test_fulfillment_orders_and_their_holds() -> None:
    found = fulfillment_order_of(
        {
            "id": "gid://shopify/FulfillmentOrder/1",
            "status": "ON_HOLD",
            "lineItems": {"nodes": [{"remainingQuantity": 2}, {"remainingQuantity": 1}]},
            "fulfillmentHolds": [
                {
                    "id": "gid://shopify/FulfillmentHold/1",
                    "reason": "OTHER",
                    "handle": "",
                    "heldByRequestingApp": False,
                },
                {"id": "gid://shopify/FulfillmentHold/2", "reason": "X", "handle": "c-1", "heldByRequestingApp": True},
            ],
        }
    )
    assert (found.status, found.remaining_quantity) == ("on_hold", 3)
    assert [(h.id, h.handle, h.ours) for h in found.holds] == [("1", None, False), ("2", "c-1", True)]
    assert fulfillment_order_of({"id": "gid://shopify/FulfillmentOrder/1", "status": "NEW"}).status == "unknown"


@pytest.mark.parametrize(
    ("statuses", "preorder"), [([], False), (["OPEN"], False), (["CLOSED", "SCHEDULED"], True), (["ON_HOLD"], False)]
)
def test_a_part_that_waits_for_its_day_makes_a_pre_order(statuses: list[str], preorder: bool) -> None:
    parts = [{"id": f"gid://shopify/FulfillmentOrder/{n}", "status": status} for n, status in enumerate(statuses)]
    assert order_of(bare_order(fulfillmentOrders={"nodes": parts})).preorder is preorder


def test_shipments_in_the_order_of_their_events() -> None:
    shipment = shipment_of(
        {
            "id": "gid://shopify/Fulfillment/1",
            "status": "SUCCESS",
            "displayStatus": "DELAYED",
            "createdAt": "2026-11-01T10:00:00Z",
            "trackingInfo": [
                {"company": None, "number": "1Z"},
                {"company": "UPS", "number": None, "url": "https://u/1"},
            ],
            "events": {
                "nodes": [
                    {"status": "DELAYED", "happenedAt": "2026-11-03T10:00:00Z"},
                    {"status": "IN_TRANSIT", "happenedAt": "2026-11-02T10:00:00Z", "message": "left"},
                ]
            },
        }
    )
    assert (shipment.status, shipment.carrier) == ("delayed", "UPS")
    assert (shipment.tracking_numbers, shipment.tracking_urls) == (("1Z",), ("https://u/1",))
    assert [e.status for e in shipment.events] == ["in_transit", "delayed"]


def test_an_order_of_the_history() -> None:
    summary = summary_of(
        bare_order(
            risk={"assessments": [{"riskLevel": "MEDIUM"}]},
            shippingAddress={"address1": "Main St 1", "zip": "53111", "city": "Bonn", "countryCodeV2": "DE"},
            lineItems={
                "nodes": [
                    {"title": "Mug", "sku": "M-1", "quantity": 1},
                    {"title": "Cup", "variant": {"id": "gid://shopify/ProductVariant/3"}, "quantity": 2},
                    {"title": "Gift", "quantity": 1},
                ]
            },
        )
    )
    assert summary.items == (("3", 2), ("Gift", 1), ("M-1", 1))
    assert summary.ship_to == "Main St 1, 53111 Bonn, DE"
    assert summary.risk_level == "medium"
