from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st
from pydantic import ValidationError

from caseconnect.models import Complaint, LineItem, Order, Payment, Shipment, ShipmentEvent, ShipmentReport
from caseconnect.sdk.commands import CloseCase, OpenCase, UpdateCase
from caseconnect.sdk.decisions import Missing
from caseconnect.sdk.events import ComplaintChanged, ShipmentReported
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import ORDER, PLACED, Story, money, sample_order
from caseconnect_fulfillment.carriage import kept_in_mind
from caseconnect_fulfillment.rules import decide
from caseconnect_fulfillment.settings import EXCEPTIONS, FulfillmentSettings

COMPLAINT, REPORT = Subject("forms", "complaint", "c7"), Subject("forms", "shipment", "scan/1")
HALF = (LineItem(id="l1", title="Mug", sku="MUG", quantity=2, unfulfilled_quantity=1, unit_price=money("60.00")),)


def hours(count: float) -> Any:
    return PLACED + timedelta(hours=count)


def settings(**changes: Any) -> FulfillmentSettings:
    return FulfillmentSettings.model_validate(changes)


def run(order: Order | None = None, **changes: Any) -> Story:
    return Story([("fulfillment", decide, settings(**changes))], order)


def parcel(number: int = 1, at: float = 1, **changes: Any) -> Shipment:
    fields = {"id": f"s{number}", "status": "in_transit", "created_at": hours(at), "carrier": "DHL"}
    return Shipment.model_validate({"tracking_numbers": (f"T{number}",), **fields, **changes})


def scan(status: str, at: float) -> ShipmentEvent:
    return ShipmentEvent(status=status, happened_at=hours(at))


def shipped(*parcels: Shipment, **changes: Any) -> Order:
    lines = (HALF[0].model_copy(update={"unfulfilled_quantity": 0}),)
    return sample_order(**{"fulfillment_status": "fulfilled", "shipments": parcels, "lines": lines, **changes})


def complained(host: Story, **changes: Any) -> None:
    """A shopper says that the parcel is not there."""
    fields = {"id": "c7", "category": "not_received", "created_at": host.now, "text": "Where is it?"}
    record = Complaint.model_validate({**fields, **changes})
    host.facts["complaint"] = record
    host.run(ComplaintChanged(subject=ORDER, time=host.now, item=COMPLAINT, record=record))


def reported(host: Story, status: str, **changes: Any) -> None:
    """A carrier says something of a parcel."""
    record = ShipmentReport(**{"id": "scan/1", "status": status, "tracking_number": "t 1", **changes})
    host.facts["shipment"] = record
    host.run(ShipmentReported(subject=ORDER, time=host.now, item=REPORT, record=record))


def found(host: Story) -> list[str]:
    return [f.exception for f in host.matter.findings]


def at(host: Story, time: float) -> Story:
    host.now = hours(time)
    host.changed()
    return host


NEVER: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("paid late", {"payment_status": "pending"}, {}, "the payment is pending: nothing is due yet"),
    ("pre-order", {"preorder": True}, {}, "a pre-order"),
    ("a pre-order, let in", {"preorder": True}, {"applies_to": {"preorders": True}}, "shipped when it is there"),
    ("pickup", {"delivery": ("pickup",)}, {}, "applies_to.except_delivery"),
    (
        "pickup, let in",
        {"delivery": ("pickup",)},
        {"applies_to": {"except_delivery": []}},
        "ship_within_hours names none of its kinds of delivery (pickup)",
    ),
    (
        "digital",
        {"lines": (HALF[0].model_copy(update={"requires_shipping": False}),)},
        {},
        "nothing of the order is left",
    ),
    ("archived", {"closed_at": PLACED}, {}, "kept back or archived"),
    ("held", {"fulfillment_status": "on_hold"}, {}, "the order is on_hold"),
    ("a test order", {"test": True}, {}, "applies_to.test_orders is false"),
    ("cancelled", {"cancelled_at": PLACED}, {}, "the order is cancelled"),
    ("switched off", {}, {"exceptions": ["partly_shipped"]}, "not_shipped: not in exceptions"),
    ("no setting", {}, {"ship_within_hours": {}}, "ship_within_hours names none"),
]


