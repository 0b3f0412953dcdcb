"""What end-to-end stories share: orders that are exceptions, and what both platforms say was done."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from house import House

from caseconnect_shopify.simulator import Order, create_order

AGENT = "agent.one@core-case.example"
ANNOTATIONS = frozenset({"tags_add", "tags_remove", "metafields_set", "metafields_delete"})
HOME = {"address1": "1 Home St", "city": "Oslo", "zip": "0150", "country_code": "NO"}
AWAY = {"address1": "9 Far Rd", "city": "Lima", "zip": "15001", "country_code": "PE"}
RISKY: dict[str, Any] = {
    "lines": [{"title": "Camera", "sku": "CAM-1", "price": "1200.00", "quantity": 1}],
    "customer": {"first_name": "Ann", "last_name": "Lee", "email": "ann@shop.test"},
    "payment": {"kind": "authorization", "status": "success"},
    "risk": {"level": "HIGH"},
}
PLAIN: dict[str, Any] = {
    "lines": [{"title": "Mug", "sku": "MUG", "price": "20.00", "quantity": 1}],
    "customer": {"first_name": "Ann", "last_name": "Lee", "email": "ann@shop.test"},
    "payment": {"kind": "sale", "status": "success"},
}


def done(h: House) -> list[str]:
    """What the shop's ledger says was done to orders, without annotations."""
    return [e.what for e in h.shop.ledger if e.what not in ANNOTATIONS]


def operations(h: House) -> list[str]:
    """What the case ledger says was done by us, in order."""
    return [e.operation for e in h.cases.ledger if e.via == "api"]


def comments(h: House) -> list[str]:
    """Our comments without our marks, in order."""
    texts = (e.detail["text"] for e in h.cases.ledger if e.via == "api" and e.operation == "add_comment")
    return [re.sub(r"\s*\[connect [0-9a-f]+\]", "", text) for text in texts]


def heads(h: House) -> list[str]:
    """The first sentence of each comment: what follows may say how it was found out."""
    return sorted(text.split(".")[0] for text in comments(h))


def only_case(h: House) -> Any:
    """The one case of the world."""
    (case,) = h.cases.cases.values()
    return case


async def placed(h: House, spec: dict[str, Any] = RISKY, **more: Any) -> Order:
    """An order comes in and is worked off."""
    if not h.shop.subscriptions:
        h.subscribe()
        await h.settle()
    order = create_order(h.shop, spec | more)
    await h.settle()
    return order


async def decided(h: House, outcome: str | None, seconds: float = 180, **more: Any) -> None:
    """An agent decides on the one case, and the decision is carried out."""
    case = only_case(h)
    if outcome is None:
        h.cases.change(case.id, AGENT, outcome=None, decided_by=None, decided_on=None)
    else:
        h.cases.decide(case.id, outcome, AGENT, **more)
    await h.pass_time(seconds)


def told(h: House, order: Order) -> dict[str, Any]:
    """The journal's account of an order."""
    return h.explain(f"shop/order/{order.id}")


def matter(h: House, order: Order) -> dict[str, Any]:
    """The one matter of an order."""
    (found,) = told(h, order)["matters"]
    return dict(found)


def states(h: House, order: Order) -> dict[str, str]:
    """State of the newest command of each kind, in all matters of the order."""
    return {c["kind"]: c["state"] for m in told(h, order)["matters"] for c in m["commands"]}


def alerts(h: House) -> list[str]:
    """Causes of the open alerts."""
    return [a["cause"] for a in h.journal.stuck()["alerts"]]


def rows(h: House, sql: str) -> list[Any]:
    """What the journal's tables hold."""
    return h.journal._db().execute(sql).fetchall()


def overtakings(h: House) -> list[str]:
    """Commands of one thing that began before one that was planned earlier. What protects goes first, and may."""
    began = rows(
        h,
        "SELECT coalesce(c.target, c.matter), c.kind, min(o.at) FROM commands c JOIN outcomes o USING (key)"
        " WHERE o.became='sending' AND NOT c.protective GROUP BY c.key ORDER BY 1, c.seq",
    )
    return [f"{b[1]} before {a[1]}" for a, b in pairwise(began) if a[0] == b[0] and b[2] < a[2]]


def ended(h: House, order: Order) -> dict[str, Any]:
    """How both worlds and the journal are left, without times, ids and the number of attempts."""
    return {
        "shop": done(h),
        "tags": sorted(order.tags),
        "metafields": {f"{n}.{k}": m.value for (n, k), m in order.metafields.items()},
        "holds": [x.reason for fo in order.fulfillment_orders for x in fo.holds],
        "cancelled": order.cancelled_at is not None,
        "case": sorted(operations(h)),
        "comments": heads(h),
        "matters": [(m["topic"], m["episode"], m["state"], m["stage"], m["claims"]) for m in told(h, order)["matters"]],
        "commands": sorted(
            (c["kind"], c["name"].split(":")[0], c["state"]) for m in told(h, order)["matters"] for c in m["commands"]
        ),
        "alerts": alerts(h),
    }
