"""Refunds: caps in both moneys, tenders, goods, idempotency keys, gateways that take their time."""

import json
from decimal import Decimal
from itertools import product
from typing import Any

import httpx  # noqa: TID251 - a client that shares nothing with ours
import pytest

from caseconnect_shopify.simulator import ConnectionDropped
from caseconnect_shopify.simulator.world import fulfilment, payments

REFUND = """mutation Refund($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) {
    refund { id note totalRefundedSet { shopMoney { amount } presentmentMoney { amount currencyCode } }
      refundLineItems(first: 5) { nodes { quantity restockType lineItem { id } subtotalSet { shopMoney { amount } } } }
      refundShippingLines(first: 1) { nodes { subtotalAmountSet { shopMoney { amount } } } }
      transactions(first: 5) { nodes { id kind status gateway parentTransaction { id }
        amountSet { shopMoney { amount } presentmentMoney { amount currencyCode } } } } }
    order { displayFinancialStatus totalRefundedSet { shopMoney { amount } } }
    userErrors { field message } } }"""
SUGGEST = """query Suggest($id: ID!, $lines: [RefundLineItemInput!], $full: Boolean, $how: RefundMethodAllocation) {
  order(id: $id) { suggestedRefund(
    refundLineItems: $lines, refundShipping: true, suggestFullRefund: $full, refundMethodAllocation: $how
  ) {
    amountSet { shopMoney { amount } presentmentMoney { amount } } maximumRefundableSet { presentmentMoney { amount } }
    subtotalSet { shopMoney { amount } } totalTaxSet { shopMoney { amount } }
    totalCartDiscountAmountSet { shopMoney { amount } }
    shipping { amountSet { shopMoney { amount } } maximumRefundableSet { shopMoney { amount } } }
    suggestedTransactions { gateway kind amountSet { presentmentMoney { amount } }
      maximumRefundableSet { presentmentMoney { amount } } parentTransaction { id } }
    suggestedRefundMethods { __typename amount { presentmentMoney { amount } } } } } }"""


def gid(kind: Any, record: Any) -> Any:
    return f"gid://shopify/{kind}/{record.id}"


def money_back(order: Any, amount: Any, parent: Any = None, **more: Any) -> Any:
    parent = parent or next(t for t in order.transactions if t.kind in {"SALE", "CAPTURE"})
    return {"orderId": gid("Order", order), "parentId": gid("OrderTransaction", parent), "kind": "REFUND"} | {
        "gateway": parent.gateway,
        "amount": amount,
        **more,
    }


def refund(world: Any, order: Any, key: Any = "k1", **wanted: Any) -> Any:
    wanted = {"orderId": gid("Order", order), **wanted}
    return world.data(REFUND, {"input": wanted, "key": key})["refundCreate"]


def effects(world: Any) -> Any:
    return [e for e in world.shop.ledger if e.what == "refund"]


def test_goods_and_money_go_back_and_everybody_is_told(world: Any) -> None:
    for topic in ("refunds/create", "order_transactions/create", "orders/updated"):
        world.shop.subscribe(topic, "http://127.0.0.1/hook")
    order = world.order(shipping="5.00", shipping_address={"city": "Bonn"})
    world.run_due()
    world.inbox.got.clear()
    made = refund(
        world,
        order,
        note="Broken",
        transactions=[money_back(order, "25.00")],
        refundLineItems=[{"lineItemId": gid("LineItem", order.lines[0]), "quantity": 1, "restockType": "CANCEL"}],
        shipping={"amount": "5.00"},
    )
    assert made["userErrors"] == []
    back = made["refund"]
    assert back["note"] == "Broken"
    assert back["totalRefundedSet"]["presentmentMoney"] == {"amount": "25.0", "currencyCode": "USD"}
    assert back["refundLineItems"]["nodes"][0]["quantity"] == 1
    assert back["refundShippingLines"]["nodes"][0]["subtotalAmountSet"]["shopMoney"]["amount"] == "5.0"
    moved = back["transactions"]["nodes"][0]
    assert (moved["kind"], moved["status"], moved["gateway"]) == ("REFUND", "SUCCESS", "shopify_payments")
    assert moved["parentTransaction"]["id"] == gid("OrderTransaction", order.transactions[0])
    assert made["order"] == {
        "displayFinancialStatus": "PARTIALLY_REFUNDED",
        "totalRefundedSet": {"shopMoney": {"amount": "25.0"}},
    }
    assert order.fulfillment_orders[0].lines[0].remaining == 1
    world.run_due()
    assert sorted(world.inbox.topics()) == ["order_transactions/create", "orders/updated", "refunds/create"]
    body = world.inbox.bodies("refunds/create")[0]
    assert body["refund_line_items"][0]["subtotal"] == 20.0
    assert body["transactions"][0]["amount"] == "25.00"
    assert body["refund_shipping_lines"][0]["subtotal_amount_set"]["shop_money"]["amount"] == "5.00"
    assert len(effects(world)) == 1
    assert effects(world)[0].args["transactions"][0]["amount"] == Decimal("25.00")


