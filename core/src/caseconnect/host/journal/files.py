"""The tenant files that were in force: who put them there, when, and what was another than before."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from caseconnect.host.journal.codec import dump, load, stamp, unstamp


@dataclass(frozen=True)
class TenantFile:
    """A tenant's file that came into force. `digest` and `text` are empty when the tenant was ended.

    `by`: a person, `start` or `signal`. `changed`: key paths, each with `+`, `-` or `~` before it.
    """

    tenant: str
    digest: str
    at: datetime
    by: str
    changed: tuple[str, ...]
    text: str
    seq: int = 0


def keep(db: sqlite3.Connection, file: TenantFile) -> None:
    """Write down that a file is in force from now on."""
    row = (file.tenant, file.digest, stamp(file.at), file.by, dump(file.changed), file.text)
    db.execute("INSERT INTO tenant_files (tenant, digest, at, by, changed, text) VALUES (?,?,?,?,?,?)", row)


def newest(db: sqlite3.Connection) -> list[TenantFile]:
    """Of each tenant the file that came into force last."""
    return _files(db, "WHERE seq IN (SELECT max(seq) FROM tenant_files GROUP BY tenant) ORDER BY tenant")


def of(db: sqlite3.Connection, tenant: str) -> list[TenantFile]:
    """All files of a tenant, the newest first."""
    return _files(db, "WHERE tenant=? ORDER BY seq DESC", (tenant,))


def _files(db: sqlite3.Connection, where: str, values: Sequence[Any] = ()) -> list[TenantFile]:
    rows = db.execute(f"SELECT tenant, digest, at, by, changed, text, seq FROM tenant_files {where}", values)  # noqa: S608 - our own words
    return [
        TenantFile(tenant, digest, unstamp(at), by, tuple(load(changed)), text, seq)
        for tenant, digest, at, by, changed, text, seq in rows
    ]
