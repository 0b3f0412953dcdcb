"""The seven flows of Shopify, P1 to P7, as they are played with `examples/tenants/shopify.yaml`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from caseconnect_demo.agreement import order_of
from caseconnect_demo.day import AUTHORIZED, CAPTURED, DECLINED, ELSEWHERE, HIGH, SAID_HELD, order
from caseconnect_demo.stage import Json, Row, Stage


async def bought(stage: Stage, spec: dict[str, Any], *, hours: float = 0) -> Json:
    """A shopper orders; `hours` ago if that is said."""
    at = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    payment = {**spec["payment"], "created_at": at} if hours else spec["payment"]
    made: Json = await stage.shop.post("/_sim/orders", {**spec, "payment": payment, "created_at": at})
    return made


def mark(made: Json) -> str:
    """What our reference of a case about this order holds."""
    return f"/order/{made['id']}/"


def subject(made: Json) -> str:
    """The order as `connect explain` knows it."""
    return f"shop/order/{made['id']}"


def on(made: Json, what: str) -> Any:
    """Whether an entry of the ledger is this, done to this order."""
    return lambda e: e["what"] == what and made["id"] == order_of(e)


async def p1(stage: Stage) -> None:
    """A declined card that nobody paid within the hour."""
    made = await bought(stage, order("Kettle", "59.00", "Gina Hall", payment=DECLINED), hours=1.2)
    stage.begin(f"{made['name']}: card declined, and not paid within the hour", subject(made))
    await stage.case(mark(made))
    await stage.decide("rejected")
    await stage.effect("the shop cancels the order", on(made, "cancel"))


async def p2(stage: Stage) -> None:
    """A complaint comes by the help desk."""
    made = await bought(stage, order("Vase", "45.00", "Vera Lind", payment=CAPTURED))
    await stage.shop.post(f"/_sim/orders/{made['id']}/fulfill", {"company": "UPS", "number": "1Z1"})
    stage.begin(f"{made['name']}: the help desk passes on a complaint, broken", subject(made))
    text = {"text": "It came in pieces.", "category": "damaged", "skus": ["VASE"]}
    await stage.knock("complaint", order_number=made["name"], email="vera.lind@shop.example", **text)
    await stage.case("It came in pieces.")
    await stage.decide("replacement", approved_lines="VASE x 1")
    await stage.effect("the goods are ordered again for nothing", lambda e: e["what"] == "draft_complete")


async def p3(stage: Stage) -> None:
    """Staff see on the order, and on the shopper's profile, how far its case is."""
    made = await bought(stage, order("Piano", "4200.00", "Paul Reed", payment=AUTHORIZED))
    stage.begin(f"{made['name']}: a large order is under review", subject(made))

    def tagged(tag: str) -> Any:
        return lambda e: on(made, "tags_add")(e) and tag in e["args"]["tags"]

    await stage.case(mark(made))
    await stage.effect("tag case-open", tagged("case-open"))
    await stage.effect("the shopper's profile shows it too", lambda e: "/Customer/" in e["target"])
    await stage.decide("verify", after=SAID_HELD)
    await stage.effect("then case-waiting", tagged("case-waiting"))
    await stage.decide("approved")
    await stage.effect("then case-resolved", tagged("case-resolved"))


async def p4(stage: Stage) -> None:
    """What is given away is approved before."""
    made = await bought(stage, order("Mug", "40.00", "Milo Fox", payment=CAPTURED))
    stage.begin(f"{made['name']}: the desk asks to give back 25.00 USD", subject(made))
    asked = {"amount": {"amount": "25.00", "currency": "USD"}, "action": "refund", "reason": "came late"}
    await stage.knock("approval_request", order_number=made["name"], requested_by="mia", **asked)
    await stage.case(mark(made))
    stage.must(not stage.effects(on(made, "refund")), "money went back before anybody approved it")
    await stage.decide("approved")
    await stage.effect("25.00 USD go back, not before", on(made, "refund"))


async def p5(stage: Stage) -> None:
    """Fraud is investigated while the order is held."""
    made = await bought(stage, order("Phone", "830.00", "Jan Vos", risk=HIGH))
    stage.begin(f"{made['name']}: the fraud service says high risk", subject(made))
    await stage.effect("the shop holds the order", on(made, "hold"))
    await stage.case(mark(made))
    await stage.decide("rejected", after=SAID_HELD)
    await stage.effect("then cancels it", on(made, "cancel"))


async def p6(stage: Stage) -> None:
    """A VIP's case is raised."""
    who = order("Lamp", "120.00", "Vic Stone", billing_address={"first_name": "Vic", "last_name": "Stone", **ELSEWHERE})
    who["customer"]["tags"] = ["vip"]
    made = await bought(stage, who)
    stage.begin(f"{made['name']}: addresses differ, and the shopper is a VIP", subject(made))
    await stage.case(mark(made))
    await stage.shows("priority High and a deadline", lambda c: c["priority"] == "High" and bool(c["due_on"]))
    await stage.decide("approved", after=SAID_HELD)
    await stage.effect("raised, with a deadline; the order is released", on(made, "release"))


async def p7(stage: Stage) -> None:
    """An order that is paid and not shipped."""
    made = await bought(stage, order("Chair", "75.00", "Cleo Park", payment=CAPTURED), hours=120)
    stage.begin(f"{made['name']}: paid five days ago, and not shipped", subject(made))
    await stage.case(mark(made))
    await stage.decide("refund", approved_lines="CHAIR x 1")
    await stage.effect("the money goes back", on(made, "refund"))


ROWS = (
    Row("P1", "order exceptions open cases", "shopify", p1),
    Row("P2", "complaints, returns and refund disputes", "shopify", p2),
    Row("P3", "order and profile show how far the case is", "shopify", p3),
    Row("P4", "what is given back is approved before", "shopify", p4),
    Row("P5", "fraud is investigated; the order is held, released or cancelled", "shopify", p5),
    Row("P6", "who matters most is served first", "shopify", p6),
    Row("P7", "late, partly shipped and lost parcels", "shopify", p7),
)
