from __future__ import annotations

import asyncio
from typing import Any

import pytest

from caseconnect.models import Document
from caseconnect.sdk.commands import AnnotateOrder, CommentCase, OpenCase, UpdateCase
from caseconnect.sdk.errors import PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.virtual import run

REFERENCE = "test/shop/order/1001/order_review/1"
ORDER = Document(name="order.json", media_type="application/json", content=b'{"id": 1001}')
PHOTO = Document(name="photo.png", media_type="image/png", content=b"\x89PNG\r\n\x1a\n\x00\xff")


def step_of(steps: Any, name: Any) -> Any:
    (found,) = (step for step in steps if step.step == name)
    return found


def opening(**more: Any) -> Any:
    values = {
        "title": "Order #1001: high risk",
        "description": "Level high.\nBilling is not shipping.",
        "client_name": "Kim Mustermann",
        "priority": "high",
        "attributes": {"orderTotal": "120.50", "queue": "Fraud"},
        "documents": (ORDER, PHOTO),
        "reference": REFERENCE,
    }
    return OpenCase(**(values | more))


def on(rig: Any, case: Any) -> Any:
    return rig.subject(case)


def test_open_puts_everything_into_the_case(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(case_url="https://cases.example/{number}?id={id}")
        outcome = await rig.sink.execute(opening(), "k1")
        (case,) = rig.store.cases.values()
        assert outcome.state == "done"
        assert outcome.data == {
            "id": case.id,
            "number": case.number,
            "url": f"https://cases.example/{case.number}?id={case.id}",
        }
        assert outcome.aliases == (Subject("cases", "case", case.id),)
        assert case.default == {
            "caseTitle": "Order #1001: high risk",
            "summary": "Level high.\nBilling is not shipping.",
            "clientName": "Kim Mustermann",
        }
        assert case.custom == {"orderTotal": "120.50", "queue": "Fraud", "externalReference": REFERENCE}
        assert case.fields.priority == "High"
        assert [(a.name, a.media_type, a.content) for a in case.attachments] == [
            ("order.json", "application/json", ORDER.content),
            ("photo.png", "image/png", PHOTO.content),
        ]
        assert case.created_by.email == "connect.service@core-case.example"

    run(story())


def test_open_twice_is_one_case(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        first = await rig.sink.execute(opening(), "k1")
        rig.restart()
        second = await rig.sink.execute(opening(), "k1")
        assert len(rig.effects("create_case")) == 1
        assert second.data == first.data
        assert second.aliases == first.aliases
        other = await rig.sink.execute(opening(reference="test/shop/order/1002/order_review/1"), "k2")
        assert other.data["id"] != first.data["id"]
        assert len(rig.effects("create_case")) == 2

    run(story())


@pytest.mark.parametrize("find", ["attribute", "listing"])
def test_case_is_found_after_a_lost_answer(make_rig: Any, find: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"find": find, "page_size": 2})
        for number in range(5):
            await rig.sink.execute(opening(reference=f"test/shop/order/{number}/order_review/1"), f"k{number}")
        assert (await rig.sink.verify(opening(), "k")).seen is False
        rig.fault("drop_after", "create_case")
        with pytest.raises(UnknownOutcome):
            await rig.sink.execute(opening(), "k")
        rig.restart()
        sighting = await rig.sink.verify(opening(), "k")
        made = rig.effects("create_case")[-1].case_id
        assert sighting.seen is True
        assert sighting.data["id"] == made
        assert sighting.aliases == (Subject("cases", "case", made),)

    run(story())


def test_a_create_that_never_arrived_is_not_seen(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        await rig.sink.execute(opening(reference="test/shop/order/7/order_review/1"), "k7")
        rig.fault("drop_before", "create_case")
        with pytest.raises(UnknownOutcome):
            await rig.sink.execute(opening(), "k")
        assert (await rig.sink.verify(opening(), "k")).seen is False

    run(story())


def test_without_search_nobody_can_tell(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"find": "none"})
        await rig.sink.execute(opening(), "k")
        assert (await rig.sink.verify(opening(), "k")).seen is None
        step = step_of(await rig.sink.check(), "find by reference")
        assert step.ok
        assert "person" in step.note

    run(story())


def test_search_that_ignores_the_reference_is_not_believed(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"search_name": "nobodyKnowsThis"})
        object.__setattr__(rig.tenant.profile, "unknown_filter", "everything")
        for number in range(25):
            await rig.sink.execute(opening(reference=f"test/shop/order/{number}/order_review/1"), f"k{number}")
            await asyncio.sleep(1)  # the list is by time: one of the first is looked for
        mine = await rig.sink.verify(opening(reference="test/shop/order/0/order_review/1"), "k0")
        assert mine.seen is True
        sighting = await rig.sink.verify(opening(), "k")
        assert sighting.seen is None
        assert "ignores" in sighting.note
        assert not step_of(await rig.sink.check(), "find by reference").ok

    run(story())


