"""Cases that agents open: adopted by the order that they name, told when there is none, and moved with the number."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from house import TENANT, House, house
from sfcc_house import CONNECTIONS, sfcc_house
from stories import AGENT, PLAIN, RISKY, alerts, comments, done, placed

from caseconnect.sdk.testing import run
from caseconnect_opentext_case.simulator.model import CaseInput
from caseconnect_sfcc.simulator import scenarios
from caseconnect_shopify.simulator import Fault
from caseconnect_shopify.simulator.world import orders, payments

FLOWS = """
flows:
  - use: adopted_cases
    mode: $mode
    settings: {shops: {Web: shop}%s}
  - use: fraud_review
    mode: $mode
    settings: {high_value: {USD: "1000"}}
  - use: status_updates
    mode: $mode
"""
DECIDES = ", decisions: true, outcomes: {approved: [refund], rejected: [cancel]}"


def shopify(folder: Path, more: str = "") -> Any:
    return house(folder, tenant=TENANT.partition("flows:\n")[0].rstrip() + FLOWS % more)


def sfcc(folder: Path, more: str = "") -> Any:
    return sfcc_house(folder, tenant=CONNECTIONS.rstrip() + FLOWS % more)


def opened(h: House, number: str, shop: str = "web", **custom: str) -> Any:
    """An agent opens a case about an order."""
    said = {"order_number": number, "shop": shop, **custom}
    wanted = CaseInput(default={"caseTitle": "A shopper called"}, custom={k: v for k, v in said.items() if v})
    return h.cases.create_case(next(iter(h.cases.definitions)), wanted, AGENT)


def on(h: House, case: Any) -> list[str]:
    """Our comments on one case."""
    return [re.sub(r"\s*\[connect [0-9a-f]+\]", "", c.text) for c in case.comments if c.by.email != AGENT]


def matters(h: House, order: str) -> list[tuple[str, str, str | None]]:
    """(topic, state, case number) of an order's matters."""
    return sorted((m["topic"], m["state"], m["case_number"]) for m in h.explain(f"shop/order/{order}")["matters"])


def test_an_agents_case_is_shown_on_its_shopify_order_and_told_what_becomes_of_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with shopify(tmp_path) as h:
            order = await placed(h, PLAIN | {"customer": None})
            case = opened(h, " #1001 ")
            await h.pass_time(300)
            assert matters(h, str(order.id)) == [("agent_case", "open", case.number)]
            assert "order #1001 of shop" in on(h, case)[0]
            assert order.tags == ["case-open"]
            payments.refund(h.shop, order, {"amount": "5.00"})
            await h.pass_time(900)
            assert "refunds 5.00 USD" in on(h, case)[-1]
            h.cases.decide(case.id, "approved", AGENT)
            await h.pass_time(300)
            assert (done(h), order.tags) == ([], ["case-decided"])
            assert "was not carried out" in on(h, case)[-1]
            assert "decisions: true" in on(h, case)[-1]
            told = len(on(h, case))
            h.cases.close(case.id, AGENT)
            await h.restart()
            await h.pass_time(7200)
            assert matters(h, str(order.id)) == [("agent_case", "closed", case.number)]
            assert (order.tags, len(on(h, case)), len(h.cases.cases), alerts(h)) == (["case-resolved"], told, 1, [])

    run(story())


def test_an_sfcc_order_shows_the_agents_case_and_its_outcome_is_carried_out_where_allowed(tmp_path: Path) -> None:
    async def story() -> None:
        async with sfcc(tmp_path, ", decisions: true, outcomes: {approved: [refund]}") as h:
            order = scenarios.create_order(
                h.instance, {"lines": [{"product_id": "sku-1", "price": "10.00", "quantity": 2}], "payment": "paid"}
            )
            await h.pass_time(400)
            case = opened(h, order.number, approved_amount="5.00")
            await h.pass_time(300)
            assert matters(h, order.number) == [("agent_case", "open", case.number)]
            assert order.custom["caseconnectCase"] == case.number
            h.cases.decide(case.id, "approved", AGENT)
            await h.pass_time(900)
            assert [e.args["payload"]["amount"] for e in h.instance.ledger if e.what == "merchant.refund"] == ["5.00"]
            assert matters(h, order.number) == [("agent_case", "closed", case.number)]
            h.cases.change(case.id, AGENT, custom={"order_number": "00000999"})
            await h.pass_time(900)
            assert len([e for e in h.instance.ledger if e.what == "merchant.refund"]) == 1

    run(story())


@pytest.mark.parametrize(
    ("number", "shop", "said"),
    [("4711", "web", "found none"), ("1001", "web", "found 2"), ("1001", "Elsewhere", "is no shop")],
)
def test_none_two_or_no_shop_is_one_comment_and_a_corrected_number_adopts(
    tmp_path: Path, number: str, shop: str, said: str
) -> None:
    async def story() -> None:
        async with shopify(tmp_path) as h:
            twin = await placed(h, PLAIN)
            await placed(h, PLAIN | {"name": "#1001"})
            right = await placed(h, PLAIN | {"name": "#2000"})
            case = opened(h, number, shop)
            await h.pass_time(600)
            h.cases.comment(case.id, "Who knows more?", AGENT)
            await h.pass_time(600)
            (comment,) = on(h, case)
            assert said in comment
            assert matters(h, str(twin.id)) == []
            h.cases.change(case.id, AGENT, custom={"order_number": "2000", "shop": "WEB"})
            await h.pass_time(600)
            assert ("agent_case", "open", case.number) in matters(h, str(right.id))
            if said == "found 2":
                again = opened(h, str(twin.id))
                await h.pass_time(300)
                assert matters(h, str(twin.id)) == [("agent_case", "open", again.number)]

    run(story())


