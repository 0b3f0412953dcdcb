"""What is asked for waits in a case: approved, it is done as it was shown; rejected or undecided, it is not done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from asking import MIA, TWO_MUGS, answered, asked, desk, refunded, shopify, usd
from click.testing import CliRunner
from house import TENANT, House, house
from sfcc_house import CONNECTIONS, SfccHouse, sfcc_house
from stories import AGENT, PLAIN, alerts, comments, only_case, operations, placed

from caseconnect.cli.audit import audit
from caseconnect.sdk.testing import run
from caseconnect_sfcc.simulator.scenarios import create_order
from caseconnect_shopify.simulator import Fault
from caseconnect_shopify.simulator.world import catalogue, metafields, orders, payments, staff
from caseconnect_shopify.simulator.world.search import OrderIndex


def drafting(folder: Path) -> Any:
    """A shop whose staff may leave drafts open."""
    text = (TENANT.partition("flows:\n")[0].rstrip() + desk()).replace("four_eyes: true", "four_eyes: false")
    asking = "client_id: sim-client\n      approvals: {draft_tag: needs-approval}"
    return house(folder, tenant=text.replace("client_id: sim-client", asking))


def sfcc(folder: Path) -> Any:
    return sfcc_house(folder, tenant=CONNECTIONS.rstrip() + desk())


def shown(h: House) -> str:
    """All that the one case shows of itself."""
    return "\n".join(str(value) for value in only_case(h).default.values())


def stages(h: House, subject: str) -> list[tuple[str, str | None]]:
    """State and stage of the matters."""
    return [(m["state"], m["stage"]) for m in h.explain(subject)["matters"]]


def test_an_approved_refund_is_in_the_shops_ledger_once_and_as_it_was_shown(tmp_path: Path) -> None:
    async def story() -> None:
        async with shopify(tmp_path) as h:
            order = await placed(h, TWO_MUGS)
            await asked(h, "a1", "1001", amount=usd("12.50"))
            await asked(h, "a1", "1001", amount=usd("12.50"))
            assert "refund of 12.50 USD" in shown(h)
            assert (refunded(order), operations(h).count("create_case")) == ("0", 1)
            await answered(h, "approved")
            assert refunded(order) == "12.50"
            assert stages(h, f"shop/order/{order.id}") == [("closed", "resolved")]
            assert any("The money was given back." in text for text in comments(h))
            await answered(h, "approved")
            assert (refunded(order), alerts(h)) == ("12.50", [])

    run(story())


@pytest.mark.parametrize(
    ("outcome", "agent", "why"), [("rejected", AGENT, ""), ("approved", MIA, "who asked has approved it")]
)
def test_a_rejected_one_and_one_that_the_asker_approves_do_nothing(
    tmp_path: Path, outcome: str, agent: str, why: str
) -> None:
    async def story() -> None:
        async with shopify(tmp_path) as h:
            order = await placed(h, TWO_MUGS)
            await asked(h, "a1", "1001", amount=usd("12.50"))
            await answered(h, outcome, agent=agent)
            await h.pass_time(3600)
            assert refunded(order) == "0"
            assert bool(alerts(h)) == bool(why)
            assert any(why in text for text in comments(h)) or not why

    run(story())


def test_a_small_one_is_done_at_once_and_one_that_nobody_decides_never(tmp_path: Path) -> None:
    async def story() -> None:
        async with shopify(tmp_path, every="15m") as h:
            order = await placed(h, TWO_MUGS)
            await asked(h, "a1", "1001", amount=usd("5.00"))
            assert (refunded(order), operations(h)) == ("5.00", [])
            await asked(h, "a2", "1001", amount=usd("6.00"))
            await h.pass_time(73 * 3600)
            await answered(h, "approved", 1800)
            assert refunded(order) == "5.00"
            assert any("Nobody decided in time" in text for text in comments(h))

    run(story())


def test_a_refund_made_in_the_admin_while_it_waited_makes_it_void(tmp_path: Path) -> None:
    async def story() -> None:
        async with shopify(tmp_path) as h:
            order = await placed(h, TWO_MUGS)
            await asked(h, "a1", "1001", amount=usd("20.00"))
            payments.refund(h.shop, order, {"amount": "20.00", "lines": {"MUG": 1}})
            await h.pass_time(1200)
            await answered(h, "approved")
            assert refunded(order) == "20.00"
            assert any("around the approval" in text for text in comments(h))
            assert alerts(h)
            assert len(h.cases.cases) == 1

    run(story())


def test_a_refund_in_the_admin_that_nobody_asked_for_is_reported_and_our_own_never(tmp_path: Path) -> None:
    async def story() -> None:
        async with shopify(tmp_path) as h:
            order = await placed(h, TWO_MUGS)
            await asked(h, "a1", "1001", amount=usd("8.00"))
            await answered(h, "approved")
            assert (refunded(order), len(h.cases.cases)) == ("8.00", 1)
            payments.refund(h.shop, order, {"amount": "5.00"})
            await h.pass_time(1200)
            assert len(h.cases.cases) == 1
            payments.refund(h.shop, order, {"amount": "6.00"})
            await h.pass_time(1200)
            _, around = h.cases.cases.values()
            assert "refunded without an approval" in around.default["caseTitle"]
            assert len(alerts(h)) == 1
            h.cases.close(around.id, AGENT)
            await h.restart()
            orders.edit(h.shop, order, {"note": "look"})
            await h.pass_time(1200)
            assert len(h.cases.cases) == 2

    run(story())


def test_an_answer_that_is_lost_and_a_restart_give_back_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with shopify(tmp_path) as h:
            order = await placed(h, TWO_MUGS)
            await asked(h, "a1", "1001", amount=usd("12.50"))
            fault = h.shop.faults.add(Fault("drop_after", operation="refundCreate"))
            await answered(h, "approved", 30)
            await h.pass_time(60)
            assert fault.hits == 1
            await h.restart()
            await h.pass_time(1800)
            assert (refunded(order), stages(h, f"shop/order/{order.id}")) == ("12.50", [("closed", "resolved")])

    run(story())


def test_staff_ask_by_a_tag_and_a_metafield(tmp_path: Path) -> None:
    async def story() -> None:
        text = (TENANT.partition("flows:\n")[0].rstrip() + desk()).replace("four_eyes: true", "four_eyes: false")
        text = text.replace("client_id: sim-client", "client_id: sim-client\n      approvals: {tag: Needs-Refund}")
        async with house(tmp_path, tenant=text) as h:
            order = await placed(h, TWO_MUGS)
            ask = {
                "action": "refund",
                "amount": "12.50",
                "currency": "USD",
                "reason": "came late",
                "requested_by": "boss",
            }
            gid = f"gid://shopify/Order/{order.id}"
            metafields.put(h.shop, order, gid, {"key": "approval_request", "value": json.dumps(ask)}, "custom")
            orders.edit(h.shop, order, {"note": "look"})
            await h.pass_time(1200)
            assert operations(h) == []
            orders.edit(h.shop, order, {"tags": ["needs-refund"]})
            await h.pass_time(1200)
            assert "refund of 12.50 USD" in shown(h)
            assert "Asked by: not said" in shown(h)
            orders.edit(h.shop, order, {"note": "look again"})
            await h.pass_time(1200)
            assert operations(h).count("create_case") == 1
            await answered(h, "approved")
            assert (refunded(order), alerts(h)) == ("12.50", [])

    run(story())


def test_an_order_that_the_search_does_not_show_yet_is_waited_for(tmp_path: Path) -> None:
    async def story() -> None:
        async with shopify(tmp_path) as h:
            h.shop.index = OrderIndex(40)
            order = await placed(h, TWO_MUGS)
            await asked(h, "a1", "1001", amount=usd("12.50"))
            assert "order #1001" in shown(h)
            await answered(h, "approved")
            assert refunded(order) == "12.50"

    run(story())


async def _drafted(h: House, **more: Any) -> Any:
    """Staff leave a draft open: two mugs for nothing, for an order."""
    goods = {"lines": [{"sku": "MUG", "quantity": 2}], "tags": ["Needs-Approval"], "attributes": {"replaces": "#1001"}}
    draft = staff.draft(h.shop, {**goods, "discount": 100, **more})
    await h.pass_time(1200)
    return draft


@pytest.mark.parametrize(("outcome", "done"), [("approved", ["draft_complete"]), ("rejected", ["draft_delete"])])
def test_a_draft_left_open_is_completed_or_deleted_by_the_outcome(tmp_path: Path, outcome: str, done: Any) -> None:
    async def story() -> None:
        async with drafting(tmp_path) as h:
            order = await placed(h, TWO_MUGS)
            catalogue.add(h.shop, {"title": "Mug", "sku": "MUG", "price": "20.00"})
            draft = await _drafted(h)
            assert "replacement of 40.00 USD for 2 x MUG" in shown(h)
            assert [e.what for e in h.shop.ledger] == []
            await answered(h, outcome, 900)
            assert [e.what for e in h.shop.ledger] == done
            assert (draft.id in h.shop.drafts) is (outcome == "approved")
            assert len(h.shop.orders) == (2 if outcome == "approved" else 1)
            orders.edit(h.shop, order, {"note": "look"})
            await h.pass_time(2400)
            assert (len(h.cases.cases), alerts(h)) == (1, [])
            assert stages(h, f"shop/order/{order.id}") == [("closed", "resolved")]

    run(story())


def test_a_draft_that_staff_change_or_complete_around_the_gate_is_not_carried_out(tmp_path: Path) -> None:
    async def story() -> None:
        async with drafting(tmp_path) as h:
            await placed(h, TWO_MUGS)
            catalogue.add(h.shop, {"title": "Mug", "sku": "MUG", "price": "20.00"})
            first = await _drafted(h)
            staff.decide_draft(h.shop, str(first.id), "complete", {})
            await h.pass_time(1200)
            assert any("around the approval" in text for text in comments(h))
            await answered(h, "approved")
            assert any("was done in the shop" in text for text in comments(h))
            second = await _drafted(h, lines=[{"sku": "MUG", "quantity": 1}])
            second.lines[0].quantity = 9
            case = list(h.cases.cases.values())[-1]
            h.cases.decide(case.id, "approved", AGENT)
            await h.pass_time(300)
            assert [e.what for e in h.shop.ledger] == []
            assert any("the draft holds other goods now" in text for text in comments(h))
            await _drafted(h, discount=50)
            h.cases.decide(list(h.cases.cases.values())[-1].id, "approved", AGENT)
            await h.pass_time(300)
            assert [e.what for e in h.shop.ledger] == []
            assert any("the draft costs 20.00 USD, which nobody has paid" in text for text in comments(h))
            await _drafted(h, attributes={})
            assert "parked:delivery" in alerts(h)

    run(story())


@pytest.mark.parametrize(("outcome", "given"), [("approved", ["7.50"]), ("rejected", [])])
def test_on_sfcc_the_job_gives_back_what_was_approved(tmp_path: Path, outcome: str, given: list[str]) -> None:
    async def story() -> None:
        async with sfcc(tmp_path) as h:
            order = await _bought(h)
            await asked(h, "a1", order.number, amount=usd("7.50"))
            await h.pass_time(120)
            assert "refund of 7.50 USD" in shown(h)
            await answered(h, outcome, 900)
            done = [e.args["payload"]["amount"] for e in h.instance.ledger if e.what == "merchant.refund"]
            assert done == given
            assert stages(h, f"shop/order/{order.number}") == [("closed", "resolved")]
            assert alerts(h) == []

    run(story())


async def _bought(h: SfccHouse) -> Any:
    await h.pass_time(60)
    order = create_order(
        h.instance,
        {
            "customer": {"customerName": "Jane Shopper", "email": "jane@shopper.example"},
            "lines": [{"product_id": "sku-1", "price": "10.00", "quantity": 2}],
            "payment": "paid",
            "export": "exported",
            "age_seconds": 86_400,
        },
    )
    await h.pass_time(400)
    return order


@pytest.mark.parametrize("kept", [True, False])
def test_money_that_is_done_here_and_not_there_is_told(tmp_path: Path, kept: bool) -> None:
    async def story() -> None:
        async with shopify(tmp_path) as h:
            order = await placed(h, PLAIN)
            await asked(h, "a1", "1001", amount=usd("12.50"))
            h.cases.decide(only_case(h).id, "approved", AGENT)
            await h.pass_time(180)
            assert refunded(order) == "12.50"
            if not kept:
                order.refunds.clear()
                order.transactions = [t for t in order.transactions if t.kind != "REFUND"]
            await h.pass_time(4000)
            money = [c for c in h.journal.comparisons(h.now()) if c.what == "money" and c.wrong]
            assert [c.wrong for c in money] == ([] if kept else [1])
            assert ("compared:shop:money" in alerts(h)) is not kept
            answer = CliRunner().invoke(audit, ["--data", str(tmp_path), "--json", "--days", "400"])
            told: dict[str, Any] = orjson.loads(answer.stdout)
            (day,) = told["days"]["acme"].values()
            assert day["money"] == {"RefundPayment": {"USD": "12.50"}}
            assert day["cases"] == 1
            assert answer.exit_code == (0 if kept else 1)
            shown = CliRunner().invoke(audit, ["--data", str(tmp_path), "--days", "400"])
            assert "RefundPayment 12.50 USD" in shown.output
            assert "ann@shop.test" not in shown.output

    run(story())


def test_what_a_person_gave_back_beside_us_is_listed_as_theirs(tmp_path: Path) -> None:
    async def story() -> None:
        async with shopify(tmp_path) as h:
            order = await placed(h, TWO_MUGS)
            await asked(h, "a1", "1001", amount=usd("12.50"))
            await answered(h, "approved")
            for amount in ("3.00", "1.50"):
                payments.refund(h.shop, order, {"amount": amount})
            await h.pass_time(4000)
            found = {c.what: c for c in h.journal.comparisons(h.now())}
            assert found["by hand"].named == (f"shop/order/{order.id} on 2026-01-01: 4.50 USD",)
            assert (found["by hand"].wrong, found["money"].wrong) == (0, 0)
        answer = CliRunner().invoke(audit, ["--data", str(tmp_path), "--days", "400"])
        assert f"shop/order/{order.id} on 2026-01-01: 4.50 USD" in answer.output
        assert answer.exit_code == 0

    run(story())
