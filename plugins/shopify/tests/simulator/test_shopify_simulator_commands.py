"""What an app may do to orders: holds, release, cancel, tags, metafields, update; and the ledger of it."""

from typing import Any

import pytest

from caseconnect_shopify.simulator.world import cancellation, fulfilment

HOLD = """mutation Hold($id: ID!, $hold: FulfillmentOrderHoldInput!) {
  fulfillmentOrderHold(id: $id, fulfillmentHold: $hold) {
    fulfillmentHold { id handle reason heldByRequestingApp }
    fulfillmentOrder { id status supportedActions { action } fulfillmentHolds { handle } }
    remainingFulfillmentOrder { id status lineItems(first: 5) { nodes { remainingQuantity } } }
    userErrors { field message code } } }"""
RELEASE = """mutation Release($id: ID!, $ids: [ID!]) {
  fulfillmentOrderReleaseHold(id: $id, holdIds: $ids) {
    fulfillmentOrder { status fulfillmentHolds { handle } } userErrors { field message code } } }"""
CANCEL = """mutation Cancel(
  $id: ID!, $reason: OrderCancelReason!, $method: OrderCancelRefundMethodInput, $note: String
) {
  orderCancel(orderId: $id, reason: $reason, restock: true, refundMethod: $method, staffNote: $note) {
    job { id done } jobResult { status done errors { message } }
    orderCancelUserErrors { field message code } userErrors { message } } }"""
SET = """mutation Set($m: [MetafieldsSetInput!]!) {
  metafieldsSet(metafields: $m) {
    metafields { namespace key value compareDigest } userErrors { field message code } } }"""
STATE = """query State($id: ID!) { order(id: $id) {
  closed cancelledAt cancelReason cancellation { staffNote } displayFinancialStatus displayFulfillmentStatus
  currentTotalPriceSet { shopMoney { amount } } fulfillmentOrders(first: 5) { nodes { status } }
  refunds { totalRefundedSet { shopMoney { amount } } } tags note } }"""


def gid(order: Any) -> Any:
    return f"gid://shopify/Order/{order.id}"


def fo_gid(order: Any, n: Any = 0) -> Any:
    return f"gid://shopify/FulfillmentOrder/{order.fulfillment_orders[n].id}"


def hold(world: Any, order: Any, handle: Any = "case-1", **more: Any) -> Any:
    wanted = {"reason": "HIGH_RISK_OF_FRAUD", "handle": handle} | more
    return world.data(HOLD, {"id": fo_gid(order), "hold": wanted})["fulfillmentOrderHold"]


def release(world: Any, order: Any, ids: Any) -> Any:
    return world.data(RELEASE, {"id": fo_gid(order), "ids": ids})["fulfillmentOrderReleaseHold"]


def cancel(world: Any, order: Any, **more: Any) -> Any:
    return world.data(CANCEL, {"id": gid(order), "reason": "FRAUD"} | more)["orderCancel"]


def state(world: Any, order: Any) -> Any:
    return world.data(STATE, {"id": gid(order)})["order"]


def test_hold_and_release_by_own_id(world: Any) -> None:
    order = world.order()
    made = hold(world, order, reasonNotes="Case 7")
    assert made["userErrors"] == []
    assert made["fulfillmentHold"]["heldByRequestingApp"] is True
    assert made["fulfillmentOrder"]["status"] == "ON_HOLD"
    assert [a["action"] for a in made["fulfillmentOrder"]["supportedActions"]] == ["RELEASE_HOLD", "HOLD", "MOVE"]
    assert state(world, order)["displayFulfillmentStatus"] == "ON_HOLD"
    hold(world, order, handle="case-2")
    first = release(world, order, [made["fulfillmentHold"]["id"]])
    assert first["fulfillmentOrder"] == {"status": "ON_HOLD", "fulfillmentHolds": [{"handle": "case-2"}]}
    second = release(world, order, None)
    assert second["fulfillmentOrder"] == {"status": "OPEN", "fulfillmentHolds": []}
    effects = [(e.what, e.who, e.args.get("handle"), e.args.get("everything")) for e in world.shop.ledger]
    assert effects == [
        ("hold", "sim-client", "case-1", None),
        ("hold", "sim-client", "case-2", None),
        ("release", "sim-client", None, False),
        ("release", "sim-client", None, True),
    ]