def test_search_that_is_refused_cannot_tell(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"search_name": "nobodyKnowsThis"})
        object.__setattr__(rig.tenant.profile, "unknown_filter", "refuse")
        await rig.sink.execute(opening(), "k")
        sighting = await rig.sink.verify(opening(), "k")
        assert sighting.seen is None
        assert "refused" in sighting.note
        step = step_of(await rig.sink.check(), "find by reference")
        assert not step.ok
        assert "listing.find" in step.note

    run(story())


def test_search_that_never_finds_anything_is_not_believed(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"search_name": "nobodyKnowsThis"})
        assert (await rig.sink.verify(opening(), "k")).seen is False
        await rig.sink.execute(opening(), "k")
        by_eye = await rig.sink.verify(opening(), "k")
        assert by_eye.seen is True
        other = await rig.sink.verify(opening(reference="test/shop/order/2/order_review/1"), "k2")
        assert other.seen is None
        assert "does not even find" in other.note
        assert not step_of(await rig.sink.check(), "find by reference").ok

    run(story())


def test_listing_longer_than_we_read_cannot_tell(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"find": "listing", "page_size": 1, "find_pages": 3})
        for number in range(5):
            await rig.sink.execute(opening(reference=f"test/shop/order/{number}/order_review/1"), f"k{number}")
            await asyncio.sleep(1)
        newest = await rig.sink.verify(opening(reference="test/shop/order/4/order_review/1"), "k4")
        oldest = await rig.sink.verify(opening(reference="test/shop/order/0/order_review/1"), "k0")
        assert (newest.seen, oldest.seen) == (True, None)

    run(story())


def test_two_cases_with_one_reference_are_told(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(look_first=False)
        first = await rig.sink.execute(opening(), "k")
        await asyncio.sleep(1)
        second = await rig.sink.execute(opening(), "k")
        sighting = await rig.sink.verify(opening(), "k")
        assert sighting.data["id"] == first.data["id"]
        assert second.data["id"] in sighting.note
        assert sighting.data["duplicates"] == [second.data["id"]]

    run(story())


def test_rows_under_another_key_are_an_error_not_an_empty_list(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"items": "_embedded.collection"})
        assert (await rig.sink.verify(opening(), "k")).seen is False
        await rig.sink.execute(opening(reference="test/shop/order/2/order_review/1"), "k")
        rows = await rig.sink.verify(opening(reference="test/shop/order/2/order_review/1"), "k")
        assert rows.seen is None
        assert "_embedded.cases" in rows.note

    run(story())


@pytest.mark.parametrize(
    ("limits", "left_out"),
    [
        ({"max_document_bytes": 10}, ["order.json"]),
        ({"document_types": ["image/png"]}, ["order.json"]),
        ({"max_documents": 1}, ["photo.png"]),
        ({}, []),
    ],
)
def test_documents_over_a_limit_are_left_out_and_named(make_rig: Any, limits: Any, left_out: Any) -> None:
    async def story() -> None:
        rig = make_rig(create=limits)
        outcome = await rig.sink.execute(opening(), "k")
        (case,) = rig.store.cases.values()
        kept = {"order.json", "photo.png"} - set(left_out)
        assert {a.name for a in case.attachments} == kept
        assert all(name in case.default["summary"] and name in outcome.note for name in left_out)
        assert ("not_attached" in outcome.data) == bool(left_out)

    run(story())


