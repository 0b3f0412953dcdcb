"""A COMMIT whose outcome nobody knows: it landed or not, nobody is answered, nothing more is written (I12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from caseconnect.host.journal.batch import Item
from caseconnect.host.journal.errors import JournalBroken
from caseconnect.host.journal.writer import Writer


class BreakingWriter:
    """A journal's writer that breaks as `ThreadWriter` does.

    `strikes`: for an item whose commit fails, whether it landed all the same; None: it does not fail. `ended` is told.
    """

    def __init__(self, writer: Writer, strikes: Callable[[Item], bool | None], ended: Callable[[], None]) -> None:
        self._writer, self._strikes, self._ended = writer, strikes, ended
        self.broken = False

    async def submit(self, item: Item) -> Any:
        """See `Writer`."""
        return self.submit_now(item)

    def submit_now(self, item: Item) -> Any:
        """See `Writer`."""
        if not self.broken and (landed := self._strikes(item)) is not None:
            if landed:
                self._writer.submit_now(item)
            self.broken = True
            self._ended()
        if self.broken:
            raise JournalBroken("a COMMIT failed (SQLITE_IOERR_FSYNC): the process ends and reads it anew")
        return self._writer.submit_now(item)

    def load(self) -> float:
        """See `Writer`."""
        return self._writer.load()

    def full(self) -> bool:
        """See `Writer`."""
        return self._writer.full()

    def close(self) -> None:
        """See `Writer`."""
        self._writer.close()