def test_a_handle_is_unique_for_an_app_and_fulfilment_order(world: Any) -> None:
    order = world.order(split=True, lines=[{"title": "A", "price": "1"}, {"title": "B", "price": "2"}])
    hold(world, order)
    again = hold(world, order)
    assert again["fulfillmentHold"] is None
    assert again["userErrors"][0]["code"] == "DUPLICATE_FULFILLMENT_HOLD_HANDLE"
    other = world.data(HOLD, {"id": fo_gid(order, 1), "hold": {"reason": "OTHER", "handle": "case-1"}})
    assert other["fulfillmentOrderHold"]["userErrors"] == []
    assert len(world.shop.ledger) == 2


def test_at_most_ten_holds(world: Any) -> None:
    order = world.order()
    for n in range(10):
        assert hold(world, order, handle=f"h{n}")["userErrors"] == []
    assert hold(world, order, handle="h10")["userErrors"][0]["code"] == "FULFILLMENT_ORDER_HOLD_LIMIT_REACHED"


def test_holding_a_part_splits(world: Any) -> None:
    order = world.order()
    line = f"gid://shopify/FulfillmentOrderLineItem/{order.fulfillment_orders[0].lines[0].id}"
    for units, code in ((0, "GREATER_THAN_ZERO"), (3, "INVALID_LINE_ITEM_QUANTITY")):
        refused = hold(world, order, fulfillmentOrderLineItems=[{"id": line, "quantity": units}])
        assert refused["userErrors"][0]["code"] == code
    twice = hold(world, order, fulfillmentOrderLineItems=[{"id": line, "quantity": 1}] * 2)
    assert twice["userErrors"][0]["code"] == "DUPLICATED_FULFILLMENT_ORDER_LINE_ITEMS"
    made = hold(world, order, fulfillmentOrderLineItems=[{"id": line, "quantity": 1}])
    assert made["remainingFulfillmentOrder"]["status"] == "OPEN"
    assert made["remainingFulfillmentOrder"]["lineItems"]["nodes"] == [{"remainingQuantity": 1}]
    assert [f.status for f in order.fulfillment_orders] == ["ON_HOLD", "OPEN"]
    again = hold(world, order, "case-2", fulfillmentOrderLineItems=[{"id": line, "quantity": 1}])
    assert again["userErrors"][0]["code"] == "FULFILLMENT_ORDER_NOT_SPLITTABLE"


def test_holds_of_people_are_not_ours_and_sent_goods_cannot_be_held(world: Any) -> None:
    order = world.order()
    fulfilment.hold_by_hand(world.shop, order, {"reason": "other"})
    assert hold(world, order)["fulfillmentOrder"]["fulfillmentHolds"] == [{"handle": None}, {"handle": "case-1"}]
    fulfilment.release_by_hand(world.shop, order)
    fulfilment.fulfill(world.shop, order, {})
    assert hold(world, order)["userErrors"] != []
    assert [e.what for e in world.shop.ledger] == ["hold"]


def test_unknown_ids_of_holds_are_top_level_errors(world: Any) -> None:
    order = world.order()
    answer = world.graphql(HOLD, {"id": "gid://shopify/FulfillmentOrder/1", "hold": {"reason": "OTHER"}})
    assert answer["errors"][0]["extensions"]["code"] == "RESOURCE_NOT_FOUND"
    assert answer["data"] == {"fulfillmentOrderHold": None}
    answer = world.graphql(RELEASE, {"id": fo_gid(order), "ids": ["gid://shopify/FulfillmentHold/1"]})
    assert answer["errors"][0]["extensions"]["code"] == "RESOURCE_NOT_FOUND"


def test_cancel_is_done_later_and_lets_authorized_money_go(world: Any) -> None:
    order = world.order(payment={"kind": "authorization"})
    taken = cancel(world, order, note="Card thief")
    assert taken["orderCancelUserErrors"] == []
    assert taken["job"]["done"] is False
    assert taken["jobResult"] == {"status": "STARTED", "done": False, "errors": []}
    assert state(world, order)["cancelledAt"] is None
    assert world.shop.ledger == []
    assert cancel(world, order)["job"]["id"] == taken["job"]["id"]
    world.clock.pass_(2)
    job = world.data("query($id: ID!) { job(id: $id) { done } }", {"id": taken["job"]["id"]})
    assert job == {"job": {"done": True}}
    now = state(world, order)
    assert (now["closed"], now["cancelledAt"], now["cancelReason"]) == (True, "2026-11-03T09:30:02Z", "FRAUD")
    assert now["cancellation"] == {"staffNote": "Card thief"}
    assert (now["displayFinancialStatus"], now["displayFulfillmentStatus"]) == ("VOIDED", "UNFULFILLED")
    assert now["currentTotalPriceSet"]["shopMoney"]["amount"] == "0.0"
    assert now["fulfillmentOrders"]["nodes"] == [{"status": "CLOSED"}]
    assert [(e.what, e.target) for e in world.shop.ledger] == [("cancel", gid(order))]
    refused = cancel(world, order)["orderCancelUserErrors"]
    assert refused == [
        {"field": ["orderId"], "message": "Cannot cancel an order that has already been canceled", "code": "INVALID"}
    ]


