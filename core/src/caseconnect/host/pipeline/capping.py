"""Which caps a command of a flow is under, and what its cases are counted by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from caseconnect.host.journal.records import StoredCommand
from caseconnect.host.journal.rules import CapRule, CapWindow, StormRule
from caseconnect.host.tenants.caps import DEFAULT, MONEY, Cap
from caseconnect.host.tenants.durations import show_duration
from caseconnect.host.tenants.tenant import Flow, Tenant
from caseconnect.sdk.commands import Command

_SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


def caps_of(tenant: Tenant, flow: Flow, command: Command) -> tuple[CapRule, ...]:
    """Those of the flow and of the tenant that count it; the default too for money that they do not limit."""
    names = (command.kind, MONEY) if command.money else (command.kind,)
    scopes = ((f"flow:{flow.use}", flow.caps), ("tenant", tenant.limits.caps))
    rules = [
        CapRule(f"{scope}:{name}", tuple(_windows(caps[name])))
        for scope, caps in scopes
        for name in names
        if name in caps
    ]
    if command.money and not any(_limits(window, command) for rule in rules for window in rule.windows):
        rules.append(CapRule(f"flow:{flow.use}:default", tuple(_windows(DEFAULT))))
    return tuple(rules)


def caps_for(tenants: Mapping[str, Tenant], stored: StoredCommand) -> tuple[CapRule, ...] | None:
    """Those in force for a command that was asked for before; None if its flow is in no tenant file any more."""
    tenant = tenants.get(stored.tenant)
    flow = next((flow for flow in tenant.flows if flow.use == stored.use), None) if tenant else None
    return caps_of(tenant, flow, stored.command) if tenant and flow else None


def all_caps(tenant: Tenant) -> tuple[CapRule, ...]:
    """Every cap of a tenant, to be looked at: the tenant's, the flows', and the default of flows that give money."""
    rules = [CapRule(f"tenant:{name}", tuple(_windows(cap))) for name, cap in tenant.limits.caps.items()]
    for flow in tenant.flows:
        rules += [CapRule(f"flow:{flow.use}:{name}", tuple(_windows(cap))) for name, cap in flow.caps.items()]
        if any(command.money for command in flow.transform.uses):
            rules.append(CapRule(f"flow:{flow.use}:default", tuple(_windows(DEFAULT))))
    return tuple(rules)


def storm_of(tenant: Tenant, flow: Flow, exception: str) -> StormRule:
    """What a case that the flow opens for that exception is counted under."""
    storm = flow.storm or tenant.limits.storm
    return StormRule(flow.use, exception, storm.cases, storm.within, show_duration(storm.within), tenant.environment)


def _limits(window: CapWindow, command: Command) -> bool:
    """By count or by the command's own currency: a cap in euros says nothing of dollars."""
    worth = command.worth()
    return window.count is not None or (worth is not None and worth.currency in window.sums)


def _windows(cap: Cap) -> Iterator[CapWindow]:
    for name, limits in (("hour", cap.hour), ("day", cap.day)):
        if limits:
            sums = {currency: limit for currency, limit in limits.items() if currency != "count"}
            count = int(limits["count"]) if "count" in limits else None
            yield CapWindow(name, _SPANS[name], count, sums)
