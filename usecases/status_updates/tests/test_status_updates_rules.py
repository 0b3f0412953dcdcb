from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st
from pydantic import ValidationError

from caseconnect.models import Case
from caseconnect.sdk.commands import AnnotateCustomer, AnnotateOrder
from caseconnect.sdk.components import TransformSpec
from caseconnect.sdk.decisions import CaseRef, CommandState, Decision, Facts, Matter, Missing, Needs, OtherCase
from caseconnect.sdk.events import CaseChanged, CommandSettled
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import sample_order
from caseconnect_status_updates.plugin import connect_register_transforms
from caseconnect_status_updates.rules import decide, phase_of
from caseconnect_status_updates.settings import Phase, StatusUpdatesSettings

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ORDER = Subject("shop", "order", "1001")
CASE = Subject("cases", "case", "c-1")


def settings(**changes: Any) -> StatusUpdatesSettings:
    return StatusUpdatesSettings.model_validate(changes)


def a_matter(**changes: Any) -> Matter:
    fields: dict[str, Any] = {
        "subject": ORDER,
        "topic": "order_review",
        "state": "open",
        "id": "m1",
        "owner": "fraud_review",
        "mode": "live",
        "case": CaseRef(CASE, "CC-1", "https://cases.example/c-1"),
    }
    return Matter(**{**fields, **changes})


def a_case(**changes: Any) -> Case:
    return Case.model_validate(
        {"id": "c-1", "number": "CC-1", "status": "Open", "stage": "Review", "revision": "r", **changes}
    )


SHOPPER = Subject("shop", "customer", "7")
PROFILE: dict[str, Any] = {"customer_attributes": {"number": "case_number", "status": "case_status"}}


class Kept:
    """A registrar that keeps what it is handed."""

    spec: TransformSpec

    def add(self, spec: TransformSpec) -> None:
        self.spec = spec


def settled(kind: str, state: Any = "done", **data: Any) -> CommandSettled:
    return CommandSettled(subject=ORDER, time=NOW, matter="m1", key="k", kind=kind, state=state, data=data)


CHANGED = CaseChanged(subject=CASE, time=NOW)


def annotate(matter: Matter, case: Case | Missing, event: Any = CHANGED, **changes: Any) -> AnnotateOrder:
    decision = decide(event, matter, Facts({("case", CASE): case}), settings(**changes), NOW)
    assert isinstance(decision, Decision)
    assert len(decision.commands) == 1, decision.reason
    command = decision.commands[0]
    assert isinstance(command, AnnotateOrder)
    assert command.target == matter.subject
    return command


def command(kind: str, state: str) -> CommandState:
    return CommandState(kind=kind, name="", state=state, by="fraud_review", key="k")


@pytest.mark.parametrize(
    ("matter", "case", "phase"),
    [
        ({}, {}, "open"),
        ({"stage": "waiting_for_customer"}, {"outcome": "verify"}, "waiting"),
        ({}, {"outcome": "approved"}, "decided"),
        ({"stage": "blocked"}, {"outcome": "rejected"}, "decided"),
        ({"commands": (command("ReleaseOrder", "sending"),)}, {"outcome": "approved"}, "decided"),
        ({"commands": (command("ReleaseOrder", "done"),)}, {"outcome": "approved"}, "resolved"),
        ({"commands": (command("CancelOrder", "done"),)}, {"outcome": "rejected"}, "resolved"),
        ({"state": "closed"}, {"outcome": "approved"}, "resolved"),
        ({}, {"closed": True}, "resolved"),
    ],
)
def test_phase(matter: dict[str, Any], case: dict[str, Any], phase: str) -> None:
    assert phase_of(a_matter(**matter), a_case(**case)) == phase


def test_an_opened_case_is_shown_with_number_status_and_tag() -> None:
    shown = annotate(a_matter(), a_case(), settled("OpenCase", number="CC-1"))
    assert shown.add_tags == ("case-open",)
    assert shown.remove_tags == ("case-decided", "case-resolved", "case-waiting")
    assert shown.attributes == {"case_number": "CC-1", "case_status": "Open", "case_outcome": "none"}