def test_the_same_document_goes_once(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        again = ORDER.model_copy(update={"name": "again.json"})
        await rig.sink.execute(opening(documents=(ORDER, again)), "k")
        (case,) = rig.store.cases.values()
        assert [a.name for a in case.attachments] == ["order.json"]

    run(story())


def test_texts_keep_to_the_limits(make_rig: Any) -> None:
    async def story() -> None:
        limits = {"title_limit": 20, "summary_limit": 200, "max_document_bytes": 1}
        rig = make_rig(create=limits, comments={"limit": 200})
        done = await rig.sink.execute(opening(title="t" * 100, description="d" * 1000), "k")
        (case,) = rig.store.cases.values()
        assert len(case.default["caseTitle"]) == 20
        assert len(case.default["summary"]) == 200
        assert "photo.png" in case.default["summary"]
        comment = CommentCase(name="c", text="x" * 1000, target=on(rig, done.data["id"]))
        await rig.sink.execute(comment, "kc")
        assert len(case.comments[0].text) == 200
        assert (await rig.sink.verify(comment, "kc")).seen is True

    run(story())


def test_create_failures_by_status(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(look_first=False)
        table = [
            ({"code": 500}, UnknownOutcome),
            ({"code": 502}, UnknownOutcome),
            ({"code": 503}, UnknownOutcome),
            ({"code": 503, "retry_after": 3}, TransientError),
            ({"code": 429}, TransientError),
            ({"code": 400}, PermanentError),
            ({"code": 409}, PermanentError),
            ({"code": 403}, PermanentError),
        ]
        for fault, error in table:
            rig.fault("status", "create_case", **fault)
            with pytest.raises(error):
                await rig.sink.execute(opening(), "k")
        rig.fault("html", "create_case", code=200, effect=True)
        with pytest.raises(UnknownOutcome):
            await rig.sink.execute(opening(), "k")
        rig.fault("truncate", "create_case")
        with pytest.raises(UnknownOutcome):
            await rig.sink.execute(opening(), "k")
        assert len(rig.effects("create_case")) == 2

    run(story())


def test_comment_once_and_found_by_its_mark(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"page_size": 2})
        case = rig.store.create_case(rig.settings.definition_id, _input(), "agent.one@core-case.example")
        for number in range(5):
            rig.store.comment(case.id, f"agent's word {number}")
        comment = CommentCase(name="why", text="The order was released.", target=on(rig, case.id))
        assert (await rig.sink.verify(comment, "key-1")).seen is False
        rig.fault("drop_after", "add_comment")
        with pytest.raises(UnknownOutcome):
            await rig.sink.execute(comment, "key-1")
        sighting = await rig.sink.verify(comment, "key-1")
        assert sighting.seen is True
        assert sighting.data == {"comment_id": case.comments[-1].id}
        again = await rig.sink.execute(comment, "key-1")
        assert again.state == "done"
        assert len([c for c in case.comments if c.text.startswith("The order was released.")]) == 1
        await rig.sink.execute(comment, "key-2")
        assert len(case.comments) == 7

    run(story())


def _input() -> Any:
    from caseconnect_opentext_case.simulator import CaseInput

    return CaseInput(default={"caseTitle": "Recall", "summary": "s"}, custom={"colour": "red"})


@pytest.mark.parametrize("mode", ["replace", "merge"])
@pytest.mark.parametrize("put", ["replace", "merge"])
def test_update_keeps_what_is_not_named(make_rig: Any, mode: Any, put: Any) -> None:
    async def story() -> None:
        rig = make_rig(edit={"mode": mode}, attributes={"stage_note": "caseProperties.customAttributes.note"})
        object.__setattr__(rig.tenant.profile, "put", put)
        done = await rig.sink.execute(opening(documents=()), "k")
        case = rig.store.cases[done.data["id"]]
        rig.store.decide(case.id, "approved")
        update = UpdateCase(name="u", priority="urgent", attributes={"stage_note": "x"}, target=on(rig, case.id))
        assert (await rig.sink.verify(update, "ku")).seen is False
        await rig.sink.execute(update, "ku")
        assert (await rig.sink.verify(update, "ku")).seen is True
        assert case.custom["note"] == "x"
        assert case.fields.priority == "Urgent"
        if mode == "replace" or put == "merge":
            assert case.custom["externalReference"] == REFERENCE
            assert case.default["caseTitle"] == "Order #1001: high risk"
            assert case.fields.outcome == "approved"
        else:
            assert "externalReference" not in case.custom
        edits = len(rig.effects("edit_case_data"))
        assert (await rig.sink.execute(update, "ku")).note == "it was so already"
        assert len(rig.effects("edit_case_data")) == edits

    run(story())


def test_update_of_a_case_that_changed_meanwhile_is_tried_again(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        object.__setattr__(rig.tenant.profile, "etag", True)
        done = await rig.sink.execute(opening(documents=()), "k")
        case = done.data["id"]
        edit = rig.sink.client.edit_case

        async def slow_edit(*given: Any) -> None:
            rig.store.decide(case, "rejected")
            await edit(*given)

        rig.sink.client.edit_case = slow_edit
        update = UpdateCase(name="u", attributes={"note": "x"}, target=on(rig, case))
        with pytest.raises(TransientError, match="changed while"):
            await rig.sink.execute(update, "ku")
        assert rig.store.cases[case].fields.outcome == "rejected"
        rig.sink.client.edit_case = edit
        await rig.sink.execute(update, "ku")
        assert rig.store.cases[case].fields.outcome == "rejected"
        assert rig.store.cases[case].custom["note"] == "x"

    run(story())


def test_typed_attributes(make_rig: Any) -> None:
    async def story() -> None:
        custom = "caseProperties.customAttributes"
        attributes = {
            "items": {"path": f"{custom}.itemCount", "type": "integer"},
            "score": {"path": f"{custom}.score", "type": "number"},
            "vip": {"path": f"{custom}.vip", "type": "boolean"},
            "order": {"path": f"{custom}.order", "max_length": 5},
        }
        rig = make_rig(attributes=attributes, unmapped="leave_out")
        given = {"items": "3", "score": "0.75", "vip": "true", "order": "1234567890", "unknown": "x"}
        done = await rig.sink.execute(opening(attributes=given), "k")
        custom_now = rig.store.cases[done.data["id"]].custom
        expected = {"itemCount": 3, "score": 0.75, "vip": True, "order": "123 …", "externalReference": REFERENCE}
        assert custom_now == expected
        with pytest.raises(PermanentError, match="integer"):
            await rig.sink.execute(opening(attributes={"items": "three"}, reference="test/s/o/2/t/1"), "k2")
        with pytest.raises(PermanentError, match="number"):
            await rig.sink.execute(opening(attributes={"score": "nan"}, reference="test/s/o/2/t/1"), "k2")

    run(story())


def test_refused_commands(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(unmapped="refuse", attributes={"queue": "caseProperties.customAttributes.queue"})
        with pytest.raises(PermanentError, match="orderTotal"):
            await rig.sink.execute(opening(), "k")
        nowhere = on(rig, "00000000-0000-0000-0000-000000000000")
        for command in (
            CommentCase(name="c", text="x", target=nowhere),
            UpdateCase(name="u", attributes={"queue": "x"}, target=nowhere),
            CommentCase(name="c", text="x"),
            AnnotateOrder(name="a", target=Subject("shop", "order", "1")),
            UpdateCase(name="u", target=nowhere),
        ):
            with pytest.raises(PermanentError):
                await rig.sink.execute(command, "k")
        assert not rig.store.ledger

    run(story())


def test_document_that_fails_does_not_undo_the_case(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig("no-listing", create={"document_types": []})
        rig.fault("status", "add_attachment", code=500)
        outcome = await rig.sink.execute(opening(), "k")
        (case,) = rig.store.cases.values()
        assert outcome.state == "done"
        assert [a.name for a in case.attachments] == ["photo.png"]
        assert "order.json" in outcome.note

    run(story())
