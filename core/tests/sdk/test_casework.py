from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from caseconnect.models import (
    Case,
    CaseComment,
    File,
    FulfillmentOrder,
    Hold,
    Money,
    Order,
    OrderHistory,
)
from caseconnect.sdk.casework import (
    AppliesTo,
    CaseworkSettings,
    UseCase,
    Verdict,
    carry_out,
    executing,
    fresh,
    holding,
    not_applying,
    open_or_add,
    opens,
    settled,
    shippable,
)
from caseconnect.sdk.commands import HOLD, CommentCase, HoldOrder, OpenCase
from caseconnect.sdk.decisions import (
    ActedOn,
    CaseRef,
    CommandState,
    Decision,
    Facts,
    Finding,
    Matter,
    Missing,
    Need,
    Needs,
    Timer,
)
from caseconnect.sdk.events import CaseChanged, CommandSettled, OrderChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.rig import ContractBroken
from caseconnect.sdk.testing.story import Story, sample_order

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ORDER = Subject("shop", "order", "1001")
CASE = Subject("cases", "case", "c-1")
EUR = Money(amount=Decimal("120.00"), currency="EUR")
USE = UseCase(name="checking", exceptions=("late", "odd"), hold_causes={"late": "address"})
LATE = Finding(exception="late", ground="g1", summary="too late", arose_at=NOW)
ODD = Finding(exception="odd", ground="g2", summary="looks odd", arose_at=NOW)


class PolicyOfTest(CaseworkSettings):
    names = ("late", "odd")


def command(kind: str, state: str, name: str = "") -> CommandState:
    return CommandState(kind=kind, name=name, state=state, by="checking", key=f"{kind}:{name}")


def matter(**changes: Any) -> Matter:
    fields: dict[str, Any] = {
        "subject": ORDER,
        "topic": "order_review",
        "state": "open",
        "id": "m1",
        "owner": "checking",
        "mode": "live",
        "findings": (LATE,),
        "case": CaseRef(CASE, "CC-1"),
        "commands": (command("OpenCase", "done"),),
    }
    return Matter(**{**fields, **changes})


OPEN = FulfillmentOrder(id="f", status="open", remaining_quantity=1)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"fulfillment_orders": ()}, None),
        ({"cancelled_at": NOW}, "cancelled"),
        ({"fulfillment_status": "fulfilled"}, "shipped"),
        ({"fulfillment_orders": (OPEN.model_copy(update={"status": "closed"}),)}, "nothing"),
        ({"fulfillment_orders": (OPEN.model_copy(update={"remaining_quantity": 0}),)}, "nothing"),
        ({"fulfillment_orders": (OPEN.model_copy(update={"status": "scheduled"}),)}, None),
        ({"fulfillment_status": "partially_fulfilled", "fulfillment_orders": (), "lines": ()}, "nothing"),
    ],
)
def test_shippable(changes: dict[str, Any], why: str | None) -> None:
    said = shippable(sample_order(**changes))
    assert (said is None) is (why is None)
    assert why is None or why in str(said)


@pytest.mark.parametrize(
    ("states", "claims", "held"),
    [
        ((), (), False),
        (("planned",), (), True),
        (("unknown",), (), True),
        (("done",), ("hold",), True),
        (("done",), (), False),
        (("refused",), (), False),
        (("withheld",), (), False),
        (("refused", "planned"), (), True),
    ],
)
def test_holding(states: tuple[str, ...], claims: tuple[str, ...], held: bool) -> None:
    commands = tuple(command("HoldOrder", state) for state in states)
    assert holding(matter(commands=commands, claims=frozenset(claims))) is held


@pytest.mark.parametrize("kind", ["ReleaseOrder", "CancelOrder"])
@pytest.mark.parametrize(
    "state", ["planned", "refused", "superseded", "withheld", "sending", "unknown", "parked", "done"]
)
def test_executing(kind: str, state: str) -> None:
    expected = kind if state in ("sending", "unknown", "parked", "done") else None
    assert executing(matter(commands=(command(kind, state), command("HoldOrder", "done")))) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"state": "none", "case": None, "commands": ()}, True),
        ({"state": "closed"}, True),
        ({}, False),
        ({"case": None, "commands": ()}, True),
        ({"case": None, "commands": (command("OpenCase", "planned"),)}, False),
        ({"case": None, "commands": (command("OpenCase", "unknown"),)}, False),
        ({"case": None, "commands": (command("OpenCase", "parked"),)}, False),
        ({"case": None, "commands": (command("OpenCase", "refused"),)}, True),
    ],
)
def test_opens(changes: dict[str, Any], expected: bool) -> None:
    assert opens(matter(**changes)) is expected


