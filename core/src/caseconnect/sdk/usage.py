"""What a connection's requests came to: counted where they are made, shown by the host."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Usage:
    """Counts of one connection since it was built, also over several clients. Written by one event loop only.

    `answers`: by class of HTTP status ("2xx" to "5xx"), or "none" when no whole answer came. `seconds` is the time for
    which they were waited for, without the wait for the account's pace. `token_ends`: when the token at hand ends.
    """

    answers: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    throttled: int = 0
    token_ends: datetime | None = None

    @contextmanager
    def request(self) -> Iterator[Callable[[int], None]]:
        """Around one request: its answer's status is told within, or there was none."""
        status: list[int] = []
        began = time.monotonic()
        try:
            yield status.append
        finally:
            self.answers[f"{status[0] // 100}xx" if status else "none"] += 1
            self.seconds += time.monotonic() - began
            self.throttled += status == [429]
