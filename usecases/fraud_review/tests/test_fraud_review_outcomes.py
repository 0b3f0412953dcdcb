from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st

from caseconnect.models import (
    Money,
    Order,
    Risk,
    RiskFact,
)
from caseconnect.sdk.commands import CancelOrder, NotifyCustomer, OpenCase, ReleaseOrder
from caseconnect.sdk.testing.story import Story, sample_order
from caseconnect_fraud_review.rules import decide
from caseconnect_fraud_review.settings import FraudReviewSettings

PLACED = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
RISKY = Risk(
    level="high", recommendation="cancel", facts=(RiskFact(description="Card tried 4 times", sentiment="negative"),)
)


def euros(amount: str, currency: str = "EUR") -> Money:
    return Money(amount=Decimal(amount), currency=currency)


def settings(**changes: Any) -> FraudReviewSettings:
    return FraudReviewSettings.model_validate(changes)


def run(order: Order | None = None, **changes: Any) -> Story:
    return Story([("fraud_review", decide, settings(**changes))], order)


def in_review(order: Order, **changes: Any) -> Story:
    """A risky order that is held, with its case open."""
    host = run(order, **changes)
    host.changed()
    host.settle("HoldOrder")
    host.settle("OpenCase")
    assert host.matter.stage == "in_review"
    return host


def acted_on(host: Story) -> tuple[str, str]:
    """Outcome and revision that the matter acted on."""
    assert host.matter.acted_on is not None
    return host.matter.acted_on.outcome, host.matter.acted_on.revision


def test_approved_releases_tells_the_case_and_closes() -> None:
    host = in_review(sample_order(risk=RISKY))
    host.case_changed(outcome="approved", revision="r1")
    release = host.of(ReleaseOrder)[0]
    assert release.target == host.matter.subject
    assert [(e.fact, e.field, e.value) for e in release.expects] == [("case", "outcome", "approved")]
    assert acted_on(host) == ("approved", "r1")
    assert host.matter.is_open()
    host.settle("ReleaseOrder")
    assert "released" in host.comments()[-1]
    assert (host.matter.state, host.matter.stage) == ("closed", "released")
    assert host.alerts == []


@pytest.mark.parametrize(
    ("outcome", "policy"),
    [
        ("verify", {"messages": {"verify": "proof"}}),
        ("asked", {"outcomes": {"asked": "notify"}, "messages": {"notify": "proof"}}),
    ],
)
@pytest.mark.parametrize("buyer", [{}, {"customer_id": None, "customer_name": None}], ids=["profile", "guest"])
def test_a_message_goes_to_the_orders_address_and_names_the_order(outcome: str, policy: Any, buyer: Any) -> None:
    host = in_review(sample_order(risk=RISKY, locale="de-CH", **buyer), **policy)
    host.case_changed(outcome=outcome, revision="r1")
    (message,) = host.of(NotifyCustomer)
    assert (message.email, message.locale, message.values["order"]) == ("jane.roe@example.com", "de-CH", "#1001")
    withheld = in_review(sample_order(risk=RISKY, email=None, **buyer), **policy)
    withheld.case_changed(outcome=outcome, revision="r1")
    withheld.settle("NotifyCustomer", "refused", "the shopper's address is unknown or is not one address")
    assert withheld.of(NotifyCustomer)[0].email == ""
    assert "Connect could not write to the customer" in withheld.comments()[-1]
    assert withheld.alerts


@pytest.mark.parametrize(
    ("captured", "says"),
    [
        (euros("120.00"), "120.00 EUR was captured. Cancelling moves no money"),
        (euros("0"), "No money was captured"),
        (None, "Whether money was captured could not be read"),
    ],
)
def test_rejected_cancels_and_says_what_becomes_of_the_money(captured: Money | None, says: str) -> None:
    host = in_review(sample_order(risk=RISKY, captured=captured))
    host.case_changed(outcome="rejected", revision="r1")
    cancel = host.of(CancelOrder)[0]
    assert (cancel.cause, cancel.notify_customer) == ("fraud", False)
    assert [e.value for e in cancel.expects] == ["rejected"]
    assert says in host.comments()[-1]
    host.settle("CancelOrder")
    assert (host.matter.state, host.matter.stage) == ("closed", "cancelled")


def test_verify_asks_and_stays_held_and_a_later_outcome_is_carried_out() -> None:
    host = in_review(sample_order(risk=RISKY))
    host.case_changed(outcome="verify", revision="r1")
    assert host.matter.stage == "waiting_for_customer"
    assert host.matter.is_open()
    assert "must be asked for verification" in host.comments()[-1]
    assert "stays held" in host.comments()[-1]
    count = len(host.sent)
    host.case_changed(stage="Waiting", revision="r2")
    assert len(host.sent) == count
    host.case_changed(outcome="approved", revision="r3")
    assert host.kinds()[-1] == "ReleaseOrder"


