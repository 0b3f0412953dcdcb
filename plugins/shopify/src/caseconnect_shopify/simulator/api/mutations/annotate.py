"""What a connector writes onto orders and customers: tags, metafields, `orderUpdate` (API 2026-10)."""

from __future__ import annotations

import re
from typing import Any

from caseconnect_shopify.simulator.api.errors import ApiError
from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import number_of, split_gid
from caseconnect_shopify.simulator.world import definitions, metafields, people
from caseconnect_shopify.simulator.world.records import Customer, Order

PHONE = re.compile(r"^\+?[0-9 ()./-]{6,20}$")
TAG_LENGTH = 40
MAX_TAGS = 250


def _owner(call: Call, text: str) -> Order | Customer | None:
    kind, _ = split_gid(text)
    if kind == "Order":
        return call.shop.orders.get(number_of(text, "Order"))
    if kind == "Customer":
        return call.shop.customers.get(number_of(text, "Customer"))
    raise ApiError(f"Invalid id: {text}", "RESOURCE_NOT_FOUND")


def _touched(call: Call, owner: Order | Customer) -> None:
    if isinstance(owner, Order):
        call.shop.touch(owner)
    else:
        people.changed(call.shop, owner)


def _user_error(field: list[str] | None, message: str) -> dict[str, Any]:
    return {"field": field, "message": message}


def _tags(given: list[str]) -> list[str]:
    return [t.strip() for part in given for t in part.split(",") if t.strip()]