@pytest.mark.parametrize(
    ("wanted", "field", "message"),
    [
        ({}, None, "either refund line items or refund duties or transactions or refund methods must be present"),
        (
            {"shipping": {"fullRefund": True}},
            None,
            "either refund line items or refund duties or transactions or refund methods must be present",
        ),
        (
            {"transactions": [{"amount": "45.00"}]},
            None,
            "Refund amount $45.00 is greater than net payment received $40.00",
        ),
        (
            {"transactions": [{"kind": "AUTHORIZATION"}]},
            None,
            "Kind authorization is not a valid transaction",
        ),
        (
            {"transactions": [{"parentId": "gid://shopify/OrderTransaction/1"}]},
            ["transactions"],
            "Transactions require a parent_id associated with the order",
        ),
        (
            {"transactions": [{"parentId": None}]},
            ["transactions"],
            "Transactions require a parent_id associated with the order",
        ),
        (
            {"transactions": [{"orderId": "gid://shopify/Order/1"}]},
            ["transactions"],
            "Transactions require a parent_id associated with the order",
        ),
        ({"transactions": [{"amount": "-1.00"}]}, ["transactions"], "Amount must be greater than 0"),
        (
            {"refundLineItems": [{"quantity": 3}]},
            ["refundLineItems", "0", "quantity"],
            "Quantity cannot refund more items than were purchased",
        ),
        (
            {"refundLineItems": [{"quantity": 1}, {"quantity": 2}]},
            ["refundLineItems", "1", "quantity"],
            "Quantity cannot refund more items than were purchased",
        ),
        (
            {"refundLineItems": [{"quantity": 1, "lineItemId": "gid://shopify/LineItem/1"}]},
            ["refundLineItems", "0", "lineItemId"],
            "Line item does not exist",
        ),
        ({"currency": "EUR", "transactions": [{}]}, ["currency"], "Currency must be the presentment currency USD"),
        (
            {"refundMethods": [{"storeCreditRefund": {"amount": {"amount": "1.00", "currencyCode": "USD"}}}]},
            ["refundMethods"],
            "Store credit refunds need an order with a customer",
        ),
    ],
)
def test_what_is_refused_has_no_effect(world: Any, wanted: Any, field: Any, message: Any) -> None:
    order = world.order()
    filled = dict(wanted)
    if "transactions" in wanted:
        filled["transactions"] = [money_back(order, "1.00") | t for t in wanted["transactions"]]
    if "refundLineItems" in wanted:
        own = {"lineItemId": gid("LineItem", order.lines[0])}
        filled["refundLineItems"] = [own | x for x in wanted["refundLineItems"]]
    answer = refund(world, order, **filled)
    assert answer["refund"] is None
    assert answer["userErrors"] == [{"field": field, "message": message}]
    assert answer["order"]["totalRefundedSet"]["shopMoney"]["amount"] == "0.0"
    assert (order.refunds, world.shop.ledger) == ([], [])


def test_an_unknown_order_is_a_user_error(world: Any) -> None:
    wanted = {"orderId": "gid://shopify/Order/1", "note": "x"}
    answer = world.data(REFUND, {"input": wanted, "key": "k"})["refundCreate"]
    assert answer == {
        "refund": None,
        "order": None,
        "userErrors": [{"field": ["orderId"], "message": "Order does not exist"}],
    }


def test_a_second_refund_is_capped_by_what_is_left_unless_over_refunding_is_allowed(world: Any) -> None:
    order = world.order()
    assert refund(world, order, "a", transactions=[money_back(order, "30.00")])["userErrors"] == []
    over = refund(world, order, "b", transactions=[money_back(order, "10.01")])
    assert over["userErrors"][0]["message"] == "Refund amount $10.01 is greater than net payment received $10.00"
    allowed = refund(world, order, "c", transactions=[money_back(order, "15.00")], allowOverRefunding=True)
    assert allowed["userErrors"] == []
    assert allowed["order"]["totalRefundedSet"]["shopMoney"]["amount"] == "45.0"


