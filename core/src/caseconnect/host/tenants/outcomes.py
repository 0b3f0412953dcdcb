"""Flows whose `outcomes` are not those of the case definition that their cases are of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from caseconnect.host.tenants.problems import ConfigProblem, Report
from caseconnect.host.tenants.tenant import Flow, Tenant
from caseconnect.sdk.casework import CaseworkSettings, OutcomeSettings
from caseconnect.sdk.components import Choices

Place = tuple[int, Flow, OutcomeSettings]


def unlike_outcomes(tenant: Tenant, found: Mapping[str, Iterable[Choices]]) -> list[ConfigProblem]:
    """What a person should know of a file that is right: outcomes that no agent can choose, and those that would alert.

    `found`: by connection what its case definitions offer. A definition that was not read is compared with nothing.
    """
    report = Report(str(tenant.file), tenant.lines)
    for connection, choices in found.items():
        definitions = list(choices)
        flows = [place for place in _deciding(tenant) if place[1].cases == connection]
        for place in flows:
            _never(report, place, connection, [c for c in definitions if _works_on(place, c)])
        for choice in definitions:
            _unmapped(report, [place for place in flows if _works_on(place, choice)], connection, choice)
    return report.in_order()


def _deciding(tenant: Tenant) -> list[Place]:
    """The flows that carry outcomes out; one that adopts cases may be told not to."""
    deciding = [(i, f, f.settings) for i, f in enumerate(tenant.flows) if isinstance(f.settings, OutcomeSettings)]
    return [place for place in deciding if place[2].outcomes or isinstance(place[2], CaseworkSettings)]


def _works_on(place: Place, choice: Choices) -> bool:
    """Whether its cases are of that definition: those that it opens are of one, others' may be of any."""
    settings = place[2]
    return not isinstance(settings, CaseworkSettings) or settings.definition == choice.definition


def _never(report: Report, place: Place, connection: str, choices: list[Choices]) -> None:
    at, _, settings = place
    offered = [outcome for choice in choices for outcome in choice.outcomes]
    there = {outcome.strip().casefold() for outcome in offered}
    for outcome in settings.outcomes if choices else ():
        if outcome.strip().casefold() not in there:
            why = f"nobody can choose {outcome!r}: {_named(connection, choices)} has no such outcome"
            report.add(("flows", at, "settings", "outcomes", outcome), why, f"it has: {', '.join(offered) or 'none'}")


def _unmapped(report: Report, flows: list[Place], connection: str, choice: Choices) -> None:
    for outcome in choice.outcomes if flows else ():
        if all(settings.does(outcome) is None for _, _, settings in flows):
            why = f"{_named(connection, [choice])} has the outcome {outcome!r}, which no flow maps: choosing it alerts"
            names = ", ".join(flow.use for _, flow, _ in flows)
            report.add(("flows", flows[0][0], "settings", "outcomes"), why, f"name it in outcomes of {names}")


def _named(connection: str, choices: list[Choices]) -> str:
    names = ", ".join(choice.definition for choice in choices if choice.definition)
    return f"the case definition {names} of {connection}" if names else f"the case definition of {connection}"