def test_the_same_revision_is_acted_on_once() -> None:
    host = in_review(sample_order(risk=RISKY))
    host.case_changed(outcome="approved", revision="r1")
    count = len(host.sent)
    for _ in range(3):
        host.case_changed()
    host.case_changed(stage="Archive", revision="r2")
    assert len(host.sent) == count
    host.settle("ReleaseOrder")
    count = len(host.sent)
    host.case_changed(status="Closed", closed=True, revision="r3")
    host.case_changed(status="Reopened", closed=False, revision="r4")
    assert len(host.sent) == count
    assert host.alerts == []


def test_an_unmapped_outcome_alerts_comments_and_does_nothing_else() -> None:
    host = in_review(sample_order(risk=RISKY))
    host.case_changed(outcome="maybe", revision="r1")
    host.case_changed(status="x", revision="r2")
    assert len(host.alerts) == 1
    assert "settings.outcomes" in host.alerts[0]
    assert [text for text in host.comments() if "maybe" in text]
    assert host.matter.acted_on is None
    assert host.matter.is_open()
    host.case_changed(outcome="approved", revision="r3")
    assert "ReleaseOrder" in host.kinds()


@pytest.mark.parametrize(("first", "second"), [("approved", "rejected"), ("rejected", "approved")])
@pytest.mark.parametrize("reached", ["sending", "unknown", "accepted", "parked", "done"])
def test_an_outcome_changed_after_execution_goes_to_a_person_and_is_never_executed(
    first: str, second: str, reached: str
) -> None:
    kind = {"approved": "ReleaseOrder", "rejected": "CancelOrder"}[first]
    host = in_review(sample_order(risk=RISKY))
    host.case_changed(outcome=first, revision="r1")
    if reached == "done":
        host.settle(kind)
    else:
        host.state(kind, reached)
    effects = [c for c in host.sent if c.kind in ("ReleaseOrder", "CancelOrder")]
    for revision in ("r2", "r3"):
        host.case_changed(outcome=second, revision=revision)
    assert [c for c in host.sent if c.kind in ("ReleaseOrder", "CancelOrder")] == effects
    assert len(host.alerts) == 1
    assert "decide by hand" in host.alerts[0]


def test_a_decision_taken_back_before_it_was_sent_is_not_carried_out_and_may_come_again() -> None:
    host = in_review(sample_order(risk=RISKY))
    host.case_changed(outcome="approved", revision="r1")
    host.case_changed(outcome=None, revision="r2")
    assert host.matter.stage == "in_review"
    host.settle("ReleaseOrder", "refused", "changed: outcome is none")
    assert "before anything was sent" in host.comments()[-1]
    assert host.alerts == []
    assert host.matter.stage == "in_review"
    host.case_changed(outcome="approved", revision="r3")
    assert host.kinds().count("ReleaseOrder") == 2
    assert acted_on(host) == ("approved", "r3")


@pytest.mark.parametrize(("then", "stage"), [("rejected", "carrying_out"), ("verify", "waiting_for_customer")])
def test_what_another_outcome_replaced_before_it_was_sent_is_no_failure(then: str, stage: str) -> None:
    host = in_review(sample_order(risk=RISKY))
    host.case_changed(outcome="approved", revision="r1")
    host.case_changed(outcome=then, revision="r2")
    host.settle("ReleaseOrder", "refused", f"changed: case outcome is {then} now", changed="case.outcome")
    assert "before anything was sent" in host.comments()[-1]
    assert (host.alerts, host.matter.stage) == ([], stage)


def test_an_outcome_taken_back_after_execution_goes_to_a_person() -> None:
    host = in_review(sample_order(risk=RISKY))
    host.case_changed(outcome="rejected", revision="r1")
    host.state("CancelOrder", "accepted")
    host.case_changed(outcome=None, revision="r2")
    assert len(host.alerts) == 1
    assert "taken back after execution" in host.alerts[0]


@pytest.mark.parametrize("state", ["refused", "parked"])
@pytest.mark.parametrize(("outcome", "kind"), [("approved", "ReleaseOrder"), ("rejected", "CancelOrder")])
def test_a_command_that_fails_is_told_to_case_and_person_and_the_matter_stays_open(
    state: str, outcome: str, kind: str
) -> None:
    host = in_review(sample_order(risk=RISKY))
    host.case_changed(outcome=outcome, revision="r1")
    host.settle(kind, state, "120.00 EUR was captured")
    assert "120.00 EUR was captured" in host.comments()[-1]
    assert len(host.alerts) == (state == "refused"), "what is parked has one alert for all of its kind, the host's"
    assert (host.matter.state, host.matter.stage) == ("open", "blocked")


def test_a_refused_cancellation_is_tried_again_when_the_outcome_is_set_again() -> None:
    host = in_review(sample_order(risk=RISKY))
    host.case_changed(outcome="rejected", revision="r1")
    host.settle("CancelOrder", "refused", "money was captured")
    host.case_changed(revision="r2")
    assert host.kinds().count("CancelOrder") == 2


def test_a_hold_that_is_refused_alerts_and_is_told_to_the_case() -> None:
    host = run(sample_order(risk=RISKY))
    host.changed()
    host.settle("HoldOrder", "refused", "too late: already shipped")
    assert "the goods may leave" in host.alerts[0]
    assert host.sent[-1].after == ("case",)
    host.settle("OpenCase")
    host.case_changed(outcome="approved", revision="r1")
    assert "ReleaseOrder" not in host.kinds()
    assert host.matter.state == "closed"


