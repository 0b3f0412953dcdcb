"""What agents decide, change, take back and repeat, and what is done of it: once, or by a person."""

from __future__ import annotations

from pathlib import Path

import pytest
from house import house
from stories import AGENT, alerts, comments, decided, done, matter, only_case, operations, placed, states, told

from caseconnect.host.journal.records import Brake
from caseconnect.sdk.testing import run
from caseconnect_opentext_case.simulator import Fault as CaseFault
from caseconnect_shopify.simulator import Fault
from caseconnect_shopify.simulator.world import fulfilment, payments


def test_the_same_outcome_set_twice_is_carried_out_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = await placed(h)
            await decided(h, "approved")
            await decided(h, "approved")
            assert done(h) == ["hold", "release"]
            assert (matter(h, order)["state"], alerts(h)) == ("closed", [])

    run(story())


@pytest.mark.parametrize(
    ("first", "then", "effect"), [("approved", "rejected", "release"), ("rejected", "approved", "cancel")]
)
def test_an_outcome_changed_after_execution_goes_to_a_person(
    tmp_path: Path, first: str, then: str, effect: str
) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = await placed(h)
            await decided(h, first)
            await decided(h, then)
            await decided(h, then)
            assert done(h) == ["hold", effect]
            (alert,) = h.journal.stuck()["alerts"]
            assert "decide by hand what follows" in alert["title"]
            assert len([t for t in comments(h) if "a person must decide" in t]) == 1
            assert matter(h, order)["state"] == "closed"

    run(story())


def test_a_case_closed_and_reopened_with_another_outcome_goes_to_a_person(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            await placed(h)
            await decided(h, "approved", close=True)
            assert done(h) == ["hold", "release"]
            h.cases.reopen(only_case(h).id, AGENT)
            await h.pass_time(120)
            assert alerts(h) == []
            await decided(h, "rejected", close=True)
            assert done(h) == ["hold", "release"]
            assert len(alerts(h)) == 1

    run(story())


def test_a_decision_taken_back_before_it_was_sent_is_not_carried_out_and_the_next_one_is(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = await placed(h)
            await h.journal.pause(Brake("acme", "command", "ReleaseOrder", "wait", "ann", h.now()))
            await decided(h, "approved")
            await decided(h, None)
            await h.journal.resume("acme", "command", "ReleaseOrder", "go", "ann", h.now())
            await h.pass_time(120)
            assert (done(h), states(h, order)["ReleaseOrder"]) == (["hold"], "refused")
            assert matter(h, order)["claims"]
            assert any("before anything was sent" in t for t in comments(h))
            await decided(h, "approved")
            assert done(h) == ["hold", "release"]
            assert (matter(h, order)["state"], alerts(h)) == ("closed", [])

    run(story())


def test_a_decision_changed_before_it_was_sent_carries_out_the_new_one(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = await placed(h)
            await h.journal.pause(Brake("acme", "command", "ReleaseOrder", "wait", "ann", h.now()))
            await decided(h, "approved")
            await decided(h, "rejected")
            await h.journal.resume("acme", "command", "ReleaseOrder", "go", "ann", h.now())
            await h.pass_time(600)
            assert done(h) == ["hold", "cancel"]
            assert order.cancelled_at is not None
            assert matter(h, order)["state"] == "closed"

    run(story())


def test_an_unmapped_outcome_is_told_and_not_acted_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = await placed(h)
            await decided(h, "more_information")
            assert (done(h), matter(h, order)["state"]) == (["hold"], "open")
            assert "is not known to Connect" in comments(h)[-1]
            await decided(h, "rejected")
            assert done(h) == ["hold", "cancel"]

    run(story())


def test_a_captured_order_is_not_cancelled_and_the_case_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = await placed(h)
            payments.add(h.shop, order, {"kind": "capture", "status": "success"})
            await h.pass_time(60)
            await decided(h, "rejected")
            assert (done(h), order.cancelled_at) == (["hold"], None)
            assert states(h, order)["CancelOrder"] == "refused"
            assert any("could not cancel the order" in t and "captured" in t for t in comments(h))
            assert (matter(h, order)["stage"], len(alerts(h))) == ("blocked", 1)
            assert matter(h, order)["claims"]

    run(story())


def test_a_decision_that_comes_before_we_know_the_case_is_carried_out(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            h.case_app.faults.schedule(CaseFault(kind="drop_after", operation="create_case"))
            order = await placed(h)
            assert (len(h.cases.cases), states(h, order)["OpenCase"]) == (1, "unknown")
            await decided(h, "approved", seconds=70)
            await h.pass_time(900)
            assert done(h) == ["hold", "release"]
            assert operations(h).count("create_case") == 1
            assert (matter(h, order)["state"], alerts(h)) == ("closed", [])

    run(story())


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_hold_whose_answer_is_lost_and_a_release_after_it(tmp_path: Path, kind: str) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            h.shop.faults.add(Fault(kind, operation="fulfillmentOrderHold"))
            order = await placed(h)
            await decided(h, "approved")
            assert done(h) == ["hold", "release"]
            assert [x for fo in order.fulfillment_orders for x in fo.holds] == []
            assert (matter(h, order)["state"], alerts(h)) == ("closed", [])

    run(story())


def test_an_order_that_is_shipped_before_it_can_be_held_is_still_reviewed(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            await h.journal.pause(Brake("acme", "command", "HoldOrder", "wait", "ann", h.now()))
            order = await placed(h)
            fulfilment.fulfill(h.shop, order, {})
            await h.journal.resume("acme", "command", "HoldOrder", "go", "ann", h.now())
            await h.pass_time(120)
            assert states(h, order)["HoldOrder"] == "refused"
            assert any("could not hold the order" in t and "already shipped" in t for t in comments(h))
            assert matter(h, order)["claims"] == []
            await decided(h, "approved")
            assert (done(h), matter(h, order)["state"]) == ([], "closed")
            assert told(h, order)["matters"][0]["acted_on"]["outcome"] == "approved"

    run(story())
