"""Webhooks: signature, headers, bodies, which change sends which topic, retries in virtual time."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from caseconnect_shopify.simulator.webhooks.transport import post
from caseconnect_shopify.simulator.world import cancellation, fulfilment, orders, payments

HOOK = "http://127.0.0.1:9/hooks"
TOPICS = """orders/create orders/updated orders/cancelled orders/paid orders/edited orders/risk_assessment_changed
order_transactions/create refunds/create fulfillments/create orders/partially_fulfilled orders/fulfilled
fulfillment_holds/added fulfillment_holds/released fulfillment_orders/placed_on_hold fulfillment_orders/hold_released
fulfillment_events/create customers/update"""
CREATE = """mutation Subscribe($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $sub) {
    webhookSubscription { id topic uri } userErrors { field message } } }"""


@pytest.fixture
def hooked(make_world: Any) -> Any:
    return make_world(webhooks=dict.fromkeys(TOPICS.split(), HOOK), cancel_seconds=0)


def signed_by(secret: Any, headers: Any, body: Any) -> Any:
    want = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    return headers["X-Shopify-Hmac-Sha256"] == want


def test_headers_and_signature(hooked: Any) -> None:
    order = hooked.order(test=True, payment=None)
    hooked.run_due()
    url, headers, body = hooked.inbox.got[0]
    assert url == HOOK
    assert signed_by("sim-secret", headers, body)
    assert not signed_by("other", headers, body)
    assert headers["X-Shopify-Topic"] == "orders/create"
    assert headers["X-Shopify-Shop-Domain"] == "demo-shop.myshopify.com"
    assert headers["X-Shopify-API-Version"] == "2026-10"
    assert headers["X-Shopify-Order-Id"] == str(order.id)
    assert headers["X-Shopify-Test"] == "true"
    assert re.fullmatch(r"2026-11-03T09:30:00\.\d{9}Z", headers["X-Shopify-Triggered-At"])
    assert re.fullmatch(r"[0-9a-f-]{36}", headers["X-Shopify-Webhook-Id"])
    assert headers["X-Shopify-Event-Id"] != headers["X-Shopify-Webhook-Id"]


def test_a_rotated_secret_signs_an_hour_later_or_after_revoking(hooked: Any) -> None:
    def signer() -> Any:
        hooked.order(payment=None)
        hooked.run_due()
        _, headers, body = hooked.inbox.got[-1]
        return next(s for s in ("sim-secret", "second", "third") if signed_by(s, headers, body))

    hooked.shop.rotate_secret("second")
    assert signer() == "sim-secret"
    hooked.clock.pass_(3600)
    assert signer() == "second"
    hooked.shop.rotate_secret("third")
    assert signer() == "second"
    hooked.shop.revoke_old_secret()
    assert signer() == "third"


def test_an_order_body_is_rest_shaped(make_world: Any) -> None:
    world = make_world(webhooks={"orders/create": HOOK}, first_id=820_982_911_946_154_508)
    order = world.order(
        customer={"email": "ada@example.com"},
        shipping_address={"city": "Bern"},
        tags=["a", "b"],
        risk={"level": "high"},
    )
    world.run_due()
    raw = world.inbox.got[0][2]
    assert f'"id":{order.id}'.encode() in raw
    body = json.loads(raw)
    assert body["admin_graphql_api_id"] == f"gid://shopify/Order/{order.id}"
    assert (body["total_price"], body["line_items"][0]["price"]) == ("40.00", "20.00")
    assert body["created_at"] == "2026-11-03T04:30:00-05:00"
    assert body["tags"] == "a, b"
    assert body["financial_status"] == "paid"
    assert body["email"] == body["customer"]["email"] == "ada@example.com"
    assert not {"risk", "transactions", "assessments"} & body.keys()
    assert "tags" not in body["customer"]


def test_personal_keys_are_absent_without_access(make_world: Any) -> None:
    world = make_world(webhooks={"orders/create": HOOK}, personal_data=False)
    world.order(customer={"email": "ada@example.com", "phone": "1"}, shipping_address={"city": "Bern", "country": "CH"})
    world.run_due()
    body = world.inbox.bodies("orders/create")[0]
    assert not {"email", "phone", "contact_email", "order_status_url"} & body.keys()
    assert set(body["shipping_address"]) == {"country", "country_code", "province", "province_code"}
    assert not {"email", "phone", "first_name", "last_name"} & body["customer"].keys()


@pytest.mark.parametrize(
    ("change", "topics"),
    [
        (
            lambda shop, order: payments.add(
                shop, order, {"kind": "sale", "status": "failure", "error_code": "card_declined"}
            ),
            ["orders/updated", "order_transactions/create"],
        ),
        (
            lambda shop, order: orders.assess(shop, order, {"level": "high"}),
            ["orders/updated", "orders/risk_assessment_changed"],
        ),
        (
            lambda shop, order: fulfilment.hold_by_hand(shop, order, {}),
            ["fulfillment_holds/added", "fulfillment_orders/placed_on_hold", "orders/updated"],
        ),
        (
            lambda shop, order: fulfilment.fulfill(shop, order, {"lines": {"MUG": 1}}),
            ["fulfillments/create", "orders/partially_fulfilled", "orders/updated"],
        ),
        (
            lambda shop, order: fulfilment.fulfill(shop, order, {}),
            ["fulfillments/create", "orders/fulfilled", "orders/updated"],
        ),
        (
            lambda shop, order: payments.refund(shop, order, {"amount": "5.00"}),
            ["orders/updated", "refunds/create", "order_transactions/create"],
        ),
        (lambda shop, order: cancellation.by_hand(shop, order, {}), ["orders/cancelled", "orders/updated"]),
        (lambda shop, order: orders.edit(shop, order, {"note": "x"}), ["orders/updated"]),
        (lambda shop, order: orders.edit(shop, order, {"remove": {"MUG": 1}}), ["orders/edited", "orders/updated"]),
    ],
)
def test_each_change_sends_its_topics(hooked: Any, change: Any, topics: Any) -> None:
    order = hooked.order()
    hooked.run_due()
    assert hooked.inbox.topics() == ["orders/create", "order_transactions/create", "orders/paid"]
    hooked.inbox.got.clear()
    change(hooked.shop, order)
    hooked.run_due()
    assert hooked.inbox.topics() == topics


def test_release_and_carrier_events(hooked: Any) -> None:
    order = hooked.order()
    fulfilment.hold_by_hand(hooked.shop, order, {"reason": "incorrect_address"})
    fulfilment.release_by_hand(hooked.shop, order)
    parcel = fulfilment.fulfill(hooked.shop, order, {"company": "UPS", "number": "1Z"})
    fulfilment.carrier_event(hooked.shop, order, {"status": "delayed", "message": "Snow"})
    hooked.run_due()
    hold = hooked.inbox.bodies("fulfillment_holds/added")[0]["fulfillment_hold"]
    assert (hold["reason"], hold["held_by_requesting_app"], hold["held_by_app"]) == ("incorrect_address", False, None)
    assert hooked.inbox.bodies("fulfillment_orders/hold_released")[0]["fulfillment_order"]["status"] == "open"
    event = hooked.inbox.bodies("fulfillment_events/create")[0]
    assert (event["status"], event["fulfillment_id"], event["order_id"]) == ("delayed", parcel.id, order.id)
    assert hooked.inbox.bodies("fulfillments/create")[0]["tracking_number"] == "1Z"


def test_bodies_of_money_and_risk(hooked: Any) -> None:
    order = hooked.order(payment={"kind": "authorization", "avs": "N"})
    orders.assess(hooked.shop, order, {"level": "high"})
    payments.add(hooked.shop, order, {"kind": "capture"})
    payments.refund(hooked.shop, order, {"amount": "5.00", "lines": {"MUG": 1}, "note": "Broken"})
    hooked.run_due()
    transaction = hooked.inbox.bodies("order_transactions/create")[0]
    assert (transaction["amount"], transaction["payment_details"]["avs_result_code"]) == ("40.00", "N")
    assert transaction["total_unsettled_set"]["shop_money"] == {"amount": "40.00", "currency": "USD"}
    risk = hooked.inbox.bodies("orders/risk_assessment_changed")[0]
    assert risk["order_id"] == str(order.id)
    assert (risk["risk_level"], risk["provider_id"]) == ("high", None)
    assert "recommendation" not in risk
    refund = hooked.inbox.bodies("refunds/create")[0]
    assert (refund["note"], refund["refund_line_items"][0]["quantity"]) == ("Broken", 1)
    assert refund["transactions"][0]["amount"] == "5.00"


def subscribe(world: Any, topic: Any = "ORDERS_CREATE", **sub: Any) -> Any:
    answer = world.data(CREATE, {"topic": topic, "sub": {"uri": HOOK} | sub})
    return answer["webhookSubscriptionCreate"]


def test_subscribing_by_api(world: Any) -> None:
    made = subscribe(world)["webhookSubscription"]
    assert (made["topic"], made["uri"]) == ("ORDERS_CREATE", HOOK)
    listed = world.data(
        "{ webhookSubscriptions(first: 5, topics: [ORDERS_CREATE]) { nodes { id apiVersion { handle } } } }"
    )
    assert listed["webhookSubscriptions"]["nodes"] == [{"id": made["id"], "apiVersion": {"handle": "2026-10"}}]
    assert subscribe(world)["userErrors"][0]["message"] == "Address for this topic has already been taken"
    assert subscribe(world, uri="http://example.com/")["userErrors"][0]["message"] == (
        "Address protocol http:// is not supported"
    )
    assert "internal domain" in subscribe(world, uri="https://x.myshopify.com/")["userErrors"][0]["message"]
    world.order()
    delete = 'mutation { webhookSubscriptionDelete(id: "%s") { deletedWebhookSubscriptionId userErrors { message } } }'
    assert world.data(delete % made["id"])["webhookSubscriptionDelete"]["userErrors"] == []
    again = world.data(delete % made["id"])["webhookSubscriptionDelete"]["userErrors"]
    assert again == [{"message": "Webhook subscription does not exist"}]
    world.run_due()
    assert world.inbox.got == []
    assert [e.what for e in world.shop.ledger] == ["webhook_subscribe", "webhook_unsubscribe"]


def test_include_fields_trims_and_holds_back_what_is_equal(world: Any) -> None:
    subscribe(world, "ORDERS_UPDATED", includeFields=["id", "note"])
    order = world.order()
    for note in ("a", "a", "b"):
        orders.edit(world.shop, order, {"note": note})
    world.run_due()
    assert world.inbox.bodies("orders/updated") == [{"id": order.id, "note": "a"}, {"id": order.id, "note": "b"}]


def test_eight_retries_in_four_hours_with_the_same_id_then_the_subscription_goes(world: Any) -> None:
    subscribe(world)
    world.order()
    world.inbox.statuses = [500, 302, TimeoutError(), 404, 500, 500, 500, 500, 500]
    start, times = world.clock.at, []
    world.run_due()
    while (due := world.shop.next_due()) is not None:
        world.clock.at = due
        times.append(due - start)
        world.run_due()
    assert len(times) == 8
    assert times[-1] == timedelta(hours=4)
    gaps = [b - a for a, b in pairwise(times)]
    assert gaps == sorted(gaps)
    assert len({h["X-Shopify-Webhook-Id"] for _, h, _ in world.inbox.got}) == 1
    assert len({b for _, _, b in world.inbox.got}) == 1
    assert world.shop.subscriptions == {}
    assert world.shop.outbox.recent[0].state == "failed"


def test_a_subscription_of_the_app_configuration_stays(hooked: Any) -> None:
    hooked.inbox.statuses = [500] * 50
    hooked.order(payment=None)
    hooked.run_due()
    while (due := hooked.shop.next_due()) is not None:
        hooked.clock.at = due
        hooked.run_due()
    assert "orders/create" in {s.topic for s in hooked.shop.subscriptions.values()}


def test_a_retry_that_works_is_the_last(world: Any) -> None:
    subscribe(world)
    world.order()
    world.inbox.statuses = [503]
    world.run_due()
    assert world.run_due() == 0
    world.clock.at = world.shop.next_due()
    world.run_due()
    assert world.shop.next_due() is None
    assert world.shop.outbox.recent[0].state == "delivered"
    assert len(world.inbox.got) == 2


def test_one_event_to_two_addresses_has_two_webhook_ids(world: Any) -> None:
    subscribe(world)
    subscribe(world, uri=HOOK + "/second")
    world.order()
    world.run_due()
    heads = [h for _, h, _ in world.inbox.got]
    assert len({h["X-Shopify-Webhook-Id"] for h in heads}) == 2
    assert len({h["X-Shopify-Event-Id"] for h in heads}) == 1


def test_nothing_is_posted_beyond_this_machine() -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1"):
        asyncio.run(post("http://example.com/hooks", {}, b"{}"))
