"""Documents of a case: listed, fetched, attached once. A file that we attach tells its digest in its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256

from caseconnect.models import Document, File
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import ConnectError, PermanentError, TransientError
from caseconnect.sdk.http import Part
from caseconnect.sdk.resources import Log

from .casetypes import CaseType
from .client import Json
from .composing import marked_name, unfit
from .mapping import file_of, text_of

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 120


async def files_of(kind: CaseType, case: str, log: Log) -> list[File]:
    """What is attached to a case, as far as it can be listed. `case` is the platform's own id.

    That the list is refused must not keep a decision from being read: the path is a guess.
    """
    if not (kind.settings.attachments.told and kind.client.dialect.offers("list_attachments")):
        return []
    try:
        rows = await kind.client.attachments(case)
    except PermanentError as error:
        log.info("documents cannot be listed", case=case, error=str(error))
        return []
    return [file for row in rows if (file := file_of(row, kind.public(case), kind.settings))]


async def fetch_document(kind: CaseType, case: str, attachment: str) -> Document:
    """A document with its bytes. `PermanentError` when there is none, or it is larger than we carry."""
    listed = [file_of(row, case, kind.settings) for row in await kind.client.attachments(case)]
    file = next((f for f in listed if f and f.id == f"{case}/{attachment}"), None)
    if file is None:
        raise PermanentError(f"the case has no document {attachment!r} (any more)")
    most = kind.settings.create.max_document_bytes
    if file.size is not None and file.size > most:
        raise PermanentError(f"document {attachment!r} has {file.size} bytes, at most {most} are carried")
    found = await kind.client.download(case, attachment)
    if file.size is not None and file.size != len(found.content):
        raise TransientError(
            f"document {attachment!r} came with {len(found.content)} bytes, the list says {file.size}: a part of it, a "
            "sign-in page, or `attachments.size` is not its size"
        )
    return Document(name=_name(file.name), media_type=file.media_type or found.media_type, content=found.content)


async def find_document(kind: CaseType, case: str, document: Document) -> Sighting:
    """Whether these bytes are on the case, under whatever name."""
    if not kind.client.dialect.offers("list_attachments"):
        return Sighting(seen=None, note="documents cannot be listed: `paths.list_attachments` is empty")
    for row in await kind.client.attachments(case):
        if await _is(kind, case, row, document):
            found = text_of(row.get(kind.settings.attachments.id))
            return Sighting(seen=True, data={"attachment_id": found} if found else {})
    return Sighting(seen=False)


async def attach_once(kind: CaseType, case: str, document: Document) -> Outcome:
    """Attach a document unless its bytes are there."""
    if reason := unfit(document, kind.settings):
        raise PermanentError(f"{document.name} cannot be attached: {reason} (`create` sets the limits)")
    if kind.settings.look_first and kind.client.dialect.offers("list_attachments"):
        sighting = await find_document(kind, case, document)
        if sighting.seen:
            return Outcome(state="done", note="it was there", data=sighting.data)
    await kind.client.attach(case, Part("", document.content, marked_name(document), document.media_type))
    return Outcome(state="done", data={"name": marked_name(document)})


async def attach_all(kind: CaseType, case: str, documents: Sequence[Document], log: Log) -> list[str]:
    """Attach one by one to a case that was just made; one that fails is told and does not undo the case."""
    failed: list[str] = []
    for document in documents:
        try:
            await kind.client.attach(case, Part("", document.content, document.name, document.media_type))
        except ConnectError as error:
            failed.append(f"Not attached: {document.name} ({error})")
    if failed:
        log.warning("documents not attached", case=case, count=len(failed))
    return failed


async def _is(kind: CaseType, case: str, row: Json, document: Document) -> bool:
    keys = kind.settings.attachments
    name, digest = text_of(row.get(keys.name)) or "", text_of(row.get(keys.digest)) if keys.digest else None
    if digest is not None:
        return digest.casefold() == document.digest
    if document.digest[:12] in name:
        return True
    size, attachment = row.get(keys.size), text_of(row.get(keys.id))
    alike = name == document.name and size in (None, len(document.content))
    if not (alike and attachment and kind.client.dialect.offers("read_attachment")):
        return False
    # One that came along when the case was made bears no mark: only its bytes tell.
    return sha256((await kind.client.download(case, attachment)).content).hexdigest() == document.digest


def _name(name: str) -> str:
    """A file name that every platform takes."""
    fit = _UNFIT.sub("-", name).strip("-._") or "document"
    stem, dot, ending = fit.rpartition(".")
    return fit if len(fit) <= _LONGEST else f"{stem[: _LONGEST - len(ending) - 1]}{dot}{ending}"[:_LONGEST]
