"""Polling: nothing is lost or given twice, however large, crowded or restless the window is."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caseconnect.sdk.deliveries import Delivery, Ignored, Parsed
from caseconnect.sdk.errors import PermanentError, TransientError
from caseconnect.sdk.events import OrderChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.wire import answers
from caseconnect_sfcc.deliveries import parse
from caseconnect_sfcc.polling import Cursor, Walk
from caseconnect_sfcc.simulator.scenarios import hand_in
from caseconnect_sfcc.simulator.world import order_writes
from caseconnect_sfcc.source import SfccSource, expected, history


def sweep(made: Any, cursor: Any, between: Callable[[], None] = lambda: None) -> Any:
    """Read until there is no more, each page by a new process."""
    items: list[Any] = []
    more = True
    while more:
        page = asyncio.run(SfccSource(made.settings, made.fresh()).read(cursor, ()))
        items, cursor, more = [*items, *page.items], page.cursor, page.more
        if more:
            between()
    return items, cursor


def begun(made: Any) -> Any:
    _, cursor = sweep(made, None)
    made.clock.forward(600)
    return cursor


def searches(made: Any) -> int:
    return sum(s.path.endswith("/order_search") for s in made.wire.sent)


def delivery(item: Any) -> Delivery:
    from datetime import UTC, datetime

    at = datetime(2026, 11, 3, tzinfo=UTC)
    return Delivery("shop", item.kind, f"{item.id}@{item.version}", at, item.body, polled=True)


def test_many_orders_are_read_by_moving_the_bound_with_the_fewest_requests(desk: Any) -> None:
    made = desk(late=[], page_size=200)
    cursor = begun(made)
    numbers = []
    for n in range(1_000):
        if n % 40 == 0:
            made.clock.forward(0.5)
        numbers.append(made.instance.add_order({}).number)
    made.clock.forward(3600)
    before = searches(made)
    items, cursor = sweep(made, cursor)
    assert sorted(item.id for item in items) == numbers
    assert searches(made) - before <= 1_000 // 200 + 1
    assert all(json.loads(s.body)["start"] == 0 for s in made.wire.sent if s.path.endswith("/order_search"))
    again, _ = sweep(made, cursor)
    assert {item.id for item in again} <= set(numbers)


def test_a_crowd_of_one_instant_is_read_whole(monkeypatch: Any, desk: Any) -> None:
    made = desk(late=[], page_size=7)
    cursor = begun(made)
    monkeypatch.setattr("caseconnect_sfcc.polling.MOST_GIVEN", 10)
    numbers = {made.instance.add_order({}).number for _ in range(50)}
    made.clock.forward(3600)
    items, _ = sweep(made, cursor)
    assert sorted(item.id for item in items) == sorted(numbers)


def test_what_changes_between_two_pages_is_read_again_and_nothing_is_skipped(desk: Any) -> None:
    made = desk(late=[], page_size=5)
    cursor = begun(made)
    orders = []
    for _ in range(60):
        made.clock.forward(1)
        orders.append(made.instance.add_order({}))
    restless = iter(orders)

    def touch() -> None:
        made.clock.forward(1)
        order = next(restless, orders[0])
        made.instance.write_order(order, "merchant", "order.touch", lambda: False)

    seen, cursor = sweep(made, cursor, touch)
    made.clock.forward(60)
    later, _ = sweep(made, cursor)
    versions = {(item.id, item.version) for item in [*seen, *later]}
    shown = {(o.number, o.modified.isoformat(timespec="milliseconds").replace("+00:00", "Z")) for o in orders}
    assert shown <= versions


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_walk_over_an_index_that_lags_gives_each_version_in_the_end(data: Any) -> None:
    """Against a plain model of the index: entries show the present time, but stand where the index has them."""
    overlap, size, now = 30, data.draw(st.integers(1, 6)), 1_000
    actual: dict[str, int] = {}
    indexed: dict[str, int] = {}
    pending: list[tuple[int, str, int]] = []
    told: set[tuple[str, int]] = set()
    walk = Walk(now)

    def settle() -> None:
        for due in sorted(each for each in pending if each[0] <= now):
            indexed[due[1]] = max(indexed.get(due[1], 0), due[2])
        pending[:] = [each for each in pending if each[0] > now]

    def page(began: int) -> bool:
        settle()
        found = sorted((at, name) for name, at in indexed.items() if at >= (walk.floor or 0))
        found = [(at, name) for at, name in found if name not in walk.given]
        hits = [(name, actual[name]) for _, name in found[walk.start : walk.start + size]]
        told.update(hits)
        return walk.take(hits, len(found), began - overlap)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("caseconnect_sfcc.polling.MOST_GIVEN", data.draw(st.sampled_from([2, 5, 600])))
        for _ in range(data.draw(st.integers(1, 8))):
            began, last = now, False
            walk.begin(overlap)
            while not last:
                for name in data.draw(st.lists(st.sampled_from("abcdefghijkl"), max_size=4)):
                    actual[name] = now
                    pending.append((now + data.draw(st.integers(0, overlap - 10)), name, now))
                last = page(began)
                now += data.draw(st.integers(0, 3))
            walk.finish(began, overlap)
            now += data.draw(st.integers(1, 60))
        for _ in range(2):
            now += overlap
            walk.begin(overlap)
            while not page(now):
                continue
            walk.finish(now, overlap)
    assert set(actual.items()) <= told


def test_every_site_has_a_watermark_of_its_own(desk: Any) -> None:
    made = desk(sites=["RefArch", "RefArchGlobal"], late=[])
    cursor = begun(made)
    made.instance.add_order({"number": "1", "site": "RefArchGlobal"})
    made.clock.forward(60)
    items, _ = sweep(made, cursor)
    assert [(i.kind, i.id, json.loads(i.body)["site"]) for i in items] == [("order", "1", "RefArchGlobal")]


def test_orders_of_every_status_are_seen_and_bodies_hold_no_personal_data(desk: Any) -> None:
    made = desk(late=[])
    cursor = begun(made)
    for status in ("created", "new", "open", "completed", "cancelled", "failed"):
        made.instance.add_order({"status": status, "customer": {"email": "jane@shopper.example"}})
    made.clock.forward(60)
    items, _ = sweep(made, cursor)
    assert sorted(json.loads(i.body)["status"] for i in items) == sorted(
        ("created", "new", "open", "completed", "cancelled", "failed")
    )
    assert all(b"jane" not in i.body and b"Dana" not in i.body for i in items)


@pytest.mark.parametrize("kind", ["return", "complaint", "claim", "dispute"])
def test_forms_become_events_of_their_own(desk: Any, kind: Any) -> None:
    made = desk(late=[])
    cursor = begun(made)
    hand_in(made.instance, kind, {"key": "K-1", "orderNo": "1", "customerEmail": "jane@shopper.example"})
    made.clock.forward(60)
    items, _ = sweep(made, cursor)
    assert [(i.kind, i.id) for i in items] == [(kind, "RefArch/K-1")]
    assert b"jane" not in items[0].body
    parsed = parse(delivery(items[0]))
    assert isinstance(parsed, Parsed)
    (event,) = parsed.events
    assert event.subject == Subject("shop", kind, "RefArch/K-1")


def test_an_action_is_told_when_the_cartridge_has_answered(desk: Any) -> None:
    made = desk(late=[])
    cursor = begun(made)
    values = {"action": "refund", "orderNo": "1", "status": "requested"}
    made.instance.put_object("CaseConnectAction", "A-1", "RefArch", values, "connect")
    made.clock.forward(1)
    waiting, cursor = sweep(made, cursor)
    assert isinstance(parse(delivery(waiting[0])), Ignored)
    made.clock.forward(60)
    answered, _ = sweep(made, cursor)
    parsed = parse(delivery(next(i for i in answered if json.loads(i.body)["status"] != "requested")))
    assert isinstance(parsed, Parsed)
    (event,) = parsed.events
    assert isinstance(event, OrderChanged)
    assert (event.subject, event.hint) == (Subject("shop", "order", "1"), "action")


def late_hints(made: Any, items: Any) -> Any:
    found: dict[str, list[Any]] = {}
    for item in items:
        if item.kind == "late_order":
            parsed = parse(delivery(item))
            assert isinstance(parsed, Parsed)
            (event,) = parsed.events
            assert isinstance(event, OrderChanged)
            found.setdefault(event.subject.id, []).append((event.hint.removeprefix("late: "), event.time))
    return found


def test_time_alone_reveals_stuck_orders_each_once(desk: Any) -> None:
    made = desk()
    cursor = begun(made)
    placed = made.clock()
    paid = {"payment": "paid"}
    for number, spec in {
        "stuck": {"status": "created", "confirmation": "not_confirmed"},
        "unpaid": {"export": "exported", "shipping": "shipped", "status": "completed"},
        "review": {**paid, "confirmation": "not_confirmed", "export": "not_exported"},
        "unexported": {**paid, "export": "ready"},
        "unshipped": {**paid, "export": "exported"},
        "unconfirmed": {**paid, "export": "exported", "shipping": "shipped"},
        "fine": {**paid, "export": "exported", "shipping": "shipped", "status": "completed"},
    }.items():
        made.instance.add_order({"number": number, **spec})
    items = []
    for _ in range(8 * 3):
        made.clock.forward(4 * 3600)
        found, cursor = sweep(made, cursor)
        items += found
    hints = late_hints(made, items)
    told = {
        number: [(rule, round((at - placed) / timedelta(hours=1))) for rule, at in rules]
        for number, rules in hints.items()
    }
    assert told == {
        "stuck": [("payment_stuck", 1)],
        "review": [("not_confirmed", 4)],
        "unexported": [("not_exported", 4)],
        "unshipped": [("not_shipped", 72)],
        "unconfirmed": [("shipment_unconfirmed", 24)],
    }


def test_an_order_that_went_on_in_time_is_not_told_as_late(desk: Any) -> None:
    made = desk()
    cursor = begun(made)
    order = made.instance.add_order({"payment": "paid"})
    made.clock.forward(3600)
    items, cursor = sweep(made, cursor)
    order_writes.set_other_status(made.instance, order, "export", "exported", "job")
    made.clock.forward(5 * 3600)
    more, _ = sweep(made, cursor)
    assert late_hints(made, [*items, *more]) == {}


def test_late_orders_are_looked_for_every_ten_minutes_only(desk: Any) -> None:
    made = desk()
    cursor = begun(made)
    sweep_one, cursor = sweep(made, cursor)
    before = searches(made)
    for _ in range(5):
        made.clock.forward(60)
        _, cursor = sweep(made, cursor)
    assert not sweep_one
    assert searches(made) - before == 5


def test_more_late_orders_than_a_page_are_all_told(desk: Any) -> None:
    made = desk(page_size=3)
    cursor = begun(made)
    numbers = {made.instance.add_order({"status": "created"}).number for _ in range(10)}
    made.clock.forward(2 * 3600)
    items, cursor = sweep(made, cursor)
    assert set(late_hints(made, items)) == numbers
    made.clock.forward(3600)
    again, _ = sweep(made, cursor)
    assert late_hints(made, again) == {}


def test_a_type_that_was_never_imported_is_told_and_keeps_nothing_else_from_being_read(desk: Any) -> None:
    made = desk(late=[], complaints={"type": "Absent"})
    cursor = begun(made)
    hand_in(made.instance, "claim", {"key": "C-1", "orderNo": "1"})
    made.instance.add_order({"number": "1"})
    made.clock.forward(60)
    resources = made.fresh()
    source = SfccSource(made.settings, resources)

    async def read_twice() -> Any:
        found: list[Any] = []
        at, more = cursor, True
        while more:
            page = await source.read(at, ())
            found, at, more = [*found, *page.items], page.cursor, page.more
        return found

    items = asyncio.run(read_twice())
    assert {(i.kind, i.id) for i in items} == {("order", "1"), ("claim", "RefArch/C-1")}
    warned = [values["stream"] for level, _, values in resources.log.lines if level == "warning"]
    assert warned == ["complaint/RefArch"]


def test_a_site_that_is_added_begins_at_now_and_the_others_go_on(desk: Any) -> None:
    one = desk(late=[])
    cursor = begun(one)
    one.instance.add_order({"number": "1"})
    one.instance.add_order({"number": "2", "site": "RefArchGlobal"})
    one.clock.forward(900)
    one.settings = one.settings.model_copy(update={"sites": ("RefArch", "RefArchGlobal")})
    items, cursor = sweep(one, cursor)
    assert [i.id for i in items] == ["1"]
    one.instance.add_order({"number": "3", "site": "RefArchGlobal"})
    one.clock.forward(60)
    items, _ = sweep(one, cursor)
    assert "3" in [i.id for i in items]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'{"total":1,"hits":[{}]}',
        b'{"total":1,"hits":[{"data":{"order_no":"1"}}]}',
        b'{"total":1,"hits":[{"data":{"order_no":"1","last_modified":5}}]}',
        b'{"total":1,"hits":"many"}',
        b'{"total":"1","hits":[]}',
    ],
)
def test_an_answer_that_is_no_search_result_moves_nothing(desk: Any, body: Any) -> None:
    made = desk(late=[])
    cursor = begun(made)
    made.wire.plan = lambda _, sent: None if sent.path.endswith("access_token") else answers(200, body)
    with pytest.raises(TransientError):
        sweep(made, cursor)


def test_a_search_whose_index_is_off_waits(desk: Any) -> None:
    made = desk({"instances": [{"tenant": "zzxy_prd", "indexing": False}]}, late=[])
    with pytest.raises(TransientError):
        sweep(made, begun_cursor(made))


def begun_cursor(made: Any) -> Any:
    return asyncio.run(SfccSource(made.settings, made.fresh()).read(None, ())).cursor


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"walks":[]}', '{"walks":{"order/RefArch":{"since":"?"}}}'])
def test_a_cursor_that_cannot_be_read_is_told(text: Any) -> None:
    with pytest.raises(PermanentError):
        Cursor.load(text)


def test_a_crowd_of_fresh_changes_is_read_at_once(monkeypatch: Any, desk: Any) -> None:
    monkeypatch.setattr("caseconnect_sfcc.polling.MOST_GIVEN", 10)
    made = desk(late=[], page_size=4)
    cursor = begun(made)
    numbers = set()
    for _ in range(40):
        made.clock.forward(1)
        numbers.add(made.instance.add_order({}).number)
    made.clock.forward(10)
    items, cursor = sweep(made, cursor)
    assert {item.id for item in items} == numbers
    # What was passed over by number is read once more, in case that a page was shifted.
    made.clock.forward(600)
    again, _ = sweep(made, cursor)
    assert set(again) == set(items)


def test_at_the_end_of_the_window_fresh_changes_wait_until_they_have_settled(monkeypatch: Any, desk: Any) -> None:
    monkeypatch.setattr("caseconnect_sfcc.polling.MOST_GIVEN", 10)
    monkeypatch.setattr("caseconnect_sfcc.polling.WINDOW", 20)
    made = desk(late=[], page_size=4)
    cursor = begun(made)
    numbers = set()
    for _ in range(40):
        made.clock.forward(1)
        numbers.add(made.instance.add_order({}).number)
    made.clock.forward(10)
    first, cursor = sweep(made, cursor)
    assert len(first) == 20
    made.clock.forward(600)
    rest, _ = sweep(made, cursor)
    assert {item.id for item in [*first, *rest]} == numbers


def test_history_is_walked_from_the_time_that_is_asked_for(desk: Any) -> None:
    made = desk(page_size=2)
    old = made.instance.add_order({"number": "old"})
    made.clock.forward(3600)
    since = made.clock()
    numbers = {made.instance.add_order({"status": "created"}).number for _ in range(3)}
    made.clock.forward(24 * 3600)

    async def all_pages() -> Any:
        source = SfccSource(made.settings, made.fresh())
        found: list[Any] = []
        cursor, more = None, True
        while more:
            page = await history(source, since, cursor)
            found, cursor, more = [*found, *page.items], page.cursor, page.more
        return found

    items = asyncio.run(all_pages())
    assert asyncio.run(expected(SfccSource(made.settings, made.fresh()), since)) == len(items)
    assert {i.id for i in items if i.kind == "order"} == numbers
    # The old order became late after that time.
    assert set(late_hints(made, items)) == {*numbers, old.number}
