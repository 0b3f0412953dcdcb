"""Returns from the shopper's wish to the goods' way back, exchanges and money."""

from decimal import Decimal
from typing import Any

import pytest

from caseconnect_shopify.simulator.world import fulfilment, payments

FIELDS = """return { id name status totalQuantity closedAt requestApprovedAt decline { reason note }
    returnLineItems(first: 5) { nodes { quantity processedQuantity refundableQuantity returnReason customerNote
      ... on ReturnLineItem { id fulfillmentLineItem { id lineItem { id } } } returnReasonDefinition { handle } } }
    exchangeLineItems(first: 5) { nodes { id quantity processedQuantity lineItem { id } } }
    reverseFulfillmentOrders(first: 2) { nodes { status lineItems(first: 2) { nodes { id totalQuantity
      dispositions { type quantity } } } } }
    refunds(first: 2) { nodes { id return { id } } } order { returnStatus } } userErrors { field message code }"""
OPERATIONS = {
    "returnRequest": "mutation M($a: ReturnRequestInput!) { returnRequest(input: $a) { %s } }",
    "returnCreate": "mutation M($a: ReturnInput!) { returnCreate(returnInput: $a) { %s } }",
    "returnApproveRequest": "mutation M($a: ReturnApproveRequestInput!) { returnApproveRequest(input: $a) { %s } }",
    "returnDeclineRequest": "mutation M($a: ReturnDeclineRequestInput!) { returnDeclineRequest(input: $a) { %s } }",
    "returnProcess": "mutation M($a: ReturnProcessInput!) { returnProcess(input: $a) { %s } }",
    "returnCancel": "mutation M($a: ID!) { returnCancel(id: $a) { %s } }",
    "returnClose": "mutation M($a: ID!) { returnClose(id: $a) { %s } }",
    "returnReopen": "mutation M($a: ID!) { returnReopen(id: $a) { %s } }",
}
REMOVE = """mutation M($id: ID!, $lines: [ReturnLineItemRemoveFromReturnInput!]) {
  removeFromReturn(returnId: $id, returnLineItems: $lines) { %s } }"""
TOPICS = ("request", "approve", "decline", "process", "update", "close", "cancel", "reopen")


def gid(kind: Any, number: Any) -> Any:
    return f"gid://shopify/{kind}/{number}"


def call(world: Any, name: Any, argument: Any) -> Any:
    return world.data(OPERATIONS[name] % FIELDS, {"a": argument})[name]


def remove(world: Any, number: Any, lines: Any) -> Any:
    return world.data(REMOVE % FIELDS, {"id": number, "lines": lines})["removeFromReturn"]


@pytest.fixture
def order(world: Any) -> Any:
    for topic in TOPICS:
        world.shop.subscribe(f"returns/{topic}", "http://127.0.0.1/hook")
    made = world.order(customer={"email": "a@example.com"}, shipping="4.00", shipping_address={"city": "Bonn"})
    fulfilment.fulfill(world.shop, made, {})
    return made


def line(order: Any, quantity: Any = 1, **more: Any) -> Any:
    number = order.fulfillments[0].lines[0][0]
    reason = {} if {"returnReason", "returnReasonDefinitionId"} & more.keys() else {"returnReason": "DEFECTIVE"}
    return {"fulfillmentLineItemId": gid("FulfillmentLineItem", number), "quantity": quantity, **reason, **more}


def ask(world: Any, order: Any, *lines: Any, **more: Any) -> Any:
    wanted = {"orderId": gid("Order", order.id), "returnLineItems": list(lines or [line(order)]), **more}
    return call(world, "returnRequest", wanted)


def make(world: Any, order: Any, *lines: Any, **more: Any) -> Any:
    wanted = {"orderId": gid("Order", order.id), "returnLineItems": list(lines or [line(order)]), **more}
    return call(world, "returnCreate", wanted)


def told(world: Any, topic: Any) -> Any:
    world.run_due()
    return world.inbox.bodies(f"returns/{topic}")


def what(world: Any) -> Any:
    return [e.what for e in world.shop.ledger]


