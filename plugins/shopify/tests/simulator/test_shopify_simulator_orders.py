"""Orders: what a query shows, how searches find them, and that our executor answers as graphql-core's does."""

from typing import Any

import pytest
from graphql import graphql_sync

from caseconnect_shopify.simulator.api import registry
from caseconnect_shopify.simulator.api.engine import Engine
from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.schema import schema
from caseconnect_shopify.simulator.world import fulfilment

ORDER = """
query Order($id: ID!, $lines: Int = 10, $risk: Boolean = true) {
  order(id: $id) {
    __typename id legacyResourceId name createdAt email note tags test sourceName cancelledAt returnStatus clientIp
    currencyCode presentmentCurrencyCode displayFinancialStatus displayFulfillmentStatus paymentGatewayNames
    totalPriceSet { ...Money } currentTotalPriceSet { ...Money } totalCapturableSet { ...Money }
    totalReceivedSet { ...Money } totalRefundedSet { ...Money } subtotalPriceSet { ...Money }
    discountCodes customAttributes { key value } billingAddressMatchesShippingAddress
    customer { id displayName numberOfOrders amountSpent { amount currencyCode } tags verifiedEmail createdAt }
    billingAddress { name city } shippingAddress { address1 city countryCodeV2 validationResultSummary formatted }
    risk @include(if: $risk) {
      recommendation assessments { riskLevel provider { title } facts { description sentiment } }
    }
    transactions(first: 5) {
      kind status errorCode amountSet { shopMoney { amount } }
      paymentDetails { __typename ... on CardPaymentDetails { avsResultCode cvvResultCode number } }
    }
    lineItems(first: $lines) {
      edges { cursor node { id title sku quantity originalUnitPriceSet { ...Money } } } pageInfo { hasNextPage }
    }
    lineItems(first: $lines) { nodes { currentQuantity } }
    fulfillmentOrders(first: 5) {
      nodes {
        id status supportedActions { action } fulfillmentHolds { id handle heldByRequestingApp reason reasonNotes }
        lineItems(first: 5) { nodes { remainingQuantity totalQuantity lineItem { id } } }
      }
    }
    fulfillments(first: 5) { status trackingInfo { company number url } events(first: 5) { nodes { status } } }
    refunds { id totalRefundedSet { ...Money } } disputes { id status }
    metafields(first: 5) { nodes { namespace key value } } metafield(namespace: "a", key: "bc") { value }
  }
}
fragment Money on MoneyBag { shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }
"""
ADDRESS = {"first_name": "Ada", "address1": "1 Lane", "city": "Ottawa", "country_code": "CA", "zip": "K2P 2L8"}


def rich(world: Any, **changes: Any) -> Any:
    spec = {
        "lines": [
            {"title": "Lounger", "sku": "L", "price": "159.99", "quantity": 2},
            {"title": "Table", "sku": "T", "price": "119.5", "discount": "5.00"},
        ],
        "customer": {"email": "ada@example.com", "first_name": "Ada", "orders_count": 3, "total_spent": "500.00"},
        "shipping_address": ADDRESS | {"validation": "ERROR"},
        "billing_address": ADDRESS | {"city": "Berlin"},
        "payment": {"kind": "authorization", "avs": "N", "cvv": "M"},
        "risk": {"level": "high", "facts": ["IP far from the address"]},
        "discounts": [{"code": "TEN", "amount": "10.00"}],
        "shipping": "12.00",
        "presentment": {"currency": "EUR", "rate": "0.92"},
        "attributes": {"gift": "yes"},
        "tags": ["first"],
        "channel": "pos",
        "disputes": {"type": "inquiry"},
        "client_ip": "203.0.113.9",
    }
    return world.order(**spec | changes)


def read(world: Any, order: Any, **variables: Any) -> Any:
    return world.data(ORDER, {"id": f"gid://shopify/Order/{order.id}"} | variables)["order"]


def test_an_order_shows_what_a_fraud_review_reads(world: Any) -> None:
    got = read(world, rich(world))
    assert got["totalPriceSet"]["shopMoney"] == {"amount": "436.48", "currencyCode": "USD"}
    assert got["totalPriceSet"]["presentmentMoney"] == {"amount": "401.56", "currencyCode": "EUR"}
    assert got["totalCapturableSet"]["shopMoney"]["amount"] == "436.48"
    assert got["totalReceivedSet"]["shopMoney"]["amount"] == "0.0"
    assert got["displayFinancialStatus"] == "AUTHORIZED"
    assert got["billingAddressMatchesShippingAddress"] is False
    assert got["shippingAddress"]["validationResultSummary"] == "ERROR"
    assert got["risk"]["recommendation"] == "CANCEL"
    assert got["risk"]["assessments"][0]["provider"] is None
    assert got["customer"]["numberOfOrders"] == "4"
    assert got["customer"]["amountSpent"] == {"amount": "500.0", "currencyCode": "USD"}
    assert got["transactions"][0]["paymentDetails"]["avsResultCode"] == "N"
    assert [n["currentQuantity"] for n in got["lineItems"]["nodes"]] == [2, 1]
    assert got["disputes"][0]["status"] == "NEEDS_RESPONSE"
    assert got["createdAt"] == "2026-11-03T09:30:00Z"


