"""What is damaged in a journal: SQLite's own check, every row against its checksum, every chain link by link."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
import zstandard
from sqlite_utils import Database

from caseconnect.host.journal import schema
from caseconnect.host.journal.codec import expand, load
from caseconnect.host.journal.sealing import CHAINED, Table, content_digest, fixed_digest, link_of, sum_of, tables

_AT_ONCE = 2000
_NEWEST = 2000
_BLOBS = ("deliveries", "body"), ("decisions", "facts"), ("commands", "body")
_OPEN: Mapping[str, str] = {
    "deliveries": "r.seq IN (SELECT seq FROM deliveries WHERE state IN ('new', 'waiting')"
    " ORDER BY tenant, due LIMIT 20000)",
    "events": "r.seq IN (SELECT seq FROM events WHERE state = 'ready' ORDER BY tenant, seq LIMIT 20000)"
    " OR r.seq IN (SELECT seq FROM events WHERE state = 'waiting' ORDER BY tenant, due LIMIT 20000)",
    "commands": "state IN ('planned', 'sending', 'unknown', 'accepted', 'parked')",
    "matters": "state = 'open'",
}
"""Rows that are still worked on; of what only waits to be read, as many as keep nobody from starting for long."""


@dataclass(frozen=True)
class Damage:
    """One thing that is wrong: the table, the row (empty: the table as a whole), and in words what."""

    table: str
    row: str
    what: str

    def __str__(self) -> str:
        return f"{self.table} {self.row}".rstrip() + f": {self.what}"


def verify(db: sqlite3.Connection, *, whole: bool = True) -> list[Damage]:
    """What is damaged, of one state of the file. Not `whole`: only what is open, the newest rows, and small tables.

    Takes some ten seconds for a million rows. A reader beside a running daemon may call it.
    """
    kept, db.text_factory = db.text_factory, bytes
    mine = not db.in_transaction
    try:
        if mine:
            db.execute("BEGIN")
        return list(_damage(db, whole))
    finally:
        db.text_factory = kept
        if mine and db.in_transaction:
            db.execute("ROLLBACK")


def _damage(db: sqlite3.Connection, whole: bool) -> Iterator[Damage]:
    try:
        if whole:
            found = [_text(row[0]) for row in db.execute("PRAGMA integrity_check(20)")]
            yield from (Damage("file", "", word) for word in found if word != "ok")
        db.text_factory = str
        every, absent = tables(db), schema.pending(Database(db))
        db.text_factory = bytes
    except Exception as error:  # noqa: BLE001 - as below
        yield Damage("file", "", f"cannot be read: {type(error).__name__} {error}")
        return
    chained = [name for name, spec in CHAINED.items() if spec.since not in absent]  # the others a migration makes
    if missing := sorted(set(chained) - {table.name for table in every}):
        yield Damage("file", "", f"without its tables {', '.join(missing)}")
        return
    for table in every:
        yield from _guarded(table.name, _rows(db, table, whole))
    for name, column in _BLOBS:
        yield from _guarded(name, _frames(db, name, column, whole))
    yield from _guarded("sums", _orphans(db, every) if whole else iter(()))
    yield from _guarded("chain", _chains(db, every, chained) if whole else iter(()))


def _guarded(table: str, found: Iterator[Damage]) -> Iterator[Damage]:
    """What cannot even be read is damage, too."""
    try:
        yield from found
    except Exception as error:  # noqa: BLE001 - a damaged file may give anything: another name, another type, no row
        yield Damage(table, "", f"cannot be read: {type(error).__name__} {error}")


def _some(table: str, numbered: bool, whole: bool) -> str:
    """SQL: which rows are looked at."""
    if whole or (not numbered and table not in _OPEN):
        return "" if whole else f"LIMIT {10 * _NEWEST}"
    newest = f"r.seq > (SELECT coalesce(max(seq), 0) - {_NEWEST} FROM {table})" if numbered else "0"  # noqa: S608 - our own names
    return f"WHERE {_OPEN.get(table, '0')} OR {newest}"


def _rows(db: sqlite3.Connection, table: Table, whole: bool) -> Iterator[Damage]:
    id_ = table.id_of("r")
    numbered = table.numbered and "seq" in table.columns
    # The plus: without it the column would lend its affinity to `id`, whose index could not be used then.
    reading = db.execute(
        f"SELECT {id_}, s.sum, {table.values('r')} FROM {table.name} r"  # noqa: S608 - our own names
        f" LEFT JOIN sums s ON s.tbl = '{table.name}' AND s.id = +{id_} {_some(table.name, numbered, whole)}"
    )
    while some := reading.fetchmany(_AT_ONCE):
        for row, wanted, values in some:
            if wanted is None:
                yield Damage(table.name, _text(row), "was never sealed: not written by Connect")
            elif _sum(values) != wanted:
                yield Damage(table.name, _text(row), "is not what was written")


def _sum(values: bytes) -> int | None:
    try:
        return sum_of(load(values))
    except orjson.JSONDecodeError:
        return None


def _orphans(db: sqlite3.Connection, every: list[Table]) -> Iterator[Damage]:
    for table in every:
        gone = db.execute(
            f"SELECT id FROM sums s WHERE tbl = '{table.name}' AND NOT EXISTS"  # noqa: S608 - our own names
            f" (SELECT 1 FROM {table.name} r WHERE {table.found('r', 's.id')}) LIMIT 20"
        )
        for (row,) in gone.fetchall():
            yield Damage(table.name, _text(row), "is gone")
    known = [table.name for table in every]
    marks = ",".join("?" * len(known))
    for (name,) in db.execute(f"SELECT DISTINCT tbl FROM sums WHERE tbl NOT IN ({marks})", known):  # noqa: S608 - only marks
        yield Damage("sums", _text(name), "of no table")


def _frames(db: sqlite3.Connection, name: str, column: str, whole: bool) -> Iterator[Damage]:
    """Compressed content: its frame has a checksum; older ones have none, then the delivery's digest decides."""
    digest = "r.digest" if name == "deliveries" else "NULL"
    which = _some(name, True, whole).removeprefix("WHERE ") or "1"
    reading = db.execute(f"SELECT r.seq, r.{column}, {digest} FROM {name} r WHERE r.{column} IS NOT NULL AND ({which})")  # noqa: S608 - our own names
    while some := reading.fetchmany(100):
        for row, frame, wanted in some:
            if not _frame_holds(frame, wanted):
                yield Damage(name, str(row), f"its {column} is not what was written")


