"""Fulfilment orders moved, split, rescheduled and cancelled past a hold; parcels; order edits; lifecycle; customers."""

from typing import Any

import pytest

from caseconnect_shopify.simulator.world import fulfilment

FO = """id status fulfillmentHolds { handle } assignedLocation { location { id } }
  lineItems(first: 5) { nodes { remainingQuantity } }"""
MOVE = """mutation M($id: ID!, $to: ID!, $part: [FulfillmentOrderLineItemInput!]) {
  fulfillmentOrderMove(id: $id, newLocationId: $to, fulfillmentOrderLineItems: $part) {
    movedFulfillmentOrder { FO } originalFulfillmentOrder { FO } remainingFulfillmentOrder { id }
    userErrors { field message code } } }""".replace("FO }", FO + " }")
SPLIT = """mutation S($in: [FulfillmentOrderSplitInput!]!) { fulfillmentOrderSplit(fulfillmentOrderSplits: $in) {
  fulfillmentOrderSplits { fulfillmentOrder { FO } remainingFulfillmentOrder { FO } }
  userErrors { field code } } }""".replace("FO }", FO + " }")


def gid(kind: Any, number: Any) -> Any:
    return f"gid://shopify/{kind}/{number}"


def fo_gid(order: Any, n: Any = 0) -> Any:
    return gid("FulfillmentOrder", order.fulfillment_orders[n].id)


def part(order: Any, units: Any) -> Any:
    return [{"id": gid("FulfillmentOrderLineItem", order.fulfillment_orders[0].lines[0].id), "quantity": units}]


@pytest.fixture
def held(world: Any) -> Any:
    order = world.order()
    fulfilment.hold(world.shop, order.fulfillment_orders[0], "OTHER", handle="case", app_id=world.shop.app_id)
    return order


def test_a_move_makes_a_fulfilment_order_that_nobody_holds(world: Any, held: Any) -> None:
    world.shop.subscribe("fulfillment_orders/moved", "http://127.0.0.1/hook")
    answer = world.data(MOVE, {"id": fo_gid(held), "to": gid("Location", 2)})["fulfillmentOrderMove"]
    moved = answer["movedFulfillmentOrder"]
    assert (moved["status"], moved["fulfillmentHolds"]) == ("OPEN", [])
    assert moved["assignedLocation"]["location"]["id"] == gid("Location", 2)
    assert answer["originalFulfillmentOrder"]["status"] == "CLOSED"
    assert answer["remainingFulfillmentOrder"] is None
    world.run_due()
    assert world.inbox.bodies("fulfillment_orders/moved")[0]["moved_fulfillment_order"]["id"] == moved["id"]
    assert [e.what for e in world.shop.ledger] == ["fulfillment_order_move"]


def test_a_part_is_moved_and_split(world: Any, held: Any) -> None:
    answer = world.data(MOVE, {"id": fo_gid(held), "to": gid("Location", 2), "part": part(held, 1)})
    moved = answer["fulfillmentOrderMove"]
    assert moved["remainingFulfillmentOrder"]["id"] == fo_gid(held)
    assert moved["originalFulfillmentOrder"]["fulfillmentHolds"] == [{"handle": "case"}]
    other = world.order()
    fulfilment.hold(world.shop, other.fulfillment_orders[0], "OTHER", handle="case", app_id=world.shop.app_id)
    wanted = [{"fulfillmentOrderId": fo_gid(other), "fulfillmentOrderLineItems": part(other, 1)}]
    made = world.data(SPLIT, {"in": wanted})["fulfillmentOrderSplit"]["fulfillmentOrderSplits"][0]
    assert made["fulfillmentOrder"]["fulfillmentHolds"] == [{"handle": "case"}]
    assert (made["remainingFulfillmentOrder"]["status"], made["remainingFulfillmentOrder"]["fulfillmentHolds"]) == (
        "OPEN",
        [],
    )
    units = [made[k]["lineItems"]["nodes"][0]["remainingQuantity"] for k in made]
    assert units == [1, 1]