@pytest.mark.parametrize(
    ("method", "status", "back"), [(None, "PAID", []), ({"originalPaymentMethodsRefund": True}, "REFUNDED", ["40.0"])]
)
def test_captured_money_goes_back_only_on_request(make_world: Any, method: Any, status: Any, back: Any) -> None:
    world = make_world(cancel_seconds=0)
    order = world.order()
    cancel(world, order, method=method)
    now = state(world, order)
    assert now["displayFinancialStatus"] == status
    assert [r["totalRefundedSet"]["shopMoney"]["amount"] for r in now["refunds"]] == back


def test_reasons_against_a_cancel(world: Any) -> None:
    sent = world.order()
    fulfilment.fulfill(world.shop, sent, {})
    returning = world.order()
    returning.return_status = "RETURN_REQUESTED"
    pending = world.order(payment={"kind": "authorization", "status": "pending"})
    for order, word in ((sent, "fulfillments"), (returning, "active returns"), (pending, "pending payment")):
        assert word in cancel(world, order)["orderCancelUserErrors"][0]["message"]
    long = cancel(world, world.order(), note="x" * 256)["orderCancelUserErrors"][0]
    assert long["message"] == "Staff note is too long. Maximum length is 255 characters."
    unknown = world.data(CANCEL, {"id": "gid://shopify/Order/1", "reason": "OTHER"})["orderCancel"]
    assert unknown["orderCancelUserErrors"][0]["code"] == "NOT_FOUND"
    both = 'mutation { orderCancel(orderId: "%s", reason: OTHER, restock: true, refund: true, refundMethod: {%s}) %s }'
    answer = world.data(
        both % (gid(world.order()), "originalPaymentMethodsRefund: true", "{ orderCancelUserErrors { message } }")
    )
    assert "Only one of the arguments" in answer["orderCancel"]["orderCancelUserErrors"][0]["message"]


def test_what_happens_before_the_job_is_its_error(world: Any) -> None:
    order = world.order()
    job = cancel(world, order)["job"]["id"]
    fulfilment.fulfill(world.shop, order, {})
    world.clock.pass_(2)
    world.run_due()
    assert state(world, order)["cancelledAt"] is None
    assert world.shop.jobs[job].errors[0]["code"] == "INVALID"
    assert world.shop.ledger == []


def test_tags_are_a_set_without_case(world: Any) -> None:
    order = world.order(tags=["VIP"])
    add = "mutation($id: ID!, $t: [String!]!) { tagsAdd(id: $id, tags: $t) { node { id } userErrors { message } } }"
    world.data(add, {"id": gid(order), "t": ["vip", "case-1", "case-1"]})
    world.data(add, {"id": gid(order), "t": ["case-1"]})
    remove = add.replace("tagsAdd", "tagsRemove")
    world.data(remove, {"id": gid(order), "t": ["Vip", "absent"]})
    assert state(world, order)["tags"] == ["case-1"]
    assert [(e.what, e.args["tags"]) for e in world.shop.ledger] == [("tags_add", ["case-1"]), ("tags_remove", ["VIP"])]
    unknown = world.data(add, {"id": "gid://shopify/Order/1", "t": ["x"]})["tagsAdd"]
    assert unknown == {"node": None, "userErrors": [{"message": "Order does not exist"}]}
    too_long = world.data(add, {"id": gid(order), "t": ["x" * 41]})["tagsAdd"]
    assert too_long["userErrors"] != []


def entry(order: Any, **changes: Any) -> Any:
    return {"ownerId": gid(order), "namespace": "connect", "key": "case", "type": "json", "value": "{}"} | changes


