"""Bulk operations (API 2026-10): started, asked to stop."""

from __future__ import annotations

import json
from typing import Any

from caseconnect_shopify.simulator.api import bulk as api
from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import number_of
from caseconnect_shopify.simulator.world import bulk
from caseconnect_shopify.simulator.world.records import gid


def _dump(line: Any) -> bytes:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str).encode()


@mutation("bulkOperationRunQuery")
def _run(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    if bulk.running(call.shop) >= bulk.LIMIT:
        text = "Bulk operations limit reached. Please try again later."
        return {"bulkOperation": None, "userErrors": [{"field": None, "message": text, "code": "LIMIT_REACHED"}]}
    try:
        plan = api.prepare(args["query"], call)
    except api.BulkRefused as refusal:
        error = {"field": ["query"], "message": str(refusal), "code": "INVALID"}
        return {"bulkOperation": None, "userErrors": [error]}
    made = bulk.start(call.shop, args["query"], call.base, lambda: api.export(plan, call), _dump)
    call.shop.effect(call.who, "bulk_query", gid("BulkOperation", made.id))
    return {"bulkOperation": made, "userErrors": []}


@mutation("bulkOperationCancel")
def _cancel(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    found = call.shop.bulk_operations.get(number_of(args["id"], "BulkOperation"))
    if found is None:
        return {"bulkOperation": None, "userErrors": [_error(["id"], "Bulk operation does not exist")]}
    if found.status not in bulk.RUNNING:
        text = f"A bulk operation cannot be canceled when it is {found.status.lower()}"
        return {"bulkOperation": found, "userErrors": [_error(None, text)]}
    if found.status != "CANCELING":
        bulk.cancel(call.shop, found)
        call.shop.effect(call.who, "bulk_cancel", args["id"])
    return {"bulkOperation": found, "userErrors": []}


def _error(field: list[str] | None, message: str) -> dict[str, Any]:
    return {"field": field, "message": message}
