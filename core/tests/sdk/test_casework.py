from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from caseconnect.models import (
    Address,
    Case,
    Customer,
    FulfillmentOrder,
    LineItem,
    Money,
    Order,
    OrderHistory,
    OrderSummary,
    Payment,
    Risk,
    RiskFact,
    Shipment,
    personal_fields,
)
from caseconnect.sdk.casework import (
    PLACEHOLDERS,
    AppliesTo,
    CaseworkSettings,
    UseCase,
    Verdict,
    carry_out,
    case_text,
    executing,
    fill,
    fresh,
    holding,
    not_applying,
    open_or_add,
    opens,
    settled,
    shippable,
    snapshot,
)
from caseconnect.sdk.commands import CommentCase, HoldOrder, OpenCase
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


SECRETS = {
    "name": "Jane Roe",
    "email": "jane@example.com",
    "phone": "+49 30 123",
    "street": "1 First St",
    "ip": "203.0.113.9",
    "note": "call me at noon",
    "digits": "4242",
    "place": "2 Elm Rd, Kiel",
}


def full_order() -> Order:
    address = Address(
        name=SECRETS["name"],
        line1=SECRETS["street"],
        city="Bonn",
        country="DE",
        phone=SECRETS["phone"],
        validation="ok",
    )
    return sample_order(
        email=SECRETS["email"],
        phone=SECRETS["phone"],
        client_ip=SECRETS["ip"],
        customer_name=SECRETS["name"],
        note=SECRETS["note"],
        billing_address=address,
        shipping_address=address,
        payments=(
            Payment(
                id="t1",
                kind="sale",
                status="failure",
                amount=EUR,
                created_at=NOW,
                error_code="card_declined",
                avs_result="N",
                cvv_result="M",
                card_brand="Visa",
                card_last_digits=SECRETS["digits"],
            ),
        ),
        risk=Risk(level="high", recommendation="cancel", provider="Guard", facts=(RiskFact(description="VPN in use"),)),
        shipments=(
            Shipment(
                id="s1",
                status="success",
                created_at=NOW,
                carrier="DHL",
                tracking_numbers=("JD01",),
                delivered_at=NOW + timedelta(days=2),
            ),
        ),
        cancelled_at=NOW,
        presentment_total=Money(amount=Decimal("130.00"), currency="USD"),
        admin_url="https://shop.example/orders/1001",
    )


def full_history() -> OrderHistory:
    return OrderHistory(
        key="customer",
        orders=(
            OrderSummary(id="9", number="#900", created_at=NOW, total=EUR, ship_to=SECRETS["place"], risk_level="high"),
            OrderSummary(id="8", number="#800", created_at=NOW, total=EUR, ship_to="3 Oak Rd", cancelled_at=NOW),
        ),
        complete=False,
    )


CUSTOMER = Customer(
    id="77",
    name=SECRETS["name"],
    email=SECRETS["email"],
    orders_count=3,
    total_spent=EUR,
    tags=("vip",),
    created_at=NOW,
)


def test_text_covers_every_placeholder_and_tells_what_was_read() -> None:
    texts = case_text(full_order(), [LATE, ODD], shop="shop", customer=CUSTOMER, history=full_history())
    assert set(texts) == set(PLACEHOLDERS)
    everything = "\n".join(texts.values())
    for told in (
        "late, odd",
        "- Late: too late",
        "120.00 EUR (130.00 USD for the shopper)",
        "2 x Mug [MUG]",
        "code card_declined",
        "Visa …4242",
        "AVS N",
        "VPN in use",
        "by Guard",
        "1 First St, Bonn, DE (address check: ok)",
        "3 orders, spent 120.00 EUR",
        "203.0.113.9",
        "#900",
        "there are more",
        "Shipped to 2 different places",
        "DHL, JD01",
        "delivered 2026-11-04",
        "Cancelled: 2026-11-02 09:00 UTC",
        "https://shop.example/orders/1001",
    ):
        assert told in everything, told


def test_personal_data_stands_only_in_the_placeholders_that_say_so() -> None:
    texts = case_text(full_order(), [LATE], shop="shop", customer=CUSTOMER, history=full_history())
    silent = {name: text for name, text in texts.items() if "(personal)" not in PLACEHOLDERS[name]}
    assert len(silent) == len(texts) - 3
    for name, text in silent.items():
        leaked = [secret for key, secret in SECRETS.items() if key != "digits" and secret in text]
        assert not leaked, (name, leaked)


def test_text_of_bare_facts_says_what_is_not_known() -> None:
    bare = sample_order(
        customer_name=None,
        email=None,
        customer_id=None,
        billing_address=None,
        shipping_address=Address(),
        captured=None,
        lines=(),
        channel=None,
    )
    texts = case_text(bare, [LATE], shop="shop", customer=None, history=None)
    assert "A guest" in texts["customer"]
    assert "not known" in texts["addresses"]
    assert "withheld by the platform" in texts["addresses"]
    assert "captured amount unknown" in texts["facts"]
    assert texts["lines"] == "Items: none"
    assert texts["history"] == "Other orders: not read"
    missing = case_text(bare, [LATE], shop="shop", customer=Missing(why="a"), history=Missing(why="b"))
    assert "could not be read (a)" in missing["customer"]
    assert "could not be read (b)" in missing["history"]
    unknown = case_text(bare, [LATE], shop="shop", history=OrderHistory(key="none"))
    assert "cannot be told from others" in unknown["history"]


