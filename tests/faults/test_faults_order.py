"""Events in any order (faults.md F3): created, paid, updated, fulfilled, refunded, cancelled, in all 720 orders.

Six webhooks of one order are told in every order, after all of it has happened on the platform, and also the last five
of them while the first came in time. The end is the same as in order: an event is a reason to look, never the truth.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from house import House, house

from caseconnect.sdk.testing import run
from caseconnect_shopify.simulator import Order, create_order
from caseconnect_shopify.simulator.world import cancellation, fulfilment, orders, payments

SIX = ["orders/create", "orders/paid", "orders/updated", "orders/fulfilled", "refunds/create"]
LAST = {"cancelled": "orders/cancelled", "kept": "order_transactions/create"}
"""A late look at a cancelled order finds nothing to do, so there is an order that is kept, too."""

LINES = [{"title": "Mug", "price": "900.00", "quantity": 2}, {"title": "Cup", "price": "5.00"}]
Delivery = tuple[str, dict[str, str], bytes]


def chosen(every: Sequence[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
    """As many as seeds are asked for (`make simulate` plays all 720); else in order, backwards, and some between."""
    yield from every[:: max(1, len(every) // int(os.environ.get("CONNECT_SEEDS") or 4))]
    yield every[-1]


async def made(h: House) -> Order:
    """An order that somebody has to look at."""
    spec = {"lines": LINES, "payment": {"kind": "authorization", "status": "success"}, "risk": {"level": "HIGH"}}
    order = create_order(h.shop, spec)
    await h.shop.run_due()
    return order


async def happen(h: House, order: Order, ending: str) -> None:
    """What befalls the order after it was made: the parcel is called back before the order is cancelled."""
    payments.add(h.shop, order, {"kind": "capture"})
    orders.edit(h.shop, order, {"note": "leave it at the door"})
    await h.shop.run_due()
    fulfilment.release_by_hand(h.shop, order)
    fulfilment.fulfill(h.shop, order, {})
    await h.shop.run_due()
    payments.refund(h.shop, order, {"amount": "5.00"})
    await h.shop.run_due()
    if ending == "cancelled":
        for line in order.lines:
            line.fulfilled = 0
        cancellation.by_hand(h.shop, order, {})
        await h.shop.run_due()


def end(folder: Path, turns: tuple[int, ...], ending: str, *, first: bool) -> Any:
    """The order's matters, commands, case and effects after the webhooks came in that order."""

    async def story() -> Any:
        async with house(folder) as h:
            topics = [*SIX, LAST[ending]]
            h.subscribe(topics)
            held: dict[str, Delivery] = {}

            async def hold(url: str, headers: dict[str, str], body: bytes) -> int:
                held[{k.lower(): v for k, v in headers.items()}["x-shopify-topic"]] = (url, headers, body)
                return 200

            h.shop.outbox.deliver = hold
            order = await made(h)
            if first:
                assert await h._deliver(*held.pop(topics[0])) == 200
                await h.runner.settle()
            await happen(h, order, ending)
            told = [held[topic] for topic in topics if topic in held]
            assert len(told) == len(turns)
            for turn in turns:
                assert await h._deliver(*told[turn]) == 200
                await h.runner.settle()
            await h.pass_time(900)
            return summary(h, order)

    return run(story())


def summary(h: House, order: Order) -> Any:
    """What people would see, without what is made anew each time."""
    told = h.explain(f"shop/order/{order.id}")
    assert {event["state"] for event in told["events"]} == {"done"}
    matters = [
        (m["topic"], m["state"], sorted(f["exception"] for f in m["findings"]), _commands(m)) for m in told["matters"]
    ]
    cases = [(case.fields.status, len(case.comments)) for case in h.cases.cases.values()]
    return sorted(matters), cases, sorted(effect.what for effect in h.shop.ledger), sorted(order.tags)


def _commands(matter: dict[str, Any]) -> list[tuple[str, str, str]]:
    return sorted((c["kind"], c["name"].partition(":")[0], c["state"]) for c in matter["commands"])


@pytest.mark.parametrize(
    ("ending", "first", "found"),
    [("cancelled", False, "([],"), ("kept", False, "order_review"), ("cancelled", True, "order_review")],
    ids=["all late, cancelled", "all late, kept", "first in time, cancelled"],
)
def test_any_order_of_six_events_ends_the_same(ending: str, first: bool, found: str, tmp_path: Path) -> None:
    every = list(permutations(range(5 if first else 6)))
    ends: dict[str, list[tuple[int, ...]]] = {}
    for number, turns in enumerate(chosen(every)):
        ends.setdefault(repr(end(tmp_path / str(number), turns, ending, first=first)), []).append(turns)
    assert len(ends) == 1, "\n".join(f"{what}: {len(turns)} orders such as {turns[0]}" for what, turns in ends.items())
    assert found in next(iter(ends))
    print(ending, first, ends)  # noqa: T201 - `make simulate` shows it
