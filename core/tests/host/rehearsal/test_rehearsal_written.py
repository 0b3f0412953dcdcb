"""A tenant's own tests: read strictly, played on the stage, judged in words; and made of what really came."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from toys import ORDER, PLACED, Pipe, World, case_command, flow, found

from caseconnect.host.rehearsal.masking import Mask
from caseconnect.host.rehearsal.reading import read_text
from caseconnect.host.rehearsal.recording import record
from caseconnect.host.rehearsal.trying import Result, try_out
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.models import Address, Case, Complaint, Customer, Money, Order
from caseconnect.sdk.commands import CommentCase, HoldOrder, RefundPayment
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs, Timer
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.events import CaseChanged, CommandSettled, ComplaintChanged, Event, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import run


def policy(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision | Needs:
    """Orders of 100 and more are held, with a case; its outcome refunds; a day later it comments."""
    if isinstance(event, CommandSettled):
        return Decision(reason="settled")
    if isinstance(event, TimerFired):
        return Decision(reason="a day is over", commands=(CommentCase(text="still open"),))
    if isinstance(event, CaseChanged):
        case = facts.get("case", event.subject, Case)
        if not isinstance(case, Case):
            return Needs(needs=(Need(fact="case", subject=event.subject),))
        refund = RefundPayment(amount=Money(amount=case.attributes.get("amount", "0"), currency="EUR"))
        return Decision(reason=f"outcome {case.outcome}", commands=(refund,) if case.outcome else ())
    order = facts.get("order", matter.subject, Order)
    if not isinstance(order, Order):
        return Needs(needs=(Need(fact="order", subject=matter.subject),))
    return _of_value(order, matter, now)


def _of_value(order: Order, matter: Matter, now: datetime) -> Decision:
    if order.total.amount < 100 or matter.state != "none":
        return Decision(reason=f"{order.total} is below 100 EUR")
    return Decision(
        reason=f"{order.total} is a lot",
        findings=(found(),),
        commands=(HoldOrder(), case_command(title=f"order of {order.customer_name}", priority="high")),
        timers=(Timer(name="day", due=now + timedelta(days=1)),),
    )


async def _tenant(folder: Path, **options: Any) -> Tenant:
    return Pipe(folder, World(), [flow("review", policy, **options)]).tenant


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    return run(_tenant(tmp_path))


GIVEN = """
- name: a large order
  given:
    now: 2026-03-01T10:00:00Z
    facts:
      shop/order/1:
        order: &order
          id: "1"
          number: "#1"
          created_at: 2026-03-01T09:00:00Z
          updated_at: 2026-03-01T09:00:00Z
          total: {amount: 120.00, currency: EUR}
    events:
      - {type: OrderChanged, subject: shop/order/1}
      - type: CaseChanged
        subject: desk/case/case-1
        after: 2h
        facts:
          desk/case/case-1:
            case: {id: case-1, outcome: give back, revision: "1", attributes: {amount: "5.00"}}
      - after: 2d
  expect:
