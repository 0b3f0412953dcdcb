"""The rows S1 to S8."""

from __future__ import annotations

import json
from typing import Any

from flow_rows import Again, Does, Row
from flow_worlds import SfccWorld, World
from stories import AGENT

from caseconnect_opentext_case.simulator.model import CaseInput
from caseconnect_sfcc.simulator.scenarios import create_product

DAY = 86_400
ELSEWHERE = {"shipments": [{"address": {"address1": "8 Far Rd", "city": "Portland", "postalCode": "97201"}}]}
SENT = {"status": "completed", "shipping": "shipped", "shipments": [{"status": "shipped", "tracking": "1Z9"}]}


async def mismatch(w: World) -> None:
    await w.order(
        **ELSEWHERE, payment="not_paid", export="ready", payments=[{"transaction_custom": {"avsResult": "N"}}]
    )


async def plain(w: World) -> None:
    await w.order(export="ready")


async def sent_back(w: World, **more: Any) -> None:
    items = json.dumps([{"productId": "MUG", "quantity": 1, "reason": "broken"}])
    await w.writes("return", **{"items": items, "wish": "refund", "proofOfPurchase": "yes", **more})


async def late_return(w: World) -> None:
    await w.order(age_seconds=40 * DAY)
    await sent_back(w)


async def early_return(w: World) -> None:
    await w.order(age_seconds=4 * DAY)
    await sent_back(w)


def goods_are_back(w: World) -> None:
    h: Any = w.h
    for (kind, site, key), found in list(h.instance.objects.items()):
        if kind == "CaseConnectReturn" and found.values["status"] == "approved":
            h.instance.put_object(kind, key, site, {**found.values, "status": "closed"}, "warehouse")


async def complains(w: World, **more: Any) -> None:
    spec = {"kind": "damaged", "skus": ["MUG"], "comment": "It came in pieces."}
    await w.writes("complaint", **{**spec, **more})


async def bought_and_complains(w: World) -> None:
    await w.order(**SENT, age_seconds=5 * DAY)
    await complains(w)


async def taken_back_complaint(w: World) -> None:
    await w.order(**SENT, age_seconds=5 * DAY)
    await complains(w, status="withdrawn")


async def risky(w: World) -> None:
    await w.order(payment="not_paid", export="ready", confirmation="confirmed", custom={"SignifydPolicy": "reject"})


async def delayed(w: World) -> None:
    await w.order(age_seconds=5 * DAY)


async def fresh(w: World) -> None:
    await w.order()


def on_shelf(w: World) -> None:
    h: Any = w.h
    if "MUG" not in h.instance.products:
        create_product(h.instance, {"id": "MUG"})


async def recalled(w: World) -> None:
    """An agent opens a case that names the product."""
    on_shelf(w)
    named = CaseInput(default={"caseTitle": "Hot mugs"}, custom={"case_type": "recall", "recalled_skus": "MUG"})
    w.h.cases.create_case(next(iter(w.h.cases.definitions)), named, AGENT)


async def praised(w: World) -> None:
    """A case that names the product and is no recall."""
    on_shelf(w)
    named = CaseInput(default={"caseTitle": "Nice mugs"}, custom={"recalled_skus": "MUG"})
    case = w.h.cases.create_case(next(iter(w.h.cases.definitions)), named, AGENT)
    w.h.cases.decide(case.id, "approved", AGENT)


async def claims(w: World, **more: Any) -> None:
    spec = {"productId": "MUG", "serialNumber": f"SN-{w.count}", "defect": "The handle broke.", "wish": "replacement"}
    await w.writes("claim", **{**spec, **more})


async def bought_and_claims(w: World) -> None:
    await w.order(**SENT, age_seconds=5 * DAY)
    await claims(w)


async def disputes(w: World, **more: Any) -> None:
    spec = {"kind": "duplicate_charge", "amount": 20.0, "currency": w.money("1").split()[1], "comment": "Twice!"}
    await w.writes("dispute", **{**spec, **more})


async def bought_and_disputes(w: World) -> None:
    await w.order(age_seconds=5 * DAY)
    await disputes(w)


async def withdrawn_claim(w: World) -> None:
    await w.order(age_seconds=5 * DAY)
    await claims(w, status="withdrawn")


async def withdrawn_dispute(w: World) -> None:
    await w.order(age_seconds=5 * DAY)
    await disputes(w, status="withdrawn")


def the_first_ends(w: World) -> None:
    """One of two recalls of the product is over, so it stays off sale."""
    w.h.cases.decide(w.cases[0].id, "ended", AGENT)


COMPLAINTS = "  - {use: complaints, mode: live, settings: {join_hours: 0}}\n"
ALSO_A_COMPLAINT = Again(complains, "credit", Does(("certificate.create {5.00}",), {"approved_amount": "5.00"}))
VERIFY = Does(open=0)
HELD = ("order.confirmation not_confirmed", "order.export not_exported")
REFUND = "merchant.refund {20.00}"
CREDIT = "certificate.create {20.00}"
SWITCHED = ("product.change", "product.change")
AGAIN = "merchant.replacement 1 MUG"

