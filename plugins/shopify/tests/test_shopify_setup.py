"""`connect setup`: what is missing is made, and a repeat changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from caseconnect.sdk.components import Check
from caseconnect.sdk.errors import AuthError
from caseconnect.sdk.http import asgi_transport
from caseconnect.sdk.resources import Resources
from caseconnect_shopify import topics
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.setup import setup
from caseconnect_shopify.simulator import Shop, create_app
from caseconnect_shopify.source import ShopifySource

ADDRESS = "https://connect.example/hooks/acme/shop"


@pytest.fixture
def make(clock: Any, settings: ShopifySettings, make_resources: Callable[..., Resources]) -> Any:
    """(the shop, a function that runs the setup and gives its steps by name)."""

    def build(shop: dict[str, Any] | None = None, **changes: Any) -> tuple[Shop, Callable[[str], dict[str, Check]]]:
        world = Shop(now=clock, **(shop or {}))
        resources = make_resources(asgi_transport(app=create_app([world])))
        wanted = settings.model_copy(update=changes)
        return world, lambda address="": {s.step: s for s in asyncio.run(setup(wanted, resources, address))}

    return build


def test_everything_is_made_once(make: Any) -> None:
    shop, run = make()
    steps = run(ADDRESS)
    assert [s for s in steps.values() if not s.ok] == []
    assert {s.topic for s in shop.subscriptions.values()} == set(topics.LISTED)
    assert {s.uri for s in shop.subscriptions.values()} == {ADDRESS}
    defined = {d.key: (d.type, d.pinned is not None) for d in shop.definitions.values()}
    assert defined["case_link"] == ("url", True)
    assert defined["case_number"] == ("multi_line_text_field", True)
    assert "customers/redact" in steps["webhooks, privacy"].note
    assert steps["scope read_orders"].note == "orders, payments, refunds, risk"
    made = len(shop.ledger)
    again = run(ADDRESS)
    assert len(shop.ledger) == made
    assert again["webhooks"].note == f"{len(topics.LISTED)} were there, 0 made"
    assert again["metafield connect.case_link"].note == "was there, pinned"


def test_without_an_address_only_the_poll_is_left(make: Any) -> None:
    shop, run = make()
    assert "only the poll" in run()["webhooks"].note
    assert shop.subscriptions == {}


def test_the_address_of_the_settings_counts_too(make: Any) -> None:
    shop, run = make(webhook_address=ADDRESS, topics=("orders/create",))
    run()
    assert [(s.topic, s.uri) for s in shop.subscriptions.values()] == [("orders/create", ADDRESS)]


def test_a_definition_that_somebody_unpinned_is_pinned(make: Any) -> None:
    shop, run = make()
    run()
    next(d for d in shop.definitions.values() if d.key == "case_link").pinned = None
    assert run()["metafield connect.case_link"].note == "was there, pinned now"
    assert run()["metafield connect.case_link"].note == "was there, pinned"


def test_a_definition_of_another_type_is_left_to_a_person(make: Any) -> None:
    shop, run = make()
    run()
    next(d for d in shop.definitions.values() if d.key == "case_link").type = "json"
    steps = run()
    assert not steps["metafield connect.case_link"].ok
    assert "json" in steps["metafield connect.case_link"].note


def test_the_daily_check_tells_of_a_definition_that_somebody_changed(
    clock: Any, settings: ShopifySettings, make_resources: Callable[..., Resources]
) -> None:
    shop = Shop(now=clock)
    resources = make_resources(asgi_transport(app=create_app([shop])))
    asyncio.run(setup(settings, resources, ""))

    def checked() -> Check:
        return next(s for s in asyncio.run(ShopifySource(settings, resources).check()) if s.step == "metafields")

    assert (checked().ok, checked().note) == (True, "")
    next(d for d in shop.definitions.values() if d.key == "case_link").type = "json"
    assert (checked().ok, checked().note[:36]) == (False, "case_link: it is defined as json, an")


def test_too_many_are_pinned(make: Any) -> None:
    names = {f"note_{n:02d}": f"Note {n}" for n in range(21)}
    _, run = make(shown_metafields=names)
    steps = run()
    assert not steps["metafield connect.note_20"].ok
    assert steps["metafield connect.note_19"].ok


def test_what_shopify_refuses_is_said(make: Any) -> None:
    _, run = make(topics=("orders/create",))
    step = run("https://demo-shop.myshopify.com/hooks")["webhooks, orders/create"]
    assert not step.ok
    assert "internal domain" in step.note


def test_a_missing_scope_is_named_with_its_use(make: Any) -> None:
    shop, run = make({"scopes": "read_orders write_orders read_customers"})
    steps = run(ADDRESS)
    step = steps["scope read_merchant_managed_fulfillment_orders"]
    assert not step.ok
    assert "holds" in step.note
    assert "returns/request" in steps["webhooks, without read_returns"].note
    assert "returns/request" not in {s.topic for s in shop.subscriptions.values()}


def test_wrong_credentials_are_told_before_anything_is_made(make: Any) -> None:
    shop, run = make({"client_secret": "another"})
    with pytest.raises(AuthError, match="client_secret is wrong"):
        run(ADDRESS)
    assert shop.ledger == []