@pytest.mark.parametrize(
    ("units", "code"),
    [(0, "GREATER_THAN"), (3, "INVALID_LINE_ITEM_QUANTITY"), (2, "INVALID_LINE_ITEM_QUANTITY")],
)
def test_splits_that_are_refused(world: Any, units: Any, code: Any) -> None:
    order = world.order()
    wanted = [{"fulfillmentOrderId": fo_gid(order), "fulfillmentOrderLineItems": part(order, units)}]
    assert world.data(SPLIT, {"in": wanted})["fulfillmentOrderSplit"]["userErrors"][0]["code"] == code
    none = [{"fulfillmentOrderId": fo_gid(order), "fulfillmentOrderLineItems": []}]
    errors = world.data(SPLIT, {"in": none})["fulfillmentOrderSplit"]["userErrors"]
    assert errors[0]["code"] == "NO_LINE_ITEMS_PROVIDED_TO_SPLIT"
    assert len(order.fulfillment_orders) == 1


STEP = """mutation S($id: ID!) { %s { fulfillmentOrder { id status } userErrors { field message } } }"""


def step(world: Any, name: Any, number: Any, extra: Any = "") -> Any:
    return world.data(STEP.replace("%s", f"{name}(id: $id{extra})"), {"id": number})[name]


def test_work_reported_blocks_a_move_and_a_cancel_until_it_is_taken_back(world: Any) -> None:
    order = world.order()
    number = fo_gid(order)
    assert step(world, "fulfillmentOrderReportProgress", number)["fulfillmentOrder"]["status"] == "IN_PROGRESS"
    move = world.data(MOVE, {"id": number, "to": gid("Location", 2)})["fulfillmentOrderMove"]
    assert move["userErrors"][0]["code"] == "CANNOT_MOVE_FULFILLMENT_ORDER_WITH_REPORTED_PROGRESS"
    cancel = step(world, "fulfillmentOrderCancel", number)
    assert "Mark as unfulfilled first" in cancel["userErrors"][0]["message"]
    assert step(world, "fulfillmentOrderOpen", number)["fulfillmentOrder"]["status"] == "OPEN"
    gone = step(world, "fulfillmentOrderCancel", number)
    assert gone["fulfillmentOrder"]["status"] == "CLOSED"
    assert [f.status for f in order.fulfillment_orders] == ["CLOSED", "OPEN"]
    assert order.fulfillment_orders[1].lines[0].remaining == 2
    again = step(world, "fulfillmentOrderCancel", number)
    assert again["userErrors"][0]["field"] is None
    assert step(world, "fulfillmentOrderOpen", gid("FulfillmentOrder", 1))["userErrors"][0]["field"] == ["id"]


def test_scheduled_work_is_rescheduled(world: Any) -> None:
    order = world.order(fulfill_at="2026-12-01T00:00:00Z")
    at = ', fulfillAt: "2026-12-24T00:00:00Z"'
    assert step(world, "fulfillmentOrderReschedule", fo_gid(order), at)["userErrors"] == []
    assert order.fulfillment_orders[0].fulfill_at.day == 24
    other = world.order()
    errors = step(world, "fulfillmentOrderReschedule", fo_gid(other), at)["userErrors"]
    assert errors == [{"field": ["id"], "message": "Fulfillment order must be scheduled."}]


