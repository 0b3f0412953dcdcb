"""Webhooks that were lost are noticed and made again, and what they would have told is read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from caseconnect.sdk.http import asgi_transport
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.testing.resources import RecordingLog
from caseconnect_shopify import checks, topics
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.polling import Cursor
from caseconnect_shopify.simulator import Shop, create_app, create_order
from caseconnect_shopify.simulator.world import disputes, fulfilment, people, staff
from caseconnect_shopify.source import ShopifySource

ADDRESS = "https://connect.example/hooks/acme/shop"


@dataclass
class Stage:
    shop: Shop
    source: ShopifySource
    clock: Any
    log: RecordingLog
    cursor: str = ""
    told: list[tuple[str, str]] = field(default_factory=list)

    def sweep(self) -> list[tuple[str, str]]:
        """(kind, id) of all items until there is no more."""
        found: list[tuple[str, str]] = []
        for _ in range(50):
            page = asyncio.run(self.source.read(self.cursor or None, ()))
            self.cursor = page.cursor
            found += [(item.kind, item.id) for item in page.items]
            if not page.more:
                return found
        raise AssertionError("it does not end")

    def topics(self) -> set[str]:
        return {s.topic for s in self.shop.subscriptions.values() if s.uri == ADDRESS}

    def lose(self, *lost: str) -> None:
        for number in [n for n, s in self.shop.subscriptions.items() if s.topic in lost]:
            del self.shop.subscriptions[number]

    def said(self, event: str) -> list[Any]:
        return [line for line in self.log.lines if event in str(line)]


@pytest.fixture
def make_stage(clock: Any, settings: ShopifySettings, make_resources: Callable[..., Resources]) -> Callable[..., Stage]:
    def make(shop: dict[str, Any] | None = None, **changes: Any) -> Stage:
        world = Shop(now=clock, **(shop or {}))
        resources = make_resources(asgi_transport(app=create_app([world])))
        resources.log = log = RecordingLog()
        wanted = settings.model_copy(update={"webhook_address": ADDRESS, **changes})
        stage = Stage(world, ShopifySource(wanted, resources), clock, log)
        stage.sweep()
        return stage

    return make


def test_all_that_become_events_are_subscribed_to(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    stage.sweep()
    assert stage.topics() == set(topics.LISTED)
    made = len(stage.shop.ledger)
    stage.clock.forward(7200)
    stage.sweep()
    assert len(stage.shop.ledger) == made


def test_without_an_address_nothing_is_touched(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(webhook_address=None)
    stage.sweep()
    assert stage.shop.subscriptions == {}
    assert "webhooks" not in {c.step for c in asyncio.run(stage.source.check())}


def test_only_the_topics_that_are_wanted(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(topics=("orders/create", "returns/request"))
    stage.sweep()
    assert stage.topics() == {"orders/create", "returns/request"}


def test_topics_without_their_scope_are_left_out(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage({"scopes": "read_orders write_returns"})
    stage.sweep()
    assert "returns/request" in stage.topics()  # who may write may read
    assert "disputes/create" not in stage.topics()
    steps = {c.step: c for c in asyncio.run(stage.source.check())}
    assert "disputes/create" in steps["webhooks, without read_shopify_payments_disputes"].note
    assert steps["webhooks"].ok


def test_lost_ones_are_made_again_within_the_hour(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    stage.sweep()
    stage.lose("orders/create", "customers/update")
    check = {c.step: c for c in asyncio.run(stage.source.check())}["webhooks"]
    assert not check.ok
    assert "orders/create" in check.note
    stage.clock.forward(1800)
    stage.sweep()
    assert "orders/create" not in stage.topics()  # it is looked at once an hour
    stage.clock.forward(1900)
    stage.sweep()
    assert stage.topics() == set(topics.LISTED)
    (line,) = [line for line in stage.said("made again") if "orders/create" in str(line)][1:]
    assert "customers/update" in str(line)


def test_the_gap_is_filled(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    stage.sweep()
    stage.clock.forward(4000)
    early = people.save(stage.shop, {"email": "early@shopper.example"})
    stage.clock.forward(4000)
    stage.sweep()
    stage.lose(*topics.LISTED)
    stage.clock.forward(600)
    late = people.save(stage.shop, {"email": "late@shopper.example"})
    order = create_order(stage.shop, {"lines": [{"title": "Mug", "price": "20.00"}]})
    fulfilment.fulfill(stage.shop, order, {})
    returned = staff.ask_return(stage.shop, order, {})
    disputed = disputes.open_(stage.shop, order, {})
    stage.clock.forward(4000)
    found = stage.sweep()
    assert ("orders/poll", str(order.id)) in found
    assert ("returns/poll", str(returned.id)) in found
    assert ("disputes/poll", str(disputed.id)) in found
    assert ("customers/poll", str(late.id)) in found
    assert ("customers/poll", str(early.id)) not in found
    stage.clock.forward(4000)
    assert not [kind for kind, _ in stage.sweep() if kind == "customers/poll"]


def test_many_customers_are_read_page_by_page(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(page_size=2)
    stage.sweep()
    stage.lose("customers/create")
    made = {str(people.save(stage.shop, {"email": f"c{n}@shopper.example"}).id) for n in range(5)}
    stage.clock.forward(4000)
    assert {number for kind, number in stage.sweep() if kind == "customers/poll"} == made


def test_what_shopify_refuses_is_told_and_tried_again(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(webhook_address="https://other-shop.myshopify.com/hooks")
    stage.sweep()
    assert stage.shop.subscriptions == {}
    (first, *_) = stage.said("cannot be made")
    assert "internal domain" in str(first)
    before = len(stage.said("cannot be made"))
    stage.clock.forward(4000)
    stage.sweep()
    assert len(stage.said("cannot be made")) == 2 * before


def test_a_filter_is_shown(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    stage.sweep()
    next(s for s in stage.shop.subscriptions.values() if s.topic == "orders/create").filter = "total_price:>100"
    steps = {c.step: c.note for c in asyncio.run(stage.source.check())}
    assert steps["webhooks, filters"].endswith("orders/create")


@pytest.mark.parametrize(
    ("address", "right"),
    [
        ("https://connect.example/hooks/acme/shop", True),
        ("arn:aws:events:us-east-1::event-source/aws.partner/shopify.com/1/connect", True),
        ("pubsub://project:topic", True),
        ("http://127.0.0.1:8480/hooks/acme/shop", True),
        ("http://connect.example/hooks/acme/shop", False),
        ("pubsub://project", False),
        ("connect.example", False),
    ],
)
def test_addresses(address: str, right: bool, settings: ShopifySettings) -> None:
    raw = {**settings.model_dump(), "webhook_address": address}
    if right:
        assert ShopifySettings.model_validate(raw).webhook_address == address
    else:
        with pytest.raises(ValueError, match="webhook_address"):
            ShopifySettings.model_validate(raw)


def test_a_misspelt_topic(settings: ShopifySettings) -> None:
    with pytest.raises(ValueError, match="did you mean orders/create"):
        ShopifySettings.model_validate({**settings.model_dump(), "topics": ["order/create"]})


def test_a_cursor_of_the_last_version_is_read() -> None:
    old = {"v": 1, "since": "2026-11-20T12:00:00+00:00", "after": None, "count": 0}
    assert Cursor.load(json.dumps(old)).to_look(Cursor.load(json.dumps(old)).since + timedelta(1))


def test_scopes_are_named_once() -> None:
    names = [scope.name for scope in checks.ALL]
    assert len(set(names)) == len(names)
    assert set(names) == {scope.name for scope in (*checks.READING, *checks.WRITING)}
    products = next(scope for scope in checks.ALL if scope.name == "read_products")
    assert "product and variant of a line" in products.use, "what the source needs it for"
    assert "CreateReplacement" in products.use, "what the sink needs it for"