def test_fresh_knows_this_episode_and_the_earlier_ones() -> None:
    verdicts = [Verdict("a", LATE), Verdict("b", ODD), Verdict("c")]
    assert fresh(matter(), verdicts) == (ODD,)
    assert fresh(matter(seen_grounds=frozenset({"g2"})), verdicts) == ()
    assert fresh(matter(state="none", findings=()), verdicts) == (LATE, ODD)


def test_orders_applied_to() -> None:
    assert not_applying(sample_order(), AppliesTo()) is None
    assert not_applying(sample_order(channel="web"), AppliesTo(channels=("web",))) is None
    assert "cancelled" in str(not_applying(sample_order(cancelled_at=NOW), AppliesTo()))


def ask(
    found: Matter,
    verdicts: list[Verdict],
    policy: CaseworkSettings | None = None,
    *,
    order: Order | None = None,
    **kwargs: Any,
) -> Decision:
    facts = Facts(
        {
            ("order_history", ORDER): OrderHistory(key="customer"),
            ("customer", Subject("shop", "customer", "77")): Missing(why="no permission"),
        }
    )
    decision = open_or_add(
        USE, found, order or sample_order(), verdicts, facts, policy or PolicyOfTest(), NOW, **kwargs
    )
    assert isinstance(decision, Decision)
    return decision


NONE = matter(state="none", id="", owner="", findings=(), case=None, commands=())


def test_opening_reads_history_and_customer_once_and_only_when_it_opens() -> None:
    verdicts = [Verdict("late: x", LATE)]
    needs = open_or_add(USE, NONE, sample_order(), verdicts, Facts(), PolicyOfTest(), NOW)
    assert isinstance(needs, Needs)
    assert [(n.fact, n.required) for n in needs.needs] == [("order_history", False), ("customer", False)]
    guest = open_or_add(USE, NONE, sample_order(customer_id=None), verdicts, Facts(), PolicyOfTest(), NOW)
    assert isinstance(guest, Needs)
    assert [n.fact for n in guest.needs] == ["order_history"]
    assert isinstance(open_or_add(USE, matter(), sample_order(), verdicts, Facts(), PolicyOfTest(), NOW), Decision)


def test_opening_says_everything_in_the_command() -> None:
    decision = ask(NONE, [Verdict("late: x", LATE), Verdict("odd: y")], PolicyOfTest(priority={"late": "urgent"}))
    assert decision.reason == "late: x; odd: y"
    (command_,) = decision.commands
    assert isinstance(command_, OpenCase)
    assert command_.priority == "urgent"
    assert command_.documents[0].name == "order-1001.json"
    assert "jane.roe@example.com" in command_.description
    assert "jane.roe@example.com" not in repr(command_)
    assert "Jane Roe" not in repr(command_)


def test_adding_raises_the_priority_only_of_our_own_case() -> None:
    policy = PolicyOfTest(priority={"odd": "high"})
    verdicts = [Verdict("odd: y", ODD)]
    assert [c.kind for c in ask(matter(), verdicts, policy).commands] == ["CommentCase", "UpdateCase"]
    assert [c.kind for c in ask(matter(owner="other"), verdicts, policy).commands] == ["CommentCase"]
    assert [c.kind for c in ask(matter(findings=(ODD,)), [Verdict("late", LATE)], policy).commands] == ["CommentCase"]


def test_a_hold_is_asked_for_once_and_not_after_a_decision() -> None:
    verdicts = [Verdict("late: x", LATE)]
    fresh_matter = matter(findings=(ODD,))
    (hold,) = [c for c in ask(fresh_matter, verdicts, hold_for=("late",)).commands if isinstance(c, HoldOrder)]
    assert (hold.cause, hold.target) == ("address", ORDER)
    for done in (command("HoldOrder", "sending"), command("ReleaseOrder", "done"), command("CancelOrder", "accepted")):
        decision = ask(replace(fresh_matter, commands=(*fresh_matter.commands, done)), verdicts, hold_for=("late",))
        assert [c.kind for c in decision.commands] == ["CommentCase"]
        assert "held the order before" in decision.reason
    assert "hold" not in ask(fresh_matter, verdicts, hold_for=("odd",)).reason


