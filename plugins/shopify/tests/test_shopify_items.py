"""Returns, disputes, customers and products: read from the simulated shop, and from odd JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from caseconnect.models import Money
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.http import asgi_transport
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.items import dispute_of, return_of
from caseconnect_shopify.profiles import customer_of
from caseconnect_shopify.simulator import Shop, create_app, create_order
from caseconnect_shopify.simulator.world import catalogue, disputes, fulfilment, staff
from caseconnect_shopify.source import ShopifySource

LINES = [{"title": "Mug", "sku": "MUG", "price": "20.00", "quantity": 3}, {"title": "Tea", "price": "9.50"}]


@dataclass
class Stage:
    shop: Shop
    source: ShopifySource

    def shipped(self, **more: Any) -> Any:
        spec = {"lines": LINES, "payment": {"kind": "sale", "status": "success"}, "email": "zoe@shopper.example"}
        order = create_order(self.shop, {**spec, **more})
        fulfilment.fulfill(self.shop, order, {})
        return order

    def fetch(self, fact: str, number: int) -> Any:
        return asyncio.run(self.source.fetch(Need(fact=fact, subject=Subject("shop", fact, str(number)))))


@pytest.fixture
def make_stage(clock: Any, settings: ShopifySettings, make_resources: Callable[..., Resources]) -> Callable[..., Stage]:
    def make(**shop: Any) -> Stage:
        world = Shop(now=clock, **shop)
        return Stage(world, ShopifySource(settings, make_resources(asgi_transport(app=create_app([world])))))

    return make


def usd(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="USD")


def test_a_return_as_it_is_now(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    order = stage.shipped()
    asked = staff.ask_return(stage.shop, order, {"lines": {"MUG": 2}, "reason": "DEFECTIVE", "note": "it leaks"})
    found = stage.fetch("return", asked.id)
    assert (found.id, found.order_id, found.name, found.status) == (
        str(asked.id),
        str(order.id),
        "#1001-R1",
        "requested",
    )
    (line,) = found.lines
    assert (line.sku, line.title, line.quantity, line.note) == ("MUG", "Mug", 2, "it leaks")
    assert (line.line_id, line.reason) == (str(order.lines[0].id), "damaged-or-defective")
    assert (line.unit_price, found.value, found.refunded) == (usd("20"), usd("40"), None)
    assert found.requested_at == stage.shop.now()
    assert found.email == "zoe@shopper.example"
    assert found.proof_of_purchase is None
    assert str(order.id) in (found.admin_url or "")
    assert "zoe" not in repr(found)
    assert "leaks" not in repr(found)


@pytest.mark.parametrize(("step", "status"), [("approve", "open"), ("decline", "declined")])
def test_what_became_of_a_return(step: str, status: str, make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    asked = staff.ask_return(stage.shop, stage.shipped(), {})
    staff.decide_return(stage.shop, str(asked.id), step, {"reason": "FINAL_SALE"} if step == "decline" else {})
    found = stage.fetch("return", asked.id)
    assert found.status == status
    assert found.decline_reason == ("final_sale" if step == "decline" else None)


def test_a_return_of_many_lines_is_read_whole(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    order = stage.shipped(lines=[{"title": f"Mug {n}", "price": "1.00"} for n in range(45)])
    asked = staff.ask_return(stage.shop, order, {})
    found = stage.fetch("return", asked.id)
    assert [line.title for line in found.lines] == [f"Mug {n}" for n in range(45)]
    assert found.value == usd("45")


def test_a_return_without_the_scope_says_which(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(scopes="read_orders read_customers")
    asked = staff.ask_return(stage.shop, stage.shipped(), {})
    with pytest.raises(PermanentError, match="read_returns"):
        stage.fetch("return", asked.id)


def return_node(**more: Any) -> dict[str, Any]:
    return {"id": "gid://shopify/Return/8", **more}


def test_a_return_of_odd_json() -> None:
    def url(number: str) -> str:
        return f"https://shop.example/{number}"

    bare = return_of(return_node(), url)
    assert (bare.status, bare.lines, bare.value, bare.order_id, bare.admin_url) == ("unknown", (), None, None, None)
    unverified = {"quantity": 3, "unitPrice": {"amount": "0.333", "currencyCode": "EUR"}, "returnReasonNote": "old"}
    found = return_of(
        return_node(
            status="OF_A_LATER_VERSION",
            returnLineItems={"nodes": [unverified, None]},
            exchangeLineItems={"nodes": [{"id": "x"}]},
            order={"id": "gid://shopify/Order/820982911946154508", "name": None, "email": None},
        ),
        url,
    )
    assert (found.status, found.wish, found.order_id) == ("unknown", "exchange", "820982911946154508")
    assert found.value == Money(amount=Decimal("0.999"), currency="EUR")
    assert found.lines[0].note == "old"
    partly = return_of(return_node(returnLineItems={"nodes": [unverified, {"quantity": 1}]}), url)
    assert partly.value is None  # a sum without one of its parts would be too small


def test_a_dispute_as_it_is_now(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    order = stage.shipped()
    opened = disputes.open_(stage.shop, order, {})
    found = stage.fetch("dispute", opened.id)
    assert (found.id, found.order_id, found.order_number) == (str(opened.id), str(order.id), order.name)
    assert (found.kind, found.status) == ("chargeback", opened.status.lower())
    assert found.amount is not None
    assert found.amount.currency == "USD"
    assert found.evidence_due_at == opened.evidence_due_by
    assert found.created_at == stage.shop.now()


def test_a_dispute_of_odd_json() -> None:
    node = {"id": "gid://shopify/ShopifyPaymentsDispute/9", "type": "NEW_ONE", "evidenceDueBy": "2026-01-31"}
    found = dispute_of(node)
    assert (found.kind, found.order_id, found.amount, found.reason) == ("other", None, None, None)
    assert found.evidence_due_at == datetime(2026, 1, 31, tzinfo=UTC)
    coded = dispute_of({**node, "reasonDetails": {"reason": "FRAUDULENT", "networkReasonCode": "4837"}})
    assert (coded.reason, coded.attributes) == ("fraudulent", {"network_reason_code": "4837"})


def test_a_customer_with_credit(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    order = stage.shipped(customer={"email": "zoe@shopper.example", "tags": ["vip"], "total_spent": "1999"})
    staff.decide_customer(stage.shop, str(order.customer.id), "credit", {"amount": "7.50"})
    found = stage.fetch("customer", order.customer.id)
    assert (found.tags, found.credit) == (("vip",), (usd("7.5"),))
    assert found.attributes["predicted_spend"] == "high"
    assert found.locale == order.customer.locale


def test_a_customer_without_the_scope_for_credit(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(scopes="read_orders read_customers")
    order = stage.shipped(customer={"email": "zoe@shopper.example"})
    staff.decide_customer(stage.shop, str(order.customer.id), "credit", {"amount": "7.50"})
    assert stage.fetch("customer", order.customer.id).credit == ()


def test_a_customer_of_odd_json() -> None:
    node = {
        "id": "gid://shopify/Customer/7",
        "displayName": "A B",
        "createdAt": "2020-01-01T00:00:00Z",
        "numberOfOrders": "12",
        "amountSpent": {"amount": "1234.5", "currencyCode": "EUR"},
        "defaultEmailAddress": {"emailAddress": "a@example.com"},
        "defaultPhoneNumber": None,
        "tags": ["vip"],
    }
    customer = customer_of(node, [usd("0")])
    assert (customer.id, customer.orders_count, customer.phone, customer.credit) == ("7", 12, None, ())
    assert customer.total_spent == Money(amount=Decimal("1234.50"), currency="EUR")
    assert "a@example.com" not in repr(customer)
    assert customer_of({"id": "gid://shopify/Customer/7"}, []).orders_count is None


def test_a_product(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    stage.shipped()
    found = stage.fetch("product", catalogue.product_of("MUG"))
    assert (found.title, found.skus, found.on_sale) == ("Mug", ("MUG",), {"": True})
    with pytest.raises(PermanentError, match="no product 5"):
        stage.fetch("product", 5)
