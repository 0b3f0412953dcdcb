"""The shop's day as data: what is ordered, what goes wrong, what agents decide, and what must come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

HOME: Mapping[str, str] = {
    "address1": "12 Mill Lane",
    "city": "Albany",
    "province_code": "NY",
    "country_code": "US",
    "zip": "12207",
}
ELSEWHERE: Mapping[str, str] = {
    "address1": "900 Dock Road",
    "city": "Miami",
    "province_code": "FL",
    "country_code": "US",
    "zip": "33101",
}
AUTHORIZED: Mapping[str, str] = {"kind": "authorization", "status": "success"}
CAPTURED: Mapping[str, str] = {"kind": "sale", "status": "success"}
DECLINED: Mapping[str, str] = {"kind": "authorization", "status": "failure", "error_code": "card_declined"}
HIGH: Mapping[str, Any] = {"level": "high", "facts": ["Card used from a proxy", "Many attempts within an hour"]}
LOW: Mapping[str, Any] = {"level": "low"}

HELD, RELEASED, CANCELLED = "held", "released", "cancelled"
SAID_HELD = "The order is held"
SAID_RELEASED = "The order is released"
SAID_ASK = "must be asked for verification"


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong once, planned just before the order is placed."""

    where: Literal["shop", "cases"]
    spec: Mapping[str, Any]
    told: str


@dataclass(frozen=True)
class Step:
    """Something that staff, a bank or a fraud service does with the order. `looked`: only after Connect has looked."""

    action: str
    body: Mapping[str, Any]
    told: str
    looked: bool = True


@dataclass(frozen=True)
class Turn:
    """An agent's turn: `outcome` is set once Connect has written `after` on the case; empty: once the case is there."""

    outcome: str
    after: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Expected:
    """What must come of it.

    `effects` are those on the order, in their order. `matter` is how the matter is left, empty when there is none.
    `because` is a part of the reason that the journal gives when nothing is done. `trail` are parts of the lines of
    the order's story, in their order. `alert` is a part of the one alert that calls a person, empty for none.
    """

    exceptions: frozenset[str] = frozenset()
    effects: tuple[str, ...] = ()
    matter: Literal["", "open", "closed"] = ""
    because: str = ""
    trail: tuple[str, ...] = ()
    alert: str = ""


@dataclass(frozen=True)
class Scenario:
    """One order of the day. `ago` is how long before now it was placed; `silent` orders send no webhook."""

    key: str
    story: str
    order: Mapping[str, Any]
    expected: Expected
    then: tuple[Step, ...] = ()
    agent: tuple[Turn, ...] = ()
    fault: Fault | None = None
    twice: bool = False
    silent: bool = False
    ago: timedelta | None = None


def order(title: str, price: str, who: str, **more: Any) -> dict[str, Any]:
    """An order for the shop's control API, of one line unless `lines` says otherwise."""
    first, _, last = who.partition(" ")
    made: dict[str, Any] = {
        "lines": [{"title": title, "sku": title.upper().replace(" ", "-"), "price": price, "quantity": 1}],
        "customer": {"first_name": first, "last_name": last, "email": f"{who.lower().replace(' ', '.')}@shop.example"},
        "shipping_address": {"first_name": first, "last_name": last, **HOME},
        "payment": AUTHORIZED,
        "risk": LOW,
    }
    return made | more


LOST_ANSWER = Fault(
    "cases",
    {"kind": "drop_after", "operation": "create_case"},
    "case management will open the next case, and the connection breaks before it can say so",
)
# As an answer of its own, because a bucket that is really empty throttles whatever else is read at that moment.
_COST = {
    "requestedQueryCost": 10,
    "actualQueryCost": None,
    "throttleStatus": {"maximumAvailable": 20_000, "currentlyAvailable": 5, "restoreRate": 1_000},
}
_THROTTLED = {
    "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
    "extensions": {"cost": _COST},
}
THROTTLED = Fault(
    "shop",
    {"kind": "status", "status": 200, "operation": "fulfillmentOrderHold", "body": _THROTTLED},
    "the shop will throttle the next hold",
)
APPROVE = Turn("approved")
APPROVE_HELD = Turn("approved", SAID_HELD)
REJECT_HELD = Turn("rejected", SAID_HELD)


_MUG = order("Mug", "24.00", "Ann Lee")
_HIGH_RISK = frozenset({"high_risk"})
_REVIEWED = (HELD, RELEASED)

_QUIET = (
    Scenario(
        "ordinary",
        "an ordinary order",
        _MUG,
        Expected(because="USD is below high_value.USD"),
        ago=timedelta(minutes=25),
    ),
    Scenario(
        "paid_at_last",
        "card declined, paid with another one right after",
        order("Lamp", "89.00", "Cem Oz", payment=[DECLINED, AUTHORIZED]),
        Expected(because="payment_failure: a later payment succeeded"),
    ),
    Scenario(
        "test_order",
        "a test order with a high risk",
        order("Drone", "1900.00", "Dev Test", test=True, risk=HIGH),
        Expected(because="a test order: applies_to.test_orders is false"),
    ),
    Scenario(
        "before_go_live",
        "an order from before going live, high value, touched today",
        order("Sofa", "2400.00", "Eve Roe", name="#0987"),
        Expected(because="high_value arose before going live"),
        silent=True,
        ago=timedelta(days=5),
        then=(Step("edit", {"note": "Please call before delivery."}, "staff write a note on it", looked=False),),
    ),
    Scenario(
        "other_currency",
        "5,000 euro, and no threshold for euro",
        order("Watch", "5000.00", "Finn Berg", currency="EUR"),
        Expected(because="high_value: not checked, high_value has no threshold for EUR"),
    ),
)

