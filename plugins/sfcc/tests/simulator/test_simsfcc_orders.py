"""Orders over the three APIs: what each shows, what each writes, and what the state machine refuses."""

from typing import Any

import pytest

from caseconnect_sfcc.simulator import SITUATIONS

PLACED = ["new", "open", "completed"]
ALLOWED = {
    "created": {"failed", "failed_with_reopen", *PLACED, "cancelled"},
    "failed": {"created"},
    **{each: {*PLACED, "cancelled"} for each in PLACED},
    "cancelled": set(PLACED),
    "replaced": set(),
}
TARGETS = ["created", *PLACED, "cancelled", "failed", "failed_with_reopen"]


def fault(answer: Any) -> Any:
    return answer.status_code, answer.json()["fault"]["type"]


def slug(answer: Any) -> Any:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


@pytest.mark.parametrize("before", sorted(ALLOWED))
def test_status_transitions(world: Any, before: Any) -> None:
    for target in TARGETS:
        number = world.order(status=before)
        answer = world.data("PUT", f"/sites/RefArch/orders/{number}/status", {"status": target})
        same = target == before or (before, target) == ("failed", "failed_with_reopen")
        if same or target in ALLOWED[before]:
            assert answer.status_code == 204, (before, target)
            assert world.effects("order.status")[-1].changed is not same
        else:
            assert fault(answer) == (409, "OrderStatusTransitionException"), (before, target)
            assert world.instance.orders[number].status == before


def test_placing_gives_numbers_and_failing_frees_inventory(world: Any) -> None:
    number = world.order("payment_stuck")
    order = world.instance.orders[number]
    assert (order.placed, order.invoice, order.reserved) == (None, None, True)
    assert world.orders("PUT", f"/{number}/status", {"status": "failed"}).status_code == 204
    assert order.reserved is False
    assert world.orders("PUT", f"/{number}/status", {"status": "created"}).status_code == 204
    assert world.orders("PUT", f"/{number}/status", {"status": "new"}).status_code == 204
    shown = world.orders("GET", f"/{number}").json()
    assert shown["placeDate"] == "2026-11-03T09:30:00.000Z"
    assert shown["invoiceNo"]
    assert shown["shipments"][0]["shipmentNo"]


def test_failing_with_reopen_says_where_the_basket_is(world: Any) -> None:
    number = world.order("payment_stuck")
    answer = world.orders("PUT", f"/{number}/status", {"status": "failed_with_reopen"})
    assert answer.status_code == 201
    assert "/baskets/" in answer.headers["location"]
    assert world.instance.orders[number].status == "failed"


@pytest.mark.parametrize(
    ("before", "target", "transition", "exception"),
    [
        ("failed", "created", "undo-fail", "UndoFailOrderException"),
        ("cancelled", "new", "undo-cancel", "UndoCancelOrderException"),
        ("new", "cancelled", "cancel", "CancelOrderException"),
        ("created", "new", "place", "PlaceOrderException"),
    ],
)
def test_transitions_can_fail_for_want_of_inventory(
    world: Any, before: Any, target: Any, transition: Any, exception: Any
) -> None:
    number = world.order(status=before)
    world.act(number, "refuse", transition=transition)
    assert fault(world.data("PUT", f"/sites/RefArch/orders/{number}/status", {"status": target})) == (409, exception)
    answer = world.orders("PUT", f"/{number}/status", {"status": target})
    assert slug(answer) == (409, f"{transition}-order")
    assert world.instance.orders[number].status == before


@pytest.mark.parametrize(
    ("mode", "exception"),
    [
        ("integrated", "OrderIntegrationStatusException"),
        ("previously", "OrderPreviouslyIntegratedStatusException"),
    ],
)
def test_an_order_management_system_owns_placed_orders(world: Any, mode: Any, exception: Any) -> None:
    placed, created = world.order(), world.order("payment_stuck")
    world.sim("switches", {"order_management": mode})
    path = "/sites/RefArch/orders/{}/status"
    assert fault(world.data("PUT", path.format(placed), {"status": "cancelled"})) == (409, exception)
    assert world.orders("PUT", f"/{placed}/status", {"status": "cancelled"}).status_code == 409
    assert world.data("PUT", path.format(created), {"status": "failed"}).status_code == 204
    assert (
        world.data("PUT", path.format(placed).replace("status", "export_status"), {"status": "ready"}).status_code
        == 204
    )


def test_writes_bump_last_modified_and_reach_the_ledger_even_when_nothing_changes(world: Any) -> None:
    number = world.order()
    for _ in range(2):
        world.time.pass_(10)
        assert world.orders("PUT", f"/{number}/payment-status", {"status": "paid"}).status_code == 204
    assert world.orders("GET", f"/{number}").json()["lastModified"] == "2026-11-03T09:30:20.000Z"
    first, second = world.effects("order.payment")
    assert (first.who, first.args, first.changed) == ("scapi-client", {"from": "not_paid", "to": "paid"}, True)
    assert second.changed is False


