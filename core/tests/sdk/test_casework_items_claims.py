from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest

from caseconnect.models import Customer, Dispute, Document, File, Order
from caseconnect.sdk.casework import Action, AppliesTo, CaseworkSettings, Requested, UseCase, Verdict, decide_item
from caseconnect.sdk.casework.actions import asks_of, uses_of
from caseconnect.sdk.casework.verdicts import left_out, not_applying
from caseconnect.sdk.commands import AdjustLoyalty, CorrectProfile, OpenCase, SubmitEvidence, UpdateCase, digest_of
from caseconnect.sdk.decisions import Finding, Missing
from caseconnect.sdk.events import DisputeChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import CASE_ID, ORDER, PLACED, Story, sample_order

OWN, FOREIGN = Subject("shop", "dispute", "9"), Subject("desk", "dispute", "9")
RECEIPT = Document(name="receipt.pdf", media_type="application/pdf", content=b"%PDF")
DUE = PLACED + timedelta(days=9)


class Policy(CaseworkSettings):
    names: ClassVar[tuple[str, ...]] = ("dispute",)
    actions: ClassVar[tuple[Action, ...]] = ("submit_evidence", "points", "correct_profile", "close")

    def sends_evidence(self) -> bool:
        return True


def reading(item: Dispute, order: Order | None) -> Requested:
    """What a dispute asks for."""
    return Requested(
        item.text,
        points=item.points,
        corrections=item.corrections,
        due=item.evidence_due_at,
        customer=item.customer_id,
    )


def judge(item: Dispute, *_: Any) -> list[Verdict]:
    """Every dispute counts, and again when its date moves."""
    ground = digest_of(item.id, item.evidence_due_at)
    return [Verdict("dispute", Finding(exception="dispute", ground=ground, summary="it is", arose_at=PLACED))]


USE = UseCase(name="disputing", exceptions=("dispute",), item=Dispute, reading=reading)


def decide(event: Any, matter: Any, facts: Any, settings: Any, now: Any) -> Any:
    """The use case of these tests."""
    return decide_item(USE, event, matter, facts, settings, now, judge=judge, over=lambda *_: None)


def story(outcome: str, item: Subject = OWN, *, alone: bool = False, **fields: Any) -> Story:
    """A dispute with its case open."""
    record = Dispute(**{"id": "9", "kind": "chargeback", **fields})
    policy = Policy.model_validate({"outcomes": {"yes": outcome}})
    event = DisputeChanged(subject=ORDER, item=item, time=PLACED, record=record)
    made = Story([("disputing", decide, policy)], item=event, alone=alone)
    made.told()
    made.settle("OpenCase")
    return made


def with_files(one: Story, *files: File, document: Any = RECEIPT, **more: Any) -> None:
    """The agent says yes; these files are on the case."""
    one.facts["document"] = document
    one.case_changed(outcome="yes", revision="r1", files=files, **more)


def test_the_day_that_a_bank_names_is_the_cases_deadline_and_moves_with_it() -> None:
    one = story("close", evidence_due_at=DUE)
    assert one.of(OpenCase)[0].due == DUE
    later = DUE + timedelta(days=1)
    one.told(Dispute(id="9", kind="chargeback", evidence_due_at=later))
    assert [c.due for c in one.of(UpdateCase)] == [later]


def test_documents_of_people_and_the_reason_are_handed_in_and_ours_are_not() -> None:
    one = story("submit_evidence")
    files = (File(id="c-1/a", name="receipt.pdf"), File(id="c-1/b", name="order-1001.json", ours=True))
    with_files(one, *files, attributes={"customer_reason": "It was delivered."})
    (evidence,) = one.of(SubmitEvidence)
    assert (evidence.dispute, evidence.target) == (OWN, ORDER)
    assert (evidence.documents, evidence.text, evidence.send) == ((RECEIPT,), "It was delivered.", True)
    assert [e.field for e in evidence.expects] == ["outcome", "attributes.customer_reason"]
    assert "being handed in: receipt.pdf" in one.comments()[0]
    one.settle("SubmitEvidence")
    assert "handed in" in one.comments()[-1]