def test_a_risk_that_stays_high_is_not_held_again_after_a_release() -> None:
    host = in_review(sample_order(risk=RISKY))
    host.case_changed(outcome="approved", revision="r1")
    host.settle("ReleaseOrder")
    count = len(host.sent)
    assert "nothing new: an earlier matter had it" in host.changed(tags=("x",))[0].reason
    host.changed(fulfillment_status="partially_fulfilled")
    assert len(host.sent) == count
    host.changed(risk=Risk(level="high", recommendation="investigate"))
    assert host.kinds()[count:] == ["OpenCase", "HoldOrder"]
    assert host.matter.episode == 2


def test_a_hold_that_a_person_took_off_is_not_set_again() -> None:
    host = in_review(sample_order(risk=RISKY), high_value={"EUR": "500"})
    host.matter = replace(host.matter, claims=frozenset())
    assert "nothing new: its matter is open" in host.changed(tags=("x",))[0].reason
    assert host.kinds().count("HoldOrder") == 1
    host.case_changed(outcome="approved", revision="r1")
    assert "ReleaseOrder" not in host.kinds()
    assert host.matter.state == "closed"


def test_a_hold_that_a_person_took_off_comes_back_on_a_new_ground_and_is_released_again() -> None:
    host = in_review(sample_order(risk=RISKY), high_value={"EUR": "500"})
    host.matter = replace(host.matter, claims=frozenset())
    host.changed(total=euros("900"))
    assert host.kinds().count("HoldOrder") == 2
    assert "hold: asked for because of high_value" in host.reasons[-1]
    host.settle("HoldOrder")
    host.changed(tags=("x",))
    assert host.kinds().count("HoldOrder") == 2
    host.case_changed(outcome="approved", revision="r1")
    assert host.kinds()[-1] == "ReleaseOrder"


def test_what_a_decision_released_is_not_held_again_in_the_same_matter() -> None:
    host = in_review(sample_order(risk=RISKY), high_value={"EUR": "500"})
    host.case_changed(outcome="approved", revision="r1")
    assert host.kinds()[-1] == "ReleaseOrder"
    host.changed(total=euros("900"))
    assert host.kinds().count("HoldOrder") == 1
    assert "held the order before" in host.reasons[-1]


def test_a_case_closed_without_outcome_alerts_while_the_order_is_held() -> None:
    host = in_review(sample_order(risk=RISKY))
    host.case_changed(closed=True, revision="r1")
    host.case_changed()
    assert len(host.alerts) == 1
    assert "still kept back" in host.alerts[0]
    assert host.matter.is_open()


def test_in_mode_cases_a_cancellation_is_left_to_a_person() -> None:
    host = run(sample_order(risk=RISKY))
    host.changed()
    host.matter = replace(host.matter, mode="cases")
    host.state("HoldOrder", "withheld")
    host.settle("OpenCase")
    host.case_changed(outcome="rejected", revision="r1")
    assert "cancel the order by hand" in host.comments()[-1]
    assert host.matter.state == "closed"


def test_a_case_that_could_not_be_opened_alerts_and_a_new_finding_tries_again() -> None:
    host = run(sample_order(risk=RISKY), high_value={"EUR": "500"})
    host.changed()
    host.settle("OpenCase", "refused", "unknown attribute")
    assert "unknown attribute" in host.alerts[0]
    host.changed(total=euros("900"))
    assert host.kinds().count("OpenCase") == 2
    assert host.of(OpenCase)[-1].title == "Review order #1001: high risk, high value"


def test_an_outcome_that_comes_before_the_case_is_known_is_read_by_the_events_own_subject() -> None:
    host = run(sample_order(risk=RISKY))
    host.changed()
    host.settle("HoldOrder")
    host.state("OpenCase", "unknown")
    host.case_changed(outcome="approved", revision="r1")
    assert "ReleaseOrder" in host.kinds()


outcomes = st.sampled_from([None, "approved", "rejected", "verify", "maybe"])


@checked(deadline=None)
@given(st.lists(st.tuples(outcomes, st.sampled_from(["stay", "done", "refused", "parked", "sending"])), max_size=8))
def test_no_story_of_outcomes_releases_and_cancels_or_acts_twice(steps: list[tuple[str | None, str]]) -> None:
    host = in_review(sample_order(risk=RISKY))
    taken: list[str] = []
    for number, (outcome, end) in enumerate(steps):
        before = len(host.sent)
        host.case_changed(outcome=outcome, revision=f"r{number}")
        again = host.case_changed()[0]
        assert again.reason
        assert (again.commands, again.close, again.acted_on) == ((), False, None)
        for command in host.sent[before:]:
            if command.kind in ("ReleaseOrder", "CancelOrder"):
                assert command.expects[0].value == outcome
                if end in ("done", "refused", "parked"):
                    host.settle(command.kind, end)
                elif end == "sending":
                    host.state(command.kind, end)
                if end in ("done", "sending", "parked"):
                    taken.append(command.kind)
    assert len(taken) <= 1
