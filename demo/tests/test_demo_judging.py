"""The judgement of a day on canned evidence: right as it is, and wrong for every way of tampering with it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from caseconnect_demo.day import DAY, Expected, Scenario, Turn
from caseconnect_demo.evidence import Evidence
from caseconnect_demo.judging import _FLOWS, judge
from caseconnect_demo.playing import Placed

ORDER, FO, CASE = "gid://shopify/Order/11", "gid://shopify/FulfillmentOrder/12", "c-1"
REFERENCE = "demo/demo-shop.myshopify.com/order/11/order_review/1"
SCENARIOS = (
    Scenario(
        "reviewed",
        "high risk",
        {},
        Expected(
            frozenset({"high_risk"}),
            ("held", "released"),
            "closed",
            trail=("OpenCase: sending -> unknown", "OpenCase: unknown -> done"),
            alert="was changed",
        ),
        agent=(Turn("approved"), Turn("rejected")),
        twice=True,
    ),
    Scenario("ordinary", "nothing wrong", {}, Expected(because="is below high_value")),
)


def command(kind: str, *became: str, attempt: int = 1, **body: Any) -> dict[str, Any]:
    steps = ("new", *became)
    outcomes = [
        {"at": f"2026-11-21T10:00:{n:02}Z", "was": was, "became": now, "note": "", "by": "connect"}
        for n, (was, now) in enumerate(zip(steps, became, strict=False), 10)
    ]
    return {"kind": kind, "name": "", "state": became[-1], "attempt": attempt, "body": body, "outcomes": outcomes}


def annotation(add: str, remove: list[str], outcome: str) -> dict[str, Any]:
    return command(
        "AnnotateOrder", "planned", "sending", "done",
        add_tags=[add], remove_tags=remove, attributes={"case_outcome": outcome},
    )  # fmt: skip


def effect(what: str, target: str, **args: Any) -> dict[str, Any]:
    return {"seq": 1, "at": "", "who": "app", "what": what, "target": target, "args": args}


def on_case(operation: str, via: str = "api", **detail: Any) -> dict[str, Any]:
    return {"operation": operation, "via": via, "by": "x", "case_id": CASE, "detail": detail}


def told(subject: str, *, topic: str, reason: str, matters: list[dict[str, Any]]) -> dict[str, Any]:
    event = {"at": "2026-11-21T10:00:00Z", "type": "OrderChanged", "topic": topic, "delivery_id": f"d-{subject}"}
    answer = {"use": "fraud_review", "reason": reason}
    return {
        "subject": subject,
        "events": [event],
        "decisions": [{"at": "2026-11-21T10:00:01Z", "answers": [answer]}],
        "matters": matters,
    }


def matter() -> dict[str, Any]:
    return {
        "reference": REFERENCE,
        "state": "closed",
        "case_subject": f"cases/case/{CASE}",
        "case_number": "CASE-1",
        "findings": [{"exception": "high_risk"}],
        "commands": [
            command("OpenCase", "planned", "sending", "unknown", "done"),
            command("HoldOrder", "planned", "sending", "done"),
            command("CommentCase", "planned", "sending", "done", text="The order is held."),
            annotation("case-open", ["case-resolved"], "none"),
            command("ReleaseOrder", "planned", "sending", "done"),
            command("HoldOrder", "done", attempt=0),
            annotation("case-resolved", ["case-open"], "approved"),
        ],
    }


def evidence() -> Evidence:
    alert = {"title": "shop/order/11: the outcome was changed", "link": "shop/order/11"}
    return Evidence(
        placed={"reviewed": Placed("11", "#1001", "d-shop/order/11"), "ordinary": Placed("21", "#1002")},
        told={
            "reviewed": told("shop/order/11", topic="orders/create", reason="high", matters=[matter()]),
            "ordinary": told(
                "shop/order/21", topic="orders/create", reason="high_risk: no; 5 USD is below high_value", matters=[]
            ),
        },
        counts={
            "deliveries": {"events": 2},
            "events": {"done": 2},
            "commands": {"done": 7},
            "matters": {"closed": 1},
        },
        stuck={"alerts": [alert], "deliveries": [], "events": [], "commands": [], "brakes": []},
        shop_ledger=[
            effect("webhook_subscribe", "gid://shopify/WebhookSubscription/1"),
            effect("hold", FO, order=ORDER),
            effect("tags_add", ORDER, tags=["case-open"]),
            effect("metafields_set", ORDER, namespace="connect", key="case_outcome", value="none"),
            effect("release", FO, order=ORDER),
            effect("tags_add", ORDER, tags=["case-resolved"]),
            effect("tags_remove", ORDER, tags=["case-open"]),
            effect("metafields_set", ORDER, namespace="connect", key="case_outcome", value="approved"),
        ],
        shop_orders={
            "11": {"tags": ["case-resolved"], "metafields": {"connect.case_outcome": "approved"}},
            "21": {"tags": [], "metafields": {}},
        },
        case_ledger=[
            on_case("create_case", custom={"externalReference": REFERENCE}),
            on_case("add_attachment", name="order.json"),
            on_case("add_comment", text="The order is held.\n\n[connect 0123]"),
            on_case("decide", via="agent", outcome="approved"),
            on_case("add_comment", via="agent", text="Fine."),
            on_case("decide", via="agent", outcome="rejected"),
        ],
        cases={CASE: {"number": "CASE-1"}},
        came_to_rest=True,
    )


def test_a_right_day_is_right() -> None:
    judgement = judge(SCENARIOS, evidence())
    assert judgement.problems == []
    reviewed, ordinary = judgement.rows
    assert (reviewed.order, reviewed.case, reviewed.effects) == ("#1001", "CASE-1", ("held", "released"))
    assert reviewed.decisions == ("approved", "rejected")
    assert reviewed.flows == ("S4", "P3", "P5")
    assert reviewed.why == "the outcome was changed"
    assert (ordinary.case, ordinary.why) == ("", "5 USD is below high_value")
    assert judgement.totals() == {
        "orders": 2,
        "exceptions_raised": 1,
        "cases_opened": 1,
        "decisions": 2,
        "decisions_carried_out": 1,
        "decisions_left_to_people": 1,
        "nothing_opened": 1,
    }


def _shop(what: str, target: str, **args: Any) -> Callable[[Evidence], None]:
    return lambda e: e.shop_ledger.append(effect(what, target, **args))


def _case(operation: str, **detail: Any) -> Callable[[Evidence], None]:
    return lambda e: e.case_ledger.append(on_case(operation, **detail))


TAMPERED: dict[str, tuple[Callable[[Evidence], Any], str]] = {
    "held twice": (_shop("hold", FO, order=ORDER), "hold of order #1001: 1 by the journal, 2 in the ledger"),
    "never released": (lambda e: e.shop_ledger.pop(4), "release of order #1001: 1 by the journal, 0 in the ledger"),
    "cancelled unasked": (_shop("cancel", ORDER), "cancel of order #1001: 0 by the journal, 1 in the ledger"),
    "a stranger held": (_shop("hold", "x/9", order="x/99"), "hold of order 99: 0 by the journal, 1 in the ledger"),
    "refunded": (_shop("refund", ORDER), "refund of order #1001: 0 by the journal, 1 in the ledger"),
    "tagged unasked": (_shop("tags_add", ORDER, tags=["vip"]), "annotations of #1001: commands ask for"),
    "a stranger tagged": (_shop("tags_add", "x/99", tags=["vip"]), "order 99 was annotated, which is none of the day"),
    "a tag is gone": (lambda e: e.shop_orders["11"].update(tags=[]), "annotations of #1001: it shows []"),
    "a value is other": (
        lambda e: e.shop_orders["11"]["metafields"].update({"connect.case_outcome": "x"}),
        "annotations of #1001: it shows ['case-resolved'] {'case_outcome': 'x'}",
    ),
    "two cases": (_case("create_case", custom={"externalReference": REFERENCE}), f"matter {REFERENCE} has 2 cases"),
    "no case": (lambda e: e.case_ledger.pop(0), f"matter {REFERENCE} has 0 cases"),
    "a case of nobody": (_case("create_case", custom={}), "a case was opened for None, which no matter asked for"),
    "another case": (
        lambda e: e.told["reviewed"]["matters"][0].update(case_subject="cases/case/c-9"),
        "has another case in the journal than in the ledger",
    ),
    "said twice": (
        _case("add_comment", text="The order is held.\n\n[connect 0123]"),
        "add_comment on CASE-1 'The order is held.': 1 by the journal, 2 in the ledger",
    ),
    "said unasked": (_case("add_comment", text="Hello"), "add_comment on CASE-1 'Hello': 0 by the journal, 1 in the"),
    "never said": (lambda e: e.case_ledger.pop(2), "'The order is held.': 1 by the journal, 0 in the ledger"),
    "changed unasked": (_case("edit_case_data"), "edit_case_data on CASE-1 '': 0 by the journal, 1 in the ledger"),
    "no document": (lambda e: e.case_ledger.pop(1), "add_attachment on CASE-1 '': 1 by the journal, 0 in the ledger"),
    "no rest": (lambda e: setattr(e, "came_to_rest", False), "did not come to rest"),
    "still sending": (lambda e: e.counts["commands"].update(done=6, sending=1), "1 commands are sending"),
    "parked": (lambda e: e.counts["deliveries"].update(parked=3), "3 deliveries are parked"),
    "a matter of nobody": (lambda e: e.counts["matters"].update(open=1), "the journal has 2 matters, the orders of"),
    "paused": (
        lambda e: e.stuck["brakes"].append({"scope": "connection", "name": "shop", "reason": "credentials"}),
        "connection shop is paused: credentials",
    ),
    "an alert too many": (
        lambda e: e.stuck["alerts"].append({"title": "shop cannot be polled", "link": "shop"}),
        "2 alerts instead of 1",
    ),
    "no alert": (lambda e: e.stuck["alerts"].clear(), "#1001 (reviewed): alerts none instead of was changed"),
    "stored twice": (
        lambda e: e.told["reviewed"]["events"].append(dict(e.told["reviewed"]["events"][0])),
        "the delivery that came twice was stored 2 times",
    ),
    "no reason": (lambda e: e.told["ordinary"]["decisions"].clear(), "no verdict says 'is below high_value'"),
    "a case for nothing": (
        lambda e: e.told["ordinary"]["matters"].append(matter()),
        "#1002 (ordinary): matters closed instead of none",
    ),
    "never unknown": (
        lambda e: e.told["reviewed"]["matters"][0]["commands"][0]["outcomes"].pop(2),
        "its story lacks, in this order: OpenCase: sending -> unknown, then OpenCase: unknown -> done",
    ),
    "another exception": (
        lambda e: e.told["reviewed"]["matters"][0]["findings"].append({"exception": "high_value"}),
        "exceptions high_risk, high_value instead of high_risk",
    ),
    "never placed": (lambda e: (e.placed.pop("ordinary"), e.told.pop("ordinary")), "ordinary was never placed"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_tampered_day_is_wrong(how: str) -> None:
    tamper, problem = TAMPERED[how]
    found = copy.deepcopy(evidence())
    tamper(found)
    assert any(problem in told for told in judge(SCENARIOS, found).problems), judge(SCENARIOS, found).problems


def test_the_day_is_fit_to_be_played_and_judged() -> None:
    assert len({s.key for s in DAY}) == len(DAY)
    assert [bool(s.fault) for s in DAY] == sorted((bool(s.fault) for s in DAY), reverse=True)
    for scenario in DAY:
        expected = scenario.expected
        assert bool(expected.exceptions) == bool(expected.matter) != bool(expected.because), scenario.key
        assert bool(scenario.agent) == bool(expected.exceptions), scenario.key
        assert expected.exceptions <= _FLOWS.keys()
        assert {turn.outcome for turn in scenario.agent} <= {"approved", "rejected", "verify"}
    raised = frozenset().union(*(s.expected.exceptions for s in DAY))
    assert raised == _FLOWS.keys()
