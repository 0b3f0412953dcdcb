"""Faults on order, load shedding, the control API, pages, and the simulator as a process."""

import http.client
import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from caseconnect_sfcc.simulator import ConnectionDropped
from caseconnect_sfcc.simulator.__main__ import main


def order_fault(world: Any, **fault: Any) -> None:
    answer = world.sim("faults", fault)
    assert answer.status_code == 200, answer.text


def patch(world: Any, number: Any) -> Any:
    return world.orders("PATCH", f"/{number}", {"c_caseconnectCase": "C-1"})


def test_faults_hit_operations_by_name_count_and_skip(world: Any) -> None:
    number = world.order()
    order_fault(world, kind="status", operation="updateOrder", status=504, skip=1, count=2)
    assert [patch(world, number).status_code for _ in range(4)] == [204, 504, 504, 204]
    assert world.orders("GET", f"/{number}").status_code == 200
    assert len(world.effects("order.custom")) == 2
    assert world.sim("faults", method="GET").json() == {"faults": []}


def test_throttling_says_when_to_come_back(world: Any) -> None:
    order_fault(world, kind="throttle", operation="token", retry_after="7", headers={"X-RateLimit-Remaining": "0"})
    answer = world.mint()
    assert (answer.status_code, answer.headers["retry-after"], answer.headers["x-ratelimit-remaining"]) == (
        429,
        "7",
        "0",
    )
    assert world.mint().status_code == 200


def test_shedding_and_load_headers(world: Any) -> None:
    number = world.order()
    assert "sfdc_load" not in world.orders("GET", f"/{number}").headers
    for load, status in ((50, None), (85, "WARN"), (95, "THROTTLE")):
        world.sim("switches", {"load": load})
        headers = world.orders("GET", f"/{number}").headers
        assert (headers["sfdc_load"], headers.get("sfdc_load_status")) == (str(load), status)
    world.sim("switches", {"load": 100})
    shed = world.orders("GET", f"/{number}")
    assert (shed.status_code, shed.headers["sfdc_load_status"]) == (503, "THROTTLE")
    assert "sfdc_load" not in shed.headers
    world.sim("switches", {"load": 0})
    order_fault(world, kind="shed", path="*/notes")
    assert world.shop("GET", f"/orders/{number}/notes").status_code == 503
    assert world.shop("GET", f"/orders/{number}/notes").status_code == 200


@pytest.mark.parametrize(("kind", "effects"), [("drop_before", 0), ("drop_after", 1)])
def test_a_connection_is_lost_before_or_after_the_effect(world: Any, kind: Any, effects: Any) -> None:
    number = world.order()
    order_fault(world, kind=kind, operation="shop.post_note")
    with pytest.raises(ConnectionDropped):
        world.shop("POST", f"/orders/{number}/notes", {"subject": "a", "text": "b"})
    assert len(world.effects("order.note")) == effects


def test_bad_answers_with_and_without_the_effect(world: Any) -> None:
    number = world.order()
    for effect in (False, True):
        order_fault(world, kind="html", operation="updateOrder", effect=effect)
        answer = patch(world, number)
        assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert len(world.effects("order.custom")) == int(effect)


def test_redirects_delays_truncated_slow_and_endless_bodies(world: Any) -> None:
    number = world.order()
    order_fault(world, kind="redirect", operation="getOrder")
    moved = world.orders("GET", f"/{number}")
    assert (moved.status_code, moved.headers["location"]) == (302, "https://elsewhere.example/")
    order_fault(world, kind="delay", operation="getOrder", seconds=30)
    assert world.orders("GET", f"/{number}").status_code == 200
    assert world.time.slept == [30]
    order_fault(world, kind="truncate", operation="getOrder")
    with pytest.raises(ValueError, match=r"."):
        world.orders("GET", f"/{number}").json()
    order_fault(world, kind="slow", operation="getOrder", seconds=2)
    assert world.orders("GET", f"/{number}").json()["orderNo"] == number
    assert len(world.time.slept) > 50
    order_fault(world, kind="endless", operation="getOrder", megabytes=1)
    assert len(world.orders("GET", f"/{number}").content) > 1_000_000
    order_fault(world, kind="status", operation="getOrder", status=200, body='{"orderNo": 7}')
    assert world.orders("GET", f"/{number}").json() == {"orderNo": 7}


def test_faults_choose_instance_and_method(world: Any) -> None:
    order_fault(world, kind="status", instance="zzxy_stg", method="GET", count=0)
    assert world.orders("GET").status_code == 200
    world.tenant = "zzxy_stg"
    assert [world.orders("GET").status_code for _ in range(3)] == [500] * 3
    assert world.sim("faults", method="DELETE").json() == {"faults": []}
    assert world.orders("GET").status_code == 200


@pytest.mark.parametrize("fault", [{"kind": "magic"}, {}, {"kind": "status", "colour": 1}])
def test_wrong_faults_are_refused(world: Any, fault: Any) -> None:
    answer = world.sim("faults", fault)
    assert answer.status_code == 400
    assert "Allowed" in answer.json()["error"]


