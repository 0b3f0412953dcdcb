"""Idempotency keys of a shop, kept 24 hours on its clock ("Implementing idempotency", shopify.dev, 2026-10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

KEPT = timedelta(hours=24)


@dataclass(slots=True)
class KeyRecord:
    """A key in use. `state` is running, done or failed; `result` is what the first call made."""

    fingerprint: str
    until: datetime
    state: str = "running"
    result: Any = None
