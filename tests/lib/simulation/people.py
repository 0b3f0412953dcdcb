"""What people do: shoppers order, staff ask for refunds, agents decide and change their minds, others act by hand.

Each order has a life, drawn from a small model. What must have become of it in the end is written down with it, for
the judge.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from random import Random  # noqa: TID251 - a seeded stream: a run can be repeated
from typing import Any

from caseconnect_opentext_case.simulator import Refused
from caseconnect_opentext_case.simulator.model import Case
from caseconnect_sfcc.simulator.scenarios import ACTIONS
from caseconnect_sfcc.simulator.scenarios import create_order as create_sfcc_order
from caseconnect_sfcc.simulator.world.refusals import Refused as SfccRefused
from caseconnect_sfcc.simulator.world.refusals import SpecError as SfccSpecError
from caseconnect_shopify.simulator import create_order
from caseconnect_shopify.simulator.world import cancellation, fulfilment, money, orders, payments
from caseconnect_shopify.simulator.world.people import compliance
from caseconnect_shopify.simulator.world.specs import SpecError
from simulation.swarm import Plan, Swarm
from simulation.town import BOSS, Tenancy, Town

Post = Callable[[str, dict[str, str], bytes], Awaitable[int]]

HANDS_OFF = {"cancel by hand", "release by hand", "refund by hand", "fulfil", "answered"}
"""After one of these a person has decided, and nothing of ours has to happen any more."""


@dataclass
class Life:
    """One order: what it is, what was done to it, and who decided what, when. `word` is of its shopper alone."""

    tenant: str
    kind: str
    order: Any = None
    wanted: str = ""
    word: str = ""
    done: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The order's id in subjects."""
        return str(getattr(self.order, "number", "") if self.tenant == "birch" else getattr(self.order, "id", ""))

    def did(self, at: datetime, what: str) -> None:
        """Somebody did something."""
        self.done.append((at, what))

    @property
    def outcomes(self) -> list[str]:
        """What was decided, in order; the empty one took a decision back."""
        return [what.removeprefix("decide ") for _, what in self.done if what.startswith("decide ")]

    @property
    def touched(self) -> bool:
        """A person acted by hand."""
        return any(what in HANDS_OFF for _, what in self.done)


