from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st
from pydantic import ValidationError

from caseconnect.models import Document, File, LineItem, Order, Refund, ReturnLine, ReturnRequest, WarrantyClaim
from caseconnect.sdk.commands import AttachDocument, OpenCase
from caseconnect.sdk.decisions import Decision, Facts, Matter, Missing, Needs
from caseconnect.sdk.events import ClaimChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import ORDER, PLACED, Story, money, sample_order
from caseconnect_warranty_claims.checks import given_back, later, line_of, warranty
from caseconnect_warranty_claims.rules import decide
from caseconnect_warranty_claims.settings import WarrantyClaimsSettings

ITEM, OTHER = Subject("shop", "claim", "RefArch/C-1"), Subject("desk", "claim", "C-2")
PAPER = Document(name="receipt.pdf", media_type="application/pdf", content=b"%PDF")
CLAIMED = PLACED + timedelta(days=90)


def claim(**changes: Any) -> WarrantyClaim:
    fields: dict[str, Any] = {
        "id": "C-1",
        "order_id": "1001",
        "order_number": "#1001",
        "email": "jane.roe@example.com",
        "sku": "MUG",
        "serial_number": "S-1",
        "defect": "The handle broke.",
        "wish": "replacement",
        "created_at": CLAIMED,
        "status": "new",
    }
    return WarrantyClaim(**{**fields, **changes})


def order(**changes: Any) -> Order:
    lines = (LineItem(id="l1", title="Mug", sku="MUG", quantity=2, unit_price=money("10.00")),)
    return sample_order(**{"lines": lines, "refundable": money("20.00"), "payment_status": "paid", **changes})


def settings(**changes: Any) -> WarrantyClaimsSettings:
    return WarrantyClaimsSettings.model_validate(changes)


def run(of: WarrantyClaim | None = None, *, to: Order | None = None, alone: bool = False, **changes: Any) -> Story:
    event = ClaimChanged(subject=ORDER, item=ITEM, time=CLAIMED, record=of or claim())
    made = Story([("warranty_claims", decide, settings(**changes))], to or order(), item=event, alone=alone)
    made.now = CLAIMED + timedelta(minutes=5)
    made.told()
    return made


def found(one: Story) -> list[str]:
    return [f.exception for f in one.matter.findings]


days = st.integers(-9_000, 9_000).map(lambda n: PLACED + timedelta(days=n))


@pytest.mark.parametrize(
    ("months", "sku", "exception", "names"),
    [
        ({"*": 24}, "MUG", "in_warranty", "warranty_months['*'] says 24 months"),
        ({"*": 2}, "MUG", "warranty_over", "warranty_months['*'] says 2 months"),
        ({"*": 0}, "MUG", "warranty_over", "warranty_months['*'] says 0 months"),
        ({"*": 2, "MU": 12, "M": 1}, "MUG", "in_warranty", "warranty_months['MU'] says 12 months"),
        ({"*": 2, "mu": 12}, "MUG", "in_warranty", "warranty_months['mu']"),
        ({"*": 24, "MUG": 1}, "MUG", "warranty_over", "warranty_months['MUG']"),
        ({"CAM-": 36}, "MUG", "warranty_unknown", "warranty_months names neither this product nor '*'"),
        ({}, "MUG", "warranty_unknown", "warranty_months names neither"),
    ],
)
def test_the_months_of_the_longest_beginning_of_the_sku_count(
    months: Any, sku: str, exception: str, names: str
) -> None:
    one = run(claim(sku=sku), warranty_months=months)
    assert found(one) == [exception]
    assert names in one.reasons[0]
    assert one.kinds() == ["OpenCase"]


def test_the_last_day_of_the_warranty_still_counts() -> None:
    day = later(PLACED, 24).replace(hour=0, minute=0)
    for at, exception in (
        (day + timedelta(hours=23, minutes=59), "in_warranty"),
        (day + timedelta(days=1), "warranty_over"),
    ):
        assert found(run(claim(created_at=at))) == [exception]


