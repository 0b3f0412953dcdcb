"""From Core Case's JSON to the canonical records. Pure; every place in the JSON comes from the settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from unicodedata import normalize

from caseconnect.models import Case, CaseComment, File
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.errors import PermanentError

from .config import CoreCaseSettings
from .dotted import get, members

_MARK = re.compile(r"^\[connect [0-9a-f]{12}\]\s*\Z", re.MULTILINE)


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


def public_id(own: str, settings: CoreCaseSettings) -> str:
    """The case's id as the rest of Connect knows it: one of a further definition begins with its name."""
    return f"{settings.definition}/{own}" if settings.definition else own


def case_of(
    document: Mapping[str, Any],
    settings: CoreCaseSettings,
    comments: Iterable[CaseComment] = (),
    files: Iterable[File] = (),
    decided_by: Any = None,
) -> Case:
    """The canonical case. `PermanentError` when it has no id: then it is no case.

    `decided_by` is who decided where an attribute does not say it. What our own account set is no decision.
    """
    fields = settings.fields
    found = id_of(document, settings)
    if found is None:
        raise PermanentError(f"a case without an id: nothing at `fields.id` = {fields.id!r}")
    number, status = text_of(get(document, fields.number)), text_of(get(document, fields.status))
    author = get(document, fields.updated_by), get(document, fields.updated_by_user)
    decider = get(document, fields.decided_by) if settings.decider == "attribute" else decided_by
    ours = is_ours((decider,), settings)
    return Case(
        id=public_id(found, settings),
        number=number,
        reference=reference_of(document, settings),
        title=text_of(get(document, fields.title)) or "",
        status=status,
        stage=text_of(get(document, fields.stage)),
        outcome=None if ours else outcome_of(document, settings),
        revision=revision_of(document, settings),
        closed=folded(status or "") in {folded(word) for word in settings.closed_statuses},
        priority=_priority(text_of(get(document, fields.priority)), settings),
        assignee=text_of(get(document, fields.assignee)),
        decided_by=None if ours else text_of(decider),
        updated_at=parse_time(get(document, fields.updated_on)),
        updated_by=text_of(author[0]) or text_of(author[1]),
        updated_by_us=is_ours(author, settings),
        attributes=_attributes(document, settings),
        comments=tuple(comments),
        files=tuple(files),
        definition=settings.definition,
        due_at=parse_time(get(document, fields.due)),
        created_at=parse_time(get(document, fields.created_on)),
        url=link(settings, found, number),
    )


def outcome_of(document: Mapping[str, Any], settings: CoreCaseSettings) -> str | None:
    """The outcome in the words of the flows."""
    found = text_of(get(document, settings.fields.outcome))
    return word_of(found, settings) if found and found.strip() else None


def word_of(outcome: str, settings: CoreCaseSettings) -> str:
    """What flows are told for an outcome of the definition."""
    words = {folded(word): ours for word, ours in settings.outcomes.items()}
    return words.get(folded(outcome), outcome)


def folded(word: str) -> str:
    """A word so that equal ones are equal, however people and systems write it: case, blanks, composed letters."""
    return " ".join(normalize("NFKC", word).casefold().split())


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
    """A comment. Where no service account is set, our mark as the last line tells ours; an answer below is theirs."""
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


def file_of(document: Mapping[str, Any], case: str, settings: CoreCaseSettings) -> File | None:
    """A document in a case's list, or None for a row without an id. `case` is the id as Connect knows it."""
    keys = settings.attachments
    found = text_of(document.get(keys.id))
    size = document.get(keys.size)
    if found is None:
        return None
    return File(
        id=f"{case}/{found}",
        name=text_of(document.get(keys.name)) or "",
        media_type=text_of(document.get(keys.media_type)) or "",
        size=size if isinstance(size, int) and not isinstance(size, bool) else None,
        ours=is_ours((document.get(keys.author), document.get(keys.author_user)), settings),
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


def _attributes(document: Mapping[str, Any], settings: CoreCaseSettings) -> dict[str, str]:
    placed = {name: p if isinstance(p, str) else p.path for name, p in settings.attributes.items()}
    taken = set(placed.values()) | set(settings.fields.model_dump().values())
    found = {name: get(document, path) for name, path in placed.items()}
    for name, value in members(get(document, settings.fields.custom)).items():
        if f"{settings.fields.custom}.{name}" not in taken:
            found.setdefault(name, value)
    texts = {name: text_of(value) for name, value in found.items()}
    return {name: text for name, text in texts.items() if text is not None}