@pytest.mark.parametrize(
    ("claimed", "shown", "parts", "again"),
    [
        (True, True, True, False),
        (True, False, False, False),
        (True, False, True, True),
        (False, False, True, True),
        (False, False, False, True),
    ],
)
def test_a_hold_that_is_gone_is_asked_for_again_on_a_new_ground(
    claimed: bool, shown: bool, parts: bool, again: bool
) -> None:
    """Claimed: the journal's word; shown: the order's own, which is newer but may say nothing of holds."""
    holds = (Hold(id="h1", reason="other", ours=True),) if shown else ()
    part = FulfillmentOrder(id="f1", status="open", remaining_quantity=2, holds=holds)
    order = sample_order(fulfillment_orders=(part,) if parts else ())
    claims = frozenset({HOLD}) if claimed else frozenset()
    held = matter(findings=(ODD,), claims=claims, commands=(command("OpenCase", "done"), command("HoldOrder", "done")))
    decision = ask(held, [Verdict("late: x", LATE)], order=order, hold_for=("late",))
    assert ("HoldOrder" in [c.kind for c in decision.commands]) is again
    known = ask(held, [Verdict("odd", ODD)], order=order, hold_for=("odd",))
    assert known.commands == (), "the ground is not new"


def test_timers_are_set_once_and_cancelled_when_nothing_wants_them() -> None:
    soon = Timer(name="late:20261102", due=NOW)
    verdict = Verdict("late: soon", timer=soon)
    assert ask(NONE, [verdict]).timers == (soon,)
    assert ask(replace(NONE, timers=frozenset({soon.name})), [verdict]).timers == ()
    others = frozenset({"late:old", "elsewhere:1", "lately"})
    assert ask(replace(NONE, timers=others), [verdict]).cancel_timers == ("late:old",)


def test_alerts_of_checks_are_passed_on() -> None:
    assert ask(NONE, [Verdict("a", alert="x"), Verdict("b"), Verdict("c", alert="y")]).alert == "x; y"
    assert ask(NONE, [Verdict("a")]).alert is None


def case_event() -> CaseChanged:
    return CaseChanged(subject=CASE, time=NOW)


def test_outcomes_are_for_use_cases_that_found_something() -> None:
    other = UseCase(name="other", exceptions=("nothing",))
    decision = carry_out(other, case_event(), matter(), Facts(), PolicyOfTest())
    assert isinstance(decision, Decision)
    assert "for others" in decision.reason


def test_an_outcome_waits_for_a_case_that_nobody_can_name() -> None:
    event = CaseChanged(subject=ORDER, time=NOW)
    decision = carry_out(USE, event, matter(case=None), Facts(), PolicyOfTest())
    assert isinstance(decision, Decision)
    assert "not known yet" in decision.reason
    named = carry_out(
        USE, CaseChanged(subject=ORDER, refs=(CASE,), time=NOW), matter(case=None), Facts(), PolicyOfTest()
    )
    assert isinstance(named, Needs)
    assert named.needs[0].subject == CASE


@pytest.mark.parametrize(
    ("outcome", "action"),
    [
        ("approved", "release"),
        (" APPROVED ", "release"),
        ("Rejected", "cancel"),
        ("verify", "ask_verification"),
        ("x", None),
    ],
)
def test_outcomes_are_the_same_in_upper_and_lower_case(outcome: str, action: str | None) -> None:
    assert PolicyOfTest().does(outcome) == (None if action is None else (action,))


@pytest.mark.parametrize("name", ["title", "description", "attributes"])
def test_templates_refuse_names_that_do_not_exist(name: str) -> None:
    value: Any = "{nobody}"
    with pytest.raises(ValidationError, match="nobody"):
        PolicyOfTest.model_validate({name: {"a": value} if name == "attributes" else value})


@pytest.mark.parametrize("placeholder", ["customer", "addresses", "history"])
def test_titles_and_attributes_take_nothing_personal(placeholder: str) -> None:
    PolicyOfTest(description=f"{{{placeholder}}}")
    with pytest.raises(ValidationError):
        PolicyOfTest(title=f"{{{placeholder}}}")
    with pytest.raises(ValidationError):
        PolicyOfTest(attributes={"a": f"{{{placeholder}}}"})


def ended(kind: str, state: Any, note: str = "") -> CommandSettled:
    return CommandSettled(subject=ORDER, time=NOW, matter="m1", key="k", kind=kind, state=state, note=note)


@pytest.mark.parametrize("kind", ["CommentCase", "UpdateCase", "AnnotateOrder"])
@pytest.mark.parametrize("state", ["done", "refused", "parked"])
def test_the_end_of_what_decides_nothing_is_only_noted(kind: str, state: str) -> None:
    decision = settled(ended(kind, state, "note"), matter(), Facts())
    assert isinstance(decision, Decision)
    assert decision.commands == ()
    assert not decision.close
    assert decision.reason == f"{kind} {state}: note"


