"""Seals: a checksum of every row, and a hash chain per tenant over what is only ever added.

SQLite's own check finds few of the bits that a disk turns (faults.md finding 8). Triggers of the writing connection
note which rows a transaction touched, and just before its COMMIT these are sealed, in a few statements whatever their
number. The verbs know nothing of it. In the chain stands what erasing keeps; what may be erased or masked (a body,
facts) stands there as a salted digest whose salt goes with it, so that the chain holds and nothing can be guessed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b, sha256
from secrets import token_bytes
from typing import Any

import orjson

from caseconnect.host.journal.codec import dump, load

_SEALS = ("sums", "chain", "heads")
_DIGEST, _SALT = 32, 16
_AT_ONCE = 2000


@dataclass(frozen=True)
class Chained:
    """Of a table whose rows are only added: what never changes, and what may be erased or masked.

    `since`: the migration that made it, where that is younger than the seals.
    """

    fixed: tuple[str, ...]
    content: tuple[str, ...] = ()
    since: str = ""


# Columns are named one by one: one that a migration adds later changes no digest.
CHAINED: Mapping[str, Chained] = {
    "deliveries": Chained(
        ("seq", "tenant", "connection", "topic", "delivery_id", "received_at", "polled", "digest"),
    ),
    "events": Chained(("seq", "id", "tenant", "type", "version", "delivery", "at"), ("body",)),
    "decisions": Chained(("seq", "tenant", "lane", "at"), ("answers", "facts")),
    "commands": Chained(
        ("seq", "key", "base", "generation", "tenant", "matter", "use", "kind", "name", "connection", "target")
        + ("slot", "value", "after", "ground", "protective", "created_at"),
        ("body",),
    ),
    "clicks": Chained(
        ("seq", "at", "tenant", "who", "role", "through", "action", "about", "fields", "reason", "proposal"),
        since="0011_clicks",
    ),
    "outcomes": Chained(("seq", "key", "attempt", "was", "became", "by", "at"), ("note", "data")),
}


@dataclass(frozen=True)
class Table:
    """One table of the journal: its columns as they are summed, which of them hold blobs, and what names a row."""

    name: str
    columns: tuple[str, ...]
    blobs: frozenset[str]
    keys: tuple[str, ...]
    numbered: bool

    def id_of(self, row: str) -> str:
        """SQL for the name of the row called `row`."""
        return f"{row}.{self.keys[0]}" if self.numbered else f"json_array({', '.join(f'{row}.{k}' for k in self.keys)})"

    def found(self, row: str, id_: str) -> str:
        """SQL: `row` is the one named `id_`."""
        if self.numbered:
            return f"{row}.{self.keys[0]} = {id_}"
        return " AND ".join(f"{row}.{key} = {id_} ->> {place}" for place, key in enumerate(self.keys))

    def values(self, row: str) -> str:
        """SQL for a JSON array of what is summed. Of a raw body its length: its frame has a checksum of its own."""
        return f"json_array({', '.join(self._value(row, column) for column in self.columns)})"

    def _value(self, row: str, column: str) -> str:
        if (self.name, column) == ("deliveries", "body"):
            return f"length({row}.{column})"
        return f"hex({row}.{column})" if column in self.blobs else f"{row}.{column}"

    def tenant(self, row: str) -> str:
        """SQL for the tenant of a chained row."""
        if self.name == "outcomes":
            return f"(SELECT c.tenant FROM main.commands c WHERE c.key = {row}.key)"  # noqa: S608 - our own names
        return f"{row}.tenant"

    def chained(self, values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """(what never changes, what may be erased) of a row's summed values."""
        fixed, content = self._places
        return [self.name, *(values[place] for place in fixed)], [values[place] for place in content]

    @cached_property
    def _places(self) -> tuple[list[int], list[int]]:
        spec = CHAINED[self.name]
        return [self.columns.index(c) for c in spec.fixed], [self.columns.index(c) for c in spec.content]


def tables(db: sqlite3.Connection) -> list[Table]:
    """All tables that are sealed, as the file has them now."""
    names = db.execute("SELECT name, sql FROM main.sqlite_master WHERE type='table' AND name NOT GLOB 'sqlite_*'")
    return [_table(db, name, sql) for name, sql in sorted(names.fetchall()) if name not in _SEALS]


