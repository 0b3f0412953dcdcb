"""`connect plan` and `connect test` on a toy shop, its journal, and tenant files."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from toy_world import specs
from toys import Pipe, World, case_command, flow, found

from caseconnect.cli import Exit, main
from caseconnect.host.plugins import Installed
from caseconnect.models import Order
from caseconnect.sdk.commands import HoldOrder
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.events import Event, OrderChanged
from caseconnect.sdk.testing import run

Run = Callable[..., Result]
EVER = ("--since", "9999d")


def policy(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision | Needs:
    """Every order with an odd number is held; `account` of the settings is what the case is called."""
    order = facts.get("order", matter.subject, Order)
    if not isinstance(event, OrderChanged):
        return Decision(reason="not an order")
    if not isinstance(order, Order):
        return Needs(needs=(Need(fact="order", subject=matter.subject),))
    if int(order.id) % 2 == 0 or matter.state != "none":
        return Decision(reason=f"{order.number} is even, or known")
    hold = () if settings.account == "gentle" else (HoldOrder(),)
    return Decision(reason=f"{order.number} is odd", findings=(found(),), commands=(*hold, case_command()))


FILE = """
tenant: acme
environment: test
go_live: 2025-12-01T00:00:00Z
connections:
  shop: {platform: toy-shop}
  desk: {platform: toy-desk}
flows:
  - use: review
    mode: live
    on: [shop]
    cases: desk
    settings: {account: ACCOUNT}
