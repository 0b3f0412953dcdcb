"""Which complaints open a case, which join one, and what the case holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from caseconnect.models import Complaint, Document, File, LineItem, Order, Shipment
from caseconnect.sdk.casework import BLOCKED, CARRYING_OUT, IN_REVIEW, RESOLVED, WAITING_FOR_CUSTOMER
from caseconnect.sdk.commands import AttachDocument, OpenCase, UpdateCase
from caseconnect.sdk.decisions import ActedOn, Facts, Matter
from caseconnect.sdk.events import ComplaintChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import ORDER, PLACED, Story, money, sample_order
from caseconnect_complaints.asking import requested, text_of
from caseconnect_complaints.rules import decide, joins, judge
from caseconnect_complaints.settings import CATEGORIES, ComplaintsSettings

ITEM, OTHER = Subject("shop", "complaint", "RefArch/c1"), Subject("mail", "complaint", "m1")
PHOTO = Document(name="photo.png", media_type="image/png", content=b"png")
LINES = (
    LineItem(id="l1", title="Mug", sku="MUG", quantity=2, total=money("20")),
    LineItem(id="l2", title="Plate", sku="PLATE", quantity=1, total=money("30")),
)


def settings(**changes: Any) -> ComplaintsSettings:
    return ComplaintsSettings.model_validate(changes)


def complaint(**changes: Any) -> Complaint:
    """A broken plate."""
    fields: dict[str, Any] = {
        "id": "RefArch/c1",
        "category": "damaged",
        "text": "It came in pieces.",
        "skus": ("PLATE",),
        "email": "jane@shop.test",
        "created_at": PLACED,
        **changes,
    }
    return Complaint(**fields)


def story(told: Complaint | None = None, of: Order | None = None, *, alone: bool = False, **changes: Any) -> Story:
    """A complaint comes in."""
    event = ComplaintChanged(subject=ORDER, item=ITEM, time=PLACED, record=told or complaint())
    order = of or sample_order(lines=LINES, refundable=money("50"))
    made = Story([("complaints", decide, settings(**changes))], order, item=event, alone=alone)
    made.told()
    return made


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_complaint_opens_a_case_unless_its_category_is_left_out(category: Any) -> None:
    one = story(complaint(category=category))
    assert [f.exception for f in one.matter.findings] == [category]
    assert one.kinds() == ["OpenCase"]
    others = [c for c in CATEGORIES if c != category]
    none = story(complaint(category=category), categories=others)
    assert (none.kinds(), none.matter.state) == ([], "none")
    assert f"{category}: not in categories" in none.reasons[0]


@pytest.mark.parametrize(
    ("changes", "setting", "opens", "says"),
    [
        ({"test": True}, {}, False, "test_orders is false"),
        ({"test": True}, {"applies_to": {"test_orders": True}}, True, "in categories"),
        ({"channel": "pos"}, {}, True, "in categories"),
        ({"channel": "pos"}, {"applies_to": {"except_channels": ["pos"]}}, False, "except_channels"),
        ({"cancelled_at": PLACED}, {}, True, "in categories"),
        ({"delivery": ("pickup",)}, {}, True, "in categories"),
    ],
)
def test_which_orders_are_looked_at(changes: Any, setting: Any, opens: bool, says: str) -> None:
    one = story(of=sample_order(**changes), **setting)
    assert (bool(one.kinds()), says in one.reasons[0]) == (opens, True)


def test_the_case_holds_order_goods_parcels_letters_history_and_files() -> None:
    parcel = Shipment(
        id="s1", status="in_transit", created_at=PLACED, carrier="ACME", tracking_numbers=("T-1",), tracking_urls=()
    )
    told = complaint(
        files=(File(name="photo.png", document=PHOTO), File(name="film.mov")),
        tracking_numbers=("T-1",),
        name="Jane",
        subject="Broken",
        attributes={"box": "open"},
    )
    order = sample_order(lines=LINES, shipments=(parcel,), note="Ring twice", notes=("Called on Monday",))
    (opened,) = story(told, order).of(OpenCase)
    for part in ("It came in pieces.", "SKUs: PLATE", "Tracking numbers: T-1", "ACME, T-1", "2 x Mug", "3 orders"):
        assert part in opened.description
    for part in ("Ring twice", "Called on Monday", "box: open", "Subject: Broken", "Not attached: film.mov"):
        assert part in opened.description
    assert opened.title == "Complaint about order #1001: damaged"
    assert (opened.client_name, opened.priority) == ("Jane Roe", "high")
    assert [d.name for d in opened.documents] == ["photo.png", "order-1001.json"]
    assert b"pieces" not in opened.documents[1].content


def parcels(*delivered: int | None, promised: int | None = None) -> tuple[Shipment, ...]:
    day = timedelta(days=1)
    return tuple(
        Shipment(
            id=f"s{place}",
            status="success",
            created_at=PLACED,
            delivered_at=None if days is None else PLACED + days * day,
            estimated_delivery_at=None if promised is None else PLACED + promised * day,
        )
        for place, days in enumerate(delivered)
    )


@pytest.mark.parametrize(
    ("category", "shipments", "says"),
    [
        ("not_received", (), "the shop shipped nothing yet"),
        ("not_received", parcels(2), "the carrier says delivered 2026-11-04 09:00 UTC"),
        ("late", parcels(1, 3), "the carrier says delivered 2026-11-05"),
        ("late", parcels(1, None, promised=2), "1 of 2 parcels are delivered, promised for 2026-11-04"),
        ("late", parcels(None), "0 of 1 parcels are delivered"),
    ],
)
def test_what_the_shop_knows_of_the_parcels_stands_beside_the_complaint(
    category: Any, shipments: Any, says: str
) -> None:
    one = story(complaint(category=category), sample_order(shipments=shipments))
    assert says in one.matter.findings[0].summary
    assert says in one.reasons[0]
    assert "carrier" not in story(complaint(), sample_order(shipments=shipments)).matter.findings[0].summary


def test_a_complaint_without_an_order_opens_a_case_and_a_guests_too() -> None:
    one = story(complaint(order_number="99"), alone=True)
    (opened,) = one.of(OpenCase)
    assert opened.title == "Complaint about order unknown: damaged"
    assert "Order as the shopper wrote it: 99" in opened.description
    assert "the order is not known" in one.matter.findings[0].summary
    guest = story(of=sample_order(customer_id=None))
    assert "A guest: no customer profile" in guest.of(OpenCase)[0].description


def test_what_changes_adds_to_the_case_and_what_repeats_does_not() -> None:
    one = story()
    for _ in range(2):
        one.told()
        one.changed(tags=("seen",))
    assert one.kinds() == ["OpenCase"]
    one.told(complaint(text="And the lid.", files=(File(name="photo.png", document=PHOTO),)))
    assert one.kinds() == ["OpenCase", "CommentCase", "AttachDocument"]
    one.told(complaint(category="not_received", text="And the lid."))
    assert "Not received" in one.comments()[-1]


def test_a_graver_complaint_raises_the_priority() -> None:
    one = story(complaint(category="quality"))
    assert one.of(OpenCase)[0].priority == "normal"
    one.told(complaint(category="not_received"))
    assert one.of(UpdateCase)[0].priority == "high"


@pytest.mark.parametrize("status", ["withdrawn", " Closed ", "resolved"])
def test_a_complaint_that_ended_resolves_itself_or_opens_nothing(status: str) -> None:
    one = story(when_resolved="close")
    one.told(complaint(status=status))
    assert one.matter.state == "closed"
    assert "(ended)" in one.comments()[-1]
    none = story(complaint(status=status))
    assert (none.kinds(), "(ended)" in none.reasons[0]) == ([], True)
    assert story(complaint(status=status), ended=[]).kinds() == ["OpenCase"]


@pytest.mark.parametrize(
    ("hours", "setting", "joined"),
    [(0, {}, True), (71, {}, True), (72, {}, False), (5, {"join_hours": 4}, False), (0, {"join_hours": 0}, False)],
)
def test_a_further_complaint_joins_within_the_hours(hours: int, setting: Any, joined: bool) -> None:
    matter = Matter(ORDER, "complaint", "complaint/RefArch/c1", state="open", opened_at=PLACED)
    event = ComplaintChanged(subject=ORDER, item=OTHER, time=PLACED + timedelta(hours=hours))
    assert joins(event, matter, settings(**setting)) is joined
    alone = Matter(ITEM, "complaint", "complaint/RefArch/c1", state="open", opened_at=PLACED)
    assert not joins(event, alone, settings(**setting))


@pytest.mark.parametrize(
    ("stage", "joined"),
    [(IN_REVIEW, True), (WAITING_FOR_CUSTOMER, True), (CARRYING_OUT, False), (BLOCKED, False), (RESOLVED, False)],
)
def test_what_comes_after_the_decision_has_a_case_of_its_own(stage: str, joined: bool) -> None:
    matter = Matter(ORDER, "complaint", "complaint/RefArch/c1", state="open", opened_at=PLACED, stage=stage)
    event = ComplaintChanged(subject=ORDER, item=OTHER, time=PLACED)
    assert joins(event, matter, settings())
    assert joins(event, replace(matter, acted_on=ActedOn(outcome="refund", revision="r1")), settings()) is joined


def test_what_joins_stands_on_the_case_once_with_its_files() -> None:
    one = story()
    record = complaint(id="m1", category="late", text="Where is it?", files=(File(name="p.png", document=PHOTO),))
    one.item = ComplaintChanged(subject=ORDER, item=OTHER, time=PLACED, record=record)
    one.told()
    one.told()
    assert one.kinds() == ["OpenCase", "CommentCase", "AttachDocument"]
    assert one.of(AttachDocument)[0].document == PHOTO
    assert "> Where is it?" in one.comments()[0]


@pytest.mark.parametrize("steps", list(permutations(["text", "other", "order"])))
def test_permuting_independent_events_changes_nothing(steps: tuple[str, ...]) -> None:
    one = story()
    mine = one.item
    other = ComplaintChanged(subject=ORDER, item=OTHER, time=PLACED, record=complaint(id="m1", category="late"))
    for step in steps:
        if step == "order":
            one.changed(tags=("seen",))
            continue
        one.item = other if step == "other" else mine
        one.told(None if step == "other" else complaint(text="More."))
    assert sorted(one.kinds()) == ["CommentCase", "CommentCase", "OpenCase"]
    assert sorted(f.exception for f in one.matter.findings) == ["damaged", "damaged", "late"]


@pytest.mark.parametrize(
    ("skus", "lines"),
    [
        (("PLATE",), [("l2", 1)]),
        (("MUG",), []),
        (("PLATE", "MUG"), []),
        (("CUP",), []),
        ((), []),
        (("PLATE",) * 2, [("l2", 1)]),
    ],
)
def test_goods_are_meant_only_where_that_is_plain(skus: Any, lines: Any) -> None:
    found = requested(complaint(skus=skus), sample_order(lines=LINES)).lines
    assert [(line.line, line.quantity) for line in found] == lines


def test_a_reason_which_outlives_an_erasure_holds_nothing_that_the_shopper_wrote() -> None:
    written = {"skus": ("jane@shop.test",), "order_number": "Jane Roe", "name": "Jane Roe", "subject": "I am Jane"}
    for alone in (False, True):
        one = story(complaint(**written, text="Jane Roe, First St"), alone=alone)
        assert "jane@shop.test" in one.matter.findings[0].summary
        assert one.reasons
        assert not any("jane" in reason.casefold() for reason in one.reasons)


def test_what_a_shopper_wrote_cannot_pass_for_ours() -> None:
    text = text_of(complaint(text="Hello\nOutcome 'refund'.", subject="x\nFiles: none", name="Jane\nFrom: staff"))
    lines = text.splitlines()
    assert "> Outcome 'refund'." in lines
    assert not any(line.startswith(("Outcome", "Files")) for line in lines)
    assert sum(line.startswith("From:") for line in lines) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"categories": []},
        {"categories": ["rude"]},
        {"join_hours": -1},
        {"outcomes": {"approved": "approve_return"}},
        {"outcomes": {"approved": "notify"}},
        {"priority": {"rude": "high"}},
        {"due_hours": {"late": 0}},
    ],
)
def test_settings_refuse_what_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


@given(
    st.sampled_from(CATEGORIES),
    st.lists(st.sampled_from(CATEGORIES), min_size=1, unique=True),
    st.text(max_size=80),
    st.booleans(),
)
def test_a_verdict_is_never_empty_and_says_what_decided(category: Any, wanted: Any, text: str, known: bool) -> None:
    order = sample_order(lines=LINES) if known else None
    item = complaint(category=category, text=text, subject=text)
    (verdict,) = judge(item, order, Facts(), settings(categories=wanted), PLACED)
    assert "categories" in verdict.reason
    assert (verdict.finding is not None) is (category in wanted)
    if verdict.finding and len(text) > 20:
        assert text not in verdict.finding.summary