def test_asked_for_approved_processed_and_closed(world: Any, order: Any) -> None:
    asked = ask(world, order, line(order, customerNote="Cracked"))["return"]
    assert (asked["name"], asked["status"], asked["totalQuantity"]) == (f"{order.name}-R1", "REQUESTED", 1)
    assert asked["order"]["returnStatus"] == "RETURN_REQUESTED"
    assert asked["returnLineItems"]["nodes"][0]["returnReasonDefinition"]["handle"] == "damaged-or-defective"
    assert asked["reverseFulfillmentOrders"]["nodes"] == []
    body = told(world, "request")[0]
    assert (body["status"], body["name"], body["total_return_line_items"]) == ("requested", f"{order.name}-R1", 1)
    assert body["order"]["id"] == order.id
    shown = body["return_line_items"][0]
    assert shown["fulfillment_line_item"]["line_item"]["id"] == order.lines[0].id
    assert (shown["return_reason"], shown["customer_note"]) == ("defective", "Cracked")
    approved = call(world, "returnApproveRequest", {"id": asked["id"]})["return"]
    assert (approved["status"], approved["order"]["returnStatus"]) == ("OPEN", "IN_PROGRESS")
    assert approved["requestApprovedAt"] is not None
    reverse = approved["reverseFulfillmentOrders"]["nodes"][0]["lineItems"]["nodes"][0]
    assert reverse["totalQuantity"] == 1
    assert told(world, "approve")[0]["status"] == "open"
    sale = order.transactions[0]
    processed = call(
        world,
        "returnProcess",
        {
            "returnId": asked["id"],
            "returnLineItems": [
                {
                    "id": asked["returnLineItems"]["nodes"][0]["id"],
                    "quantity": 1,
                    "dispositions": [
                        {
                            "reverseFulfillmentOrderLineItemId": reverse["id"],
                            "quantity": 1,
                            "dispositionType": "RESTOCKED",
                        }
                    ],
                }
            ],
            "financialTransfer": {
                "issueRefund": {
                    "orderTransactions": [
                        {
                            "parentId": gid("OrderTransaction", sale.id),
                            "transactionAmount": {"amount": "20.00", "currencyCode": "USD"},
                        }
                    ]
                }
            },
        },
    )
    assert processed["userErrors"] == []
    assert processed["return"]["status"] == "OPEN"
    assert processed["return"]["refunds"]["nodes"][0]["return"] == {"id": asked["id"]}
    assert processed["return"]["returnLineItems"]["nodes"][0]["processedQuantity"] == 1
    assert processed["return"]["returnLineItems"]["nodes"][0]["refundableQuantity"] == 0
    back = processed["return"]["reverseFulfillmentOrders"]["nodes"][0]["lineItems"]["nodes"][0]
    assert back["dispositions"] == [{"type": "RESTOCKED", "quantity": 1}]
    assert order.refunds[0].lines[0].restock_type == "RETURN"
    assert told(world, "process")[0]["return_line_items"][0]["quantity"] == 1
    closed = call(world, "returnClose", asked["id"])["return"]
    assert (closed["status"], closed["order"]["returnStatus"]) == ("CLOSED", "RETURNED")
    assert told(world, "close") == [
        {"id": body["id"], "admin_graphql_api_id": asked["id"], "order_id": order.id, "status": "closed"}
    ]
    assert what(world) == ["return_request", "return_approve", "return_process", "return_close"]
    assert world.shop.ledger[2].args["transactions"][0]["amount"] == Decimal("20.00")


def test_declined_goods_can_be_asked_for_again(world: Any, order: Any) -> None:
    asked = ask(world, order, line(order, 2))["return"]
    long = call(world, "returnDeclineRequest", {"id": asked["id"], "declineReason": "OTHER", "declineNote": "x" * 501})
    assert (long["userErrors"][0]["field"], long["userErrors"][0]["code"]) == (["input", "declineNote"], "TOO_LONG")
    wanted = {"id": asked["id"], "declineReason": "RETURN_PERIOD_ENDED", "declineNote": "30 days"}
    declined = call(world, "returnDeclineRequest", wanted)["return"]
    assert declined["decline"] == {"reason": "RETURN_PERIOD_ENDED", "note": "30 days"}
    assert declined["order"]["returnStatus"] == "NO_RETURN"
    body = told(world, "decline")[0]
    assert body["decline"] == {"reason": "return_period_ended", "note": "30 days"}
    again = call(world, "returnDeclineRequest", wanted)
    assert again["userErrors"][0]["message"] == "The return is already declined."
    assert ask(world, order, line(order, 2))["userErrors"] == []