def test_scapi_patch_takes_defined_custom_attributes_only(world: Any) -> None:
    number = world.order()
    assert world.orders("PATCH", f"/{number}", {"c_caseconnectCase": "C-1"}).status_code == 204
    assert slug(world.orders("PATCH", f"/{number}", {"status": "completed"})) == (400, "unknown-property")
    assert slug(world.orders("PATCH", f"/{number}", {"c_colour": "red"})) == (400, "invalid-custom-property")
    answer = world.orders("PATCH", f"/{number}", {"c_SignifydFraudScore": "high"})
    assert slug(answer) == (400, "bad-request")
    assert "$.c_SignifydFraudScore" in answer.json()["detail"]
    assert world.orders("GET", f"/{number}").json()["c_caseconnectCase"] == "C-1"
    assert world.orders("PATCH", f"/{number}", {"c_caseconnectCase": None}).status_code == 204
    assert "c_caseconnectCase" not in world.orders("GET", f"/{number}").json()


def test_an_order_attribute_must_be_defined_on_the_basket_too(make_world: Any) -> None:
    world = make_world({"instances": [{"tenant": "zzxy_prd", "attributes": {"Order": {"half": "string"}}}]})
    number = world.order()
    assert slug(world.orders("PATCH", f"/{number}", {"c_half": "x"})) == (400, "invalid-custom-property")
    answer = world.data("PATCH", f"/sites/RefArch/orders/{number}", {"c_half": "x"})
    assert fault(answer) == (400, "InvalidCustomPropertyException")


def test_wrong_status_values_are_refused_in_both_formats(world: Any) -> None:
    number = world.order()
    for answer in (
        world.orders("PUT", f"/{number}/export-status", {"status": "sent"}),
        world.orders("PUT", f"/{number}/status", {"status": "open"}),
    ):
        assert slug(answer) == (400, "enum-constraint-violation")
        assert answer.headers["content-type"] == "application/json"
    answer = world.data("PUT", f"/sites/RefArch/orders/{number}/export_status", {"status": "sent"})
    assert fault(answer) == (400, "EnumConstraintViolationException")
    assert world.orders("PUT", f"/{number}/external-status", {"status": ""}).status_code == 400
    assert world.orders("PUT", f"/{number}/external-status", {"status": "x" * 257}).status_code == 400
    assert world.orders("PUT", f"/{number}/external-status", {"status": 7}).status_code == 400
    assert world.orders("PUT", f"/{number}/payment-status", {}).status_code == 400


def test_what_is_not_there_is_404_in_both_formats(world: Any) -> None:
    number = world.order()
    answer = world.orders("GET", "/123")
    assert answer.json() == {
        "title": "Order Not Found",
        "type": "https://api.commercecloud.salesforce.com/documentation/error/v1/errors/order-not-found",
        "detail": "No order with number '123' was found.",
        "orderNo": "123",
    }
    assert slug(world.orders("GET", f"/{number}", site="RefArchGlobal")) == (404, "order-not-found")
    assert slug(world.orders("GET", f"/{number}", site="Elsewhere")) == (404, "site-not-found")
    answer = world.orders("PUT", f"/{number}/shipments/none/shipping-address", {"city": "Portland"})
    assert answer.json()["title"] == "Shipment Not Found,"
    gone = world.shop("GET", "/orders/123")
    assert gone.json() == {
        "_v": "25.6",
        "fault": {
            "type": "OrderNotFoundException",
            "message": "No order with number '123' was found.",
            "arguments": {"orderNo": "123"},
        },
    }
    assert fault(world.data("PUT", "/sites/Elsewhere/orders/1/status", {"status": "new"})) == (
        404,
        "SiteNotFoundException",
    )
    assert fault(world.shop("GET", f"/orders/{number}", site="Elsewhere")) == (404, "UnknownSiteException")
    payment = world.data("PATCH", f"/sites/RefArch/orders/{number}/payment_instruments/x", {})
    assert fault(payment) == (404, "PaymentInstrumentNotFoundException")