def test_a_changed_number_moves_the_case_and_back_and_an_outcome_keeps_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with shopify(tmp_path, DECIDES) as h:
            first, second = await placed(h, PLAIN), await placed(h, PLAIN)
            case = opened(h, "1001", "")
            await h.pass_time(300)
            for number, here, there in (("1002", second, first), ("1001", first, second), ("1002", second, first)):
                h.cases.change(case.id, AGENT, custom={"order_number": number})
                await h.pass_time(300)
                assert ("agent_case", "open", case.number) in matters(h, str(here.id))
                assert ("agent_case", "open", case.number) not in matters(h, str(there.id))
            h.cases.change(case.id, AGENT, custom={"approved_amount": "5.00"})
            h.cases.decide(case.id, "approved", AGENT)
            h.cases.change(case.id, AGENT, custom={"order_number": "1001"})
            await h.pass_time(600)
            assert "take it back" in " ".join(on(h, case))
            assert done(h) == []
            h.cases.change(case.id, AGENT, custom={"order_number": "1002"})
            await h.pass_time(900)
            assert done(h) == ["refund"]
            assert [len([t for t in o.transactions if t.kind == "REFUND"]) for o in (first, second)] == [0, 1]
            h.cases.change(case.id, AGENT, custom={"order_number": "1001"}, outcome=None)
            await h.pass_time(900)
            h.cases.decide(case.id, "approved", AGENT)
            await h.pass_time(900)
            assert done(h) == ["refund"]

    run(story())


def test_beside_an_open_case_of_connect_both_are_told_and_nothing_is_done_twice(tmp_path: Path) -> None:
    async def story() -> None:
        async with shopify(tmp_path, DECIDES) as h:
            order = await placed(h, RISKY)
            await h.pass_time(120)
            (ours,) = h.cases.cases.values()
            theirs = opened(h, "1001")
            await h.pass_time(300)
            assert ours.number in on(h, theirs)[0]
            assert any(theirs.number in text for text in on(h, ours))
            h.cases.decide(theirs.id, "rejected", AGENT)
            await h.pass_time(900)
            assert "cancel" not in done(h)
            assert len(on(h, theirs)) == 1
            h.cases.decide(ours.id, "approved", AGENT)
            await h.pass_time(900)
            assert done(h) == ["hold", "release"]
            assert order.cancelled_at is None

    run(story())


def test_a_case_of_connect_that_opens_later_and_a_second_one_of_an_agent_are_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with shopify(tmp_path) as h:
            order = await placed(h, PLAIN)
            first = opened(h, "1001")
            await h.pass_time(300)
            second = opened(h, "1001")
            await h.pass_time(300)
            assert second.number in on(h, first)[-1]
            assert first.number in on(h, second)[0]
            assert matters(h, str(order.id)) == [("agent_case", "open", first.number)]
            orders.assess(h.shop, order, {"level": "HIGH"})
            await h.pass_time(900)
            third = next(case for case in h.cases.cases.values() if case.created_by.email != AGENT)
            orders.edit(h.shop, order, {"note": "look"})
            await h.pass_time(900)
            assert third.number in on(h, first)[-1]
            assert first.number in on(h, third)[-1]
            h.cases.close(first.id, AGENT)
            h.cases.decide(third.id, "approved", AGENT)
            await h.pass_time(900)
            h.cases.comment(second.id, "Still there?", AGENT)
            await h.pass_time(300)
            assert ("agent_case", "open", second.number) in matters(h, str(order.id))

    run(story())


def test_the_case_comes_before_its_order_and_the_shop_is_down_meanwhile(tmp_path: Path) -> None:
    async def story() -> None:
        async with shopify(tmp_path) as h:
            await h.pass_time(10)
            case = opened(h, "1001")
            await h.pass_time(70)
            order = await placed(h, PLAIN)
            await h.pass_time(300)
            assert matters(h, str(order.id)) == [("agent_case", "open", case.number)]
            h.shop.faults.add(Fault("status", path="/admin/", count=1_000_000, status=503))
            late = opened(h, "1002")
            await h.pass_time(7200)
            assert on(h, late) == []
            h.shop.faults.clear()
            other = await placed(h, PLAIN)
            await h.pass_time(1200)
            assert matters(h, str(other.id)) == [("agent_case", "open", late.number)]
            assert len(comments(h)) == 2

    run(story())


def test_a_case_without_a_number_and_a_closed_one_are_left_alone(tmp_path: Path) -> None:
    async def story() -> None:
        async with shopify(tmp_path) as h:
            order = await placed(h, PLAIN)
            opened(h, "")
            h.cases.close(opened(h, "1001").id, AGENT)
            await h.pass_time(900)
            assert (matters(h, str(order.id)), comments(h), alerts(h)) == ([], [], [])

    run(story())
