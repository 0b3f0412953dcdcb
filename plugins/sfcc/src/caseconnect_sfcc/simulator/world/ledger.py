"""What was done to an instance, whatever was answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect. `who` is an API client id, or `cartridge`, `merchant`, `shopper`, `import`, `replication`.

    `changed` is false when the write left everything as it was.
    """

    seq: int
    at: datetime
    who: str
    what: str
    target: str
    args: dict[str, Any]
    changed: bool = True
