"""Promises that need no long search, each with a planted bug in tests/mutants that breaks it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx  # noqa: TID251 - a sender is any client
import pytest

from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.records import NewDelivery, Receipt
from caseconnect.host.pipeline import context
from caseconnect.host.web.hooks import Hook, Hooks
from caseconnect.sdk.components import Webhook
from caseconnect_shopify.simulator import sign

SECRET = "a-secret-of-both-tenants"


@pytest.mark.parametrize("threaded", [True, False])
def test_the_journal_syncs_every_commit(tmp_path: Path, threaded: bool) -> None:
    journal = SqliteJournal.open(tmp_path / "journal.db", threaded=threaded)
    assert journal._writing is not None
    levels = [journal._writing.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]
    journal.close()
    assert levels == [2, "wal"]  # 2 is FULL


def test_waits_of_many_commands_are_spread() -> None:
    first, longest = timedelta(seconds=10), timedelta(hours=1)
    waits = [context.backoff(first, longest, 3, f"command {n}") for n in range(200)]
    assert len(set(waits)) > 150
    assert min(waits) >= first * 8
    assert max(waits) <= first * 8 * 1.25
    bins = [sum(low <= w.total_seconds() < low + 4 for w in waits) for low in range(80, 100, 4)]
    assert max(bins) < 3 * sum(bins) / len(bins)


def test_no_header_says_whose_it_is() -> None:
    """One app has one secret for all its shops, and the headers are not signed: the path alone names the tenant."""
    kept: list[NewDelivery] = []

    async def store(new: NewDelivery) -> Receipt:
        kept.append(new)
        return Receipt(len(kept), "stored")

    async def story() -> int:
        webhook = Webhook(
            "X-Shopify-Hmac-Sha256",
            ("client_secret",),
            "X-Shopify-Topic",
            "X-Shopify-Webhook-Id",
            expect={"X-Shopify-Shop-Domain": "birch.myshopify.com"},
        )
        hooks = Hooks(store, lambda: datetime(2026, 1, 1, tzinfo=UTC))
        hooks.registry = {
            ("hooks", name, "shop"): Hook(name, "shop", webhook, lambda: [SECRET]) for name in ("acme", "birch")
        }
        body = b'{"id": 1}'
        headers = {
            "X-Shopify-Hmac-Sha256": sign(SECRET, body), "X-Shopify-Webhook-Id": "w1", "X-Shopify-Topic": "orders/edit",
            "X-Shopify-Shop-Domain": "birch.myshopify.com", "X-Tenant": "birch", "Host": "birch.example",
        }  # fmt: skip
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=hooks)) as client:
            answer = await client.post("https://connect.test/hooks/acme/shop", headers=headers, content=body)
        return answer.status_code

    assert asyncio.run(story()) == 200
    assert [(new.tenant, new.connection) for new in kept] == [("acme", "shop")]
