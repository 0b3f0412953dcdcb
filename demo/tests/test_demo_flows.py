"""The pieces that play and tell the fifteen flows, without processes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from caseconnect.cli import Exit, main
from caseconnect.host.plugins import load
from caseconnect.host.tenants.document import read_document
from caseconnect.host.tenants.loading import load_files
from caseconnect.host.tenants.problems import Report
from caseconnect_demo import command, report, stage
from caseconnect_demo.stage import Played, Row, Stage, play
from caseconnect_demo.tenants import EXAMPLES, Places, data_of, played
from caseconnect_demo.whole import FLOWS, PARTS, Whole

PLACES = Places("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
ACCOUNT = re.compile(
    r"go_live|timing\..+|connections\.\w+\.(poll\..+|settings\.(shop|client_id|base_url|account_manager_url|case_url|"
    r"service_account.*|(scapi|ocapi|auth)\.(organization_id|client_id|base_url|tenant_id|token_url)))"
)


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, data


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_played_with_its_policy_as_it_stands(name: str, tmp_path: Path) -> None:
    text = played(name, PLACES)
    before, after = dict(leaves(data_of(name))), dict(leaves(read_document(text.encode(), Report("x")).data))
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert [path for path in changed if not ACCOUNT.fullmatch(path)] == []
    (tmp_path / f"{name}.yaml").write_text(text)
    assert [str(p) for p in load_files([tmp_path / f"{name}.yaml"], load()).problems] == []


def test_the_flows_are_the_fifteen() -> None:
    assert [row.id for row in FLOWS] == [f"S{n}" for n in range(1, 9)] + [f"P{n}" for n in range(1, 8)]
    assert {row.tenant for row in FLOWS} == {"sfcc", "shopify"}


@pytest.mark.parametrize("given", ["S9", "", "S1,nonsense"])
def test_a_row_that_does_not_exist_is_refused(given: str) -> None:
    result = CliRunner().invoke(main, ["demo", "--rows", given])
    assert result.exit_code == Exit.USAGE
    assert "allowed are S1, S2" in result.stderr


def played_by(act: Any, monkeypatch: pytest.MonkeyPatch, **world: Any) -> tuple[Played, list[str]]:
    monkeypatch.setattr(stage, "PATIENCE", 0.2)
    monkeypatch.setattr(stage, "_TELL_EVERY", 0.05)
    said: list[str] = []
    made: Any = SimpleNamespace(cases={}, effects={}, undecided={"X1"}, **world)
    return asyncio.run(play(Row("X1", "a flow", "acme", act), made, said.append)), said


def test_a_flow_that_gets_no_case_is_told_by_its_name_after_saying_what_it_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def act(at: Stage) -> None:
        at.begin("something happens", "shop/order/1")
        await at.case("/order/1/")

    found, said = played_by(act, monkeypatch)
    assert (found.trigger, found.explain, found.case) == ("something happens", "shop/order/1", "")
    assert found.problem == "did not happen within 0.2 seconds: a case"
    assert "X1: waits for a case" in said
    assert report.problems([found], None) == ["X1: did not happen within 0.2 seconds: a case"]


def test_what_must_not_be_there_is_a_problem_and_frees_those_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(at: Stage) -> None:
        at.must(False, "money went back too early")

    found, _ = played_by(act, monkeypatch)
    assert found.problem == "money went back too early"


def test_the_times_are_those_of_the_first_case_decision_and_effect_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    case = {"id": "c", "number": "ACME-1", "default": {}, "comments": [], "about": "/order/1/"}
    effect = {"at": "", "who": "app", "target": "1", "args": {}}

    class Cases:
        async def post(self, path: str, body: Any) -> None:
            assert body["by"].startswith("agent.")

    async def act(at: Stage) -> None:
        at.world.cases["acme"] = [case]
        at.world.effects["acme"] = [effect | {"what": "hold"}, effect | {"what": "release"}]
        at.begin("an order")
        await at.effect("held", lambda e: e["what"] == "hold")
        await at.case("/order/1/")
        await at.decide("approved")
        await at.effect("released", lambda e: e["what"] == "release")

    found, _ = played_by(act, monkeypatch, house=SimpleNamespace(cases=Cases()))
    assert found.problem == ""
    assert (found.case, found.decisions, found.effect) == ("ACME-1", ("approved",), "held; released")
    assert (list(found.seconds), found.ledger["what"]) == (["to_case", "to_decision", "to_effect"], "release")


def test_a_flow_that_did_not_happen_makes_the_demo_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(parts: Any, tell: Any, show: Any) -> None:
        house: Any = SimpleNamespace(processes=())
        await show(house, Whole((Played("P4", "approvals", "shopify", "a request", problem="no case"),), None))

    monkeypatch.setattr(command, "play", failing)
    result = CliRunner().invoke(main, ["demo", "--rows", "p4"])
    assert result.exit_code == Exit.WRONG
    assert "DID NOT HAPPEN" in result.stdout
    assert "! P4: no case" in result.stdout
    assert "0 of 1 flows happened" in result.stdout


def test_parts_are_named_once() -> None:
    assert len(set(PARTS)) == len(PARTS) == 19