@pytest.mark.parametrize(
    ("state", "name", "field", "message"),
    [
        (
            "OPEN",
            "returnApproveRequest",
            ["input", "id"],
            "Return is not approvable. Only returns with status REQUESTED can be approved.",
        ),
        (
            "OPEN",
            "returnDeclineRequest",
            ["input", "id"],
            "Return is not declinable. Only non-refunded returns with status REQUESTED can be declined.",
        ),
        ("REQUESTED", "returnClose", ["id"], "Return status is invalid."),
        ("REQUESTED", "returnReopen", ["id"], "Return status is invalid."),
        ("REQUESTED", "returnCancel", ["id"], "Return is not cancelable."),
        ("CLOSED", "returnCancel", ["id"], "Return is not cancelable."),
        ("CANCELED", "returnClose", ["id"], "Return status is invalid."),
        ("CLOSED", "returnProcess", ["input", "returnId"], "Return status is invalid."),
        ("CLOSED", "removeFromReturn", ["returnId"], "Return status is invalid."),
    ],
)
def test_what_a_state_does_not_allow(world: Any, order: Any, state: Any, name: Any, field: Any, message: Any) -> None:
    made = (ask if state == "REQUESTED" else make)(world, order)["return"]
    for move in {"CLOSED": ["returnClose"], "CANCELED": ["returnCancel"]}.get(state, []):
        call(world, move, made["id"])
    before = len(world.shop.ledger)
    if name == "removeFromReturn":
        gone = {"returnLineItemId": made["returnLineItems"]["nodes"][0]["id"], "quantity": 1}
        answer = remove(world, made["id"], [gone])
    else:
        inputs = {
            "returnApproveRequest": {"id": made["id"]},
            "returnDeclineRequest": {"id": made["id"], "declineReason": "OTHER"},
            "returnProcess": {"returnId": made["id"]},
        }
        answer = call(world, name, inputs.get(name, made["id"]))
    assert answer == {"return": None, "userErrors": [{"field": field, "message": message, "code": "INVALID_STATE"}]}
    assert len(world.shop.ledger) == before


@pytest.mark.parametrize(
    ("name", "argument", "field"),
    [
        ("returnApproveRequest", {"id": gid("Return", 1)}, ["input", "id"]),
        ("returnDeclineRequest", {"id": gid("Return", 1), "declineReason": "OTHER"}, ["input", "id"]),
        ("returnProcess", {"returnId": gid("Return", 1)}, ["input", "returnId"]),
        ("returnClose", gid("Return", 1), ["id"]),
    ],
)
def test_unknown_returns(world: Any, name: Any, argument: Any, field: Any) -> None:
    error = call(world, name, argument)["userErrors"][0]
    assert error == {"field": field, "message": "Return not found.", "code": "NOT_FOUND"}


@pytest.mark.parametrize(
    ("root", "change", "field", "code"),
    [
        ("input", {"quantity": 3}, "quantity", "INVALID"),
        ("input", {"quantity": 0}, "quantity", "INVALID"),
        ("returnInput", {"quantity": 3}, "quantity", "INVALID"),
        (
            "input",
            {"fulfillmentLineItemId": gid("FulfillmentLineItem", 1)},
            "fulfillmentLineItemId",
            "NOT_FOUND",
        ),
        ("input", {"returnReason": None}, "returnReason", "BLANK"),
        ("returnInput", {"returnReason": None}, None, "NOT_FOUND"),
        ("returnInput", {"returnReason": "OTHER"}, "returnReasonNote", "BLANK"),
        (
            "returnInput",
            {"returnReasonDefinitionId": gid("ReturnReasonDefinition", 1)},
            "returnReasonDefinitionId",
            "NOT_FOUND",
        ),
    ],
)
def test_lines_that_cannot_be_returned(world: Any, order: Any, root: Any, change: Any, field: Any, code: Any) -> None:
    start = ask if root == "input" else make
    error = start(world, order, line(order) | change)["userErrors"][0]
    assert error["field"] == [root, "returnLineItems", "0"] + ([field] if field else [])
    assert error["code"] == code
    assert order.returns == []


