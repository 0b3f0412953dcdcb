"""What may be read nowhere: secrets, what they were changed for, and shoppers where others read (I15, SEC41)."""

from __future__ import annotations

import json
import logging
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from urllib.parse import quote

from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.codec import expand
from caseconnect.host.numbers.numbers import Numbers
from caseconnect.sdk.testing.resources import RecordingLog
from caseconnect.sdk.testing.wire import Sent

_CREDENTIALS = ("authorization", "x-shopify-access-token", "x-desk")
_SEALS = ("sums", "chain", "heads", "sqlite_sequence")
_PACKED = b"\x28\xb5\x2f\xfd"
_TOLD = (
    *("SELECT title || ' ' || link FROM alerts", "SELECT reason FROM deliveries", "SELECT reason FROM events"),
    *("SELECT note FROM schedules", "SELECT reason FROM brakes", "SELECT note FROM outcomes WHERE by='connect'"),
)
"""What `connect errors`, channels, mails and the console's lists show."""


def forms(secret: str) -> Iterator[bytes]:
    """A secret as it is, and as it may be written down."""
    raw = secret.encode()
    yield from {raw, raw.hex().encode()}
    for before in range(3):  # bytes of another text, such as `id:`: only what these and the next ones leave alone
        ours = slice((8 * before + 5) // 6, 8 * (before + len(raw)) // 6)
        yield from {encode(bytes(before) + raw)[ours] for encode in (b64encode, urlsafe_b64encode)}
    yield from {quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode()}


class Canaries:
    """`secrets` by name, `shoppers`: words that only shoppers' data hold. `found`: where one was, in words."""

    def __init__(self, secrets: Mapping[str, str], shoppers: Iterable[str]) -> None:
        self._secrets = {name: [*forms(secret)] for name, secret in secrets.items()}
        self._shoppers = [word.encode() for word in shoppers]
        self._given: set[str] = set()
        self._lines: list[bytes] = []
        self._handler = _Keeping(self._lines)
        self.found: list[str] = []

    def __enter__(self) -> Canaries:
        """From now on all that goes to Python's own log is looked at, too."""
        logging.getLogger().addHandler(self._handler)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self._handler)

    def asked(self, sent: Sent) -> None:
        """A request goes out: its address holds nothing of it, and what it was let in with is a secret."""
        self._look("the address of a request", [sent.url.encode()])
        for name, value in sent.headers.items():
            if name.lower() in _CREDENTIALS:
                self._given.add(value.rpartition(" ")[2])

    def look(self, journal: SqliteJournal, log: RecordingLog, now: Callable[[], datetime]) -> None:
        """At the end: in all rows, in all that was logged or shown, and in the metrics."""
        self._secrets |= {f"credential {n}": [*forms(value)] for n, value in enumerate(sorted(self._given))}
        db = journal._db()
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in sorted(set(tables) - {*_SEALS}):
            rows = db.execute(f"SELECT * FROM {table}")
            self._look(f"a row of {table}", (_text(value) for row in rows for value in row), shoppers=False)
        self._look("the log", (text.encode() for line in log.lines for text in _strings(line)))
        self._look("Python's log", self._lines)
        told = (_text(value) for sql in _TOLD for (value,) in db.execute(sql))
        self._look("what alerts, notes and reasons say", told)
        numbers = Numbers(now, log)
        numbers.begin(journal, dict)
        numbers._marks = dict.fromkeys(journal.newest(), 0)
        self._look("the metrics", [numbers.render()])
        numbers.close()

    def _look(self, where: str, texts: Iterable[bytes], *, shoppers: bool = True) -> None:
        whole = b"\n".join(texts)
        self.found += [f"{name} is in {where}" for name, all_ in self._secrets.items() if any(f in whole for f in all_)]
        if shoppers and any(word in whole for word in self._shoppers):
            self.found.append(f"a shopper is in {where}")


def _strings(value: object) -> Iterator[str]:
    """All that is in a line of the log, as it was handed in."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from (str(name), *_strings(one))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)
    else:
        yield str(value)


def _text(value: object) -> bytes:
    if isinstance(value, bytes):
        return expand(value) if value[:4] == _PACKED else value
    return str(value).encode()


class _Keeping(logging.Handler):
    def __init__(self, lines: list[bytes]) -> None:
        super().__init__()
        self._kept = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append(logging.Formatter().format(record).encode())
