"""What the two queues share: Shopify's headers beside a body, and clients that block, in a thread each.

Neither queue carries a signature that could be checked: who may write to it is decided at Amazon and at Google.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, TypeVar

from caseconnect.sdk.components import Deliver, Pushed
from caseconnect.sdk.errors import ConfigError
from caseconnect.sdk.resources import Resources

T = TypeVar("T")

KEPT: Final = (
    "X-Shopify-Triggered-At",
    "X-Shopify-Event-Id",
    "X-Shopify-API-Version",
    "X-Shopify-Name",
    "X-Shopify-Test",
)
"""Headers that are kept beside a body, by whatever way it came."""

UNREADABLE: Final = "a message without Shopify's headers"
"""Topic of a message that is not Shopify's: it is stored, shown as ignored, and taken off the queue."""

AT_ONCE: Final = 10
"""Messages taken at once; Amazon allows ten."""


def library(name: str, extra: str) -> Any:
    """An optional library. `ConfigError` with the way to install it."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise ConfigError(f"{name} is not installed: pip install 'caseconnect-shopify[{extra}]'") from None


def pushed(body: bytes, headers: Mapping[str, Any], name: str) -> Pushed:
    """A message as a delivery. `name` is the queue's own id of it, for one that has none of Shopify's."""
    found = {str(key).lower(): str(value) for key, value in headers.items()}
    kept = {key: found[key.lower()] for key in KEPT if key.lower() in found}
    topic, delivery = found.get("x-shopify-topic"), found.get("x-shopify-webhook-id")
    if not topic or not delivery:
        return Pushed(UNREADABLE, name, body, kept)
    return Pushed(topic, delivery, body, kept)


def is_for(headers: Mapping[str, Any], shop: str) -> bool:
    """Not another shop's: one queue may be filled by several by mistake."""
    domain = next((v for k, v in headers.items() if str(k).lower() == "x-shopify-shop-domain"), shop)
    return str(domain).strip().lower() == shop


def left(resources: Resources, count: int) -> None:
    """Tell of messages of other shops. They stay in the queue: whoever they belong to may take them."""
    if count:
        resources.log.warning("messages of another shop are left in the queue: give each shop its own", count=count)


async def store(found: Sequence[tuple[Pushed, T]], deliver: Deliver) -> tuple[list[T], BaseException | None]:
    """Deliver side by side, so that they share a commit: the handles of those stored, and what the first other met."""
    results = await asyncio.gather(*(deliver(one) for one, _ in found), return_exceptions=True)
    stored = [handle for (_, handle), result in zip(found, results, strict=True) if result is None]
    return stored, next((r for r in results if r is not None), None)


async def beside(work: Callable[..., T], *given: Any, **named: Any) -> T:
    """A call that blocks, in a thread. A cancelled one ends by itself within its own waiting time."""
    return await asyncio.to_thread(work, *given, **named)