def test_metafields_compare_and_set(world: Any) -> None:
    order = world.order()
    made = world.data(SET, {"m": [entry(order, compareDigest=None)]})["metafieldsSet"]["metafields"][0]
    steps: list[tuple[dict[str, Any], str | None]] = [
        ({"value": "[1]", "compareDigest": None}, "STALE_OBJECT"),
        ({"value": "[1]", "compareDigest": "stale"}, "STALE_OBJECT"),
        ({"value": "{}", "compareDigest": "stale"}, None),
        ({"value": "[1]", "compareDigest": made["compareDigest"]}, None),
        ({"key": "other", "compareDigest": "any"}, "INVALID_COMPARE_DIGEST"),
        ({"key": "x"}, "TOO_SHORT"),
        ({"value": ""}, "BLANK"),
    ]
    for changes, code in steps:
        errors = world.data(SET, {"m": [entry(order, **changes)]})["metafieldsSet"]["userErrors"]
        assert [e["code"] for e in errors] == ([code] if code else []), changes
    assert [e.args["value"] for e in world.shop.ledger] == ["{}", "[1]"]


def test_metafields_are_all_or_nothing_and_have_an_own_namespace(world: Any) -> None:
    order = world.order()
    both = [entry(order, key="good"), entry(order, key="bad", value="")]
    assert world.data(SET, {"m": both})["metafieldsSet"]["metafields"] is None
    assert order.metafields == {}
    own = entry(order)
    del own["namespace"]
    made = world.data(SET, {"m": [own]})["metafieldsSet"]["metafields"][0]
    assert made["namespace"] == f"app--{world.shop.app_id}"
    own_first = 'metafield(key: "case") { value } m: metafield(namespace: "$app", key: "case") { value }'
    text = f"query($id: ID!) {{ order(id: $id) {{ {own_first} }} }}"
    assert world.data(text, {"id": gid(order)})["order"] == {"metafield": {"value": "{}"}, "m": {"value": "{}"}}
    many = [entry(order, key=f"key{n}") for n in range(26)]
    assert world.data(SET, {"m": many})["metafieldsSet"]["userErrors"][0]["code"] == "LESS_THAN_OR_EQUAL_TO"


def test_metafields_are_deleted_once(world: Any) -> None:
    order = world.order()
    world.data(SET, {"m": [entry(order)]})
    text = """mutation($m: [MetafieldIdentifierInput!]!) { metafieldsDelete(metafields: $m) {
      deletedMetafields { namespace key ownerId } userErrors { field message } } }"""
    one = {"ownerId": gid(order), "namespace": "connect", "key": "case"}
    for deleted in ([one], [None]):
        got = world.data(text, {"m": [one]})["metafieldsDelete"]
        assert got == {"deletedMetafields": deleted, "userErrors": []}
    unknown = world.data(text, {"m": [one | {"ownerId": "gid://shopify/Order/1"}]})["metafieldsDelete"]
    assert unknown["userErrors"] == [{"field": ["metafields", "0", "ownerId"], "message": "Owner does not exist"}]
    assert [e.what for e in world.shop.ledger] == ["metafields_set", "metafields_delete"]


def test_order_update_overwrites(world: Any) -> None:
    order = world.order(tags=["old"], note="before")
    text = "mutation($i: OrderInput!) { orderUpdate(input: $i) { order { note tags } userErrors { field message } } }"
    got = world.data(text, {"i": {"id": gid(order), "note": "after", "tags": ["new"]}})["orderUpdate"]
    assert got == {"order": {"note": "after", "tags": ["new"]}, "userErrors": []}
    for changes, message in (
        ({}, "No valid update parameters have been provided"),
        ({"phone": "x"}, "Phone is invalid"),
    ):
        got = world.data(text, {"i": {"id": gid(order)} | changes})["orderUpdate"]
        assert got["userErrors"][0]["message"] == message
    missing = world.data(text, {"i": {"id": "gid://shopify/Order/1", "note": "x"}})["orderUpdate"]
    assert missing["userErrors"][0]["message"] == "Order does not exist"
    assert [e.what for e in world.shop.ledger] == ["order_update"]


def test_a_cancelled_order_still_takes_tags(make_world: Any) -> None:
    world = make_world(cancel_seconds=0)
    order = world.order()
    cancellation.by_hand(world.shop, order, {"reason": "customer"})
    world.data(f'mutation {{ tagsAdd(id: "{gid(order)}", tags: ["late"]) {{ userErrors {{ message }} }} }}')
    assert order.tags == ["late"]
    assert [e.what for e in world.shop.ledger] == ["tags_add"]
