"""The marker: a small file beside the journal that says where the journal was at work, and how far it was.

The journal cannot know by itself that it was set back, copied, or lost its `-wal`. The marker is written after each
COMMIT without a sync: it survives the end of the process, and after a power loss it is at most older than the journal,
which is allowed. A journal that has less than its marker says, or another past, or is at work elsewhere, is in doubt.
"""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from caseconnect.host.journal.sealing import Head, head_of

_SIZE = 512
"""Bytes: one sector, which a disk writes whole or not at all."""

_LONGEST = 100
_MACHINE = Path("/etc/machine-id")


def marker_path(journal: Path) -> Path:
    """The marker of a journal."""
    return journal.with_suffix(".instance")


def here(journal: Path) -> str:
    """The environment: $CONNECT_ENVIRONMENT if that is set, else this machine and the journal's folder."""
    if named := os.environ.get("CONNECT_ENVIRONMENT"):
        return f"environment {named[:_LONGEST]}"
    machine = ""
    with suppress(OSError):
        machine = sha256(_MACHINE.read_bytes()).hexdigest()[:12]
    folder = str(journal.resolve().parent)
    if len(folder) > _LONGEST:
        folder = f"{folder[:_LONGEST]}...{sha256(folder.encode()).hexdigest()[:12]}"
    return f"{folder} on {machine or socket.gethostname()}"


class Marker:
    """The marker file of one journal, held open by who writes the journal."""

    def __init__(self, journal: Path) -> None:
        self._journal, self._path = journal, marker_path(journal)
        self._id, self._here = "", here(journal)
        self._file: int | None = None

    def total(self) -> int:
        """How many links the journal had when the marker was last written; 0 without a marker."""
        known = _read(self._path)
        return int(known.get("total", 0)) if known else 0

    def doubt(self, db: sqlite3.Connection, *, fresh: bool) -> str | None:
        """Why the journal cannot be trusted to know what was sent, or None.

        Taken on is one that is empty, or `fresh`: of a version that had no marker.
        """
        self._id = str(db.execute("SELECT value FROM meta WHERE name='instance'").fetchone()[0])
        total, known = head_of(db), _read(self._path)
        if not total or (fresh and known is None):
            self.adopt(db)
            return None
        why = _doubt(known, self._id, self._here, total) or _other_past(known, db)
        if why is None:
            self._open()
        return why

    def adopt(self, db: sqlite3.Connection) -> None:
        """From now on the journal is at work here."""
        file = self._open()
        self.write(Head(head_of(db), "", 0, b""))
        os.fsync(file)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def write(self, head: Head | None) -> None:
        """Say how far the journal is. Does nothing while it is in doubt."""
        if self._file is None or head is None:
            return
        self._put(
            self._file,
            {
                "id": self._id,
                "here": self._here,
                "total": head.total,
                "table": head.table,
                "row": head.row,
                "link": head.link.hex(),
            },
        )

    def mistrust(self, why: str) -> None:
        """Put the journal in doubt: the next start asks the platforms first."""
        file = self._open()
        known = _read(self._path) or {}
        self._put(file, {**known, "doubt": why})
        os.fsync(file)

    def close(self) -> None:
        """Let go. May be called twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file

    @staticmethod
    def _put(file: int, known: dict[str, Any]) -> None:
        line = orjson.dumps({"marker": known, "sum": sha256(orjson.dumps(known)).hexdigest()}) + b"\n"
        os.pwrite(file, line.ljust(_SIZE), 0)


def _read(path: Path) -> dict[str, Any] | None:
    """What the marker says; None if there is none that can be read."""
    try:
        found = orjson.loads(path.read_bytes())
        known: dict[str, Any] = found["marker"]
        return known if sha256(orjson.dumps(known)).hexdigest() == found["sum"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _doubt(known: dict[str, Any] | None, id_: str, place: str, total: int) -> str | None:
    if known is None:
        return "it was copied here: its marker (journal.instance) is missing or cannot be read"
    if "doubt" in known:
        return str(known["doubt"])
    if known["id"] != id_:
        return "another journal was at work here"
    if known["here"] != place:
        return f"it was at work in {known['here']}, and now it is in {place}"
    if total < known["total"]:
        return f"it was set back: {known['total'] - total} records that it had are gone"
    return None


def _other_past(known: dict[str, Any] | None, db: sqlite3.Connection) -> str | None:
    if not known or not known["table"]:
        return None
    found = db.execute("SELECT link FROM chain WHERE tbl=? AND row=?", (known["table"], known["row"])).fetchone()
    if found is not None and found[0].hex() == known["link"]:
        return None
    return "it has another past than it had here: it was set back, and went on elsewhere"
