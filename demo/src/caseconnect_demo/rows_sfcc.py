"""The eight flows of Salesforce B2C Commerce, S1 to S8, as they are played with `examples/tenants/sfcc.yaml`."""

from __future__ import annotations

import json
from typing import Any

from caseconnect_demo.day import SAID_HELD
from caseconnect_demo.stage import Row, Stage

_DAY = 86_400
_SOLD: dict[str, Any] = {"payment": "paid", "export": "exported"}


async def bought(stage: Stage, name: str, **spec: Any) -> str:
    """A shopper orders; the number."""
    who = {"customerName": name, "email": mail(name)}
    made = await stage.sfcc("orders", customer=who, **spec)
    return str(made["orderNo"])


def mail(name: str) -> str:
    """The shopper's address."""
    return f"{name.lower().replace(' ', '.')}@shopper.example"


def subject(number: str) -> str:
    """The order as `connect explain` knows it."""
    return f"shop/order/{number}"


def mark(number: str) -> str:
    """What our reference of a case about this order holds."""
    return f"/order/{number}/"


def changed(target: str, *parts: str) -> Any:
    """Whether an entry of the ledger changed this order, product or profile, and says so."""
    return lambda e: e["target"] == target and e["changed"] and all(part in json.dumps(e["args"]) for part in parts)


async def s1(stage: Stage) -> None:
    """Something is wrong with an order."""
    number = await bought(stage, "Ada Moss", situation="address_mismatch")
    stage.begin(f"{number}: the goods go to another address than the bill", subject(number))
    await stage.case(mark(number))
    await stage.decide("rejected")
    await stage.effect("the realm cancels the order", changed(number, "cancelled"))


async def s2(stage: Stage) -> None:
    """A return without a proof of purchase."""
    number = await bought(stage, "Ben Hart", situation="shipped", lines=[line("sku-boots", "80.00")])
    items = json.dumps([{"productId": "sku-boots", "quantity": 1, "reason": "too small"}])
    stage.begin(f"{number}: a return is asked for, without a proof of purchase", subject(number))
    form = {"orderNo": number, "customerEmail": mail("Ben Hart"), "proofOfPurchase": "no", "wish": "refund"}
    asked = await stage.sfcc("requests/return", items=items, **form)
    await stage.case(mark(number))
    await stage.decide("approved", goods_received="yes")
    await stage.effect("the return is approved", changed(f"{asked['object_type']}/{asked['key']}", "approved"))
    await stage.effect("80.00 go back", lambda e: e["what"] == "merchant.refund" and e["target"] == number)


async def s3(stage: Stage) -> None:
    """A complaint of the storefront's form."""
    number = await bought(stage, "Cora Bell", lines=[line("sku-vase", "45.00")], **_SOLD)
    stage.begin(f"{number}: the shopper complains, broken", subject(number))
    form = {"orderNo": number, "customerEmail": mail("Cora Bell"), "kind": "damaged", "skus": ["sku-vase"]}
    await stage.sfcc("requests/complaint", comment="It came in pieces.", **form)
    await stage.case("It came in pieces.")
    await stage.decide("replacement", approved_lines="sku-vase x 1")
    await stage.effect("the goods are sent again", _merchant("replacement", number))


async def s4(stage: Stage) -> None:
    """A large order is reviewed."""
    number = await bought(stage, "Dan Cole", lines=[line("sku-sofa", "2400.00")], export="ready")
    stage.begin(f"{number}: an order of 2,400 USD", subject(number))
    await stage.effect("the realm holds the order", changed(number, "caseconnectHold"))
    await stage.case(mark(number))
    await stage.decide("approved", after=SAID_HELD)
    await stage.effect("then confirms it again", confirmed(number))


