"""Bodies of deliveries: masked in the commit that parses them, forgotten in time; the digest knows them again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from journal_desk import ORDER, TENANT, Desk, delivery, finished, look, now_of

from caseconnect.host.journal.codec import digest, expand
from caseconnect.host.journal.privacy import Whom
from caseconnect.host.journal.records import DeliveryResult, Resolved
from caseconnect.models import Complaint
from caseconnect.sdk.events import ComplaintChanged, OrderChanged
from caseconnect.sdk.subjects import Subject

RAW = b'{"id": 1, "email": "jane@shopper.example"}'
LOOK = Resolved(look(), ORDER)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def bodies(desk: Desk) -> list[bytes | None]:
    """What is kept of each delivery."""
    return [body if body is None else expand(body) for (body,) in desk.sql("SELECT body FROM deliveries ORDER BY seq")]


@pytest.mark.parametrize("state", ["events", "ignored"])
def test_the_commit_that_parses_a_delivery_puts_the_masked_form_in_its_place(desk: Desk, state: str) -> None:
    (receipt,) = desk.receive(delivery("d1", RAW))
    desk.parsed(receipt.seq, *([LOOK] if state == "events" else []), state=state, masked=b'{"id": 1}')
    assert bodies(desk) == [b'{"id": 1}']
    assert desk.sql("SELECT digest, masked FROM deliveries") == [(digest(RAW), 1)]
    assert [r.status for r in desk.receive(delivery("d1", RAW))] == ["duplicate"]


def test_a_parser_that_gives_no_masked_form_leaves_nothing(desk: Desk) -> None:
    (receipt,) = desk.receive(delivery("d1", RAW))
    desk.parsed(receipt.seq, LOOK, masked=None)
    assert bodies(desk) == [None]


@pytest.mark.parametrize("state", ["parked", "waiting"])
def test_what_has_to_be_read_again_keeps_its_body(desk: Desk, state: str) -> None:
    (receipt,) = desk.receive(delivery("d1", RAW))
    desk.parsed(receipt.seq, state=state, reason="it cannot be read", masked=b"{}")
    if state == "parked":
        assert now_of(desk.journal.replay("deliveries", [receipt.seq], desk.now)) == 1
    assert [stored.delivery.body for stored in desk.journal.unparsed(TENANT, desk.now, 9)] == [RAW]


@pytest.mark.parametrize("waits", ["new", "parked"])
def test_one_with_the_same_bytes_can_still_be_read(desk: Desk, waits: str) -> None:
    first, second, third = desk.receive(*(delivery(f"d{n}", RAW, topic=f"t{n}") for n in range(3)))
    if waits == "parked":
        for one in (second, third):
            desk.parsed(one.seq, state="parked", reason="it cannot be read")
    desk.parsed(first.seq, LOOK)
    assert bodies(desk) == [b"{}", None, RAW]
    if waits == "parked":
        assert now_of(desk.journal.replay("deliveries", [second.seq, third.seq], desk.now)) == 2
    assert [s.delivery.body for s in desk.journal.unparsed(TENANT, desk.now, 9)] == [RAW, RAW]
    for one in (second, third):
        desk.parsed(one.seq, LOOK)
    assert RAW not in bodies(desk)


def test_many_of_the_same_bytes_are_not_all_written_again_for_each(desk: Desk) -> None:
    many = desk.receive(*(delivery(f"d{n}", RAW) for n in range(40)))
    assert desk.journal._writing is not None
    before = desk.journal._writing.total_changes
    for one in many:
        desk.parsed(one.seq, state="ignored")
    assert desk.journal._writing.total_changes - before < 10 * len(many)
    assert RAW not in bodies(desk)


def test_a_masked_body_is_no_twin_of_what_comes_later(desk: Desk) -> None:
    (first,) = desk.receive(delivery("d1", RAW))
    desk.parsed(first.seq, LOOK)
    assert [r.status for r in desk.receive(delivery("d2", RAW))] == ["stored"]
    assert [s.delivery.body for s in desk.journal.unparsed(TENANT, desk.now, 9)] == [RAW]


def test_what_is_old_is_forgotten_but_for_what_waits(desk: Desk) -> None:
    kept = [desk.receive(delivery(f"d{n}", RAW + b" " * n, received_at=desk.now))[0].seq for n in range(3)]
    desk.parsed(kept[0], LOOK)
    desk.parsed(kept[1], state="parked", reason="it cannot be read")
    desk.pass_time(days=31)
    (young,) = desk.receive(delivery("d9", b"young", received_at=desk.now))
    desk.parsed(young.seq, state="parked", reason="it cannot be read")
    assert now_of(desk.journal.expire(TENANT, desk.now - timedelta(days=40))) == 0
    assert now_of(desk.journal.expire("other", desk.now)) == 0
    coroutine = desk.journal.expire(TENANT, desk.now - timedelta(days=30))
    assert now_of(coroutine) == 2
    assert bodies(desk) == [None, None, RAW + b"  ", b"young"]
    assert [row["seq"] for row in desk.journal.stuck()["deliveries"]] == [young.seq]
    assert "as long as the tenant file says" in desk.sql("SELECT reason FROM deliveries WHERE seq=?", kept[1])[0][0]
    assert [r.status for r in desk.receive(delivery("d1", RAW + b" "))] == ["duplicate"]


def complaint(text: str, id_: str, lane: Subject) -> Resolved:
    item = Subject("desk", "complaint", id_)
    record = Complaint(id=id_, email="jane@shopper.example", text=text, attributes={"who": "jane"})
    event = ComplaintChanged(source="desk", subject=lane, refs=(item,), item=item, time=look().time, record=record)
    return Resolved(event, lane)


@pytest.mark.parametrize("how", ["together", "alone"])
@pytest.mark.parametrize("whom", [Whom(TENANT, "shop", "7", ("1001",)), Whom(TENANT, "shop", None)])
def test_what_comes_after_an_erasure_tells_nothing_personal(desk: Desk, how: str, whom: Whom) -> None:
    finished(desk.journal.erase(whom, (), desk.now))
    count = 2 if how == "together" else 1
    received = desk.receive(*(delivery(f"d{n}", RAW + b" " * n) for n in range(count)))
    ends = [DeliveryResult(r.seq, "events", events=(complaint("I am Jane", f"c{r.seq}", ORDER),)) for r in received]
    now_of(desk.journal.parsed([(TENANT, end) for end in ends], desk.now))
    text = str(desk.sql("SELECT body FROM events"))
    assert "jane" not in text.lower()
    assert desk.sql("SELECT count(*) FROM events") == [(count,)]
    (other,) = desk.receive(delivery("d9", b"9", connection="outlet"))
    desk.parsed(other.seq, complaint("I am Jane", "c9", Subject("outlet", "order", "5")))
    assert "I am Jane" in str(desk.sql("SELECT body FROM events"))


def test_a_whole_shop_is_erased_with_what_another_connection_tells_of_it(desk: Desk) -> None:
    named, alone = Subject("desk", "complaint", "c1"), Subject("desk", "complaint", "c2")
    for number, (lane, order) in enumerate(((named, ORDER), (alone, Subject("outlet", "order", "1")))):
        event = complaint(f"I am Jane {number}", lane.id, lane).event.model_copy(update={"refs": (order,)})
        (receipt,) = desk.receive(delivery(f"d{number}", f"{number}".encode(), connection="desk"))
        desk.parsed(receipt.seq, Resolved(event, lane))
    finished(desk.journal.erase(Whom(TENANT, "shop", None), (), desk.now))
    text = str(desk.sql("SELECT body FROM events"))
    assert "Jane 0" not in text
    assert "Jane 1" in text


@pytest.mark.parametrize("shops", [1, 2])
def test_what_names_no_order_is_erased_with_the_only_shop_and_stays_where_there_are_two(desk: Desk, shops: int) -> None:
    lane = Subject("desk", "complaint", "c1")
    (receipt,) = desk.receive(delivery("d1", b"1", connection="desk"))
    desk.parsed(receipt.seq, complaint("I am Jane", "c1", lane))
    for number in range(shops):
        (receipt,) = desk.receive(delivery(f"o{number}", f"o{number}".encode()))
        order = Subject(("shop", "outlet")[number], "order", "7")
        event = OrderChanged(id=f"o{number}", source=order.connection, subject=order, time=desk.now)
        desk.parsed(receipt.seq, Resolved(event, order))
    finished(desk.journal.erase(Whom(TENANT, "shop", None), (), desk.now))
    assert ("I am Jane" in str(desk.sql("SELECT body FROM events"))) is (shops == 2)
