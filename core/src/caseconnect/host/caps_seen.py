"""The caps of tenant files beside what the journal counts of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.cap_changes import CapChange, CapUse, limits
from caseconnect.host.pipeline.capping import all_caps
from caseconnect.host.plugins import load
from caseconnect.host.tenants import Tenant, load_tenants


def changed_caps(tenants: Mapping[str, Tenant], journal_file: Path) -> list[tuple[CapChange, Decimal | None]]:
    """What people changed of the caps of these tenants, in force now, each with the limit of the tenant's file.

    None: the file has no such limit any more, so the change is without effect. Raises `JournalError`.
    """
    journal = SqliteJournal.read(journal_file)
    try:
        changes = [c for c in journal.cap_changes(None, datetime.now(UTC)) if c.tenant in tenants]
    finally:
        journal.close()
    files = {
        (name, cap, window.name, what): limit
        for name in {change.tenant for change in changes}
        for cap, window, what, limit in limits(all_caps(tenants[name]))
    }
    return [(change, files.get((change.tenant, change.cap, change.per, change.what))) for change in changes]


def caps_seen(folder: Path, journal_file: Path) -> list[CapUse]:
    """Every limit of every tenant in the folder, with how much of it is used now."""
    tenants = load_tenants(folder, load()).tenants
    journal = SqliteJournal.read(journal_file)
    try:
        now = datetime.now(UTC)
        return [use for name in sorted(tenants) for use in journal.cap_uses(name, all_caps(tenants[name]), now)]
    finally:
        journal.close()