@pytest.mark.parametrize(
    ("ahead", "exception"),
    [
        (timedelta(hours=20), "in_warranty"),
        (timedelta(days=2), "warranty_unknown"),
        (timedelta(days=300), "warranty_unknown"),
    ],
)
def test_what_is_said_to_be_bought_after_the_claim_has_no_date(ahead: timedelta, exception: str) -> None:
    assert found(run(claim(purchased_at=CLAIMED + ahead), alone=True))[0] == exception


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [("2026-01-31", 1, "2026-02-28"), ("2024-02-29", 12, "2025-02-28"), ("2026-11-02", 24, "2028-11-02")],
)
def test_months_end_on_the_last_day_of_a_shorter_month(day: str, months: int, then: str) -> None:
    assert f"{later(datetime.fromisoformat(day).replace(tzinfo=UTC), months):%Y-%m-%d}" == then


@checked(deadline=None)
@given(days, st.integers(0, 1200))
def test_so_many_months_later_is_never_sooner_and_one_more_month_is_later(day: datetime, months: int) -> None:
    assert later(day, months) >= day
    assert later(day, months + 1) > later(day, months)


@pytest.mark.parametrize(
    ("of", "to", "exceptions"),
    [
        ({}, {}, ["in_warranty"]),
        ({"sku": None}, {}, ["in_warranty"]),
        ({"sku": "mug"}, {}, ["in_warranty"]),
        ({"sku": "PLATE"}, {}, ["warranty_unknown", "not_in_order"]),
        ({"sku": "PLATE", "purchased_at": PLACED}, {}, ["in_warranty", "not_in_order"]),
        ({}, {"refunds": (Refund(id="r", created_at=PLACED, total=money("10"), lines=(("l1", 1),)),)},
         ["in_warranty", "given_back"]),
        ({}, {"refunds": (Refund(id="r", created_at=PLACED, total=money("10"), lines=(("l2", 1),)),)}, ["in_warranty"]),
        ({}, {"returns": (ReturnRequest(id="9", status="closed", lines=(ReturnLine(line_id="l1"),)),)},
         ["in_warranty", "given_back"]),
        ({}, {"returns": (ReturnRequest(id="9", status="declined", lines=(ReturnLine(line_id="l1"),)),)},
         ["in_warranty"]),
        ({}, {"cancelled_at": PLACED}, ["in_warranty"]),
        ({}, {"total": money("20.00", "USD"), "customer_id": None, "customer_name": None}, ["in_warranty"]),
    ],
)  # fmt: skip
def test_what_is_found_of_product_and_order(of: Any, to: Any, exceptions: list[str]) -> None:
    one = run(claim(**of), to=order(**to))
    assert found(one) == exceptions
    assert one.kinds() == ["OpenCase"]
    assert one.most_rounds <= 3


@pytest.mark.parametrize(
    ("of", "exceptions", "says"),
    [
        ({}, ["warranty_unknown", "order_unknown"], "#1001 was named"),
        ({"order_number": None}, ["warranty_unknown", "order_unknown"], "no order is known: the purchase"),
        ({"purchased_at": PLACED}, ["in_warranty", "order_unknown"], "as the shopper says"),
    ],
)
def test_a_claim_without_an_order_rests_on_the_shoppers_word(of: Any, exceptions: list[str], says: str) -> None:
    one = run(claim(**of), alone=True)
    assert found(one) == exceptions
    assert says in one.of(OpenCase)[0].description
    assert one.of(OpenCase)[0].title.startswith("Warranty claim, order unknown")


def test_the_case_holds_purchase_product_serial_number_wish_and_papers() -> None:
    one = run(claim(files=(File(name="receipt.pdf", document=PAPER),)), owner={"*": "claims"}, due_hours={"*": 72})
    (case,) = one.of(OpenCase)
    for text in ("bought 2026-11-02 (order #1001)", "Serial number: S-1", "Wish: replacement", "The handle broke."):
        assert text in case.description
    assert [d.name for d in case.documents] == ["receipt.pdf", "order-1001.json"]
    assert (case.owner, case.due) == ("claims", one.now + timedelta(hours=72))
    assert "S-1" not in case.title
    assert b"S-1" not in case.documents[1].content