def test_the_list_filters_by_what_is_documented_and_no_more(world: Any) -> None:
    numbers = {
        each: world.order(each) for each in ("normal", "payment_failed", "payment_stuck", "fraud_review", "shipped")
    }
    world.act(numbers["fraud_review"], "status", status="open")

    def listed(**query: Any) -> Any:
        answer = world.orders("GET", **query)
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"data"}
        return {name for name, no in numbers.items() if no in [each["orderNo"] for each in answer.json()["data"]]}

    assert listed() == set(numbers)
    assert listed(status="new") == {"normal", "fraud_review"}
    assert listed(status="new,completed") == {"normal", "fraud_review", "shipped"}
    assert listed(confirmationStatus="confirmed") == {"normal", "shipped"}
    assert listed(exportStatus="exported,failed") == {"shipped"}
    assert listed(shippingStatus="not_shipped", status="completed") == set()
    world.orders("PUT", f"/{numbers['normal']}/external-status", {"status": "held"})
    assert listed(externalStatus="held") == {"normal"}
    for query in (
        {"status": "failed"},
        {"status": "new,completed,cancelled"},
        {"exportStatus": "lost"},
        {"limit": "201"},
        {"limit": "0"},
        {"offset": "9950", "limit": "51"},
        {"creationDateFrom": "yesterday"},
        {"sortBy": "total"},
    ):
        assert slug(world.orders("GET", **query)) == (400, "value-constraint-violation"), query
    assert slug(world.orders("GET", c_caseconnectCase="C-1")) == (400, "undefined-query-parameter")
    assert slug(world.orders("GET", site=None)) == (400, "missing-query-parameter")


def test_the_list_is_walked_by_moving_the_lower_bound(world: Any) -> None:
    numbers = []
    for _ in range(7):
        numbers.append(world.order())
        world.time.pass_(1)
    seen, since = [], "2026-11-03T09:30:00.000Z"
    while True:
        query = {"sortBy": "last_modified_date", "sortOrder": "asc", "lastModifiedDateFrom": since, "limit": 3}
        page = world.orders("GET", **query).json()["data"]
        seen += [each["orderNo"] for each in page if each["orderNo"] not in seen]
        if len(page) < 3:
            break
        since = page[-1]["lastModified"]
    assert seen == numbers
    newest = world.orders("GET", limit=2, offset=1).json()["data"]
    assert [each["orderNo"] for each in newest] == [numbers[5], numbers[4]]
    until = world.orders("GET", creationDateTo="2026-11-03T09:30:02.000Z", sortOrder="asc").json()["data"]
    assert [each["orderNo"] for each in until] == numbers[:2]


def test_notes_are_kept_in_the_shop_api_alone_and_repeat(world: Any) -> None:
    number = world.order()
    assert world.shop("GET", f"/orders/{number}/notes").json() == {"_v": "25.6", "_type": "notes_result"}
    world.time.pass_(5)
    body = {"subject": "Case C-1", "text": "Held"}
    first, answer = (world.shop("POST", f"/orders/{number}/notes", body) for _ in range(2))
    assert (first.status_code, first.json()["_type"]) == (200, "order")
    notes = world.shop("GET", f"/orders/{number}/notes").json()["notes"]
    assert [(each["subject"], each["text"], each["created_by"]) for each in notes] == [
        ("Case C-1", "Held", "ocapi-client")
    ] * 2
    assert notes[0]["id"] != notes[1]["id"]
    assert answer.json()["last_modified"] == "2026-11-03T09:30:05.000Z"
    assert answer.json()["notes"]["link"].endswith(f"/orders/{number}/notes")
    path = f"/orders/{number}/notes"
    assert (
        world.shop("POST", path, {"subject": "x" * 257}).json()["fault"]["type"]
        == "PropertyConstraintViolationException"
    )
    assert world.shop("POST", path, {"subject": "x", "text": "y" * 4001}).status_code == 400
    assert world.shop("DELETE", f"{path}/{notes[0]['id']}").status_code == 200
    assert fault(world.shop("DELETE", f"{path}/{notes[0]['id']}")) == (404, "NoteNotFoundException")
    assert len(world.shop("GET", path).json()["notes"]) == 1
    assert "notes" not in world.orders("GET", f"/{number}").json()


def test_resource_state_protects_ocapi_writes(world: Any) -> None:
    number = world.order()
    read = world.shop("GET", f"/orders/{number}").json()["_resource_state"]
    world.act(number, "touch")
    path = f"/sites/RefArch/orders/{number}"
    stale = world.data("PATCH", path, {"c_caseconnectCase": "C", "_resource_state": read})
    assert fault(stale) == (409, "ResourceStateConflictException")
    assert stale.json()["fault"]["arguments"]["client"] == read
    by_header = world.data("PUT", f"{path}/status", {"status": "cancelled"}, headers={"x-dw-resource-state": read})
    assert by_header.status_code == 409
    fresh = world.shop("GET", f"/orders/{number}").json()["_resource_state"]
    assert world.data("PATCH", path, {"c_caseconnectCase": "C", "_resource_state": fresh}).status_code == 204
    assert world.data("PATCH", path, {"c_caseconnectCase": "D"}).status_code == 204


def test_a_concurrent_change_refuses_once(world: Any) -> None:
    number = world.order()
    world.act(number, "lock")
    path = f"/sites/RefArch/orders/{number}/export_status"
    assert fault(world.data("PUT", path, {"status": "ready"})) == (409, "ConcurrentModificationException")
    assert world.data("PUT", path, {"status": "ready"}).status_code == 204