def _table(db: sqlite3.Connection, name: str, sql: str) -> Table:
    columns = db.execute("SELECT name, pk, type FROM pragma_table_info(?)", (name,)).fetchall()
    keys = [column for _, column in sorted((pk, column) for column, pk, _ in columns if pk)]
    blobs = frozenset(column for column, _, kind in columns if kind == "BLOB")
    return Table(name, tuple(c for c, _, _ in columns), blobs, tuple(keys), "WITHOUT ROWID" not in sql.upper())


def sum_of(values: Any) -> int:
    """The checksum of a row's values."""
    return int.from_bytes(blake2b(orjson.dumps(values), digest_size=8).digest(), "big", signed=True)


def fixed_digest(fixed: Sequence[Any]) -> bytes:
    """The digest of what never changes of a row."""
    return sha256(orjson.dumps(fixed)).digest()


def content_digest(salt: bytes, content: Sequence[Any]) -> bytes:
    """The salted digest of what may be erased."""
    return sha256(salt + orjson.dumps(content)).digest()


def link_of(before: bytes, fixed: bytes, content: bytes | None) -> bytes:
    """The next link of a chain."""
    return sha256(before + fixed + (content or b"")).digest()


@dataclass(frozen=True)
class Head:
    """Where the chains ended after a commit: how many links all have, and the row whose link came last."""

    total: int
    table: str
    row: int
    link: bytes


class Sealer:
    """Seals what the one writing connection writes. Made after the migrations, before the first write."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._tables = {table.name: table for table in tables(db)}
        self._reads = {name: _reading(table) for name, table in self._tables.items()}
        self.head: Head | None = None
        db.execute("PRAGMA temp_store=MEMORY")
        db.execute(
            "CREATE TEMP TABLE IF NOT EXISTS touched (tbl TEXT NOT NULL, id NOT NULL, fresh INTEGER NOT NULL,"
            " emptied INTEGER NOT NULL, gone INTEGER NOT NULL, PRIMARY KEY (tbl, id)) WITHOUT ROWID"
        )
        for table in self._tables.values():
            for trigger in _triggers(table):
                db.execute(trigger)

    def seal(self) -> None:
        """Seal what this transaction touched. Right before its COMMIT."""
        db = self._db
        ((names, emptied, gone),) = db.execute(
            "SELECT json_group_array(DISTINCT tbl), coalesce(max(emptied AND NOT fresh), 0), coalesce(max(gone), 0)"
            " FROM temp.touched"
        ).fetchall()
        if names == "[]":
            return
        if gone:
            db.execute("DELETE FROM sums WHERE (tbl, id) IN (SELECT tbl, id FROM temp.touched WHERE gone)")
        sums: list[tuple[str, Any, int]] = []
        fresh: list[_Fresh] = []
        for name in load(names):
            table = self._tables[name]
            for id_, new, tenant, values in load(db.execute(self._reads[name]).fetchone()[0]):
                sums.append((name, id_, sum_of(values)))
                if new and name in CHAINED:
                    fresh.append(_Fresh(tenant, id_, *table.chained(values)))
        put_sums(db, sums)
        if fresh:
            self.head = add_links(db, fresh)
        if emptied:
            _forget_salts(db)
        db.execute("DELETE FROM temp.touched")


@dataclass(frozen=True)
class _Fresh:
    tenant: str
    row: int
    fixed: Sequence[Any]
    content: Sequence[Any]


def _reading(table: Table) -> str:
    whose = table.tenant("r") if table.name in CHAINED else "NULL"
    return (
        f"SELECT json_group_array(json_array(t.id, t.fresh, {whose}, {table.values('r')}))"  # noqa: S608 - our own names
        f" FROM temp.touched t CROSS JOIN main.{table.name} r"
        f" WHERE t.tbl = '{table.name}' AND {table.found('r', 't.id')}"
    )


def _triggers(table: Table) -> Iterator[str]:
    def noting(when: str, row: str, values: str, conflict: str) -> str:
        return (
            f"CREATE TEMP TRIGGER IF NOT EXISTS seal_{table.name}_{when.split()[0]}_{row}{len(when)} AFTER {when}"  # noqa: S608 - our own names
            f" ON main.{table.name} BEGIN INSERT INTO touched VALUES ('{table.name}', {table.id_of(row)}, {values})"
            f" ON CONFLICT DO UPDATE SET {conflict}; END"
        )

    yield noting("INSERT", "new", "1, 0, 0", "fresh=1")
    yield noting("DELETE", "old", "0, 0, 1", "gone=1")
    yield noting("UPDATE", "new", "0, 0, 0", "fresh=fresh")
    if not table.numbered:
        yield noting("UPDATE", "old", "0, 0, 1", "gone=1")
    if table.name in CHAINED and CHAINED[table.name].content:
        columns = ", ".join(CHAINED[table.name].content)
        yield noting(f"UPDATE OF {columns}", "new", "0, 1, 0", "emptied=1")


def put_sums(db: sqlite3.Connection, sums: Sequence[tuple[str, Any, int]]) -> None:
    """Write the checksums of rows."""
    db.execute(
        "INSERT OR REPLACE INTO sums SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)", (dump(sums),)
    )


_ADD = f"""
INSERT INTO chain (tbl, row, tenant, seq, link, salt, content)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, substr(:links, 1 + {_DIGEST} * j.key, {_DIGEST}),
    CASE WHEN j.value ->> 4 THEN substr(:salts, 1 + {_SALT} * j.key, {_SALT}) END,
    CASE WHEN j.value ->> 4 THEN substr(:contents, 1 + {_DIGEST} * j.key, {_DIGEST}) END