"""


def tried(tenant: Tenant, expect: str, given: str = GIVEN) -> Result:
    text = given + "".join(f"    {line}\n" for line in expect.strip().splitlines())
    tests, problems = read_text(text.encode(), "acme.tests.yaml", tenant)
    assert problems == [], [str(p) for p in problems]
    return run(try_out(tenant, tests[0]))


@pytest.mark.parametrize(
    "expect",
    [
        "cases: [{use: review, exceptions: [odd], priority: high}]",
        "commands: [{kind: HoldOrder, state: planned}, {kind: RefundPayment, amount: {amount: 5, currency: EUR}}]",
        "commands: [{kind: CommentCase, text: still open}]",
        "never: [CancelOrder, IssueCredit]",
        "says: [is a lot, A DAY IS OVER, outcome give back]",
    ],
)
def test_what_comes_of_it_is_as_expected(tenant: Tenant, expect: str) -> None:
    assert tried(tenant, expect).problems == ()


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("cases: []", "a case opens that is not expected: OpenCase by review (odd) on shop/order/1"),
        (
            "cases: [{use: review, priority: low}]",
            "no such case opens: OpenCase by review with priority 'low'; but of review priority is 'high'",
        ),
        ("cases: [{}, {}]", "no such case opens: OpenCase; there is none"),
        ("commands: [{kind: CancelOrder}]", "not asked for: CancelOrder; there is none"),
        (
            "commands: [{kind: HoldOrder, state: withheld}]",
            "not asked for: HoldOrder with state 'withheld'; but of review state is 'planned'",
        ),
        (
            "commands: [{kind: RefundPayment, amount: {amount: 6, currency: EUR}}]",
            "not asked for: RefundPayment with amount {'amount': '6', 'currency': 'EUR'}; but of review amount is"
            " {'amount': '5.00', 'currency': 'EUR'}",
        ),
        (
            "never: [RefundPayment]",
            "should never be asked for: RefundPayment by review (odd) of 5.00 EUR on shop/order/1",
        ),
        ("says: [far too much]", "no verdict says 'far too much'"),
    ],
)
def test_what_does_not_is_told_in_words(tenant: Tenant, expect: str, said: str) -> None:
    assert tried(tenant, expect).problems == (said,)


def test_a_mode_is_tried_without_changing_the_file(tenant: Tenant) -> None:
    observed = GIVEN.replace("    facts:\n      shop", "    mode: observe\n    facts:\n      shop", 1)
    result = tried(tenant, "commands: [{kind: HoldOrder, state: withheld}]", observed)
    assert result.problems == ()


def test_a_fact_that_is_needed_and_not_given_fails_the_test(tenant: Tenant) -> None:
    result = tried(tenant, "cases: []", GIVEN.replace("shop/order/1:", "shop/order/2:"))
    assert result.problems[0] == "not decided: the test gives no order of shop/order/#"


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("- name", "- nam", "1: [0].nam: is no known key (did you mean name?"),
        ("number:", "numbr:", "[0].given.facts.shop/order/1.order.numbr: is no known key (did you mean number?"),
        ("currency: EUR", "currenc: EUR", "11: [0].given.facts.shop/order/1.order.total.currenc: is no known key"),
        ("120.00", "a lot", "11: [0].given.facts.shop/order/1.order.total.amount: a number is needed here"),
        (
            "order: &order",
            "ordr: &order",
            "6: [0].given.facts.shop/order/1.ordr: there is no fact 'ordr' (did you mean order",
        ),
        ("shop/order/1:", "shopp/order/1:", "there is no connection 'shopp' (did you mean shop?"),
        ("shop/order/1:", "1:", "'1' is not a subject: write connection/kind/id"),
        ("OrderChanged", "OrderChange", "there is no event 'OrderChange' (did you mean OrderChanged?"),
        ("OrderChanged", "TimerFired", "there is no event 'TimerFired'"),
        ("after: 2h", "after: 2 hours", "[0].given.events[1].after: a duration is written like"),
        ("after: 2d", "later: 2d", "[0].given.events[2].later: is no known key"),
        ("kind: HoldOrder", "kind: HoldOrdr", "there is no kind of command 'HoldOrdr' (did you mean HoldOrder?"),
        ("cause: fraud", "cuase: fraud", "there is no field of HoldOrder 'cuase' (did you mean cause?"),
        ("use: review", "use: revew", "there is no flow 'revew' (did you mean review?"),
        ("now: 2026-03-01T10:00:00Z", "now: noon", "[0].given.now: a time such as"),
    ],
)
def test_a_tests_file_is_strict(tenant: Tenant, was: str, becomes: str, said: str) -> None:
    text = GIVEN.strip() + "\n    commands: [{kind: HoldOrder, cause: fraud, use: review}]\n"
    assert was in text
    tests, problems = read_text(text.replace(was, becomes, 1).encode(), "acme.tests.yaml", tenant)
    assert tests == []
    assert said in "\n".join(map(str, problems))


@pytest.mark.parametrize(
    ("text", "said"), [("", "is empty"), ("name: x", "is a list"), ("- name: [", "not valid YAML")]
)
def test_what_is_no_list_of_tests(tenant: Tenant, text: str, said: str) -> None:
    _, problems = read_text(text.encode(), "acme.tests.yaml", tenant)
    assert said in str(problems[0])


def large(subject: Subject) -> Order:
    place = Address(name="Ann Lee", line1="1 High St", city="Bonn", country="DE")
    return Order(
        id=subject.id,
        number="#1",
        created_at=PLACED,
        updated_at=PLACED,
        total=Money(amount="120.00", currency="EUR"),
        customer_name="Ann  lee",
        email="ann@shop.test",
        note="please ring at ann@shop.test",
        billing_address=place,
        shipping_address=place,
        customer_id="77",
    )


def test_a_recorded_test_passes_and_holds_nothing_personal(tmp_path: Path) -> None:
    async def go() -> None:
        world = World(script={"fetch:order": [large(ORDER), ...]})
        (tmp_path / "real").mkdir()
        async with Pipe(tmp_path / "real", world, [flow("review", policy)]) as pipe:
            await pipe.send()
            await pipe.look()
            world.cases["c1"]["attributes"] = {"amount": "7.50", "iban": "DE02120300000000202051"}
            world.decide("c1", "give back", "1")
            await pipe.pass_time(3600)
            await pipe.look({"kind": "case", "id": "c1"}, connection="desk")
            recorded = await record(pipe.tenant, pipe.journal, ORDER)
            assert recorded.remarks == ()
            for word in ("Ann", "lee", "High St", "Bonn", "ann@", "ring", "DE0212"):
                assert word not in recorded.text
            (test,) = yaml.safe_load(recorded.text)
            order = test["given"]["events"][0]["facts"]["shop/order/1"]["order"]
            assert (order["customer_name"], order["billing_address"]["name"]) == ("Person 1", "Person 1")
            assert (order["customer_id"], order["billing_address"]["country"]) == ("77", "DE")
            kinds = [event["type"] for event in test["given"]["events"]]
            assert kinds == ["OrderChanged", "CaseChanged"]
            assert test["given"]["events"][1]["after"] == "1h"
            assert test["expect"]["commands"] == [
                {"kind": "HoldOrder", "use": "review"},
                {"kind": "RefundPayment", "use": "review"},
            ]
            read, problems = read_text(recorded.text.encode(), "acme.tests.yaml", pipe.tenant)
            assert problems == []
            result = await try_out(pipe.tenant, read[0])
            assert result.problems == ()
            assert [str(a.worth) for a in result.asked if a.worth] == ["7.50 EUR"]
            with pytest.raises(ConnectError, match="nothing came"):
                await record(pipe.tenant, pipe.journal, Subject("shop", "order", "9"))

    run(go())


def test_stand_ins_are_the_same_for_the_same_and_others_for_others() -> None:
    mask = Mask(lambda subject: subject)
    first = mask.record(Customer(id="1", name="Ann", email="a@x.test", phone="1", note="secret", tags=("vip",)))
    second = mask.record(Customer(id="2", name=" ANN ", email="b@x.test"))
    assert first == {
        "id": "1",
        "name": "Person 1",
        "email": "person-1@example.com",
        "phone": "+1 202 555 0101",
        "tags": ["vip"],
    }
    assert second == {"id": "2", "name": "Person 1", "email": "person-2@example.com"}


def test_what_an_event_brings_is_masked_too() -> None:
    record_ = Complaint(id="9", text="I am Ann", name="Ann", skus=("S1",), attributes={"mood": "angry", "stars": "1"})
    event = ComplaintChanged(subject=ORDER, item=Subject("shop", "complaint", "9"), time=PLACED, record=record_)
    told = Mask(lambda subject: subject).record(event)
    assert told["record"]["name"] == "Person 1"
    assert "text" not in told["record"]
    assert told["record"]["attributes"] == {"mood": "", "stars": "1"}
    assert told["item"] == "shop/complaint/9"
