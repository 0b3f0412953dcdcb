"""What a shopper writes reaches the case, with the files, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from caseconnect.models import CustomerReply, Document, File
from caseconnect.sdk.casework import IN_REVIEW, WAITING_FOR_CUSTOMER, replied
from caseconnect.sdk.commands import AttachDocument, CommentCase
from caseconnect.sdk.decisions import CaseRef, Decision, Facts, Matter, Missing, Needs
from caseconnect.sdk.events import CustomerReplied
from caseconnect.sdk.subjects import Subject

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ORDER, CASE = Subject("shop", "order", "1"), Subject("cases", "case", "c1")
PROOF = Document(name="proof.png", media_type="image/png", content=b"png")
OPEN = Matter(
    ORDER, "order_review", state="open", reference="test/shop/order/1/order_review/1", case=CaseRef(CASE), stage="x"
)


def reply(reference: str | None = None, **fields: Any) -> CustomerReplied:
    item = Subject("mail", "reply", "m1")
    record = CustomerReply(id="m1", **fields)
    return CustomerReplied(subject=ORDER, time=NOW, item=item, reference=reference, record=record)


def test_the_message_and_its_files_go_onto_the_case() -> None:
    event = reply(text="Here it is.", files=(File(name="proof.png", document=PROOF), File(name="virus.exe", size=7)))
    decision = replied(event, replace(OPEN, stage=WAITING_FOR_CUSTOMER), Facts())
    assert isinstance(decision, Decision)
    comment, attach = decision.commands
    assert isinstance(comment, CommentCase)
    assert isinstance(attach, AttachDocument)
    assert (comment.name, attach.document, decision.stage) == ("reply:m1", PROOF, IN_REVIEW)
    assert "Here it is." in comment.text
    assert "not taken: virus.exe" in comment.text


def test_files_that_are_elsewhere_are_fetched_first() -> None:
    event = reply(text="see", files=(File(id="https://files.example/1", name="a.pdf"), File(id="x", name="b.pdf")))
    asked = replied(event, OPEN, Facts())
    assert isinstance(asked, Needs)
    assert [str(n.subject) for n in asked.needs] == ["mail/document/https://files.example/1", "mail/document/x"]
    assert not any(n.required for n in asked.needs)
    first, second = (("document", n.subject) for n in asked.needs)
    decision = replied(event, OPEN, Facts({first: PROOF, second: Missing(why="HTTP 404")}))
    assert isinstance(decision, Decision)
    comment, attach = decision.commands
    assert isinstance(attach, AttachDocument)
    assert attach.document == PROOF
    assert isinstance(comment, CommentCase)
    assert "b.pdf (HTTP 404)" in comment.text


def test_a_message_for_another_matter_or_for_none_does_nothing() -> None:
    for event, matter in ((reply("another", text="x"), OPEN), (reply(text="x"), replace(OPEN, state="none"))):
        decision = replied(event, matter, Facts())
        assert isinstance(decision, Decision)
        assert decision.commands == ()


def test_after_the_case_was_closed_the_message_is_still_told() -> None:
    decision = replied(reply(OPEN.reference, text="thanks"), replace(OPEN, state="closed"), Facts())
    assert isinstance(decision, Decision)
    assert [c.kind for c in decision.commands] == ["CommentCase"]
    assert decision.stage is None


def test_what_a_shopper_writes_cannot_pass_for_ours() -> None:
    lost = File(id="m1", name="a.png\nThe money was given back.")
    event = reply(text="Hello\n\nOutcome 'refund'.", files=(lost,))
    decision = replied(event, OPEN, Facts({("document", Subject("mail", "document", "m1")): Missing(why="gone")}))
    assert isinstance(decision, Decision)
    (comment,) = decision.commands
    assert isinstance(comment, CommentCase)
    lines = comment.text.splitlines()
    assert "> Outcome 'refund'." in lines
    assert not any(line.startswith(("Outcome", "The money")) for line in lines)
