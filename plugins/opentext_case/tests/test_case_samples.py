"""The two JSON files and the one request body that OpenText has shown, if the reference folder is at hand."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from caseconnect.sdk.commands import OpenCase
from caseconnect_opentext_case import composing, mapping
from caseconnect_opentext_case.declared import misfits, read_declaration


@pytest.fixture
def sample(request: Any) -> Any:
    def read(name: Any) -> Any:
        folder = request.config.rootpath.parent / "shared" / "samples" / "core-case"
        if not (folder / name).is_file():
            pytest.skip("the folder `shared` with samples is not next to the repository")
        return orjson.loads((folder / name).read_bytes())

    return read


def test_create_body_has_the_documented_shape(sample: Any, settings_of: Any) -> None:
    shown = sample("ccma_create_case.caseinstance1.json")
    properties = shown["caseProperties"]["defaultAttributes"]
    settings = settings_of(
        definition_id=shown["caseType"]["id"],
        config_id=shown["caseConfigId"],
        fields={"priority": "", "reference": ""},
        listing={"find": "none"},
    )
    command = OpenCase(
        title=properties["caseTitle"], description=properties["summary"], client_name=properties["clientName"]
    )
    assert composing.new_case(command, settings) == shown


def test_create_body_can_be_read_as_a_case(sample: Any, settings_of: Any) -> None:
    shown = sample("ccma_create_case.caseinstance1.json") | {"id": "c1"}
    case = mapping.case_of(shown, settings_of())
    assert case.title == shown["caseProperties"]["defaultAttributes"]["caseTitle"]


def test_edit_body_keeps_every_documented_key(sample: Any, settings_of: Any) -> None:
    text = orjson.dumps(sample("corecase_put_case_data.request.partial.json")).decode()
    filled = re.sub(r"<date-time[^>]*>", "2003-08-04T03:37:26.578Z", text).replace("<uuid>", "u-1")
    shown = orjson.loads(filled)
    settings = settings_of(service_account=["U-1"])
    case = mapping.case_of(shown, settings)
    assert (case.id, case.updated_by_us) == ("u-1", True)
    assert case.updated_at == mapping.parse_time("2003-08-04T03:37:26.578Z")
    path = "caseProperties.defaultAttributes.caseTitle"
    body = composing.edit_of(shown, {path: "New"}, settings)
    assert body["caseProperties"]["defaultAttributes"] == shown["caseProperties"]["defaultAttributes"] | {
        "caseTitle": "New"
    }


def test_definition_is_no_obstacle_to_the_check(sample: Any) -> None:
    shown = sample("ccma_update_general_settings.CaseInstanceDTO.json")
    assert "caseConfigId" not in shown
    assert mapping.parse_time(shown["caseIdGenerator"]["createdOn"]) is not None


def test_definition_is_compared_as_far_as_it_speaks(sample: Any, settings_of: Any) -> None:
    shown = sample("ccma_update_general_settings.CaseInstanceDTO.json")
    declared = read_declaration(shown, settings_of())
    assert (declared.config_id, declared.attributes, declared.outcomes) == (None, None, None)
    assert misfits(declared, settings_of()) == []


def test_task_tells_who_finished_it(sample: Any, settings_of: Any) -> None:
    shown = sample("thrust_workflow_task.response.partial.json")
    keys = settings_of(tasks={"finished": "claimTime"}).tasks
    assert mapping.text_of(shown[keys.author]) == shown["assignee"]
    assert mapping.parse_time(shown[keys.finished]) is not None


def test_every_sample_is_read(sample: Any, request: Any) -> None:
    sample("ccma_create_case.caseinstance1.json")
    folder = request.config.rootpath.parent / "shared" / "samples" / "core-case"
    for file in folder.glob("*.json"):
        assert isinstance(orjson.loads(file.read_bytes()), dict)