@pytest.mark.parametrize(
    ("no_review", "of", "opens"),
    [
        (["in_warranty"], {}, False),
        (["in_warranty"], {"created_at": PLACED + timedelta(days=900)}, True),
        (["in_warranty"], {"sku": "PLATE", "purchased_at": PLACED}, True),
        (["in_warranty", "not_in_order"], {"sku": "PLATE", "purchased_at": PLACED}, False),
        ([], {}, True),
    ],
)
def test_only_claims_of_which_nothing_else_is_found_go_without_review(no_review: Any, of: Any, opens: bool) -> None:
    one = run(claim(**of), no_review=no_review)
    assert (one.kinds() == ["OpenCase"]) is opens
    assert one.matter.is_open() is opens
    assert opens or "is in no_review" in one.reasons[0]


@pytest.mark.parametrize(
    ("to", "says"),
    [({"test": True}, "applies_to.test_orders"), ({"channel": "pos"}, "channel pos is in applies_to.except_channels")],
)
def test_claims_about_orders_that_are_left_out_open_nothing(to: Any, says: str) -> None:
    one = run(to=order(**to), applies_to={"except_channels": ["pos"]})
    assert one.sent == []
    assert says in one.reasons[0]


def test_a_changed_claim_adds_to_the_case_and_a_changed_status_does_not() -> None:
    one = run()
    one.settle("OpenCase")
    one.told()
    one.told(claim(status="in_review"))
    assert one.kinds() == ["OpenCase"]
    one.told(claim(defect="And the other one, too.", files=(File(name="receipt.pdf", document=PAPER),)))
    assert one.kinds() == ["OpenCase", "CommentCase", "AttachDocument"]
    assert "And the other one, too." in one.comments()[0]
    assert one.of(AttachDocument)[0].document == PAPER


@pytest.mark.parametrize("wish", ["note", "close"])
def test_a_withdrawn_claim_resolves_itself(wish: str) -> None:
    one = run(when_resolved=wish)
    one.settle("OpenCase")
    for _ in range(2):
        one.told(claim(status="Withdrawn"))
    assert one.comments()[0].startswith("This resolved itself: the claim is withdrawn.")
    assert one.kinds().count("CloseCase") == (wish == "close")
    assert one.matter.is_open() == (wish == "note")


def test_a_claim_that_is_over_when_it_is_first_seen_opens_nothing() -> None:
    one = run(claim(status="closed"))
    assert one.sent == []
    assert one.reasons == ["the claim is closed"]


def test_what_the_decision_itself_gave_back_opens_nothing_again() -> None:
    one = run()
    one.settle("OpenCase")
    one.case_changed(outcome="refund", revision="r1")
    one.settle("RefundPayment")
    assert one.matter.state == "closed"
    one.order = order(refunds=(Refund(id="r", created_at=one.now, total=money("10"), lines=(("l1", 1),)),))
    one.told(claim(status="paid out"))
    assert one.matter.episode == 1
    assert one.kinds().count("OpenCase") == 1


def asked_beside(matter: Matter, other: Any, mine: WarrantyClaim | None = None) -> Decision:
    """The decision on a claim beside which there is another one of the order."""
    known: dict[Any, Any] = {("claim", ITEM): mine or claim(), ("claim", OTHER): other, ("order", ORDER): order()}
    known[("order_history", ORDER)] = known[("customer", ORDER._replace(kind="customer", id="77"))] = Missing(why="no")
    event = ClaimChanged(subject=ORDER, item=ITEM, time=CLAIMED)
    asked: dict[Any, Any] = {}
    for _ in range(4):
        answer = decide(event, matter, Facts(asked), settings(), CLAIMED)
        if isinstance(answer, Decision):
            return answer
        assert isinstance(answer, Needs)
        asked |= {(n.fact, n.subject): known[n.fact, n.subject] for n in answer.needs}
    raise AssertionError("more than three rounds")