def test_the_old_tag_goes_when_the_case_is_resolved() -> None:
    shown = annotate(a_matter(state="closed"), a_case(outcome="approved"), settled("ReleaseOrder"))
    assert shown.add_tags == ("case-resolved",)
    assert "case-open" in shown.remove_tags
    assert shown.attributes["case_outcome"] == "approved"


def test_only_a_change_of_what_is_shown_makes_another_value() -> None:
    first = annotate(a_matter(), a_case())
    same = annotate(a_matter(), a_case(assignee="Ann Agent", revision="r2", updated_at=NOW))
    other = annotate(a_matter(), a_case(status="Investigating"))
    assert first.slot() == same.slot()
    assert first.slot() != other.slot()
    assert first.name == other.name


def test_the_link_is_written_only_when_the_setting_names_it() -> None:
    assert "https" not in str(annotate(a_matter(), a_case()).attributes)
    shown = annotate(a_matter(), a_case(), attributes={"url": "case_link"})
    assert shown.attributes == {"case_link": "https://cases.example/c-1"}


def test_stage_tags_follow_the_stage_beside_the_phase() -> None:
    stages = {"Review": "case-review", "Legal": "case-legal"}
    shown = annotate(a_matter(), a_case(stage="LEGAL"), stage_tags=stages, tags={"open": "case-open"})
    assert shown.add_tags == ("case-legal", "case-open")
    assert shown.remove_tags == ("case-review",)


def test_a_phase_without_tag_removes_the_others() -> None:
    shown = annotate(a_matter(), a_case(outcome="approved"), tags={"open": "in-case"}, attributes={})
    assert (shown.add_tags, shown.remove_tags, shown.attributes) == ((), ("in-case",), {})


def test_one_tag_for_two_phases_is_not_removed() -> None:
    shown = annotate(a_matter(), a_case(), tags={"open": "case", "waiting": "case", "resolved": "case-done"})
    assert (shown.add_tags, shown.remove_tags) == (("case",), ("case-done",))


OTHER = Subject("cases", "case", "c-2")


def beside(case: dict[str, Any], other: dict[str, Any] | None, **changes: Any) -> AnnotateOrder | None:
    """What is shown of a case, beside another open one of the order; None: that one cannot be read."""
    matter = a_matter(other_cases=(OtherCase(CaseRef(OTHER, "CC-2"), "return", "return/9"),))
    facts: dict[tuple[str, Subject], Any] = {("case", CASE): a_case(**case)}
    asked = decide(CHANGED, matter, Facts(facts), settings(**changes), NOW)
    assert isinstance(asked, Needs)
    assert [(need.subject, need.required) for need in asked.needs] == [(OTHER, False)]
    read = Missing(why="gone") if other is None else a_case(id="c-2", **other)
    decision = decide(CHANGED, matter, Facts(facts | {("case", OTHER): read}), settings(**changes), NOW)
    assert isinstance(decision, Decision)
    return next((c for c in decision.commands if isinstance(c, AnnotateOrder)), None)


@pytest.mark.parametrize(
    ("case", "other", "added", "stays"),
    [
        ({}, {}, ["case-open"], []),
        ({"outcome": "approved"}, {}, ["case-decided"], ["case-open"]),
        ({"closed": True}, {}, [], ["case-open"]),
        ({"closed": True}, {"outcome": "approved"}, [], ["case-decided", "case-waiting"]),
        ({"closed": True}, None, [], ["case-decided", "case-open", "case-waiting"]),
    ],
)
def test_a_case_takes_no_tag_from_another_open_one_and_the_last_says_that_all_is_over(
    case: dict[str, Any], other: dict[str, Any] | None, added: list[str], stays: list[str]
) -> None:
    shown = beside(case, other)
    assert shown is not None
    assert list(shown.add_tags) == added
    every = {"case-open", "case-waiting", "case-decided", "case-resolved"}
    assert sorted(every - {*shown.add_tags, *shown.remove_tags}) == stays


def test_cases_of_different_topics_are_kept_apart_by_the_names_of_their_tags() -> None:
    tags = {"open": "{topic}-open", "resolved": "{topic}-over"}
    apart = beside({"closed": True}, {}, tags=tags)
    assert apart is not None
    assert (apart.add_tags, apart.remove_tags) == (("order-review-over",), ("order-review-open",))
    stages = beside({"closed": True}, {"stage": "Review"}, stage_tags={"review": "in-review"})
    assert stages is not None
    assert "in-review" not in stages.remove_tags