_EXCEPTIONS = (
    Scenario(
        "payment_failure",
        "card declined; the answer of the case's creation is lost",
        order("Kettle", "59.00", "Gus Hall", payment=DECLINED),
        Expected(
            frozenset({"payment_failure"}),
            (CANCELLED,),
            "closed",
            trail=("OpenCase: sending -> unknown", "OpenCase: unknown -> done"),
        ),
        fault=LOST_ANSWER,
        agent=(Turn("rejected", comment="No other card within the day."),),
    ),
    Scenario(
        "partial",
        "a part is shipped, and nothing follows",
        order(
            "Desk",
            "310.00",
            "Hana Ito",
            lines=[
                {"title": "Desk", "sku": "DESK", "price": "310.00", "quantity": 1},
                {"title": "Chair", "sku": "CHAIR", "price": "120.00", "quantity": 2},
            ],
        ),
        Expected(frozenset({"partial_fulfillment"}), (), "closed"),
        then=(Step("fulfill", {"lines": {"DESK": 1}, "company": "UPS"}, "the warehouse ships a part of it"),),
        agent=(Turn("approved", comment="The chairs come on Monday; the customer knows."),),
    ),
    Scenario(
        "duplicate",
        "the same order again, twelve minutes later",
        _MUG,
        Expected(frozenset({"duplicate_order"}), (CANCELLED,), "closed"),
        ago=timedelta(minutes=13),
        agent=(Turn("rejected", comment="Ordered twice by mistake, the customer says."),),
    ),
)

_REVIEWS = (
    Scenario(
        "changed_mind",
        "high value, its webhook never comes; approved, and then rejected after all",
        order("Piano", "4200.00", "Pia Rossi"),
        Expected(
            frozenset({"high_value"}),
            _REVIEWED,
            "closed",
            trail=("event 1: OrderChanged by orders/poll",),
            alert="the outcome was changed from 'approved' to 'rejected'",
        ),
        silent=True,
        agent=(APPROVE_HELD, Turn("rejected", SAID_RELEASED, "I should have looked twice.")),
    ),
    Scenario(
        "verified",
        "high risk; the customer is asked first",
        order("Tablet", "640.00", "Lia Sun", risk=HIGH),
        Expected(_HIGH_RISK, _REVIEWED, "closed", trail=("says ask_verification", "ReleaseOrder: sending -> done")),
        agent=(
            Turn("verify", SAID_HELD),
            Turn("approved", SAID_ASK, "Called back on the number we had; all is well."),
        ),
    ),
    Scenario(
        "throttled",
        "high risk; the shop throttles the hold",
        order("Phone", "830.00", "Jan Vos", risk=HIGH),
        Expected(
            _HIGH_RISK,
            (HELD, CANCELLED),
            "closed",
            trail=("HoldOrder: sending -> planned", "HoldOrder: sending -> done"),
        ),
        fault=THROTTLED,
        agent=(REJECT_HELD,),
    ),
    Scenario(
        "all_at_once",
        "high value, high risk, addresses that differ; one delivery comes twice",
        order(
            "Camera",
            "2890.00",
            "Kim Park",
            risk=HIGH,
            billing_address={"first_name": "Kim", "last_name": "Park", **ELSEWHERE},
        ),
        Expected(frozenset({"high_risk", "high_value", "address_mismatch"}), _REVIEWED, "closed"),
        twice=True,
        agent=(APPROVE_HELD,),
    ),
    Scenario(
        "risk_later",
        "the risk is assessed only later",
        order("Speaker", "420.00", "Max Ohm", risk=[]),
        Expected(
            _HIGH_RISK, _REVIEWED, "closed", trail=("high_risk: risk none is below", "orders/risk_assessment_changed")
        ),
        then=(Step("risk", HIGH, "the fraud service has its answer: high"),),
        agent=(APPROVE_HELD,),
    ),
    Scenario(
        "captured",
        "high risk, paid already, rejected",
        order("Laptop", "980.00", "Nia Cole", payment=CAPTURED, risk=HIGH),
        Expected(
            _HIGH_RISK,
            (HELD,),
            "open",
            trail=("CancelOrder: sending -> refused: 980",),
            alert="could not cancel the order",
        ),
        agent=(REJECT_HELD,),
    ),
)

# Those with a fault first, while nothing else can run into it; then those that take agents the longest. The
# duplicate comes after the order that it repeats.
DAY: tuple[Scenario, ...] = tuple(
    sorted((*_QUIET, *_EXCEPTIONS, *_REVIEWS), key=lambda s: (s.fault is None, -len(s.agent) if not s.ago else 1))
)
"""All orders of the day, in the order in which they are placed."""
