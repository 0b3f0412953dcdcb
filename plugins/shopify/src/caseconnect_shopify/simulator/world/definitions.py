"""Metafield definitions: what makes a metafield visible to staff when it is pinned (API 2026-10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .shop import Shop

MAX_PINNED = 20


@dataclass(slots=True)
class Definition:
    """A definition for one owner type; `pinned` is its position, None when it is not pinned."""

    id: int
    owner_type: str
    namespace: str
    key: str
    name: str
    type: str
    description: str | None = None
    pinned: int | None = None


def find(shop: Shop, owner_type: str, namespace: str, key: str) -> Definition | None:
    """The definition of a metafield."""
    wanted = (owner_type, namespace, key)
    return next((d for d in shop.definitions.values() if (d.owner_type, d.namespace, d.key) == wanted), None)


def pin(shop: Shop, definition: Definition) -> bool:
    """Pins a definition; False when there are too many."""
    pinned = [d.pinned for d in shop.definitions.values() if d.owner_type == definition.owner_type and d.pinned]
    if definition.pinned is None and len(pinned) >= MAX_PINNED:
        return False
    definition.pinned = definition.pinned or max(pinned, default=0) + 1
    return True
