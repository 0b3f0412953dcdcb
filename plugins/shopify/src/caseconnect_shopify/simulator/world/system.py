"""Records of the platform itself: jobs, webhook subscriptions, the ledger's lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Job:
    """Work that Shopify does later: an order's cancellation."""

    id: str
    order_id: int
    due_at: datetime
    who: str
    args: dict[str, Any]
    done: bool = False
    errors: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Subscription:
    """A webhook subscription. `by_api` ones are deleted after eight failures in a row."""

    id: int
    topic: str
    uri: str
    created_at: datetime
    updated_at: datetime
    api_version: str
    by_api: bool
    name: str | None = None
    filter: str | None = None
    include_fields: list[str] = field(default_factory=list)
    metafield_namespaces: list[str] = field(default_factory=list)
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """One line of the ledger: a change of state that an API call brought about."""

    seq: int
    at: datetime
    who: str
    what: str
    target: str
    args: dict[str, Any]
