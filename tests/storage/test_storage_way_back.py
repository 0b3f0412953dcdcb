"""The way back from an upgrade, as docs/upgrading.md tells it: the older program, and the backup from before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlite_utils import Database, Migrations

from caseconnect.cli import Exit, main
from caseconnect.host.journal import SqliteJournal, schema
from caseconnect.host.journal.errors import JournalNewer
from caseconnect.host.journal.records import NewDelivery

AT = datetime(2026, 1, 5, tzinfo=UTC)
LAST = schema.pending(Database(memory=True))[-1]


@contextmanager
def the_version_before() -> Iterator[None]:
    """The program as it was before its last migration."""
    older = Migrations("caseconnect")
    older._migrations = [m for m in schema.migrations._migrations if m.name != LAST]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "migrations", older)
        yield


def receive(path: Path, name: str) -> None:
    """Start, take one delivery, stop."""
    journal = SqliteJournal.open(path, synchronous="OFF")
    new = NewDelivery("acme", "shop", "t", name, AT, b"{}")
    asyncio.run(journal.receive([new], None, AT))
    journal.close()


def held(path: Path) -> int:
    journal = SqliteJournal.read(path)
    count = sum(journal.counts()["deliveries"].values())
    journal.close()
    return count


def test_from_every_upgrade_there_is_a_way_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with the_version_before():
        receive(path, "before the upgrade")
    receive(path, "after the upgrade")
    assert held(path) == 2
    (backup,) = (tmp_path / "backups").glob(f"before-{LAST}-*.db")
    with the_version_before():
        with pytest.raises(JournalNewer, match="written by a newer Connect"):
            SqliteJournal.open(path)
        told = CliRunner().invoke(main, ["restore", str(backup), "--data", str(tmp_path)])
        assert told.exit_code == Exit.OK, told.output
        assert held(path) == 1
        journal = SqliteJournal.open(path, synchronous="OFF")
        assert "it was restored" in str(journal.in_doubt())
        journal.close()
    (kept,) = tmp_path.glob("before-restore-*.db")
    assert held(kept) == 2, "what came after the upgrade can still be read, by the newer program"
    receive(path, "the second try")
    assert held(path) == 2


def test_a_version_without_a_migration_needs_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    receive(path, "one")
    receive(path, "two")
    assert not (tmp_path / "backups").exists()
