"""The numbers say what the journal knows, and their labels are bounded whatever comes in."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from toys import Pipe, World, case_command, flow, looking, opening

from caseconnect.host.journal import SqliteJournal, measuring
from caseconnect.host.journal.cap_changes import CapChange
from caseconnect.host.journal.errors import JournalError
from caseconnect.host.journal.records import CursorMove, DeliveryResult, NewAlert, NewDelivery, Settlement
from caseconnect.host.numbers.catalogue import METRICS
from caseconnect.host.numbers.numbers import Numbers
from caseconnect.host.tenants.caps import Cap
from caseconnect.models import Money
from caseconnect.sdk.commands import HoldOrder, RefundPayment
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.testing import run
from caseconnect.sdk.testing.resources import RecordingLog
from caseconnect.sdk.testing.virtual import START

LABELS = {"tenant", "connection", "flow", "kind", "state", "status", "outcome", "verdict", "what", "topic", "observe"}
LABELS |= {"currency", "cap", "window", "unit", "cause", "scope", "file", "version", "python", "sqlite"}
Found = dict[tuple[str, tuple[str, ...]], float]


def refund(amount: str = "4.00", name: str = "") -> RefundPayment:
    return RefundPayment(amount=Money(amount=Decimal(amount), currency="EUR"), name=name)


def counting(pipe: Pipe) -> Numbers:
    numbers = Numbers(pipe.now, pipe.log)
    numbers.begin(pipe.journal, lambda: {"acme": pipe.live})
    return numbers


def read(numbers: Numbers) -> Found:
    """By name and label values, of buckets the last; what belongs to the process is left out."""
    numbers._standing = None
    families = text_string_to_metric_families(numbers.render().decode())
    samples = (s for f in families for s in f.samples if not s.name.startswith("process_"))
    return {(s.name, tuple(s.labels[label] for label in labels_of(s.name))): s.value for s in samples}


def labels_of(sample: str) -> tuple[str, ...]:
    return METRICS[re.sub("_(bucket|count|sum)$", "", sample)].labels


def test_what_happened_is_counted_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("review", opening(HoldOrder(), refund()))]) as pipe:
            numbers = counting(pipe)
            await pipe.send()
            await pipe.pass_time(3)
            for _ in range(2):
                found = read(numbers)
                assert found["connect_decisions_total", ("acme", "review", "asked")] == 1
                assert found["connect_money_moved_total", ("acme", "RefundPayment", "EUR")] == 4
                done = ("connect_command_changes_total", ("acme", "review", "OpenCase", "desk", "done"))
                assert found[done] == 1
                for name, times in (("decision", 1), ("case", 1), ("effect", 2)):
                    assert found[f"connect_time_to_{name}_seconds_count", ("acme", "review")] == times
            await pipe.look(connection="shop")
            assert read(numbers)["connect_decisions_total", ("acme", "review", "noted")] > 3

    run(story())


def test_time_to_a_case_runs_from_the_delivery_that_opened_it(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(script={"execute:OpenCase": [lambda: asyncio.sleep(5)]})
        async with Pipe(tmp_path, world, [flow("review", opening())]) as pipe:
            numbers = counting(pipe)
            new = NewDelivery(
                "acme", "shop", "changes", "early", pipe.now() - timedelta(seconds=90), b'{"events":[{}]}'
            )
            await pipe.journal.receive([new], None, pipe.now())
            await pipe.pass_time(9)
            found = read(numbers)
            took = {
                name: found[f"connect_time_to_{name}_seconds_sum", ("acme", "review")] for name in ("decision", "case")
            }
            assert took == pytest.approx({"decision": 90, "case": 95}, abs=0.01)

    run(story())


def test_what_stands_open_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:OpenCase"] = [PermanentError("no such queue")]
        cap = {"RefundPayment": Cap(day={"count": Decimal(4), "EUR": Decimal(10)})}
        asked = looking((case_command(), refund("8.00", "one"), refund("3.00", "two")))
        async with Pipe(tmp_path, world, [flow("review", asked, caps=cap)], poll={"shop": "1h"}) as pipe:
            numbers = counting(pipe)
            await pipe.look()
            await pipe.pass_time(600)
            await pipe.send(body=b"no JSON")
            await pipe.settle()
            await pipe.send()
            await pipe.pass_time(0.5)
            await pipe.journal.alert(NewAlert("acme", "down:shop", "x"), pipe.now())
            await pipe.send(id="late")
            found = read(numbers)
            assert found["connect_commands", ("acme", "RefundPayment", "parked")] == 1
            assert found["connect_cap_used_ratio", ("acme", "flow:review:RefundPayment", "day", "EUR")] == 0.8
            assert found["connect_cap_used_ratio", ("acme", "flow:review:RefundPayment", "day", "count")] == 0.25
            assert found["connect_cases_refused", ("acme",)] == 1
            assert found["connect_parked", ("acme", "deliveries")] == 1
            assert found["connect_open", ("acme", "deliveries")] == 1
            assert found["connect_oldest_seconds", ("acme", "deliveries")] == 0
            assert found["connect_matters", ("acme", "review", "no")] == 1
            assert found["connect_alerts", ("acme", "down")] == 1
            assert found["connect_alerts", ("acme", "cap")] == 1
            assert 0 <= found["connect_poll_age_seconds", ("acme", "shop")] <= 3600
            assert found["connect_tenants", ()] == 1
            assert found["connect_journal_bytes", ("db",)] > 0
            assert found["connect_disk_free_bytes", ()] > 0
            assert found["connect_numbers_missing", ()] == 0

    run(story())


def test_a_hostile_tenant_makes_no_more_series(tmp_path: Path) -> None:
    """Whatever stands in topics, ids, headers and bodies: the names of labels and their values are ours."""

    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("review", opening(HoldOrder()))]) as pipe:
            numbers = counting(pipe)

            async def rush(first: int) -> int:
                for n in range(first, first + 40):
                    evil = f'x{n}\n"}} {n}'
                    body = b'{"events":[{"id":"%d"}]}' % n if n % 5 == 0 else evil.encode()
                    new = NewDelivery("acme", "shop", evil, evil, pipe.now(), body, {"X-Name": evil})
                    await pipe.journal.receive([new], None, pipe.now())
                    numbers.answered("", "", 401, 0.1)
                    numbers.answered("acme", "shop", 200 if n % 2 else 401, 0.1)
                    await pipe.journal.alert(NewAlert("acme", f"review:{evil}", evil), pipe.now())
                await pipe.settle()
                return len(read(numbers))

            assert await rush(0) == await rush(40) == await rush(80)
            assert b"x41" not in numbers.render()

    run(story())


def test_every_metric_is_told_with_labels_that_are_bounded(tmp_path: Path) -> None:
    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("review", opening())]) as pipe:
            families = text_string_to_metric_families(counting(pipe).render().decode())
            told = {f.name: f.documentation for f in families if not f.name.startswith("process_")}
            named = {n.removesuffix("_total") if m.kind == "counter" else n: m.text for n, m in METRICS.items()}
            assert told == named
            assert {label for metric in METRICS.values() for label in metric.labels} <= LABELS

    run(story())


def test_commits_are_watched(tmp_path: Path) -> None:
    async def story() -> None:
        numbers = Numbers(lambda: START, RecordingLog())
        journal = SqliteJournal.open(tmp_path / "journal.db", threaded=True, synchronous="OFF", watch=numbers.committed)
        try:
            numbers.begin(journal, dict)
            news = [NewDelivery("acme", "shop", "t", str(n), START, b"same") for n in range(2)]
            await journal.receive(news, CursorMove("acme", "shop", "1"), START)
            await journal.receive(news[:1], None, START)
            await journal.parsed(
                [("acme", DeliveryResult(1, "ignored")), ("acme", DeliveryResult(2, "waiting"))], START
            )
            with pytest.raises(JournalError):
                await journal.settled(Settlement("no such key", "planned", "done", START))
            await journal.first("acme", "start", START)  # who watches was told of all before it
            found = read(numbers)
        finally:
            journal.close()
            numbers.close()
        of = ("acme", "shop")
        assert {o: found["connect_deliveries_total", (*of, o)] for o in ("stored", "reference", "duplicate")} == {
            "stored": 1,
            "reference": 1,
            "duplicate": 1,
        }
        assert found["connect_deliveries_ended_total", (*of, "ignored")] == 1
        assert found["connect_journal_commit_seconds_count", ()] >= 4
        assert found["connect_journal_batch_items_sum", ()] >= 4

    asyncio.run(story())


def test_who_watches_cannot_end_the_journal(tmp_path: Path) -> None:
    async def story() -> int:
        def watch(*_: Any) -> None:
            raise ValueError("a fault of the numbers")

        journal = SqliteJournal.open(tmp_path / "journal.db", threaded=True, synchronous="OFF", watch=watch)
        try:
            for n in range(2):
                await journal.receive([NewDelivery("acme", "shop", "t", str(n), START, b"x")], None, START)
            return journal.counts()["deliveries"]["new"]
        finally:
            journal.close()

    assert asyncio.run(story()) == 2


def test_what_cannot_be_read_in_time_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("review", opening())]) as pipe:
            numbers = counting(pipe)
            await pipe.look()
            monkeypatch.setattr(measuring, "_STEPS", 1)
            numbers._within = -1.0
            found = read(numbers)
            assert found["connect_numbers_missing", ()] == 9
            assert found["connect_numbers_skipped_total", ()] == 1
            assert ("connect_open", ("acme", "deliveries")) not in found
            numbers._within = 9.0
            assert read(numbers)["connect_numbers_missing", ()] == 0

    run(story())


def test_a_changed_limit_is_what_a_cap_is_measured_by_and_only_what_is_polled_is_late(tmp_path: Path) -> None:
    async def story() -> None:
        cap = {"RefundPayment": Cap(day={"count": Decimal(4)})}
        asked = looking((case_command(), refund("8.00", "one")))
        async with Pipe(tmp_path, World(), [flow("review", asked, caps=cap)], poll={"shop": "1h"}) as pipe:
            await pipe.look()
            name = "flow:review:RefundPayment"
            await pipe.journal.change_cap(
                CapChange("acme", name, "day", "count", Decimal(10), "sale", "ann", pipe.now())
            )
            found = read(counting(pipe))
            assert found["connect_cap_used_ratio", ("acme", name, "day", "count")] == 0.1
            assert ("connect_poll_overdue_seconds", ("acme", "shop")) in found
            spec = replace(pipe.live.connections["shop"].spec, schedule=None)
            pipe.live.connections["shop"].spec = spec
            assert not [key for key in read(counting(pipe)) if key[0].startswith("connect_poll_")]

    run(story())