@pytest.mark.parametrize(("order", "policy", "says"), [row[1:] for row in NEVER], ids=[row[0] for row in NEVER])
def test_an_order_that_need_not_be_shipped_opens_nothing_and_the_verdict_says_why(
    order: dict[str, Any], policy: dict[str, Any], says: str
) -> None:
    host = at(run(sample_order(**order), **policy), 1000)
    assert says in host.reasons[-1]
    assert host.sent == []


def test_an_unshipped_order_opens_a_case_when_its_hours_are_over_and_only_once() -> None:
    host = run()
    host.changed()
    host.tick(71)
    assert host.sent == []
    assert "ship_within_hours.shipping (72)" in host.reasons[-1]
    host.tick(2)
    assert [f.arose_at for f in host.matter.findings] == [hours(72)]
    host.changed()
    (case,) = host.of(OpenCase)
    assert case.title == "Shipping of order #1001: not shipped"


@pytest.mark.parametrize(
    ("delivery", "policy", "due"),
    [
        (("shipping",), {"shipping": 24}, 24),
        (("local", "shipping"), {"shipping": 48, "local": 12}, 12),
        ((), {"shipping": 5}, 5),
        (("Express",), {"express": 6, "*": 99}, 6),
        (("drone",), {"express": 6, "*": 9}, 9),
    ],
)
def test_each_kind_of_delivery_has_its_hours(delivery: tuple[str, ...], policy: dict[str, int], due: int) -> None:
    host = run(sample_order(delivery=delivery), ship_within_hours=policy)
    assert found(at(host, due - 0.5)) == []
    assert found(at(host, due)) == ["not_shipped"]


def test_hours_count_from_payment_and_with_payment_terms_from_the_order() -> None:
    paid = Payment(id="p", kind="sale", status="success", amount=money("120.00"), created_at=hours(50))
    failed = paid.model_copy(update={"id": "f", "status": "failure", "created_at": PLACED})
    host = run(sample_order(payments=(failed, paid)))
    assert found(at(host, 121)) == []
    assert found(at(host, 122)) == ["not_shipped"]
    terms = run(sample_order(payment_terms="net_30", payment_status="pending"), applies_to={"payment_terms": True})
    assert found(at(terms, 72)) == ["not_shipped"]


def test_two_shipments_have_grounds_of_their_own() -> None:
    order = shipped(parcel(1, tracking_numbers=()), parcel(2, at=30, tracking_numbers=()))
    host = at(run(order), 26)
    assert found(host) == ["not_confirmed"]
    host.settle("OpenCase")
    at(host, 55)
    assert found(host) == ["not_confirmed", "not_confirmed"]
    assert "shipment s2 has no tracking number" in host.comments()[-1]
    assert len(host.of(OpenCase)) == 1


def test_no_carrier_is_needed_for_what_is_fetched() -> None:
    host = at(run(shipped(parcel(1, tracking_numbers=()), delivery=("local",))), 100)
    assert "no carrier is needed for local" in host.reasons[-1]
    assert host.sent == []


def test_the_rest_that_does_not_follow() -> None:
    host = run(shipped(parcel(1, at=10), fulfillment_status="partially_fulfilled", lines=HALF), no_scan_hours={})
    assert found(at(host, 81)) == []
    assert found(at(host, 82)) == ["partly_shipped"]
    assert "the rest (1 left)" in host.of(OpenCase)[0].description


LATE: list[tuple[str, dict[str, Any], dict[str, Any], float, str]] = [
    ("estimate", {"estimated_delivery_at": hours(48)}, {}, 72, "late_after_hours (24)"),
    ("estimate to the hour", {"estimated_delivery_at": hours(48)}, {"late_after_hours": 0}, 48, "late_after_hours (0)"),
    ("scan", {"events": (scan("in_transit", 20),)}, {}, 140, "no_scan_hours (120)"),
    ("carrier's scan", {"events": (scan("in_transit", 20),)}, {"no_scan_hours": {"dhl": 10}}, 30, "no_scan_hours (10)"),
    ("length", {}, {"deliver_within_hours": {"*": 60}}, 61, "deliver_within_hours (60)"),
]


@pytest.mark.parametrize(("more", "policy", "due", "setting"), [x[1:] for x in LATE], ids=[x[0] for x in LATE])
def test_a_parcel_that_is_late(more: dict[str, Any], policy: dict[str, Any], due: float, setting: str) -> None:
    host = run(shipped(parcel(1, **more)), **policy)
    host.now = hours(1)
    host.changed()
    assert found(host) == []
    host.tick(due - 1.5)
    assert found(host) == []
    host.tick(0.5)
    assert found(host) == ["late_in_transit"]
    assert setting in host.reasons[-1]


