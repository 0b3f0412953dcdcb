"""Deliveries that come in together are stored by two statements, whatever their number.

Every call into SQLite lets go of the interpreter's lock and must win it back from a busy event loop; with four calls a
delivery that, not the disk, was what intake waited for. So the rows travel as one JSON array and their blobs as one
blob, of which each row knows its piece.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from caseconnect.host.journal.codec import Squeezer, digest, dump, load, stamp
from caseconnect.host.journal.records import CursorMove, NewDelivery, Receipt

_MARK = 32
_PIECE = 16 * 1024 * 1024
"""Most bytes of bodies that go into one statement, but for one larger body."""
_TWINS = 500
"""About so many deliveries share a stored body: when it is masked, all that still need it are written anew at once."""

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
        (SELECT d.seq FROM deliveries d WHERE d.seq = (
                SELECT n.seq FROM deliveries n WHERE n.digest = substr(:marks, 1 + {_MARK} * j.key, {_MARK})
                AND n.body IS NOT NULL AND n.masked = 0 AND n.tenant = j.value->>0 AND n.connection = j.value->>1
                ORDER BY n.seq DESC LIMIT 1)
            AND (SELECT count(*) FROM (SELECT 1 FROM deliveries r WHERE r.ref_of = d.seq LIMIT {_TWINS})) < {_TWINS})
            AS twin
    FROM json_each(:rows) j ORDER BY j.key)
"""  # noqa: S608 - constant lengths are put in
# Columns of :rows: 0 seq, 1 tenant, 2 connection, 3 topic, 4 delivery id, 5 received at, 6 polled, 7 headers,
# 8 and 9 begin and length of the body, 10 the delivery with the same body, 11 begin of the digest, 12 flagged, 13 seen.
_BEGIN, _TWIN = 8, 10
_INSERT = f"""
INSERT INTO deliveries (seq, tenant, connection, topic, delivery_id, received_at, polled, headers, body, ref_of,
    digest, flagged, seen, due)
SELECT j.value->>0, j.value->>1, j.value->>2, j.value->>3, j.value->>4, j.value->>5, j.value->>6, j.value->>7,
    CASE WHEN j.value->>10 IS NULL THEN substr(:bodies, j.value->>8, j.value->>9) END, j.value->>10,
    substr(:marks, j.value->>11, {_MARK}), j.value->>12, j.value->>13, j.value->>5
FROM json_each(:rows) j
"""  # noqa: S608 - as above
_CURSOR = (
    "INSERT INTO cursors VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET cursor=excluded.cursor, saved_at=excluded.saved_at"
)


@dataclass(frozen=True)
class Page:
    """What one caller stores: its deliveries, and the cursor that covers them."""

    items: Sequence[NewDelivery]
    move: CursorMove | None
    now: datetime


def receive(squeezer: Squeezer, db: sqlite3.Connection, pages: Sequence[Page]) -> list[list[Receipt]]:
    """Store all pages, and their cursors, in the caller's transaction. The receipts of each page.

    Bodies are digested and compressed here: in the writing thread, beside the event loop that takes in the next.
    """
    pieces = _pieces([item for page in pages for item in page.items])
    receipts = iter([receipt for piece in pieces for receipt in _store_piece(squeezer, db, piece)])
    for page in pages:
        if page.move:
            db.execute(_CURSOR, (page.move.tenant, page.move.connection, page.move.cursor, stamp(page.now)))
    return [[next(receipts) for _ in page.items] for page in pages]


def _pieces(items: Sequence[NewDelivery]) -> Iterator[list[NewDelivery]]:
    piece: list[NewDelivery] = []
    size = 0
    for item in items:
        if piece and size + len(item.body) > _PIECE:
            yield piece
            piece, size = [], 0
        piece.append(item)
        size += len(item.body)
    if piece:
        yield piece


def _store_piece(squeezer: Squeezer, db: sqlite3.Connection, items: Sequence[NewDelivery]) -> list[Receipt]:
    names = [(item.tenant, item.connection, _whole(item.delivery_id), _whole(item.topic)) for item in items]
    digests = [digest(item.body) for item in items]
    marks = b"".join(digests)
    found, seq = db.execute(_KNOWN, {"rows": dump(names), "marks": marks}).fetchone()
    here: dict[tuple[Any, ...], int] = {}
    named: set[tuple[str, ...]] = set()
    receipts: list[Receipt] = []
    rows: list[list[Any]] = []
    bodies: list[bytes] = []
    told = zip(items, names, digests, load(found), strict=True)
    for number, (item, name, mark, (same, other, twin)) in enumerate(told):
        same = same or here.get((*name, mark))
        if same:
            receipts.append(Receipt(same, "duplicate"))
            continue
        seq += 1
        twin = twin or here.get((item.tenant, item.connection, mark))
        flagged = not item.polled and (bool(other) or name in named)
        row = [seq, item.tenant, item.connection, name[3], name[2], stamp(item.received_at)]
        row += [item.polled, dump(item.headers), None, None, twin, 1 + _MARK * number, flagged, item.seen]
        rows.append(row)
        if twin is None:
            bodies.append(item.body)
        here[(*name, mark)] = seq
        here.setdefault((item.tenant, item.connection, mark), twin or seq)
        named.add(name)
        receipts.append(Receipt(seq, "reference" if twin else "stored", flagged))
    if rows:
        squeezed = squeezer.squeeze_all(bodies)
        _place([row for row in rows if row[_TWIN] is None], squeezed)
        db.execute(_INSERT, {"rows": dump(rows), "marks": marks, "bodies": b"".join(squeezed)})
    return receipts


def _whole(text: str) -> str:
    """SQLite ends a text of JSON at a NUL: what follows would be lost."""
    return text.replace("\0", "\ufffd")


def _place(rows: Sequence[list[Any]], bodies: Sequence[bytes]) -> None:
    """Tell each row which piece of all bodies is its own."""
    begin = 1
    for row, body in zip(rows, bodies, strict=True):
        row[_BEGIN : _BEGIN + 2] = begin, len(body)
        begin += len(body)