async def s5(stage: Stage) -> None:
    """A recall begins and ends in case management."""
    await stage.sfcc("products", id="sku-kettle")
    # What was decided before Connect first looked at the cases is none of its business.
    first = await stage.until(lambda: stage.world.last_poll(stage.tenant), "the first look at the cases")
    await stage.until(lambda: stage.world.last_poll(stage.tenant) != first, "the second look at the cases")
    made = await stage.world.house.cases.post(
        "/_sim/cases",
        {
            "tenant": stage.tenant,
            "by": "agent.one@core-case.example",
            "default": {"caseTitle": "Kettles that leak"},
            "custom": {"case_type": "recall", "recalled_skus": "sku-kettle"},
        },
    )
    stage.begin("an agent opens a case about a recall, sku-kettle", f"cases/case/{made['id']}")
    await stage.case(made["id"])
    await stage.decide("approved")
    await stage.effect("the product goes off sale", _switched("sku-kettle", online=False))
    await stage.said("taken off sale")
    await stage.decide("ended")
    await stage.said("The recall is undone")
    await stage.effect("and back when the recall ends", _switched("sku-kettle", online=True))


async def s6(stage: Stage) -> None:
    """An order that is paid and not shipped."""
    number = await bought(stage, "Fay Low", situation="delayed", lines=[line("sku-chair", "75.00")])
    stage.begin(f"{number}: paid five days ago, and not shipped", subject(number))
    await stage.sfcc(f"orders/{number}/touch")
    await stage.case(mark(number))
    await stage.decide("refund", approved_lines="sku-chair x 1")
    await stage.effect("the money goes back", _merchant("refund", number))


async def s7(stage: Stage) -> None:
    """A warranty claim."""
    number = await bought(
        stage, "Gus Ray", situation="shipped", lines=[line("sku-drill", "130.00")], age_seconds=200 * _DAY
    )
    stage.begin(f"{number}: a warranty claim, the handle broke", subject(number))
    form = {"orderNo": number, "customerEmail": mail("Gus Ray"), "productId": "sku-drill", "serialNumber": "SN-77"}
    await stage.sfcc("requests/claim", defect="The handle broke.", wish="replacement", **form)
    await stage.case("SN-77")
    await stage.decide("approved")
    await stage.effect("a new piece is sent", _merchant("replacement", number))


async def s8(stage: Stage) -> None:
    """Points are missing."""
    await stage.sfcc("customers", number="C-9", lastName="Sum", email=mail("Ida Sum"))
    form = {"customerNo": "C-9", "customerEmail": mail("Ida Sum"), "kind": "loyalty", "points": 300}
    stage.begin("a shopper misses 300 loyalty points")
    await stage.sfcc("requests/dispute", comment="Where are my points?", **form)
    await stage.case("Where are my points?")
    await stage.decide("approved")
    await stage.effect("300 points are booked", lambda e: e["what"] == "merchant.loyalty")


def line(product: str, price: str) -> dict[str, str]:
    """One piece of a product, for an order."""
    return {"product_id": product, "price": price}


def _merchant(action: str, number: str) -> Any:
    return lambda e: e["what"] == f"merchant.{action}" and e["target"] == number


def confirmed(number: str) -> Any:
    """Whether an entry of the ledger confirms this order."""
    return lambda e: e["target"] == number and e["what"] == "order.confirmation" and e["args"]["to"] == "confirmed"


def _switched(product: str, *, online: bool) -> Any:
    return lambda e: (e["target"], e["args"].get("onlineFlag")) == (product, {"RefArch": online})


ROWS = (
    Row("S1", "order exceptions open cases", "sfcc", s1),
    Row("S2", "returns that policy does not settle, and their outcome", "sfcc", s2),
    Row("S3", "complaints become cases", "sfcc", s3),
    Row("S4", "risky and large orders are reviewed, and the decision comes back", "sfcc", s4),
    Row("S5", "recalls reach the shop", "sfcc", s5),
    Row("S6", "delayed, split and unconfirmed shipments", "sfcc", s6),
    Row("S7", "warranty claims", "sfcc", s7),
    Row("S8", "disputes about charges, points and profiles", "sfcc", s8),
)
