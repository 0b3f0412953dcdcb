"""From commands to Core Case's JSON: bodies of creates and edits, comments, documents. Pure.

Every place in the JSON comes from the settings of the case definition.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from caseconnect.models import Document
from caseconnect.sdk.commands import OpenCase, UpdateCase
from caseconnect.sdk.errors import PermanentError

from .config import CoreCaseSettings
from .config_fields import AttributeSettings
from .dotted import drop, get, put
from .mapping import parse_time, text_of, time_text

_CUT = " …"
_IDENTITY = ("id", "etsUuid", "email")


def _place_of(name: str, settings: CoreCaseSettings) -> AttributeSettings | None:
    place = settings.attributes.get(name)
    if place is None:
        if settings.unmapped == "refuse":
            known = ", ".join(sorted(settings.attributes)) or "none"
            raise PermanentError(
                f"attribute {name!r} has no place in the case: add it to `attributes` (known: {known})"
            )
        return None if settings.unmapped == "leave_out" else AttributeSettings(path=f"{settings.fields.custom}.{name}")
    return AttributeSettings(path=place) if isinstance(place, str) else place


def _value(name: str, text: str, place: AttributeSettings, settings: CoreCaseSettings) -> str | int | float | bool:
    try:
        if place.type == "integer":
            return int(text)
        if place.type == "number" and math.isfinite(number := float(text)):
            return number
        if place.type == "boolean":
            return {"true": True, "false": False, "yes": True, "no": False}[text.casefold()]
        if place.type == "time" and (at := parse_time(text)):
            return time_text(at, settings)
        if place.type == "text":
            return _fitting(name, text, place)
    except (ValueError, KeyError):
        pass
    raise PermanentError(f"attribute {name!r} is set up as {place.type}, but the flow gives another text")


def _fitting(name: str, text: str, place: AttributeSettings) -> str:
    if place.too_long == "refuse" and place.max_length is not None and len(text) > place.max_length:
        raise PermanentError(
            f"attribute {name!r} has {len(text)} characters, at most {place.max_length} are allowed: "
            "shorten it in the flow, or set its `too_long` to cut"
        )
    return cut(text, place.max_length)


def cut(text: str, limit: int | None) -> str:
    """At most `limit` characters, with a mark where something was cut."""
    return text if limit is None or len(text) <= limit else text[: max(limit - len(_CUT), 0)] + _CUT[:limit]


def wanted(command: OpenCase | UpdateCase, settings: CoreCaseSettings) -> tuple[dict[str, Any], dict[str, str]]:
    """Dotted path -> value of what a command sets; name -> line of text of what has no place in this case type."""
    fields = settings.fields
    found: dict[str, Any] = {}
    for name, text in command.attributes.items():
        if spot := _place_of(name, settings):
            found[spot.path] = _value(name, text, spot, settings)
    if command.priority is not None and fields.priority:
        found[fields.priority] = settings.priorities.get(command.priority, command.priority)
    homeless: dict[str, str] = {}
    if command.owner and fields.assignee:
        found[fields.assignee] = _owner(command.owner, settings)
    elif command.owner:
        homeless["owner"] = f"Owner: {command.owner}"
    if command.due is not None and fields.due:
        found[fields.due] = time_text(command.due, settings)
    elif command.due is not None:
        homeless["due"] = f"Due: {command.due:%Y-%m-%d %H:%M} UTC"
    return found, homeless


def _owner(owner: str, settings: CoreCaseSettings) -> str | dict[str, str]:
    if settings.owner_form == "text":
        return owner
    kind = "FunctionalRole" if owner in settings.functional_roles else "User"
    return {settings.owner_form: owner, "caseIdentityType": kind}


def new_case(command: OpenCase, settings: CoreCaseSettings, left_out: Iterable[str] = ()) -> dict[str, Any]:
    """The body of a create: the documented JSON, our reference, and a line about what is left out.

    `PermanentError` when something that the case definition requires is not there.
    """
    fields, create = settings.fields, settings.create
    set_by_flow, homeless = wanted(command, settings)
    further = "".join(f"\n{line}" for line in (*homeless.values(), *left_out))
    limit = create.summary_limit - len(further) if create.summary_limit else None
    values: dict[str, Any] = {
        **create.constants,
        **set_by_flow,
        fields.title: cut(command.title, create.title_limit),
        fields.summary: cut(command.description, limit) + further,
    }
    if fields.client_name and command.client_name:
        values[fields.client_name] = command.client_name
    if fields.reference:
        values[fields.reference] = command.reference
    document: dict[str, Any] = {"caseType": {"id": settings.definition_id}, "caseConfigId": settings.config_id}
    document = place(document, values, settings)
    if missing := [path for path in settings.required if get(document, path) in (None, "")]:
        raise PermanentError(
            f"the case definition requires {', '.join(missing)}, and the flow gives nothing for it: map it in "
            "`attributes` or set it in `create.constants`"
        )
    return document


def place(document: dict[str, Any], values: Mapping[str, Any], settings: CoreCaseSettings) -> dict[str, Any]:
    """`document` with every value set at its dotted path."""
    pairs = settings.fields.custom if settings.fields.custom_shape == "pairs" else ""
    for path, value in values.items():
        put(document, path, value, pairs=pairs)
    return document


def edit_of(current: Mapping[str, Any], values: Mapping[str, Any], settings: CoreCaseSettings) -> dict[str, Any]:
    """The body of an edit: all properties as read with the values set, or the values alone."""
    body: dict[str, Any] = {"caseProperties": {}}
    if settings.edit.mode == "replace":
        body = {"caseProperties": copy.deepcopy(current.get("caseProperties") or {})}
        for path in settings.edit.leave_out:
            drop(body, path)
    return place(body, values, settings)


def holds(document: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether the case has every value already: as text, as the same time, or as the same identity."""
    return all(_same(get(document, path), value) for path, value in values.items())


