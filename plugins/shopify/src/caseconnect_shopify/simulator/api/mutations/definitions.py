"""Metafield definitions, pinned so that staff see them (API 2026-10)."""

from __future__ import annotations

import re
from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.paging import Page, in_order
from caseconnect_shopify.simulator.api.registry import field, fields, mutation, query
from caseconnect_shopify.simulator.api.wire import number_of
from caseconnect_shopify.simulator.world import definitions
from caseconnect_shopify.simulator.world.definitions import Definition
from caseconnect_shopify.simulator.world.metafields import namespace_of
from caseconnect_shopify.simulator.world.records import Metafield, gid

Args = dict[str, Any]
NAME = re.compile(r"^[A-Za-z0-9_$:-]{2,64}$")


def _no(name: str, field_path: list[str], message: str, code: str) -> dict[str, Any]:
    return {name: None, "userErrors": [{"field": field_path, "message": message, "code": code}]}


@mutation("metafieldDefinitionCreate")
def _create(root: object, args: Args, call: Call) -> dict[str, Any]:
    wanted = args["definition"]
    space = namespace_of(call.shop, wanted.get("namespace"))
    if not wanted["name"].strip():
        return _no("createdDefinition", ["definition", "name"], "Name can't be blank", "BLANK")
    if not NAME.match(wanted["key"]):
        text = "Key contains one or more invalid characters."
        return _no("createdDefinition", ["definition", "key"], text, "INVALID_CHARACTER")
    if definitions.find(call.shop, wanted["ownerType"], space, wanted["key"]):
        text = f"Key is in use for {wanted['ownerType'].capitalize()} metafields on the '{space}' namespace."
        return _no("createdDefinition", ["definition", "key"], text, "TAKEN")
    made = Definition(
        call.shop.next_id(),
        wanted["ownerType"],
        space,
        wanted["key"],
        wanted["name"],
        wanted["type"],
        wanted.get("description"),
    )
    if wanted.get("pin") and not definitions.pin(call.shop, made):
        return _no("createdDefinition", ["definition"], "Limit of 20 pinned definitions.", "PINNED_LIMIT_REACHED")
    call.shop.definitions[made.id] = made
    target = gid("MetafieldDefinition", made.id)
    call.shop.effect(call.who, "metafield_definition", target, namespace=space, key=made.key, pinned=made.pinned)
    return {"createdDefinition": made, "userErrors": []}


def _wanted(call: Call, number: str | None, identifier: Args | None) -> Definition | None:
    if number:
        return call.shop.definitions.get(number_of(number, "MetafieldDefinition"))
    if identifier:
        space = namespace_of(call.shop, identifier.get("namespace"))
        return definitions.find(call.shop, identifier["ownerType"], space, identifier["key"])
    return None


@mutation("metafieldDefinitionPin")
def _pin(root: object, args: Args, call: Call) -> dict[str, Any]:
    found = _wanted(call, args.get("definitionId"), args.get("identifier"))
    if found is None:
        return _no("pinnedDefinition", ["definitionId"], "Definition not found.", "NOT_FOUND")
    if found.pinned is not None:
        return _no("pinnedDefinition", ["definitionId"], "Definition already pinned.", "ALREADY_PINNED")
    if not definitions.pin(call.shop, found):
        return _no("pinnedDefinition", ["definitionId"], "Limit of 20 pinned definitions.", "PINNED_LIMIT_REACHED")
    call.shop.effect(call.who, "metafield_definition_pin", gid("MetafieldDefinition", found.id))
    return {"pinnedDefinition": found, "userErrors": []}


@mutation("metafieldDefinitionUpdate")
def _update(root: object, args: Args, call: Call) -> dict[str, Any]:
    wanted = args["definition"]
    found = _wanted(call, None, wanted)
    if found is None:
        text = "Definition not found."
        return _no("updatedDefinition", ["definition"], text, "NOT_FOUND") | {"validationJob": None}
    found.name = wanted.get("name") or found.name
    found.description = wanted.get("description", found.description)
    if wanted.get("pin"):
        definitions.pin(call.shop, found)
    elif wanted.get("pin") is False:
        found.pinned = None
    call.shop.effect(call.who, "metafield_definition_update", gid("MetafieldDefinition", found.id))
    return {"updatedDefinition": found, "userErrors": [], "validationJob": None}


fields(
    "MetafieldDefinition",
    Definition,
    id=lambda d: gid("MetafieldDefinition", d.id),
    key=lambda d: d.key,
    namespace=lambda d: d.namespace,
    name=lambda d: d.name,
    description=lambda d: d.description,
    ownerType=lambda d: d.owner_type,
    pinnedPosition=lambda d: d.pinned,
    type=lambda d: {"name": d.type, "category": d.type.partition("_")[0].upper()},
    useAsCollectionCondition=lambda d: False,
    validationStatus=lambda d: "ALL_VALID",
)


@query("metafieldDefinition")
def _definition(root: object, args: Args, call: Call) -> Definition | None:
    return _wanted(call, args.get("id"), args.get("identifier"))


@query("metafieldDefinitions")
def _definitions(root: object, args: Args, call: Call) -> Page:
    space = namespace_of(call.shop, args["namespace"]) if args.get("namespace") else None
    found = [
        d
        for d in call.shop.definitions.values()
        if d.owner_type == args["ownerType"] and space in {None, d.namespace} and args.get("key") in {None, d.key}
    ]
    pinned = {"PINNED": True, "UNPINNED": False}.get(args.get("pinnedStatus") or "ANY")
    return in_order([d for d in found if pinned is None or (d.pinned is not None) is pinned], args)


@field("Metafield", "definition")
def _of(metafield: Metafield, args: Args, call: Call) -> Definition | None:
    owner = metafield.owner_id.split("/")[3].upper()
    return definitions.find(call.shop, owner, metafield.namespace, metafield.key)