"""

TESTS = """
- name: an odd order is held
  given:
    now: 2026-03-01T10:00:00Z
    facts:
      shop/order/7:
        order:
          {id: "7", number: "#7", created_at: 2026-03-01T09:00:00Z, updated_at: 2026-03-01T09:00:00Z,
           total: {amount: 1, currency: EUR}}
    events: [{type: OrderChanged, subject: shop/order/7}]
  expect:
    cases: [{use: review}]
    commands: [{kind: HoldOrder}]
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `tenants/acme.yaml` in force, `drafts/acme.yaml` that holds nothing, and a journal in `data`."""
    flows = [flow("review", policy)]
    sources, sink = specs(World())
    installed = Installed(
        sources={spec.name: spec for spec in sources.values()},
        sinks={spec.name: sink for spec in sources.values()},
        transforms={"review": flows[0].transform},
    )
    for name in ("caseconnect.host.plugins.load", "caseconnect.cli.tenants.load"):
        monkeypatch.setattr(name, lambda: installed)
    for name, account in (("tenants", "strict"), ("drafts", "gentle")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "acme.yaml").write_text(FILE.replace("ACCOUNT", account))
    monkeypatch.chdir(tmp_path)

    async def fill() -> None:
        (tmp_path / "data").mkdir()
        async with Pipe(tmp_path / "data", World(), flows) as pipe:
            for number in range(1, 5):
                await pipe.look({"id": str(number)})

    run(fill())
    return tmp_path


@pytest.fixture
def connect(place: Path) -> Run:
    return lambda *arguments: CliRunner().invoke(main, [*arguments])


def rows(result: Result) -> list[list[str]]:
    return [line.split() for line in result.stdout.splitlines()]


def test_a_plan_of_the_file_in_force(connect: Run) -> None:
    result = connect("plan", "tenants/acme.yaml", *EVER)
    assert result.exit_code == Exit.OK
    shown = rows(result)
    assert "decided 4 times on 4 orders" in result.stdout
    assert ["review", "odd", "2", "50.0%"] in shown
    assert ["review", "odd", "would", "go", "out", "2"] in shown
    assert ["HoldOrder", "would", "go", "out", "2"] in shown
    assert ["review", "##", "is", "even,", "or", "known", "2"] in shown
    assert "2 order" in result.stdout  # what was not kept of the even ones is read
    assert "compared with nothing" in result.stdout


def test_a_plan_of_a_draft_is_compared_with_the_file_in_force(connect: Run) -> None:
    told = json.loads(connect("plan", "drafts/acme.yaml", *EVER, "--json").stdout)
    assert [(c["what"], c["kind"], c["subject"]) for c in told["differences"]] == [
        ("removed", "HoldOrder", "shop/order/1"),
        ("removed", "HoldOrder", "shop/order/3"),
    ]
    assert told["in_force"] == "tenants/acme.yaml"
    assert told["commands"] == [{"kind": "OpenCase", "state": "planned", "count": 2, "sums": []}]
    assert told["rules"] == [{"use": "review", "exception": "odd", "subjects": 2, "share": 0.5}]
    shown = connect("plan", "drafts/acme.yaml", *EVER)
    assert "compared with tenants/acme.yaml: 2 differences" in shown.stdout


def test_offline_reads_nothing_and_says_what_is_missing(connect: Run) -> None:
    told = json.loads(connect("plan", "tenants/acme.yaml", *EVER, "--offline", "--json").stdout)
    assert told["facts"] == {"read_now": {}, "missing": {"order": 2}}
    assert told["undecided"] == [{"why": "the order was not kept, and --offline reads nothing", "events": 2}]


def test_nothing_came_in_that_time(connect: Run) -> None:
    result = connect("plan", "tenants/acme.yaml", "--since", "1ms")
    assert (result.exit_code, "nothing came in that time" in result.stdout) == (Exit.OK, True)


def test_a_plan_that_cannot_be_made(connect: Run, place: Path) -> None:
    assert connect("plan", "tenants/acme.yaml", "--since", "a week").exit_code == Exit.USAGE
    wrong = connect("plan", "tenants/none.yaml")
    assert (wrong.exit_code, "cannot be read" in wrong.stderr) == (Exit.WRONG, True)
    (place / "tenants" / "acme.yaml").write_text(FILE.replace("use: review", "use: revue"))
    draft = connect("plan", "drafts/acme.yaml", *EVER)
    assert (draft.exit_code, "not compared with it: tenants/acme.yaml:9" in draft.stderr) == (Exit.OK, True)
    no_journal = connect("plan", "drafts/acme.yaml", "--data", "nowhere")
    assert (no_journal.exit_code, "there is no journal" in no_journal.stderr) == (Exit.WRONG, True)


def test_tests_that_pass(connect: Run, place: Path) -> None:
    (place / "tenants" / "acme.tests.yaml").write_text(TESTS)
    for arguments in (("test",), ("test", "tenants/acme.yaml")):
        result = connect(*arguments)
        assert result.exit_code == Exit.OK, result.output
        assert result.stdout == "ok      an odd order is held\nacme: 1 tests passed\n"
    checked = connect("check")
    assert checked.exit_code == Exit.OK, checked.output  # the tests are not taken for a tenant


def test_a_test_that_fails_says_how(connect: Run, place: Path) -> None:
    (place / "drafts" / "acme.tests.yaml").write_text(TESTS)
    result = connect("test", "drafts/acme.yaml")
    assert result.exit_code == Exit.WRONG
    assert result.stdout.splitlines() == [
        "FAILED  an odd order is held (drafts/acme.tests.yaml:2)",
        "        not asked for: HoldOrder; there is none",
        "          review: #7 is odd",
        "          review: not an order",
    ]
    assert result.stderr == "Error: acme: 1 of 1 tests failed\n"
    (told,) = json.loads(connect("test", "drafts/acme.yaml", "--json").stdout)
    assert [(t["name"], t["passed"]) for t in told["tests"]] == [("an odd order is held", False)]


def test_a_wrong_tests_file_is_told_with_its_lines(connect: Run, place: Path) -> None:
    (place / "tenants" / "acme.tests.yaml").write_text(TESTS.replace("kind: HoldOrder", "kind: Hold"))
    result = connect("test")
    assert result.exit_code == Exit.WRONG
    assert (
        "tenants/acme.tests.yaml:13: [0].expect.commands[0].kind: there is no kind of command 'Hold'" in result.stderr
    )


def test_no_tests(connect: Run) -> None:
    assert "no tenant has tests" in connect("test").stderr
    assert "acme.tests.yaml: the file cannot be read" in connect("test", "tenants/acme.yaml").stderr


def test_a_recorded_test_is_played_at_once(connect: Run, place: Path) -> None:
    recorded = connect("test", "tenants/acme.yaml", "--record", "3")
    assert recorded.exit_code == Exit.OK
    (place / "tenants" / "acme.tests.yaml").write_text(recorded.stdout)
    assert connect("test").stdout == "ok      as order 3 was decided\nacme: 1 tests passed\n"
    assert connect("test", "--record", "3").exit_code == Exit.USAGE
    assert "nothing is known of it" in connect("test", "tenants/acme.yaml", "--record", "99").stderr
