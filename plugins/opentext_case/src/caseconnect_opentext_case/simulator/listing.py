"""A search index that lags behind the cases, as indexes of real systems do."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime

from .model import Case


class LaggingIndex:
    """Snapshots of the cases by time of change."""

    def __init__(self) -> None:
        self._versions: dict[str, list[tuple[datetime, Case]]] = {}

    def add(self, at: datetime, case: Case) -> None:
        """Note what a case looks like from `at` on."""
        self._versions.setdefault(case.id, []).append((at, case.snapshot()))

    def seen(self, horizon: datetime) -> list[Case]:
        """The cases as they were at `horizon`, which only ever moves forward."""
        found = []
        for versions in self._versions.values():
            position = bisect_right(versions, horizon, key=lambda item: item[0])
            if position:
                del versions[: position - 1]
                found.append(versions[0][1])
        return found