def test_a_parcel_and_a_carriers_scan_by_api(world: Any) -> None:
    world.shop.subscribe("fulfillment_events/create", "http://127.0.0.1/hook")
    order = world.order()
    create = """mutation F($in: FulfillmentInput!) { fulfillmentCreate(fulfillment: $in) {
      fulfillment { id trackingInfo { number } } userErrors { field message } } }"""
    wanted: dict[str, Any] = {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": fo_gid(order)}]}
    wanted |= {"trackingInfo": {"number": "T1", "company": "DHL"}}
    made = world.data(create, {"in": wanted})["fulfillmentCreate"]["fulfillment"]
    assert made["trackingInfo"] == [{"number": "T1"}]
    closed = world.data(create, {"in": wanted})["fulfillmentCreate"]["userErrors"]
    assert closed[0]["field"] == ["fulfillment"]
    event = """mutation E($in: FulfillmentEventInput!) { fulfillmentEventCreate(fulfillmentEvent: $in) {
      fulfillmentEvent { status message } userErrors { field message } } }"""
    done = world.data(event, {"in": {"fulfillmentId": made["id"], "status": "DELAYED", "message": "Snow"}})
    assert done["fulfillmentEventCreate"]["fulfillmentEvent"] == {"status": "DELAYED", "message": "Snow"}
    assert order.fulfillments[0].display_status == "DELAYED"
    world.run_due()
    assert world.inbox.bodies("fulfillment_events/create")[0]["status"] == "delayed"
    none = world.data(event, {"in": {"fulfillmentId": gid("Fulfillment", 1), "status": "DELAYED"}})
    assert none["fulfillmentEventCreate"]["fulfillmentEvent"] is None


def test_an_edit_adds_goods_that_nobody_holds(world: Any, held: Any) -> None:
    world.shop.subscribe("orders/edited", "http://127.0.0.1/hook")
    begin = "mutation B($id: ID!) { orderEditBegin(id: $id) { calculatedOrder { id } userErrors { field message } } }"
    missing = world.data(begin, {"id": gid("Order", 1)})["orderEditBegin"]
    assert missing["userErrors"] == [{"field": ["id"], "message": "The order does not exist."}]
    session = world.data(begin, {"id": gid("Order", held.id)})["orderEditBegin"]["calculatedOrder"]["id"]
    assert world.data(begin, {"id": gid("Order", held.id)})["orderEditBegin"]["userErrors"] != []
    add = """mutation A($id: ID!, $title: String!) { orderEditAddCustomItem(id: $id, title: $title, quantity: 1,
      price: { amount: "5.00", currencyCode: USD }) { calculatedLineItem { id title }
      calculatedOrder { totalPriceSet { shopMoney { amount } } addedLineItems(first: 2) { nodes { title } } }
      userErrors { field message } } }"""
    assert world.data(add, {"id": session, "title": " "})["orderEditAddCustomItem"]["userErrors"] != []
    added = world.data(add, {"id": session, "title": "Gift wrap"})["orderEditAddCustomItem"]["calculatedOrder"]
    assert added["totalPriceSet"]["shopMoney"]["amount"] == "45.0"
    quantity = """mutation Q($id: ID!, $line: ID!) { orderEditSetQuantity(id: $id, lineItemId: $line, quantity: 1) {
      calculatedLineItem { quantity } userErrors { field message } } }"""
    line = gid("CalculatedLineItem", held.lines[0].id)
    done = world.data(quantity, {"id": session, "line": line})["orderEditSetQuantity"]
    assert done["calculatedLineItem"] == {"quantity": 1}
    assert held.edited is False
    commit = """mutation C($id: ID!) { orderEditCommit(id: $id, staffNote: "Case 7") {
      order { edited currentTotalPriceSet { shopMoney { amount } } } userErrors { field message } } }"""
    order = world.data(commit, {"id": session})["orderEditCommit"]["order"]
    assert order == {"edited": True, "currentTotalPriceSet": {"shopMoney": {"amount": "25.0"}}}
    assert [(f.status, len(f.holds)) for f in held.fulfillment_orders] == [("ON_HOLD", 1), ("OPEN", 0)]
    gone = world.data(commit, {"id": session})["orderEditCommit"]["userErrors"]
    assert gone == [{"field": ["id"], "message": "The calculated order does not exist."}]
    world.run_due()
    told = world.inbox.bodies("orders/edited")[0]["order_edit"]
    assert (told["staff_note"], len(told["line_items"]["additions"]), len(told["line_items"]["removals"])) == (
        "Case 7",
        1,
        1,
    )


def test_orders_are_closed_opened_captured_and_marked_as_paid(world: Any) -> None:
    order = world.order(payment={"kind": "authorization"})
    number = gid("Order", order.id)
    close = "mutation M($id: ID!) { NAME(input: { id: $id }) { order { closed } userErrors { field message } } }"
    for name, closed in (("orderClose", True), ("orderClose", True), ("orderOpen", False)):
        assert world.data(close.replace("NAME", name), {"id": number})[name]["order"] == {"closed": closed}
    capture = """mutation M($in: OrderCaptureInput!) { orderCapture(input: $in) {
      transaction { kind status amountSet { shopMoney { amount } } } userErrors { field message } } }"""
    wanted = {"id": number, "parentTransactionId": gid("OrderTransaction", order.transactions[0].id)}
    over = world.data(capture, {"in": wanted | {"amount": "99"}})["orderCapture"]["userErrors"]
    assert over[0]["field"] == ["amount"]
    made = world.data(capture, {"in": wanted | {"amount": "30"}})["orderCapture"]["transaction"]
    assert made == {"kind": "CAPTURE", "status": "SUCCESS", "amountSet": {"shopMoney": {"amount": "30.0"}}}
    paid = close.replace("NAME", "orderMarkAsPaid")
    assert world.data(paid, {"id": number})["orderMarkAsPaid"]["userErrors"] == []
    assert world.data(paid, {"id": number})["orderMarkAsPaid"]["userErrors"] != []
    what = [e.what for e in world.shop.ledger]
    assert what == ["order_close", "order_open", "capture", "order_mark_as_paid"]
    events = world.data(
        "query E($id: ID!) { order(id: $id) { events(first: 9) { nodes { action } } } }", {"id": number}
    )
    assert [n["action"] for n in events["order"]["events"]["nodes"]] == what


def test_customers_are_updated_and_merged_by_api(world: Any) -> None:
    for topic in ("customers/update", "customer.tags_added", "customers/merge"):
        world.shop.subscribe(topic, "http://127.0.0.1/hook")
    one = world.order(customer={"email": "a@example.com"}).customer
    two = world.order(customer={"email": "b@example.com", "tags": ["old"]}).customer
    update = """mutation U($in: CustomerInput!) { customerUpdate(input: $in) {
      customer { firstName tags } userErrors { field message } } }"""
    number = gid("Customer", one.id)
    done = world.data(update, {"in": {"id": number, "firstName": "Ann", "tags": ["vip"]}})["customerUpdate"]
    assert done["customer"] == {"firstName": "Ann", "tags": ["vip"]}
    for change, field in (
        ({"email": "nope"}, ["email"]),
        ({"email": "b@example.com"}, ["email"]),
        ({"phone": "x"}, ["phone"]),
    ):
        assert world.data(update, {"in": {"id": number, **change}})["customerUpdate"]["userErrors"][0]["field"] == field
    merge = """mutation M($a: ID!, $b: ID!) { customerMerge(customerOneId: $a, customerTwoId: $b) {
      job { id done } resultingCustomerId userErrors { code } } }"""
    answer = world.data(merge, {"a": number, "b": gid("Customer", two.id)})["customerMerge"]
    assert answer["resultingCustomerId"] == gid("Customer", two.id)
    assert answer["job"]["done"] is False
    world.clock.pass_(2)
    world.run_due()
    assert list(world.shop.customers) == [two.id]
    assert sorted(two.tags) == ["old", "vip"]
    assert world.inbox.bodies("customer.tags_added")[0]["tags"] == ["vip"]
    assert world.inbox.bodies("customers/merge")[0]["status"] == "completed"
    wrong = world.data(merge, {"a": number, "b": gid("Customer", two.id)})["customerMerge"]["userErrors"]
    assert wrong == [{"code": "INVALID_CUSTOMER_ID"}]
    found = world.data('{ customers(first: 5, query: "tag:vip") { nodes { id } } }')["customers"]["nodes"]
    assert found == [{"id": gid("Customer", two.id)}]
    assert [e.what for e in world.shop.ledger] == ["customer_update", "customer_merge"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("total_price:>=30", True),
        ("total_price:>40.00", False),
        ("financial_status:paid AND test:false", True),
        ("financial_status:pending OR line_items.sku:mug", True),
        ("-tags:vip", False),
        ("tags:VIP", True),
        ("NOT (tags:vip OR tags:new)", False),
        ("customer.email:*", False),
        ("note:'two words'", True),
    ],
)
def test_a_subscription_filters(world: Any, text: Any, expected: Any) -> None:
    create = """mutation W($f: String) { webhookSubscriptionCreate(topic: ORDERS_CREATE, webhookSubscription: {
      uri: "http://127.0.0.1/hook", filter: $f, includeFields: ["id", "line_items.sku", "updated_at"] }) {
      webhookSubscription { id filter includeFields } userErrors { field message } } }"""
    made = world.data(create, {"f": text})["webhookSubscriptionCreate"]
    assert made["webhookSubscription"]["filter"] == text
    order = world.order(tags=["vip", "new"], note="two words")
    world.run_due()
    bodies = world.inbox.bodies("orders/create")
    assert bool(bodies) is expected
    if bodies:
        assert bodies[0] == {
            "id": order.id,
            "line_items": [{"sku": "MUG"}],
            "updated_at": bodies[0]["updated_at"],
        }
    for wrong in ("paid", "id:1 (", "total_price:"):
        errors = world.data(create, {"f": wrong})["webhookSubscriptionCreate"]["userErrors"]
        assert errors[0]["field"] == ["webhookSubscription", "filter"]