def _frame_holds(frame: bytes, digest: bytes | None) -> bool:
    try:
        content = expand(frame)
        if zstandard.get_frame_parameters(frame).has_checksum or digest is None:
            return True
    except (zstandard.ZstdError, MemoryError):
        return False
    return sha256(content).digest() == digest


def _chains(db: sqlite3.Connection, every: list[Table], chained: Collection[str]) -> Iterator[Damage]:
    heads = {_text(t): (n, link) for t, n, link in db.execute("SELECT tenant, seq, link FROM heads").fetchall()}
    by_name = {table.name: table for table in every}
    reads = " UNION ALL ".join(_chain_of(by_name[name]) for name in chained)
    reading = db.execute(f"{reads} ORDER BY 1, 2")
    ends: dict[str, tuple[int, bytes]] = {}
    broken: set[str] = set()
    while some := reading.fetchmany(_AT_ONCE):
        for tenant_, number, name, row, values, link, salt, content in some:
            tenant, table = _text(tenant_), _text(name)
            if tenant in broken:
                continue
            before = ends.get(tenant, (0, b""))
            wrong = _wrong_link(by_name[table], number, before, _values(values), link, salt, content)
            if wrong:
                broken.add(tenant)
                yield Damage("chain", f"{tenant} {number}", f"{wrong} ({table} {row})")
            ends[tenant] = number, link
    for tenant in sorted((ends.keys() | heads.keys()) - broken):
        if ends.get(tenant) != heads.get(tenant):
            yield Damage("chain", tenant, "does not end where it did: newer rows are gone")
    for name in chained:
        for (row,) in db.execute(
            f"SELECT r.seq FROM {name} r WHERE NOT EXISTS"  # noqa: S608 - our own names
            f" (SELECT 1 FROM chain c WHERE c.tbl = '{name}' AND c.row = r.seq) LIMIT 20"
        ):
            yield Damage(name, str(row), "stands in no chain")


def _chain_of(table: Table) -> str:
    return (
        f"SELECT c.tenant, c.seq, c.tbl, c.row, CASE WHEN r.seq IS NOT NULL THEN {table.values('r')} END,"  # noqa: S608 - our own names
        f" c.link, c.salt, c.content FROM chain c LEFT JOIN {table.name} r ON r.seq = c.row"
        f" WHERE c.tbl = '{table.name}'"
    )


def _wrong_link(
    table: Table,
    number: int,
    before: tuple[int, bytes],
    values: list[Any] | None,
    link: bytes,
    salt: bytes | None,
    content: bytes | None,
) -> str | None:
    """Why a link does not follow the one before, or None."""
    if number != before[0] + 1:
        return "links before it are gone"
    if values is None:
        return "its row is gone or cannot be read"
    fixed, erasable = table.chained(values)
    if link != link_of(before[1], fixed_digest(fixed), content):
        return "its row was changed"
    if bool(erasable) != (content is not None):
        return "its digest is gone"
    if salt is not None and content != content_digest(salt, erasable):
        return "what its row holds was changed"
    return None


def _values(values: bytes | None) -> list[Any] | None:
    try:
        return load(values) if values is not None else None
    except orjson.JSONDecodeError:
        return None


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
