"""OCAPI Data 25.6, custom objects of both scopes: upsert, change, read, delete, search."""

from __future__ import annotations

from collections.abc import Iterator

from caseconnect_sfcc.simulator.search.finding import read_search
from caseconnect_sfcc.simulator.search.index import Document
from caseconnect_sfcc.simulator.search.records import object_document, object_fields
from caseconnect_sfcc.simulator.world import moments
from caseconnect_sfcc.simulator.world.attributes import JsonObject, shown
from caseconnect_sfcc.simulator.world.people import CustomObject, ObjectType
from caseconnect_sfcc.simulator.world.refusals import Refused

from . import bodies
from .calls import NO_CONTENT, Answer, Call
from .ocapi import DATA, SHOP, check_state, resource_state
from .select import check_selector, selected
from .shop_orders import SEARCH_MEMBERS, result_head

READ_ONLY = ("key_property", "key_value_string", "key_value_integer", "object_type", "creation_date", "last_modified")
"""Ignored in requests, as the specification says of each."""


def document(call: Call, found: CustomObject) -> JsonObject:
    """A custom object."""
    kind = call.instance.object_types[found.type]
    key = "key_value_integer" if isinstance(found.key, int) else "key_value_string"
    return {
        "_type": "custom_object",
        "_resource_state": resource_state(found.revision, str(found.key)),
        "key_property": kind.key,
        "object_type": found.type,
        key: found.key,
        "creation_date": moments.stamp(found.created),
        "last_modified": moments.stamp(found.modified),
        **shown(found.values),
    }


def _where(call: Call) -> tuple[ObjectType, str | None, str | int]:
    site = call.path.get("site_id")
    if site is not None:
        call.instance.check_site(site)
    kind = call.instance.object_type(call.path["object_type"])
    if (kind.scope == "site") != (site is not None):
        raise Refused("object-type-not-found", f"The type '{kind.id}' has {kind.scope} scope.", objectType=kind.id)
    key = call.path["key"]
    if kind.key_type == "int":
        if not key.lstrip("-").isascii() or not key.lstrip("-").isdigit():
            text = f"The key '{key}' must be an integer."
            raise Refused("malformed-key-parameter", text, key=key)
        return kind, site, int(key)
    return kind, site, key


def _found(call: Call) -> CustomObject:
    kind, site, key = _where(call)
    found = call.instance.objects.get((kind.id, site, key))
    if found is None:
        text = f"No custom object with key '{key}' of type '{kind.id}' was found."
        raise Refused("custom-object-not-found", text, objectType=kind.id, key=str(key))
    return found


def _values(call: Call, kind: ObjectType) -> JsonObject:
    _, custom = bodies.split(call.document() if call.body is not None else {}, READ_ONLY, "custom_object")
    return call.instance.definitions.check(custom, kind.id)


def get(call: Call) -> Answer:
    """Read one."""
    return Answer(document(call, _found(call)))


def put(call: Call) -> Answer:
    """Make one, or overwrite the one that exists: attributes that are not sent are gone."""
    kind, site, key = _where(call)
    values = _values(call, kind)
    before = call.instance.objects.get((kind.id, site, key))
    if before is not None:
        check_state(call, before.revision, str(key))
        values = {**dict.fromkeys(before.values), **values}
    call.instance.put_object(kind.id, key, site, values, call.who)
    return Answer(document(call, _found(call)))


def patch(call: Call) -> Answer:
    """Change the attributes that are sent; `null` clears."""
    found = _found(call)
    check_state(call, found.revision, str(found.key))
    kind = call.instance.object_types[found.type]
    call.instance.put_object(found.type, found.key, found.site, _values(call, kind), call.who)
    return Answer(document(call, found))


def delete(call: Call) -> Answer:
    """Delete one; deleting what is not there succeeds too."""
    kind, site, key = _where(call)
    found = call.instance.objects.pop((kind.id, site, key), None)
    if found is not None:
        call.instance.cartridge.forget(found)
        call.instance.note(call.who, "object.delete", f"{kind.id}/{key}")
    return NO_CONTENT


for _base, _scope in (("", "global"), ("/sites/{site_id}", "site")):
    for _method, _handler in (("GET", get), ("PUT", put), ("PATCH", patch), ("DELETE", delete)):
        _name = f"data.{_method.lower()}_{_scope}_custom_object"
        DATA.add(_method, f"{_base}/custom_objects/{{object_type}}/{{key}}", _name)(_handler)


@DATA.add("POST", "/custom_objects_search/{object_type}", "data.search_custom_objects")
def search(call: Call) -> Answer:
    """Search one type over all sites; the hits are the objects themselves."""
    kind = call.instance.object_type(call.path["object_type"])
    custom = call.instance.definitions.of(kind.id)
    body, _ = bodies.split(call.document(), SEARCH_MEMBERS, "search_request")
    try:
        asked = read_search(body, object_fields(custom), camel=False)
    except Refused as refused:
        if refused.code == "invalid-search-field-type":
            refused.code = "type-missmatch"
        raise
    selector = check_selector(body.get("select"))
    page = asked.page(_documents(call, kind))
    found = {_key(each): each for each in call.instance.objects.values() if each.type == kind.id}
    result = {
        **result_head("custom_object_search_result", page, body),
        "hits": [document(call, found[key]) for key in page.keys],
    }
    return Answer(selected(result, selector) if selector else result)


def _key(found: CustomObject) -> str:
    return f"{found.site}/{found.key}"


def _documents(call: Call, kind: ObjectType) -> Iterator[tuple[str, Document]]:
    custom = call.instance.definitions.of(kind.id)
    for each in call.instance.objects.values():
        if each.type == kind.id:
            yield _key(each), object_document(each, custom)


@SHOP.add("GET", "/custom_objects/{object_type}/{key}", "shop.get_custom_object")
def shop_get(call: Call) -> Answer:
    """Read one of the site, or of the organization."""
    kind = call.instance.object_type(call.path["object_type"])
    if kind.scope == "site":
        call.path = {**call.path, "site_id": call.site}
    return Answer(document(call, _found(call)))
