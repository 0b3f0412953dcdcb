"""Deliveries that come in together are stored by two statements, whatever their number.

Every call into SQLite lets go of the interpreter's lock and must win it back from a busy event loop; with four calls a
delivery that, not the disk, was what intake waited for. So the rows travel as one JSON array and their blobs as one
blob, of which each row knows its piece.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from caseconnect.host.journal.codec import Squeezer, digest, dump, load, stamp
from caseconnect.host.journal.records import CursorMove, NewDelivery, Receipt

_MARK = 32
_PIECE = 16 * 1024 * 1024
"""Most bytes of bodies that go into one statement, but for one larger body."""

# Columns of :rows: 0 tenant, 1 connection, 2 delivery id, 3 topic.
_KNOWN = f"""
SELECT json_group_array(json_array(same, other, twin)), (SELECT coalesce(max(seq), 0) FROM deliveries)
FROM (
    SELECT
        (SELECT d.seq FROM deliveries d WHERE d.tenant = j.value->>0 AND d.connection = j.value->>1
            AND d.delivery_id = j.value->>2 AND d.topic = j.value->>3
            AND d.digest = substr(:marks, 1 + {_MARK} * j.key, {_MARK})) AS same,
        EXISTS (SELECT 1 FROM deliveries d WHERE d.tenant = j.value->>0 AND d.connection = j.value->>1
            AND d.delivery_id = j.value->>2 AND d.topic = j.value->>3) AS other,
        (SELECT d.seq FROM deliveries d WHERE d.digest = substr(:marks, 1 + {_MARK} * j.key, {_MARK})
            AND d.body IS NOT NULL AND d.tenant = j.value->>0 AND d.connection = j.value->>1 LIMIT 1) AS twin
    FROM json_each(:rows) j ORDER BY j.key)
"""  # noqa: S608 - a constant length is put in
# Columns of :rows: 0 seq, 1 tenant, 2 connection, 3 topic, 4 delivery id, 5 received at, 6 polled, 7 headers,
# 8 and 9 begin and length of the body, 10 the delivery with the same body, 11 begin of the digest, 12 flagged.
_INSERT = f"""
INSERT INTO deliveries (seq, tenant, connection, topic, delivery_id, received_at, polled, headers, body, ref_of,
    digest, flagged, due)
SELECT j.value->>0, j.value->>1, j.value->>2, j.value->>3, j.value->>4, j.value->>5, j.value->>6, j.value->>7,
    CASE WHEN j.value->>10 IS NULL THEN substr(:bodies, j.value->>8, j.value->>9) END, j.value->>10,
    substr(:marks, j.value->>11, {_MARK}), j.value->>12, j.value->>5
FROM json_each(:rows) j
"""  # noqa: S608 - as above
_CURSOR = (
    "INSERT INTO cursors VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET cursor=excluded.cursor, saved_at=excluded.saved_at"
)


@dataclass(frozen=True)
class Arrival:
    """A delivery as it is written: its digest, and its body compressed. Made by the caller, not the writing thread."""

    item: NewDelivery
    mark: bytes
    body: bytes = field(repr=False)

    @classmethod
    def of(cls, item: NewDelivery, squeezer: Squeezer) -> Arrival:
        """Digest and compress."""
        return cls(item, digest(item.body), squeezer.squeeze(item.body))


@dataclass(frozen=True)
class Page:
    """What one caller stores: its deliveries, and the cursor that covers them."""

    arrivals: Sequence[Arrival]
    move: CursorMove | None
    now: datetime


def receive(db: sqlite3.Connection, pages: Sequence[Page]) -> list[list[Receipt]]:
    """Store all pages, and their cursors, in the caller's transaction. The receipts of each page."""
    receipts = iter(_store(db, [arrival for page in pages for arrival in page.arrivals]))
    for page in pages:
        if page.move:
            db.execute(_CURSOR, (page.move.tenant, page.move.connection, page.move.cursor, stamp(page.now)))
    return [[next(receipts) for _ in page.arrivals] for page in pages]


def _store(db: sqlite3.Connection, arrivals: Sequence[Arrival]) -> list[Receipt]:
    return [receipt for piece in _pieces(arrivals) for receipt in _store_piece(db, piece)]


def _pieces(arrivals: Sequence[Arrival]) -> Iterator[list[Arrival]]:
    piece: list[Arrival] = []
    size = 0
    for arrival in arrivals:
        if piece and size + len(arrival.body) > _PIECE:
            yield piece
            piece, size = [], 0
        piece.append(arrival)
        size += len(arrival.body)
    if piece:
        yield piece


def _store_piece(db: sqlite3.Connection, arrivals: Sequence[Arrival]) -> list[Receipt]:
    names = [(a.item.tenant, a.item.connection, a.item.delivery_id, a.item.topic) for a in arrivals]
    marks = b"".join(a.mark for a in arrivals)
    found, seq = db.execute(_KNOWN, {"rows": dump(names), "marks": marks}).fetchone()
    here: dict[tuple[Any, ...], int] = {}
    named: set[tuple[str, ...]] = set()
    receipts, rows, bodies, begin = [], [], [], 1
    for number, (arrival, name, (same, other, twin)) in enumerate(zip(arrivals, names, load(found), strict=True)):
        item, mark = arrival.item, arrival.mark
        same = same or here.get((*name, mark))
        if same:
            receipts.append(Receipt(same, "duplicate"))
            continue
        seq += 1
        twin = twin or here.get((item.tenant, item.connection, mark))
        flagged = not item.polled and (bool(other) or name in named)
        row: tuple[Any, ...] = (seq, item.tenant, item.connection, item.topic, item.delivery_id)
        row += (
            stamp(item.received_at),
            item.polled,
            dump(item.headers),
            begin,
            len(arrival.body),
            twin,
            1 + _MARK * number,
            flagged,
        )
        rows.append(row)
        if twin is None:
            bodies.append(arrival.body)
            begin += len(arrival.body)
        here[(*name, mark)] = seq
        here.setdefault((item.tenant, item.connection, mark), twin or seq)
        named.add(name)
        receipts.append(Receipt(seq, "reference" if twin else "stored", flagged))
    if rows:
        db.execute(_INSERT, {"rows": dump(rows), "marks": marks, "bodies": b"".join(bodies)})
    return receipts
