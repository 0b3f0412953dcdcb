"""Answers to returns, and what is shown on orders and customers: notes, tags, metafields, risk, evidence."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from caseconnect.models import Document
from caseconnect.sdk.commands import (
    AnnotateCustomer,
    AnnotateOrder,
    ApproveReturn,
    AssessRisk,
    DeclineReturn,
    ExchangeReturn,
    HoldOrder,
    NoteOrder,
    SubmitEvidence,
)
from caseconnect.sdk.commands.money import Item
from caseconnect.sdk.errors import PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.http import Response
from caseconnect.sdk.subjects import Subject
from caseconnect_shopify.evidence import Evidence
from caseconnect_shopify.simulator import Order
from caseconnect_shopify.simulator.world import catalogue, disputes, fulfilment, orders, returns, staff
from caseconnect_shopify.simulator.world.aftersale import Dispute, ExchangeLine, Return, ReturnLine
from caseconnect_shopify.simulator.world.definitions import Definition

LINES = [{"title": "Mug", "price": "20.00", "quantity": 2, "sku": "MUG"}]
EVIDENCE = "read_shopify_payments_dispute_evidences write_shopify_payments_dispute_evidences"
TEA = catalogue.product_of("TEA") + 1
Stage = Any


def make_order(stage: Stage, **more: Any) -> Order:
    made: Order = stage.order(**{"lines": LINES, "customer": {"email": "jane@shopper.example"}, **more})
    return made


def at(order: Order) -> Subject:
    return Subject("shop", "order", str(order.id))


def asked(stage: Stage, status: str = "REQUESTED", exchanged: int = 0) -> Return:
    order = make_order(stage)
    catalogue.add(stage.shop, {"title": "Tea", "sku": "TEA", "price": "9.50"})
    number, line, _ = fulfilment.fulfill(stage.shop, order, {}).lines[0]
    swap = [ExchangeLine(stage.shop.next_id(), TEA, exchanged, Decimal("9.50"), "Tea", "TEA")] if exchanged else []
    goods = [ReturnLine(stage.shop.next_id(), line, number, 1)]
    return returns.start(stage.shop, order, goods, status, exchanges=swap)


def subject(found: Return) -> Subject:
    return Subject("shop", "return", str(found.id))


def approve(found: Return) -> ApproveReturn:
    return ApproveReturn(target=Subject("shop", "order", str(found.order_id)), returned=subject(found))


def decline(found: Return, **more: Any) -> DeclineReturn:
    return DeclineReturn(target=Subject("shop", "order", str(found.order_id)), returned=subject(found), **more)


def exchange(found: Return, *items: Item) -> ExchangeReturn:
    wanted = items or (Item(sku="TEA", quantity=1),)
    return ExchangeReturn(target=Subject("shop", "order", str(found.order_id)), returned=subject(found), items=wanted)


def test_a_return_is_approved_once(stage: Stage) -> None:
    found = asked(stage)
    assert stage.seen(approve(found)).seen is False
    assert stage.do(approve(found)).state == "done"
    assert (found.status, stage.seen(approve(found)).seen) == ("OPEN", True)
    assert stage.do(approve(found)).note == "it was answered so already"
    assert stage.do(decline(found)).state == "refused"
    assert stage.effects() == ["return_approve"]


def test_a_return_is_declined_with_its_reason(stage: Stage) -> None:
    found = asked(stage)
    command = decline(found, cause="return_period_ended", note="after 90 days")
    assert stage.do(command).state == "done"
    assert (found.status, found.decline_reason, found.decline_note) == (
        "DECLINED",
        "RETURN_PERIOD_ENDED",
        "after 90 days",
    )
    assert stage.seen(command).seen is True
    assert "declined" in stage.do(approve(found)).note


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_lost_answer_to_an_answer(kind: str, stage: Stage) -> None:
    found = asked(stage)
    stage.fault(kind, "returnApproveRequest")
    with pytest.raises(UnknownOutcome):
        stage.do(approve(found))
    assert stage.seen(approve(found)).seen is (kind == "drop_after")
    assert stage.do(approve(found)).state == "done"
    assert stage.effects() == ["return_approve"]


def test_an_answer_that_was_given_meanwhile_is_not_an_error(stage: Stage) -> None:
    found = asked(stage)
    stage.fault("late", "returnApproveRequest", seconds=1)
    with pytest.raises(UnknownOutcome):
        stage.do(approve(found))
    stage.clock.forward(2)
    assert stage.do(approve(found)).state == "done"
    assert stage.effects() == ["return_approve"]


def test_the_exchange_items_of_a_return_are_sent(stage: Stage) -> None:
    found = asked(stage, "OPEN", exchanged=2)
    assert stage.seen(exchange(found)).seen is False
    assert stage.do(exchange(found)).state == "done"
    assert (found.exchanges[0].processed, stage.seen(exchange(found)).seen) == (1, True)
    assert stage.do(exchange(found)).note == "they were sent off already"
    assert stage.do(exchange(found, Item(variant=str(TEA), quantity=2))).state == "done"
    assert found.exchanges[0].processed == 2
    assert stage.effects() == ["return_process", "return_process"]


@pytest.mark.parametrize(("status", "exchanged"), [("OPEN", 0), ("REQUESTED", 0), ("OPEN", 2)])
def test_exchange_items_that_are_not_on_the_return(status: str, exchanged: int, stage: Stage) -> None:
    found = asked(stage, status, exchanged=exchanged)
    outcome = stage.do(exchange(found, Item(sku="TEA", quantity=3)))
    assert outcome.state == "refused"
    assert "add them in the admin, or send a replacement" in outcome.note
    assert stage.seen(exchange(found, Item(sku="TEA", quantity=3))).seen is False


def test_an_exchange_item_named_twice_is_sent_twice(stage: Stage) -> None:
    found = asked(stage, "OPEN", exchanged=2)
    twice = exchange(found, Item(sku="TEA", quantity=1), Item(variant=str(TEA), quantity=1))
    assert stage.do(exchange(found)).state == "done"
    assert stage.seen(twice).seen is False
    assert stage.do(twice).state == "done"
    assert (found.exchanges[0].processed, stage.seen(twice).seen) == (2, True)


def test_only_an_open_return_is_exchanged(stage: Stage) -> None:
    found = asked(stage, "OPEN", exchanged=1)
    returns.close(stage.shop, found)
    assert "closed" in stage.do(exchange(found)).note


def note(order: Order, text: str = "looked at by the case team", title: str = "Case 7") -> NoteOrder:
    return NoteOrder(target=at(order), title=title, text=text)


def notes(order: Order) -> str:
    return order.metafields["connect", "notes"].value


def test_notes_are_added_and_what_staff_wrote_stays(stage: Stage) -> None:
    order = make_order(stage, note="call before delivery")
    assert stage.do(note(order), "a").state == "done"
    assert stage.do(note(order), "a").note == "it was there already"
    assert stage.do(note(order), "b").state == "done"
    assert stage.do(note(order, "approved", ""), "c").state == "done"
    assert order.note == "call before delivery"
    assert notes(order).count("looked at by the case team") == 2
    assert stage.seen(note(order), "c").seen is True
    assert stage.seen(note(order), "d").seen is False
    assert stage.effects() == ["metafields_set"] * 3


@pytest.mark.parametrize("text", ["", "x" * 60_000])
def test_a_note_that_cannot_be(text: str, stage: Stage) -> None:
    assert stage.do(note(make_order(stage), text, "")).state == "refused"
    assert stage.effects() == []


@pytest.mark.parametrize("seconds", [5, 100])
def test_a_late_note_is_written_once(seconds: int, stage: Stage) -> None:
    order = make_order(stage)
    stage.fault("late", "metafieldsSet", seconds=seconds)
    with pytest.raises(UnknownOutcome):
        stage.do(note(order), "a")
    stage.clock.forward(10)
    assert stage.do(note(order), "a").state == "done"
    assert stage.do(note(order, "second"), "b").state == "done"
    stage.clock.forward(200)
    assert stage.seen(note(order), "a").seen is True
    assert notes(order).count("looked at by the case team") == 1
    assert "second" in notes(order)


def test_somebody_who_was_faster_is_not_overwritten(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order = make_order(stage)
    stage.do(AnnotateOrder(target=at(order), attributes={"status": "open"}))
    run = stage.sink._client.run

    async def meanwhile(operation: Any, variables: Any) -> Any:
        answer = await run(operation, variables)
        if operation.name == "ConnectAnnotations":
            field = order.metafields["connect", "status"]
            field.value, field.digest = "theirs", "another"
        return answer

    monkeypatch.setattr(stage.sink._client, "run", meanwhile)
    with pytest.raises(TransientError, match="just now"):
        stage.do(AnnotateOrder(target=at(order), attributes={"status": "closed"}))
    assert order.metafields["connect", "status"].value == "theirs"


def test_a_metafield_is_of_the_type_that_its_definition_wants(stage: Stage) -> None:
    order = make_order(stage)
    stage.shop.definitions[1] = Definition(1, "ORDER", "connect", "case_url", "Case", "url")
    values = {"case_url": "https://cases.example/7", "status": "open"}
    assert stage.do(AnnotateOrder(target=at(order), attributes=values)).state == "done"
    kinds = {key: field.type for (_, key), field in order.metafields.items()}
    assert kinds == {"case_url": "url", "status": "multi_line_text_field"}


def test_a_customer_is_annotated_by_order_or_by_number(stage: Stage) -> None:
    order = make_order(stage)
    customer = order.customer
    assert customer is not None
    command = AnnotateCustomer(target=at(order), add_tags=("watch",), attributes={"case": "7"})
    assert stage.seen(command).seen is False
    assert stage.do(command).state == "done"
    direct = command.model_copy(update={"target": Subject("shop", "customer", str(customer.id))})
    assert stage.seen(direct).seen is True
    assert (customer.tags, order.tags) == (["watch"], [])
    guest = command.model_copy(update={"target": at(make_order(stage, customer=None))})
    assert "no customer" in stage.do(guest).note
    assert stage.seen(guest).seen is False


def test_risk_is_told_once_and_the_newest_counts(stage: Stage) -> None:
    order = make_order(stage, risk={"level": "HIGH", "facts": ["unusual"]})
    low = AssessRisk(target=at(order), level="low", facts=("known", "called back"))
    high = AssessRisk(target=at(order), level="high", facts=("known",))
    assert stage.seen(low).seen is False
    assert stage.do(low).state == "done"
    assert stage.do(low).note == "it was so already"
    assert stage.do(high).state == "done"
    assert (stage.seen(low).seen, stage.seen(high).seen) == (False, True)
    assert order.assessments[-1].facts == [("known", "NEGATIVE")]
    fulfilment.fulfill(stage.shop, order, {})
    assert "fulfilled" in stage.do(low).note
    assert stage.effects() == ["risk_assessment", "risk_assessment"]


def paper(name: str, content: bytes = b"%PDF") -> Document:
    return Document(name=name, media_type="application/pdf", content=content)


def evidence(found: Dispute, *papers: Document, **more: Any) -> SubmitEvidence:
    about = Subject("shop", "dispute", str(found.id))
    return SubmitEvidence(target=Subject("shop", "order", str(found.order_id)), dispute=about, documents=papers, **more)


@pytest.fixture
def court(make_stage: Any) -> Any:
    stage = make_stage()
    stage.shop.scopes |= set(EVIDENCE.split())
    return stage


def test_evidence_is_kept_at_shopify_and_sent_only_when_asked_for(court: Stage) -> None:
    found = disputes.add(court.shop, make_order(court), {})
    papers = (paper("tracking.pdf"), paper("mail-with-shopper.pdf", b"%PDF mail"), paper("invoice.pdf", b"%PDF inv"))
    kept = evidence(found, *papers, text="It was delivered.")
    assert court.seen(kept).seen is False
    assert court.do(kept).state == "done"
    assert (found.submitted, court.seen(kept).seen) == (False, True)
    assert sorted(k for k in found.evidence if k.endswith("File")) == [
        "customerCommunicationFile",
        "shippingDocumentationFile",
        "uncategorizedFile",
    ]
    assert court.do(kept).note == "it was there already"
    send = evidence(found, *papers, text="It was delivered.", send=True)
    assert court.seen(send).seen is False
    assert court.do(send).state == "done"
    assert (found.submitted, court.seen(send).seen) == (True, True)
    more = evidence(found, paper("late.pdf", b"%PDF late"), send=True)
    assert "too late" in court.do(more).note
    assert court.effects() == ["dispute_evidence", "dispute_evidence"]


def test_one_file_of_each_kind(court: Stage) -> None:
    found = disputes.add(court.shop, make_order(court), {})
    three = [paper(f"tracking-{n}.pdf", f"%PDF {n}".encode()) for n in range(3)]
    outcome = court.do(evidence(found, *three))
    assert "tracking-2.pdf" in outcome.note
    assert court.do(evidence(found, *three[:2])).state == "done", "the second goes to the uncategorized ones"


def test_evidence_that_comes_too_late(court: Stage) -> None:
    found = disputes.add(court.shop, make_order(court), {"evidence_due_days": 1})
    court.clock.forward(2 * 86_400)
    assert "past due" in court.do(evidence(found, text="It was delivered.")).note


def test_without_the_scope_evidence_is_refused_by_its_name(stage: Stage) -> None:
    found = disputes.add(stage.shop, make_order(stage), {})
    with pytest.raises(PermanentError, match="read_shopify_payments_dispute_evidences"):
        stage.do(evidence(found, text="It was delivered."))
    stage.shop.scopes |= {"read_shopify_payments_dispute_evidences"}
    with pytest.raises(PermanentError, match="write_shopify_payments_dispute_evidences"):
        stage.do(evidence(found, text="It was delivered."))
    assert stage.effects() == []


@pytest.mark.parametrize(
    ("status", "error"), [(503, TransientError), (429, TransientError), (404, PermanentError), (302, PermanentError)]
)
def test_a_file_that_is_not_taken(status: int, error: type[Exception], court: Stage) -> None:
    found = disputes.add(court.shop, make_order(court), {})

    class Storage:
        async def request(self, method: str, path: str, **more: Any) -> Response:
            assert "x-shopify-access-token" not in (more.get("headers") or {})
            return Response(status, {"location": "https://elsewhere.example/"}, b"")

    made = Evidence(court.sink._client, lambda origin: Storage())  # type: ignore[arg-type,return-value]
    with pytest.raises(error):
        asyncio.run(made.submit(evidence(found, paper("tracking.pdf")), "k"))
    assert court.effects() == []


def test_no_file_goes_over_a_plain_line(court: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    found = disputes.add(court.shop, make_order(court), {})
    run = court.sink._client.run

    async def plain(operation: Any, variables: Any) -> Any:
        answer = await run(operation, variables)
        if operation.name == "ConnectStageUploads":
            answer["stagedUploadsCreate"]["stagedTargets"][0]["url"] = "http://storage.example/x?signed=1"
        return answer

    monkeypatch.setattr(court.sink._client, "run", plain)
    with pytest.raises(PermanentError, match="must use https"):
        court.do(evidence(found, paper("tracking.pdf")))


def test_goods_that_an_edit_a_move_or_a_split_left_unheld_are_held_too(stage: Stage) -> None:
    order = make_order(stage)
    command = HoldOrder(target=at(order), cause="fraud")
    first = stage.do(command)
    assert (first.state, stage.seen(command).seen) == ("done", True)
    orders.edit(stage.shop, order, {"add": [{"title": "Cup", "price": "5.00"}]})
    assert stage.seen(command).seen is False
    assert stage.do(command).state == "done"
    staff.move_goods(stage.shop, order, {"location": 2})
    assert stage.seen(command).seen is False
    assert stage.do(command, "another-key").state == "done"
    assert stage.seen(command).seen is True
    still_open = [fo for fo in order.fulfillment_orders if fo.status not in {"CLOSED", "CANCELLED"}]
    assert all(fo.holds for fo in still_open)


def test_what_a_person_released_is_not_held_again_by_the_same_command(stage: Stage) -> None:
    order = make_order(stage, lines=[*LINES, {"title": "Cup", "price": "5.00"}], split=True)
    command = HoldOrder(target=at(order), cause="fraud")
    first = stage.do(command)
    again = command.model_copy(update={"receipt": first.data})
    fulfilment.release(stage.shop, order.fulfillment_orders[0])
    assert stage.seen(again).seen is True, "one part is held, the other was released by a person"
    orders.edit(stage.shop, order, {"add": [{"title": "Tea", "price": "5.00"}]})
    assert stage.seen(again).seen is False
    second = stage.do(again)
    held = [bool(fo.holds) for fo in order.fulfillment_orders]
    assert held == [False, True, True]
    fulfilment.release_by_hand(stage.shop, order)
    last = stage.do(command.model_copy(update={"receipt": second.data}))
    assert (last.state, last.note) == ("done", "a person released it")