def test_include_and_defaults(world: Any) -> None:
    order = rich(world)
    assert "risk" not in read(world, order, risk=False)
    first = read(world, order, lines=1)["lineItems"]
    assert (len(first["nodes"]), first["pageInfo"]["hasNextPage"]) == (1, True)


def test_the_executor_answers_as_graphql_core_does(world: Any) -> None:
    order = rich(world)
    engine = Engine(world.shop)
    call = Call(world.shop, "app", {}, "2026-10")

    def resolve(source: Any, info: Any, **args: Any) -> Any:
        name = info.field_name
        if isinstance(source, dict) and name in source:
            return source[name]
        answer = registry.resolver(info.parent_type.name, name)
        assert answer is not None, name
        return answer(source, args, call)

    def kind(value: Any, info: Any, abstract: Any) -> Any:
        return registry.typename(value)

    variables = {"id": f"gid://shopify/Order/{order.id}"}
    want = graphql_sync(
        schema(), ORDER, root_value=registry.ROOT, variable_values=variables, field_resolver=resolve, type_resolver=kind
    )
    assert want.errors is None
    got = engine.handle(ORDER, variables, None, "app", "2026-10")
    assert got["data"] == want.data


def test_ids_beyond_a_doubles_precision_stay_exact(make_world: Any) -> None:
    world = make_world(first_id=820_982_911_946_154_508)
    order = rich(world)
    assert order.id > 2**53
    got = read(world, order)
    assert got["id"] == f"gid://shopify/Order/{order.id}"
    assert got["legacyResourceId"] == str(order.id)


@pytest.mark.parametrize(
    ("payment", "status"),
    [
        (None, None),
        ({"status": "failure", "error_code": "card_declined"}, "PENDING"),
        ({"kind": "authorization"}, "AUTHORIZED"),
        ({"kind": "sale"}, "PAID"),
        ({"kind": "sale", "amount": "5.00"}, "PARTIALLY_PAID"),
        ([{"kind": "authorization"}, {"kind": "void"}], "VOIDED"),
        ([{"kind": "authorization"}, {"kind": "capture"}], "PAID"),
        ([{"kind": "sale"}, {"kind": "refund", "amount": "5.00"}], "PARTIALLY_REFUNDED"),
        ([{"kind": "sale"}, {"kind": "refund"}], "REFUNDED"),
    ],
)
def test_financial_status_follows_the_transactions(world: Any, payment: Any, status: Any) -> None:
    assert read(world, world.order(payment=payment))["displayFinancialStatus"] == status


def find(world: Any, text: Any, **more: Any) -> Any:
    arguments = {"q": text, "n": 50, "sort": "UPDATED_AT", "reverse": False, "after": None} | more
    query = """query Find($q: String, $n: Int!, $sort: OrderSortKeys, $reverse: Boolean, $after: String) {
      orders(first: $n, query: $q, sortKey: $sort, reverse: $reverse, after: $after) {
        nodes { name } pageInfo { hasNextPage endCursor } } }"""
    return world.graphql(query, arguments)


def names(answer: Any) -> Any:
    return [n["name"] for n in answer["data"]["orders"]["nodes"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["#1001", "#1002", "#1003"]),
        ("updated_at:>='2026-11-03T09:31:00Z'", ["#1002", "#1003"]),
        ("updated_at:>'2026-11-03T09:31:00Z'", ["#1003"]),
        ("updated_at:>='2026-11-03T09:31:00Z' AND updated_at:<'2026-11-03T09:32:00Z'", ["#1002"]),
        ("created_at:<='2026-11-03T09:30:00Z'", ["#1001"]),
        ("email:ADA@example.com", ["#1001"]),
        ("name:#1002", ["#1002"]),
        ("name:1002", ["#1002"]),
        ("tag:vip", ["#1003"]),
        ("-tag:vip", ["#1001", "#1002"]),
        ("tag:'two words'", ["#1002"]),
        ("risk_level:high", ["#1001"]),
        ("financial_status:paid", ["#1002", "#1003"]),
        ("financial_status:paid tag:vip", ["#1003"]),
    ],
)
def test_search_filters(world: Any, text: Any, found: Any) -> None:
    rich(world)
    world.clock.pass_(60)
    world.order(tags=["two words"])
    world.clock.pass_(60)
    world.order(tags=["VIP"])
    answer = find(world, text)
    assert names(answer) == found
    assert "search" not in answer["extensions"]


def test_search_by_customer(world: Any) -> None:
    order = rich(world)
    rich(world)
    world.order()
    assert names(find(world, f"customer_id:{order.customer.id}")) == ["#1001", "#1002"]
    query = '{ customer(id: "gid://shopify/Customer/%d") { orders(first: 1, reverse: true) { nodes { name } } } }'
    assert world.data(query % order.customer.id)["customer"]["orders"]["nodes"] == [{"name": "#1002"}]


