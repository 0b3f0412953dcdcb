"""What people do outside the API: ask for returns, open disputes, make drafts, edit customers, ask for erasure."""

import json
from typing import Any

import pytest

from caseconnect_shopify.simulator.world import fulfilment

DISPUTE_WORDS = """
    id order_id type amount currency reason network_reason_code status evidence_due_by evidence_sent_on finalized_on
    initiated_at
"""
DISPUTE_KEYS = set(DISPUTE_WORDS.split())


def post(world: Any, path: Any, body: Any = None, status: Any = 201) -> Any:
    answer = world.request("POST", f"/_sim/{path}", content=json.dumps(body or {}))
    assert answer.status_code == status, answer.text
    return answer.json()


def subscribe(world: Any, *topics: Any) -> None:
    for topic in topics:
        world.shop.subscribe(topic, "http://127.0.0.1/hook")


def bodies(world: Any, topic: Any) -> Any:
    world.run_due()
    return world.inbox.bodies(topic)


def test_a_shopper_asks_and_staff_decide(world: Any) -> None:
    subscribe(world, "returns/request", "returns/decline", "returns/approve", "returns/close")
    order = world.order()
    early = post(world, f"orders/{order.id}/returns", status=422)
    assert "only sent goods" in early["error"]
    fulfilment.fulfill(world.shop, order, {})
    shown = post(world, f"orders/{order.id}/returns", {"lines": {"MUG": 1}, "reason": "defective", "note": "Cracked"})
    assert shown["return_status"] == "RETURN_REQUESTED"
    number = shown["returns"][0]["id"]
    assert bodies(world, "returns/request")[0]["return_line_items"][0]["customer_note"] == "Cracked"
    assert "units of 'Mug'" in post(world, f"orders/{order.id}/returns", {"lines": {"MUG": 2}}, 422)["error"]
    assert post(world, f"returns/{number}/decline", {"reason": "final_sale", "note": "Sale"})["status"] == "DECLINED"
    assert bodies(world, "returns/decline")[0]["decline"] == {"reason": "final_sale", "note": "Sale"}
    assert "not approvable" in post(world, f"returns/{number}/approve", status=422)["error"]
    other = post(world, f"orders/{order.id}/returns", {"open": True})["returns"][1]
    assert other["status"] == "OPEN"
    assert post(world, f"returns/{other['id']}/close")["status"] == "CLOSED"
    assert world.shop.ledger == []
    for path in ("returns/1/approve", f"returns/{number}/eat"):
        assert "There is no" in post(world, path, status=422)["error"]


def test_a_bank_opens_a_dispute_and_decides(world: Any) -> None:
    subscribe(world, "disputes/create", "disputes/update")
    order = world.order()
    shown = post(world, f"orders/{order.id}/disputes", {"reason": "product_not_received", "amount": "11.50"})
    number = shown["disputes"][0]["id"]
    body = bodies(world, "disputes/create")[0]
    assert set(body) == DISPUTE_KEYS
    assert (body["amount"], body["reason"], body["status"]) == ("11.50", "product_not_received", "needs_response")
    post(world, f"disputes/{number}", {"status": "lost"})
    assert bodies(world, "disputes/update")[0]["finalized_on"] is not None
    assert "final" in post(world, f"disputes/{number}", {"status": "won"}, 422)["error"]


def test_staff_make_drafts_and_complete_them(world: Any) -> None:
    subscribe(world, "draft_orders/create", "draft_orders/update", "orders/create")
    post(world, "products", {"title": "Cup", "sku": "CUP", "price": "9.00"})
    made = post(world, "drafts", {"lines": [{"sku": "CUP", "quantity": 2}], "tags": ["vip"], "email": "a@example.com"})
    assert (made["name"], made["total"]) == ("#D1", "18.00")
    assert "needs" in post(world, "drafts", {"lines": [{"sku": "NONE"}]}, 422)["error"]
    done = post(world, "drafts/D1/complete")
    assert done["status"] == "COMPLETED"
    assert world.shop.order(done["order_id"]).tags == ["vip"]
    assert bodies(world, "orders/create")[0]["source_name"] == "shopify_draft_order"
    assert "no open draft" in post(world, "drafts/D1/delete", status=422)["error"]


def test_customers_are_made_tagged_merged_and_deleted(world: Any) -> None:
    topics = ("customers/create", "customers/update", "customers/merge", "customers/delete")
    subscribe(world, *topics, "customer.tags_added", "customer.tags_removed")
    post(world, "customers", {"email": "a@example.com", "tags": ["vip"]})
    post(world, "customers", {"email": "a@example.com", "tags": ["gold"]})
    assert len(bodies(world, "customers/create")) == 1
    assert [b["tags"] for b in bodies(world, "customer.tags_added")] == [["vip"], ["gold"]]
    removed = bodies(world, "customer.tags_removed")[0]
    assert (removed["tags"], removed["occurredAt"]) == (["vip"], "2026-11-03T09:30:00.000Z")
    order = world.order(customer={"email": "b@example.com"})
    gone = order.customer.id
    shown = post(world, "customers/b@example.com/merge", {"into": "a@example.com"})
    assert shown["id"] == str(gone)
    assert order.customer.email == "a@example.com"
    assert bodies(world, "customers/merge")[0]["admin_graphql_api_customer_deleted_id"].endswith(f"/{gone}")
    assert post(world, "customers/a@example.com/credit", {"amount": "5.00"})["store_credit"] == {"USD": "5.00"}
    assert "has orders" in post(world, "customers/a@example.com/delete", status=422)["error"]
    assert "no customer" in post(world, "customers/b@example.com/delete", status=422)["error"]


