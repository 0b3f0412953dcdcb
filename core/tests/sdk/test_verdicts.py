from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseconnect.sdk.casework import CONDITION, AppliesTo, not_applying
from caseconnect.sdk.casework.verdicts import Verdict, also, let_settle, limited
from caseconnect.sdk.conditions import Condition, Records
from caseconnect.sdk.decisions import Finding, Timer
from caseconnect.sdk.testing.story import sample_order

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
VIP = Condition("'vip' in order.tags")


def finding(exception: str = "late", minutes: float = 0, ground: str = "g") -> Finding:
    return Finding(exception=exception, ground=ground, summary="x", arose_at=NOW - timedelta(minutes=minutes))


def records(*tags: str) -> Records:
    return Records(now=NOW, order=sample_order(tags=tags))


@pytest.mark.parametrize(
    ("order", "applies", "says"),
    [
        ({}, {}, None),
        ({"cancelled_at": NOW}, {}, "cancelled orders open nothing"),
        ({"test": True}, {}, "applies_to.test_orders is false"),
        ({"test": True}, {"test_orders": True}, None),
        ({"company": "Acme"}, {}, None),
        ({"company": "Acme"}, {"companies": False}, "applies_to.companies is false"),
        ({"company": "Acme", "payment_terms": "net_30"}, {}, "paid later (net_30): applies_to.payment_terms is false"),
        ({"company": "Acme", "payment_terms": "net_30"}, {"payment_terms": True}, None),
        ({"preorder": True}, {}, "applies_to.preorders is false"),
        ({"preorder": True}, {"preorders": True}, None),
        ({"channel": "pos"}, {}, "channel pos is in applies_to.except_channels"),
        ({"channel": "POS"}, {}, "channel POS is in applies_to.except_channels"),
        ({"channel": "pos"}, {"except_channels": []}, None),
        ({"channel": "web"}, {"channels": ["Web"]}, None),
        ({"channel": "app"}, {"channels": ["web"]}, "channel app is not in applies_to.channels"),
        ({"channel": None}, {"channels": ["web"]}, "channel unknown is not in applies_to.channels"),
        ({"site": "DE"}, {"markets": ["de", "fr"]}, None),
        ({"site": "US"}, {"markets": ["DE"]}, "market US is not in applies_to.markets"),
        ({"site": "US"}, {"except_markets": ["us"]}, "market US is in applies_to.except_markets"),
        ({"site": None}, {"except_markets": ["us"]}, None),
        ({"tags": ("B2B",)}, {"except_tags": ["b2b"]}, "tag b2b is in applies_to.except_tags"),
        ({"delivery": ("pickup",)}, {}, "delivery pickup is in applies_to.except_delivery"),
        ({"delivery": ("pickup", "digital")}, {}, "delivery digital, pickup is in applies_to.except_delivery"),
        ({"delivery": ("digital", "shipping")}, {}, None),
        ({"delivery": ()}, {}, None),
        ({"delivery": ("local",)}, {"except_delivery": ["local"]}, "delivery local"),
        ({"delivery": ("pickup",)}, {"except_delivery": ["digital"]}, None),
    ],
)
def test_which_orders_are_looked_at(order: dict[str, Any], applies: dict[str, Any], says: str | None) -> None:
    out = not_applying(sample_order(**order), AppliesTo.model_validate(applies))
    assert out is None if says is None else says in str(out)


def test_a_finding_counts_only_if_its_condition_holds() -> None:
    verdict = Verdict("late: by an hour", finding())
    assert limited([verdict], {}, records()) == [verdict]
    assert limited([verdict], {"odd": VIP}, records()) == [verdict]
    (kept,) = limited([verdict], {"late": VIP}, records("vip"))
    assert (kept.finding, kept.reason) == (verdict.finding, "late: by an hour, and only_if.late holds")
    (gone,) = limited([verdict], {"late": VIP}, records())
    assert (gone.finding, gone.reason) == (None, "late: by an hour, but only_if.late does not hold")


def test_a_condition_for_all_others_and_one_that_cannot_be_told() -> None:
    verdicts = [Verdict("late: x", finding()), Verdict("odd: y", finding("odd")), Verdict("z")]
    late, odd, plain = limited(verdicts, {"*": VIP, "late": Condition("customer.orders_count > 1")}, records("vip"))
    assert late.finding is None
    assert "only_if.late cannot be told: a value that it uses is absent" in late.reason
    assert odd.finding is not None
    assert "only_if.* holds" in odd.reason
    assert plain == verdicts[2]