def test_topic_keeps_two_matters_of_one_order_apart() -> None:
    names: dict[str, Any] = {"tags": {"open": "{topic}-open"}, "attributes": {"number": "{topic}_case"}}
    review, returned = (annotate(a_matter(topic=t), a_case(), **names) for t in ("order_review", "return"))
    assert review.slot()[0] != returned.slot()[0]
    assert (review.add_tags, returned.add_tags) == (("order-review-open",), ("return-open",))
    assert returned.attributes == {"return_case": "CC-1"}


def test_a_case_that_cannot_be_read_is_still_shown_when_it_was_opened() -> None:
    shown = annotate(a_matter(), Missing(why="down"), settled("OpenCase", number="CC-1"))
    assert shown.attributes == {"case_number": "CC-1", "case_status": "open", "case_outcome": "none"}


@pytest.mark.parametrize(
    ("event", "matter", "facts", "changes", "says"),
    [
        (CHANGED, {"case": None}, {}, {"attributes": {}, "tags": {}}, "nothing is written back"),
        (CHANGED, {"subject": SHOPPER}, {}, {}, "customer_attributes is empty"),
        (CHANGED, {"subject": Subject("shop", "product", "7")}, {}, PROFILE, "only orders and customers are annotated"),
        (CHANGED, {}, {("case", CASE): Missing(why="down")}, {}, "could not be read (down)"),
        (settled("OpenCase", "refused"), {}, {}, {}, "no progress"),
        (settled("HoldOrder"), {}, {}, {}, "no progress"),
        (settled("AnnotateOrder"), {}, {}, {}, "no progress"),
        (settled("CancelOrder", "parked"), {}, {}, {}, "no progress"),
        (settled("OpenCase"), {"case": None}, {}, {}, "has no case"),
    ],
)
def test_what_is_not_written_back_has_its_reason(
    event: Any, matter: dict[str, Any], facts: Any, changes: dict[str, Any], says: str
) -> None:
    decision = decide(event, a_matter(**matter), Facts(facts), settings(**changes), NOW)
    assert isinstance(decision, Decision)
    assert decision.commands == ()
    assert says in decision.reason


def test_the_case_is_asked_for_first() -> None:
    needs = decide(CHANGED, a_matter(), Facts(), settings(), NOW)
    assert isinstance(needs, Needs)
    assert [(n.fact, n.subject) for n in needs.needs] == [("case", CASE)]


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (sample_order(customer_id="7"), "customer_attributes: number, status"),
        (sample_order(customer_id=None), "customer: the order is a guest's"),
        (Missing(why="down"), "customer: the order could not be read"),
    ],
)
def test_the_profile_of_the_orders_shopper_shows_it_too(order: Any, says: str) -> None:
    facts = Facts({("case", CASE): a_case(), ("order", ORDER): order})
    decision = decide(CHANGED, a_matter(), facts, settings(**PROFILE), NOW)
    assert isinstance(decision, Decision)
    assert says in decision.reason
    on_order, *on_profile = decision.commands
    assert isinstance(on_order, AnnotateOrder)
    assert [c.target for c in on_profile] == ([SHOPPER] if "customer_attributes" in says else [])
    for command in on_profile:
        assert isinstance(command, AnnotateCustomer)
        assert command.attributes == {"case_number": "CC-1", "case_status": "Open"}
        assert (command.add_tags, command.remove_tags) == ((), ())
        assert command.slot()[0] != on_order.slot()[0]


def test_only_the_profile_is_shown_where_nothing_else_is_or_the_matter_is_the_customers() -> None:
    facts = {("case", CASE): a_case(), ("order", ORDER): sample_order(customer_id="7")}
    cases: list[tuple[dict[str, Any], Subject]] = [
        ({"tags": {}, "attributes": {}}, ORDER),
        ({}, SHOPPER),
    ]
    for changes, about in cases:
        decision = decide(CHANGED, a_matter(subject=about), Facts(facts), settings(**PROFILE, **changes), NOW)
        assert isinstance(decision, Decision)
        assert [(c.kind, c.target) for c in decision.commands] == [("AnnotateCustomer", SHOPPER)]