def test_an_end_told_twice_is_said_once() -> None:
    first = settled(ended("HoldOrder", "done"), matter(), Facts())
    assert isinstance(first, Decision)
    (comment,) = first.commands
    assert isinstance(comment, CommentCase)
    again = settled(
        ended("HoldOrder", "done"), matter(commands=(command("CommentCase", "done", comment.name),)), Facts()
    )
    assert isinstance(again, Decision)
    assert again.commands == ()


def test_a_refusal_reads_the_case_to_tell_a_changed_mind_from_a_failure() -> None:
    acting = matter(acted_on=ActedOn(outcome="approved", revision="r1"))
    event = ended("ReleaseOrder", "refused", "changed")
    assert isinstance(settled(event, acting, Facts()), Needs)
    changed = settled(event, acting, Facts({("case", CASE): Case(id="c-1", outcome=None)}))
    assert isinstance(changed, Decision)
    assert (changed.alert, changed.stage) == (None, None)
    failed = settled(event, acting, Facts({("case", CASE): Case(id="c-1", outcome="approved")}))
    assert isinstance(failed, Decision)
    assert failed.alert is not None
    assert failed.stage == "blocked"
    unread = settled(event, acting, Facts({("case", CASE): Missing(why="down")}))
    assert isinstance(unread, Decision)
    assert unread.alert is not None


def test_a_story_catches_a_use_case_that_is_not_pure() -> None:
    calls: list[int] = []

    def counting(*_: Any) -> Decision:
        calls.append(1)
        return Decision(reason=f"call {len(calls)}")

    with pytest.raises(ContractBroken, match="not pure"):
        Story([("counting", counting, None)]).run(OrderChanged(subject=ORDER, time=NOW))


def test_a_story_catches_endless_needs_and_a_close_with_a_hold() -> None:
    def asking(event: Any, found: Matter, facts: Facts, *_: Any) -> Needs:
        have = {kind for (kind, _), _ in facts.items()}
        kinds = ("order", "order_history", "customer", "case")
        return Needs(needs=(Need(fact=next(k for k in kinds if k not in have), subject=ORDER),))

    with pytest.raises(ContractBroken, match="three rounds"):
        Story([("asking", asking, None)]).changed()

    def closing(*_: Any) -> Decision:
        return Decision(reason="done", close=True)

    story = Story([("closing", closing, None)])
    story.matter = matter(claims=frozenset({"hold"}))
    with pytest.raises(ContractBroken, match="claims a hold"):
        story.changed()


OWN, OTHER = Subject("cases", "case", "c1"), Subject("cases", "case", "c2")


def opened_twice(**data: Any) -> CommandSettled:
    return ended("OpenCase", "done").model_copy(update={"data": {"id": "c1", **data}})


@pytest.mark.parametrize(
    ("case", "kinds"),
    [
        (Case(id="c2", number="2", updated_by_us=True), ["CommentCase", "CloseCase"]),
        (Case(id="c2", updated_by_us=False), ["CommentCase", "CommentCase"]),
        (Case(id="c2", updated_by_us=True, outcome="approved"), ["CommentCase", "CommentCase"]),
        (Case(id="c2", updated_by_us=True, comments=(CaseComment(id="k"),)), ["CommentCase", "CommentCase"]),
        (Case(id="c2", updated_by_us=True, files=(File(id="f"),)), ["CommentCase", "CommentCase"]),
        (Case(id="c2", updated_by_us=True, files=(File(id="f", ours=True),)), ["CommentCase", "CloseCase"]),
        (Case(id="c2", closed=True), []),
        (Missing(why="it cannot be read"), ["CommentCase", "CommentCase"]),
    ],
)
def test_a_second_case_that_the_create_found(case: Any, kinds: list[str]) -> None:
    own = matter(state="open", case=CaseRef(OWN, "1"))
    event = opened_twice(duplicates=["c2", "c1"])
    assert isinstance(settled(event, own, Facts()), Needs)
    decision = settled(event, own, Facts({("case", OTHER): case}))
    assert isinstance(decision, Decision)
    assert [c.kind for c in decision.commands] == kinds
    assert (decision.stage, bool(decision.alert)) == ("in_review", bool(kinds))
    said = tuple(CommandState(c.kind, c.name, "done", "fraud_review", "") for c in decision.commands)
    again = settled(event, replace(own, commands=said), Facts({("case", OTHER): case}))
    assert isinstance(again, Decision)
    assert (again.commands, again.alert) == ((), None)


@pytest.mark.parametrize("data", [{}, {"duplicates": "c2"}, {"duplicates": ["c1"]}])
def test_no_second_case(data: dict[str, Any]) -> None:
    decision = settled(opened_twice(**data), matter(state="open", case=CaseRef(OWN)), Facts())
    assert isinstance(decision, Decision)
    assert decision.commands == ()