def test_conditions_open_by_their_names() -> None:
    found = also({"vip_gift": VIP, "nobody": Condition("false")}, records("vip"), NOW)
    assert [v.reason for v in found] == ["condition: also.vip_gift holds", "condition: also.nobody does not hold"]
    opened = found[0].finding
    assert opened is not None
    assert (opened.exception, opened.summary, opened.arose_at) == (CONDITION, "vip_gift holds", NOW)
    (again,) = also({"vip_gift": VIP}, records("vip", "new"), NOW + timedelta(hours=1))
    assert again.finding is not None
    assert again.finding.ground == opened.ground
    (other,) = also({"vip_order": VIP}, records("vip"), NOW)
    assert other.finding is not None
    assert other.finding.ground != opened.ground


@pytest.mark.parametrize(("age", "waits"), [(0, True), (59.9, True), (60, False), (61, False), (-5, True)])
def test_a_young_finding_waits(age: float, waits: bool) -> None:
    verdict = Verdict("payment_failure: code x", finding("payment_failure", age))
    (found,) = let_settle([verdict], {"payment_failure": 60}, NOW)
    if not waits:
        assert found == verdict
        return
    assert found.finding is None
    assert found.timer == Timer(name="payment_failure:settle", due=NOW + timedelta(minutes=60 - age))
    assert found.reason.endswith("but payment_failure waits 60 minutes (settle_minutes.payment_failure)")


def test_settle_times_leave_timers_and_other_verdicts_alone() -> None:
    late = Timer(name="late:1", due=NOW)
    verdicts = [Verdict("a", timer=late), Verdict("b", alert="x"), Verdict("c", finding("odd"))]
    assert let_settle(verdicts, {"late": 60}, NOW) == verdicts
    assert "settle_minutes.*" in let_settle(verdicts, {"*": 5}, NOW)[2].reason


def test_one_timer_for_an_exception_at_the_first_of_its_times() -> None:
    verdicts = [Verdict("a", finding(CONDITION, 5, "1")), Verdict("b", finding(CONDITION, 40, "2"))]
    found = let_settle(verdicts, {CONDITION: 60}, NOW)
    assert {v.timer for v in found} == {Timer(name="condition:settle", due=NOW + timedelta(minutes=20))}


names = st.sampled_from(["late", "odd", CONDITION])
findings = st.builds(finding, names, st.floats(-100, 100), st.text(max_size=2))
verdicts_ = st.lists(st.builds(Verdict, st.just("r"), st.none() | findings), max_size=6)
minutes = st.dictionaries(names | st.just("*"), st.integers(0, 90))


@given(verdicts_, minutes, st.floats(0, 200))
def test_a_finding_waits_and_then_counts(given_: list[Verdict], waits: dict[str, int], later: float) -> None:
    found = let_settle(given_, waits, NOW)
    assert len(found) == len(given_)
    for before, after in zip(given_, found, strict=True):
        assert (after.finding is None) == (before.finding is None or after.timer is not None)
        assert after.reason
    timers = {v.timer.name: v.timer.due for v in found if v.timer is not None}
    assert all(due > NOW for due in timers.values())
    assert len(timers) == len({v.timer for v in found if v.timer is not None})
    assert let_settle(given_, waits, NOW + timedelta(minutes=200)) == given_
    first = min(timers.values(), default=NOW)
    again = let_settle(given_, waits, max(first, NOW + timedelta(minutes=later)))
    assert sum(v.finding is not None for v in again) >= sum(v.finding is not None for v in found) + bool(timers)


@given(verdicts_, st.dictionaries(names | st.just("*"), st.sampled_from([VIP, Condition("true"), Condition("false")])))
def test_conditions_only_take_away(given_: list[Verdict], only_if: dict[str, Condition]) -> None:
    found = limited(given_, only_if, records())
    for before, after in zip(given_, found, strict=True):
        assert after.finding in (before.finding, None)
        assert after.reason.startswith(before.reason)
        assert (after == before) is (before.finding is None or not {before.finding.exception, "*"} & set(only_if))
    assert limited(list(reversed(given_)), only_if, records()) == list(reversed(found))
