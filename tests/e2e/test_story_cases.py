"""From what happens in a shop to exactly one case, or none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from house import TENANT, House, house
from stories import (
    AGENT,
    AWAY,
    HOME,
    PLAIN,
    RISKY,
    alerts,
    comments,
    decided,
    done,
    ended,
    matter,
    only_case,
    operations,
    placed,
    states,
    told,
)

from caseconnect.host.journal.records import Brake
from caseconnect.sdk.testing import run
from caseconnect_shopify.simulator import create_order
from caseconnect_shopify.simulator.world import fulfilment, orders


def test_one_case_for_all_that_is_wrong_and_further_facts_go_to_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = await placed(h, shipping_address=HOME, billing_address=AWAY)
            found = [f["exception"] for f in matter(h, order)["findings"]]
            assert set(found) == {"high_risk", "high_value", "address_mismatch", "suspected_fraud"}
            assert (operations(h).count("create_case"), done(h)) == (1, ["hold"])
            further = [t for t in comments(h) if t.startswith("Further findings")]
            assert len(further) == 1
            assert "Address mismatch" in further[0]
            for _ in range(3):
                orders.edit(h.shop, order, {"note": "please hurry", "tags": ["vip"]})
                await h.settle()
            await h.pass_time(3600)
            assert (operations(h).count("create_case"), done(h)) == (1, ["hold"])
            assert [t for t in comments(h) if t.startswith("Further findings")] == further
            assert alerts(h) == []

    run(story())


def test_a_worse_risk_later_is_a_comment_on_the_open_case(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = await placed(h, shipping_address=HOME, billing_address=AWAY, risk={"level": "LOW"})
            assert (operations(h).count("create_case"), done(h)) == (1, ["hold"])
            await h.pass_time(600)
            orders.assess(h.shop, order, {"level": "HIGH", "facts": ["card used in two countries"]})
            await h.pass_time(60)
            assert operations(h).count("create_case") == 1
            assert any("High risk" in t for t in comments(h))
            assert done(h) == ["hold"]

    run(story())


def test_an_ordinary_order_opens_nothing_and_says_why(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = await placed(h, PLAIN, risk={"level": "LOW"}, shipping_address=HOME)
            assert (operations(h), done(h), told(h, order)["matters"]) == ([], [], [])
            reasons = [a["reason"] for d in told(h, order)["decisions"] for a in d["answers"]]
            assert any(" USD is below high_value.USD (1000)" in r for r in reasons)

    run(story())


def test_a_guest_order_without_personal_fields(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            h.shop.personal_data = False
            guest = {k: v for k, v in RISKY.items() if k != "customer"}
            order = await placed(h, guest, shipping_address=HOME)
            assert (operations(h).count("create_case"), done(h)) == (1, ["hold"])
            assert (alerts(h), states(h, order)["OpenCase"]) == ([], "done")
            await decided(h, "approved")
            assert done(h) == ["hold", "release"]

    run(story())


def test_a_second_currency_has_its_own_threshold(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            spec = PLAIN | {
                "currency": "EUR",
                "lines": [{"title": "Camera", "price": "5000.00"}],
                "risk": {"level": "LOW"},
            }
            order = await placed(h, spec)
            assert operations(h) == []
            reasons = [a["reason"] for d in told(h, order)["decisions"] for a in d["answers"]]
            assert any("high_value has no threshold for EUR" in r for r in reasons)
            yen = await placed(h, spec | {"currency": "USD", "presentment": {"currency": "EUR", "rate": "0.9"}})
            assert matter(h, yen)["findings"][0]["summary"].endswith(" USD reaches the threshold of 1000 USD")

    run(story())


@pytest.mark.parametrize(
    ("mode", "shop", "case"), [("observe", [], 0), ("cases", [], 1), ("live", ["hold", "release"], 1)]
)
def test_modes(tmp_path: Path, mode: str, shop: list[str], case: int) -> None:
    async def story() -> None:
        async with house(tmp_path, mode=mode) as h:
            order = await placed(h)
            assert operations(h).count("create_case") == case
            if case:
                await decided(h, "approved")
            await h.pass_time(3600)
            assert done(h) == shop
            assert bool(order.tags) == (mode == "live")
            assert matter(h, order)["mode"] == mode
            assert alerts(h) == []

    run(story())


def test_an_observed_order_is_worked_when_the_flow_goes_live(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, mode="observe") as h:
            order = await placed(h)
            assert (operations(h), done(h)) == ([], [])
            h.mode = "live"
            await h.restart()
            await h.settle()
            orders.edit(h.shop, order, {"note": "where is it?"})
            await h.settle()
            assert (operations(h).count("create_case"), done(h)) == (1, ["hold"])
            assert sorted(m["mode"] for m in told(h, order)["matters"]) == ["live", "observe"]

    run(story())


def test_going_live_cuts_older_orders_whatever_touches_them(tmp_path: Path) -> None:
    async def story() -> None:
        tenant = TENANT.replace("go_live: 2025-12-01T00:00:00Z", "go_live: 2026-01-01T00:10:00Z")
        async with house(tmp_path, tenant=tenant) as h:
            order = await placed(h, shipping_address=HOME, billing_address=AWAY)
            await h.pass_time(1200)
            orders.assess(h.shop, order, {"level": "HIGH"})
            orders.edit(h.shop, order, {"tags": ["vip"]})
            await h.pass_time(1200)
            assert (operations(h), done(h)) == ([], [])
            assert any("arose before going live" in str(d["answers"]) for d in told(h, order)["decisions"])
            await placed(h, created_at=datetime(2026, 1, 1, 0, 30, tzinfo=UTC).isoformat())
            assert operations(h).count("create_case") == 1

    run(story())


async def _played(h: House, order_of_arrival: str) -> dict[str, Any]:
    """The same day, with the webhooks delivered once, twice, backwards or an hour late."""
    sent: list[tuple[str, dict[str, str], bytes]] = []
    real = h.shop.outbox.deliver

    async def keep(url: str, headers: dict[str, str], body: bytes) -> int:
        sent.append((url, headers, body))
        return 200 if order_of_arrival != "once" else await real(url, headers, body)

    h.shop.outbox.deliver = keep
    h.subscribe()
    await h.settle()
    order = await placed(h, shipping_address=HOME, billing_address=AWAY, risk=None)
    orders.assess(h.shop, order, {"level": "HIGH"})
    await h.settle()
    if order_of_arrival == "late":
        await h.pass_time(300)
    arriving = {"twice": [*sent, *sent], "backwards": sent[::-1], "late": sent}.get(order_of_arrival, [])
    for url, headers, body in arriving:
        assert await real(url, headers, body) == 200
        await h.settle()
    h.shop.outbox.deliver = real
    await h.pass_time(60)
    await decided(h, "rejected")
    await h.pass_time(900)
    return ended(h, order)


def test_duplicate_reordered_and_late_deliveries_come_to_the_same_end(tmp_path: Path) -> None:
    async def story(how: str) -> dict[str, Any]:
        async with house(tmp_path / how) as h:
            return await _played(h, how)

    ends = {how: run(story(how)) for how in ("once", "twice", "backwards", "late")}
    kept = ("shop", "tags", "metafields", "holds", "cancelled", "matters", "alerts")
    plain = {how: {k: end[k] for k in kept} for how, end in ends.items()}
    assert plain["once"]["shop"] == ["hold", "cancel"]
    assert plain["twice"] == plain["once"]
    assert plain["backwards"] == plain["once"]
    assert plain["late"] == plain["once"]
    assert {end["case"].count("create_case") for end in ends.values()} == {1}


@pytest.mark.parametrize(("new_ground", "ends"), [(False, ["hold"]), (True, ["hold", "hold", "release"])])
def test_a_person_takes_the_hold_off_in_the_shop(tmp_path: Path, new_ground: bool, ends: list[str]) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = await placed(h)
            assert matter(h, order)["claims"]
            await h.pass_time(300)
            fulfilment.release_by_hand(h.shop, order)
            await h.pass_time(300)
            assert matter(h, order)["claims"] == []
            orders.edit(h.shop, order, {"note": "x"})
            await h.pass_time(600)
            assert done(h) == ["hold"]
            if new_ground:
                orders.assess(h.shop, order, {"level": "HIGH", "recommendation": "INVESTIGATE"})
                await h.pass_time(600)
            await decided(h, "approved")
            assert (done(h), matter(h, order)["state"]) == (ends, "closed")
            assert alerts(h) == []

    run(story())


def test_a_poll_finds_what_webhooks_never_sent_and_the_overlap_opens_no_second_case(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            await h.settle()
            await h.pass_time(60)
            order = create_order(h.shop, RISKY)
            await h.pass_time(3600)
            assert h.answers == []
            assert (operations(h).count("create_case"), done(h)) == (1, ["hold"])
            h.subscribe()
            orders.edit(h.shop, order, {"note": "x"})
            await h.pass_time(3600)
            assert (operations(h).count("create_case"), done(h)) == (1, ["hold"])

    run(story())


def test_the_order_shows_how_its_case_stands_in_every_stage(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = await placed(h)
            case = only_case(h)
            assert order.tags == ["case-open"]
            shown = {k: m.value for (_, k), m in order.metafields.items()}
            assert (shown["case_number"], shown["case_outcome"]) == (case.number, "none")
            h.cases.change(case.id, AGENT, stage="In review")
            await h.pass_time(120)
            assert order.tags == ["case-open"]
            await decided(h, "approved")
            assert order.tags == ["case-resolved"]
            shown = {k: m.value for (_, k), m in order.metafields.items()}
            assert shown["case_outcome"] == "approved"
            h.cases.close(case.id, AGENT)
            await h.pass_time(120)
            assert order.tags == ["case-resolved"]
            assert alerts(h) == []

    run(story())


def test_the_order_shows_that_its_case_waits_and_that_it_is_decided(tmp_path: Path) -> None:
    outcomes = "outcomes: {approved: release, rejected: cancel, more_information: ask_verification}"
    tenant = TENANT.replace('high_value: {USD: "1000"}', f'high_value: {{USD: "1000"}}\n      {outcomes}')
    second = "use: order_exceptions\n    mode: $mode"
    tenant = tenant.replace(second, f"{second}\n    settings: {{{outcomes}}}")

    async def story() -> None:
        async with house(tmp_path, tenant=tenant) as h:
            order = await placed(h)
            await decided(h, "more_information")
            assert (order.tags, matter(h, order)["stage"]) == (["case-waiting"], "waiting_for_customer")
            assert any("must be asked for verification" in t for t in comments(h))
            await h.journal.pause(Brake("acme", "command", "ReleaseOrder", "wait", "ann", h.now()))
            await decided(h, "approved")
            assert order.tags == ["case-decided"]
            await h.journal.resume("acme", "command", "ReleaseOrder", "go", "ann", h.now())
            await h.pass_time(60)
            assert (order.tags, done(h)) == (["case-resolved"], ["hold", "release"])
            assert alerts(h) == []

    run(story())