@pytest.mark.parametrize("policy", [{"no_scan_hours": {"ups": 1}}, {"no_scan_hours": {}}])
def test_a_carrier_that_no_setting_names_is_not_looked_at(policy: dict[str, Any]) -> None:
    host = at(run(shipped(parcel(1, events=(scan("in_transit", 20),))), **policy), 5000)
    assert "deliver_within_hours and no_scan_hours say nothing of it" in host.reasons[-1]
    assert host.sent == []


def test_a_delivered_parcel_is_never_late() -> None:
    late = {"estimated_delivery_at": hours(10), "events": (scan("DELIVERED", 90),)}
    host = at(run(shipped(parcel(1, **late))), 5000)
    assert host.sent == []
    assert "nothing is on its way" in host.reasons[-1]


def test_a_new_scan_that_is_followed_by_silence_is_a_new_ground() -> None:
    host = at(run(shipped(parcel(1, events=(scan("in_transit", 0),)))), 120)
    host.settle("OpenCase")
    host.changed(shipments=(parcel(1, events=(scan("in_transit", 0), scan("in_transit", 119))),))
    assert len(found(host)) == 1
    at(host, 300)
    assert found(host) == ["late_in_transit", "late_in_transit"]


@pytest.mark.parametrize(
    ("events", "status", "policy", "finds"),
    [
        ((scan("failure", 9),), "in_transit", {}, True),
        ((), "returned", {}, True),
        ((scan("attempted_delivery", 9),), "in_transit", {}, False),
        ((scan("attempted_delivery", 9), scan("attempted_delivery", 20)), "in_transit", {}, True),
        ((scan("attempted_delivery", 9),), "in_transit", {"failed_attempts": 1}, True),
        ((scan("attempted_delivery", 9), scan("delivered", 30)), "in_transit", {"failed_attempts": 1}, False),
        ((scan("failure", 9),), "in_transit", {"failed_statuses": []}, False),
        ((scan("nachsendung", 9),), "in_transit", {"failed_statuses": ["Nachsendung"]}, True),
    ],
)
def test_deliveries_that_fail(
    events: tuple[ShipmentEvent, ...], status: str, policy: dict[str, Any], finds: bool
) -> None:
    host = at(run(shipped(parcel(1, events=events, status=status)), **policy), 31)
    assert (found(host) == ["failed_delivery"]) is finds


def test_a_carriers_report_of_a_return_opens_a_case_for_its_parcel_only() -> None:
    host = run(shipped(parcel(1), parcel(2)))
    host.now = hours(5)
    reported(host, "Returned")
    (finding,) = host.matter.findings
    assert "shipment s1 failed" in finding.summary
    other = run(shipped(parcel(1), parcel(2)))
    other.now = hours(5)
    reported(other, "Returned", tracking_number="T9")
    assert other.sent == []


def test_a_report_about_one_parcel_says_nothing_of_one_without_a_number() -> None:
    host = run(shipped(parcel(1), parcel(2, tracking_numbers=())))
    host.now = hours(5)
    reported(host, "Returned")
    assert [f.summary for f in host.matter.findings] == ["the delivery of shipment s1 failed"]
    unknown = run(shipped(parcel(1), parcel(2, tracking_numbers=())))
    unknown.now = hours(5)
    reported(unknown, "Returned", tracking_number="T9")
    assert [f.summary for f in unknown.matter.findings] == ["the delivery of shipment s2 failed"]


def test_a_complaint_about_one_parcel_is_not_compared_with_one_without_a_number() -> None:
    host = run(shipped(parcel(1), parcel(2, delivered_at=hours(30), tracking_numbers=())))
    host.now = hours(40)
    complained(host, tracking_numbers=("T1",))
    assert host.sent == []
    complained(host, tracking_numbers=("t 1", "T9"))
    assert host.sent == []


@pytest.mark.parametrize(("status", "finds"), [("fulfilled", True), ("partially_fulfilled", False)])
def test_a_number_that_no_parcel_bears_is_a_slip_once_everything_was_shipped(status: Any, finds: bool) -> None:
    host = run(shipped(parcel(1, delivered_at=hours(30)), fulfillment_status=status))
    host.now = hours(40)
    complained(host, tracking_numbers=("TI",))
    assert (found(host) == ["delivered_not_received"]) is finds
    assert ("compared again daily" in host.reasons[-1]) is not finds


