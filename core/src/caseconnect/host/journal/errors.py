"""What storage can do to us, classed by what must happen next.

JournalError
├── JournalFull      nothing was written: answer 503, start nothing new, go on when there is space
├── JournalBusy      the queue is full: answer 503 with Retry-After, nothing was written
├── JournalBroken    a COMMIT failed: what was written is not known; stop the process, recover by reading
├── JournalLocked    another daemon has it
├── JournalNewer     a newer program wrote it
├── JournalDamaged   what it holds is not what was written: nothing starts on it; restore a backup
└── Conflict         a row is not as the caller expected: read again and decide again
"""

from __future__ import annotations

from caseconnect.sdk.errors import ConnectError


class JournalError(ConnectError):
    """Base of the journal's errors."""


class JournalFull(JournalError):
    """No space left on the device."""


class JournalBusy(JournalError):
    """More is waiting to be written than may."""


class JournalBroken(JournalError):
    """The outcome of a COMMIT is unknown (faults.md finding 1): the process has to end."""


class JournalLocked(JournalError):
    """Another daemon or command holds the journal's lock."""


class JournalNewer(JournalError):
    """The file's schema is newer than this program."""


class JournalDamaged(JournalError):
    """The file is damaged."""


class Conflict(JournalError):
    """Somebody else changed the row, or the change is not allowed (PIPELINE.md, table of states)."""
