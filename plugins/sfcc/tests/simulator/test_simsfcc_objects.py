"""Custom objects as the channel of requests and triggers, and the merchant's job that works the triggers off."""

import json
from typing import Any

import pytest

RETURNS = "/sites/RefArch/custom_objects/CaseConnectReturn/"
ACTIONS = "/sites/RefArch/custom_objects/CaseConnectAction/"
JOB = "/jobs/CaseConnectActions/executions"


def fault(answer: Any) -> Any:
    return answer.status_code, answer.json()["fault"]["type"]


def trigger(world: Any, key: Any = "A1", action: Any = "refund", order: Any = None, **more: Any) -> Any:
    values = {
        "c_action": action,
        "c_orderNo": order or world.order(),
        "c_status": "requested",
        "c_payload": json.dumps({"amount": "10.50"}),
    }
    answer = world.data("PUT", f"{ACTIONS}{key}", {**values, **more})
    assert answer.status_code == 200, answer.text
    return answer


def test_put_makes_and_overwrites_patch_merges_delete_repeats(world: Any) -> None:
    path = f"{RETURNS}R1"
    made = world.data("PUT", path, {"c_orderNo": "1", "c_reason": "WRONG_SIZE", "key_value_string": "ignored"}).json()
    assert (made["key_property"], made["key_value_string"], made["object_type"]) == (
        "returnId",
        "R1",
        "CaseConnectReturn",
    )
    world.data("PATCH", path, {"c_status": "new", "c_reason": None})
    shown = world.data("GET", path).json()
    assert {name: value for name, value in shown.items() if name.startswith("c_")} == {
        "c_orderNo": "1",
        "c_status": "new",
    }
    assert "c_orderNo" not in world.data("PUT", path, {"c_status": "done"}).json()
    assert world.data("DELETE", path).status_code == 204
    assert world.data("DELETE", path).status_code == 204
    assert fault(world.data("GET", path)) == (404, "CustomObjectNotFoundException")
    assert fault(world.data("PATCH", path, {})) == (404, "CustomObjectNotFoundException")
    assert [each.what for each in world.effects()] == [
        "object.create",
        "object.change",
        "object.change",
        "object.delete",
    ]


def test_types_scopes_keys_and_attributes_are_checked(world: Any) -> None:
    nothing = RETURNS.replace("CaseConnectReturn", "Nothing")
    assert fault(world.data("PUT", f"{nothing}1", {})) == (404, "ObjectTypeNotFoundException")
    assert fault(world.data("PUT", "/custom_objects/CaseConnectReturn/1", {})) == (404, "ObjectTypeNotFoundException")
    assert fault(world.data("PUT", "/custom_objects/ReturnCount/one", {})) == (400, "MalformedKeyParameterException")
    assert world.data("PUT", "/custom_objects/ReturnCount/17", {}).json()["key_value_integer"] == 17
    assert fault(world.data("PUT", f"{RETURNS}1", {"c_colour": "red"})) == (400, "InvalidCustomPropertyException")
    assert fault(world.data("PUT", f"{RETURNS}1", {"colour": "red"})) == (400, "UnknownPropertyException")
    wrong = world.data("PUT", f"{RETURNS}1", {"c_orderNo": 1})
    assert fault(wrong) == (400, "TypeDecodingException")
    assert wrong.json()["fault"]["arguments"]["path"] == "$.c_orderNo"
    assert fault(world.data("PUT", "/sites/Nowhere/custom_objects/CaseConnectReturn/1", {})) == (
        404,
        "SiteNotFoundException",
    )


def test_types_are_configurable(make_world: Any) -> None:
    instance = {
        "tenant": "zzxy_prd",
        "object_types": [{"id": "Complaint", "key": "no"}],
        "attributes": {"Complaint": {"text": "text"}},
    }
    world = make_world({"instances": [instance]})
    path = "/sites/RefArch/custom_objects/Complaint/1"
    assert world.data("PUT", path, {"c_text": "Broken"}).json()["key_property"] == "no"
    assert fault(world.data("PUT", f"{RETURNS}1", {})) == (404, "ObjectTypeNotFoundException")


def search(world: Any, query: Any, kind: Any = "CaseConnectComplaint", **more: Any) -> Any:
    return world.data("POST", f"/custom_objects_search/{kind}", {"query": query, **more})


def test_requests_of_shoppers_are_found_by_last_modified(world: Any) -> None:
    keys = []
    for n in range(3):
        keys.append(world.sim("requests/complaint", {"orderNo": str(n), "skus": ["a"]}).json()["key"])
        world.time.pass_(10)
    since = {"range_filter": {"field": "last_modified", "from": "2026-11-03T09:30:10.000Z"}}
    query = {"filtered_query": {"query": {"match_all_query": {}}, "filter": since}}
    found = search(world, query, sorts=[{"field": "last_modified"}], count=10).json()
    assert [each["key_value_string"] for each in found["hits"]] == keys[1:]
    assert found["hits"][0]["c_status"] == "new"
    skus = {"term_query": {"fields": ["c_skus"], "operator": "is", "values": ["a"]}}
    assert search(world, skus).json()["total"] == 3
    wrong = {"term_query": {"fields": ["key_value_integer"], "operator": "is", "values": ["x"]}}
    assert fault(search(world, wrong)) == (400, "TypeMissmatchException")
    assert fault(search(world, skus, kind="Nothing")) == (404, "ObjectTypeNotFoundException")
    assert world.sim("requests/parcel", {}).status_code == 400
    assert world.sim("requests/claim", {"colour": "red"}).status_code == 400


