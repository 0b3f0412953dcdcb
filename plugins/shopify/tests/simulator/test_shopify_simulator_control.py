"""The control API, the settings, the pages and the command line."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from caseconnect_shopify.simulator import Shop, ShopifySimulatorSettings, SpecError, create_app

EVIL = '<script>alert("x")</script>'


def post(world: Any, path: Any, **body: Any) -> Any:
    return world.request("POST", f"/_sim/{path}", json=body)


def test_a_shops_day_through_the_control_api(world: Any) -> None:
    made = post(
        world,
        "orders",
        lines=[{"title": "Mug", "sku": "MUG", "price": "20.00", "quantity": 3}],
        customer={"email": "ada@example.com"},
        payment={"kind": "authorization"},
        created_at="2026-11-01T10:00:00+02:00",
    )
    assert made.status_code == 201
    order = made.json()
    assert (order["name"], order["created_at"]) == ("#1001", "2026-11-01T08:00:00+00:00")
    steps: list[tuple[str, dict[str, Any], str, str]] = [
        ("transactions", {"kind": "capture"}, "financial_status", "PAID"),
        ("risk", {"level": "medium"}, "recommendation", "INVESTIGATE"),
        ("edit", {"note": "Ring twice"}, "note", "Ring twice"),
        ("hold", {"reason": "incorrect_address"}, "fulfillment_status", "ON_HOLD"),
        ("release", {}, "fulfillment_status", "UNFULFILLED"),
        ("fulfill", {"lines": {"MUG": 2}}, "fulfillment_status", "PARTIALLY_FULFILLED"),
        ("events", {"status": "delayed"}, "fulfillment_status", "PARTIALLY_FULFILLED"),
        ("fulfill", {}, "fulfillment_status", "FULFILLED"),
        ("refund", {"amount": "5.00"}, "financial_status", "PARTIALLY_REFUNDED"),
    ]
    for step, body, key, value in steps:
        answer = post(world, f"orders/{order['id']}/{step}", **body)
        assert answer.status_code == 201, answer.text
        assert answer.json()[key] == value, step
    second = post(world, "orders", lines=[{"title": "Pot", "price": "1"}]).json()
    assert post(world, "orders/1002/cancel", reason="fraud").json()["cancel_reason"] == "FRAUD"
    state = world.request("GET", "/_sim/state").json()
    assert [o["id"] for o in state["orders"]] == [order["id"], second["id"]]
    assert state["counts"]["effects"] == 0
    assert world.request("GET", "/_sim/ledger").json() == []
    full = world.request("GET", f"/_sim/orders/{order['id']}").json()
    assert full["lines"][0]["price"] == "20.00"


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("orders", {}, 422, "at least one line"),
        ("orders", {"lines": [{"title": "Mug"}]}, 422, 'needs "title" and "price"'),
        ("orders", {"lines": [{"title": "Mug", "price": 1.5}]}, 422, "written as a string"),
        ("orders", {"lines": [{"title": "Mug", "price": "1", "qantity": 2}]}, 422, "Did you mean 'quantity'"),
        ("orders", {"lines": [{"title": "Mug", "price": "1"}], "risk": {"level": "huge"}}, 422, "Allowed: high"),
        ("orders", {"lines": [{"title": "Mug", "price": "1"}], "created_at": "2026-11-01T10:00:00"}, 422, "offset"),
        ("orders/7/cancel", {}, 404, "no order"),
        ("orders/1001/explode", {}, 422, "There is no step"),
        ("orders/1001/fulfill", {"lines": {"NONE": 1}}, 422, "has not 1 open units"),
        ("orders/1001/refund", {"amount": "99.00"}, 422, "greater than net payment"),
    ],
)
def test_unusable_requests_say_what_would_do(world: Any, path: Any, body: Any, status: Any, words: Any) -> None:
    world.order()
    answer = world.request("POST", f"/_sim/{path}", json=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_switches_tokens_and_secrets(world: Any) -> None:
    world.data("{ shop { name } }")
    assert post(world, "settings", personal_data=False, index_lag=3).json()["index_lag"] == 3.0
    assert world.shop.personal_data is False
    assert post(world, "settings", personal=True).status_code == 422
    assert post(world, "secret", client_secret="new-one").json() == {"signs_with": "old"}
    assert post(world, "secret", revoke_old=True).json() == {"signs_with": "new"}
    assert world.request("DELETE", "/_sim/tokens").json() == {"expired": 1}
    assert world.raw("{ shop { name } }").status_code == 401


def test_pages_escape_everything(world: Any) -> None:
    order = world.order(
        lines=[{"title": EVIL, "price": "1"}],
        customer={"email": "a@example.com", "first_name": EVIL},
        note=EVIL,
        tags=[EVIL],
        risk={"level": "high", "facts": [EVIL]},
    )
    tag = f'tagsAdd(id: "gid://shopify/Order/{order.id}", tags: $t) {{ node {{ id }} }}'
    world.data(f"mutation($t: [String!]!) {{ {tag} }}", {"t": ["<b>"]})
    for path in ("/", f"/admin/orders/{order.id}"):
        answer = world.request("GET", path)
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert "<b>" not in answer.text
        assert "&lt;script&gt;" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert f'href="admin/orders/{order.id}"' in world.request("GET", "/").text
    assert world.request("GET", "/admin/orders/7").status_code == 404


def test_several_shops_are_listed_and_reached_by_prefix(clock: Any, join: Any) -> None:
    world = join(Shop("a.myshopify.com", now=clock), Shop("b.myshopify.com", now=clock))
    assert 'href="/shops/b.myshopify.com/"' in world.request("GET", "/", "127.0.0.1").text
    assert world.request("GET", "/_sim/state", "127.0.0.1").status_code == 404
    state = world.request("GET", "/shops/b.myshopify.com/_sim/state", "127.0.0.1").json()
    assert state["domain"] == "b.myshopify.com"


def test_settings_from_a_dict() -> None:
    settings = ShopifySimulatorSettings.from_dict(
        {"port": 0, "shops": [{"domain": "x.myshopify.com", "orders": [{"lines": [{"title": "A", "price": "1.00"}]}]}]}
    )
    shop = settings.build()[0]
    assert [o.name for o in shop.orders.values()] == ["#1001"]
    assert "sim-secret" not in repr(settings)
    assert create_app(settings).routes


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"shop": []}, "Did you mean 'shops'"),
        ({"shops": [{"domian": "x"}]}, "Did you mean 'domain'"),
        ({"shops": [{"index_lag": "2"}]}, "index_lag must be a float"),
        ({"shops": [{"installed": 1}]}, "installed must be a bool"),
        ({"shops": [{}, {}]}, "same domain"),
        ({"shops": 3}, "must be a list"),
    ],
)
def test_unusable_settings(raw: Any, words: Any) -> None:
    with pytest.raises(SpecError, match=re.escape(words)):
        ShopifySimulatorSettings.from_dict(raw)


def test_the_command_line_refuses_a_bad_file(tmp_path: Any) -> None:
    path = tmp_path / "shops.json"
    path.write_text(json.dumps({"shops": [{"domian": "x"}]}))
    command = [sys.executable, "-m", "caseconnect_shopify.simulator", "--config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "Did you mean 'domain'" in done.stderr