def test_an_unknown_order_and_goods_not_sent(world: Any) -> None:
    wanted = {"orderId": gid("Order", 1), "returnLineItems": []}
    assert call(world, "returnRequest", wanted)["userErrors"][0]["field"] == ["input", "orderId"]
    order = world.order()
    lines = [{"fulfillmentLineItemId": gid("FulfillmentLineItem", order.lines[0].id), "quantity": 1}]
    answer = call(world, "returnRequest", {"orderId": gid("Order", order.id), "returnLineItems": lines})
    assert answer["userErrors"][0]["code"] == "NOT_FOUND"


def test_what_can_be_returned_shrinks_by_returns_and_refunds(world: Any, order: Any) -> None:
    query = """query Q($id: ID!) { returnableFulfillments(orderId: $id, first: 5) { nodes { id fulfillment { id }
      returnableFulfillmentLineItems(first: 5) { nodes { quantity fulfillmentLineItem { id } } } } } }"""

    def left() -> Any:
        nodes = world.data(query, {"id": gid("Order", order.id)})["returnableFulfillments"]["nodes"]
        return [x["quantity"] for n in nodes for x in n["returnableFulfillmentLineItems"]["nodes"]]

    assert left() == [2]
    made = make(world, order)["return"]
    assert left() == [1]
    call(world, "returnCancel", made["id"])
    assert left() == [2]
    payments.refund(world.shop, order, {"lines": {"MUG": 1}, "amount": "20.00"})
    assert left() == [1]
    ask(world, order)
    assert left() == []


def test_units_are_removed_by_deltas_until_the_return_closes(world: Any, order: Any) -> None:
    made = make(world, order, line(order, 2))["return"]
    number = made["returnLineItems"]["nodes"][0]["id"]
    for units, code in ((0, "GREATER_THAN"), (3, "INVALID")):
        error = remove(world, made["id"], [{"returnLineItemId": number, "quantity": units}])["userErrors"][0]
        assert (error["field"], error["code"]) == (["returnLineItems", "0", "quantity"], code)
    less = remove(world, made["id"], [{"returnLineItemId": number, "quantity": 1}])["return"]
    assert (less["status"], less["totalQuantity"]) == ("OPEN", 1)
    body = told(world, "update")[0]
    assert "status" not in body
    assert body["return_line_items"]["removals"] == [{"admin_graphql_api_id": number, "delta": 1}]
    none = remove(world, made["id"], [{"returnLineItemId": number, "quantity": 1}])["return"]
    assert (none["status"], none["totalQuantity"], none["order"]["returnStatus"]) == ("CLOSED", 0, "RETURNED")


def test_a_closed_return_opens_again_and_repeats_change_nothing(world: Any, order: Any) -> None:
    made = make(world, order)["return"]
    call(world, "returnClose", made["id"])
    call(world, "returnClose", made["id"])
    again = call(world, "returnReopen", made["id"])["return"]
    assert (again["status"], again["closedAt"]) == ("OPEN", None)
    call(world, "returnReopen", made["id"])
    assert what(world) == ["return_create", "return_close", "return_reopen"]


