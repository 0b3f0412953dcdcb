"""A desk at which staff ask for refunds, and who approves them: what stories of approvals share."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx  # noqa: TID251 - who asks is any client
from house import SECRET, TENANT, House, house
from stories import AGENT, PLAIN, only_case

from caseconnect_opentext_case.simulator import CoreCaseSimulatorSettings
from caseconnect_opentext_case.simulator import create_app as create_case_app
from caseconnect_shopify.simulator.world.records import Order

DESK = """
  desk:
    platform: inbound
    settings:
      secret: {env: CASE_SECRET}
      scheme: secret
      header: X-Desk
      orders: shop
      kinds: {approval_request: {}}
flows:
  - use: approvals
    mode: live
    settings:
      free_up_to: {USD: "5"}
      four_eyes: true
      people: {mia: %s, boss: %s}
"""
TWO_MUGS: dict[str, Any] = {**PLAIN, "lines": [{"title": "Mug", "sku": "MUG", "price": "20.00", "quantity": 2}]}


MIA = "mia@core-case.example"


def desk() -> str:
    """The desk and its flow; Core Case names people by ids."""
    store = next(iter(create_case_app(CoreCaseSimulatorSettings.from_dict({})).stores.values()))
    return DESK % (store.person(MIA).id, store.person(AGENT).id)


def shopify(folder: Path, every: str = "1m", **more: Any) -> Any:
    head = TENANT.partition("flows:\n")[0].rstrip().replace("every: 2m", f"every: {every}")
    return house(folder, tenant=head + desk(), **more)


async def asked(h: House, number: str, order: str, **more: Any) -> None:
    """Somebody asks through the signed endpoint."""
    body = {"id": number, "order_number": order, "action": "refund", "requested_by": "mia", "reason": "late", **more}
    headers = {"X-Desk": SECRET, "Idempotency-Key": number}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=h.hooks)) as client:
        answer = await client.post("https://connect.test/in/acme/approval_request", headers=headers, json=body)
    assert answer.status_code == 200
    await h.pass_time(120)


async def answered(h: House, outcome: str, seconds: float = 180, agent: str = AGENT) -> None:
    """An agent decides."""
    h.cases.decide(only_case(h).id, outcome, agent)
    await h.pass_time(seconds)


def refunded(order: Order) -> str:
    """What went back to the shopper."""
    return str(sum((t.amount for t in order.transactions if t.kind == "REFUND"), Decimal(0)))


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}
