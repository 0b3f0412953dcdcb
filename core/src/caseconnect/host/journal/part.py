"""What every part of `SqliteJournal` has of it: the connection to read with, and the writer."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from typing import Any

from caseconnect.host.journal.batch import Write


class SqlitePart(ABC):
    """Base of the classes that hold some of the journal's verbs; `SqliteJournal` knows the connections."""

    @abstractmethod
    def _db(self) -> sqlite3.Connection: ...

    @abstractmethod
    async def _write(self, name: str, write: Write[Any], what: Any = None) -> Any: ...
