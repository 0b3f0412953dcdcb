"""OCAPI Data 25.6: attribute definitions (the one place with If-Match) and job executions."""

from __future__ import annotations

from caseconnect_sfcc.simulator.world import moments
from caseconnect_sfcc.simulator.world.attributes import VALUE_TYPES, Attribute, JsonObject
from caseconnect_sfcc.simulator.world.cartridge import Execution
from caseconnect_sfcc.simulator.world.refusals import Refused

from . import bodies
from .calls import NO_CONTENT, Answer, Call
from .ocapi import DATA

MEMBERS = (
    *("id", "value_type", "localizable", "searchable", "mandatory", "display_name", "description", "visible"),
    *("creation_date", "last_modified", "link", "field_length", "field_height", "min_length", "site_specific"),
    *("externally_managed", "system", "key", "queryable", "multi_value_type", "order_required", "value_definitions"),
)


def _document(object_type: str, attribute: Attribute) -> JsonObject:
    found: JsonObject = {
        "_type": "object_attribute_definition",
        "_resource_state": f"{object_type}-{attribute.id}-{attribute.revision}",
        "id": attribute.id,
        "effective_id": f"c_{attribute.id}",
        "value_type": attribute.value_type,
        "localizable": attribute.localizable,
        "searchable": attribute.searchable,
        "queryable": True,
        "system": False,
        "key": False,
    }
    return {**found, "last_modified": moments.stamp(attribute.changed)} if attribute.changed else found


def _type(call: Call) -> str:
    name = call.path["object_type"]
    if name not in call.instance.definitions.types and name not in call.instance.object_types:
        raise Refused("object-type-not-found", f"No object type with ID '{name}' was found.", objectType=name)
    return name


def _attribute(call: Call) -> Attribute:
    name, attribute_id = _type(call), call.path["id"]
    found = call.instance.definitions.of(name).get(attribute_id)
    if found is None:
        text = f"No attribute definition with ID '{attribute_id}' was found for the type '{name}'."
        raise Refused("attribute-definition-not-found", text, attributeDefinitionId=attribute_id)
    return found


def _answer(call: Call, attribute: Attribute) -> Answer:
    return Answer(_document(_type(call), attribute), headers={"ETag": f'"{attribute.revision}"'})


def list_definitions(call: Call) -> Answer:
    """The definitions of an object type."""
    name = _type(call)
    start, count = call.number("start", 0, 0, 10_000), call.number("count", 25, 1, 200)
    found = sorted(call.instance.definitions.of(name).values(), key=lambda each: each.id)
    page = [_document(name, each) for each in found[start : start + count]]
    head = {"_type": "object_attribute_definitions", "count": len(page), "start": start, "total": len(found)}
    return Answer({**head, "data": page})


def get_definition(call: Call) -> Answer:
    """One definition, with an ETag."""
    return _answer(call, _attribute(call))


def put_definition(call: Call) -> Answer:
    """Define an attribute."""
    name = _type(call)
    body, _ = bodies.split(call.document(), MEMBERS, "object_attribute_definition")
    value_type = bodies.one_of(body, "value_type", VALUE_TYPES, "object_attribute_definition")
    attribute = Attribute(
        call.path["id"], value_type, bool(body.get("localizable")), bool(body.get("searchable", True))
    )
    attribute.changed = call.instance.now()
    before = call.instance.definitions.of(name).get(attribute.id)
    attribute.revision = before.revision + 1 if before else 1
    call.instance.definitions.define(name, attribute)
    call.instance.note(call.who, "definition.put", f"{name}/{attribute.id}", {"value_type": value_type})
    return _answer(call, attribute)


def patch_definition(call: Call) -> Answer:
    """Change a definition that the caller has read: If-Match is required."""
    attribute = _attribute(call)
    sent = call.headers.get("if-match")
    if sent is None:
        raise Refused("if-match-required", "The If-Match header is required, but none was provided.")
    if sent.strip('"') != str(attribute.revision):
        raise Refused("invalid-if-match", "The If-Match header entity tag is invalid or out-dated.", ifMatch=sent)
    body, _ = bodies.split(call.document(), MEMBERS, "object_attribute_definition")
    attribute.searchable = bool(body.get("searchable", attribute.searchable))
    attribute.localizable = bool(body.get("localizable", attribute.localizable))
    attribute.revision += 1
    attribute.changed = call.instance.now()
    call.instance.note(call.who, "definition.change", f"{_type(call)}/{attribute.id}", body)
    return _answer(call, attribute)


def delete_definition(call: Call) -> Answer:
    """Remove a definition."""
    attribute = _attribute(call)
    del call.instance.definitions.types[_type(call)][attribute.id]
    call.instance.note(call.who, "definition.delete", f"{_type(call)}/{attribute.id}")
    return NO_CONTENT


for _family in ("system", "custom"):
    _base = f"/{_family}_object_definitions/{{object_type}}/attribute_definitions"
    DATA.add("GET", _base, f"data.list_{_family}_definitions")(list_definitions)
    for _method, _handler in (
        ("GET", get_definition),
        ("PUT", put_definition),
        ("PATCH", patch_definition),
        ("DELETE", delete_definition),
    ):
        DATA.add(_method, f"{_base}/{{id}}", f"data.{_method.lower()}_{_family}_definition")(_handler)


def _execution(found: Execution) -> JsonObject:
    status = {"code": "ERROR" if found.failed else "OK", "status": "error" if found.failed else "ok"}
    body: JsonObject = {
        "_type": "job_execution",
        "id": found.id,
        "job_id": found.job_id,
        "client_id": found.client,
        "start_time": moments.stamp(found.started),
        "execution_status": "finished" if found.finished else "running",
        "parameters": found.parameters,
    }
    if found.finished:
        body |= {"end_time": moments.stamp(found.ends), "status": status["code"], "exit_status": status}
    return body


@DATA.add("POST", "/jobs/{job_id}/executions", "data.start_job")
def start_job(call: Call) -> Answer:
    """Start a job."""
    known = bodies.split(call.document() if call.body is not None else {}, ("parameters",), "job_execution_request")[0]
    made = call.instance.cartridge.start(call.path["job_id"], call.client, known.get("parameters", []))
    return Answer({**_execution(made), "execution_status": "pending"})


@DATA.add("GET", "/jobs/{job_id}/executions/{id}", "data.get_job_execution")
def get_execution(call: Call) -> Answer:
    """How an execution stands."""
    call.instance.cartridge.check(call.path["job_id"])
    found = call.instance.cartridge.executions.get(call.path["id"])
    if found is None or found.job_id != call.path["job_id"]:
        text = f"No execution with ID '{call.path['id']}' could be found."
        raise Refused("job-execution-not-found", text, executionId=call.path["id"])
    return Answer(_execution(found))