S1 = Row(
    "S1",
    SfccWorld,
    "  - {use: order_exceptions, mode: live, settings: {address_checks: [differs, avs]}}\n" + COMPLAINTS,
    mismatch,
    plain,
    "address_mismatch",
    "address mismatch",
    {"approved": Does(), "rejected": Does(("order.status cancelled",)), "verify": VERIFY},
    "rejected",
    "approved",
    ALSO_A_COMPLAINT,
)
S2 = Row(
    "S2",
    SfccWorld,
    "  - {use: returns, mode: live}\n",
    late_return,
    early_return,
    "return_days",
    "outside policy",
    {
        "approved": Does(("CaseConnectReturn approved", REFUND), then=goods_are_back),
        "refund": Does(("CaseConnectReturn approved", REFUND), then=goods_are_back),
        "exchange": Does(("CaseConnectReturn approved", "merchant.exchange 1 MUG")),
        "declined": Does(("CaseConnectReturn declined",)),
        "rejected": Does(("CaseConnectReturn declined",)),
    },
    "approved",
    "declined",
    Again(sent_back, "declined", Does(("CaseConnectReturn declined",))),
)
S3 = Row(
    "S3",
    SfccWorld,
    COMPLAINTS,
    bought_and_complains,
    taken_back_complaint,
    "ended",
    "damaged",
    {
        "refund": Does((REFUND,), {"approved_amount": "20.00"}),
        "replacement": Does((AGAIN,), {"approved_lines": "MUG x 1"}),
        "credit": Does((CREDIT,), {"approved_amount": "20.00"}),
        "resolved": Does(),
        "rejected": Does(),
    },
    "refund",
    "rejected",
    ALSO_A_COMPLAINT,
)
S4 = Row(
    "S4",
    SfccWorld,
    "  - {use: fraud_review, mode: live}\n" + COMPLAINTS,
    risky,
    plain,
    "high_risk",
    "high risk",
    {
        "approved": Does(("order.confirmation confirmed", "order.export ready")),
        "rejected": Does(("order.status cancelled",)),
        "verify": VERIFY,
    },
    "approved",
    "rejected",
    ALSO_A_COMPLAINT,
    held=HELD,
)
S5 = Row(
    "S5",
    SfccWorld,
    """  - use: recalls
    mode: live
    settings:
      shops: {shop: [RefArch]}
      product_notice: {default: Do not use it.}
""",
    recalled,
    praised,
    "marked_by",
    "Hot mugs",
    {"approved": Does(SWITCHED, open=1), "ended": Does(open=0)},
    "approved",
    "ended",
    Again(recalled, "approved", Does(then=the_first_ends, open=0)),
    changed=Does(SWITCHED),
    opens=0,
    alerts={"the_shop_goes_down": "cannot be found or read"},
    unfit={
        "a_guest": "no shopper takes part",
        "a_second_currency": "no money takes part",
        "case_management_goes_down": "an agent opens the case",
    },
)
S6 = Row(
    "S6",
    SfccWorld,
    "  - {use: fulfillment, mode: live}\n" + COMPLAINTS,
    delayed,
    fresh,
    "ship_within_hours",
    "not shipped",
    {
        "resolved": Does(),
        "refund": Does((REFUND,), {"approved_amount": "20.00"}),
        "replace": Does((AGAIN,), {"approved_lines": "MUG x 1"}),
        "cancelled": Does(open=0, alert="already exported"),
    },
    "refund",
    "replace",
    Again(complains, "rejected", Does()),
)
S7 = Row(
    "S7",
    SfccWorld,
    "  - {use: warranty_claims, mode: live}\n",
    bought_and_claims,
    withdrawn_claim,
    "the claim is withdrawn",
    "in warranty",
    {
        "approved": Does((AGAIN,)),
        "replace": Does((AGAIN,)),
        "refund": Does((REFUND,)),
        "credit": Does((CREDIT,)),
        "repair": Does(),
        "verify": VERIFY,
        "declined": Does(),
    },
    "approved",
    "declined",
    Again(claims, "credit", Does((CREDIT,))),
)
S8 = Row(
    "S8",
    SfccWorld,
    "  - {use: disputes, mode: live}\n",
    bought_and_disputes,
    withdrawn_dispute,
    "the dispute is withdrawn",
    "duplicate charge",
    {
        "approved": Does((REFUND,)),
        "refund": Does((REFUND,)),
        "credit": Does((CREDIT,)),
        "verify": VERIFY,
        "accepted": Does(),
        "declined": Does(),
    },
    "approved",
    "declined",
    Again(disputes, "credit", Does((CREDIT,))),
)
ROWS = (S1, S2, S3, S4, S5, S6, S7, S8)