@mutation("tagsAdd")
def _tags_add(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    owner = _owner(call, args["id"])
    if owner is None:
        return {"node": None, "userErrors": [_user_error(["id"], f"{split_gid(args['id'])[0]} does not exist")]}
    wanted = _tags(args["tags"])
    if any(len(t) > TAG_LENGTH for t in wanted):
        return {"node": None, "userErrors": [_user_error(["tags"], "Tags is invalid")]}
    known = {t.casefold() for t in owner.tags}
    new = [t for t in dict.fromkeys(wanted) if t.casefold() not in known]
    if len(owner.tags) + len(new) > MAX_TAGS:
        return {"node": None, "userErrors": [_user_error(["tags"], f"Tags cannot exceed {MAX_TAGS} tags")]}
    if new:
        owner.tags += new
        if isinstance(owner, Customer):
            people.tell_tags(call.shop, owner, new, [])
        call.shop.effect(call.who, "tags_add", args["id"], tags=new)
        _touched(call, owner)
    return {"node": owner, "userErrors": []}


@mutation("tagsRemove")
def _tags_remove(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    owner = _owner(call, args["id"])
    if owner is None:
        return {"node": None, "userErrors": [_user_error(["id"], f"{split_gid(args['id'])[0]} does not exist")]}
    unwanted = {t.casefold() for t in _tags(args["tags"])}
    gone = [t for t in owner.tags if t.casefold() in unwanted]
    if gone:
        owner.tags = [t for t in owner.tags if t not in gone]
        if isinstance(owner, Customer):
            people.tell_tags(call.shop, owner, [], gone)
        call.shop.effect(call.who, "tags_remove", args["id"], tags=gone)
        _touched(call, owner)
    return {"node": owner, "userErrors": []}


@mutation("metafieldsSet")
def _metafields_set(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    entries = args["metafields"]
    if len(entries) > metafields.LIMIT:
        text = f"Exceeded the maximum metafields input limit of {metafields.LIMIT}."
        error = {"field": ["metafields"], "message": text, "code": "LESS_THAN_OR_EQUAL_TO", "elementIndex": None}
        return {"metafields": None, "userErrors": [error]}
    owners = [_owner(call, e["ownerId"]) for e in entries]
    spaces = [metafields.namespace_of(call.shop, e.get("namespace")) for e in entries]
    types = [_defined(call, e, s) for e, s in zip(entries, spaces, strict=True)]
    errors = []
    for n, (entry, owner, space, defined) in enumerate(zip(entries, owners, spaces, types, strict=True)):
        if owner is None:
            error = {"field": ["metafields", str(n), "ownerId"], "message": "Owner does not exist", "code": "INVALID"}
            errors.append(error | {"elementIndex": None})
        elif problem := metafields.problem(owner, entry, n, space, defined):
            errors.append(problem)
    if errors:
        return {"metafields": None, "userErrors": errors}
    made = []
    for entry, owner, space, defined in zip(entries, owners, spaces, types, strict=True):
        assert owner is not None  # noqa: S101 - an absent owner was an error above
        found, changed = metafields.put(call.shop, owner, entry["ownerId"], entry, space, defined)
        made.append(found)
        if changed:
            call.shop.effect(
                call.who, "metafields_set", entry["ownerId"], namespace=space, key=found.key, value=found.value
            )
            _touched(call, owner)
    return {"metafields": made, "userErrors": []}


def _defined(call: Call, entry: dict[str, Any], space: str) -> str | None:
    kind = split_gid(entry["ownerId"])[0].upper()
    found = definitions.find(call.shop, kind, space, entry["key"])
    return found.type if found else None


@mutation("metafieldsDelete")
def _metafields_delete(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    wanted = args["metafields"]
    owners = [_owner(call, e["ownerId"]) for e in wanted]
    if None in owners:
        place = str(owners.index(None))
        error = _user_error(["metafields", place, "ownerId"], "Owner does not exist")
        return {"deletedMetafields": None, "userErrors": [error]}
    gone: list[dict[str, Any] | None] = []
    for entry, owner in zip(wanted, owners, strict=True):
        assert owner is not None  # noqa: S101 - an absent owner was an error above
        space = metafields.namespace_of(call.shop, entry["namespace"])
        found = owner.metafields.pop((space, entry["key"]), None)
        gone.append({"ownerId": entry["ownerId"], "namespace": space, "key": entry["key"]} if found else None)
        if found:
            call.shop.effect(call.who, "metafields_delete", entry["ownerId"], namespace=space, key=entry["key"])
            _touched(call, owner)
    return {"deletedMetafields": gone, "userErrors": []}


@mutation("orderUpdate")
def _order_update(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    wanted = args["input"]
    order = call.shop.orders.get(number_of(wanted["id"], "Order"))
    if order is None:
        return {"order": None, "userErrors": [_user_error(["id"], "Order does not exist")]}
    changes = {k: v for k, v in wanted.items() if k != "id"}
    if not changes:
        return {"order": order, "userErrors": [_user_error(None, "No valid update parameters have been provided")]}
    unheld = changes.keys() - {"note", "tags", "email", "phone", "poNumber", "customAttributes", "shippingAddress"}
    if unheld:
        raise ApiError(f"The simulator does not update {', '.join(sorted(unheld))} yet.", "NOT_SIMULATED")
    if changes.get("phone") and not PHONE.match(changes["phone"]):
        return {"order": order, "userErrors": [_user_error(["phone"], "Phone is invalid")]}
    _overwrite(call, order, changes)
    call.shop.effect(call.who, "order_update", wanted["id"], **changes)
    call.shop.touch(order)
    return {"order": order, "userErrors": []}


def _overwrite(call: Call, order: Order, changes: dict[str, Any]) -> None:
    for key, name in (("note", "note"), ("email", "email"), ("phone", "phone"), ("poNumber", "po_number")):
        if key in changes:
            setattr(order, name, changes[key])
    if "tags" in changes:
        order.tags = _tags(changes["tags"] or [])
    if "customAttributes" in changes:
        order.attributes = [(a["key"], a["value"]) for a in changes["customAttributes"] or ()]
    address = order.shipping_address
    if changes.get("shippingAddress") and address is not None:
        names = {"firstName": "first_name", "lastName": "last_name", "provinceCode": "province_code"}
        for key, value in changes["shippingAddress"].items():
            name = names.get(key, "country_code" if key == "countryCode" else key)
            if hasattr(address, name):
                setattr(address, name, value)
        address.validation = "NO_ISSUES"