@pytest.mark.parametrize("names", [{"number": "case_number", "url": "link"}, {"number": "{topic}_case"}])
def test_two_orders_of_a_shopper_write_one_slot_and_nothing_is_left_of_the_other(names: dict[str, str]) -> None:
    written: list[AnnotateCustomer] = []
    for number, url in (("1", "https://cases.example/1"), ("2", None)):
        order, case = Subject("shop", "order", number), Subject("cases", "case", number)
        facts = Facts({("case", case): a_case(url=url, number=number), ("order", order): sample_order(customer_id="7")})
        matter = a_matter(subject=order, case=CaseRef(case))
        decision = decide(CaseChanged(subject=case, time=NOW), matter, facts, settings(customer_attributes=names), NOW)
        assert isinstance(decision, Decision)
        written += [command for command in decision.commands if isinstance(command, AnnotateCustomer)]
    first, second = written
    assert (first.target, first.slot()[0]) == (second.target, second.slot()[0])
    assert set(second.attributes) == set(first.attributes)
    assert second.attributes.get("link", "") == ""


def test_what_is_not_set_is_not_asked_of_the_shop() -> None:
    offered = Kept()
    connect_register_transforms(offered)
    assert offered.spec.asks is not None
    assert offered.spec.asks(settings()) == {AnnotateOrder}
    assert offered.spec.asks(settings(**PROFILE)) == {AnnotateOrder, AnnotateCustomer}
    assert offered.spec.asks(settings(tags={}, attributes={}, **PROFILE)) == {AnnotateCustomer}
    assert "order" in offered.spec.optional


def test_the_order_is_read_only_for_the_profile() -> None:
    needs = decide(CHANGED, a_matter(), Facts(), settings(**PROFILE), NOW)
    assert isinstance(needs, Needs)
    assert [(n.fact, n.subject, n.required) for n in needs.needs] == [("case", CASE, False), ("order", ORDER, False)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"tags": {"late": "x"}},
        {"tags": {"open": ""}},
        {"tags": {"open": "a,b"}},
        {"tags": {"open": "{outcome}"}},
        {"attributes": {"assignee": "agent"}},
        {"attributes": {"number": "x" * 41}},
    ],
)
def test_settings_refuse_what_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


words = st.text(st.characters(codec="ascii", exclude_characters="{}"), min_size=4, max_size=20)


@checked(deadline=None)
@given(
    words,
    words,
    st.sampled_from([None, "approved", "rejected", "confirmed fraud"]),
    st.sampled_from(["open", "closed"]),
    st.sampled_from(["order_review", "return", "fraud_case"]),
)
def test_no_tag_is_personal_or_speaks_of_fraud(
    assignee: str, title: str, outcome: str | None, state: str, topic: str
) -> None:
    case = a_case(assignee=assignee, title=title, outcome=outcome, stage="Fraud investigation", decided_by=assignee)
    shown = annotate(a_matter(state=state, topic=topic), case)
    defaults = set(settings().tags.values())
    assert {*shown.add_tags, *shown.remove_tags} == defaults
    assert len(defaults) == len(get_args(Phase))
    assert not any("fraud" in tag or "risk" in tag for tag in defaults)
    assert set(shown.attributes) == {"case_number", "case_status", "case_outcome"}
    assert set(shown.attributes.values()) <= {case.number, case.status, outcome or "none"}


@pytest.mark.parametrize(("state", "shown"), [("closed", [("case-resolved",)]), ("open", [])])
def test_what_ends_the_matter_is_progress_whatever_it_was(state: str, shown: list[Any]) -> None:
    event = CommandSettled(subject=ORDER, time=NOW, matter="m1", key="k", kind="RefundPayment", state="done")
    facts = Facts({("case", CASE): Case(id=CASE.id, outcome="approved")})
    decision = decide(event, a_matter(state=state), facts, settings(), NOW)
    assert isinstance(decision, Decision)
    assert [c.add_tags for c in decision.commands if isinstance(c, AnnotateOrder)] == shown
