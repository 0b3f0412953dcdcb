"""Journals with a past, and with a backlog.

A past is rows as the journal writes them, put in by SQL, because a million real ones take an hour. Each order has
four events; each event has its delivery (whose body is past its keeping time) and its decision.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson
from sqlite_utils import Database

from bench import tenant
from bench.load import TOPIC
from bench.orders import FIRST_ORDER, Bodies
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.records import NewDelivery
from caseconnect.host.journal.sealing import seal_all
from caseconnect.sdk.events import OrderChanged
from caseconnect.sdk.subjects import Subject

_PAST = FIRST_ORDER - 1_000_000_000  # none of the orders that are drained
_AT_ONCE = 1_000
_DELIVERIES = """
WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :events)
INSERT INTO deliveries (seq, tenant, connection, topic, delivery_id, received_at, polled, headers, body, ref_of,
    digest, state, due, tries)
SELECT n, :tenant, 'shop', 'orders/updated', lower(hex(randomblob(16))), :at, 0, :headers, NULL, NULL,
    randomblob(32), 'events', :at, 1
FROM c
"""
_DECISIONS = """
WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :events)
INSERT INTO decisions (seq, tenant, lane, at, answers, facts)
SELECT n, :tenant, 'shop/order/' || (:past + n / 4), :at, :answers, NULL FROM c
"""
_EVENTS = """
WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :events)
INSERT INTO events (seq, id, tenant, lane, type, version, body, delivery, at, state, due, decision)
SELECT n, 'shop-' || n || '-0', :tenant, 'shop/order/' || (:past + n / 4), 'OrderChanged', 1,
    replace(replace(:event, 'NUMBER', :past + n / 4), 'ID', 'shop-' || n || '-0'), n, :at, 'done', :at, n
FROM c
"""


def fill(path: Path, events: int) -> float:
    """Make a journal at `path` that holds `events` events, all done; the seconds in which it was sealed.

    Nothing is synced while it is made.
    """
    SqliteJournal.open(path).close()
    event = OrderChanged(
        id="ID",
        source="shop",
        subject=Subject("shop", "order", "NUMBER"),
        time=datetime(2026, 6, 1, tzinfo=UTC),
        hint="orders/updated",
    )
    reason = "risk low is below risk_level (high), no exception was found, so that nothing is to be done"
    values = {
        "events": events,
        "tenant": tenant.NAME,
        "past": _PAST,
        "at": "2026-06-01T00:00:00.000000Z",
        "headers": _text({"X-Shopify-Triggered-At": "2026-06-01T00:00:00.000000000Z"}),
        "answers": _text([{"use": use, "reason": f"{use}: {reason}"} for use in ("fraud_review", "order_exceptions")]),
        "event": event.model_dump_json(),
    }
    db = Database(path).conn
    db.execute("PRAGMA synchronous=OFF")
    db.execute("PRAGMA cache_size=-1000000")
    with db:
        for statement in (_DELIVERIES, _DECISIONS, _EVENTS):
            db.execute(statement, values)
        began = time.perf_counter()
        seal_all(db)
        took = time.perf_counter() - began
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return took


def pile_up(path: Path, deliveries: int, bodies: Bodies) -> None:
    """Make a journal in which so many deliveries, each with a body of its own, wait to be read."""
    asyncio.run(_pile_up(path, deliveries, bodies))


async def _pile_up(path: Path, deliveries: int, bodies: Bodies) -> None:
    journal = SqliteJournal.open(path, synchronous="OFF")
    at = datetime(2026, 11, 1, tzinfo=UTC)
    headers = {"X-Shopify-Triggered-At": "2026-11-01T00:00:00.000000000Z"}
    for begin in range(0, deliveries, _AT_ONCE):
        page = [
            NewDelivery(tenant.NAME, "shop", TOPIC, f"piled-{n}", at, bodies.body(_PAST + n), headers)
            for n in range(begin, min(begin + _AT_ONCE, deliveries))
        ]
        await journal.receive(page, None, at)
    journal.close()


def _text(value: object) -> str:
    return orjson.dumps(value).decode()
