"""A part of the order that can never be held: what is held stays claimed, and a release takes it off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from caseconnect.sdk.commands import Command, HoldOrder, ReleaseOrder
from caseconnect.sdk.errors import UnknownOutcome
from caseconnect.sdk.http import asgi_transport
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.simulator import Shop, create_app, create_order
from caseconnect_shopify.simulator.world import fulfilment
from caseconnect_shopify.sink import ShopifySink

LINES = [{"title": "Mug", "price": "20.00", "quantity": 2}, {"title": "Cup", "price": "5.00"}]
REFUSED = {"kind": "status", "operation": "fulfillmentOrderHold", "status": 400}


class Stage:
    """An order of two parts, or of one, and the sink that acts on it."""

    def __init__(self, shop: Shop, sink: ShopifySink) -> None:
        self.shop, self.sink = shop, sink

    def order(self, *, split: bool) -> Any:
        payment = {"kind": "authorization", "status": "success"}
        return create_order(self.shop, {"lines": LINES, "payment": payment, "split": split})

    def effects(self) -> list[str]:
        return [e.what for e in self.shop.ledger]

    def do(self, command: Command) -> Any:
        return asyncio.run(self.sink.execute(command, command.kind))

    def seen(self, command: Command) -> Any:
        return asyncio.run(self.sink.verify(command, command.kind)).seen


@pytest.fixture
def stage(clock: Any, settings: ShopifySettings, make_resources: Callable[..., Resources]) -> Stage:
    shop = Shop(now=clock)
    return Stage(shop, ShopifySink(settings, make_resources(asgi_transport(app=create_app([shop])))))


def target(order: Any) -> Subject:
    return Subject("shop", "order", str(order.id))


@pytest.mark.parametrize("part", [0, 1])
def test_a_part_that_can_never_be_held_leaves_the_other_claimed_and_a_release_takes_it_off(
    part: int, stage: Stage
) -> None:
    order = stage.order(split=True)
    hold, release = HoldOrder(target=target(order)), ReleaseOrder(target=target(order))
    full = order.fulfillment_orders[part]
    for number in range(fulfilment.MAX_HOLDS):
        fulfilment.hold(stage.shop, full, "OTHER", None, f"else-{number}", app_id=stage.shop.app_id)
    with pytest.raises(UnknownOutcome):
        stage.do(hold)
    stage.shop.faults.add(dict(REFUSED))
    outcome = stage.do(hold)
    assert (outcome.state, outcome.data["not_held"]) == ("done", [f"gid://shopify/FulfillmentOrder/{full.id}"])
    assert outcome.note.startswith(f"1 of 2 parts held: fulfilment order {full.id} cannot be held: Shopify answered")
    assert stage.do(release).state == "done"
    assert stage.seen(release) is True
    assert stage.effects() == ["hold", "release"]


def test_a_part_that_can_never_be_held_after_another_was_is_looked_after(stage: Stage) -> None:
    hold = HoldOrder(target=target(stage.order(split=True)))
    stage.shop.faults.add({**REFUSED, "skip": 1})
    with pytest.raises(UnknownOutcome, match="a part was done"):
        stage.do(hold)
    assert stage.seen(hold) is False


def test_an_order_whose_only_part_can_never_be_held_is_refused(stage: Stage) -> None:
    stage.shop.faults.add(dict(REFUSED))
    outcome = stage.do(HoldOrder(target=target(stage.order(split=False))))
    assert (outcome.state, stage.effects()) == ("refused", [])
    assert "the request is not accepted" in outcome.note