def test_the_job_works_a_trigger_off_and_writes_back(world: Any) -> None:
    number = world.order()
    trigger(world, order=number)
    assert world.data("GET", f"{ACTIONS}A1").json()["c_status"] == "requested"
    world.time.pass_(5)
    done = world.data("GET", f"{ACTIONS}A1").json()
    assert (done["c_status"], done["c_finishedAt"]) == ("done", "2026-11-03T09:30:05.000Z")
    assert "refund" in done["c_result"]
    money = world.effects("merchant.refund")
    assert [(each.who, each.target, each.args) for each in money] == [
        ("cartridge", number, {"payload": {"amount": "10.50"}})
    ]
    world.time.pass_(60)
    world.data("GET", f"{ACTIONS}A1")
    assert len(world.effects("merchant.refund")) == 1


def test_the_job_gives_back_no_more_than_the_order_cost(world: Any) -> None:
    number = world.order()
    total = world.instance.orders[number].total
    for key in ("A1", "A2"):
        trigger(world, key, order=number, c_payload=json.dumps({"amount": str(total)}))
    world.time.pass_(5)
    states = [world.data("GET", f"{ACTIONS}{key}").json()["c_status"] for key in ("A1", "A2")]
    assert states == ["done", "error"]
    assert len(world.effects("merchant.refund")) == 1


def test_a_trigger_that_is_written_again_acts_once(world: Any) -> None:
    number = world.order()
    for _ in range(2):
        trigger(world, order=number)
        world.time.pass_(5)
        assert world.data("GET", f"{ACTIONS}A1").json()["c_status"] == "done"
    assert len(world.effects("merchant.refund")) == 1


@pytest.mark.parametrize(
    "values",
    [{"action": "dance"}, {"order": "nobody-has-this"}, {"c_payload": "{"}],
    ids=["action", "order", "payload"],
)
def test_what_the_job_cannot_do_is_an_error(world: Any, values: Any) -> None:
    trigger(world, **values)
    world.time.pass_(5)
    assert world.data("GET", f"{ACTIONS}A1").json()["c_status"] == "error"
    assert not [each for each in world.effects() if each.what.startswith("merchant.")]


@pytest.mark.parametrize(("outcome", "status"), [("error", "error"), ("never", "requested"), ("unknown", "unknown")])
def test_the_job_can_fail_or_never_answer(world: Any, outcome: Any, status: Any) -> None:
    world.sim("switches", {"cartridge": {"outcomes": {"refund": outcome}}})
    trigger(world)
    trigger(world, "A2", "exchange")
    world.time.pass_(600)
    assert world.data("GET", f"{ACTIONS}A1").json()["c_status"] == status
    assert world.data("GET", f"{ACTIONS}A2").json()["c_status"] == "done"
    assert len(world.effects("merchant.refund")) == (outcome == "unknown")
    assert len(world.effects("merchant.exchange")) == 1


def test_a_deleted_or_withdrawn_trigger_does_nothing(world: Any) -> None:
    trigger(world)
    world.data("DELETE", f"{ACTIONS}A1")
    trigger(world, "A2")
    world.data("PATCH", f"{ACTIONS}A2", {"c_status": "withdrawn"})
    world.time.pass_(60)
    world.data("GET", f"{ACTIONS}A2")
    assert world.effects("merchant.refund") == []


def test_the_hook_runs_for_the_shop_patch_alone(world: Any) -> None:
    number = world.order()
    body = {"c_orderAction": "refund_order", "c_returnCase": "{}"}
    assert world.orders("PATCH", f"/{number}", body).status_code == 204
    assert world.data("PATCH", f"/sites/RefArch/orders/{number}", body).status_code == 204
    assert world.effects("merchant.refund_order") == []
    assert world.shop("PATCH", f"/orders/{number}", body).status_code == 200
    assert len(world.effects("merchant.refund_order")) == 1
    world.sim("switches", {"cartridge": {"outcome": "error"}})
    failed = world.shop("PATCH", f"/orders/{number}", body)
    assert fault(failed) == (400, "HookStatusException")
    assert failed.json()["fault"]["arguments"]["extensionPoint"] == "dw.ocapi.shop.order.afterPATCH"


def test_the_job_can_be_started_and_watched(world: Any) -> None:
    world.sim("switches", {"cartridge": {"by_job_only": True}})
    trigger(world)
    world.time.pass_(600)
    assert world.data("GET", f"{ACTIONS}A1").json()["c_status"] == "requested"
    started = world.data("POST", JOB, {"parameters": [{"name": "key", "value": "A1"}]}).json()
    assert started["execution_status"] == "pending"
    assert fault(world.data("POST", JOB, {})) == (400, "JobAlreadyRunningException")
    path = f"{JOB}/{started['id']}"
    assert world.data("GET", path).json()["execution_status"] == "running"
    world.time.pass_(3)
    ended = world.data("GET", path).json()
    assert (ended["execution_status"], ended["exit_status"]["status"]) == ("finished", "ok")
    assert world.data("GET", f"{ACTIONS}A1").json()["c_status"] == "done"
    assert fault(world.data("POST", "/jobs/Other/executions", {})) == (404, "JobNotFoundException")
    assert fault(world.data("GET", f"{JOB}/none")) == (404, "JobExecutionNotFoundException")
    world.sim("switches", {"cartridge": {"enabled": False}})
    assert fault(world.data("POST", JOB, {})) == (404, "JobNotFoundException")


def test_wrong_switches_are_refused(world: Any) -> None:
    assert world.sim("switches", {"colour": 1}).status_code == 400
    assert world.sim("switches", {"order_management": "perhaps"}).status_code == 400
    assert world.sim("switches", {"cartridge": {"outcome": "maybe"}}).status_code == 400
    assert world.sim("switches", {"cartridge": {"colour": 1}}).status_code == 400
    assert world.sim("switches", {"instance": "none"}).status_code == 400
