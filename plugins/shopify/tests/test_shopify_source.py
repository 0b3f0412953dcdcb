from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from caseconnect.models import Customer, Dispute, Order, OrderHistory, Product, ReturnRequest
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Page, Parsed
from caseconnect.sdk.errors import AuthError, PermanentError, TransientError
from caseconnect.sdk.http import asgi_transport
from caseconnect.sdk.order_names import named
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject
from caseconnect_shopify import queries
from caseconnect_shopify.client import Operation
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.simulator import Order as ShopOrder
from caseconnect_shopify.simulator import Shop, create_app, create_order
from caseconnect_shopify.simulator.world import fulfilment, orders, payments
from caseconnect_shopify.source import SOURCE, ShopifySource

BIG = 820982911946154508
ADDRESS = {"first_name": "Zoe", "address1": "Main St 1", "city": "Bonn", "zip": "53111", "country_code": "DE"}


@dataclass
class Stage:
    shop: Shop
    source: ShopifySource
    clock: Any

    def order(self, **more: Any) -> ShopOrder:
        return create_order(self.shop, {"lines": [{"title": "Mug", "price": "20.00"}], **more})

    def read(self, cursor: str | None) -> Page:
        return asyncio.run(self.source.read(cursor, ()))

    def sweep(self, cursor: str) -> tuple[list[str], str]:
        """All pages of one sweep: ids in the order given, and the cursor after it."""
        found, pages = [], 0
        while True:
            page = self.read(cursor)
            found += [i.id for i in page.items]
            cursor, pages = page.cursor, pages + 1
            if not page.more:
                return found, cursor
            assert pages < 100

    def fetch(self, fact: str, kind: str, number: int | str) -> Any:
        return asyncio.run(self.source.fetch(Need(fact=fact, subject=Subject("shop", kind, str(number)))))


@pytest.fixture
def make_stage(clock: Any, settings: ShopifySettings, make_resources: Callable[..., Resources]) -> Callable[..., Stage]:
    def make(shop: dict[str, Any] | None = None, **changes: Any) -> Stage:
        world = Shop(now=clock, **(shop or {}))
        transport = asgi_transport(app=create_app([world]))
        return Stage(world, ShopifySource(settings.model_copy(update=changes), make_resources(transport)), clock)

    return make


def test_what_it_offers(settings: ShopifySettings) -> None:
    assert SOURCE.facts == {
        "order": Order,
        "order_history": OrderHistory,
        "named_orders": OrderHistory,
        "customer": Customer,
        "return": ReturnRequest,
        "dispute": Dispute,
        "product": Product,
    }
    assert SOURCE.account(settings) == "demo-shop.myshopify.com"


