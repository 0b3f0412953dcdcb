"""Orders, histories, profiles and products of the simulated instance as canonical records."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from caseconnect.models import Money, Order
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.wire import answers
from caseconnect_sfcc import parts
from caseconnect_sfcc.config_orders import OrderAttributes
from caseconnect_sfcc.simulator.scenarios import create_customer, create_order, create_product, hand_in
from caseconnect_sfcc.source import SfccSource
from caseconnect_sfcc.values import amount, plain, same_phone, tags

USD = "USD"


def fetch(made: Any, fact: Any, kind: Any, name: Any) -> Any:
    source = SfccSource(made.settings, made.resources)
    return asyncio.run(source.fetch(Need(fact=fact, subject=Subject("shop", kind, name))))


def order_of(made: Any, situation: Any = "normal", **spec: Any) -> Order:
    order = create_order(made.instance, {"situation": situation, **spec})
    found: Order = fetch(made, "order", "order", order.number)
    return found


def test_an_order_is_mapped_whole(desk: Any) -> None:
    made = desk(order_url="https://bm.example/{site}/{order_no}")
    order = create_order(
        made.instance,
        {
            "number": "00001001",
            "customer": {"customerNo": "42", "customerName": "Jane Shopper", "email": "jane@shopper.example"},
            "lines": [{"product_id": "mug", "name": "Mug", "price": "19.99", "quantity": 3, "discount": "5.00"}],
            "custom": {"tags": ["vip", "b2b"], "giftWrap": True, "orderNote": "ring twice"},
            "locale": "de_CH",
            "external_status": "in transit",
        },
    )
    from caseconnect_sfcc.simulator.world import order_writes

    order_writes.add_note(made.instance, order, "Signifyd", "case 7", "fraud-service")
    found = fetch(made, "order", "order", "00001001")
    assert (found.id, found.number, found.site) == ("00001001", "00001001", "RefArch")
    assert found.total == found.presentment_total == Money(amount=order.total, currency=USD)
    assert found.customer_id == "RefArch/42"
    assert (found.email, found.customer_name, found.locale) == ("jane@shopper.example", "Jane Shopper", "de-CH")
    assert found.phone == "2175550100"
    assert (found.channel, found.client_ip) == ("web", "127.0.0.1")
    assert found.statuses == {
        "order": "new",
        "confirmation": "confirmed",
        "payment": "not_paid",
        "shipping": "not_shipped",
        "export": "ready",
        "external": "in transit",
    }
    assert found.tags == ("vip", "b2b")
    assert found.attributes == {"giftWrap": "true", "orderNote": "ring twice"}
    assert found.notes == ("Signifyd\ncase 7",)
    (line,) = found.lines
    assert (line.sku, line.title, line.quantity, line.unfulfilled_quantity) == ("mug", "Mug", 3, 3)
    assert (line.unit_price, line.total) == (
        Money(amount=Decimal("19.99"), currency=USD),
        Money(amount=Decimal("54.97"), currency=USD),
    )
    (payment,) = found.payments
    assert (payment.kind, payment.status, payment.tender, payment.gateway) == (
        "authorization",
        "success",
        "card",
        "CREDIT_CARD",
    )
    assert (payment.card_brand, payment.card_last_digits, payment.amount) == ("Visa", "1111", found.total)
    assert (found.payment_status, found.fulfillment_status) == ("authorized", "unfulfilled")
    assert found.captured == found.refundable == Money(amount=Decimal(0), currency=USD)
    assert found.addresses_match is True
    assert found.shipments == ()
    assert [(f.id, f.status, f.remaining_quantity) for f in found.fulfillment_orders] == [("me", "open", 3)]
    assert (found.delivery, found.preorder) == (("shipping",), False)
    assert found.admin_url == "https://bm.example/RefArch/00001001"


@pytest.mark.parametrize(
    ("situation", "wanted"),
    [
        ("payment_failed", {"payment_status": "voided", "fulfillment_status": "unfulfilled"}),
        ("payment_stuck", {"payment_status": "authorized"}),
        ("exported", {"payment_status": "paid", "fulfillment_status": "unfulfilled"}),
        ("fraud_review", {"fulfillment_status": "on_hold"}),
        ("part_shipped", {"fulfillment_status": "partially_fulfilled"}),
        ("shipped", {"fulfillment_status": "fulfilled"}),
        ("address_mismatch", {"addresses_match": False}),
        ("split", {"addresses_match": True}),
    ],
)
def test_situations_are_told_by_their_fields(desk: Any, situation: Any, wanted: Any) -> None:
    found = order_of(desk(), situation)
    assert {name: getattr(found, name) for name in wanted} == wanted


def test_a_failed_payment_tells_why(desk: Any) -> None:
    (payment,) = order_of(desk(), "payment_failed").payments
    assert (payment.status, payment.error_code, payment.message) == ("failure", "declined", "Card declined")


def test_the_address_check_of_the_card_is_read_from_the_transaction(desk: Any) -> None:
    (payment,) = order_of(desk(), "address_mismatch").payments
    assert payment.avs_result == "N"


def test_a_card_and_a_gift_certificate_are_two_tenders(desk: Any) -> None:
    found = order_of(desk(), "gift_and_card")
    assert [(p.tender, str(p.amount)) for p in found.payments] == [("gift_card", "30.00 USD"), ("card", "80.24 USD")]


def test_money_given_back_lowers_what_can_be_given_back(desk: Any) -> None:
    made = desk()
    found = order_of(made, "exported", custom={"refundAmount": 20.5})
    assert found.payment_status == "partially_refunded"
    assert found.refundable == found.captured == found.total - Money(amount=Decimal("20.5"), currency=USD)
    assert order_of(made, "exported", custom={"refundAmount": 5000}).payment_status == "refunded"
    assert order_of(made, "exported", payment="part_paid").refundable is None


def test_parcels_are_told_when_they_left(desk: Any) -> None:
    found = order_of(desk(), "part_shipped")
    assert [(s.id, s.status, s.tracking_numbers) for s in found.shipments] == [
        ("me", "shipped", ("1Z999AA10123456784",))
    ]
    assert [(f.id, f.status, f.remaining_quantity) for f in found.fulfillment_orders] == [
        ("me", "closed", 0),
        ("second", "in_progress", 1),
    ]
    assert [line.unfulfilled_quantity for line in found.lines] == [0, 1]


def test_an_order_called_shipped_without_tracking_shows_parcels_that_nobody_confirmed(desk: Any) -> None:
    found = order_of(desk(), "unconfirmed_shipment")
    assert found.statuses["shipping"] == "shipped"
    assert [(s.status, s.tracking_numbers) for s in found.shipments] == [("not_shipped", ())]


def test_pickup_carrier_and_promise_are_read_from_the_shipment(desk: Any) -> None:
    custom = {"fromStoreId": "store-1", "carrier": "DHL", "promisedDate": "2026-11-09T00:00:00.000Z"}
    shipment = {"tracking": "T1", "status": "shipped", "custom": custom}
    found = order_of(desk(), shipments=[shipment])
    assert found.delivery == ("pickup",)
    (parcel,) = found.shipments
    assert (parcel.carrier, str(parcel.estimated_delivery_at)) == ("DHL", "2026-11-09 00:00:00+00:00")


@pytest.mark.parametrize(
    ("word", "channel"), [("storefront", "web"), ("store", "pos"), ("dss", "pos"), ("tiktok", "tiktok"), (None, None)]
)
def test_channels_are_in_our_words(word: str | None, channel: str | None) -> None:
    assert parts.channel({"channelType": word}) == channel


@pytest.mark.parametrize(
    ("node", "company"),
    [
        ({"businessType": "b2c", "billingAddress": {"companyName": "Acme"}}, None),
        ({"businessType": "b2b", "billingAddress": {"companyName": "Acme"}}, "Acme"),
        ({"businessType": "b2b", "billingAddress": {"city": "Bonn"}}, "b2b"),
        ({"businessType": "b2b"}, "b2b"),
    ],
)
def test_companies_are_told_by_the_business_type(node: Any, company: str | None) -> None:
    assert parts.company(node, parts.address_of(node.get("billingAddress"))) == company


NAMES = OrderAttributes(digital=("EMAIL",), preorder="preOrder", terms={"INVOICE": "net_30"})


@pytest.mark.parametrize(
    ("methods", "terms"),
    [([], None), (["CREDIT_CARD"], None), (["GIFT_CERTIFICATE", "INVOICE"], "net_30"), (["invoice"], None)],
)
def test_payment_terms_come_with_the_method(methods: list[str], terms: str | None) -> None:
    node = {"paymentInstruments": [{"paymentMethodId": method} for method in methods]}
    assert parts.terms(node, NAMES) == terms
    assert parts.terms(node, OrderAttributes()) is None


@pytest.mark.parametrize(
    ("shipments", "delivery"),
    [
        ([{"shipmentId": "goods"}], ("shipping",)),
        ([{"shipmentId": "given"}], ("digital",)),
        ([{"shipmentId": "both"}], ("shipping",)),
        ([{"shipmentId": "empty"}], ("shipping",)),
        ([{"shipmentId": "goods", "shippingMethod": {"id": "EMAIL"}}], ("digital",)),
        ([{"shipmentId": "goods", "c_fromStoreId": "s1"}, {"shipmentId": "given"}], ("pickup", "digital")),
        ([], ()),
    ],
)
def test_delivery_by_shipment(shipments: Any, delivery: tuple[str, ...]) -> None:
    node = {
        "productItems": [{"shipmentId": "goods"}, {"shipmentId": "both"}],
        "giftCertificateItems": [{"shipmentId": "given"}, {"shipmentId": "both"}],
    }
    assert parts.delivery(shipments, node, NAMES) == delivery


@pytest.mark.parametrize(
    ("node", "preorder"),
    [
        ({}, False),
        ({"c_preOrder": False}, False),
        ({"c_preOrder": True}, True),
        ({"productItems": [{}, {"c_preOrder": "2026-12-01"}]}, True),
    ],
)
def test_pre_orders_are_marked_by_the_merchant(node: Any, preorder: bool) -> None:
    assert parts.preordered(node, NAMES) is preorder
    assert parts.preordered(node, OrderAttributes()) is False


@pytest.mark.parametrize(
    ("spec", "level", "recommendation"),
    [
        ({}, "none", "none"),
        ({"situation": "fraud_review"}, "medium", "investigate"),
        ({"situation": "fraud_declined"}, "high", "cancel"),
        ({"custom": {"SignifydGuaranteeDisposition": "APPROVED"}}, "low", "accept"),
        ({"custom": {"SignifydPolicy": "a new word"}}, "unknown", "none"),
        ({"confirmation": "not_confirmed"}, "medium", "investigate"),
        ({"confirmation": "not_confirmed", "status": "failed"}, "none", "none"),
        ({"confirmation": "not_confirmed", "custom": {"caseconnectHold": "confirmed/ready"}}, "none", "none"),
        (
            {"confirmation": "not_confirmed", "custom": {"caseconnectHold": "not_confirmed/ready"}},
            "medium",
            "investigate",
        ),
    ],
)
def test_the_worst_sign_of_risk_counts(desk: Any, spec: Any, level: Any, recommendation: Any) -> None:
    risk = order_of(desk(), **spec).risk
    assert (risk.level, risk.recommendation) == (level, recommendation)


def test_the_reasons_of_a_risk_are_shown(desk: Any) -> None:
    risk = order_of(desk(), "fraud_review").risk
    assert [fact.description for fact in risk.facts] == ["SignifydPolicy: hold", "SignifydFraudScore: 112"]
    assert risk.provider == "SignifydPolicy"


def test_our_hold_is_told_from_those_of_others(desk: Any) -> None:
    made = desk()
    custom = {"caseconnectHold": "confirmed/ready", "paymentHold": True, "onHold": False}
    found = order_of(made, custom=custom, confirmation="not_confirmed", export="not_exported")
    (part,) = found.fulfillment_orders
    assert part.status == "on_hold"
    assert [(h.id, h.handle, h.ours) for h in part.holds] == [
        ("caseconnectHold", "confirmed/ready", True),
        ("paymentHold", None, False),
    ]
    for taken_off in ({"confirmation": "confirmed"}, {"export": "ready"}, {"export": "exported"}):
        statuses = {"confirmation": "not_confirmed", "export": "not_exported", **taken_off}
        found = order_of(made, custom={"caseconnectHold": "confirmed/ready"}, **statuses)
        assert not any(hold.ours for hold in found.fulfillment_orders[0].holds)
    unconfirmed = order_of(made, confirmation="not_confirmed")
    assert [h.reason for h in unconfirmed.fulfillment_orders[0].holds] == ["not_confirmed"]


def test_a_cancelled_order_has_nothing_to_ship(desk: Any) -> None:
    found = order_of(desk(), status="cancelled", custom={"onHold": True})
    assert found.cancelled_at == found.updated_at
    assert [(f.status, f.remaining_quantity, f.holds) for f in found.fulfillment_orders] == [("cancelled", 0, ())]


def test_returns_and_disputes_of_an_order_are_read_with_it(desk: Any) -> None:
    made = desk()
    order = create_order(made.instance, {})
    items = '[{"productId":"sku-1","quantity":1,"reason":"BROKEN"}]'
    hand_in(made.instance, "return", {"key": "R-1", "orderNo": order.number, "items": items, "status": "approved"})
    hand_in(made.instance, "return", {"key": "R-2", "orderNo": "another"})
    hand_in(made.instance, "dispute", {"key": "D-1", "orderNo": order.number})
    found = fetch(made, "order", "order", order.number)
    (returned,) = found.returns
    assert (returned.id, returned.status, returned.lines[0].line_id) == ("RefArch/R-1", "open", order.lines[0].id)
    assert found.disputes == ("RefArch/D-1",)
    quick = desk(read_related=False, read_notes=False)
    number = create_order(quick.instance, {}).number
    fetch(quick, "order", "order", number)
    assert len(quick.asked()) == 1


def test_parts_that_are_refused_are_left_out_with_one_warning(desk: Any) -> None:
    simulator = {"instances": [{"tenant": "zzxy_prd", "shop_permissions": {"clients": []}}]}
    made = desk(simulator, returns={"type": "Absent"})
    order = create_order(made.instance, {})
    hand_in(made.instance, "dispute", {"key": "D-1", "orderNo": order.number})
    source = SfccSource(made.settings, made.resources)
    for _ in range(2):
        need = Need(fact="order", subject=Subject("shop", "order", order.number))
        found = asyncio.run(source.fetch(need))
        assert isinstance(found, Order)
        assert (found.notes, found.returns, found.disputes) == ((), (), ("RefArch/D-1",))
    warned = [values["part"] for level, _, values in made.resources.log.lines if level == "warning"]
    assert warned == ["notes", "returns"]


@pytest.mark.parametrize(
    "missing", ["customerInfo", "billingAddress", "shipments", "paymentInstruments", "productItems"]
)
def test_what_the_platform_withholds_is_empty(desk: Any, missing: Any) -> None:
    made = desk(read_related=False, read_notes=False)
    node = _body(made)
    del node[missing]
    assert isinstance(_mapped(made, node), Order)
    assert isinstance(_mapped(made, {**node, missing: None}), Order)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"status": "a_new_word"}, {"payment_status": "authorized"}),
        ({"paymentStatus": "a_new_word"}, {"payment_status": "unknown", "captured": None}),
        ({"shippingStatus": "a_new_word"}, {"fulfillment_status": "unknown"}),
        ({"channelType": "a_new_word"}, {"channel": "a_new_word"}),
        ({"customerInfo": {"email": "a\u0000b@shop.example"}}, {"email": "ab@shop.example"}),
    ],
)
def test_new_words_and_odd_texts_are_taken(desk: Any, changes: Any, wanted: Any) -> None:
    made = desk(read_related=False, read_notes=False)
    found = _mapped(made, {**_body(made), **changes})
    assert {name: getattr(found, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    "changes",
    [
        {"orderTotal": "a lot"},
        {"orderTotal": None},
        {"orderTotal": True},
        {"orderTotal": [1]},
        {"currency": "N/A"},
        {"currency": 5},
        {"creationDate": "yesterday", "placeDate": None},
        {"lastModified": 12},
        {"productItems": [{"quantity": 1}]},
        {"productItems": [{"productId": "a", "quantity": "many"}]},
        {"paymentInstruments": [{"paymentTransaction": 5}]},
    ],
)
def test_an_order_that_cannot_be_read_is_told_without_its_content(desk: Any, changes: Any) -> None:
    made = desk(read_related=False, read_notes=False)
    with pytest.raises(PermanentError, match="a shape that this version cannot read"):
        _mapped(made, {**_body(made), **changes})


def _body(made: Any) -> Any:
    from caseconnect_sfcc.simulator.api.shapes import scapi_order

    return scapi_order(create_order(made.instance, {}))


def _mapped(made: Any, node: Any) -> Any:
    import orjson

    canned = answers(200, orjson.dumps(node))
    made.wire.plan = lambda _, sent: None if sent.path.endswith("access_token") else canned
    return fetch(made, "order", "order", node["orderNo"])


@pytest.mark.parametrize(
    ("sent", "exact"),
    [
        (19.99, "19.99"),
        (0.1 + 0.2, "0.3"),
        (179.97000000000003, "179.97"),
        (5, "5"),
        (1e9, "1000000000"),
        (0.005, "0.005"),
    ],
)
def test_doubles_become_the_amounts_that_were_meant(sent: Any, exact: Any) -> None:
    assert amount(sent) == Decimal(exact)


def test_attributes_become_text_and_tags() -> None:
    assert [plain(v) for v in ("a", 5, 1.5, True, ["x", "y"], {"value": "v"}, None)] == [
        *("a", "5", "1.5", "true", "x, y", "v", "")
    ]
    document = {"c_set": ["a", "b", "a"], "c_flag": True, "c_off": False, "c_text": "t"}
    assert tags(document, ("set", "flag", "off", "text", "absent")) == ("a", "b", "flag", "t")


@pytest.mark.parametrize("text", ["+41 79 123 45 67", "0041791234567", "079 123 45 67", "(079) 123-45-67"])
def test_a_telephone_number_is_the_same_however_it_is_written(text: Any) -> None:
    assert same_phone(text) == "791234567"


def test_history_by_customer_number_and_address_over_all_sites(desk: Any) -> None:
    made = desk(sites=["RefArch", "RefArchGlobal"])
    who = {"customerNo": "42", "email": "Jane@Shopper.example"}
    first = create_order(made.instance, {"customer": who, "age_seconds": 7200, "situation": "part_shipped"})
    made.clock.forward(1)
    guest = create_order(made.instance, {"customer": {"email": "jane@shopper.example"}, "age_seconds": 3600})
    there = create_order(made.instance, {"customer": who, "site": "RefArchGlobal", "status": "cancelled"})
    create_order(made.instance, {"customer": {"email": "other@shopper.example"}})
    made.clock.forward(60)
    last = create_order(made.instance, {"customer": who})
    made.clock.forward(60)
    found = fetch(made, "order_history", "order", last.number)
    assert (found.key, found.complete) == ("customer", True)
    assert [o.number for o in found.orders] == [there.number, guest.number, first.number]
    cancelled, _, shipped = found.orders
    assert cancelled.cancelled_at is not None
    assert shipped.items == (("sku-1", 1), ("sku-2", 1))
    assert (shipped.payment_status, shipped.fulfillment_status) == ("paid", "partially_fulfilled")
    assert shipped.total == Money(amount=first.total, currency=USD)
    assert shipped.ship_to == "12 Sample Street, 62701 Springfield, US"


def test_a_guest_without_an_address_is_found_by_profiles_of_the_same_telephone(desk: Any) -> None:
    made = desk()
    create_customer(made.instance, {"number": "42", "phoneMobile": "2175550199"})
    create_customer(made.instance, {"number": "43", "phoneHome": "2175550100"})
    known = create_order(made.instance, {"customer": {"customerNo": "43", "email": "x@y.example"}})
    guest = create_order(made.instance, {"customer": {"email": ""}, "billing": {"phone": "+1 (217) 555-0100"}})
    made.clock.forward(60)
    found = fetch(made, "order_history", "order", guest.number)
    assert (found.key, [o.number for o in found.orders]) == ("phone", [known.number])


def test_a_shopper_who_cannot_be_told_has_no_history(desk: Any) -> None:
    made = desk()
    guest = create_order(made.instance, {"customer": {"email": ""}, "billing": {"phone": ""}})
    found = fetch(made, "order_history", "order", guest.number)
    assert (found.key, found.orders) == ("none", ())


def test_a_long_history_says_that_it_is_not_whole(desk: Any) -> None:
    made = desk(history_limit=3)
    for number in "12345":
        made.clock.forward(60)
        create_order(made.instance, {"number": number})
    last = made.instance.orders["5"]
    made.clock.forward(60)
    found = fetch(made, "order_history", "order", last.number)
    assert (len(found.orders), found.complete) == (3, False)
    assert found.orders[0].created_at == last.created - timedelta(seconds=60)


def test_a_profile_is_mapped(desk: Any) -> None:
    made = desk(customer_lists={"RefArch": "Shoppers"})
    custom = {"vip": True, "loyaltyPointsBalance": 120, "loyaltyID": "L-1"}
    spec = {"number": "42", "firstName": "Jane", "lastName": "Shopper", "email": "j@s.example", "phoneHome": "217555"}
    create_customer(made.instance, {**spec, "preferredLocale": "en_US", "custom": custom})
    found = fetch(made, "customer", "customer", "RefArch/42")
    assert (found.id, found.name, found.email, found.phone) == ("RefArch/42", "Jane Shopper", "j@s.example", "217555")
    assert (found.tags, found.locale) == (("vip",), "en-US")
    assert found.attributes == {"loyaltyID": "L-1", "loyaltyPointsBalance": "120"}


def test_a_product_tells_where_it_is_on_sale_and_what_it_shows(desk: Any) -> None:
    made = desk(sites=["RefArch", "RefArchGlobal"])
    spec = {"name": "Mug", "online_flag": {"RefArch": False}, "custom": {"caseconnectNotice": "Do not use"}}
    create_product(made.instance, {"id": "mug", **spec})
    found = fetch(made, "product", "product", "mug")
    assert (found.title, found.skus, found.on_sale) == ("Mug", ("mug",), {"RefArch": False, "RefArchGlobal": True})
    assert found.notices == {"default": "Do not use"}
    made.instance.products["mug"].custom["caseconnectNotice"] = {"default": "Stop", "de_DE": "Halt", "fr": None}
    assert fetch(made, "product", "product", "mug").notices == {"default": "Stop", "de_DE": "Halt"}


@pytest.mark.parametrize(
    ("fact", "kind", "name"),
    [
        ("colour", "order", "1"),
        ("order", "customer", "1"),
        ("customer", "customer", "42"),
        ("return", "return", "R-1"),
        ("document", "document", "/etc/passwd"),
        ("document", "document", "src/caseconnect/../../secrets"),
        ("document", "document", "src/caseconnectother/x"),
        ("order", "order", ".."),
    ],
)
def test_what_cannot_be_asked_is_refused_without_a_request(desk: Any, fact: Any, kind: Any, name: Any) -> None:
    made = desk()
    with pytest.raises(PermanentError):
        fetch(made, fact, kind, name)
    assert made.asked() == []
