from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from journal_desk import ORDER, START, TENANT, Desk, delivery, look, now_of

from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.records import CursorMove, DeliveryResult, Resolved
from caseconnect.sdk.subjects import Subject

PART = Subject("shop", "fulfillment_order", "7")
OTHER = Subject("shop", "order", "2002")


@pytest.mark.parametrize(
    ("second", "status", "flagged"),
    [
        (delivery(), "duplicate", False),
        (delivery(body=b"[]"), "stored", True),
        (delivery(body=b"[]", polled=True), "stored", False),
        (delivery(topic="orders/paid"), "reference", False),
        (delivery("d2"), "reference", False),
        (delivery(connection="shop2"), "stored", False),
        (delivery(tenant="other"), "stored", False),
    ],
)
def test_only_the_same_delivery_is_suppressed(desk: Desk, second: object, status: str, flagged: bool) -> None:
    first = desk.receive(delivery())[0]
    receipt = desk.receive(second)[0]  # type: ignore[arg-type]
    assert (first.status, receipt.status, receipt.flagged) == ("stored", status, flagged)
    assert (receipt.seq == first.seq) == (status == "duplicate")


def test_equal_bodies_are_kept_once_and_read_twice(desk: Desk) -> None:
    body = b'{"id": 9007199254740993}' * 50
    desk.receive(delivery(body=body), delivery(body=body, topic="orders/paid"), delivery(body=body))
    assert desk.sql("SELECT body IS NOT NULL, ref_of FROM deliveries ORDER BY seq") == [(1, None), (0, 1)]
    assert [(d.delivery.topic, d.delivery.body) for d in desk.journal.unparsed(TENANT, START, 9)] == [
        ("orders/updated", body),
        ("orders/paid", body),
    ]


def test_one_body_is_shared_by_so_many_that_it_is_handed_over_in_one_go(desk: Desk) -> None:
    for page in range(13):
        desk.receive(*(delivery(f"d{page}-{n}") for n in range(100)))
    shared = desk.sql("SELECT count(*) FROM deliveries GROUP BY coalesce(ref_of, seq)")
    assert sum(count for (count,) in shared) == 1_300
    assert max(count for (count,) in shared) <= 600
    assert len(desk.journal.unparsed(TENANT, START, 2_000)) == 1_300


def test_the_next_equal_body_costs_the_same_however_many_came_before(desk: Desk) -> None:
    writing, costs = desk.journal._writing, []
    assert writing is not None
    for page in range(40):
        steps: list[None] = []
        writing.set_progress_handler(partial(steps.append, None), 1_000)
        desk.receive(*(delivery(f"d{page}-{n}") for n in range(100)))
        costs.append(len(steps))
    writing.set_progress_handler(None, 0)
    assert max(costs[-10:]) < 2 * max(costs[:10])


def test_the_cursor_is_saved_with_its_page_or_not_at_all(desk: Desk) -> None:
    assert desk.journal.cursor(TENANT, "shop") is None
    now_of(desk.journal.receive([delivery()], CursorMove(TENANT, "shop", "c1"), START))
    assert desk.journal.cursor(TENANT, "shop") == "c1"
    unreadable: dict[str, str] = {"a": "\ud800"}  # orjson refuses a lone surrogate
    with pytest.raises(TypeError):
        now_of(
            desk.journal.receive(
                [delivery("d2"), delivery("d3", headers=unreadable)], CursorMove(TENANT, "shop", "c2"), START
            )
        )
    assert desk.journal.cursor(TENANT, "shop") == "c1"
    assert desk.sql("SELECT delivery_id FROM deliveries") == [("d1",)]


def test_a_delivery_waits_until_it_is_due_and_ends_once(desk: Desk) -> None:
    seq = desk.receive(delivery())[0].seq
    desk.parsed(seq, state="waiting", reason="not known yet", due=START + timedelta(minutes=1))
    assert desk.journal.unparsed(TENANT, START, 9) == []
    assert desk.journal.next_due(START) == START + timedelta(minutes=1)
    waiting = desk.journal.unparsed(TENANT, START + timedelta(minutes=1), 9)
    assert [(w.seq, w.tries) for w in waiting] == [(seq, 1)]
    desk.parsed(seq, Resolved(look(), ORDER))
    desk.parsed(seq, Resolved(look(id_="again"), ORDER))
    assert desk.journal.counts()["events"] == {"ready": 1}


def test_one_delivery_gives_many_events_each_once(desk: Desk) -> None:
    seq = desk.receive(delivery())[0].seq
    desk.parsed(seq, *(Resolved(look(id_=id_), ORDER) for id_ in ("", "", "a", "a")))
    ids = [id_ for (id_,) in desk.sql("SELECT id FROM events ORDER BY seq")]
    assert ids == [f"{seq}-0", f"{seq}-1", "a"]


def test_a_result_that_cannot_be_written_parks_only_its_own_delivery(desk: Desk) -> None:
    good, bad = (r.seq for r in desk.receive(delivery(), delivery("d2", b"[]")))
    broken = look().model_copy(update={"hint": "\ud800"})
    results = [
        (TENANT, DeliveryResult(bad, "events", events=(Resolved(look(id_="a"), ORDER), Resolved(broken, ORDER)))),
        (TENANT, DeliveryResult(good, "events", events=(Resolved(look(), ORDER),))),
    ]
    now_of(desk.journal.parsed(results, START))
    states = dict(desk.sql("SELECT seq, state FROM deliveries"))
    assert states == {good: "events", bad: "parked"}
    assert desk.journal.counts()["events"] == {"ready": 1}


