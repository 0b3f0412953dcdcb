"""The cartridge's files agree with each other, with the default mapping, and with Salesforce's schema."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import xmlschema

from caseconnect_sfcc.simulator.settings import CartridgeSettings
from caseconnect_sfcc.simulator.world import cartridge
from caseconnect_sfcc.simulator.world.standard import ATTRIBUTES, OBJECT_TYPES, REQUESTS
from caseconnect_sfcc.sink import SINK

FOLDER = Path(__file__).resolve().parents[1] / "src" / "caseconnect_sfcc" / "cartridges"
CODE = FOLDER / "int_caseconnect"
META = FOLDER / "metadata" / "meta"
# parents: tests, sfcc, plugins, the repository; the specifications lie next to it.
SPECS = Path(__file__).resolve().parents[4] / "shared" / "specs" / "sfcc"
NS = {"m": "http://www.demandware.com/xml/impex/metadata/2006-10-31"}
JOBS = {"j": "http://www.demandware.com/xml/impex/jobs/2015-07-01"}
FORM = {"f": "http://www.demandware.com/xml/form/2008-04-19"}


def read(path: Any) -> Any:
    return ElementTree.parse(path).getroot()


def definitions(parent: Any) -> Any:
    found = {}
    for each in parent.iterfind(".//m:attribute-definition", NS):
        kind = each.findtext("m:type", "", NS).replace("-", "_")
        localizable = each.findtext("m:localizable-flag", "false", NS) == "true"
        found[each.get("attribute-id")] = f"localized {kind}" if localizable else kind
    return found


@pytest.mark.parametrize("name", ["system-objecttype-extensions.xml", "custom-objecttype-definitions.xml"])
def test_metadata_is_valid_by_the_official_schema(name: Any) -> None:
    if not SPECS.is_dir():
        pytest.skip("the folder `shared` with the specifications is not next to the repository")
    schema = xmlschema.XMLSchema(SPECS / "metadata.xsd", locations={})
    assert [str(each) for each in schema.iter_errors(META / name)] == []
    broken = (META / name).read_text("utf-8").replace("<type>string</type>", "<type>words</type>")
    assert not schema.is_valid(broken)


def test_metadata_defines_the_default_mapping_and_nothing_else() -> None:
    extended = {each.get("type-id"): definitions(each) for each in read(META / "system-objecttype-extensions.xml")}
    assert extended == {
        name: {key: kind for key, kind in ATTRIBUTES[name].items() if key.startswith("caseconnect")}
        for name in ("Order", "Basket", "Product", "Profile")
    }
    made = read(META / "custom-objecttype-definitions.xml")
    ours = {each.id: each for each in OBJECT_TYPES if each.id.startswith("CaseConnect")}
    assert {each.get("type-id"): definitions(each) for each in made} == {name: ATTRIBUTES[name] for name in ours}
    for each in made:
        kind = ours[each.get("type-id")]
        assert each.find("m:key-definition", NS).get("attribute-id") == kind.key
        assert each.findtext("m:storage-scope", "", NS) == kind.scope == "site"
        assert each.findtext("m:staging-mode", "", NS) == "no-staging"


def test_every_attribute_is_shown_to_staff() -> None:
    for name in ("system-objecttype-extensions.xml", "custom-objecttype-definitions.xml"):
        for each in read(META / name):
            shown = {field.get("attribute-id") for field in each.iterfind(".//m:attribute", NS)}
            keys = {key.get("attribute-id") for key in each.iterfind("m:key-definition", NS)}
            assert shown == {*definitions(each), *keys}


def test_job_step_type_and_script_are_one() -> None:
    (job,) = read(FOLDER / "metadata" / "jobs.xml")
    assert job.get("job-id") == CartridgeSettings().job_id
    assert [each.tag.partition("}")[2] for each in job] == ["description", "flow", "triggers"]
    (step,) = job.iterfind(".//j:step", JOBS)
    (kind,) = json.loads((CODE / "steptypes.json").read_text("utf-8"))["step-types"]["script-module-step"]
    assert step.get("type") == kind["@type-id"]
    names = {each["@name"] for each in kind["parameters"]["parameter"]}
    assert {each.get("name") for each in step.iterfind(".//j:parameter", JOBS)} == names
    script = (FOLDER / kind["module"]).read_text("utf-8")
    assert f"exports.{kind['function']} = " in script
    for name in names:
        assert f"parameters.{name}" in script
    stale = next(each for each in kind["parameters"]["parameter"] if each["@name"] == "StaleMinutes")
    assert stale["min-value"] * 60 > kind["timeout-in-seconds"], "a run that is still at work is not interrupted"
    oldest = next(each for each in kind["parameters"]["parameter"] if each["@name"] == "OldestMinutes")
    assert timedelta(minutes=int(oldest["default-value"])) <= SINK.settle_within, (
        "what a person has is not done as well"
    )
    assert timedelta(seconds=CartridgeSettings().oldest) == timedelta(minutes=int(oldest["default-value"]))


def test_the_stand_in_does_what_the_job_does() -> None:
    script = (CODE / "cartridge" / "scripts" / "jobs" / "actions.js").read_text("utf-8")
    (actions,) = re.findall(r"var ACTIONS = \[(.*)\];", script)
    assert tuple(re.findall(r"'(\w+)'", actions)) == cartridge.ACTIONS
    assert f"var TYPE = '{CartridgeSettings().trigger_type}';" in script
    assert f"var RECEIPT = '{cartridge.RECEIPT}';" in script


def test_hooks_are_where_the_package_says() -> None:
    package = json.loads((CODE / "package.json").read_text("utf-8"))
    path = CODE / package["hooks"]
    for hook in json.loads(path.read_text("utf-8"))["hooks"]:
        name = hook["name"].removeprefix("app.caseconnect.")
        assert name in cartridge.ACTIONS
        assert f"exports.{name} = " in (path.parent / hook["script"]).read_text("utf-8")


def test_forms_fill_attributes_that_exist() -> None:
    script = (CODE / "cartridge" / "scripts" / "caseconnect" / "kinds.js").read_text("utf-8")
    kinds = re.findall(r"type: '(\w+)',\s+form: '(\w+)',\s+fields: \[(.*)\]", script)
    assert [kind for kind, _, _ in kinds] == list(REQUESTS.values())
    for kind, form, names in kinds:
        fields = re.findall(r"'(\w+)'", names)
        made = read(CODE / "cartridge" / "forms" / "default" / f"{form}.xml")
        assert [each.get("formid") for each in made.iterfind("f:field", FORM)] == fields
        assert set(fields) <= set(ATTRIBUTES[kind])


def test_every_message_has_a_text() -> None:
    lines = (CODE / "cartridge" / "templates" / "resources" / "caseconnect.properties").read_text("utf-8").splitlines()
    known = {line.partition("=")[0] for line in lines}
    asked = {"title.return", "title.complaint", "title.claim", "title.dispute", "notice.subject"}
    for path in CODE.rglob("*.isml"):
        asked |= set(re.findall(r"msg\('([\w.]+)'", path.read_text("utf-8")))
    for path in CODE.rglob("*.js"):
        asked |= set(re.findall(r"'((?:error|title)(?:\.\w+)+)'", path.read_text("utf-8")))
    asked |= {f"error.products.{each}" for each in ("some", "any", "one")}
    for path in (CODE / "cartridge" / "forms").rglob("*.xml"):
        for each in read(path).iter():
            asked |= {value for name, value in each.attrib.items() if name == "label" or name.endswith("-error")}
    assert known == asked
    assert all(line.partition("=")[2] for line in lines)
