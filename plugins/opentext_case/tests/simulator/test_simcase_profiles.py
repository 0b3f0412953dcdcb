"""The profile: each field with its evidence, each habit visible, and one scenario under unlike profiles."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from datetime import datetime
from typing import Any

import pytest

from caseconnect_opentext_case.simulator import (
    ALTERNATIVE_PROFILES,
    CoreCaseSimulatorSettings,
    Profile,
    SettingsError,
    TenantSettings,
)
from caseconnect_opentext_case.simulator.handlers import HANDLERS
from caseconnect_opentext_case.simulator.profile import OPERATION_LEVELS

AGENT = "agent.two@core-case.example"
PROFILES = {"default": Profile(), **ALTERNATIVE_PROFILES}


def test_every_field_tells_its_evidence() -> None:
    tree = ast.parse(inspect.getsource(Profile)).body[0]
    assert isinstance(tree, ast.ClassDef)
    told = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            assert isinstance(text, ast.Expr)
            assert isinstance(text.value, ast.Constant)
            told[field.target.id] = str(text.value.value)
    assert set(told) == {field.name for field in dataclasses.fields(Profile)}
    assert {text[:3] for text in told.values()} == {"S: ", "I: ", "G: "}


def test_every_operation_has_a_level_and_a_handler() -> None:
    assert {"token", "discovery", *HANDLERS} == set(OPERATION_LEVELS)
    assert {name for name, level in OPERATION_LEVELS.items() if level == "S"} == {
        "token",
        "discovery",
        "edit_case_data",
    }


def test_alternatives_differ_in_the_ways_that_hurt() -> None:
    assert len(ALTERNATIVE_PROFILES) >= 3
    for name in (
        "case_part",
        "put",
        "list_cases",
        "paging",
        "outcome_path",
        "comment_key",
        "timestamps",
        "create_case",
    ):
        assert len({getattr(profile, name) for profile in PROFILES.values()}) > 1, name


def value_at(case: dict[str, Any], path: str) -> Any:
    """The value of a dotted key, whichever shape the custom attributes have."""
    found: Any = case
    for key in path.split("."):
        if isinstance(found, list):
            found = {row["name"]: row["value"] for row in found}
        found = found.get(key)
    return found


def found_again(world: Any, case_id: str) -> bool:
    """Whether the listing shows the case; true without asking where there is no listing."""
    if not world.profile.list_cases:
        return True
    rows = world.ask("list_cases").json()
    rows = rows["_embedded"] if world.profile.embedded else rows
    key = world.profile.collection_key or "cases"
    return case_id in [row[world.profile.id_key] for row in rows[key]]


@pytest.mark.parametrize("name", PROFILES)
def test_one_scenario_under_every_profile(world_with: Any, name: str) -> None:
    profile = PROFILES[name]
    world = world_with(profile)
    case_id = world.created({"externalReference": "demo/shop/1001"}, clientName="Bob")
    comment = world.ask("add_comment", case=case_id, json={profile.comment_key: "new facts"})
    assert comment.json()[profile.comment_id_key]
    assert comment.json()[profile.comment_key] == "new facts"
    sent = {profile.attachment_part: ("a.txt", b"proof", "text/plain")}
    assert world.ask("add_attachment", case=case_id, files=sent).status_code == profile.create_status
    world.later(5)
    answer = world.raw("POST", f"/_sim/cases/{case_id}/decide", json={"outcome": "rejected", "by": AGENT})
    assert answer.status_code == 200
    case = world.read(case_id)
    assert value_at(case, profile.outcome_path) == "rejected"
    assert value_at(case, profile.status_path) == profile.status_open
    assert value_at(case, f"caseProperties.{profile.custom_key}.externalReference") == "demo/shop/1001"
    if profile.decided_by_path:
        agent = world.store.people.find(AGENT)
        spelt = {"id": agent.id, "etsUuid": agent.ets_uuid, "email": agent.email}[profile.identity_key]
        assert value_at(case, profile.decided_by_path) == spelt
        assert case["caseProperties"]["defaultAttributes"]["lastUpdatedBy"] == spelt
    stamp = case["caseProperties"]["defaultAttributes"]["lastUpdatedOn"]
    assert datetime.fromisoformat(stamp.replace("+0000", "Z")) == world.clock
    assert stamp.endswith("Z") == (profile.timestamps == "zulu")
    case["caseProperties"]["defaultAttributes"]["summary"] = "carried out"
    edited = world.ask("edit_case_data", case=case_id, json=case)
    assert edited.status_code == profile.edit_status
    assert (edited.content == b"") == (profile.edit_answer == "empty")
    assert world.store.ledger[-1].detail == {"changes": {"default.summary": ["Held", "carried out"]}}
    assert found_again(world, case_id)
    assert world.effects() == ["create_case", "add_comment", "add_attachment", "decide", "edit_case_data"]


@pytest.mark.parametrize(("put", "kept"), [("merge", True), ("replace", False)])
def test_a_partial_put_keeps_or_clears(world_with: Any, put: Any, kept: bool) -> None:
    world = world_with(Profile(put=put))
    case = world.created({"externalReference": "r"}, clientName="Bob", priority="High")
    world.store.decide(case, "approved")
    world.ask("edit_case_data", case=case, json={"caseProperties": {"defaultAttributes": {"summary": "s"}}})
    found = world.read(case)["caseProperties"]
    assert found["defaultAttributes"]["summary"] == "s"
    assert found["defaultAttributes"]["status"] == "Open"
    for name in ("caseTitle", "clientName", "priority"):
        assert (name in found["defaultAttributes"]) == kept
    assert ("outcome" in found["customAttributes"]) == kept
    assert ("externalReference" in found["customAttributes"]) == kept


def test_nulls_put_back_erase_a_decision_made_meanwhile(world_with: Any) -> None:
    world = world_with(Profile(nulls="null"))
    case = world.created()
    stale = world.read(case)
    assert stale["caseProperties"]["customAttributes"]["outcome"] is None
    world.store.decide(case, "approved")
    world.ask("edit_case_data", case=case, json=stale)
    assert world.store.cases[case].fields.outcome is None


def test_etag_tells_of_a_change_meanwhile(world_with: Any) -> None:
    world = world_with(Profile(etag=True))
    case = world.created()
    tag = world.ask("read_case", case=case).headers["ETag"]
    world.store.comment(case, "meanwhile")
    body = {"caseProperties": {"defaultAttributes": {"summary": "s"}}}
    assert world.ask("edit_case_data", case=case, json=body, headers={"If-Match": tag}).status_code == 409
    tag = world.ask("read_case", case=case).headers["ETag"]
    assert world.ask("edit_case_data", case=case, json=body, headers={"If-Match": tag}).status_code == 200


def test_closed_cases_may_refuse_edits(world_with: Any) -> None:
    world = world_with(Profile(closed_refuses_edits=True))
    case = world.created()
    world.store.close(case)
    body = {"caseProperties": {"defaultAttributes": {"summary": "s"}}}
    assert world.ask("edit_case_data", case=case, json=body).status_code == 409


def test_status_by_put_only_where_the_profile_says(world_with: Any) -> None:
    body = {"caseProperties": {"defaultAttributes": {"status": "Closed", "stage": "Resolved"}}}
    for allowed, wanted in ((True, ("Closed", "Resolved")), (False, ("Open", "New"))):
        world = world_with(Profile(progress_by_put=allowed))
        found = world.ask("edit_case_data", case=world.created(), json=body).json()["caseProperties"]
        assert (found["defaultAttributes"]["status"], found["defaultAttributes"]["stage"]) == wanted


def test_assignee_in_any_spelling(world_with: Any) -> None:
    world = world_with(Profile(identity_key="email"))
    agent = world.store.people.find(AGENT)
    for spelt in (agent.id, agent.ets_uuid, agent.email):
        case = world.created(assignee=spelt)
        assert world.read(case)["caseProperties"]["defaultAttributes"]["assignee"] == AGENT
    case = world.created(assignee="queue-7")
    assert world.read(case)["caseProperties"]["defaultAttributes"]["assignee"] == "queue-7"


def test_custom_list_refuses_other_shapes(world_with: Any) -> None:
    world = world_with(ALTERNATIVE_PROFILES["attribute-list"])
    for wrong in ({"a": 1}, [1], [{"value": 1}]):
        body = world.body()
        body["caseProperties"]["additionalAttributes"] = wrong
        assert world.create(body).status_code == 400


def test_profile_from_json() -> None:
    assert Profile.from_dict({"put": "replace", "max_size": 50}) == Profile(put="replace", max_size=50)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"pagin": "offset"}, "profile.pagin: unknown setting. Did you mean 'paging'?"),
        ({"paging": "cursor"}, "'page', 'offset'"),
        ({"max_size": "50"}, "profile.max_size: expected int, not str"),
        ({"max_size": True}, "not a truth value"),
        ({"outcome_path": "a.b"}, "profile.outcome: 'a.b' is no place in a case"),
        ({"outcome_path": "caseProperties.other.x"}, "caseProperties.customAttributes.<name>"),
        ({"close_case": "post /x"}, "profile.close_case"),
    ],
)
def test_profile_refuses(data: dict[str, Any], text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Profile.from_dict(data)
    assert text in str(caught.value)


def test_settings_from_json() -> None:
    settings = CoreCaseSimulatorSettings.from_dict(
        {
            "prefix": "/apps/case",
            "tenants": [
                {
                    "id": "a",
                    "client_secret": "s",
                    "rate_limit": 2,
                    "profile": {"put": "replace"},
                    "service_account": {"email": "svc@a.example"},
                    "definitions": [{"id": "d", "config_id": "c", "attributes": [{"name": "ref", "required": True}]}],
                },
                {"id": "b", "profile": "no-listing"},
            ],
        }
    )
    first, second = settings.tenants
    assert (settings.prefix, first.rate_limit, first.profile.put) == ("/apps/case", 2.0, "replace")
    assert first.definitions[0].attributes[0].required
    assert second.profile is ALTERNATIVE_PROFILES["no-listing"]
    assert CoreCaseSimulatorSettings.from_dict({}).tenants == (TenantSettings(),)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"tenant": []}, "Did you mean 'tenants'?"),
        ({"prefix": 1}, "simulator.prefix: expected str, not int."),
        ({"tenants": []}, "at least one tenant"),
        ({"tenants": ["a"]}, "simulator.tenants[0]: expected dict"),
        ({"tenants": [{"id": "a", "profile": "no-such"}]}, "Known: workflow-like, no-listing, attribute-list"),
        ({"tenants": [{"id": "a", "definitions": [{"id": "d"}]}]}, "tenants.a.definitions[0].config_id: required."),
        ({"tenants": [{"id": "a", "grants": "password"}]}, "tenants.a.grants: expected a list"),
    ],
)
def test_settings_refuse(data: dict[str, Any], text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        CoreCaseSimulatorSettings.from_dict(data)
    assert text in str(caught.value)