def test_the_files_of_a_case_are_asked_for_only_by_who_hands_them_in() -> None:
    for outcome, asked in (("submit_evidence", True), ("close", False)):
        one = story(outcome)
        (flow,) = one.flows
        seen: list[Any] = []

        def watching(*given: Any, kept: Any = flow, into: Any = seen) -> Any:
            into.append(kept[1](*given))
            return into[-1]

        one.flows = [(flow[0], watching, flow[2])]
        with_files(one)
        (need,) = {n for answer in seen for n in getattr(answer, "needs", ()) if n.fact == "case"}
        assert ("files" in need.fields) is asked


@pytest.mark.parametrize(
    ("item", "files", "document", "says"),
    [
        (OWN, (), RECEIPT, "there is no evidence"),
        (OWN, (File(id="c-1/b", name="snapshot.json", ours=True),), RECEIPT, "there is no evidence"),
        (OWN, (File(id="c-1/a", name="a.pdf"),), Missing(why="HTTP 404"), "cannot be read: a.pdf (HTTP 404)"),
        (FOREIGN, (File(id="c-1/a", name="a.pdf"),), RECEIPT, "not the shop's own"),
    ],
)
def test_evidence_that_cannot_be_handed_in_is_not_and_the_case_says_why(
    item: Any, files: Any, document: Any, says: str
) -> None:
    one = story("submit_evidence", item)
    with_files(one, *files, document=document)
    assert one.of(SubmitEvidence) == []
    assert says in one.comments()[-1]
    assert len(one.alerts) == 1


@pytest.mark.parametrize(("outcome", "kind"), [("points", AdjustLoyalty), ("correct_profile", CorrectProfile)])
@pytest.mark.parametrize("alone", [True, False])
def test_a_profile_that_the_item_names_is_the_one_that_is_corrected(outcome: str, kind: Any, alone: bool) -> None:
    named: dict[str, Any] = {"kind": "profile", "points": 30, "corrections": {"lastName": "Sun"}}
    one = story(outcome, alone=alone, customer_id="RefArch/7", **named)
    one.case_changed(outcome="yes", revision="r1")
    assert [c.target for c in one.of(kind)] == [Subject("shop", "customer", "RefArch/7")]
    two = story(outcome, **named)
    two.case_changed(outcome="yes", revision="r1")
    assert [c.target for c in two.of(kind)] == [ORDER]


def test_the_profile_that_an_item_names_is_on_the_case() -> None:
    policy = Policy.model_validate({"outcomes": {"yes": "close"}, "description": "{customer}"})
    record = Dispute(id="9", kind="profile", customer_id="RefArch/7")
    one = Story([("disputing", decide, policy)], item=DisputeChanged(subject=OWN, item=OWN, time=PLACED, record=record))
    one.customer = Customer(id="RefArch/7", name="Jane Roe", orders_count=12)
    one.told()
    assert "12" in one.of(OpenCase)[0].description


def test_what_evidence_takes_is_asked_of_the_connections() -> None:
    policy = Policy.model_validate({"outcomes": {"yes": "submit_evidence"}})
    assert SubmitEvidence in asks_of(policy)
    assert SubmitEvidence in uses_of(Policy)
    assert SubmitEvidence not in asks_of(Policy.model_validate({"outcomes": {"yes": "close"}}))


def test_a_cancelled_order_may_still_be_disputed_and_a_test_order_not() -> None:
    gone = sample_order(cancelled_at=PLACED)
    assert not_applying(gone, AppliesTo()) == "the order is cancelled: cancelled orders open nothing"
    assert left_out(gone, AppliesTo()) is None
    assert left_out(sample_order(test=True), AppliesTo()) == "a test order: applies_to.test_orders is false"


def test_a_case_is_read_where_it_is() -> None:
    one = story("submit_evidence")
    one.case_changed(outcome="yes", revision="r1", attributes={"customer_reason": "x"})
    assert one.of(SubmitEvidence)[0].expects[0].subject == CASE_ID
