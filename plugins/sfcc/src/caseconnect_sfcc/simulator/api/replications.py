"""SCAPI Granular Replications 1.0: publish single items from staging."""

from __future__ import annotations

from typing import Any

from caseconnect_sfcc.simulator.world.attributes import JsonObject
from caseconnect_sfcc.simulator.world.refusals import Refused
from caseconnect_sfcc.simulator.world.replication import Process

from .calls import Answer, Call
from .scapi import SCAPI
from .shapes import plain

PATH = "/operation/replications/granular-processes"
READ, WRITE = "sfcc.granular-replications", "sfcc.granular-replications.rw"


def _allowed(call: Call) -> None:
    """The list and the details too are for staging, with the feature switched on."""
    settings = call.instance.settings
    if not settings.granular_replication:
        text = "The Granular Replication feature is not enabled in your staging and production environments."
        raise Refused("granular-replication-feature-not-enabled", text)
    if settings.kind != "stg":
        raise Refused("not-on-staging", "This operation must be performed from a staging instance.")


def _document(process: Process) -> JsonObject:
    ended = process.status in {"completed", "failed"}
    name = "productItem" if "productId" in process.item else "contentAssetItem"
    body = {
        "id": process.id,
        "status": process.status,
        "startTime": process.started,
        "endTime": process.ends if ended else None,
        "initiatedBy": process.by,
        name: process.item,
    }
    found: JsonObject = plain(body)
    return found


def _item(body: Any) -> JsonObject:
    found = body if isinstance(body, dict) and len(body) == 1 else {}
    product, asset = found.get("product"), found.get("contentAsset")
    if isinstance(product, dict) and isinstance(product.get("productId"), str):
        return {"productId": product["productId"]}
    if isinstance(asset, dict) and isinstance(asset.get("contentId"), str):
        owner = {"private": "siteId", "shared": "libraryId"}.get(str(asset.get("type")))
        if owner and set(asset) == {"contentId", "type", owner}:
            return dict(asset)
    text = "Invalid request body. Must provide valid properties for either a product, price table, or content asset."
    raise Refused("invalid-request-body", text)


@SCAPI.add("POST", PATH, "publishItems", scope=WRITE)
def publish(call: Call) -> Answer:
    """Queue one item."""
    item = _item(call.body)
    return Answer({"id": call.instance.replication.queue(call.who, item).id}, 201)


@SCAPI.add("GET", PATH, "listPublishProcesses", scope=READ, query=frozenset({"limit", "offset"}))
def list_processes(call: Call) -> Answer:
    """The processes, newest first."""
    _allowed(call)
    limit, offset = call.number("limit", 20, 1, 200), call.number("offset", 0, 0, 10_000)
    found = [*call.instance.replication.processes.values()][::-1]
    page = [_document(each) for each in found[offset : offset + limit]]
    return Answer({"total": len(found), "limit": limit, "offset": offset, "data": page})


@SCAPI.add("GET", f"{PATH}/{{id}}", "getPublishProcess", scope=READ)
def get_process(call: Call) -> Answer:
    """One process."""
    _allowed(call)
    found = call.instance.replication.processes.get(call.path["id"])
    if found is None:
        raise Refused("process-not-found", "The publish process with the specified ID was not found.")
    return Answer(_document(found))
