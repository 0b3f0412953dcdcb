"""Pace and faults on virtual time: what the caller sees, and what happened all the same."""

from __future__ import annotations

from typing import Any

import pytest

from caseconnect_opentext_case.simulator import ConnectionDropped, Fault, TenantSettings


def order(world: Any, **fault: Any) -> None:
    assert world.raw("POST", "/_sim/faults", json=fault).status_code == 200


def pending(world: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.raw("GET", "/_sim/faults").json()["faults"]
    return found


def test_five_a_second_then_429(make_world: Any) -> None:
    world = make_world(TenantSettings())
    assert [world.ask("list_cases").status_code for _ in range(6)] == [200] * 5 + [429]
    assert world.create().status_code == 429
    assert world.effects() == []
    world.later(0.999)
    assert world.ask("list_cases").status_code == 429
    world.later(0.001)
    answer = world.ask("list_cases")
    assert answer.status_code == 200


def test_429_is_a_gateway_fault_with_optional_retry_after(make_world: Any) -> None:
    for retry_after, header in ((None, None), (7.0, "7")):
        world = make_world(TenantSettings(rate_limit=1, retry_after=retry_after))
        world.ask("list_cases")
        answer = world.ask("list_cases")
        assert (answer.status_code, list(answer.json())) == (429, ["fault"])
        assert answer.headers.get("Retry-After") == header


def test_a_rate_below_one_a_second(make_world: Any) -> None:
    world = make_world(TenantSettings(rate_limit=0.1))
    codes = []
    for _ in range(3):
        codes.append(world.ask("list_cases").status_code)
        world.later(5)
    assert codes == [200, 429, 200]


def test_pace_is_each_tenants_own(make_world: Any) -> None:
    other = TenantSettings(id="other", rate_limit=1)
    world = make_world(TenantSettings(rate_limit=1), other)
    assert [world.ask("list_cases").status_code for _ in range(2)] == [200, 429]
    world.new_token(other)
    assert world.ask("list_cases").status_code == 200


def test_status_fault_hits_its_operation_and_count(world: Any) -> None:
    order(world, kind="status", operation="create_case", code=503, retry_after=2, count=2, skip=1)
    codes = [(world.create().status_code, world.ask("list_cases").status_code) for _ in range(4)]
    assert codes == [(201, 200), (503, 200), (503, 200), (201, 200)]
    assert world.effects() == ["create_case", "create_case"]
    assert pending(world) == []


def test_status_fault_shapes(world: Any) -> None:
    world.new_token()
    order(world, kind="status", path="*/cases", code=500)
    assert list(world.ask("list_cases").json()) == ["exception"]
    order(world, kind="status", body='{"message": "no"}', code=400)
    assert world.ask("list_cases").json() == {"message": "no"}
    order(world, kind="throttle", retry_after=3)
    answer = world.ask("list_cases")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    order(world, kind="html")
    answer = world.ask("list_cases")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert world.ask("list_cases").status_code == 200


@pytest.mark.parametrize("fault", [{"kind": "status", "code": 504, "effect": True}, {"kind": "truncate"}])
def test_bad_answer_but_it_happened(world: Any, fault: dict[str, Any]) -> None:
    order(world, operation="create_case", **fault)
    answer = world.create()
    assert answer.status_code == fault.get("code", 201)
    assert world.effects() == ["create_case"]


def test_truncated_answer_is_no_json(world: Any) -> None:
    case = world.created()
    order(world, kind="truncate", operation="read_case")
    answer = world.ask("read_case", case=case)
    whole = world.ask("read_case", case=case).text
    assert answer.text == whole[: len(whole) // 2]


def test_lost_request_leaves_nothing(world: Any) -> None:
    world.new_token()
    order(world, kind="drop_before", operation="create_case")
    with pytest.raises(ConnectionDropped):
        world.create()
    assert world.effects() == []
    assert world.created() in world.store.cases


def test_lost_answer_leaves_the_effect(world: Any) -> None:
    world.new_token()
    order(world, kind="drop_after", operation="create_case")
    with pytest.raises(ConnectionDropped):
        world.create()
    assert world.effects() == ["create_case"]
    found = world.ask("list_cases", {"filter": "externalReference eq 'demo/shop/1001'"}).json()
    assert [row["id"] for row in found["_embedded"]["cases"]] == list(world.store.cases)
    last = world.store.calls[-2]
    assert (last["operation"], last["fault"], last["status"]) == ("create_case", "drop_after", None)


@pytest.mark.parametrize("operation", ["add_comment", "edit_case_data", "add_attachment", "close_case"])
def test_every_effect_can_lose_its_answer(world: Any, operation: str) -> None:
    case = world.created()
    bodies: dict[str, dict[str, Any]] = {
        "add_comment": {"json": {"message": "m"}},
        "edit_case_data": {"json": {"caseProperties": {}}},
        "add_attachment": {"files": {"file": ("a.txt", b"x", "text/plain")}},
        "close_case": {},
    }
    order(world, kind="drop_after", operation=operation)
    with pytest.raises(ConnectionDropped):
        world.ask(operation, case=case, **bodies[operation])
    assert world.effects() == ["create_case", operation]


def test_token_endpoint_can_fail_too(world: Any) -> None:
    order(world, kind="status", operation="token", code=500)
    assert world.new_token().status_code == 500
    assert world.new_token().status_code == 200


def test_delay_waits_by_the_given_sleep(world: Any) -> None:
    world.new_token()
    order(world, kind="delay", seconds=12.5)
    assert world.ask("list_cases").status_code == 200
    assert world.slept == [12.5]


def test_fault_for_one_tenant_and_for_ever_until_cleared(make_world: Any) -> None:
    other = TenantSettings(id="other", rate_limit=0)
    world = make_world(TenantSettings(rate_limit=0), other)
    world.new_token()
    order(world, kind="status", tenant="demo", count=0)
    assert [world.ask("list_cases").status_code for _ in range(3)] == [500] * 3
    world.new_token(other)
    assert world.ask("list_cases").status_code == 200
    assert world.raw("DELETE", "/_sim/faults").json() == {"faults": []}
    world.token = None
    assert world.ask("list_cases").status_code == 200


def test_faults_in_code(world: Any) -> None:
    world.new_token()
    world.app.faults.schedule(Fault("status", operation="list_*", code=418))
    assert world.ask("list_cases").status_code == 418


@pytest.mark.parametrize("fault", [{"kind": "meteor"}, {}, {"kind": "status", "cod": 500}])
def test_unknown_fault_is_refused(world: Any, fault: dict[str, Any]) -> None:
    answer = world.raw("POST", "/_sim/faults", json=fault)
    assert answer.status_code == 400
    assert answer.json()["exception"].startswith("fault.")
    assert pending(world) == []