def test_a_new_connection_begins_at_now(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    stage.order(created_at="2026-11-01T00:00:00Z", emit=False)
    first = stage.read(None)
    assert (first.items, first.more) == ((), False)
    assert stage.sweep(first.cursor)[0] == []


def test_changes_come_oldest_first_with_what_the_host_dedupes_by(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    cursor = stage.read(None).cursor
    one = stage.order(id=BIG)
    stage.clock.forward(10)
    two = stage.order()
    stage.clock.forward(10)
    orders.edit(stage.shop, one, {"note": "changed"})
    page = stage.read(cursor)
    assert [i.id for i in page.items] == [str(two.id), str(one.id)]
    item = page.items[1]
    assert (item.kind, item.version) == ("orders/poll", "2026-11-20T12:00:20Z")
    assert json.loads(item.body)["legacyResourceId"] == str(BIG)
    parsed = stage.source.parse(Delivery("shop", item.kind, "x", stage.clock(), item.body, polled=True))
    assert isinstance(parsed, Parsed)
    assert str(parsed.events[0].subject) == f"shop/order/{BIG}"


def test_equal_times_at_the_edge_of_a_page(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(page_size=3)
    cursor = stage.read(None).cursor
    made = [str(stage.order().id) for _ in range(10)]
    found, _ = stage.sweep(cursor)
    assert sorted(found) == sorted(made)


def test_a_stop_after_any_page_loses_nothing(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(page_size=2)
    cursor = stage.read(None).cursor
    made = []
    for _ in range(7):
        made.append(str(stage.order().id))
        stage.clock.forward(1)
    for stop in range(1, 4):
        at = cursor
        kept: list[str] = []
        for _ in range(stop):
            page = stage.read(at)
            kept += [i.id for i in page.items]
            at = page.cursor
        stage.read(at)  # read, but never committed: the host begins again from `at`
        assert [*kept, *stage.sweep(at)[0]] == made


def test_the_next_sweep_looks_back_by_the_overlap(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(overlap_seconds=60)
    cursor = stage.read(None).cursor
    old = stage.order()
    stage.clock.forward(120)
    young = stage.order()
    _, cursor = stage.sweep(cursor)
    again, _ = stage.sweep(cursor)
    assert str(young.id) in again
    assert str(old.id) not in again


def test_what_the_search_shows_late_is_found_within_the_overlap(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage({"index_lag": 100.0})
    cursor = stage.read(None).cursor
    late = stage.order()
    stage.clock.forward(90)
    found, cursor = stage.sweep(cursor)
    assert found == []
    stage.shop.index.lag = 0.0
    stage.order()
    found, cursor = stage.sweep(cursor)
    stage.clock.forward(60)
    assert str(late.id) in [*found, *stage.sweep(cursor)[0]]


def test_a_page_cursor_that_shopify_takes_no_more_begins_the_sweep_anew(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(page_size=2)
    cursor = stage.read(None).cursor
    made = [str(stage.order().id) for _ in range(5)]
    page = stage.read(cursor)
    spoilt = {**json.loads(page.cursor), "after": "not-a-cursor"}
    found, _ = stage.sweep(json.dumps(spoilt))
    assert sorted(found) == sorted(made)


def test_a_failing_read_says_so(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    cursor = stage.read(None).cursor
    stage.shop.faults.add({"kind": "drop_before", "operation": "orders"})
    with pytest.raises(TransientError):
        stage.read(cursor)
    assert stage.sweep(cursor)[0] == []


def test_an_order_as_it_is_now(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    made = stage.order(
        id=BIG,
        customer={"email": "zoe@example.com", "first_name": "Zoe", "last_name": "Lee"},
        shipping_address=ADDRESS,
        billing_address={**ADDRESS, "city": "Ulm"},
        payment={"kind": "sale", "status": "failure", "error_code": "card_declined"},
        risk={"level": "high", "facts": ["proxy"]},
        tags=["vip"],
        client_ip="203.0.113.9",
    )
    payments.add(stage.shop, made, {"kind": "sale", "status": "success", "amount": "20.00"})
    fulfilment.hold_by_hand(stage.shop, made, {"reason": "other"})
    order = stage.fetch("order", "order", BIG)
    assert isinstance(order, Order)
    assert (order.id, order.number, order.total.amount) == (str(BIG), "#1001", Decimal(20))
    assert (order.payment_status, order.captured and order.captured.amount) == ("paid", Decimal(20))
    assert [(p.kind, p.status, p.error_code) for p in order.payments] == [
        ("sale", "failure", "card_declined"),
        ("sale", "success", None),
    ]
    assert (order.risk.level, order.risk.recommendation) == ("high", "cancel")
    assert (order.email, order.customer_name, order.client_ip) == ("zoe@example.com", "Zoe Lee", "203.0.113.9")
    assert order.addresses_match is False
    assert order.shipping_address is not None
    assert (order.shipping_address.city, order.shipping_address.country) == ("Bonn", "DE")
    assert [(f.status, f.remaining_quantity, len(f.holds)) for f in order.fulfillment_orders] == [("on_hold", 1, 1)]
    assert order.fulfillment_status == "on_hold"
    assert order.admin_url == f"https://admin.shopify.com/store/demo-shop/orders/{BIG}"
    assert stage.fetch("order", "order", BIG) == order


def test_a_shipped_and_refunded_order(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    made = stage.order(payment={"kind": "sale", "status": "success"})
    fulfilment.fulfill(stage.shop, made, {})
    payments.refund(stage.shop, made, {"amount": "5.00"})
    order = stage.fetch("order", "order", made.id)
    assert (order.fulfillment_status, len(order.shipments), len(order.refunds)) == ("fulfilled", 1, 1)
    assert order.refunds[0].total.amount == Decimal(5)
    assert order.captured.amount == Decimal(15)


def test_an_order_with_more_parts_than_one_page_is_read_whole(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    count = queries.LINES + 15
    lines = [{"title": f"Mug {n}", "price": "1.00", "quantity": n + 1} for n in range(count)]
    made = stage.order(lines=lines, payment=[{"kind": "sale", "status": "failure"}] * (queries.PAYMENTS + 2))
    order = stage.fetch("order", "order", made.id)
    assert [line.quantity for line in order.lines] == [n + 1 for n in range(count)]
    assert len(order.payments) == queries.PAYMENTS + 2
    assert [f.remaining_quantity for f in order.fulfillment_orders] == [sum(n + 1 for n in range(count))]


def test_an_order_from_many_warehouses_is_read_whole(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    count = queries.FULFILLMENT_ORDERS + 20
    made = stage.order(lines=[{"title": f"Mug {n}", "price": "1.00"} for n in range(count)], split=True)
    for line in made.lines[: queries.SHIPMENTS + 1]:
        fulfilment.fulfill(stage.shop, made, {"lines": {str(line.id): 1}})
    order = stage.fetch("order", "order", made.id)
    assert len(order.fulfillment_orders) == count
    assert len(order.shipments) == queries.SHIPMENTS + 1


def test_personal_data_that_shopify_withholds(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage({"personal_data": False})
    made = stage.order(customer={"email": "zoe@example.com", "first_name": "Zoe"}, shipping_address=ADDRESS, payment={})
    order = stage.fetch("order", "order", made.id)
    assert order.total.amount == Decimal(20)
    assert (order.email, order.customer_name, order.shipping_address.line1 if order.shipping_address else None) == (
        None,
        None,
        None,
    )
    assert "zoe" not in order.model_dump_json().lower()


@pytest.mark.parametrize("fact", ["order", "order_history"])
def test_an_order_that_is_not_there(fact: str, make_stage: Callable[..., Stage]) -> None:
    with pytest.raises(PermanentError, match="no order 404"):
        make_stage().fetch(fact, "order", 404)


def test_a_customer(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    made = stage.order(
        customer={"email": "zoe@example.com", "first_name": "Zoe", "orders_count": 11, "total_spent": "99.50"},
        payment={"kind": "sale", "status": "success"},
    )
    assert made.customer is not None
    customer = stage.fetch("customer", "customer", made.customer.id)
    assert (customer.id, customer.name, customer.email) == (str(made.customer.id), "Zoe", "zoe@example.com")
    assert customer.orders_count == 12
    with pytest.raises(PermanentError, match="no customer 5"):
        stage.fetch("customer", "customer", 5)


@pytest.mark.parametrize(
    ("fact", "kind", "number"),
    [("order", "customer", "1"), ("customer", "order", "1"), ("order", "order", "gid://x/1"), ("case", "order", "1")],
)
def test_facts_that_it_cannot_supply(fact: str, kind: str, number: str, make_stage: Callable[..., Stage]) -> None:
    with pytest.raises(PermanentError):
        make_stage().fetch(fact, kind, number)


def test_an_answer_of_another_shape_quotes_nothing_personal(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()

    async def odd(operation: Any, variables: Any) -> Any:
        return {"order": {"id": "gid://shopify/Order/1", "name": "#1", "email": "zoe@example.com", "createdAt": 7}}

    stage.source._client.run = odd  # type: ignore[method-assign]
    with pytest.raises(PermanentError, match="shape") as caught:
        stage.fetch("order", "order", 1)
    assert "zoe" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_other_orders_of_a_customer(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    customer = {"email": "zoe@example.com"}
    mine = []
    for n in range(3):
        mine.append(stage.order(customer=customer, lines=[{"title": "Mug", "price": "1.00", "sku": f"S{n}"}]))
        stage.clock.forward(60)
    stage.order(customer={"email": "someone@example.com"})
    history = stage.fetch("order_history", "order", mine[1].id)
    assert (history.key, history.complete) == ("customer", True)
    assert [o.id for o in history.orders] == [str(mine[2].id), str(mine[0].id)]
    assert history.orders[0].items == (("S2", 1),)


def test_the_other_orders_of_a_guest_by_mail(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    mail = "o'hara+x@example.com"
    first, second = stage.order(email=mail), stage.order(email=mail)
    stage.order(email="other@example.com")
    history = stage.fetch("order_history", "order", first.id)
    assert (history.key, [o.id for o in history.orders]) == ("email", [str(second.id)])


def test_an_order_without_shopper_has_no_history(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    history = stage.fetch("order_history", "order", stage.order().id)
    assert (history.key, history.orders, history.complete) == ("none", (), True)


@pytest.mark.parametrize(
    ("others", "limit", "kept", "complete"),
    [(4, 5, 4, True), (5, 5, 5, True), (6, 5, 5, False), (25, 30, 25, True), (25, 12, 12, False)],
)
def test_a_history_says_when_there_is_more(
    others: int, limit: int, kept: int, complete: bool, make_stage: Callable[..., Stage]
) -> None:
    stage = make_stage(history_limit=limit)
    made = [stage.order(customer={"email": "zoe@example.com"}) for _ in range(others + 1)]
    history = stage.fetch("order_history", "order", made[0].id)
    assert (len(history.orders), history.complete) == (kept, complete)
    assert str(made[0].id) not in [o.id for o in history.orders]


def test_an_order_of_the_history_with_many_lines_is_read_whole(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    lines = [{"title": f"Mug {n}", "price": "1.00", "sku": f"S{n:02}"} for n in range(queries.LINES + 5)]
    first = stage.order(customer={"email": "zoe@example.com"})
    stage.order(customer={"email": "zoe@example.com"}, lines=lines)
    (other,) = stage.fetch("order_history", "order", first.id).orders
    assert len(other.items) == queries.LINES + 5


def test_roots(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    made = stage.order()
    part = Subject("shop", "fulfillment_order", str(made.fulfillment_orders[0].id))

    def root(alias: Subject) -> Subject | None:
        return asyncio.run(stage.source.root(alias))

    assert root(part) == Subject("shop", "order", str(made.id))
    assert root(Subject("shop", "order", "1")) == Subject("shop", "order", "1")
    assert root(Subject("shop", "fulfillment_order", "999")) is None
    assert root(Subject("shop", "parcel", "1")) is None


def test_the_order_that_somebody_names(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    email = "zoe@shopper.example"
    made = stage.order(name="#1001", email=email)
    odd = stage.order(name="A'1\\-b", email=email)
    guest = stage.order(name="#1003")
    twins = [stage.order(name="#1004", email=e).id for e in (email, "joe@shopper.example")]

    def meant(number: str, address: str | None) -> str | None:
        found = asyncio.run(stage.source.root(named("shop", number, address)))
        assert found is None or (found.connection, found.kind) == ("shop", "order")
        return found and found.id

    assert meant(" #1001 ", f" {email.upper()}") == meant("1001", email) == str(made.id)
    assert meant("1001", None) == str(made.id), "the sender knows the order: no address has to agree"
    assert meant("1001", "somebody@shopper.example") is None
    assert meant("9999", email) is meant("9999", None) is None
    assert meant("a'1\\-B", email) == str(odd.id)
    assert meant("1' OR name:'#1001", None) is None
    assert meant("1003", email) is meant("1003", "") is None, "no address is known of the buyer"
    assert meant("1003", None) == str(guest.id)
    assert meant("1004", email) == str(twins[0])
    assert meant("1004", None) is None, "it could be either"


@pytest.mark.parametrize(
    ("alias", "answer", "expected"),
    [
        ("return", {"return": {"order": {"id": f"gid://shopify/Order/{BIG}"}}}, f"shop/order/{BIG}"),
        ("dispute", {"dispute": {"order": {"id": "gid://shopify/Order/2"}}}, "shop/order/2"),
        ("dispute", {"dispute": {"order": None}}, "shop/dispute/9"),
        ("return", {"return": None}, "None"),
    ],
)
def test_roots_of_returns_and_disputes(
    alias: str, answer: dict[str, Any], expected: str, make_stage: Callable[..., Stage]
) -> None:
    stage = make_stage()

    async def run(operation: Any, variables: Any) -> Any:
        assert variables["id"].endswith("/9")
        return answer

    stage.source._client.run = run  # type: ignore[method-assign]
    assert str(asyncio.run(stage.source.root(Subject("shop", alias, "9")))) == expected


def test_the_check_goes_step_by_step(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage({"scopes": "write_orders read_merchant_managed_fulfillment_orders"})
    checks = {c.step: c for c in asyncio.run(stage.source.check())}
    assert [s for s, c in checks.items() if not c.ok] == ["scope read_customers"]
    assert checks["scope read_orders"].ok
    assert "not granted" in checks["scope read_returns"].note
    assert list(checks)[:3] == ["access token", "shop", "API version"]
    assert checks["API version"].ends_at == datetime(2027, 10, 1, 17, tzinfo=UTC)
    assert checks["metafields"].note.startswith("not defined, so staff do not see them: case_number")
    assert stage.shop.ledger == []


def test_the_check_notices_another_shop_and_an_ended_version(
    make_stage: Callable[..., Stage], clock: Any, settings: ShopifySettings, make_resources: Callable[..., Resources]
) -> None:
    shop = Shop("other-shop.myshopify.com", now=clock)
    old = settings.model_copy(update={"api_version": "2025-01"})
    source = ShopifySource(old, make_resources(asgi_transport(app=create_app([shop]))))
    checks = {c.step: c for c in asyncio.run(source.check())}
    assert not checks["shop"].ok
    assert "other-shop" in checks["shop"].note
    assert not checks["API version"].ok


def test_the_check_stops_where_nothing_more_can_be_known(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage({"client_secret": "another"})
    with pytest.raises(AuthError, match="client_secret"):
        asyncio.run(stage.source.check())
    with pytest.raises(AuthError):
        stage.fetch("order", "order", 1)


def test_a_token_that_ended_early_is_renewed(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    made = stage.order()
    stage.fetch("order", "order", made.id)
    stage.shop.tokens.clear()
    assert stage.fetch("order", "order", made.id).id == str(made.id)


def test_a_request_never_asks_for_more_than_shopify_admits(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    made = stage.order(customer={"email": "zoe@example.com"})
    asked: dict[str, float] = {}
    note = stage.source._client._note_cost

    def spy(operation: Any, answer: Any) -> Any:
        asked[operation.name] = answer["extensions"]["cost"]["requestedQueryCost"]
        return note(operation, answer)

    stage.source._client._note_cost = spy  # type: ignore[method-assign]
    gid = f"gid://shopify/Order/{made.id}"
    client = stage.source._client
    for operation in vars(queries).values():
        if isinstance(operation, Operation) and not operation.mutation and "$id:" in operation.text:
            variables = {"id": gid, "after": None, "namespace": "connect", "keys": ["custom.x"], "withAttributes": True}
            declared = operation.text.partition(")")[0]
            given = {k: v for k, v in variables.items() if f"${k}:" in declared}
            if operation.name in {"ConnectCustomer", "ConnectFulfillmentOrderLines", "ConnectRefundLines"}:
                continue
            asyncio.run(client.run(operation, given))
            stage.clock.forward(60)
    stage.fetch("order_history", "order", made.id)
    stage.sweep(stage.read(None).cursor)
    assert max(asked.values()) <= 1000
    assert asked["ConnectOrder"] <= 500