def test_shop_patch_writes_status_and_attributes(world: Any) -> None:
    number = world.order()
    answer = world.shop("PATCH", f"/orders/{number}", {"status": "completed", "c_caseconnectCase": "C-9"})
    assert (answer.json()["status"], answer.json()["c_caseconnectCase"]) == ("completed", "C-9")
    assert fault(world.shop("PATCH", f"/orders/{number}", {"status": "created"})) == (
        409,
        "OrderStatusTransitionException",
    )
    assert fault(world.shop("PATCH", f"/orders/{number}", {"order_total": 1})) == (400, "UnknownPropertyException")


def test_money_is_exact_until_the_wire(world: Any) -> None:
    number = world.order(
        "gift_and_card", lines=[{"price": "0.10", "quantity": 3, "discount": "0.05", "tax_rate": "0.1"}]
    )
    shown = world.orders("GET", f"/{number}").json()
    assert shown["productItems"][0]["priceAfterItemDiscount"] == 0.25
    assert shown["orderTotal"] == 6.56
    methods = [(each["paymentMethodId"], each["paymentTransaction"]["amount"]) for each in shown["paymentInstruments"]]
    assert methods == [("GIFT_CERTIFICATE", 30.0), ("CREDIT_CARD", 80.24)]
    state = world.sim("state", method="GET").json()["orders"][0]
    assert state["total"] == "6.56"


def test_open_and_replaced_are_unknown_to_scapi(world: Any) -> None:
    for status, shown in (("open", "new"), ("replaced", "cancelled")):
        number = world.order(status=status)
        assert world.orders("GET", f"/{number}").json()["status"] == shown
        assert world.shop("GET", f"/orders/{number}").json()["status"] == status


def test_situations_show_in_the_documented_fields(world: Any) -> None:
    found = {each: world.orders("GET", f"/{world.order(each)}").json() for each in SITUATIONS}
    failed = found["payment_failed"]
    assert failed["paymentInstruments"][0]["paymentTransaction"]["authorizationStatus"]["status"] == 1
    assert failed["status"] == "failed"
    assert (found["fraud_review"]["confirmationStatus"], found["fraud_review"]["exportStatus"]) == (
        "not_confirmed",
        "not_exported",
    )
    mismatch = found["address_mismatch"]
    assert mismatch["billingAddress"]["postalCode"] != mismatch["shipments"][0]["shippingAddress"]["postalCode"]
    assert [each["shippingStatus"] for each in found["part_shipped"]["shipments"]] == ["shipped", "not_shipped"]
    assert found["unconfirmed_shipment"]["shippingStatus"] == "shipped"
    assert "trackingNumber" not in found["unconfirmed_shipment"]["shipments"][0]
    assert found["delayed"]["creationDate"] == "2026-10-29T09:30:00.000Z"
    assert "\u0000" in found["null_in_note"]["c_orderNote"]


def test_the_warehouse_ships_one_shipment_after_the_other(world: Any) -> None:
    number = world.order("split")
    shown = world.act(number, "ship", shipment="me", tracking="T1")
    assert shown["shippingStatus"] == "part_shipped"
    shown = world.act(number, "ship", tracking="T2")
    assert shown["shippingStatus"] == "shipped"
    assert [each["trackingNumber"] for each in shown["shipments"]] == ["T2", "T2"]


def test_only_ready_orders_are_exported(world: Any) -> None:
    number = world.order()
    assert world.act(number, "export")["exportStatus"] == "exported"
    again = world.sim(f"orders/{number}/export")
    assert again.status_code == 400
    stuck = world.order("payment_stuck", export="ready")
    assert world.sim(f"orders/{stuck}/export").status_code == 400
    assert world.act(world.order(), "export", fails=True)["exportStatus"] == "failed"


def test_oms_events_are_forwarded_and_change_nothing(world: Any) -> None:
    number = world.order()
    before = world.orders("GET", f"/{number}").json()
    event = {"id": "e", "occurredAt": "2026-11-03T09:00:00Z", "type": "shipped", "lineItems": []}
    path = f"/{number}/oms-status-events"
    assert slug(world.orders("POST", path, {"fulfillmentEvent": event})) == (400, "bad-request")
    event |= {"trackingNumber": "T", "trackingUrl": "https://carrier.example/T"}
    assert world.orders("POST", path, {"fulfillmentEvent": event}).status_code == 202
    assert world.orders("POST", path, {"fulfillmentEvent": event, "adjustment": {}}).status_code == 400
    assert world.orders("GET", f"/{number}").json() == before
    assert world.effects("order.oms_event")[0].args["fulfillmentEvent"]["trackingNumber"] == "T"
