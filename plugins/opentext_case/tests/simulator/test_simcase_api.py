"""Each operation with the default profile: what it answers, what it refuses, what it leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from caseconnect_opentext_case.simulator import Attribute, DefinitionSettings, TenantSettings

MISSING = "00000000-0000-4000-8000-00000000dead"
SERVICE = "connect.service@core-case.example"


def attributes(case: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = case["caseProperties"]["defaultAttributes"]
    return found


def test_create_answers_the_case_and_read_agrees(world: Any) -> None:
    answer = world.create(None, ("proof.pdf", b"%PDF", "application/pdf"), ("scan.png", b"\x89", "image/png"))
    assert answer.status_code == 201
    assert answer.headers["X-Simulator"] == "assumed"
    case = answer.json()
    assert case["id"] == attributes(case)["id"]
    assert attributes(case)["caseTitle"] == "Order 1001"
    assert attributes(case)["caseNumber"] == "CASE-1"
    assert attributes(case)["createdOn"] == "2026-10-05T12:00:00.250+0000"
    assert attributes(case)["createdByUser"]["email"] == SERVICE
    assert attributes(case)["caseType"]["id"] == case["caseType"]["id"] == world.definition.id
    assert case["caseProperties"]["customAttributes"] == {"externalReference": "demo/shop/1001"}
    assert world.read(case["id"]) == case
    rows = world.ask("list_attachments", case=case["id"]).json()["_embedded"]["attachments"]
    assert [(row["originalFileName"], row["mimeType"], row["size"]) for row in rows] == [
        ("proof.pdf", "application/pdf", 4),
        ("scan.png", "image/png", 1),
    ]
    read = world.ask("read_attachment", case=case["id"], attachment=rows[0]["id"])
    assert (read.content, read.headers["content-type"]) == (b"%PDF", "application/pdf")


def test_a_repeated_create_makes_a_second_case(world: Any) -> None:
    assert world.created() != world.created()
    assert [case.number for case in world.store.cases.values()] == ["CASE-1", "CASE-2"]


def change(body: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {name: value for name, value in (body | changed).items() if value is not None}


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"caseType": {"id": MISSING}}, "caseType.id"),
        ({"caseType": None}, "caseType.id"),
        ({"caseType": "x"}, "caseType.id"),
        ({"caseConfigId": MISSING}, "caseConfigId"),
        ({"caseConfigId": None}, "caseConfigId"),
        ({"caseProperties": None}, "caseProperties"),
        ({"caseProperties": {"defaultAttributes": []}}, "defaultAttributes"),
        ({"caseProperties": {"defaultAttributes": {"dueDate": "soon"}}}, "dueDate"),
        ({"caseProperties": {"defaultAttributes": {"priority": 1}}}, "priority"),
        ({"caseProperties": {"customAttributes": {"outcome": "maybe"}}}, "outcome"),
    ],
)
def test_create_refuses(world: Any, changed: dict[str, Any], text: str) -> None:
    answer = world.create(change(world.body(), **changed))
    assert answer.status_code == 400
    assert text in answer.json()["exception"]
    assert not world.store.cases
    assert world.effects() == []


def test_create_refuses_wrong_encodings(world: Any) -> None:
    part = json.dumps(world.body()).encode()
    attempts: list[tuple[int, dict[str, Any]]] = [
        (415, {"json": world.body()}),
        (400, {"files": {"other": ("c.json", part)}}),
        (400, {"files": [("caseInstance", ("c.json", part)), ("typo", ("a.txt", b"x"))]}),
        (400, {"files": {"files": ("a.txt", b"x")}, "data": {"caseInstance": part.decode()}}),
        (400, {"files": {"caseInstance": ("c.json", b"{oops")}}),
        (400, {"files": {"caseInstance": ("c.json", b"[1]")}}),
        (400, {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}),
        (400, {"content": b"no", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}),
    ]
    for status, options in attempts:
        answer = world.ask("create_case", **options)
        assert (answer.status_code, list(answer.json())) == (status, ["exception"])
    assert not world.store.cases


@pytest.mark.parametrize("text", [r'{"message": "\ud800"}', '{"message": "m", "n": NaN}', "[" * 200_000, "", "null"])
def test_json_that_no_answer_could_repeat(world: Any, text: str) -> None:
    case = world.created()
    headers = {"Content-Type": "application/json"}
    answer = world.ask("add_comment", case=case, content=text.encode(), headers=headers)
    assert (answer.status_code, list(answer.json())) == (400, ["exception"])


def test_odd_but_valid_texts_survive(world: Any) -> None:
    case = world.created()
    odd = "\u0000 \U0001f600 \u202e 9007199254740993"
    world.ask("add_comment", case=case, json={"message": odd})
    assert world.ask("list_comments", case=case).json()["_embedded"]["comments"][0]["message"] == odd


def test_case_of_another_definition_is_not_found(make_world: Any) -> None:
    two = (DefinitionSettings("def-a", "conf-a"), DefinitionSettings("def-b", "conf-b"))
    world = make_world(TenantSettings(rate_limit=0, definitions=two))
    case = world.created()
    assert world.ask("read_case", case=case).status_code == 200
    for definition, wanted in (("def-b", case), ("def-a", MISSING), (MISSING, case)):
        answer = world.ask("read_case", case=wanted, definition=definition)
        assert (answer.status_code, list(answer.json())) == (404, ["exception"])


def test_unknown_paths_and_methods(world: Any) -> None:
    world.new_token()
    headers = {"Authorization": f"Bearer {world.token}"}
    assert world.raw("GET", "/case/api/v2/else", headers=headers).status_code == 404
    answer = world.raw("DELETE", "/case/api/v1/case-definitions", headers=headers)
    assert answer.status_code == 405
    assert "GET, POST" in answer.json()["exception"]


def test_edit_merges_and_moves_the_stamp(world: Any) -> None:
    case = world.created({"externalReference": "r", "risk": "high"}, clientName="Bob", dueDate="2026-10-09T00:00:00Z")
    world.later(60)
    properties = {"defaultAttributes": {"summary": "Changed", "priority": "High"}, "customAttributes": {"risk": None}}
    answer = world.ask("edit_case_data", case=case, json={"caseProperties": properties})
    assert answer.status_code == 200
    assert "X-Simulator" not in answer.headers
    found = world.read(case)
    assert answer.json() == found
    assert found["caseProperties"]["customAttributes"] == {"externalReference": "r"}
    wanted = {"summary": "Changed", "clientName": "Bob", "priority": "High", "dueDate": "2026-10-09T00:00:00.000+0000"}
    assert wanted.items() <= attributes(found).items()
    assert attributes(found)["lastUpdatedOn"] == "2026-10-05T12:01:00.250+0000"
    assert world.store.ledger[-1].detail["changes"] == {
        "custom.risk": ["high", None],
        "default.summary": ["Held", "Changed"],
        "field.priority": [None, "High"],
    }


def test_edit_cannot_forge_what_core_case_writes(world: Any) -> None:
    case = world.created()
    before = world.read(case)
    forged = {
        "id": MISSING,
        "createdBy": "x",
        "lastUpdatedOn": "1999-01-01T00:00:00Z",
        "caseNumber": "X",
        "status": "Z",
    }
    answer = world.ask("edit_case_data", case=case, json={"caseProperties": {"defaultAttributes": forged}})
    assert answer.json() == before


def test_reading_and_putting_back_changes_nothing(world: Any) -> None:
    case = world.created({"externalReference": "r"}, dueDate="2026-10-09T00:00:00+02:00")
    world.store.decide(case, "approved", by="agent.two@core-case.example")
    before = world.read(case)
    world.ask("edit_case_data", case=case, json=before)
    assert world.store.ledger[-1].detail["changes"] == {}


def test_comments_tell_their_author(world: Any) -> None:
    case = world.created()
    answer = world.ask("add_comment", case=case, json={"message": "ours"})
    assert (answer.status_code, answer.json()["message"]) == (201, "ours")
    world.later(1)
    world.store.comment(case, "theirs", by="agent.one@core-case.example")
    rows = world.ask("list_comments", case=case).json()["_embedded"]["comments"]
    assert [(row["message"], row["createdByUser"]["email"]) for row in rows] == [
        ("ours", SERVICE),
        ("theirs", "agent.one@core-case.example"),
    ]
    assert rows[0]["id"] == answer.json()["id"]
    assert rows[0]["createdBy"] != rows[1]["createdBy"]
    assert attributes(world.read(case))["lastUpdatedBy"] == rows[1]["createdBy"]


@pytest.mark.parametrize("body", [{}, {"message": 1}, {"message": "  "}, {"text": "wrong key"}])
def test_comment_refuses(world: Any, body: dict[str, Any]) -> None:
    answer = world.ask("add_comment", case=world.created(), json=body)
    assert (answer.status_code, list(answer.json())) == (400, ["exception"])


def test_attachment_later(world_with: Any) -> None:
    world = world_with(attachment_max_bytes=4, attachment_types=("text/plain",))
    case = world.created()
    sent = {"file": ("a.txt", b"1234", "text/plain")}
    answer = world.ask("add_attachment", case=case, files=sent)
    assert answer.status_code == 201
    assert world.store.cases[case].attachments[0].id == answer.json()["id"]
    refused: list[tuple[int, dict[str, Any]]] = [
        (413, {"files": {"file": ("a.txt", b"12345", "text/plain")}}),
        (415, {"files": {"file": ("a.exe", b"1", "application/x-msdownload")}}),
        (400, {"files": {"document": ("a.txt", b"1", "text/plain")}}),
        (400, {"files": [("file", ("a.txt", b"1", "text/plain")), ("file", ("b.txt", b"1", "text/plain"))]}),
        (400, {"files": {"other": ("a.txt", b"1", "text/plain")}, "data": {"file": "text"}}),
        (415, {"json": {"name": "a.txt"}}),
    ]
    for status, options in refused:
        assert world.ask("add_attachment", case=case, **options).status_code == status
    assert world.ask("read_attachment", case=case, attachment=MISSING).status_code == 404
    assert world.effects() == ["create_case", "add_attachment"]


def test_too_large_document_refuses_the_whole_create(world_with: Any) -> None:
    world = world_with(attachment_max_bytes=2)
    assert world.create(None, ("a.txt", b"123", "text/plain")).status_code == 413
    assert world.effects() == []


def test_close_once(world: Any) -> None:
    case = world.created()
    assert attributes(world.ask("close_case", case=case).json())["status"] == "Closed"
    again = world.ask("close_case", case=case)
    assert (again.status_code, list(again.json())) == (409, ["exception"])


def test_definitions(world: Any) -> None:
    created = world.ask("create_definition", json={"name": "Claims", "stages": ["In"], "outcomes": ["yes", "no"]})
    assert created.status_code == 201
    definition = created.json()["id"]
    read = world.ask("read_definition", definition=definition).json()
    assert read == created.json()
    assert (read["outcomes"], [stage["name"] for stage in read["stages"]]) == (["yes", "no"], ["In"])
    assert read["settings"]["caseSLAs"] == []
    stage = world.ask("create_stage", definition=definition, json={"name": "Out"})
    assert stage.status_code == 201
    stages = world.ask("read_definition", definition=definition).json()["stages"]
    assert stages[1] == {"id": stage.json()["id"], "name": "Out"}
    assert world.ask("create_stage", definition=definition, json={"name": "Out"}).status_code == 409
    assert world.ask("create_stage", definition=definition, json={}).status_code == 400
    assert world.ask("create_definition", json={"name": "Claims", "id": definition}).status_code == 409
    assert world.ask("create_definition", json={}).status_code == 400
    assert world.ask("create_definition", json={"name": "x", "stages": "In"}).status_code == 400
    assert world.ask("read_definition", definition=MISSING).status_code == 404
    rows = world.ask("list_definitions").json()["_embedded"]["caseDefinitions"]
    assert [row["id"] for row in rows] == [world.definition.id, definition]
    assert rows[0]["caseConfigId"] == world.definition.config_id


def test_declared_attributes_are_checked(make_world: Any) -> None:
    declared = (
        Attribute("externalReference", required=True, max_length=10),
        Attribute("severity", section="default", options=("low", "high")),
    )
    definition = DefinitionSettings("def-a", "conf-a", attributes=declared, refuse_unknown_attributes=True)
    world = make_world(TenantSettings(rate_limit=0, definitions=(definition,)))
    for custom, default, text in (
        ({}, {}, "required"),
        ({"externalReference": "x" * 11}, {}, "longer than 10"),
        ({"externalReference": "x"}, {"severity": "odd"}, "low, high"),
        ({"externalReference": "x", "other": 1}, {}, "Unknown attribute 'other'"),
    ):
        answer = world.create(world.body(custom, **default))
        assert answer.status_code == 400
        assert text in answer.json()["exception"]
    case = world.created({"externalReference": "x"}, severity="low")
    edit = {"caseProperties": {"defaultAttributes": {"severity": "high"}}}
    assert world.ask("edit_case_data", case=case, json=edit).status_code == 200


def test_two_tenants_do_not_mix(make_world: Any) -> None:
    other = TenantSettings(id="other", client_id="other-client", client_secret="other-secret", rate_limit=0)
    world = make_world(TenantSettings(rate_limit=0), other)
    case = world.created()
    world.new_token(other)
    assert world.ask("read_case", case=case).status_code == 404
    assert world.ask("list_cases").json() == {}
    assert world.created() in world.app.stores["other"].cases
    assert world.new_token(other, client_id="connect-client").status_code == 401
    assert [entry.tenant for entry in world.store.ledger] == ["demo"]
    assert world.raw("GET", "/_sim/ledger?tenant=other").json()["ledger"][0]["tenant"] == "other"


@pytest.fixture
def sample(pytestconfig: pytest.Config) -> Callable[[str], dict[str, Any]]:
    """Reads a published body from the `shared` folder beside the repository, or skips."""

    def read(name: str) -> dict[str, Any]:
        path = pytestconfig.rootpath.parent / "shared" / "samples" / "core-case" / name
        if not path.is_file():
            pytest.skip("the shared folder is not beside the repository")
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return found

    return read


@pytest.fixture
def sample_world(make_world: Any, sample: Any) -> Any:
    body = sample("ccma_create_case.caseinstance1.json")
    definition = DefinitionSettings(body["caseType"]["id"], body["caseConfigId"])
    return make_world(TenantSettings(rate_limit=0, definitions=(definition,)))


def test_published_create_body_is_taken(sample_world: Any, sample: Any) -> None:
    body = sample("ccma_create_case.caseinstance1.json")
    answer = sample_world.create(body)
    assert answer.status_code == 201
    assert body["caseProperties"]["defaultAttributes"].items() <= attributes(answer.json()).items()


def test_published_definition_body_is_taken(sample_world: Any, sample: Any) -> None:
    body = sample("ccma_update_general_settings.CaseInstanceDTO.json")
    part = {"caseInstanceDTO": ("CaseInstanceDTO.json", json.dumps(body).encode(), "application/json")}
    answer = sample_world.ask("update_definition", files=part)
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["settings"]) == (body["name"], body["settings"])
    assert set(body) <= set(answer.json())
    assert set(body["caseIdGenerator"]) == set(answer.json()["caseIdGenerator"])
    case = attributes(sample_world.read(sample_world.created()))
    assert case["caseNumber"] == "pre1suf"
    for wrong in ({"id": MISSING}, {"settings": 1}, {"settings": {"nope": 1}}):
        assert sample_world.ask("update_definition", json=wrong).status_code == 400


def test_published_edit_body_is_taken(sample_world: Any, sample: Any) -> None:
    body = sample("corecase_put_case_data.request.partial.json")
    case = sample_world.created()
    before = sample_world.read(case)
    assert sample_world.ask("edit_case_data", case=case, json=body).status_code == 200
    after = sample_world.read(case)
    assert after == before
    documented = body["caseProperties"]["defaultAttributes"]
    assert set(documented) <= set(attributes(after))
    assert set(documented["createdByUser"]) == set(attributes(after)["createdByUser"])