def test_delivered_but_not_received_joins_the_carrier_with_the_complaint() -> None:
    host = run(shipped(parcel(1, delivered_at=hours(30))))
    host.now = hours(40)
    complained(host)
    (finding,) = host.matter.findings
    assert finding.exception == "delivered_not_received"
    assert "reported delivered on 2026-11-03 15:00 UTC" in finding.summary
    assert host.of(OpenCase)[0].priority == "high"


def test_a_complaint_that_comes_before_the_carriers_word_is_kept_in_mind() -> None:
    host = run(shipped(parcel(1)))
    host.now = hours(40)
    complained(host)
    assert host.sent == []
    assert [kept_in_mind(name) for name in host.timers] == [COMPLAINT]
    host.changed()
    host.order = shipped(parcel(1, delivered_at=hours(45)))
    host.tick(25)
    assert found(host) == ["delivered_not_received"]


def test_a_complaint_is_forgotten_when_no_delivery_is_reported_for_compare_days() -> None:
    host = run(shipped(parcel(1)), compare_days=2)
    host.now = hours(40)
    complained(host)
    for _ in range(5):
        host.tick(24)
    assert host.timers == {}
    assert "compare_days (2)" in host.reasons[-1]
    assert host.sent == []


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"category": "damaged"}, "category damaged is not in complaint_categories"),
        ({"tracking_numbers": ("T2",)}, "no delivery is reported yet"),
    ],
)
def test_complaints_of_other_things_or_parcels(record: dict[str, Any], says: str) -> None:
    host = run(shipped(parcel(1, delivered_at=hours(30)), parcel(2)))
    host.now = hours(40)
    complained(host, **record)
    assert says in host.reasons[-1]
    assert host.sent == []


def test_a_report_of_delivery_meets_a_complaint_that_waits() -> None:
    host = at(run(shipped(parcel(1, estimated_delivery_at=hours(2)))), 30)
    host.settle("OpenCase")
    complained(host)
    assert found(host) == ["late_in_transit"]
    reported(host, "delivered")
    assert found(host) == ["late_in_transit", "delivered_not_received"]
    assert [u.priority for u in host.of(UpdateCase)] == ["high"]


def test_a_complaint_that_cannot_be_read_alerts() -> None:
    host = run(shipped(parcel(1, delivered_at=hours(30))))
    host.facts["complaint"] = Missing(why="gone")
    host.run(ComplaintChanged(subject=ORDER, time=host.now, item=COMPLAINT))
    assert "could not be read" in host.alerts[0]


def test_an_item_without_an_order_is_not_looked_at() -> None:
    event = ComplaintChanged(subject=COMPLAINT, item=COMPLAINT, time=PLACED)
    host = Story([("fulfillment", decide, settings())], item=event, alone=True)
    host.told()
    assert "names no order" in host.reasons[-1]


RESOLVES: list[tuple[Order, Order, str]] = [
    (sample_order(), shipped(parcel(1, at=90)), "the order was shipped"),
    (shipped(parcel(1, tracking_numbers=())), shipped(parcel(1)), "every shipment has a tracking number"),
    (
        shipped(parcel(1), fulfillment_status="partially_fulfilled", lines=HALF),
        shipped(parcel(1), parcel(2, at=99)),
        "the rest was shipped",
    ),
    (
        shipped(parcel(1, estimated_delivery_at=hours(2))),
        shipped(parcel(1, estimated_delivery_at=hours(2), delivered_at=hours(100))),
        "everything that was shipped is delivered",
    ),
    (sample_order(), sample_order(cancelled_at=hours(99)), "the order was cancelled"),
]


@pytest.mark.parametrize(("before", "after", "why"), RESOLVES)
@pytest.mark.parametrize("when", ["note", "close"])
def test_a_matter_whose_ground_is_gone_resolves_itself(before: Order, after: Order, why: str, when: str) -> None:
    host = at(run(before, when_resolved=when), 100)
    host.settle("OpenCase")
    host.order = after
    host.changed()
    host.changed()
    assert [text for text in host.comments() if text.startswith("This resolved itself")] == [
        f"This resolved itself: {why}." + (" The case is closed." if when == "close" else "")
    ]
    assert (len(host.of(CloseCase)), host.matter.state) == ((1, "closed") if when == "close" else (0, "open"))


