"""What is played beside the fifteen flows: the smallest tenant file, the one with both platforms, and a storm."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from caseconnect_demo import rows_sfcc, rows_shopify
from caseconnect_demo.day import DECLINED, HIGH, SAID_HELD, order
from caseconnect_demo.stage import Json, Row, Stage

DECLINES = 300
"""Cards that are declined within ten minutes."""

OWN_CASES = 30
"""Of these so many get cases of their own: `storm` of a tenant file that says nothing else."""

_AT_ONCE = 8
_SPAN = timedelta(minutes=10)
_SETTLED = timedelta(minutes=61)


async def smallest(stage: Stage) -> None:
    """In mode `observe` a risky order is judged, and nothing is done."""
    made = await rows_shopify.bought(stage, order("Drone", "1900.00", "Olga Wit", risk=HIGH))
    stage.begin(f"{made['name']}: high risk", rows_shopify.subject(made))

    def judged() -> str:
        answers = [a["reason"] for d in stage.explained()["decisions"] for a in d["answers"]]
        return next((reason for reason in answers if "high_risk" in reason), "")

    await stage.until(judged, "a verdict")
    stage.now("to_decision")
    await stage.world.look()
    stage.must(not stage.effects(lambda e: e["what"] != "webhook_subscribe"), "the shop was touched in mode observe")
    stage.must(not stage.world.cases[stage.tenant], "a case was opened in mode observe")
    stage.note(effect="nothing: mode observe only tells what it would do")
    stage.tell("judged, and nothing was done")


async def both(stage: Stage) -> None:
    """An order of each platform, in one case management."""
    number = await rows_sfcc.bought(stage, "Pam Ost", lines=[rows_sfcc.line("sku-desk", "2600.00")], export="ready")
    made = await rows_shopify.bought(stage, order("Tablet", "640.00", "Rob Ekk", risk=HIGH))
    stage.begin(f"{number} of SFCC: 2,600 USD; {made['name']} of Shopify: high risk", f"storefront/order/{number}")
    await stage.case(rows_sfcc.mark(number))
    await stage.decide("approved", after=SAID_HELD)
    await stage.effect("SFCC confirms its order again", rows_sfcc.confirmed(number))
    await stage.case(rows_shopify.mark(made))
    await stage.decide("approved", after=SAID_HELD)
    await stage.effect("Shopify releases its own", rows_shopify.on(made, "release"))


async def storm(stage: Stage) -> None:
    """A payment service is down: hundreds of declines become one incident case."""
    # Three hundred orders at once would make everything else look slow.
    await stage.until(lambda: not stage.world.undecided, "decisions in all flows")
    await _break_out(stage)
    case = await stage.case("Storm: payment failure")
    reference = case["custom"]["externalReference"]
    stage.note(explain="/".join(reference.split("/")[-4:-1]))
    wanted = DECLINES - OWN_CASES
    await stage.until(lambda: len(_joined(stage)) >= wanted, f"{wanted} orders in {case['number']}")
    stage.now("to_effect")
    await stage.until(lambda: len(_own(stage)) >= OWN_CASES, f"{OWN_CASES} cases of their own")
    await stage.world.look()
    incidents = [c for c in stage.world.cases[stage.tenant] if _title(c).startswith("Storm: ")]
    counts = {"declines": DECLINES, "own_cases": len(_own(stage)), "incidents": len(incidents)}
    counts["joined"] = len(_joined(stage))
    right = {"declines": DECLINES, "own_cases": OWN_CASES, "incidents": 1, "joined": wanted}
    stage.note(counts=counts, case=f"{OWN_CASES} cases, then {case['number']}")
    stage.must(counts == right, f"{counts} instead of {right}")
    stage.note(effect=f"one incident case for the other {wanted}")
    stage.tell(f"{OWN_CASES} have cases of their own, {wanted} are in {case['number']}")


async def _break_out(stage: Stage) -> None:
    """The declines, as fast as the shop takes them."""
    stage.begin(f"{DECLINES} cards are declined within ten minutes, and not paid within the hour")
    began = datetime.now(UTC) - _SETTLED - _SPAN
    room = asyncio.Semaphore(_AT_ONCE)

    async def decline(number: int) -> None:
        at = (began + number * _SPAN / DECLINES).isoformat()
        spec = order(
            "Radio", "35.00", f"Shopper {number}", risk=[], payment={**DECLINED, "created_at": at}, created_at=at
        )
        async with room:
            await stage.shop.post("/_sim/orders", spec)

    await asyncio.gather(*(decline(number) for number in range(DECLINES)))
    stage.tell(f"all {DECLINES} are declined")


def _joined(stage: Stage) -> list[Json]:
    matters = stage.explained()["matters"]
    return list(matters[0]["members"]) if matters else []


def _own(stage: Stage) -> list[Json]:
    return [c for c in stage.world.cases.get(stage.tenant, ()) if _title(c).endswith(": payment failure")]


def _title(case: Json) -> str:
    return str(case["default"].get("caseTitle"))


ROWS = (
    Row("smallest", "smallest.yaml: one shop, observed", "smallest", smallest),
    Row("both", "both.yaml: two platforms, one case management", "both", both),
)
"""The example files that no flow plays."""

STORM = Row("storm", "300 declines within ten minutes", "both", storm)
"""A payment service is down."""
