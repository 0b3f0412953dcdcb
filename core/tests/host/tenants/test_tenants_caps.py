"""Caps in the tenant file: read exactly, and refused with a word that helps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from caseconnect.host.tenants import TenantSet
from caseconnect.host.tenants.caps import Cap, Storm

Read = Callable[..., TenantSet]


def test_caps_of_a_flow_and_of_the_tenant(read: Read, good: str) -> None:
    text = (
        good
        + """    caps: {HoldOrder: {hour: {count: 3}}}
limits:
  caps:
    money: {day: {count: 50, EUR: "1000.00", JPY: 90000}}
"""
    )
    found = read(text)
    assert [str(p) for p in found.problems] == []
    tenant = found.tenants["acme"]
    assert tenant.flows[0].caps == {"HoldOrder": Cap(hour={"count": Decimal(3)})}
    money = {"count": Decimal(50), "EUR": Decimal("1000.00"), "JPY": Decimal(90000)}
    assert tenant.limits.caps == {"money": Cap(day=money)}


@pytest.mark.parametrize(
    ("caps", "said"),
    [
        ("{RefundPaymnet: {hour: {count: 1}}}", "there is no kind of command 'RefundPaymnet': did you mean"),
        ("{money: {hour: {count: 1.5}}}", "'count' must be a whole number, zero or more"),
        ("{money: {hour: {EUR: -1}}}", "'EUR' must be a number, zero or more"),
        ("{money: {hour: {eur: 1}}}", "'eur' is neither `count` nor a currency such as EUR"),
        ("{money: {}}", "say how many: `hour:` or `day:`"),
        ("{money: {week: {count: 1}}}", "is no known key"),
        ("{money: {hour: {EUR: much}}}", "number"),
        ("{money: 10}", "a mapping (key: value) is needed here"),
    ],
)
@pytest.mark.parametrize("place", ["flow", "limits"])
def test_a_cap_that_means_nothing_is_refused(read: Read, good: str, caps: str, said: str, place: str) -> None:
    text = good + (f"    caps: {caps}\n" if place == "flow" else f"limits:\n  caps: {caps}\n")
    found = read(text)
    assert found.tenants == {}
    assert any(said in str(problem) for problem in found.problems), [str(p) for p in found.problems]


def test_a_storm_of_a_flow_and_of_the_tenant(read: Read, good: str) -> None:
    tenant = read(good).tenants["acme"]
    assert (tenant.flows[0].storm, tenant.limits.storm) == (None, Storm(cases=30, within=timedelta(minutes=10)))
    tenant = read(good + "    storm: {within: 1h}\nlimits:\n  storm: {cases: 100}\n").tenants["acme"]
    assert tenant.flows[0].storm == Storm(within=timedelta(hours=1))
    assert tenant.limits.storm == Storm(cases=100)


@pytest.mark.parametrize(
    ("storm", "said"),
    [
        ("{cases: 0}", "greater than or equal to 1"),
        ("{within: 0s}", "greater than"),
        ("{within: soon}", "a duration is written like"),
        ("{case: 3}", "is no known key"),
        ("30", "a mapping (key: value) is needed here"),
    ],
)
@pytest.mark.parametrize("place", ["flow", "limits"])
def test_a_storm_that_means_nothing_is_refused(read: Read, good: str, storm: str, said: str, place: str) -> None:
    text = good + (f"    storm: {storm}\n" if place == "flow" else f"limits:\n  storm: {storm}\n")
    found = read(text)
    assert found.tenants == {}
    assert any(said in str(problem) for problem in found.problems), [str(p) for p in found.problems]