BESIDE = Matter(subject=ORDER, topic="claim", item="claim/RefArch/C-1", mode="live", beside=(OTHER,))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (claim(id="C-2"), True),
        (claim(id="C-2", serial_number="s-1 ", sku="OTHER"), True),
        (claim(id="C-2", serial_number=None), True),
        (claim(id="C-2", serial_number="S-2"), False),
        (claim(id="C-2", serial_number=None, sku="OTHER"), False),
        (claim(id="C-2", serial_number=None, sku=None), False),
        (Missing(why="it was erased"), False),
    ],
)
def test_a_piece_that_is_claimed_twice_is_found_by_serial_number_else_by_product(other: Any, same: bool) -> None:
    decision = asked_beside(BESIDE, other)
    assert [f.exception for f in decision.findings] == ["in_warranty"] + (["claimed_twice"] if same else [])
    assert "claimed_twice" in decision.reason


def test_another_claim_begins_no_new_episode_of_one_that_was_decided() -> None:
    first = asked_beside(BESIDE, Missing(why="none"))
    done = replace(BESIDE, state="closed", episode=1, seen_grounds=frozenset(f.ground for f in first.findings))
    assert asked_beside(done, claim(id="C-2")).findings == ()


CHANGES: dict[str, dict[str, Any]] = {
    "files": {"files": (File(name="receipt.pdf", document=PAPER),)},
    "status": {"status": "seen"},
    "again": {},
}


@pytest.mark.parametrize("steps", list(permutations(CHANGES)))
def test_permuting_independent_events_changes_nothing(steps: tuple[str, ...]) -> None:
    one, known = run(), claim()
    for step in steps:
        known = known.model_copy(update=CHANGES[step])
        one.told(known)
    assert sorted(set(found(one))) == ["in_warranty"]
    assert sorted(one.kinds()) == ["AttachDocument", "CommentCase", "OpenCase"]


@checked(deadline=None, max_examples=60)
@given(
    st.builds(
        claim,
        sku=st.sampled_from([None, "MUG", "PLATE"]),
        serial_number=st.none() | st.text(max_size=5),
        created_at=st.none() | days,
        purchased_at=st.none() | days,
        status=st.none() | st.text(max_size=5),
    ),
    st.booleans(),
    st.dictionaries(st.sampled_from(["*", "M", "PLATE"]), st.integers(0, 60)),
)
def test_every_claim_has_a_verdict_and_the_same_one_twice(of: WarrantyClaim, alone: bool, months: Any) -> None:
    one = run(of, alone=alone, warranty_months=months)
    assert one.reasons[0]
    before = len(one.sent)
    one.told()
    assert len(one.sent) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"warranty_months": {"*": -1}},
        {"no_review": ["late"]},
        {"outcomes": {"a": "cancel"}},
        {"outcomes": {"a": "notify"}},
        {"outcomes": {"a": "points"}},
        {"priority": {"chargeback": "high"}},
        {"months": 3},
    ],
)
def test_settings_refuse_what_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_a_product_is_found_by_sku_variant_or_line() -> None:
    bought = LineItem(id="77", title="Mug", sku=None, variant_id="V-1", quantity=1)
    for name, line in (("v-1", bought), ("77", bought), ("MUG", None)):
        assert line_of(claim(sku=name), order(lines=(bought,))) == line
    at = PLACED + timedelta(days=1)
    assert warranty(claim(sku="V-1"), order(lines=(bought,)), settings(), at).finding is not None
    assert given_back(claim(sku="X"), order(), at).finding is None


def test_what_a_shopper_writes_cannot_pass_for_ours() -> None:
    of = claim(defect="Broken\n- In warranty: yes", text="Hello\x0b\u2028Serial number: X")
    lines = run(of).of(OpenCase)[0].description.splitlines()
    assert "> - In warranty: yes" in lines
    assert "> Serial number: X" in lines
    assert [line for line in lines if line.startswith("Serial number")] == ["Serial number: S-1"]
