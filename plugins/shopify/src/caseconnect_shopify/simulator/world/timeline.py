"""The timeline of an order or customer: what the ledger and people did, as staff see it (`events`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. `by_app` is whether an app did it."""

    id: int
    subject: str
    action: str
    message: str
    created_at: datetime
    by_app: bool
