from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from caseconnect.sdk.components import Every, Webhook
from caseconnect.sdk.secrets import Secret
from caseconnect_shopify.checks import WRITING
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.drafts import Replacements
from caseconnect_shopify.holding import Holds
from caseconnect_shopify.sink import SINK
from caseconnect_shopify.trigger import wakes

GOOD: dict[str, Any] = {"shop": "demo-shop.myshopify.com", "client_id": "id", "client_secret": {"env": "S"}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"shop": "https://demo-shop.myshopify.com"},
        {"shop": "www.example.com"},
        {"client_secret": "plain text"},
        {"api_version": "2026-11"},
        {"page_size": 251},
        {"overlap_seconds": -1},
        {"history_limit": 0},
        {"metafield_namespace": "a b"},
        {"tag_prefix": "a,b"},
        {"hold_prefix": "UPPER"},
        {"unknown_key": 1},
        {"base_url": "http://shop.example.com"},
        {"base_url": "https://user:pass-word@shop.example.com"},
        {"base_url": "shop.example.com"},
    ],
)
def test_settings_that_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ShopifySettings.model_validate({**GOOD, **wrong})


def test_the_domain_is_taken_in_any_case() -> None:
    assert ShopifySettings.model_validate({**GOOD, "shop": " Demo-Shop.MyShopify.com "}).shop == GOOD["shop"]


@pytest.mark.parametrize(
    ("base_url", "api", "order"),
    [
        (None, "https://demo-shop.myshopify.com", "https://admin.shopify.com/store/demo-shop/orders/7"),
        ("http://127.0.0.1:99/shops/x/", "http://127.0.0.1:99/shops/x", "http://127.0.0.1:99/shops/x/admin/orders/7"),
    ],
)
def test_where_things_are(base_url: str | None, api: str, order: str) -> None:
    settings = ShopifySettings.model_validate({**GOOD, "base_url": base_url})
    assert (settings.api_url(), settings.order_url("7")) == (api, order)


def test_what_wakes_the_source() -> None:
    settings = ShopifySettings.model_validate(GOOD)
    webhook, poll = wakes(settings)
    assert isinstance(webhook, Webhook)
    assert isinstance(poll, Every)
    assert webhook.secrets == ("client_secret",)
    assert webhook.expect == {"X-Shopify-Shop-Domain": "demo-shop.myshopify.com"}
    rotated = settings.model_copy(update={"previous_client_secret": Secret(env="OLD")})
    (webhook, _) = wakes(rotated)
    assert isinstance(webhook, Webhook)
    assert webhook.secrets == ("client_secret", "previous_client_secret")


def test_the_handle_of_the_longest_prefix_is_short_enough() -> None:
    settings = ShopifySettings.model_validate({**GOOD, "hold_prefix": "x" * 24})
    nobody: Any = None
    holds, replacements = Holds(nobody, settings.hold_prefix), Replacements(nobody, settings.hold_prefix)
    assert len(holds.handle("k" * 500)) <= 64
    assert holds.handle("k" * 500) == Holds(nobody, settings.hold_prefix).handle("k" * 500)
    assert holds.handle("k" * 500) != holds.handle("k" * 499)
    assert len(replacements.tag("k" * 500)) <= 40, "longer tags are not taken"


def test_the_readme_names_every_command_and_every_scope() -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    absent = [c.kind for c in SINK.commands if f"`{c.kind}`" not in text]
    absent += [scope.name for scope in WRITING if f"`{scope.name}`" not in text]
    assert absent == []
