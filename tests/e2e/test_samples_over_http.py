"""Every body that Shopify documents or has delivered, signed and posted to a running `connect serve`.

The bodies are not part of this repository: without the folder of samples beside it, these tests are skipped.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from house import house
from serving import SECRET, SHOP, Served, log_lines, serving, signed, simulating, write_tenant

from caseconnect.host.journal.codec import expand
from caseconnect.sdk.testing import run

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples" / "shopify"
TOPICS = {
    "orders": "orders/create orders/updated orders/paid orders/cancelled orders/fulfilled orders/partially_fulfilled",
    "fulfillments": "fulfillments/create fulfillments/update",
    "fulfillment_events": "fulfillment_events/create fulfillment_events/delete",
    "customers": "customers/create customers/update customers/delete",
    "disputes": "disputes/create disputes/update",
    "order_transactions": "order_transactions/create",
    "refunds": "refunds/create",
}
"""The topics of a resource: what was delivered once may come under each."""

DOCUMENTED = re.compile(
    r"^(app|bulk_operations|customers|disputes|draft_orders|fulfillment_events|fulfillment_holds|fulfillment_orders"
    r"|fulfillments|order_transactions|orders|refunds|returns|shop)_(.+)$"
)

ERASING = ("customers/data_request", "customers/redact", "shop/redact")
"""Their bodies are not kept, and the last one takes those of all others with it: posted apart."""

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not on this machine")


@dataclass
class Posted:
    """One body under one topic, and how it was answered."""

    id: str
    topic: str
    body: bytes
    status: int = 0


@dataclass
class Story:
    """All that was posted, and the journal's rows by delivery id."""

    posted: list[Posted]
    rows: dict[str, dict[str, Any]]
    log: Path


def topic_of(name: str) -> str:
    """The topic as Shopify writes it, from a file's name."""
    match = DOCUMENTED.match(name)
    return f"{match[1]}/{match[2]}" if match else name


def samples() -> list[Posted]:
    documented = sorted((SAMPLES / "documented-2026-07").glob("*.json"))
    found = [(path.stem, topic_of(path.stem), path.read_bytes()) for path in documented]
    for path in sorted((SAMPLES / "delivered").glob("*.json")):
        resource = re.sub(r"^\d{4}-\d{2}_|_\d+$", "", path.stem)
        found += [(path.stem, topic, path.read_bytes()) for topic in TOPICS[resource].split()]
    return [Posted(f"{n:03d}-{stem}"[:60], topic, body) for n, (stem, topic, body) in enumerate(found)]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("samples")
    with ExitStack() as stack:
        shops = [{"domain": SHOP, "client_secret": SECRET}]
        write_tenant(folder, shop_port=stack.enter_context(simulating("shopify", folder, shops=shops)))
        daemon = stack.enter_context(serving(folder))
        posted = [one for one in samples() if one.topic not in ERASING]
        for one in posted:
            one.status = daemon.post(one.topic, one.body, one.id)
        daemon.until(lambda: _parsed(daemon), "every delivery is parsed")
        rows = _rows(daemon.data / "journal.db")
        assert daemon.stop() == 0
        yield Story(posted, rows, daemon.log)


def _query(journal: Path, sql: str) -> list[dict[str, Any]]:
    db = sqlite3.connect(f"file:{journal}?mode=ro", uri=True)
    try:
        cursor = db.execute(sql)
        return [dict(zip([c[0] for c in cursor.description], row, strict=True)) for row in cursor]
    finally:
        db.close()


def _parsed(daemon: Served) -> bool:
    """All were looked at: none is `new` or waits for its first answer from the shop."""
    return not _query(daemon.data / "journal.db", "SELECT 1 FROM deliveries WHERE state='new'")


def _rows(journal: Path) -> dict[str, dict[str, Any]]:
    rows = _query(
        journal,
        "SELECT seq, delivery_id, topic, state, reason, digest, body FROM deliveries WHERE NOT polled",
    )
    for row in rows:
        row["events"] = _query(journal, f"SELECT lane, type, body FROM events WHERE delivery={row['seq']}")
    return {row["delivery_id"]: row for row in rows}


def test_there_are_samples() -> None:
    posted = samples()
    assert len(posted) > 50
    assert {"orders/create", "order_transactions/create", "customer.tags_added", "app/uninstalled"} <= {
        p.topic for p in posted
    }


def test_every_body_is_acknowledged_and_journaled_as_it_came(story: Story) -> None:
    assert {p.id: p.status for p in story.posted if p.status != 200} == {}
    assert sorted(story.rows) == sorted(p.id for p in story.posted)
    for one in story.posted:
        assert story.rows[one.id]["topic"] == one.topic
        assert story.rows[one.id]["digest"] == sha256(one.body).digest(), one.id


PERSONAL = {"first_name", "last_name", "email", "phone", "address1", "address2", "city", "zip", "note", "browser_ip"}