@pytest.mark.parametrize(
    ("kind", "topic", "key"),
    [
        ("data_request", "customers/data_request", "orders_requested"),
        ("redact", "customers/redact", "orders_to_redact"),
        ("shop_redact", "shop/redact", None),
    ],
)
def test_the_compliance_topics_reach_the_configured_address(make_world: Any, kind: Any, topic: Any, key: Any) -> None:
    world = make_world(webhooks={topic: "http://127.0.0.1/privacy"})
    order = world.order(customer={"email": "a@example.com", "phone": "+4912345678"})
    sent = post(world, f"compliance/{kind}", {"customer": "a@example.com"} if key else {})
    assert sent == {"topic": topic, "deliveries": 1}
    (body,) = bodies(world, topic)
    assert body["shop_domain"] == world.shop.domain
    if key:
        assert body["customer"] == {"id": order.customer.id, "email": "a@example.com", "phone": "+4912345678"}
        assert body[key] == [order.id]
    enums = world.data('{ __type(name: "WebhookSubscriptionTopic") { enumValues { name } } }')
    assert topic.replace("/", "_").upper() not in {v["name"] for v in enums["__type"]["enumValues"]}


def test_the_merchant_removes_the_app(world: Any) -> None:
    world.data("{ shop { name } }")
    world.shop.subscribe("app/uninstalled", "http://127.0.0.1/hook", by_api=True)
    world.shop.subscribe("orders/create", "http://127.0.0.1/hook", by_api=True)
    assert post(world, "uninstall") == {"installed": False, "deliveries": 1}
    assert bodies(world, "app/uninstalled")[0]["myshopify_domain"] == world.shop.domain
    assert world.raw("{ shop { name } }").status_code == 401
    assert world.mint().json()["error"] == "app_not_installed"
    world.order()
    assert bodies(world, "orders/create") == []


def test_staff_move_and_split_goods_past_a_hold(world: Any) -> None:
    subscribe(world, "fulfillment_orders/moved", "fulfillment_orders/split", "fulfillment_orders/progress_reported")
    order = world.order()
    fulfilment.hold(world.shop, order.fulfillment_orders[0], "OTHER", handle="case", app_id=world.shop.app_id)
    post(world, f"orders/{order.id}/split", {"lines": {"MUG": 1}})
    assert [(f.status, len(f.holds)) for f in order.fulfillment_orders] == [("ON_HOLD", 1), ("OPEN", 0)]
    post(world, f"orders/{order.id}/move", {"location": 2})
    assert [(f.status, len(f.holds), f.location_id) for f in order.fulfillment_orders][-2:] == [("OPEN", 0, 2)] * 2
    post(world, f"orders/{order.id}/progress")
    assert {f.status for f in order.fulfillment_orders} == {"CLOSED", "IN_PROGRESS"}
    assert [len(bodies(world, f"fulfillment_orders/{t}")) for t in ("moved", "split", "progress_reported")] == [2, 1, 2]


def test_the_pages_show_returns_refunds_disputes_drafts_and_credit_escaped(world: Any) -> None:
    order = world.order(customer={"email": "<i>@example.com"})
    fulfilment.fulfill(world.shop, order, {})
    post(world, f"orders/{order.id}/returns", {"reason": "defective"})
    post(world, f"orders/{order.id}/refund", {"amount": "5.00", "note": "<b>sorry</b>"})
    post(world, f"orders/{order.id}/disputes")
    post(world, "drafts", {"lines": [{"title": "A", "price": "1.00"}], "tags": ["<u>"]})
    post(world, f"customers/{order.customer.id}/credit", {"amount": "3.00"})
    page = world.request("GET", f"/admin/orders/{order.id}").text
    home = world.request("GET", "/").text
    assert all(words in page for words in (f"{order.name}-R1", "REQUESTED", "&lt;b&gt;sorry", "NEEDS_RESPONSE"))
    assert all(words in home for words in ("#D1", "&lt;u&gt;", "3.00 USD", "&lt;i&gt;@example.com"))
    assert not any(tag in page + home for tag in ("<b>", "<u>", "<i>"))


def test_an_order_tells_of_its_returns(world: Any) -> None:
    subscribe(world, "orders/updated")
    order = world.order()
    fulfilment.fulfill(world.shop, order, {})
    post(world, f"orders/{order.id}/returns")
    assert bodies(world, "orders/updated")[-1]["returns"][0]["status"] == "requested"
