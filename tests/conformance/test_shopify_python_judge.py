"""Shopify's own Python library gets a token, asks, and checks webhooks of the simulated shop; and it can say no."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from caseconnect_shopify.simulator import create_order

JUDGE = Path(__file__).parent / "python" / "judge.py"
MUG = {"lines": [{"title": "Mug", "price": "20.00"}], "payment": {}, "note": "Grüße ✓"}
REFUND = """mutation Refund($input: RefundInput!) { refundCreate(input: $input) {
  refund { id } userErrors { message } } }"""


def ask(folder: Any, served: Any, calls: Any = (), webhooks: Any = (), **more: Any) -> Any:
    asked = {
        "base": served.base,
        "shop": served.shop.domain.partition(".")[0],
        "client_id": "sim-client",
        "client_secret": "sim-secret",
        "version": "2026-10",
        "calls": list(calls),
        "webhooks": list(webhooks),
        **more,
    }
    paths = [str(folder), *(p for p in sys.path if "site-packages" in p)]
    done = subprocess.run(
        [sys.executable, "-P", str(JUDGE)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_library_gets_a_token_and_asks(python_folder: Any, serve: Any) -> None:
    served = serve()
    order = create_order(served.shop, MUG)
    number = f"gid://shopify/Order/{order.id}"
    calls = [
        {"query": "query O($id: ID!) { order(id: $id) { id note } }", "variables": {"id": number}},
        {"query": REFUND, "variables": {"input": {"orderId": number, "note": "x"}}},
    ]
    found = ask(python_folder, served, calls)
    assert found["grant"]["ok"] is True
    assert found["wrong"]["ok"] is False
    read, keyless = found["calls"]
    assert read["ok"] is True
    assert read["data"]["order"] == {"id": number, "note": "Grüße ✓"}
    assert read["extensions"]["cost"]["requestedQueryCost"] > 0
    assert keyless["ok"] is False
    assert served.shop.ledger == []


def test_the_library_is_refused_with_a_dead_token_and_retries_what_it_should(python_folder: Any, serve: Any) -> None:
    served = serve()
    call = {"query": "{ shop { name } }", "variables": {}}
    assert ask(python_folder, served, [call], token="dead")["calls"][0]["ok"] is False
    served.shop.faults.add({"kind": "status", "status": 429, "retry_after": "0.1", "path": "graphql"})
    retried = ask(python_folder, served, [call], token="shpat_sim")["calls"][0]
    assert (retried["ok"], retried["tries"]) == (True, 2)
    served.shop.faults.add({"kind": "throttle", "path": "graphql"})
    assert ask(python_folder, served, [call], token="shpat_sim")["calls"][0]["ok"] is False


def test_the_library_checks_webhooks(python_folder: Any, serve: Any) -> None:
    served = serve()
    shop, got = served.shop, []

    async def keep(url: Any, headers: Any, body: Any) -> Any:
        got.append({"url": url, "headers": dict(headers), "body": body.decode()})
        return 200

    shop.outbox.deliver = keep
    shop.subscribe("orders/create", "http://127.0.0.1:1/hook")
    create_order(shop, MUG)
    asyncio.run(shop.run_due())
    (good,) = got
    changed = good | {"body": good["body"].replace("20.00", "10.00")}
    bare = good | {"headers": {k: v for k, v in good["headers"].items() if "Hmac" not in k}}
    verdicts = ask(python_folder, served, webhooks=[good, changed, bare])["webhooks"]
    assert [(v["ok"], v["status"]) for v in verdicts] == [(True, 200), (False, 401), (False, 400)]
    rotated = ask(python_folder, served, webhooks=[good], client_secret="new", old_client_secret="sim-secret")
    assert rotated["webhooks"][0]["ok"] is True
    forgotten = ask(python_folder, served, webhooks=[good], client_secret="new")
    assert forgotten["webhooks"][0]["ok"] is False
