"""What arrived or was polled, byte for byte, and what a source makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import Field, SerializeAsAny

from caseconnect.models.base import Record, Utc
from caseconnect.sdk.events import Event


@dataclass(frozen=True)
class Delivery:
    """A stored delivery. `topic` is the platform's own word; polled ones have the item's kind there."""

    connection: str
    topic: str
    delivery_id: str
    received_at: Utc
    body: bytes = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    polled: bool = False


@dataclass(frozen=True)
class Polled:
    """One item of a polled page. The same (kind, id, version, body) is stored once."""

    kind: str
    id: str
    version: str
    body: bytes = field(repr=False)

    @property
    def delivery_id(self) -> str:
        """Under which it is stored: another version is another delivery."""
        return f"{self.id}@{self.version}"


@dataclass(frozen=True)
class Page:
    """One page of changes, the cursor that covers it, and whether more is waiting."""

    items: tuple[Polled, ...]
    cursor: str
    more: bool = False


class Parsed(Record):
    """The events of a delivery."""

    events: tuple[SerializeAsAny[Event], ...] = Field(min_length=1)


class Ignored(Record):
    """A delivery that no flow can use, with the reason in words for people."""

    reason: str = Field(min_length=1)
