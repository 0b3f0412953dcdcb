"""A shop's bad night, played once through the real pipeline, for the console to be looked at: the journal it left.

Times are those of virtual time. `HOSTILE` stands in every text that comes from outside.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx  # noqa: TID251 - who asks for a refund is any client
from house import SECRET, TENANT, House, house
from stories import AGENT, HOME, PLAIN, RISKY, placed

from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.records import Brake, NewAlert, NewDelivery
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.host.web.console.app import Console
from caseconnect.host.web.console.app import House as ConsoleHouse
from caseconnect.host.web.console.asking import Account, Live
from caseconnect.host.web.console.settings import ConsoleSettings
from caseconnect.host.web.control import Verbs
from caseconnect.sdk.testing import run
from caseconnect.sdk.testing.resources import RecordingLog
from caseconnect_shopify.simulator import Fault

HOSTILE = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>"

_FLOWS = """
  desk:
    platform: inbound
    settings:
      secret: {env: CASE_SECRET}
      scheme: secret
      header: X-Desk
      orders: shop
      kinds: {approval_request: {}}
flows:
  - use: fraud_review
    mode: live
    storm: {cases: 4, within: 5m}
    settings:
      high_value: {USD: "1000"}
  - use: order_exceptions
    mode: live
  - use: approvals
    mode: live
    caps: {RefundPayment: {hour: {count: 2, USD: "500"}}}
    settings:
      free_up_to: {USD: "100"}
  - use: status_updates
    mode: cases
"""
_AMOUNTS = ("12.50", "18.00", "20.00", "7.25", "9.90")


@dataclass(frozen=True)
class World:
    """What was left: the folder of the journal, the tenants, the time it is, and names to look for."""

    folder: Path
    tenants: Mapping[str, Tenant]
    now: datetime
    closed: str = ""
    opened: str = ""
    hostile: str = ""
    plain: str = ""
    refunded: str = ""
    parked: str = ""
    incident: str = ""


def play(folder: Path, night: Callable[[House], Awaitable[World]] | None = None) -> World:
    """Play the night, or another one."""
    found: list[World] = []

    async def story() -> None:
        async with house(folder, tenant=TENANT.partition("flows:\n")[0].rstrip() + _FLOWS) as h:
            found.append(await (night or _night)(h))

    run(story())
    return found[0]


async def _night(h: House) -> World:
    closed = await placed(h, RISKY, shipping_address=HOME, billing_address=HOME)
    await h.pass_time(600)
    (case,) = h.cases.cases.values()
    h.cases.decide(case.id, "approved", AGENT)
    await h.pass_time(3600)
    plain = [await placed(h, PLAIN, shipping_address=HOME, billing_address=HOME) for _ in range(6)]
    await h.pass_time(3600)
    for number, (order, amount) in enumerate(zip(plain, _AMOUNTS, strict=False)):
        if number == 1:
            h.shop.faults.add(Fault("drop_after", operation="refundCreate"))
        await asked_for(h, f"a{number}", order.name.removeprefix("#"), amount)
    await h.pass_time(900)
    person = {"first_name": HOSTILE, "last_name": "Lee", "email": "ann.lee@shop.test", "phone": "+4799999999"}
    evil = await placed(h, RISKY, customer=person, note=HOSTILE, tags=[HOSTILE[:40]])
    await h.pass_time(300)
    storm = [await placed(h, RISKY, shipping_address=HOME, billing_address=HOME) for _ in range(6)]
    await h.pass_time(240)
    now = h.now()
    for number in range(3):
        unreadable = NewDelivery("acme", "shop", "orders/updated", f"bad-{number}", now, b"{no json" + b"x" * number)
        await h.journal.receive([unreadable], None, now)
    await h.settle()
    await h.journal.pause(Brake("acme", "flow", "order_exceptions", f"wrong rule, ticket 812 {HOSTILE}", "ann", now))
    await h.journal.alert(NewAlert("acme", "outcome:cases", f"no mapping knows the outcome {HOSTILE}", "CASE-2"), now)
    await h.pass_time(60)
    incident = h.explain(f"shop/order/{storm[-1].id}")["matters"][0]["incident"]["subject"]
    await h.runner.idle()
    names = [f"shop/order/{order.id}" for order in (closed, storm[0], evil, plain[5], plain[0], plain[3])]
    closed_at, opened, hostile, untouched, refunded, parked = names
    return World(h.folder, h.tenants, h.now(), closed_at, opened, hostile, untouched, refunded, parked, incident)


async def asked_for(h: House, number: str, order: str, amount: str) -> None:
    """Somebody asks for a refund at the desk."""
    body = {
        "id": number,
        "order_number": order,
        "action": "refund",
        "requested_by": "mia",
        "reason": f"late {HOSTILE}",
        "amount": {"amount": amount, "currency": "USD"},
    }
    headers = {"X-Desk": SECRET, "Idempotency-Key": number}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=h.hooks)) as client:
        answer = await client.post("https://connect.test/in/acme/approval_request", headers=headers, json=body)
    assert answer.status_code == 200, answer.text
    await h.pass_time(90)


class Opened:
    """A console over the world that was left, on the clock of then."""

    def __init__(self, world: World, port: int = 8481) -> None:
        path = world.folder / "journal.db"
        self.world = world
        self.journal = SqliteJournal.open(path, synchronous="OFF")
        self.reading = SqliteJournal.read(path)
        self.log = RecordingLog()
        self.console = Console(
            ConsoleHouse(
                settings=lambda: ConsoleSettings(four_eyes={"USD": Decimal(100)}),
                reading=self.reading,
                journal=self.journal,
                verbs=Verbs(self.journal, self.now),
                tenants=lambda: world.tenants,
                live=self._live,
                now=self.now,
                log=self.log,
                port=port,
            )
        )

    def now(self) -> datetime:
        """When it is looked at."""
        return self.world.now + timedelta(minutes=7)

    async def _live(self) -> Live:
        accounts = {("acme", "shop"): Account("demo-shop", 20, 40, 29, 0.8, 2, self.now() + timedelta(hours=20))}
        return Live({"globex": "secret: GLOBEX_SECRET is not set"}, {}, accounts)

    def close(self) -> None:
        """Let go of it."""
        self.console.close()
        self.reading.close()
        self.journal.close()