def test_an_unknown_filter_finds_everything_and_warns(world: Any) -> None:
    world.order()
    answer = find(world, "updatd_at:>='2030-01-01T00:00:00Z'")
    assert names(answer) == ["#1001"]
    warning = answer["extensions"]["search"][0]["warnings"][0]
    assert (warning["field"], warning["code"]) == ("updatd_at", "invalid_field")


def test_pages_neither_repeat_nor_lose_while_orders_change(world: Any) -> None:
    for _ in range(5):
        world.order()
        world.clock.pass_(1)
    first = find(world, None, n=2)
    world.shop.touch(world.shop.order("#1001"))
    second = find(world, None, n=2, after=first["data"]["orders"]["pageInfo"]["endCursor"])
    third = find(world, None, n=2, after=second["data"]["orders"]["pageInfo"]["endCursor"])
    assert [names(first), names(second), names(third)] == [["#1001", "#1002"], ["#1003", "#1004"], ["#1005", "#1001"]]
    newest = find(world, None, n=2, reverse=True)
    assert names(newest) == ["#1001", "#1005"]
    rest = find(world, None, n=9, reverse=True, after=newest["data"]["orders"]["pageInfo"]["endCursor"])
    assert names(rest) == ["#1004", "#1003", "#1002"]


def test_the_search_index_lags_behind_the_order(make_world: Any) -> None:
    world = make_world(index_lag=5)
    order = world.order()
    assert names(find(world, "")) == []
    assert read(world, order)["name"] == "#1001"
    world.clock.pass_(5)
    assert names(find(world, "")) == ["#1001"]
    world.shop.order(order.id).tags.append("late")
    world.shop.touch(order)
    assert names(find(world, "tag:late")) == []
    world.clock.pass_(5)
    assert names(find(world, "tag:late")) == ["#1001"]


def test_nodes_and_small_roots(world: Any) -> None:
    order = rich(world)
    ids = [f"gid://shopify/Order/{order.id}", f"gid://shopify/Customer/{order.customer.id}", "gid://shopify/Order/1"]
    text = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Order { name } } }"
    assert world.data(text, {"ids": ids})["nodes"] == [
        {"__typename": "Order", "id": ids[0], "name": "#1001"},
        {"__typename": "Customer", "id": ids[1]},
        None,
    ]
    roots = "currentAppInstallation { accessScopes { handle } } publicApiVersions { handle supported }"
    more = world.data(f"{{ {roots} ordersCount {{ count }} }}")
    assert {"handle": "write_orders"} in more["currentAppInstallation"]["accessScopes"]
    assert {"handle": "2026-10", "supported": True} in more["publicApiVersions"]
    assert more["ordersCount"] == {"count": 1}


def test_introspection_works_for_tools(world: Any) -> None:
    kinds = world.data("{ __schema { queryType { name } } }")
    assert kinds == {"__schema": {"queryType": {"name": "QueryRoot"}}}


def test_events_of_a_parcel_are_sorted_by_when_they_happened(world: Any) -> None:
    order = world.order()
    fulfilment.fulfill(world.shop, order, {})
    for day, status in ((3, "in_transit"), (2, "carrier_picked_up"), (4, "delayed")):
        spec = {"status": status, "happened_at": f"2026-11-0{day}T12:00:00Z"}
        fulfilment.carrier_event(world.shop, order, spec)
    text = """query($id: ID!, $n: Int!, $after: String) { order(id: $id) { fulfillments { displayStatus
      events(first: $n, after: $after, sortKey: HAPPENED_AT, reverse: true) {
        nodes { status } pageInfo { endCursor } } } } }"""
    variables = {"id": f"gid://shopify/Order/{order.id}", "n": 2}
    parcel = world.data(text, variables)["order"]["fulfillments"][0]
    assert parcel["displayStatus"] == "DELAYED"
    assert [e["status"] for e in parcel["events"]["nodes"]] == ["DELAYED", "IN_TRANSIT"]
    more = world.data(text, variables | {"after": parcel["events"]["pageInfo"]["endCursor"]})
    assert more["order"]["fulfillments"][0]["events"]["nodes"] == [{"status": "CARRIER_PICKED_UP"}]


def test_a_sku_is_one_product_in_every_order(world: Any) -> None:
    text = "query($id: ID!) { order(id: $id) { lineItems(first: 5) { nodes { product { id } variant { id } } } } }"
    lines = [{"title": "Mug", "sku": "MUG", "price": "1"}, {"title": "Engraving", "price": "1"}]
    seen = [
        world.data(text, {"id": f"gid://shopify/Order/{world.order(lines=lines).id}"})["order"]["lineItems"]["nodes"]
        for _ in range(2)
    ]
    assert seen[0] == seen[1]
    assert seen[0][0]["product"]["id"].startswith("gid://shopify/Product/")
    assert seen[0][1] == {"product": None, "variant": None}
