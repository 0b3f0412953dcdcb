"""What a shopper wrote or sent after the case was opened: told on the case, with the files."""

from __future__ import annotations

from collections.abc import Iterable

from caseconnect.models import Document, File
from caseconnect.sdk.casework.standing import IN_REVIEW, WAITING_FOR_CUSTOMER
from caseconnect.sdk.commands import CASE, AttachDocument, Command, CommentCase
from caseconnect.sdk.decisions import Decision, Facts, Matter, Missing, Need, Needs
from caseconnect.sdk.events import CustomerReplied
from caseconnect.sdk.subjects import Subject

_LONGEST = 4_000


def replied(event: CustomerReplied, matter: Matter, facts: Facts) -> Decision | Needs:
    """Put the message and its files on the matter's case, once. A case that waited for it is in review again."""
    reply = event.record
    if reply is None or matter.state == "none":
        return Decision(reason="a shopper wrote, and no matter is worked here")
    if event.reference and event.reference != matter.reference:
        return Decision(reason="a shopper wrote about another matter")
    needs = facts.lacking(_needs(event.item.connection, reply.files))
    if needs:
        return Needs(needs=needs)
    documents, left_out = _documents(event.item.connection, reply.files, facts)
    text = reply.text.strip()[:_LONGEST] or "(no message)"
    lines = [f"The customer wrote:\n{text}"]
    if documents:
        lines.append("Files: " + ", ".join(d.name for d in documents))
    if left_out:
        lines.append("Files that were not taken: " + ", ".join(left_out))
    commands: list[Command] = [CommentCase(name=f"reply:{event.item.id}", text="\n\n".join(lines), after=(CASE,))]
    commands += [AttachDocument(name=d.digest[:16], document=d, after=(CASE,)) for d in documents]
    waited = matter.is_open() and matter.stage == WAITING_FOR_CUSTOMER
    return Decision(
        reason=f"the customer wrote, with {len(documents)} files",
        commands=tuple(commands),
        stage=IN_REVIEW if waited else None,
    )


def _needs(connection: str, files: Iterable[File]) -> list[Need]:
    return [Need(fact="document", subject=_place(connection, f), required=False) for f in files if _elsewhere(f)]


def _elsewhere(file: File) -> bool:
    return file.document is None and bool(file.id)


def _place(connection: str, file: File) -> Subject:
    return Subject(connection, "file", file.id)


def _documents(connection: str, files: Iterable[File], facts: Facts) -> tuple[list[Document], list[str]]:
    """What can be attached, and the names of what cannot, with the reason where one is known."""
    documents, left_out = [], []
    for file in files:
        found = facts.get("document", _place(connection, file), Document) if _elsewhere(file) else file.document
        if isinstance(found, Document):
            documents.append(found)
        else:
            why = f" ({found.why})" if isinstance(found, Missing) else ""
            left_out.append(f"{file.name or 'a file'}{why}")
    return documents, left_out