def _same(there: Any, value: Any) -> bool:
    if isinstance(there, dict) or isinstance(value, dict):
        return bool(_names(there) & _names(value))
    if text_of(there) == text_of(value) or (_is_number(value) and _is_number(there) and there == value):
        return True
    at = parse_time(value)
    return at is not None and parse_time(there) == at


def _is_number(value: Any) -> bool:
    """What is sent as 25.0 may come back as 25."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _names(identity: Any) -> set[str]:
    texts = [identity.get(key) for key in _IDENTITY] if isinstance(identity, dict) else [identity]
    return {text.casefold() for text in texts if isinstance(text, str)} or {text_of(identity) or ""}


def update_of(command: UpdateCase, settings: CoreCaseSettings) -> tuple[dict[str, Any], list[str]]:
    """What an update sets, and names of what has no place. `PermanentError` when nothing has one in this case type."""
    values, homeless = wanted(command, settings)
    if not values:
        raise PermanentError(
            "nothing of this update has a place in the case: see `attributes`, `fields.priority`, `fields.assignee` "
            "and `fields.due`"
        )
    return values, sorted(homeless)


def marker(key: str) -> str:
    """The line that tells a comment of this command, in any later read."""
    return f"[connect {sha256(key.encode()).hexdigest()[:12]}]"


def marked(text: str, key: str, limit: int) -> str:
    """A comment's text with the marker as its last line, within `limit` characters."""
    line = "\n\n" + marker(key)
    return cut(text, limit - len(line)) + line


def marked_name(document: Document) -> str:
    """The file name under which a document is attached: twelve digits of its digest tell it again."""
    stem, dot, ending = document.name.rpartition(".")
    digits = document.digest[:12]
    return f"{stem}-{digits}.{ending}" if dot and stem else f"{document.name}-{digits}"


def sort_documents(documents: Iterable[Document], settings: CoreCaseSettings) -> tuple[list[Document], list[str]]:
    """Documents that may go along, and a line for each that may not. The same bytes go once."""
    limits = settings.create
    taken: dict[str, Document] = {}
    left_out: list[str] = []
    for document in documents:
        if document.digest in taken:
            continue
        reason = unfit(document, settings)
        if not reason and len(taken) >= limits.max_documents:
            reason = f"at most {limits.max_documents} documents are allowed"
        if reason:
            left_out.append(f"Not attached: {document.name} ({reason})")
        else:
            taken[document.digest] = document
    return list(taken.values()), left_out


def unfit(document: Document, settings: CoreCaseSettings) -> str:
    """Why a document may not be sent; empty when it may."""
    limits, size = settings.create, len(document.content)
    if size > limits.max_document_bytes:
        return f"{size} bytes, at most {limits.max_document_bytes} are allowed"
    if limits.document_types and document.media_type not in limits.document_types:
        return f"{document.media_type} is not allowed"
    return ""
