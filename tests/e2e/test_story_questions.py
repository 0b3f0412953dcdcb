"""What a support agent asks, each answered by one command: why no case, who decided, where is the refund."""

from __future__ import annotations

from pathlib import Path

import pytest
from asking import TWO_MUGS, answered, asked, shopify, usd
from click.testing import CliRunner, Result
from stories import AGENT, PLAIN, only_case, placed

from caseconnect.cli import main
from caseconnect.sdk.testing import run


def told(folder: Path, *command: str) -> Result:
    return CliRunner().invoke(main, [*command, "--data", str(folder)])


def shown(folder: Path, *command: str) -> str:
    """What the command prints, without the columns of its table."""
    return " ".join(told(folder, *command).output.split())


def test_one_command_answers_each_question(tmp_path: Path) -> None:
    async def story() -> tuple[str, str]:
        async with shopify(tmp_path) as h:
            order = await placed(h, TWO_MUGS)
            await asked(h, "a1", "1001", amount=usd("12.50"))
            await answered(h, "approved")
            await placed(h, PLAIN)
            return h.cases.person(AGENT).id, str(order.refunds[0].id)

    agent, refund = run(story())
    why_no_case = shown(tmp_path, "explain", "1002")
    assert "verdict of approvals nothing around_the_gate: no refund of the last 7 days" in why_no_case
    who_decided = shown(tmp_path, "explain", "CASE-1")
    assert f"(by {agent}) outcome 'approved'" in who_decided
    where = shown(tmp_path, "explain", "1001")
    assert f"RefundPayment 12.50 USD done refund {refund}" in where
    assert "RefundPayment 12.50 USD" in shown(tmp_path, "audit", "--days", "400")


@pytest.mark.parametrize("number", ["1001", "#1001"])
def test_an_order_is_found_by_its_number_as_people_write_it(tmp_path: Path, number: str) -> None:
    async def story() -> str:
        async with shopify(tmp_path) as h:
            return str((await placed(h, PLAIN)).id)

    assert f"shop/order/{run(story())}" in shown(tmp_path, "explain", number)


def test_what_waits_for_a_person_is_told_with_the_way_out_and_that_no_daemon_runs(tmp_path: Path) -> None:
    async def story() -> None:
        async with shopify(tmp_path) as h:
            await placed(h, TWO_MUGS)
            await asked(h, "a1", "1001", amount=usd("12.50"))
            case = only_case(h)
            h.cases.decide(case.id, "more_information", AGENT)
            await h.pass_time(180)

    run(story())
    errors = shown(tmp_path, "errors")
    assert "no daemon works on this journal" in errors
    assert "connect resolve alert:CAUSE --answer close" in errors
