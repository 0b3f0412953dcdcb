"""Between Core Case's JSON and the canonical records. Pure; every place in the JSON comes from the settings."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from caseconnect.models import Case, CaseComment, Document
from caseconnect.sdk.commands import OpenCase, UpdateCase, digest_of
from caseconnect.sdk.errors import PermanentError

from .config import CoreCaseSettings
from .config_fields import AttributeSettings
from .dotted import drop, get, members, put

_MARK = re.compile(r"^\[connect [0-9a-f]{12}\]$", re.MULTILINE)
_CUT = " …"


def parse_time(value: object) -> datetime | None:
    """A time in either spelling, `2021-01-12T16:09:09.193+0000` or `...Z`; without offset UTC; None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def time_text(at: datetime, settings: CoreCaseSettings) -> str:
    """A time as this Core Case is told it: UTC, milliseconds."""
    text = at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return text + ("Z" if settings.timestamps == "zulu" else "+0000")


def id_of(document: Mapping[str, Any], settings: CoreCaseSettings) -> str | None:
    """The case's id."""
    return text_of(get(document, settings.fields.id)) or text_of(get(document, "caseProperties.defaultAttributes.id"))


def reference_of(document: Mapping[str, Any], settings: CoreCaseSettings) -> str | None:
    """Our own reference, if the case carries one."""
    return text_of(get(document, settings.fields.reference))


def case_of(document: Mapping[str, Any], settings: CoreCaseSettings, comments: Iterable[CaseComment] = ()) -> Case:
    """The canonical case. `PermanentError` when it has no id: then it is no case."""
    fields = settings.fields
    found = id_of(document, settings)
    if found is None:
        raise PermanentError(f"a case without an id: nothing at `fields.id` = {fields.id!r}")
    number, status = text_of(get(document, fields.number)), text_of(get(document, fields.status))
    author = get(document, fields.updated_by), get(document, fields.updated_by_user)
    return Case(
        id=found,
        number=number,
        reference=reference_of(document, settings),
        title=text_of(get(document, fields.title)) or "",
        status=status,
        stage=text_of(get(document, fields.stage)),
        outcome=text_of(get(document, fields.outcome)),
        revision=revision_of(document, settings),
        closed=(status or "").casefold() in {word.casefold() for word in settings.closed_statuses},
        priority=_priority(text_of(get(document, fields.priority)), settings),
        assignee=text_of(get(document, fields.assignee)),
        decided_by=text_of(get(document, fields.decided_by)),
        updated_at=parse_time(get(document, fields.updated_on)),
        updated_by=text_of(author[0]) or text_of(author[1]),
        updated_by_us=is_ours(author, settings),
        attributes=_attributes(document, settings),
        comments=tuple(comments),
        url=link(settings, found, number),
    )


def revision_of(document: Mapping[str, Any], settings: CoreCaseSettings) -> str:
    """Digest of status, stage, outcome and who set it when: an outcome set again is another revision."""
    fields = settings.fields
    decided_on = get(document, fields.decided_on)
    at = parse_time(decided_on)
    return digest_of(
        text_of(get(document, fields.status)),
        text_of(get(document, fields.stage)),
        text_of(get(document, fields.outcome)),
        text_of(get(document, fields.decided_by)),
        at.isoformat() if at else text_of(decided_on),
    )


def comment_of(document: Mapping[str, Any], settings: CoreCaseSettings) -> CaseComment:
    """A comment. Where no service account is set, our mark tells ours."""
    keys = settings.comments
    author = get(document, keys.author), get(document, keys.author_user)
    text = text_of(get(document, keys.text)) or ""
    marked = not settings.service_account and _MARK.search(text) is not None
    return CaseComment(
        id=text_of(get(document, keys.id)) or "",
        text=text,
        author=text_of(author[0]) or text_of(author[1]),
        created_at=parse_time(get(document, keys.created)),
        ours=marked or is_ours(author, settings),
    )


def is_ours(identities: Iterable[Any], settings: CoreCaseSettings) -> bool:
    """Whether one of the identities, as text or expanded, is a service account of the settings."""
    known = {name.casefold() for name in settings.service_account}
    names: set[str] = set()
    for identity in identities:
        values = [identity.get(key) for key in ("id", "etsUuid", "email")] if isinstance(identity, dict) else [identity]
        names |= {value.casefold() for value in values if isinstance(value, str)}
    return bool(names & known)


def text_of(value: Any) -> str | None:
    """A value as text; of an object its name, or else what identifies it. Empty text is None."""
    if isinstance(value, dict):
        named = (value.get(key) for key in ("name", "displayName", "value", "email", "id"))
        return next((found for item in named if not isinstance(item, dict) and (found := text_of(item))), None)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) or None if isinstance(value, str | int | float) else None


def link(settings: CoreCaseSettings, case: str, number: str | None) -> str | None:
    """Where people open the case."""
    return settings.case_url.replace("{id}", case).replace("{number}", number or case) or None


def _priority(value: str | None, settings: CoreCaseSettings) -> str | None:
    ours = (name for name, word in settings.priorities.items() if value and word.casefold() == value.casefold())
    return next(ours, value)


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


