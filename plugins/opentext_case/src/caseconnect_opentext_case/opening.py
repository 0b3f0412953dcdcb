"""Opening a case once: looked for by our reference, made, identified."""

from __future__ import annotations

from typing import Any

from caseconnect.sdk.commands import OpenCase
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import UnknownOutcome
from caseconnect.sdk.http import Part
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject

from .casetypes import CaseType
from .client import Json
from .composing import new_case, sort_documents
from .documents import attach_all
from .dotted import get
from .lookup import Found, find
from .mapping import id_of, link, public_id, text_of


async def open_case(kind: CaseType, command: OpenCase, resources: Resources) -> Outcome:
    """One attempt. A case with our reference that is there already is not made again."""
    if kind.settings.look_first and kind.settings.listing.find == "attribute":
        found = sighting_of(kind, await find(kind.client, kind.settings, command.reference), command, resources)
        if found.seen:
            return Outcome(state="done", note=f"it was there: {found.note}", data=found.data, aliases=found.aliases)
    documents, left_out = sort_documents(command.documents, kind.settings)
    document = new_case(command, kind.settings, left_out)
    parts = [Part("", item.content, item.name, item.media_type) for item in documents]
    together = kind.settings.create.encoding == "multipart"
    answer = await kind.client.create_case(document, parts if together else ())
    data, alias = _identify(kind, answer, resources)
    if not together:
        left_out += await attach_all(kind, str(id_of(answer, kind.settings)), documents, resources.log)
    if left_out:
        data["not_attached"] = left_out
    return Outcome(state="done", note="; ".join(left_out), data=data, aliases=(alias,))


def sighting_of(kind: CaseType, found: Found, command: OpenCase, resources: Resources) -> Sighting:
    """What a search means for the command. Of several cases with one reference the oldest counts; all are named."""
    if found.cases is None:
        return Sighting(seen=None, note=found.why)
    if not found.cases:
        return Sighting(seen=False)
    data, alias = _identify(kind, found.cases[0], resources)
    note = f"case {data.get('number') or alias.id}"
    if kind.settings.create.encoding == "json" and command.documents:
        note += "; whether its documents were attached is not known"
    if len(found.cases) > 1:
        others = [public_id(str(id_of(case, kind.settings)), kind.settings) for case in found.cases[1:]]
        note += f"; more cases carry the same reference: {', '.join(others)}"
        data["duplicates"] = others
    return Sighting(seen=True, note=note, data=data, aliases=(alias,))


def _identify(kind: CaseType, document: Json, resources: Resources) -> tuple[dict[str, Any], Subject]:
    own = id_of(document, kind.settings)
    if own is None:
        raise UnknownOutcome(
            f"the case was made, but the answer has no id at `fields.id` = {kind.settings.fields.id!r}"
        )
    number = text_of(get(document, kind.settings.fields.number))
    case = public_id(own, kind.settings)
    data = {"id": case, "number": number, "url": link(kind.settings, own, number)}
    known = {name: value for name, value in data.items() if value is not None}
    return known, Subject(resources.connection, "case", case)