FROM json_each(:rows) j
"""  # noqa: S608 - constant lengths are put in


def add_links(db: sqlite3.Connection, fresh: Sequence[_Fresh]) -> Head:
    """Add rows to their tenants' chains; where these end then."""
    heads = {t: (n, link) for t, n, link in db.execute("SELECT tenant, seq, link FROM heads").fetchall()}
    salts = token_bytes(_SALT * len(fresh))
    rows, links, contents = [], [], []
    for place, new in enumerate(fresh):
        number, before = heads.get(new.tenant, (0, b""))
        content = content_digest(salts[_SALT * place : _SALT * (place + 1)], new.content) if new.content else None
        link = link_of(before, fixed_digest(new.fixed), content)
        heads[new.tenant] = number + 1, link
        rows.append((new.fixed[0], new.row, new.tenant, number + 1, bool(new.content)))
        links.append(link)
        contents.append(content or bytes(_DIGEST))
    db.execute(_ADD, {"rows": dump(rows), "links": b"".join(links), "salts": salts, "contents": b"".join(contents)})
    for tenant in {new.tenant for new in fresh}:
        db.execute("INSERT OR REPLACE INTO heads VALUES (?,?,?)", (tenant, *heads[tenant]))
    return Head(sum(number for number, _ in heads.values()), fresh[-1].fixed[0], fresh[-1].row, links[-1])


def _forget_salts(db: sqlite3.Connection) -> None:
    """Of what was erased or masked: without its salt nobody can try out what a digest was of."""
    db.execute(
        "UPDATE chain SET salt=NULL WHERE salt IS NOT NULL"
        " AND (tbl, row) IN (SELECT tbl, id FROM temp.touched WHERE emptied AND NOT fresh)"
    )


def seal_all(db: sqlite3.Connection) -> None:
    """Seal the whole file anew, after a migration: all checksums, and rows that stand in no chain yet."""
    db.execute("DELETE FROM sums")
    for table in tables(db):
        reading = db.execute(f"SELECT {table.id_of('r')}, {table.values('r')} FROM {table.name} r")  # noqa: S608 - our own names
        while some := reading.fetchmany(_AT_ONCE):
            put_sums(db, [(table.name, id_, sum_of(load(values))) for id_, values in some])
    for table in tables(db):
        if table.name not in CHAINED:
            continue
        reading = db.execute(
            f"SELECT r.{table.keys[0]}, {table.tenant('r')}, {table.values('r')} FROM {table.name} r"  # noqa: S608 - as above
            f" WHERE NOT EXISTS (SELECT 1 FROM chain c WHERE c.tbl='{table.name}' AND c.row=r.{table.keys[0]})"
            f" ORDER BY r.{table.keys[0]}"
        )
        while some := reading.fetchmany(_AT_ONCE):
            add_links(db, [_Fresh(tenant, row, *table.chained(load(values))) for row, tenant, values in some])


def head_of(db: sqlite3.Connection) -> int:
    """How many links all chains have."""
    return int(db.execute("SELECT coalesce(sum(seq), 0) FROM heads").fetchone()[0])