def _attributes(document: Mapping[str, Any], settings: CoreCaseSettings) -> dict[str, str]:
    placed = {name: p if isinstance(p, str) else p.path for name, p in settings.attributes.items()}
    taken = set(placed.values()) | set(settings.fields.model_dump().values())
    found = {name: get(document, path) for name, path in placed.items()}
    for name, value in members(get(document, settings.fields.custom)).items():
        if f"{settings.fields.custom}.{name}" not in taken:
            found.setdefault(name, value)
    texts = {name: text_of(value) for name, value in found.items()}
    return {name: text for name, text in texts.items() if text is not None}


def _value(name: str, text: str, place: AttributeSettings) -> str | int | float | bool:
    try:
        if place.type == "integer":
            return int(text)
        if place.type == "number" and math.isfinite(number := float(text)):
            return number
        if place.type == "boolean":
            return {"true": True, "false": False, "yes": True, "no": False}[text.casefold()]
        if place.type == "text":
            return cut(text, place.max_length)
    except (ValueError, KeyError):
        pass
    raise PermanentError(f"attribute {name!r} is set up as {place.type}, but the flow gives another text")


def cut(text: str, limit: int | None) -> str:
    """At most `limit` characters, with a mark where something was cut."""
    return text if limit is None or len(text) <= limit else text[: max(limit - len(_CUT), 0)] + _CUT[:limit]


def wanted(priority: str | None, attributes: Mapping[str, str], settings: CoreCaseSettings) -> dict[str, Any]:
    """Dotted path -> value of what a command sets; what has no place in this case type is left out."""
    found: dict[str, Any] = {}
    for name, text in attributes.items():
        if place := _place_of(name, settings):
            found[place.path] = _value(name, text, place)
    if priority is not None and settings.fields.priority:
        found[settings.fields.priority] = settings.priorities.get(priority, priority)  # type: ignore[call-overload] # any text may come
    return found


def new_case(command: OpenCase, settings: CoreCaseSettings, left_out: Iterable[str] = ()) -> dict[str, Any]:
    """The body of a create: the documented JSON, our reference, and a line about documents that are left out."""
    fields, create = settings.fields, settings.create
    missing = "".join(f"\n{line}" for line in left_out)
    limit = create.summary_limit - len(missing) if create.summary_limit else None
    values: dict[str, Any] = {
        **create.constants,
        **wanted(command.priority, command.attributes, settings),
        fields.title: cut(command.title, create.title_limit),
        fields.summary: cut(command.description, limit) + missing,
    }
    if fields.client_name and command.client_name:
        values[fields.client_name] = command.client_name
    if fields.reference:
        values[fields.reference] = command.reference
    document: dict[str, Any] = {"caseType": {"id": settings.definition_id}, "caseConfigId": settings.config_id}
    return place(document, values, settings)


def place(document: dict[str, Any], values: Mapping[str, Any], settings: CoreCaseSettings) -> dict[str, Any]:
    """`document` with every value set at its dotted path."""
    pairs = settings.fields.custom if settings.fields.custom_shape == "pairs" else ""
    for path, value in values.items():
        put(document, path, value, pairs=pairs)
    return document


def edit_of(current: Mapping[str, Any], values: Mapping[str, Any], settings: CoreCaseSettings) -> dict[str, Any]:
    """The body of an edit: all properties as read with the values set, or the values alone."""
    body: dict[str, Any] = {}
    if settings.edit.mode == "replace":
        body = {"caseProperties": copy.deepcopy(current.get("caseProperties") or {})}
        for path in settings.edit.leave_out:
            drop(body, path)
    return place(body, values, settings)


def holds(document: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether the case has every value already, compared as text."""
    return all(text_of(get(document, path)) == text_of(value) for path, value in values.items())


def update_of(command: UpdateCase, settings: CoreCaseSettings) -> dict[str, Any]:
    """What an update sets. `PermanentError` when nothing of it has a place in this case type."""
    values = wanted(command.priority, command.attributes, settings)
    if not values:
        raise PermanentError("nothing of this update has a place in the case: see `attributes` and `fields.priority`")
    return values


def marker(key: str) -> str:
    """The line that tells a comment of this command, in any later read."""
    return f"[connect {sha256(key.encode()).hexdigest()[:12]}]"


def marked(text: str, key: str, limit: int) -> str:
    """A comment's text with the marker as its last line, within `limit` characters."""
    line = "\n\n" + marker(key)
    return cut(text, limit - len(line)) + line


def sort_documents(documents: Iterable[Document], settings: CoreCaseSettings) -> tuple[list[Document], list[str]]:
    """Documents that may go along, and a line for each that may not. The same bytes go once."""
    limits = settings.create
    taken: dict[str, Document] = {}
    left_out: list[str] = []
    for document in documents:
        size = len(document.content)
        if document.digest in taken:
            continue
        if size > limits.max_document_bytes:
            reason = f"{size} bytes, at most {limits.max_document_bytes} are allowed"
        elif limits.document_types and document.media_type not in limits.document_types:
            reason = f"{document.media_type} is not allowed"
        elif len(taken) >= limits.max_documents:
            reason = f"at most {limits.max_documents} documents are allowed"
        else:
            taken[document.digest] = document
            continue
        left_out.append(f"Not attached: {document.name} ({reason})")
    return list(taken.values()), left_out
