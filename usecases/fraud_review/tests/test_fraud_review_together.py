"""The three use cases on one order, in every order of a tenant file's flows."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from caseconnect.models import Risk, Shipment
from caseconnect.sdk.commands import AnnotateOrder
from caseconnect.sdk.events import CaseChanged, CommandSettled
from caseconnect.sdk.testing.story import Story, sample_order
from caseconnect_fraud_review.rules import decide as fraud_review
from caseconnect_fraud_review.settings import FraudReviewSettings
from caseconnect_order_exceptions.rules import decide as order_exceptions
from caseconnect_order_exceptions.settings import OrderExceptionsSettings
from caseconnect_status_updates.rules import decide as status_updates
from caseconnect_status_updates.settings import StatusUpdatesSettings


def _following(event: Any, matter: Any, *rest: Any) -> Any:
    """The host offers a use case that follows only events of a matter."""
    assert isinstance(event, CaseChanged | CommandSettled)
    return status_updates(event, matter, *rest)


FRAUD = ("fraud_review", fraud_review, FraudReviewSettings(high_value={"EUR": Decimal(100)}))
EXCEPTIONS = (
    "order_exceptions",
    order_exceptions,
    OrderExceptionsSettings(exceptions=("address_mismatch", "partial_fulfillment")),
)
RISKY = sample_order(risk=Risk(level="high", recommendation="cancel"), addresses_match=False)


def told(story: Story) -> Story:
    """From now on status_updates follows."""
    story.flows.append(("status_updates", _following, StatusUpdatesSettings()))
    return story


@pytest.mark.parametrize("flows", list(permutations([FRAUD, EXCEPTIONS])))
def test_risk_value_and_address_make_one_case_with_one_hold(flows: Any) -> None:
    story = Story(flows, RISKY)
    story.changed()
    story.changed()
    assert sorted(story.kinds()) == ["CommentCase", "HoldOrder", "OpenCase"]
    assert story.matter.owner == flows[0][0]
    assert {f.exception for f in story.matter.findings} == {"high_risk", "high_value", "address_mismatch"}


@pytest.mark.parametrize("flows", list(permutations([FRAUD, EXCEPTIONS])))
@pytest.mark.parametrize(
    ("outcome", "kind", "last"),
    [("approved", "ReleaseOrder", "released"), ("rejected", "CancelOrder", "cancelled")],
)
def test_an_outcome_offered_to_both_is_carried_out_once(flows: Any, outcome: str, kind: str, last: str) -> None:
    story = Story(flows, RISKY)
    story.changed()
    told(story)
    story.settle("HoldOrder")
    story.settle("OpenCase")
    story.case_changed(outcome=outcome, revision="r1")
    story.settle(kind)
    story.case_changed(status="Done", closed=True, revision="r2")
    assert story.kinds().count(kind) == 1
    assert (story.matter.state, story.matter.stage) == ("closed", last)
    assert story.alerts == []
    tags = [c.add_tags for c in story.of(AnnotateOrder)]
    assert tags == [("case-open",), ("case-decided",), ("case-resolved",), ("case-resolved",)]
    assert story.of(AnnotateOrder)[-1].attributes["case_status"] == "Done"


@pytest.mark.parametrize("flows", list(permutations([FRAUD, EXCEPTIONS])))
def test_an_outcome_that_neither_knows_alerts_for_each_once_and_touches_nothing(flows: Any) -> None:
    story = Story(flows, RISKY)
    story.changed()
    story.settle("OpenCase")
    story.case_changed(outcome="maybe", revision="r1")
    story.case_changed(status="x", revision="r2")
    assert len(story.alerts) == 1
    assert sum("maybe" in text for text in story.comments()) == 1


def test_a_delay_that_comes_later_goes_to_the_open_case() -> None:
    story = Story([FRAUD, EXCEPTIONS], RISKY)
    story.changed()
    shipped = Shipment(id="s1", status="success", created_at=story.now)
    story.changed(fulfillment_status="partially_fulfilled", shipments=(shipped,))
    story.tick(48)
    assert story.kinds().count("OpenCase") == 1
    assert "Partial fulfillment" in story.comments()[-1]
    assert story.matter.findings[-1].arose_at == shipped.created_at + timedelta(hours=48)
