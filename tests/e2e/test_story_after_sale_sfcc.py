"""Returns and complaints of an SFCC storefront's forms: from the form to a case, and back by objects and the job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from house import DEFINITION
from sfcc_house import CONNECTIONS, SfccHouse, sfcc_house
from stories import AGENT, alerts, comments, only_case

from caseconnect.sdk.testing import run
from caseconnect_sfcc.simulator.scenarios import create_order, hand_in

DAY = 86_400
PHOTO = b"\x89PNG\r\n\x1a\n" + b"0" * 20
FLOWS = """flows:
  - use: returns
    mode: live
    settings:
      proof_of_purchase: required
      outcomes:
        approved: [approve_return, as_requested]
        rejected: [decline_return, notify]
      messages: {rejected: return_declined}
  - use: complaints
    mode: live
    settings:
      outcomes: {approved: replace, refund: refund, credit: credit, rejected: close}
"""


def after_sale(folder: Path) -> Any:
    return sfcc_house(folder, tenant=CONNECTIONS + FLOWS)


async def bought(h: SfccHouse, age_days: int = 40) -> Any:
    """A paid order of two pieces, some days old."""
    h.cases.definition(DEFINITION).outcomes += ["refund", "credit"]
    await h.pass_time(60)
    order = create_order(
        h.instance,
        {
            "customer": {"customerName": "Jane Shopper", "email": "jane@shopper.example"},
            "lines": [{"product_id": "sku-1", "price": "10.00", "quantity": 2}],
            "payment": "paid",
            "export": "exported",
            "age_seconds": age_days * DAY,
        },
    )
    await h.pass_time(400)
    return order


async def asked_back(h: SfccHouse, order: Any, **more: Any) -> str:
    """The storefront's form asks to send one piece back; the key of its object."""
    items = json.dumps([{"productId": "sku-1", "quantity": 1, "reason": "broken"}])
    spec = {"orderNo": order.number, "customerEmail": "jane@shopper.example", "items": items, "wish": "refund", **more}
    key = str(hand_in(h.instance, "return", spec)["key"])
    await h.pass_time(600)
    return key


def of_return(h: SfccHouse, key: str) -> dict[str, Any]:
    """The attributes of a return's object."""
    return dict(h.instance.objects["CaseConnectReturn", "RefArch", key].values)


async def answered(h: SfccHouse, outcome: str, **attributes: str) -> None:
    """The agent writes what belongs to the outcome, and decides."""
    case = only_case(h)
    if attributes:
        h.cases.change(case.id, AGENT, custom=dict(attributes))
    h.cases.decide(case.id, outcome, AGENT)
    await h.pass_time(900)


def merchant(h: SfccHouse, action: str) -> list[Any]:
    """What the cartridge's job had the merchant's hook do."""
    return [e.args["payload"] for e in h.instance.ledger if e.what == f"merchant.{action}"]


def matters(h: SfccHouse, order: Any) -> list[tuple[str, str, str | None]]:
    """Topic, state and stage of the matters of an order."""
    return [(m["topic"], m["state"], m["stage"]) for m in h.explain(f"shop/order/{order.number}")["matters"]]


def test_an_approved_return_bears_our_word_and_is_refunded_by_the_job_when_the_goods_are_back(tmp_path: Path) -> None:
    async def story() -> None:
        async with after_sale(tmp_path) as h:
            order = await bought(h)
            key = await asked_back(h, order, proofOfPurchase="yes")
            assert "outside policy" in str(only_case(h).default)
            await answered(h, "approved")
            assert (of_return(h, key)["status"], merchant(h, "refund")) == ("approved", [])
            assert matters(h, order) == [("return", "open", "waiting_for_goods")]
            values = {**of_return(h, key), "status": "closed"}
            h.instance.put_object("CaseConnectReturn", key, "RefArch", values, "warehouse")
            await h.pass_time(900)
            (refund,) = merchant(h, "refund")
            assert (refund["amount"], refund["lines"][0]["quantity"]) == ("10.00", 1)
            assert (matters(h, order), alerts(h)) == ([("return", "closed", "resolved")], [])
            assert any("The money was given back." in text for text in comments(h))

    run(story())


def test_a_return_without_a_proof_is_declined_with_the_reason_and_a_message(tmp_path: Path) -> None:
    async def story() -> None:
        async with after_sale(tmp_path) as h:
            order = await bought(h, 2)
            key = await asked_back(h, order, proofOfPurchase="no")
            assert "no proof" in str(only_case(h).default)
            await answered(h, "rejected", customer_reason="There is no receipt.")
            found = of_return(h, key)
            assert (found["status"], found["declineReason"]) == ("declined", "There is no receipt.")
            (message,) = merchant(h, "notice")
            assert message["template"] == "return_declined"
            assert message["values"]["reason"] == "There is no receipt."
            assert matters(h, order) == [("return", "closed", "resolved")]

    run(story())


def test_a_return_whose_order_nobody_knows_stands_alone_and_is_approved(tmp_path: Path) -> None:
    async def story() -> None:
        async with after_sale(tmp_path) as h:
            order = await bought(h)
            items = json.dumps([{"productId": "sku-1", "quantity": 1}])
            spec = {"orderNo": order.number, "customerEmail": "eve@shopper.example", "items": items}
            key = str(hand_in(h.instance, "return", {**spec, "proofOfPurchase": "no"})["key"])
            await h.pass_time(600)
            shown = str(only_case(h).default)
            assert "no order" in shown
            assert "jane@shopper.example" not in shown
            await answered(h, "approved")
            assert (of_return(h, key)["status"], merchant(h, "refund")) == ("new", [])
            assert any("the order is not known" in text for text in comments(h))
            await answered(h, "rejected", customer_reason="Please name your order.")
            assert of_return(h, key)["status"] == "declined"

    run(story())


def test_a_complaint_of_the_form_comes_with_its_photo_and_the_goods_are_sent_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with after_sale(tmp_path) as h:
            order = await bought(h, 5)
            path = "src/caseconnect/complaint/photo.png"
            h.instance.files[f"Impex/{path}"] = PHOTO
            spec = {
                "orderNo": order.number,
                "customerEmail": "jane@shopper.example",
                "kind": "damaged",
                "skus": ["sku-1"],
                "comment": "It came in pieces.",
                "documents": json.dumps([{"name": "photo.png", "path": path, "type": "image/png"}]),
            }
            hand_in(h.instance, "complaint", spec)
            await h.pass_time(600)
            hand_in(h.instance, "complaint", {**spec, "comment": "Both of them."})
            await h.pass_time(600)
            shown = str(only_case(h).default)
            assert "It came in pieces." in shown
            assert [a.content for a in only_case(h).attachments if a.media_type == "image/png"] == [PHOTO]
            assert len([text for text in comments(h) if "Both of them." in text]) == 1
            await answered(h, "approved", approved_lines="sku-1 x 2")
            (again,) = merchant(h, "replacement")
            assert [(item["sku"], item["quantity"]) for item in again["items"]] == [("sku-1", 2)]
            assert matters(h, order) == [("complaint", "closed", "resolved")]

    run(story())
