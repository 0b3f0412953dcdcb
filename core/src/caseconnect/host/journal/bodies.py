"""What is left of the body of a delivery: its masked form once it is parsed, nothing after a while.

The digest of the original stays, so that the same delivery is known again. Another one of the same bytes, which has
only a reference, may still have to be read: it takes the body over before.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime

from caseconnect.host.journal.codec import Squeezer, dump, stamp
from caseconnect.host.journal.records import DeliveryResult

_AT_ONCE = 500
_HEIRS = """
SELECT ref_of, max(seq) FROM deliveries
WHERE ref_of IN (SELECT value FROM json_each(?)) AND state IN ('new', 'waiting', 'parked') GROUP BY ref_of
"""
_MASK = """
UPDATE deliveries SET masked = 1,
    body = CASE WHEN j.value->>2 > 0 THEN substr(:bodies, j.value->>1, j.value->>2) END
FROM json_each(:rows) j WHERE deliveries.seq = j.value->>0 AND deliveries.body IS NOT NULL
"""


def mask(db: sqlite3.Connection, squeezer: Squeezer, results: Iterable[DeliveryResult]) -> None:
    """Put the masked form in the place of the body of each that was parsed. Their states are written before."""
    parsed = [result for result in results if result.state in ("events", "ignored")]
    if not parsed:
        return
    _hand_over(db, [result.seq for result in parsed])
    squeezed = iter(squeezer.squeeze_all([result.masked for result in parsed if result.masked is not None]))
    rows: list[tuple[int, int, int]] = []
    bodies: list[bytes] = []
    begin = 1
    for result in parsed:
        body = b"" if result.masked is None else next(squeezed)
        rows.append((result.seq, begin, len(body)))
        bodies.append(body)
        begin += len(body)
    db.execute(_MASK, {"rows": dump(rows), "bodies": b"".join(bodies)})


def _hand_over(db: sqlite3.Connection, seqs: Sequence[int]) -> None:
    for holder, heir in db.execute(_HEIRS, (dump(seqs),)).fetchall():
        db.execute(
            "UPDATE deliveries SET ref_of=NULL, body=(SELECT h.body FROM deliveries h WHERE h.seq=?) WHERE seq=?",
            (holder, heir),
        )
        db.execute(
            "UPDATE deliveries SET ref_of=? WHERE ref_of=? AND state IN ('new', 'waiting', 'parked')", (heir, holder)
        )


def forget(db: sqlite3.Connection, seqs: Iterable[int], why: str) -> int:
    """Erase the bodies of deliveries that are ended, and of all with the same bytes; how many.

    The digest stays. One of the same bytes that still waits is left its body. A parked one is over, for the reason
    `why`: nothing is left that could be read.
    """
    count = 0
    for seq in dict.fromkeys(seqs):
        row = db.execute(
            "SELECT coalesce(ref_of, seq), digest, tenant, connection FROM deliveries WHERE seq=?", (seq,)
        ).fetchone()
        if row is None:
            continue
        same = db.execute(
            "SELECT seq, state FROM deliveries WHERE seq=?1 UNION SELECT seq, state FROM deliveries WHERE ref_of=?1"
            " UNION SELECT seq, state FROM deliveries WHERE digest=?2 AND body IS NOT NULL AND masked = 0"
            " AND tenant=?3 AND connection=?4",
            row,
        ).fetchall()
        if any(state in ("new", "waiting") for _, state in same):
            continue
        for one, _ in same:
            count += db.execute(
                "UPDATE deliveries SET body=NULL, ref_of=NULL, headers='{}',"
                " reason=CASE state WHEN 'parked' THEN ? ELSE reason END,"
                " state=CASE state WHEN 'parked' THEN 'ignored' ELSE state END"
                " WHERE seq=? AND (body IS NOT NULL OR ref_of IS NOT NULL)",
                (why, one),
            ).rowcount
    return count


def old(db: sqlite3.Connection, tenant: str, before: datetime, after: int) -> tuple[list[int], int | None]:
    """Of the next deliveries after number `after` those with a body that came before a moment and do not wait.

    And where to go on; None when the next is younger, or there is none.
    """
    rows = db.execute(
        "SELECT seq, body IS NOT NULL AND state NOT IN ('new', 'waiting') FROM deliveries"
        " WHERE seq > ? AND tenant=? AND received_at < ? ORDER BY seq LIMIT ?",
        (after, tenant, stamp(before), _AT_ONCE),
    ).fetchall()
    return [seq for seq, over in rows if over], rows[-1][0] if len(rows) == _AT_ONCE else None