def test_the_gateway_of_the_parent_counts(world: Any) -> None:
    order = world.order()
    made = refund(world, order, transactions=[money_back(order, "1.00") | {"gateway": "manual"}])
    assert made["refund"]["transactions"]["nodes"][0]["gateway"] == "shopify_payments"


def test_each_payment_gives_back_no_more_than_it_took(world: Any) -> None:
    order = world.order(payment=[{"gateway": "gift_card", "amount": "15.00"}, {"amount": "25.00"}])
    gift, card = order.transactions
    over = refund(world, order, "a", transactions=[money_back(order, "16.00", gift)])
    assert over["userErrors"][0]["field"] == ["transactions"]
    made = refund(world, order, "b", transactions=[money_back(order, "5.00", gift), money_back(order, "25.00", card)])
    assert made["userErrors"] == []
    assert [t["gateway"] for t in made["refund"]["transactions"]["nodes"]] == ["gift_card", "shopify_payments"]
    assert world.shop.gift_cards[gift.gift_card_id].balance == Decimal("5.00")


def test_money_is_told_and_capped_in_the_customers_currency(world: Any) -> None:
    order = world.order(presentment={"currency": "EUR", "rate": "0.93"})
    wanted = {"transactions": [money_back(order, "37.20")]}
    assert refund(world, order, "a", **wanted)["userErrors"][0]["field"] == ["currency"]
    over = refund(world, order, "b", currency="EUR", transactions=[money_back(order, "37.21")])
    assert over["userErrors"][0]["message"] == "Refund amount €37.21 is greater than net payment received €37.20"
    first = refund(world, order, "c", currency="EUR", transactions=[money_back(order, "12.40")])
    assert first["refund"]["transactions"]["nodes"][0]["amountSet"] == {
        "shopMoney": {"amount": "13.33"},
        "presentmentMoney": {"amount": "12.4", "currencyCode": "EUR"},
    }
    rest = refund(world, order, "d", currency="EUR", transactions=[money_back(order, "24.80")])
    assert rest["refund"]["totalRefundedSet"]["shopMoney"]["amount"] == "26.67"
    assert rest["order"]["displayFinancialStatus"] == "REFUNDED"


def test_store_credit_is_made_and_told_of_in_the_account(world: Any) -> None:
    order = world.order(customer={"email": "a@example.com"})
    method = {"storeCreditRefund": {"amount": {"amount": "12.00", "currencyCode": "USD"}}}
    made = refund(world, order, refundMethods=[method])
    assert made["refund"]["transactions"]["nodes"][0]["gateway"] == "shopify_store_credit"
    account = next(iter(world.shop.accounts.values()))
    assert (account.balance, account.entries[0].event) == (Decimal("12.00"), "ORDER_REFUND")


