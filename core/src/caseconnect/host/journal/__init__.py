"""The journal: the only truth. Everything else may be killed at any moment.

`port.py` is what the pipeline knows: about two dozen domain verbs, no SQL above them. The rest of the
package is the SQLite journal; one thread writes, with group commit, and other threads and processes read.
"""

from caseconnect.host.journal.port import Journal
from caseconnect.host.journal.sqlite import SqliteJournal

__all__ = ["Journal", "SqliteJournal"]