def test_a_case_that_may_close_waits_while_a_parcel_is_watched() -> None:
    host = at(run(when_resolved="close"), 100)
    host.settle("OpenCase")
    host.order = shipped(parcel(1, at=99, estimated_delivery_at=hours(150)))
    host.changed()
    assert "closed when nothing of the order is watched any more" in host.reasons[-1]
    assert host.of(CloseCase) == []
    host.order = shipped(parcel(1, at=99, estimated_delivery_at=hours(150), delivered_at=hours(120)))
    host.changed()
    assert len(host.of(CloseCase)) == 1


def test_what_moves_on_after_a_finding_is_still_one_matter() -> None:
    """A platform that tells no time of shipping moves it with every change: the finding is no other one by that."""
    order = shipped(parcel(1, at=0, tracking_numbers=()))
    host = at(run(order), 30)
    host.settle("OpenCase")
    host.changed(shipments=(parcel(1, at=30, tracking_numbers=()),))
    assert not [text for text in host.comments() if "resolved itself" in text]
    at(host, 60)
    assert found(host) == ["not_confirmed"]


def test_a_shopper_who_misses_a_delivered_parcel_is_not_over_by_itself() -> None:
    host = run(shipped(parcel(1, delivered_at=hours(30))))
    host.now = hours(40)
    complained(host)
    host.settle("OpenCase")
    at(host, 500)
    assert len(host.sent) == 1


def test_guests_and_other_currencies_are_worked_alike() -> None:
    host = at(run(sample_order(customer_id=None, total=money("9000", "JPY"))), 80)
    assert found(host) == ["not_shipped"]
    assert "A guest" in host.of(OpenCase)[0].description


def test_after_the_end_the_same_ground_opens_nothing() -> None:
    host = at(run(), 80)
    host.settle("OpenCase")
    host.case_changed(outcome="resolved", revision="r1")
    assert host.matter.state == "closed"
    at(host, 200)
    assert len(host.of(OpenCase)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"ship_within_hours": {"shipping": 0}},
        {"failed_attempts": 0},
        {"exceptions": ["lost"]},
        {"outcomes": {"approved": "approve_return"}},
        {"outcomes": {"resolved": "set_status"}},
        {"priority": {"lost": "high"}},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


@pytest.mark.parametrize("order", tuple(permutations(range(3))))
def test_the_order_of_events_changes_nothing(order: tuple[int, ...]) -> None:
    host = run(shipped(parcel(1, delivered_at=hours(30), tracking_numbers=())))
    host.now = hours(60)
    acts: list[Callable[[], object]] = [
        lambda: complained(host),
        lambda: reported(host, "returned"),
        host.changed,
    ]
    for place in (*order, *order):
        acts[place]()
    assert sorted(set(found(host))) == ["delivered_not_received"]
    assert len(host.of(OpenCase)) == 1


STATUSES = ["unfulfilled", "partially_fulfilled", "fulfilled", "on_hold", "unknown"]


@checked(max_examples=150, deadline=None)
@given(
    st.sampled_from(STATUSES),
    st.lists(st.tuples(st.floats(0, 200), st.booleans(), st.booleans(), st.sampled_from(["", "failure"])), max_size=3),
    st.floats(0, 400),
    st.sets(st.sampled_from(EXCEPTIONS)),
)
def test_verdicts_are_never_empty_and_asking_again_finds_nothing_more(
    status: Any, parcels: list[tuple[float, bool, bool, str]], when: float, exceptions: set[str]
) -> None:
    made = tuple(
        parcel(
            number,
            at=left,
            tracking_numbers=(f"T{number}",) if tracked else (),
            delivered_at=hours(left + 1) if arrived else None,
            events=(scan(word, left),) if word else (),
        )
        for number, (left, tracked, arrived, word) in enumerate(parcels)
    )
    host = run(sample_order(fulfillment_status=status, shipments=made), exceptions=sorted(exceptions))
    at(host, when)
    assert all(name in host.reasons[0] for name in EXCEPTIONS)
    assert set(found(host)) <= exceptions
    before = found(host)
    host.changed()
    assert found(host) == before
    other = run(sample_order(fulfillment_status=status, shipments=made[::-1]), exceptions=sorted(exceptions))
    at(other, when)
    assert sorted(f.ground for f in other.matter.findings) == sorted(f.ground for f in host.matter.findings)