def test_a_replay_is_answered_from_the_data_of_now_and_has_no_effect(world: Any) -> None:
    order = world.order()
    wanted = {"transactions": [money_back(order, "10.00")]}
    first = refund(world, order, **wanted)
    payments.refund(world.shop, order, {"amount": "30.00"})
    again = refund(world, order, **wanted)
    assert again["refund"] == first["refund"]
    assert first["order"]["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    assert again["order"]["displayFinancialStatus"] == "REFUNDED"
    assert len(effects(world)) == 1
    world.clock.pass_(24 * 3600)
    world.token = None
    late = refund(world, order, **wanted)
    assert late["userErrors"][0]["message"].startswith("Refund amount $10.00 is greater")


@pytest.mark.parametrize("where", ["user_errors", "top_level"])
@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ({"note": "a"}, {"note": "b"}, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"),
        ({"note": "a", "notify": True}, {"notify": True, "note": "a"}, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"),
        ({"amount": "99.00"}, {"amount": "99.00"}, "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"),
    ],
)
def test_a_key_is_for_one_request(make_world: Any, where: Any, first: Any, second: Any, code: Any) -> None:
    world = make_world(idempotency_errors=where)
    order = world.order()

    def call(more: Any) -> Any:
        more = dict(more)
        money = [money_back(order, more.pop("amount", "1.00"))]
        wanted = {"orderId": gid("Order", order), **more, "transactions": money}
        return world.graphql(REFUND, {"input": wanted, "key": "k"})

    call(first)
    done = len(effects(world))
    answer = call(second)
    if where == "top_level":
        assert answer["errors"][0]["extensions"]["code"] == code
    else:
        error = answer["data"]["refundCreate"]["userErrors"][0]
        words = {"MISMATCH": "different parameters", "FAILED": "Retry with a new idempotency key"}
        assert words[code.rsplit("_", 1)[-1]] in error["message"]
    assert len(effects(world)) == done


def test_keys_of_two_shops_do_not_meet(join: Any, clock: Any) -> None:
    from caseconnect_shopify.simulator import Shop

    worlds = [join(Shop(domain=f"{n}.myshopify.com", now=clock)) for n in ("a", "b")]
    for world in worlds:
        order = world.order()
        assert refund(world, order, transactions=[money_back(order, "1.00")])["userErrors"] == []
        assert len(effects(world)) == 1


def test_a_blank_key_is_refused_and_older_versions_ask_for_none(world: Any) -> None:
    order = world.order()
    wanted = {"orderId": gid("Order", order), "transactions": [money_back(order, "1.00")]}
    blank = world.graphql(REFUND, {"input": wanted, "key": "  "})
    assert blank["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    bare = REFUND.replace("@idempotent(key: $key)", "").replace(", $key: String!", "")
    missing = world.graphql(bare, {"input": wanted})
    assert missing["errors"][0]["message"].startswith("The @idempotent directive is required")
    assert missing["data"] == {"refundCreate": None}
    assert world.graphql(bare, {"input": wanted}, version="2026-01")["data"]["refundCreate"]["userErrors"] == []
    assert len(effects(world)) == 1


@pytest.mark.parametrize(("kind", "before"), [("drop_before", 0), ("drop_after", 1), ("late", 0)])
def test_a_lost_answer_is_asked_for_again_with_the_same_key(world: Any, kind: Any, before: Any) -> None:
    order = world.order()
    wanted = {"transactions": [money_back(order, "10.00")]}
    world.shop.faults.add({"kind": kind, "operation": "refundCreate", "seconds": 30})
    with pytest.raises((ConnectionDropped, httpx.HTTPError)):
        refund(world, order, **wanted)
    assert len(effects(world)) == before
    if kind == "late":
        busy = refund(world, order, **wanted)
        assert "currently in progress" in busy["userErrors"][0]["message"]
        world.clock.pass_(30)
    assert refund(world, order, **wanted)["userErrors"] == []
    assert len(effects(world)) == 1
    assert effects(world)[0].args["key"] == "k1"


@pytest.mark.parametrize(
    ("outcome", "status", "financial"), [("success", "SUCCESS", "PARTIALLY_REFUNDED"), ("failure", "FAILURE", "PAID")]
)
def test_a_slow_gateway_settles_later(make_world: Any, outcome: Any, status: Any, financial: Any) -> None:
    world = make_world(slow_refunds={"klarna": {"seconds": 600, "outcome": outcome}})
    world.shop.subscribe("order_transactions/create", "http://127.0.0.1/hook")
    order = world.order(payment={"gateway": "klarna"})
    made = refund(world, order, transactions=[money_back(order, "10.00")])
    assert made["refund"]["transactions"]["nodes"][0]["status"] == "PENDING"
    assert made["order"]["displayFinancialStatus"] == "PAID"
    over = refund(world, order, "k2", transactions=[money_back(order, "31.00")])
    assert "net payment received $30.00" in over["userErrors"][0]["message"]
    world.clock.pass_(600)
    world.run_due()
    told = [b["status"] for b in world.inbox.bodies("order_transactions/create") if b["kind"] == "refund"]
    assert told == ["pending", status.lower()]
    again = refund(world, order, transactions=[money_back(order, "10.00")])
    assert again["refund"]["transactions"]["nodes"][0]["status"] == status
    assert again["order"]["displayFinancialStatus"] == financial


def test_goods_sent_are_not_taken_off_what_is_still_to_send(world: Any) -> None:
    order = world.order(lines=[{"title": "A", "sku": "A", "price": "10.00", "quantity": 3}])
    fulfilment.fulfill(world.shop, order, {"lines": {"A": 2}})
    line = {"lineItemId": gid("LineItem", order.lines[0]), "quantity": 2, "restockType": "RETURN"}
    refund(world, order, refundLineItems=[line])
    assert order.lines[0].open == 0
    assert order.lines[0].returned == 1
    assert order.fulfillment_orders[0].status == "CLOSED"


def test_a_suggestion_splits_by_tender_and_shares_discount_and_tax(world: Any) -> None:
    order = world.order(
        lines=[{"title": "A", "sku": "A", "price": "30.00", "quantity": 2}, {"title": "B", "price": "40.00"}],
        discounts=[{"code": "TEN", "amount": "10.00"}],
        tax="9.00",
        shipping="5.00",
        shipping_address={"city": "Bonn"},
        payment=[{"gateway": "gift_card", "amount": "90.00"}, {"amount": "14.00"}],
    )
    lines = [{"lineItemId": gid("LineItem", order.lines[0]), "quantity": 1}]
    found = world.data(SUGGEST, {"id": gid("Order", order), "lines": lines})["order"]["suggestedRefund"]
    assert found["totalCartDiscountAmountSet"]["shopMoney"]["amount"] == "3.0"
    assert found["subtotalSet"]["shopMoney"]["amount"] == "27.0"
    assert found["totalTaxSet"]["shopMoney"]["amount"] == "2.7"
    assert found["amountSet"]["shopMoney"]["amount"] == "34.7"
    assert found["maximumRefundableSet"]["presentmentMoney"]["amount"] == "104.0"
    parts = [(t["gateway"], t["amountSet"]["presentmentMoney"]["amount"]) for t in found["suggestedTransactions"]]
    assert parts == [("shopify_payments", "14.0"), ("gift_card", "20.7")]
    full = world.data(SUGGEST, {"id": gid("Order", order), "full": True})["order"]["suggestedRefund"]
    assert full["amountSet"]["shopMoney"]["amount"] == "104.0"
    credit = world.data(SUGGEST, {"id": gid("Order", order), "full": True, "how": "STORE_CREDIT"})
    credit = credit["order"]["suggestedRefund"]
    assert credit["suggestedTransactions"] == []
    assert credit["suggestedRefundMethods"] == [
        {"__typename": "SuggestedStoreCreditRefund", "amount": {"presentmentMoney": {"amount": "104.0"}}}
    ]


def test_a_refund_by_hand_between_approval_and_execution_caps_ours(world: Any) -> None:
    order = world.order()
    path = f"/_sim/orders/{order.id}/refund"
    assert world.request("POST", path, content=json.dumps({"amount": "35.00"})).status_code == 201
    answer = refund(world, order, transactions=[money_back(order, "40.00")])
    assert answer["userErrors"][0]["message"] == "Refund amount $40.00 is greater than net payment received $5.00"


def test_a_cancel_may_give_store_credit(world: Any) -> None:
    order = world.order(customer={"email": "a@example.com"})
    cancel = """mutation Cancel($id: ID!, $until: DateTime) { orderCancel(orderId: $id, reason: CUSTOMER, restock: true,
      refundMethod: { storeCreditRefund: { expiresAt: $until } }) { job { id } orderCancelUserErrors { code } } }"""
    past = world.data(cancel, {"id": gid("Order", order), "until": "2020-01-01T00:00:00Z"})
    assert past["orderCancel"]["orderCancelUserErrors"] == [{"code": "STORE_CREDIT_REFUND_EXPIRATION_IN_PAST"}]
    assert world.data(cancel, {"id": gid("Order", order)})["orderCancel"]["orderCancelUserErrors"] == []
    world.clock.pass_(2)
    world.run_due()
    assert order.cancelled_at is not None
    assert [a.balance for a in world.shop.accounts.values()] == [Decimal("40.00")]


TROUBLES: tuple[dict[str, Any], ...] = (
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "late", "seconds": 3},
    {"kind": "status", "status": 502},
    {"kind": "throttle"},
)


@pytest.mark.parametrize("troubles", list(product(range(len(TROUBLES)), repeat=2)))
def test_whatever_goes_wrong_on_the_way_one_key_is_one_refund(world: Any, troubles: tuple[int, ...]) -> None:
    order = world.order()
    wanted = {"orderId": gid("Order", order), "transactions": [money_back(order, "10.00")]}
    for number in troubles:
        world.shop.faults.add(TROUBLES[number] | {"operation": "refundCreate"})
    for _ in range(8):
        try:
            answer = world.raw(REFUND, {"input": wanted, "key": "k"})
        except ConnectionDropped:
            answer = None
        world.clock.pass_(2)
        told = answer.json() if answer is not None and answer.status_code == 200 else {}
        if (told.get("data") or {}).get("refundCreate", {}).get("refund"):
            break
        world.clock.pass_(20 if "errors" in told else 0)
    else:
        pytest.fail("never told of the refund")
    world.clock.pass_(60)
    world.run_due()
    assert len(effects(world)) == len(order.refunds) == 1
    assert sum(t.amount for t in order.transactions if t.kind == "REFUND") == Decimal("10.00")
