"""What a shopper wrote or sent after the case was opened: told on the case, with the files."""

from __future__ import annotations

from caseconnect.sdk.casework.files import documents_of, file_needs
from caseconnect.sdk.casework.standing import IN_REVIEW, WAITING_FOR_CUSTOMER
from caseconnect.sdk.casework.text import one_line, quoted
from caseconnect.sdk.commands import CASE, AttachDocument, Command, CommentCase
from caseconnect.sdk.decisions import Decision, Facts, Matter, Needs
from caseconnect.sdk.events import CustomerReplied


def replied(event: CustomerReplied, matter: Matter, facts: Facts) -> Decision | Needs:
    """Put the message and its files on the matter's case, once. A case that waited for it is in review again."""
    reply = event.record
    if reply is None or matter.state == "none":
        return Decision(reason="a shopper wrote, and no matter is worked here")
    if event.reference and event.reference != matter.reference:
        return Decision(reason="a shopper wrote about another matter")
    needs = facts.lacking(file_needs(event.item.connection, reply.files))
    if needs:
        return Needs(needs=needs)
    documents, left_out = documents_of(event.item.connection, reply.files, facts)
    lines = [f"The customer wrote:\n{quoted(reply.text) or '(no message)'}"]
    if documents:
        lines.append("Files: " + one_line(", ".join(d.name for d in documents), 500))
    if left_out:
        lines.append("Files that were not taken: " + one_line(", ".join(left_out), 500))
    commands: list[Command] = [CommentCase(name=f"reply:{event.item.id}", text="\n\n".join(lines), after=(CASE,))]
    commands += [AttachDocument(name=d.digest[:16], document=d, after=(CASE,)) for d in documents]
    waited = matter.is_open() and matter.stage == WAITING_FOR_CUSTOMER
    return Decision(
        reason=f"the customer wrote, with {len(documents)} files",
        commands=tuple(commands),
        stage=IN_REVIEW if waited else None,
    )
