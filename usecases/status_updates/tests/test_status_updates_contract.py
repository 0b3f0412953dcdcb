"""The use case keeps the SDK's contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from caseconnect.models import Case
from caseconnect.sdk.decisions import CaseRef, Matter
from caseconnect.sdk.events import CaseChanged, CommandSettled
from caseconnect.sdk.testing import PluginContract, Situation, TransformContract
from caseconnect.sdk.testing.story import CASE_ID, ORDER, PLACED, sample_order
from caseconnect_status_updates import plugin

NOW = PLACED + timedelta(hours=1)
OPEN = Matter(ORDER, "order_review", state="open", episode=1, id="m1", owner="x", case=CaseRef(CASE_ID, "CC-1"))


def facts(**changes: Any) -> Any:
    """The case as read now."""
    return {("case", CASE_ID): Case(id=CASE_ID.id, number="CC-1", status="New", revision="r1", **changes)}


class TestPlugin(PluginContract):
    plugin = plugin


class TestStatusUpdates(TransformContract):
    plugin = plugin

    def situations(self) -> Sequence[Situation]:
        case = CaseChanged(subject=CASE_ID, time=NOW)
        opened = CommandSettled(
            subject=ORDER, time=NOW, matter="m1", key="k", kind="OpenCase", state="done", data={"number": "CC-1"}
        )
        return [
            Situation(opened, NOW, facts(), OPEN, name="case opened"),
            Situation(case, NOW, facts(outcome="approved", stage="Review"), OPEN, name="decided"),
            Situation(case, NOW, facts(closed=True), OPEN, name="closed"),
            Situation(case, NOW, facts(), OPEN, {"tags": {}, "attributes": {}}, name="switched off"),
            Situation(
                case,
                NOW,
                facts() | {("order", ORDER): sample_order(customer_id="7")},
                OPEN,
                {"customer_attributes": {"number": "case_number"}},
                name="shown on the profile",
            ),
        ]
