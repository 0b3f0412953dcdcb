"""A channel of alerts that keeps what it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from caseconnect.host.alerting.messages import Message
from caseconnect.sdk.errors import PermanentError, TransientError


@dataclass
class Pigeon:
    """A way of telling. `down`: it cannot; `hangs`: it never answers; `refuses`: this cause."""

    together: bool = False
    apart: timedelta = timedelta(0)
    down: bool = False
    hangs: bool = False
    refuses: str = ""
    sent: list[list[Message]] = field(default_factory=list)
    tried: int = 0

    async def send(self, messages: Sequence[Message], now: datetime) -> None:
        """Keep them, or fail."""
        self.tried += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.down:
            raise TransientError("nobody is at home")
        if self.refuses in [m.cause for m in messages]:
            raise PermanentError("refuses the alert (HTTP 400)")
        self.sent.append(list(messages))

    async def close(self) -> None:
        """Nothing is open."""

    def told(self) -> list[str]:
        """What was told, in order: what became of which cause."""
        return [f"{m.kind} {m.cause}" for some in self.sent for m in some]