class People:
    """Everybody in the town."""

    def __init__(self, town: Town, plan: Plan, swarm: Swarm, post: Post, calm_at: float) -> None:
        self.town, self.swarm, self._post, self._calm_at = town, swarm, post, calm_at
        rng = plan.stream("people")
        count = rng.randint(3, 6)
        self.lives = [self._born(plan.stream(f"order {n}")) for n in range(count)][: plan.orders]
        self._streams = [plan.stream(f"life {n}") for n in range(count)]

    async def live(self) -> None:
        """All lives, to the end of the troubled time."""
        await asyncio.gather(*(self._life(life, rng) for life, rng in zip(self.lives, self._streams, strict=False)))

    def case_of(self, life: Life) -> Case | None:
        """The case that is about the order."""
        names = (str(life.order.number), f"ask-{life.id}")
        store = self.town.tenants[life.tenant].cases
        return next((c for c in store.cases.values() if any(n in str(c.default) + str(c.custom) for n in names)), None)

    @staticmethod
    def _born(rng: Random) -> Life:
        return Life(rng.choice(("acme", "acme", "birch")), rng.choice(("risky", "risky", "refund", "refund", "plain")))

    # a life

    async def _life(self, life: Life, rng: Random) -> None:
        await asyncio.sleep(rng.uniform(1, 900))
        self._place(life, rng)
        await asyncio.sleep(rng.uniform(1, 120))
        if life.kind == "refund":
            await self._ask(life, rng)
        meanwhile = asyncio.create_task(self._meanwhile(life, rng))
        leaving = asyncio.create_task(self._leaves(life, rng))
        if life.kind != "plain":
            await self._work_the_case(life, rng)
        await meanwhile
        await leaving

    def _place(self, life: Life, rng: Random) -> None:
        life.word = f"zq{rng.randrange(10**9)}x"
        make = self._place_sfcc if life.tenant == "birch" else self._place_shopify
        life.order = make(life, self.town.tenants[life.tenant], rng)
        life.did(self.town.now(), "place")

    def _place_shopify(self, life: Life, tenant: Tenancy, rng: Random) -> Any:
        risky = life.kind == "risky"
        name = f"{life.kind}{rng.randrange(1000)}"
        spec: dict[str, Any] = {
            "lines": [{"title": "Mug", "sku": "MUG", "price": f"{rng.randrange(20, 90)}.00", "quantity": 2}],
            "customer": {"first_name": life.word, "last_name": tenant.canary, "email": f"{name}@{tenant.canary}.test"},
            "payment": {"kind": "authorization" if risky else "sale", "status": "success"},
        }
        if risky:
            spec["risk"] = {"level": "HIGH"}
        return create_order(self.town.shop, spec)

    def _place_sfcc(self, life: Life, tenant: Tenancy, rng: Random) -> Any:
        risky = life.kind == "risky"
        buyer = {"customerName": f"Ann {tenant.canary}", "email": f"ann{rng.randrange(1000)}@{tenant.canary}.test"}
        price = f"{rng.randrange(600, 900) if risky else rng.randrange(20, 90)}.00"
        lines = [{"product_id": "sku-1", "price": price, "quantity": 2}]
        spec = {"customer": buyer, "lines": lines, "age_seconds": 0}
        more = {"situation": "normal"} if risky else {"payment": "paid", "export": "exported"}
        return create_sfcc_order(self.town.instance, {**spec, **more})

    async def _ask(self, life: Life, rng: Random) -> None:
        """Staff ask for a refund at their own tool, which repeats the same request until it is taken."""
        total = paid(life)
        life.wanted = str(Decimal(rng.randrange(600, int(total * 100))) / 100)
        name, ask = str(life.order.number), f"ask-{life.id}"
        body = {
            "id": ask, "order_number": name, "action": "refund", "requested_by": "mia", "reason": "late",
            "amount": {"amount": life.wanted, "currency": "USD"},
        }  # fmt: skip
        secret = self.town.secrets[f"{life.tenant.upper()}_DESK"]
        headers = {"X-Desk": secret, "Idempotency-Key": ask, "Content-Type": "application/json"}
        times = 2 if self.swarm.strikes("asked twice", rng, 0.5) else 1
        while times:
            with suppress(ConnectionError):
                told = await self._post(f"/in/{life.tenant}/approval_request", headers, json.dumps(body).encode())
                times -= told == 200
            await asyncio.sleep(rng.uniform(5, 60))

    async def _work_the_case(self, life: Life, rng: Random) -> None:
        """An agent waits for the case, reads it, and decides."""
        while (case := self.case_of(life)) is None:
            await asyncio.sleep(30)
            if self._over():
                return
        await asyncio.sleep(rng.choice((rng.uniform(1, 20), rng.uniform(20, 600))))
        first = rng.choice(("approved", "approved", "rejected"))
        self._decide(life, case, first)
        other = "rejected" if first == "approved" else "approved"
        if self.swarm.strikes("by two", rng, 0.3):
            self._decide(life, case, rng.choice((first, other)))
        await asyncio.sleep(rng.choice((rng.uniform(1, 10), rng.uniform(10, 300))))
        if self.swarm.strikes("changed", rng, 0.3):
            self._decide(life, case, other)
        elif self.swarm.strikes("revoked", rng, 0.3):
            self._decide(life, case, "")
        if self.swarm.strikes("reopened", rng, 0.3):
            await asyncio.sleep(rng.uniform(60, 600))
            with suppress(Refused):
                self.town.tenants[life.tenant].cases.reopen(case.id, BOSS)

    def _decide(self, life: Life, case: Case, outcome: str) -> None:
        store = self.town.tenants[life.tenant].cases
        try:
            if outcome:
                store.decide(case.id, outcome, BOSS)
            else:
                store.change(case.id, BOSS, outcome=None, decided_by=None, decided_on=None)
        except Refused:
            return
        life.did(self.town.now(), f"decide {outcome}")

    def _over(self) -> bool:
        return asyncio.get_running_loop().time() >= self._calm_at

    async def _leaves(self, life: Life, rng: Random) -> None:
        """A shopper wants to be forgotten; the shop passes it on."""
        await asyncio.sleep(rng.uniform(60, 1500))
        if life.tenant == "acme" and self.swarm.strikes("erased", rng, 0.5):
            compliance(self.town.shop, "redact", {"customer": life.order.customer.id})

    # by hand

    async def _meanwhile(self, life: Life, rng: Random) -> None:
        """Somebody acts at the platform itself."""
        await asyncio.sleep(rng.choice((rng.uniform(0, 60), rng.uniform(60, 1200))))
        for what in ("edit", "refund by hand", "cancel by hand", "release by hand", "fulfil"):
            if self.swarm.strikes(what, rng, 0.25):
                act = self._by_hand_sfcc if life.tenant == "birch" else self._by_hand_shopify
                if act(life, what, rng):
                    life.did(self.town.now(), what)
                await asyncio.sleep(rng.uniform(1, 300))

    def _by_hand_shopify(self, life: Life, what: str, rng: Random) -> bool:
        shop, order = self.town.shop, life.order
        try:
            if what == "edit":
                orders.edit(shop, order, {"note": f"look {rng.randrange(100)}"})
            elif what == "refund by hand":
                payments.refund(shop, order, {"amount": f"{rng.randrange(1, 20)}.00"})
            elif what == "cancel by hand":
                cancellation.by_hand(shop, order, {})
            elif what == "release by hand":
                return bool(fulfilment.release_by_hand(shop, order))
            else:
                fulfilment.fulfill(shop, order, {})
        except SpecError:
            return False
        return True

    def _by_hand_sfcc(self, life: Life, what: str, rng: Random) -> bool:
        given = Decimal(str(life.order.custom.get("refundAmount", 0))) + rng.randrange(1, 20)
        acts: dict[str, tuple[str, dict[str, Any]]] = {
            "edit": ("note", {"subject": "look", "text": f"look {rng.randrange(100)}"}),
            "refund by hand": ("custom", {"refundAmount": float(given)}),
            "cancel by hand": ("status", {"status": "cancelled"}),
            "release by hand": ("touch", {}),
            "fulfil": ("ship", {"tracking": "1Z999AA10123456784"}),
        }
        action, spec = acts[what]
        if what == "refund by hand" and given > paid(life):
            return False  # the payment provider knows what was paid
        try:
            ACTIONS[action](self.town.instance, life.order, spec)
        except (SfccRefused, SfccSpecError):
            return False
        return what != "release by hand"


def paid(life: Life) -> Decimal:
    """What was paid for the order."""
    total: Decimal = life.order.total if life.tenant == "birch" else money.total(life.order)
    return total