def test_an_alias_moves_its_lane_with_events_timers_and_matters(desk: Desk) -> None:
    waiting, done = desk.event(PART), desk.event(PART)
    row = desk.matter(subject=PART)
    desk.decide(matters=(row,), lane=PART, events=(done,))
    seen = desk.event(ORDER, PART)
    assert desk.journal.subject_of(TENANT, PART) == ORDER
    assert [(e.seq, e.lane) for e in desk.journal.ready_events(TENANT, START, 9)] == [(waiting, ORDER), (seen, ORDER)]
    moved = desk.journal.matter(row.id)
    assert moved is not None
    assert (moved.key.subject, moved.episode, moved.state) == (ORDER, 1, "open")
    with pytest.raises(Conflict, match="another name now"):
        desk.decide(lane=PART)
    told = desk.journal.explain(TENANT, PART)
    assert told["subject"] == str(ORDER)
    assert {e["seq"] for e in told["events"]} == {waiting, done, seen}
    assert len(told["decisions"]) == 1


def test_a_moved_matter_becomes_the_next_episode(desk: Desk) -> None:
    closed = desk.matter(episode=1)
    desk.decide(matters=(closed,))
    desk.decide(matters=(desk.matter(episode=1, state="closed"),))
    moving = desk.matter(subject=PART)
    desk.decide(matters=(moving,), lane=PART)
    desk.event(ORDER, PART)
    rows = desk.journal.episodes(closed.key)
    assert [(r.id, r.episode, r.state) for r in rows] == [(moving.id, 2, "open"), (closed.id, 1, "closed")]


def test_two_open_matters_of_one_thing_are_a_persons_to_end(desk: Desk) -> None:
    own, other = desk.matter(), desk.matter(subject=PART)
    desk.decide(matters=(own,))
    desk.decide(matters=(other,), lane=PART)
    desk.event(ORDER, PART)
    kept = desk.journal.matter(other.id)
    assert kept is not None
    assert kept.key.subject == PART
    assert desk.alerts() == ["matters:twins"]
    assert {m["id"] for m in desk.journal.explain(TENANT, ORDER)["matters"]} == {own.id, other.id}
    desk.decide(matters=(desk.matter(subject=PART, state="closed"),))
    closed = desk.journal.matter(other.id)
    assert closed is not None
    assert closed.state == "closed"


def test_aliases_of_aliases_lead_to_the_root(desk: Desk) -> None:
    a, b, c = (Subject("shop", "thing", name) for name in "abc")
    desk.event(b, a)
    desk.event(c, b)
    assert desk.journal.subject_of(TENANT, a) == c
    desk.event(b, Subject("shop", "thing", "d"))
    assert desk.journal.subject_of(TENANT, Subject("shop", "thing", "d")) == c
    desk.event(a, c)
    assert desk.journal.subject_of(TENANT, c) == c
    assert {e.lane for e in desk.journal.ready_events(TENANT, START, 9)} == {c}


def test_a_lane_that_waits_keeps_what_comes_after_it(desk: Desk) -> None:
    first, other = desk.event(), desk.event(OTHER)
    now_of(desk.journal.put_off([first], "waiting", "no answer", START + timedelta(minutes=1)))
    second = desk.event()
    assert [e.seq for e in desk.journal.ready_events(TENANT, START, 9)] == [other]
    later = START + timedelta(minutes=1)
    assert [e.seq for e in desk.journal.ready_events(TENANT, later, 9)] == [first, other, second]
    now_of(desk.journal.put_off([first], "parked", "never", later))
    assert [e.seq for e in desk.journal.ready_events(TENANT, later, 9)] == [other, second]
    assert [row["seq"] for row in desk.journal.stuck()["events"]] == [first]
    assert now_of(desk.journal.replay("events", [first], later)) == 1
    assert desk.journal.ready_events(TENANT, later, 9)[0].seq == first


def test_an_event_of_a_newer_program_is_given_without_its_content(desk: Desk) -> None:
    desk.event()
    desk.journal._writing.execute("UPDATE events SET type='PlanetChanged'")  # type: ignore[union-attr]
    assert [(e.kind, e.event) for e in desk.journal.ready_events(TENANT, START, 9)] == [("PlanetChanged", None)]


def test_what_came_by_one_link_is_found_by_how_its_ids_begin(desk: Desk) -> None:
    ids = ("ab-1-x", "ab-2-y", "abc-1-x", "ab", "aa-1-x")
    desk.receive(*(delivery(id_) for id_ in ids), delivery("ab-3-z", connection="mail"), delivery("ab-4", tenant="b"))
    seqs = [seq for (seq,) in desk.sql("SELECT seq FROM deliveries WHERE tenant=?", TENANT)]
    for seq in seqs:
        desk.parsed(seq, state="ignored", reason="nobody asked")
    now_of(desk.journal.forget(seqs))
    assert sorted(desk.journal.delivered(TENANT, "shop", "ab")) == ["ab-1-x", "ab-2-y"], "also what was forgotten"
