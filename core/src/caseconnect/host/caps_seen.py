"""The caps of tenant files beside what the journal counts of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.cap_changes import CapUse
from caseconnect.host.pipeline.capping import all_caps
from caseconnect.host.plugins import load
from caseconnect.host.tenants import load_tenants


def caps_seen(folder: Path, journal_file: Path) -> list[CapUse]:
    """Every limit of every tenant in the folder, with how much of it is used now."""
    tenants = load_tenants(folder, load()).tenants
    journal = SqliteJournal.read(journal_file)
    try:
        now = datetime.now(UTC)
        return [use for name in sorted(tenants) for use in journal.cap_uses(name, all_caps(tenants[name]), now)]
    finally:
        journal.close()
