"""What is written for many at once is what one after the other gives."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_desk import ORDER, START, TENANT, Desk, case_of, delivery, look, now_of

from caseconnect.host.journal import arrivals, deciding, intake
from caseconnect.host.journal.arrivals import Page
from caseconnect.host.journal.batch import Item, apply
from caseconnect.host.journal.codec import Squeezer, digest
from caseconnect.host.journal.records import Brake, CursorMove, DeliveryResult, NewDelivery, Receipt, Resolved
from caseconnect.sdk.commands import AnnotateOrder, HoldOrder
from caseconnect.sdk.subjects import Subject

DELIVERIES = "SELECT * FROM deliveries ORDER BY seq"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "other")
    yield made
    made.close()


def page(*items: NewDelivery, move: CursorMove | None = None) -> Page:
    return Page(items, move, START)


def at_once(desk: Desk, pages: Sequence[Page]) -> list[Any]:
    assert desk.journal._writing
    write = [Item("receive", partial(_alone, p), 0, True, _receive, p) for p in pages]
    return apply(desk.journal._writing, write)


def _alone(one: Page, db: sqlite3.Connection) -> list[Receipt]:
    return _receive(db, [one])[0]


_receive = partial(arrivals.receive, Squeezer())


new_deliveries = st.builds(
    delivery,
    id_=st.sampled_from(["a", "b", "c"]),
    body=st.sampled_from([b"", b"one", b"two" * 40, "ünï \U0001f600".encode()]),
    topic=st.sampled_from(["orders/create", "orders/updated"]),
    connection=st.sampled_from(["shop", "outlet"]),
    polled=st.booleans(),
    headers=st.just({"X-Name": 'q"uote'}),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(new_deliveries, max_size=4), min_size=2, max_size=6), st.sampled_from([4, 100, 10_000]))
def test_deliveries_that_come_together_are_stored_like_single_ones(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[NewDelivery]], piece: int
) -> None:
    folder = tmp_path_factory.mktemp("both")
    (folder / "one").mkdir()
    together, one_by_one = Desk(folder), Desk(folder / "one")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrivals, "_PIECE", piece)
        receipts = at_once(together, [page(*group) for group in groups])
    single = [[r for item in group for r in one_by_one.receive(item)] for group in groups]
    assert receipts == single
    assert together.sql(DELIVERIES) == one_by_one.sql(DELIVERIES)
    together.close()
    one_by_one.close()


def test_a_delivery_that_cannot_be_stored_fails_alone(desk: Desk) -> None:
    bad = delivery("bad", headers={"X": object()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrivals, "dump", _no_objects)
        found = at_once(desk, [page(delivery("a")), page(bad), page(delivery("c", b"[]"))])
    assert [type(f) for f in found] == [list, TypeError, list]
    assert desk.sql("SELECT delivery_id FROM deliveries ORDER BY seq") == [("a",), ("c",)]


def _no_objects(value: Any) -> str:
    import orjson

    return orjson.dumps(value).decode()


def test_every_page_saves_its_cursor(desk: Desk) -> None:
    moves = [CursorMove(TENANT, name, f"{name}-9") for name in ("shop", "outlet")]
    found = at_once(desk, [page(delivery(), move=moves[0]), page(move=moves[1])])
    assert found == [[Receipt(1, "stored")], []]
    assert [desk.journal.cursor(TENANT, m.connection) for m in moves] == ["shop-9", "outlet-9"]


def test_results_that_are_ended_together_give_what_single_ones_give(desk: Desk, other: Desk) -> None:
    part = Subject("shop", "fulfillment_order", "7")
    results = [
        DeliveryResult(1, "events", events=(Resolved(look(part), part), Resolved(look(), ORDER))),
        DeliveryResult(2, "ignored", reason='no flow "uses" it'),
        DeliveryResult(3, "events", events=(Resolved(look(id_="e3"), ORDER, (part,)),)),
        DeliveryResult(4, "events", events=(Resolved(look(id_="e3"), ORDER), Resolved(look(part), part))),
        DeliveryResult(5, "waiting", reason="later", due=START + timedelta(minutes=1)),
        DeliveryResult(6, "parked", reason="unreadable"),
        DeliveryResult(2, "events", events=(Resolved(look(id_="too late"), ORDER),)),
    ]
    for made in (desk, other):
        made.receive(*(delivery(f"d{n}", str(n).encode()) for n in range(6)))
    now_of(desk.journal.parsed([(TENANT, r) for r in results], START))
    assert other.journal._writing
    for result in results:
        intake.parsed(other.journal._writing, Squeezer(), TENANT, result, START)
    for table in ("deliveries", "events", "aliases"):
        assert desk.sql(f"SELECT * FROM {table} ORDER BY 1, 2") == other.sql(f"SELECT * FROM {table} ORDER BY 1, 2")
    assert desk.sql("SELECT count(*) FROM events") == [(4,)]


def test_due_commands_leave_out_what_the_caller_works_on(desk: Desk) -> None:
    keys = [desk.plan(desk.matter(topic), case_of())[0] for topic in ("review", "fulfillment", "claim")]
    assert [c.key for c in desk.journal.due_commands(TENANT, desk.now, 2, [keys[0]])] == [keys[1]]
    assert [c.key for c in desk.journal.due_commands(TENANT, desk.now, 9, ())] == keys


def test_of_many_due_commands_each_connection_gives_its_first(desk: Desk) -> None:
    """The same as of few: what protects first, then as planned; nothing paused, nothing whose slot is taken."""
    matters = [desk.matter(subject=Subject("shop", "order", str(n))) for n in range(12)]
    for matter in matters:
        commands = (case_of(), AnnotateOrder(name="a"), HoldOrder()) if matter in matters[5:] else (case_of(),)
        desk.plan(matter, *commands)
    now_of(desk.journal.pause(Brake(TENANT, "command", "AnnotateOrder", "", "ann", desk.now)))
    holds = desk.sql("SELECT key FROM commands WHERE kind='HoldOrder' ORDER BY seq")
    desk.send(holds[0][0], "unknown", due=START + timedelta(days=1))
    everything = [(c.connection, c.key) for c in desk.journal.due_commands(TENANT, desk.now, 999)]
    assert [key for _, key in everything[:6]] == [key for (key,) in holds[1:]]
    assert len(everything) == 6 + 12
    for limit in (1, 2, 7, 17):
        wanted = [(c, k) for c, k in everything if [key for name, key in everything if name == c].index(k) < limit]
        assert [(c.connection, c.key) for c in desk.journal.due_commands(TENANT, desk.now, limit)] == wanted


def test_what_waits_in_a_lane_is_found_by_its_lane(desk: Desk) -> None:
    """Else every ready event is compared with all that wait, which are many when a platform is down."""
    ready = deciding._READY.replace("ORDER BY seq LIMIT", deciding._NOT_WAITING + " ORDER BY seq LIMIT", 1)
    values = {"tenant": TENANT, "now": "x", "limit": 9, "busy": "[]"}
    plan = desk.journal._db().execute("EXPLAIN QUERY PLAN " + ready, values).fetchall()
    assert any(step[3].startswith("SEARCH w ") and "(tenant=? AND lane=?)" in step[3] for step in plan)


def test_the_next_due_moment_is_found_without_a_walk_over_the_backlog(desk: Desk) -> None:
    desk.receive(*(delivery(f"d{n}", str(n).encode()) for n in range(3)))
    assert desk.journal.next_due(START) is None
    desk.parsed(2, state="waiting", due=START + timedelta(minutes=5))
    assert desk.journal.next_due(START) == START + timedelta(minutes=5)
    sql = "EXPLAIN QUERY PLAN SELECT min(due) FROM deliveries WHERE state = 'waiting' AND due > 'x'"
    assert "deliveries_waiting (due>?)" in desk.sql(sql)[0][3]


@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 9000, 64 * 1024, 64 * 1024 + 1])
def test_a_digest_is_that_of_the_whole_body(size: int) -> None:
    body = bytes(n % 251 for n in range(size))
    assert digest(body) == sha256(body).digest()
