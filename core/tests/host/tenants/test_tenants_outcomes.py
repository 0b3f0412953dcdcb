"""What `connect check --live` found a case definition to offer, beside what the flows act on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import Field

from caseconnect.cli import Exit, main
from caseconnect.host.plugins import Installed
from caseconnect.host.tenants import TenantSet
from caseconnect.host.tenants.outcomes import unlike_outcomes
from caseconnect.host.trial import Tried
from caseconnect.sdk.casework import Actions, CaseworkSettings, OutcomeSettings
from caseconnect.sdk.components import Check, Choices

FILE = """tenant: acme
environment: test
connections:
  cases: {platform: toycases}
  shop: {platform: toyshop, settings: {shop: a.example, login: {user: me, password: {env: X}}}}
flows:
  - use: review
    settings:
      outcomes:
        Approved: release
        verify: ask_verification
  - {use: again, settings: {definition: DEFINITION, outcomes: {rejected: cancel}}}
"""


class Adopting(OutcomeSettings):
    """Of cases of any definition."""

    outcomes: dict[str, Actions] = Field({}, description="None, unless the file says so.")


@pytest.fixture(autouse=True)
def _rules(installed: Installed) -> None:
    review = replace(installed.transforms["review"], settings=CaseworkSettings)
    adopting = replace(review, name="adopting", settings=Adopting)
    installed.transforms.update(review=review, again=replace(review, name="again"), adopting=adopting)


def _warnings(found: TenantSet, **offered: tuple[str, ...]) -> list[str]:
    assert found.problems == []
    choices = [Choices(definition=name.replace("first", ""), outcomes=words) for name, words in offered.items()]
    return [str(w).partition("acme.yaml")[2] for w in unlike_outcomes(found.tenants["acme"], {"cases": choices})]


def test_outcomes_that_nobody_can_choose_and_that_no_flow_maps_are_told(read: Callable[..., TenantSet]) -> None:
    assert _warnings(read(FILE.replace("DEFINITION", "''")), first=("approved", "Rejected", "Postpone")) == [
        ":9: flows[0].settings.outcomes: the case definition of cases has the outcome 'Postpone', which no flow maps: "
        "choosing it alerts (name it in outcomes of review, again)",
        ":11: flows[0].settings.outcomes.verify: nobody can choose 'verify': the case definition of cases has no such "
        "outcome (it has: approved, Rejected, Postpone)",
    ]


def test_each_definition_is_compared_with_the_flows_that_open_its_cases(read: Callable[..., TenantSet]) -> None:
    found = read(FILE.replace("DEFINITION", "second"))
    assert _warnings(found, first=("approved", "verify"), second=("rejected",), third=("odd",)) == []
    (one,) = _warnings(found, first=("approved", "verify"), second=("rejected", "approved"))
    assert "the case definition second of cases has the outcome 'approved'" in one
    assert _warnings(found, second=("rejected",)) == [], "the first was not read"
    assert unlike_outcomes(found.tenants["acme"], {"shop": [Choices(outcomes=("odd",))]}) == []


def test_a_flow_that_adopts_cases_works_on_all_definitions(read: Callable[..., TenantSet]) -> None:
    adopting = FILE.replace("use: again, settings: {definition: DEFINITION,", "use: adopting, settings: {")
    offered = {"first": ("approved", "verify"), "second": ("rejected",)}
    assert _warnings(read(adopting), **offered) == []
    idle = adopting.replace("{rejected: cancel}", "{}")
    assert _warnings(read(idle), **offered) == [], "it acts on none"


@pytest.mark.parametrize("offered", [("approved", "verify", "rejected"), ("approved", "rejected", "odd"), None])
def test_check_live_tells_and_does_not_fail(
    read: Callable[..., TenantSet],
    installed: Installed,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    offered: tuple[str, ...] | None,
) -> None:
    read(FILE.replace("DEFINITION", "''"))
    choices = Choices(outcomes=offered) if offered else None

    async def tried(*_: object) -> list[Tried]:
        return [Tried("acme", "cases", (Check(step="case definition", ok=True, choices=choices),))]

    monkeypatch.setattr("caseconnect.host.trial.try_tenant", tried)
    monkeypatch.setattr("caseconnect.cli.tenants.load", lambda: installed)
    asked = ["check", str(tmp_path / "acme.yaml"), "--data", str(tmp_path), "--live"]
    told, data = (CliRunner().invoke(main, [*asked, *more]) for more in ((), ("--json",)))
    warns = offered is not None and "odd" in offered
    assert (told.exit_code, data.exit_code) == (Exit.OK, Exit.OK)
    assert ("warning: " in told.stdout, "choose 'verify'" in told.stdout, "'odd'" in told.stdout) == (warns,) * 3
    paths = [w["path"] for w in json.loads(data.stdout)["tenants"][0]["warnings"]]
    assert paths == (["flows[0].settings.outcomes", "flows[0].settings.outcomes.verify"] if warns else [])