def _personal(name: str, value: Any) -> Iterator[str]:
    """What the people of a body are called, where they live and what they wrote."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _personal(key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _personal(name, inner)
    elif name in PERSONAL and isinstance(value, str) and value:
        yield value


def test_of_a_body_that_was_read_nothing_of_people_is_kept(story: Story) -> None:
    masked = 0
    for one in story.posted:
        row = story.rows[one.id]
        if row["state"] in {"events", "ignored"} and row["body"] is not None:
            masked += 1
            kept = {str(value) for value in _leaves(json.loads(expand(row["body"])))}
            assert not kept & set(_personal("", json.loads(one.body))), one.id
            assert "@" not in "".join(kept), one.id
    assert masked > 20


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    else:
        yield value


def test_byte_identical_bodies_under_different_topics_all_stay(story: Story) -> None:
    topics: dict[bytes, list[str]] = {}
    for one in story.posted:
        topics.setdefault(one.body, []).append(one.topic)
    shared = [t for t in topics.values() if len(t) > 1]
    assert len(shared) > 5
    assert any({"orders/create", "orders/paid"} <= set(t) for t in shared)
    journaled = [row["topic"] for row in story.rows.values()]
    assert sorted(journaled) == sorted(t for group in topics.values() for t in group)


PARTS = ("fulfillment_orders/", "fulfillment_holds/", "returns/")
"""Their bodies name a part of an order; whose it is, the shop has to tell."""


def check(topic: str, state: str, reason: str) -> None:
    """A person understands from the reason why it did not become an event."""
    if state == "events":
        return
    assert state in {"ignored", "parked"} or topic.startswith(PARTS), (topic, state, reason)
    assert len(reason.split()) >= 6, (topic, reason)
    assert not re.search(r"Error|Exception|Traceback|None|[{}<>]", reason), (topic, reason)
    assert topic in reason or (topic.startswith(PARTS) and "shop/" in reason), (topic, reason)


def test_each_ends_with_a_reason_for_people(story: Story) -> None:
    assert {row["state"] for row in story.rows.values()} >= {"events", "ignored", "parked"}
    for row in story.rows.values():
        check(row["topic"], row["state"], row["reason"])


def test_what_names_a_part_that_the_shop_does_not_know_ends_too(tmp_path: Path) -> None:
    async def play() -> dict[str, tuple[str, str, str]]:
        async with house(tmp_path) as h:
            for one in samples():
                if one.topic.startswith(PARTS):
                    headers = signed(one.topic, one.body, one.id)
                    assert await h._deliver("https://connect.test/hooks/acme/shop", headers, one.body) == 200
            await h.pass_time(6 * 3600)
            rows = _rows(tmp_path / "journal.db")
            return {name: (r["topic"], r["state"], r["reason"]) for name, r in rows.items()}

    ends = run(play())
    assert len(ends) > 10
    assert {state for _, state, _ in ends.values()} <= {"events", "parked"}
    for topic, state, reason in ends.values():
        check(topic, state, reason)


def test_requests_about_personal_data_leave_receipts_and_no_body(tmp_path: Path) -> None:
    async def play() -> None:
        async with house(tmp_path) as h:
            for one in samples():
                # The documents leave the shop's name open; one that names another shop erases nothing.
                body = one.body.replace(b"{shop}.myshopify.com", SHOP.encode())
                headers = signed(one.topic, body, one.id)
                if one.topic in ERASING or one.topic.startswith("orders/"):
                    assert await h._deliver("https://connect.test/hooks/acme/shop", headers, body) == 200
                    await h.settle()
            receipts = h.journal.receipts("acme")
            assert [r.action for r in receipts] == ["access", "erase", "erase"]
            assert (receipts[1].whom.customer, receipts[1].whom.orders) == ("191167", ("299938", "280263", "220458"))
            assert (receipts[2].whom.customer, receipts[2].rows["deliveries"] > 5) == (None, True)
            left = h.journal._db().execute("SELECT DISTINCT topic FROM deliveries WHERE body IS NOT NULL").fetchall()
            assert not {topic for (topic,) in left} & set(ERASING)

    run(play())


def test_what_a_flow_uses_becomes_events_of_its_order(story: Story) -> None:
    used = ("orders/", "order_transactions/", "fulfillments/", "refunds/", "fulfillment_events/", "disputes/")
    lanes = {}
    for one in story.posted:
        row = story.rows[one.id]
        if one.topic.startswith(used) and row["state"] == "events":
            lanes[one.id] = {event["lane"] for event in row["events"]}
            assert lanes[one.id] == {f"shop/order/{_order(one)}"}, one.id
    left_out = {p.topic for p in story.posted if p.topic.startswith(used) and p.id not in lanes}
    assert left_out == {"orders/delete", "orders/risk_assessment_changed"}


def _order(one: Posted) -> int:
    """The order that a body names, read the plain way."""
    body = json.loads(one.body)
    if one.topic == "orders/edited":
        return int(body["order_edit"]["order_id"])
    return int(body["id"] if one.topic.startswith("orders/") else body["order_id"])


def test_ids_beyond_two_to_the_53_survive(story: Story) -> None:
    large = {str(n) for one in story.posted if one.topic.startswith("orders/") and (n := _big(one.body))}
    assert large, "the samples have an order id beyond 2^53"
    lanes = {event["lane"] for row in story.rows.values() for event in row["events"]}
    assert {f"shop/order/{n}" for n in large} <= lanes


def _big(body: bytes) -> int:
    number = json.loads(body).get("id")
    return number if isinstance(number, int) and number > 2**53 else 0


def test_nothing_of_a_body_is_in_the_log(story: Story) -> None:
    text = story.log.read_text()
    assert log_lines(story.log)
    for one in story.posted:
        for address in re.findall(rb'"([^"\s]+@[^"\s]+)"', one.body):
            assert address.decode() not in text
