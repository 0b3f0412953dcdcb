"""Staged uploads and files (API 2026-10)."""

from __future__ import annotations

from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import number_of
from caseconnect_shopify.simulator.world import files
from caseconnect_shopify.simulator.world.records import gid

ALT_LENGTH = 512
PREFIX = "/_uploads/"


def _target(call: Call, upload: files.Upload) -> dict[str, Any]:
    url = f"{call.base}{PREFIX}{upload.key}"
    names = {"key": upload.key, "Content-Type": upload.mime_type, "success_action_status": "201", "acl": "private"}
    if upload.method == "PUT":
        names = {"content_type": upload.mime_type, "acl": "private"}
    resource = url
    if upload.dispute_file_id is not None:
        resource = gid("ShopifyPaymentsDisputeFileUpload", upload.dispute_file_id)
    parameters = [{"name": n, "value": v} for n, v in names.items()]
    return {"url": url, "resourceUrl": resource, "parameters": parameters}


@mutation("stagedUploadsCreate")
def _stage(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    errors, targets = [], []
    for place, wanted in enumerate(args["input"]):
        if not wanted["filename"].strip():
            errors.append({"field": ["input", str(place), "filename"], "message": "Filename can't be blank"})
            continue
        size = int(wanted["fileSize"]) if wanted.get("fileSize") else None
        method, resource = wanted.get("httpMethod") or "PUT", wanted["resource"]
        made = files.stage(call.shop, wanted["filename"], wanted["mimeType"], resource, method, size)
        targets.append(_target(call, made))
    return {"stagedTargets": targets, "userErrors": errors}


@mutation("fileCreate")
def _create(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    wanted = args["files"]
    for place, item in enumerate(wanted):
        problem = _problem(item)
        if problem:
            field, message, code = problem
            error = {"field": ["files", str(place), field], "message": message, "code": code}
            return {"files": None, "userErrors": [error]}
    made = []
    for item in wanted:
        upload = call.shop.uploads.get(item["originalSource"].partition(PREFIX)[2])
        name = item.get("filename") or item["originalSource"].rsplit("/", 1)[-1]
        image = item.get("contentType") == "IMAGE" or bool(upload and upload.mime_type.startswith("image/"))
        found = files.add(call.shop, upload, name, item.get("alt"), image=image)
        call.shop.effect(call.who, "file_create", _gid(found), filename=name, size=len(found.body or b""))
        made.append(found)
    return {"files": made, "userErrors": []}


def _problem(item: dict[str, Any]) -> tuple[str, str, str] | None:
    if not item["originalSource"].startswith(("https://", "http://")):
        return "originalSource", "Image URL is invalid", "INVALID_IMAGE_SOURCE_URL"
    if len(item.get("alt") or "") > ALT_LENGTH:
        return "alt", f"The alt value exceeds the maximum limit of {ALT_LENGTH} characters.", "ALT_VALUE_LIMIT_EXCEEDED"
    return None


def _gid(found: files.File) -> str:
    return gid("MediaImage" if isinstance(found, files.Image) else "GenericFile", found.id)


@mutation("fileUpdate")
def _update(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    made = []
    for place, item in enumerate(args["files"]):
        kind = "MediaImage" if "/MediaImage/" in item["id"] else "GenericFile"
        found = call.shop.files.get(number_of(item["id"], kind))
        code = "FILE_DOES_NOT_EXIST" if found is None else None
        if found is not None and found.status(call.shop.now()) != "READY":
            code = "NON_READY_STATE"
        if code or found is None:
            text = "File does not exist" if found is None else "Non-ready files cannot be updated."
            return {
                "files": None,
                "userErrors": [{"field": ["files", str(place), "id"], "message": text, "code": code}],
            }
        found.alt = item.get("alt", found.alt)
        made.append(found)
    return {"files": made, "userErrors": []}
