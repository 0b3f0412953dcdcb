"""What a support agent asks, answered by one page of the console and by one command, each."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from console_desk import Browser
from console_world import Opened, World, asked_for, play
from house import House
from stories import AGENT, HOME, PLAIN, RISKY, placed

from caseconnect.cli import main


async def _day(h: House) -> World:
    """One order of which nothing is wrong, one refunded, one whose refund waits, one that an agent decided on."""
    plain, refunded, second, parked = [
        await placed(h, PLAIN, lines=[{**PLAIN["lines"][0], "sku": f"MUG-{n}"}], customer=None, shipping_address=HOME)
        for n in range(4)
    ]
    for number, order in enumerate((refunded, second, parked)):
        await asked_for(h, f"a{number}", order.name.removeprefix("#"), "12.50")
    risky = await placed(h, RISKY, shipping_address=HOME, billing_address=HOME)
    await h.pass_time(60)
    case = next(c for c in h.cases.cases.values() if "#1005" in str(c.default))
    h.cases.decide(case.id, "approved", AGENT)
    await h.pass_time(120)
    await h.runner.idle()
    names = {"plain": plain, "refunded": refunded, "parked": parked, "closed": risky}
    return World(h.folder, h.tenants, h.now(), **{name: f"shop/order/{order.id}" for name, order in names.items()})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return play(tmp_path_factory.mktemp("day"), _day)


@pytest.fixture
def browser(world: World) -> Iterator[Browser]:
    opened = Opened(world)
    yield Browser(opened).sign_in("ann", "approver")
    opened.close()


def words(text: str) -> str:
    """What a page says, without its marks."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def command(world: World, *arguments: str) -> str:
    """What a command says."""
    ran = CliRunner(env={"COLUMNS": "240"}).invoke(main, [*arguments, "--data", str(world.folder)])
    return " ".join(ran.output.split())


def test_why_is_there_no_case(world: World, browser: Browser) -> None:
    page = words(browser.get(f"/orders/acme/{world.plain}").text)
    assert "There is no case: no flow found anything." in page
    assert "high_risk: risk none is below risk_level (high)" in page
    told = command(world, "explain", world.plain)
    assert "risk none is below risk_level (high)" in told


def test_who_decided(world: World, browser: Browser) -> None:
    page = words(browser.get(f"/orders/acme/{world.closed}").text)
    assert (found := re.search(r"People who decided .*?(\S+), in case CASE-\d+ approved", page)), page[-1500:]
    assert found[1] != "agent", "the case names who decided"
    assert "outcome &#39;approved&#39;: settings.outcomes says release" in page
    assert "outcome 'approved': settings.outcomes says release" in command(world, "explain", world.closed)


def test_where_is_the_refund(world: World, browser: Browser) -> None:
    done = words(browser.get(f"/orders/acme/{world.refunded}").text)
    assert "asked 12.50 USD done 12.50 USD" in done
    assert "the rules of approvals: nobody was asked" in done
    waits = words(browser.get(f"/orders/acme/{world.parked}").text)
    assert "done nothing not done nothing open 12.50 USD" in waits
    assert "the cap of 2 an hour is reached" in waits
    assert re.search(r"RefundPayment\S* +parked|RefundPayment .*parked", command(world, "explain", world.parked))


def test_what_will_happen_if_i_click(world: World, browser: Browser) -> None:
    page = words(browser.get("/").text)
    assert "As many as you say, of 1 (12.50 USD), go out, the oldest first, beyond the cap." in page
    fields = {"cause": "cap:approvals:RefundPayment:hour", "tenant": "acme", "answer": "retry", "limit": "1"}
    plan = words(browser.post("/plan/let_go", fields).text)
    assert re.search(r"Nothing has happened yet\. This would happen for acme ?, 12\.50 USD in all", plan)
    assert browser.get("/").text.count("1 refund waits for an answer") == 1, "it was only looked at"
    assert "retry --limit N" in command(world, "errors")
    assert asyncio.run(_still_parked(world)) == 1


async def _still_parked(world: World) -> int:
    from caseconnect.host.journal import SqliteJournal

    journal = SqliteJournal.read(world.folder / "journal.db")
    try:
        return len(journal.stuck()["commands"])
    finally:
        journal.close()
