"""Deliveries are counted by the hour, each once, a piece at a time; what is old is forgotten."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caseconnect.host.journal import SqliteJournal, rates
from caseconnect.host.journal.rates import Hour
from caseconnect.host.journal.records import NewDelivery

START = datetime(2026, 1, 1, 10, 59, tzinfo=UTC)


def came(name: str, at: datetime, *, tenant: str = "acme", polled: bool = False, seen: bool = False) -> NewDelivery:
    return NewDelivery(tenant, "shop", "orders", name, at, name.encode(), polled=polled, seen=seen)


def test_each_delivery_is_counted_once_in_its_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_AT_ONCE", 3)

    async def story() -> None:
        journal = SqliteJournal.open(tmp_path / "journal.db", synchronous="OFF")
        later = START + timedelta(minutes=2)
        items = [came("a", START), came("b", START, polled=True), came("c", later), came("d", later, tenant="other")]
        await journal.receive([*items, came("old", later, seen=True)], None, later)
        assert await journal.count_arrived(later)
        assert not await journal.count_arrived(later)
        assert not await journal.count_arrived(later)
        ten, eleven = START.replace(minute=0), later.replace(minute=0)
        assert journal.hours("acme", "shop") == {ten: Hour(1, 1), eleven: Hour(1, 0)}
        assert journal.hours("other", "shop") == {eleven: Hour(1, 0)}
        late = START + timedelta(days=40)
        await journal.receive([came("e", late)], None, late)
        await journal.count_arrived(late)
        assert journal.hours("acme", "shop") == {late.replace(minute=0): Hour(1, 0)}
        journal.close()

    asyncio.run(story())


def test_a_journal_that_is_old_is_counted_from_five_weeks_back(tmp_path: Path) -> None:
    async def story() -> None:
        journal = SqliteJournal.open(tmp_path / "journal.db", synchronous="OFF")
        await journal.receive([came("a", START - timedelta(days=60)), came("b", START)], None, START)
        await journal.count_arrived(START)
        assert journal.hours("acme", "shop") == {START.replace(minute=0): Hour(1, 0)}
        journal.close()

    asyncio.run(story())