def test_clock_and_tokens_are_moved_by_the_control_api(world: Any) -> None:
    assert world.orders("GET").status_code == 200
    assert world.sim("clock", {"seconds": 90}).json() == {"now": "2026-11-03T09:31:30.000Z"}
    assert world.orders("GET", f"/{world.order()}").json()["creationDate"] == "2026-11-03T09:31:30.000Z"
    assert world.sim("expire-tokens").json() == {"expired": 1}
    assert world.orders("GET").status_code == 401


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("orders", {"situation": "lost"}),
        ("orders", {"colour": "red"}),
        ("orders", {"site": "Nowhere"}),
        ("orders", {"status": "lost"}),
        ("orders", {"lines": [{"price": "cheap"}]}),
        ("orders", {"lines": [{"price": "NaN"}]}),
        ("orders", {"lines": [{"quantity": "many"}]}),
        ("orders", {"instance": "none"}),
        ("orders/none/ship", {}),
        ("products", {}),
        ("products", {"id": "x", "kind": "car"}),
        ("permissions/other", {}),
        ("clock", {"seconds": "soon"}),
        ("content", {}),
    ],
)
def test_wrong_control_requests_are_explained(world: Any, path: Any, body: Any) -> None:
    answer = world.sim(path, body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert world.effects() == []


def test_state_and_ledger_tell_everything_but_secrets(world: Any) -> None:
    number = world.order("fraud_review")
    world.sim("customers", {"number": "1", "email": "a@shop.example"})
    patch(world, number)
    state = world.sim("state", method="GET")
    body = state.json()
    assert (body["orders"][0]["number"], body["orders"][0]["custom"]["caseconnectCase"]) == (number, "C-1")
    assert (body["customers"][0]["number"], body["calls"], body["index_waiting"]["RefArch"]) == ("1", 1, 2)
    assert "secret" not in state.text
    ledger = world.sim("ledger", method="GET").json()["ledger"]
    assert [each["what"] for each in ledger] == ["order.create", "product.create", "customer.create", "order.custom"]
    assert len(world.sim("ledger?since=3", method="GET").json()["ledger"]) == 1


def test_many_orders_at_once(world: Any) -> None:
    numbers = world.sim("orders", {"times": 30, "situation": "delayed"}).json()["numbers"]
    assert len(set(numbers)) == 30
    assert len(world.orders("GET", limit=200).json()["data"]) == 30


def test_pages_escape_what_they_show(world: Any) -> None:
    number = world.order(customer={"customerName": "<b>Ann</b>"}, lines=[{"name": "<script>x</script>"}])
    world.act(number, "note", subject="<i>", text="<img>")
    order_fault(world, kind="html", path="<path>")
    home = world.request("GET", "/")
    shop = world.request("GET", "/_sim/pages/zzxy_prd")
    page = world.request("GET", f"/_sim/pages/zzxy_prd/orders/{number}")
    assert "&lt;path&gt;" in home.text
    assert number in shop.text
    assert "&lt;script&gt;" in page.text
    assert "&lt;img&gt;" in page.text
    for each in (home, shop, page):
        assert "<script>" not in each.text
        assert "default-src 'none'" in each.headers["content-security-policy"]
    assert world.request("GET", "/_sim/pages/none").status_code == 404
    assert world.request("GET", "/_sim/pages/zzxy_prd/orders/none").status_code == 404


def test_a_process_serves_and_loses_connections(tmp_path: Any) -> None:
    config = tmp_path / "sfcc.yaml"
    config.write_text("instances: [{tenant: abcd_001, sites: [One]}]\n", "utf-8")
    command = [sys.executable, "-m", "caseconnect_sfcc.simulator", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            port = int(line.strip().rpartition(":")[2])

            def call(method: Any, path: Any, body: Any) -> Any:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                try:
                    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
                    answer = connection.getresponse()
                    return answer.status, json.loads(answer.read())
                finally:
                    connection.close()

            status, made = call("POST", "/_sim/orders", {"situation": "split"})
            assert (status, made["siteId"]) == (201, "One")
            call("POST", "/_sim/faults", {"kind": "drop_before", "path": "/s/*"})
            with pytest.raises((ConnectionError, http.client.HTTPException)):
                call("GET", "/s/One/dw/shop/v25_6/orders/1", {})
            status, body = call("GET", "/s/One/dw/shop/v25_6/orders/1", {})
            assert (status, body["fault"]["type"]) == (401, "AuthorizationHeaderMissingException")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(10)


def test_wrong_configuration_ends_with_2_and_a_taken_port_with_1(tmp_path: Any, capsys: Any) -> None:
    config = tmp_path / "sfcc.yaml"
    for text in ("instances: []", "colour: red", "instances: [", "[1]"):
        config.write_text(text, "utf-8")
        assert main(["--config", str(config)]) == 2
        assert "Cannot start" in capsys.readouterr().err
    assert main(["--config", str(tmp_path / "none.yaml")]) == 2
    assert main(["--port", "70000"]) == 1
    assert "Cannot listen" in capsys.readouterr().err