def test_long_lists_are_cut_and_say_so() -> None:
    lines = tuple(LineItem(id=str(n), title=f"Thing {n}", quantity=1) for n in range(40))
    text = case_text(sample_order(lines=lines), [LATE], shop="shop")["lines"]
    assert "Thing 24" in text
    assert "Thing 25" not in text
    assert text.endswith("- and 15 more")


@checked(deadline=None)
@given(st.text(max_size=300))
def test_strangers_text_stays_on_its_line(title: str) -> None:
    lines = (LineItem(id="1", title=title, quantity=1),)
    text = case_text(sample_order(lines=lines), [LATE], shop="shop")["lines"]
    assert len(text.splitlines()) == 2


@checked(deadline=None)
@given(st.text(max_size=80), st.dictionaries(st.sampled_from(["order", "total"]), st.text(max_size=20)))
def test_fill_replaces_once_and_runs_nothing(template: str, values: dict[str, str]) -> None:
    assert fill("{order.__class__}" + template, {}) == "{order.__class__}" + template
    assert fill("{a}", {"a": "{b}", "b": "x"}) == "{b}"
    for name, value in values.items():
        assert fill(f"<{{{name}}}>", values) == f"<{value}>"


def personal_names(model: type[BaseModel]) -> set[str]:
    return set(personal_fields(model))


def test_snapshot_without_personal_data_holds_none_at_any_depth() -> None:
    document = snapshot(full_order(), CUSTOMER, full_history(), personal=False)
    text = document.content.decode()
    assert [key for key, secret in SECRETS.items() if secret in text] == []
    content = json.loads(text)
    assert content["personal_data"] is False
    assert personal_names(Order).isdisjoint(content["order"])
    assert personal_names(Address).isdisjoint(content["order"]["shipping_address"])
    assert content["order"]["shipping_address"]["country"] == "DE"
    assert content["order"]["total"] == {"amount": "120.00", "currency": "EUR"}
    assert content["order_history"]["orders"][0]["number"] == "#900"
    assert content["customer"]["orders_count"] == 3


def test_full_snapshot_is_the_record_itself_and_the_same_bytes_each_time() -> None:
    order = full_order()
    document = snapshot(order, personal=True)
    content = json.loads(document.content)
    assert Order.model_validate(content["order"]) == order
    assert content["customer"] is None
    assert document.name == "order-1001.json"
    assert snapshot(order, personal=True).digest == document.digest


@pytest.mark.parametrize(
    ("number", "name"),
    [("#1001", "order-1001.json"), ("../A/7", "order-A7.json"), ("№", "order-1001.json"), ("9" * 300, None)],
)
def test_snapshot_names_are_file_names(number: str, name: str | None) -> None:
    document = snapshot(sample_order(number=number), personal=False)
    assert name is None or document.name == name


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


def ask(found: Matter, verdicts: list[Verdict], policy: CaseworkSettings | None = None, **kwargs: Any) -> Decision:
    order = sample_order()
    facts = Facts(
        {
            ("order_history", ORDER): OrderHistory(key="customer"),
            ("customer", Subject("shop", "customer", "77")): Missing(why="no permission"),
        }
    )
    decision = open_or_add(USE, found, order, verdicts, facts, policy or PolicyOfTest(), **kwargs)
    assert isinstance(decision, Decision)
    return decision


NONE = matter(state="none", id="", owner="", findings=(), case=None, commands=())


def test_opening_reads_history_and_customer_once_and_only_when_it_opens() -> None:
    verdicts = [Verdict("late: x", LATE)]
    needs = open_or_add(USE, NONE, sample_order(), verdicts, Facts(), PolicyOfTest())
    assert isinstance(needs, Needs)
    assert [(n.fact, n.required) for n in needs.needs] == [("order_history", False), ("customer", False)]
    guest = open_or_add(USE, NONE, sample_order(customer_id=None), verdicts, Facts(), PolicyOfTest())
    assert isinstance(guest, Needs)
    assert [n.fact for n in guest.needs] == ["order_history"]
    assert isinstance(open_or_add(USE, matter(), sample_order(), verdicts, Facts(), PolicyOfTest()), Decision)


def test_opening_says_everything_in_the_command() -> None:
    decision = ask(NONE, [Verdict("late: x", LATE), Verdict("odd: y")], PolicyOfTest(priority={"late": "urgent"}))
    assert decision.reason == "late: x; odd: y"
    (command_,) = decision.commands
    assert isinstance(command_, OpenCase)
    assert command_.priority == "urgent"
    assert command_.documents[0].name == "order-1001.json"
    assert SECRETS["email"] not in repr(command_)
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
    for done in (command("HoldOrder", "done"), command("ReleaseOrder", "done"), command("CancelOrder", "accepted")):
        decision = ask(replace(fresh_matter, commands=(*fresh_matter.commands, done)), verdicts, hold_for=("late",))
        assert [c.kind for c in decision.commands] == ["CommentCase"]
        assert "held the order before" in decision.reason
    assert "hold" not in ask(fresh_matter, verdicts, hold_for=("odd",)).reason


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
    assert PolicyOfTest().action(outcome) == action


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
