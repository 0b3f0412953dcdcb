"""Shopify's own Node libraries say that the simulated shop behaves as Shopify does; and they can say no."""

import asyncio
import json
import subprocess
from typing import Any

import pytest

from caseconnect_shopify.simulator import create_order

ORDER = """query Order($id: ID!) { order(id: $id) { id name totalPriceSet { shopMoney { amount currencyCode } }
  transactions { id kind status } } }"""
REFUND = """mutation Refund($input: RefundInput!, $key: String!) { refundCreate(input: $input) @idempotent(key: $key) {
  refund { id totalRefundedSet { presentmentMoney { amount } } } userErrors { field message } } }"""
MUG = {"lines": [{"title": "Mug", "sku": "MUG", "price": "20.00", "quantity": 2}], "payment": {}}


def drive(folder: Any, served: Any, calls: Any, token: Any = "shpat_sim") -> Any:
    asked = {"base": served.base, "domain": served.shop.domain, "token": token, "version": "2026-10", "calls": calls}
    done = subprocess.run(
        ["node", "client.mjs"],
        cwd=folder,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}


def test_the_graphql_client_reads_refunds_and_sees_errors(node_folder: Any, serve: Any) -> None:
    served = serve()
    order = create_order(served.shop, MUG)
    number, sale = f"gid://shopify/Order/{order.id}", f"gid://shopify/OrderTransaction/{order.transactions[0].id}"
    money = {"orderId": number, "parentId": sale, "kind": "REFUND", "gateway": "shopify_payments", "amount": "5.00"}
    refund = {"input": {"orderId": number, "transactions": [money]}, "key": "k1"}
    served.shop.faults.add({"kind": "status", "status": 503, "retry_after": "1", "operation": "Order", "skip": 1})
    found = drive(
        node_folder,
        served,
        [
            {"name": "order", "query": ORDER, "variables": {"id": number}},
            {"name": "retried", "query": ORDER, "variables": {"id": number}, "retries": 2},
            {"name": "refund", "query": REFUND, "variables": refund},
            {"name": "replay", "query": REFUND, "variables": refund},
            {"name": "keyless", "query": REFUND.replace("@idempotent(key: $key)", ""), "variables": refund},
            {"name": "field", "query": "{ order(id: 1) { colour } }", "variables": {}},
        ],
    )
    assert found["order"]["data"]["order"]["totalPriceSet"]["shopMoney"] == {"amount": "40.0", "currencyCode": "USD"}
    assert found["order"]["extensions"]["cost"]["throttleStatus"]["maximumAvailable"] == 2000
    assert found["retried"]["requests"] == 2
    assert found["retried"]["data"] == found["order"]["data"]
    made = found["refund"]["data"]["refundCreate"]
    assert made["userErrors"] == []
    assert found["replay"]["data"] == found["refund"]["data"]
    assert len([e for e in served.shop.ledger if e.what == "refund"]) == 1
    # The key's variable is then not used, which Shopify refuses before it looks for the directive.
    assert found["keyless"]["errors"]["graphQLErrors"][0]["extensions"]["code"] == "variableNotUsed"
    assert found["field"]["errors"]["graphQLErrors"][0]["extensions"]["code"] == "undefinedField"


def test_the_graphql_client_sees_a_refused_token_and_an_empty_bucket(node_folder: Any, serve: Any) -> None:
    served = serve()
    call = {"name": "shop", "query": "{ shop { name } }", "variables": {}}
    refused = drive(node_folder, served, [call], token="wrong")["shop"]
    assert refused["errors"]["status"] == 401
    served.shop.faults.add({"kind": "throttle"})
    throttled = drive(node_folder, served, [call])["shop"]
    assert throttled["errors"]["graphQLErrors"][0]["extensions"]["code"] == "THROTTLED"
    served.shop.faults.add({"kind": "html"})
    broken = drive(node_folder, served, [call])["shop"]
    assert broken["errors"]["status"] == 503
    served.shop.faults.add({"kind": "status", "status": 200, "body": {"order": None}})
    shapeless = drive(node_folder, served, [call])["shop"]
    assert "data" not in shapeless
    assert shapeless["errors"]["message"]


def judged(folder: Any, secret: Any, send: Any, count: Any) -> Any:
    """What the library says of the deliveries that `send(url)` makes."""
    command = ["node", "webhooks.mjs", secret, str(count)]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as judge:
        assert judge.stdout is not None
        port = json.loads(judge.stdout.readline())["port"]
        send(f"http://127.0.0.1:{port}/hook")
        verdicts, problems = judge.communicate(timeout=30)
    assert judge.returncode == 0, problems
    return [json.loads(line) for line in verdicts.splitlines()]


TOPICS = ("orders/create", "order_transactions/create", "orders/paid")


def deliver(shop: Any, url: Any, change: Any = None) -> Any:
    """Makes an order and sends its webhooks over HTTP, changed on the way by `change(headers, body)`."""
    from caseconnect_shopify.simulator.webhooks.transport import post

    async def changed(target: Any, headers: Any, body: Any) -> Any:
        return await post(target, *(change(headers, body) if change else (headers, body)))

    shop.outbox.deliver = changed
    for topic in TOPICS:
        shop.subscribe(topic, url)
    order = create_order(shop, MUG | {"note": "Grüße ✓"})
    asyncio.run(shop.run_due())
    return order


def test_webhooks_are_valid(node_folder: Any, shop: Any) -> None:
    verdicts = judged(node_folder, shop.client_secret, lambda url: deliver(shop, url), len(TOPICS))
    assert [v["valid"] for v in verdicts] == [True] * len(TOPICS)
    assert {v["topic"] for v in verdicts} == {"ORDERS_CREATE", "ORDER_TRANSACTIONS_CREATE", "ORDERS_PAID"}
    assert {v["domain"] for v in verdicts} == {shop.domain}
    assert all(v["apiVersion"] == "2026-10" and v["webhookId"] and v["eventId"] for v in verdicts)
    assert any(str(v["bodyId"]).startswith("gid://shopify/Order/") for v in verdicts)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda headers, body: (headers, body.replace(b".00", b".01")), "invalid_hmac"),
        (lambda headers, body: (headers | {"X-Shopify-Hmac-Sha256": "AAAA"}, body), "invalid_hmac"),
        (lambda headers, body: ({k: v for k, v in headers.items() if "Hmac" not in k}, body), "missing_hmac"),
        (lambda headers, body: ({k: v for k, v in headers.items() if "Webhook-Id" not in k}, body), "missing_headers"),
    ],
)
def test_the_judge_of_webhooks_can_say_no(node_folder: Any, shop: Any, change: Any, reason: Any) -> None:
    verdicts = judged(node_folder, shop.client_secret, lambda url: deliver(shop, url, change), len(TOPICS))
    assert [(v["valid"], v["reason"]) for v in verdicts] == [(False, reason)] * len(TOPICS)


def test_the_judge_knows_the_secret_that_signs(node_folder: Any, shop: Any) -> None:
    shop.rotate_secret("new-secret")
    verdicts = judged(node_folder, "sim-secret", lambda url: deliver(shop, url), len(TOPICS))
    assert all(v["valid"] for v in verdicts)
    shop.revoke_old_secret()
    shop.subscriptions.clear()
    verdicts = judged(node_folder, "sim-secret", lambda url: deliver(shop, url), len(TOPICS))
    assert not any(v["valid"] for v in verdicts)