def test_an_exchange_adds_a_line_and_a_fulfilment_order_that_nobody_holds(world: Any, order: Any) -> None:
    world.order(lines=[{"title": "Cup", "sku": "CUP", "price": "15.00"}])
    cup = next(v for v in world.shop.variants.values() if v.sku == "CUP")
    wrong = make(world, order, exchangeLineItems=[{"variantId": gid("ProductVariant", 1), "quantity": 1}])
    assert wrong["userErrors"][0]["code"] == "NOT_FOUND"
    swap = {"variantId": gid("ProductVariant", cup.id), "quantity": 1}
    free = {"value": {"percentage": 100.0}, "description": "Swap"}
    made = make(world, order, exchangeLineItems=[swap | {"appliedDiscount": free}])["return"]
    assert told(world, "approve")[-1]["total_exchange_line_items"] == 1
    exchange = made["exchangeLineItems"]["nodes"][0]
    done = call(
        world,
        "returnProcess",
        {
            "returnId": made["id"],
            "returnLineItems": [{"id": made["returnLineItems"]["nodes"][0]["id"], "quantity": 1}],
            "exchangeLineItems": [{"id": exchange["id"], "quantity": 1}],
        },
    )["return"]
    new = order.lines[-1]
    assert done["exchangeLineItems"]["nodes"][0]["lineItem"] == {"id": gid("LineItem", new.id)}
    assert (new.sku, new.price - new.discount) == ("CUP", Decimal(0))
    assert [(f.status, len(f.holds)) for f in order.fulfillment_orders] == [("CLOSED", 0), ("OPEN", 0)]
    assert order.refunds == []


def test_a_return_says_what_it_should_come_to(world: Any, order: Any) -> None:
    fee = {"amount": {"amount": "3.00", "currencyCode": "USD"}}
    made = make(world, order, line(order, 2, restockingFee={"percentage": 10}), returnShippingFee=fee)["return"]
    query = """query Q($id: ID!, $lines: [SuggestedOutcomeReturnLineItemInput!]!) { return(id: $id) {
      returnShippingFees { amountSet { shopMoney { amount } } }
      returnLineItems(first: 1) { nodes { ... on ReturnLineItem { restockingFee { percentage
        amountSet { shopMoney { amount } } } withCodeDiscountedTotalPriceSet { shopMoney { amount } } } } }
      suggestedFinancialOutcome(
        returnLineItems: $lines, exchangeLineItems: [], refundShipping: { fullRefund: true }
      ) { discountedSubtotal { shopMoney { amount } } shipping { amountSet { shopMoney { amount } } }
        financialTransfer { ... on RefundReturnOutcome { amount { shopMoney { amount } }
          suggestedTransactions { gateway amountSet { shopMoney { amount } } } } } } } }"""
    lines = [{"id": made["returnLineItems"]["nodes"][0]["id"], "quantity": 1}]
    found = world.data(query, {"id": made["id"], "lines": lines})["return"]
    assert found["returnShippingFees"][0]["amountSet"]["shopMoney"]["amount"] == "3.0"
    shown = found["returnLineItems"]["nodes"][0]
    assert shown["restockingFee"] == {"percentage": 10, "amountSet": {"shopMoney": {"amount": "4.0"}}}
    outcome = found["suggestedFinancialOutcome"]
    assert outcome["discountedSubtotal"]["shopMoney"]["amount"] == "20.0"
    assert outcome["financialTransfer"]["amount"]["shopMoney"]["amount"] == "24.0"
    assert outcome["financialTransfer"]["suggestedTransactions"][0]["gateway"] == "shopify_payments"


def test_returns_are_found_by_order_and_search(world: Any, order: Any) -> None:
    asked = ask(world, order)["return"]
    query = """query Q($id: ID!) { orders(first: 5, query: "return_status:return_requested") { nodes { id } }
      order(id: $id) { returnStatus returns(first: 5) { nodes { id status } } }
      returnReasonDefinitions(first: 20) { nodes { id handle } } }"""
    found = world.data(query, {"id": gid("Order", order.id)})
    assert found["orders"]["nodes"] == [{"id": gid("Order", order.id)}]
    assert found["order"]["returns"]["nodes"] == [{"id": asked["id"], "status": "REQUESTED"}]
    definition = found["returnReasonDefinitions"]["nodes"][0]["id"]
    assert ask(world, order, line(order, returnReasonDefinitionId=definition))["userErrors"] == []


def test_an_order_with_an_open_return_is_not_cancelled(world: Any, order: Any) -> None:
    ask(world, order)
    cancel = """mutation C($id: ID!) { orderCancel(orderId: $id, reason: CUSTOMER, restock: true) {
      orderCancelUserErrors { message } } }"""
    errors = world.data(cancel, {"id": gid("Order", order.id)})["orderCancel"]["orderCancelUserErrors"]
    assert errors == [{"message": "Cannot cancel an order with active returns"}]
