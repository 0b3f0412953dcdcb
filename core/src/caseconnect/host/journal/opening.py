"""How the journal's file is opened for writing: locked, found whole, backed up before a migration, trusted or not."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from caseconnect.host.journal import backups, schema
from caseconnect.host.journal.batch import is_storage
from caseconnect.host.journal.errors import JournalDamaged, JournalError, JournalLocked
from caseconnect.host.journal.instance import Marker
from caseconnect.host.journal.sealing import Sealer
from caseconnect.host.journal.verifying import Damage, verify

_WHOLE = 16 * 1024 * 1024
"""Bytes up to which a file is verified as a whole at every start: about a second."""


class Lock:
    """The daemon's lock: a file of its own beside the journal, held while the process lives."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise JournalLocked(
                f"another Connect (process {holder}) works on this journal: one daemon per journal. "
                "Stop it first, or give this one another data folder."
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())

    def release(self) -> None:
        """Let go. May be called twice."""
        with suppress(OSError):
            os.close(self._file)


def lock_path(journal: Path) -> Path:
    """The lock of a journal."""
    return journal.with_suffix(".lock")


def connect(path: Path, *, write: bool, synchronous: str = "FULL") -> sqlite3.Connection:
    """A connection: of the one that writes and checkpoints, or a reader's."""
    mode = "rwc" if write else "ro"
    db = sqlite3.connect(
        f"file:{path}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=10
    )
    try:
        if write:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(f"PRAGMA synchronous={synchronous}")
            db.execute("PRAGMA wal_autocheckpoint=0")
            db.execute("PRAGMA cache_size=-65536")
            db.execute("PRAGMA secure_delete=1")  # what is masked or erased leaves nothing in the file's free places
        else:
            db.execute("PRAGMA query_only=1")
    except BaseException:
        db.close()
        raise
    return db


@dataclass
class Seals:
    """What the writer does around each COMMIT: seal before it, say how far the journal is after it."""

    sealer: Sealer
    marker: Marker

    def before(self) -> None:
        """Seal what the transaction touched."""
        self.sealer.seal()

    def after(self) -> None:
        """It is committed."""
        if self.sealer.head is not None:
            self.marker.write(self.sealer.head)
            self.sealer.head = None


@dataclass
class Opened:
    """A journal's file, ready to be written. `doubt`: why it may not know what was sent, or None."""

    db: sqlite3.Connection
    lock: Lock
    marker: Marker
    doubt: str | None
    seals: Seals | None

    def trust(self) -> None:
        """All was paused: from now on the journal is at work here."""
        self.doubt = None
        self.marker.adopt(self.db)

    def close(self) -> None:
        """Let go of all of it."""
        with suppress(sqlite3.Error):
            self.db.close()
        self.marker.close()
        self.lock.release()


def open_for_writing(path: Path, *, synchronous: str = "FULL", sealed: bool = True) -> Opened:
    """Raises `JournalLocked`, `JournalNewer` and `JournalDamaged`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = Lock(lock_path(path))
    except OSError as error:
        raise JournalError(f"the data folder {path.parent} cannot be written: {error.strerror}") from error
    marker = Marker(path)
    db: sqlite3.Connection | None = None
    try:
        if (not path.exists() or not path.stat().st_size) and marker.total():
            raise JournalDamaged(f"the journal at {path} is gone or empty, and it held records. {_WAY_OUT}")
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # its -wal and -shm get the same
        db = _sound(path, synchronous)
        applied = _migrate(path, db)
        doubt = marker.doubt(db, fresh=schema.SEALED in applied)
        return Opened(db, lock, marker, doubt, Seals(Sealer(db), marker) if sealed else None)
    except BaseException as error:
        if db:
            with suppress(sqlite3.Error):
                db.close()
        marker.close()
        lock.release()
        if isinstance(error, OSError) or (isinstance(error, sqlite3.Error) and is_storage(error)):
            why = f"the journal at {path} cannot be opened ({error}): is its disk full or failing?"
            raise JournalError(why) from error
        raise


def put_back(backup: Path, journal: Path) -> Path | None:
    """Put a backup in the journal's place, in doubt; where the former is kept. `JournalLocked`, `JournalDamaged`."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    lock, marker = Lock(lock_path(journal)), Marker(journal)
    try:
        return backups.restore(backup, journal, marker.mistrust)
    finally:
        marker.close()
        lock.release()


def _sound(path: Path, synchronous: str) -> sqlite3.Connection:
    db: sqlite3.Connection | None = None
    try:
        db = connect(path, write=True, synchronous=synchronous)
        schema.refuse_newer(Database(db))
        if schema.is_sealed(Database(db)):
            refuse_damaged(path, verify(db, whole=path.stat().st_size <= _WHOLE))
    except BaseException as error:
        if db:
            db.close()
        if _means_damage(error):
            raise JournalDamaged(f"the journal at {path} is damaged ({error}). {_WAY_OUT}") from error
        raise
    return db


def _means_damage(error: BaseException) -> bool:
    """What cannot be read at all; not what keeps us from reading, such as another program or a failing disk."""
    name = getattr(error, "sqlite_errorname", "")
    return isinstance(error, UnicodeError | LookupError) or name.startswith(_DAMAGED)


_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR")
_WAY_OUT = (
    "Nothing was sent. `connect verify` tells all that is wrong; put a backup in its place with `connect restore FILE`"
)


def refuse_damaged(path: Path, found: Sequence[Damage]) -> None:
    """Raise `JournalDamaged` unless `found` is empty."""
    if found:
        some = "; ".join(str(damage) for damage in found[:3])
        more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
        raise JournalDamaged(f"the journal at {path} is damaged: {some}{more}. {_WAY_OUT}")


def _migrate(path: Path, db: sqlite3.Connection) -> list[str]:
    """Bring the schema up to date; what is there already is backed up before."""
    pending = schema.pending(Database(db))
    if pending and schema.is_there(Database(db)):
        backups.before_migration(path, pending[0])
    return schema.migrate(Database(db))
