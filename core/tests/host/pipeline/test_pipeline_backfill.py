"""`connect backfill` in the host: pages are stored with their place, outages are waited for, nothing comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from toys import Pipe, World, case_command, flow, found, opening

from caseconnect.host.backfill import Backfill, kept_place, place_of
from caseconnect.host.web.control import Verbs
from caseconnect.sdk.commands import CommentCase
from caseconnect.sdk.decisions import Decision
from caseconnect.sdk.deliveries import Page, Polled
from caseconnect.sdk.errors import ConnectError, PermanentError, PluginError, TransientError
from caseconnect.sdk.events import OrderChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import run
from caseconnect.sdk.testing.resources import MemorySecrets

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def item(number: int) -> Polled:
    body = orjson.dumps({"events": [{"subject": f"shop/order/{number}"}]})
    return Polled(kind="changes", id=str(number), version="1", body=body)


class Past:
    """A history of `pages` pages of one item; `faults` are raised at the calls with these numbers."""

    def __init__(self, pages: int = 3, faults: dict[int, Exception] | None = None, each: int = 1) -> None:
        self.pages, self.faults, self.each = pages, faults or {}, each
        self.calls: list[str | None] = []

    async def __call__(self, source: Any, since: datetime, cursor: str | None) -> Page:
        self.calls.append(cursor)
        if fault := self.faults.pop(len(self.calls), None):
            raise fault
        if cursor is None:
            return Page((), "0", more=True)
        n = int(cursor)
        return Page(tuple(item(n * self.each + i) for i in range(self.each)), str(n + 1), more=n + 1 < self.pages)


async def fill(
    pipe: Pipe, past: Past, *, verbs: Verbs | None = None, since: datetime = SINCE, **more: Any
) -> list[Any]:
    """One run against the pipe's journal; its progress."""
    shop = pipe.tenant.connections["shop"]
    assert shop.source is not None
    changed = replace(shop, source=replace(shop.source, history=past))
    tenant = replace(pipe.tenant, connections={**pipe.tenant.connections, "shop": changed})
    control = verbs or Verbs(pipe.journal, pipe.now)

    async def store(ask: dict[str, Any]) -> dict[str, Any]:
        return await control.do("store", orjson.loads(orjson.dumps(ask)))  # as it travels over the socket

    kept = pipe.journal.cursor("acme", place_of("shop"))
    job = Backfill(tenant, "shop", since, kept, store, pipe.now, secrets=MemorySecrets(), **more)
    return [progress async for progress in job.run()]


def with_pipe(folder: Path, play: Callable[[Pipe], Awaitable[None]], decide: Any = None, **options: Any) -> None:
    async def go() -> None:
        async with Pipe(folder, World(), [flow("review", decide or opening(), **options)]) as pipe:
            await play(pipe)

    run(go())


def deliveries(pipe: Pipe) -> int:
    return sum(pipe.journal.counts()["deliveries"].values())


def test_pages_are_stored_as_polled_and_once(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        progress = await fill(pipe, Past())
        assert [(p.read, p.new, p.waiting) for p in progress] == [
            (0, 0, True),
            (1, 1, False),
            (2, 2, False),
            (3, 3, False),
        ]
        again = await fill(pipe, Past())
        assert (again[-1].read, again[-1].new) == (3, 0)
        assert deliveries(pipe) == 3
        assert pipe.journal.cursor("acme", "shop") is None  # the poll's own place is another one

    with_pipe(tmp_path, play)


def test_a_run_that_was_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        class KilledError(Exception):
            pass

        class Killed(Verbs):
            async def do(self, verb: str, ask: dict[str, Any]) -> dict[str, Any]:
                if len(first.calls) == 3:
                    raise KilledError
                return await super().do(verb, ask)

        first = Past()
        with pytest.raises(KilledError):
            await fill(pipe, first, verbs=Killed(pipe.journal, pipe.now))
        second = Past()
        progress = await fill(pipe, second)
        assert second.calls == ["1", "2"]
        assert progress[-1].new == 2
        assert kept_place(pipe.journal.cursor("acme", place_of("shop")), SINCE) is None

    with_pipe(tmp_path, play)


def test_another_since_begins_anew(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        ask = {"tenant": "acme", "connection": "shop", "place": place_of("shop"), "items": []}
        kept = orjson.dumps({"since": SINCE.isoformat(), "cursor": "2"}).decode()
        await Verbs(pipe.journal, pipe.now).do("store", {**ask, "cursor": kept})
        other = Past()
        await fill(pipe, other, since=datetime(2025, 1, 1, tzinfo=UTC))
        assert other.calls[0] is None

    with_pipe(tmp_path, play)


def test_an_outage_is_waited_for(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        past = Past(faults={2: TransientError("down"), 3: TransientError("busy", retry_after=60)})
        began = asyncio.get_running_loop().time()
        progress = await fill(pipe, past)
        assert progress[-1].read == 3
        assert asyncio.get_running_loop().time() - began >= 60

    with_pipe(tmp_path, play)


def test_an_outage_without_end_is_told_and_the_place_is_kept(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        past = Past(faults={n: TransientError("down") for n in range(3, 30)})
        with pytest.raises(TransientError, match="down"):
            await fill(pipe, past)
        later = Past()
        await fill(pipe, later)
        assert later.calls[0] == "1"

    with_pipe(tmp_path, play)


def test_a_place_that_leads_nowhere_is_given_up(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        with pytest.raises(PermanentError, match="gone"):
            await fill(pipe, Past(faults={3: PermanentError("the export is gone")}))
        later = Past()
        await fill(pipe, later)
        assert later.calls[0] is None

    with_pipe(tmp_path, play)


def test_a_page_that_is_none_is_the_plugins_fault(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        class Odd(Past):
            async def __call__(self, source: Any, since: datetime, cursor: str | None) -> Any:
                return {"items": []}

        with pytest.raises(PluginError, match="not a Page"):
            await fill(pipe, Odd())

    with_pipe(tmp_path, play)


def test_a_plugin_without_history(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        job = Backfill(pipe.tenant, "shop", SINCE, None, lambda ask: asyncio.sleep(0, {}), pipe.now)
        with pytest.raises(ConnectError, match="cannot read what is older"):
            [p async for p in job.run()]

    with_pipe(tmp_path, play)


def test_what_it_stored_is_worked_like_a_poll(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        await fill(pipe, Past(pages=2))
        await pipe.settle()
        assert pipe.journal.counts()["deliveries"].get("events", 0) == 2

    with_pipe(tmp_path, play)


def test_live_work_waits_behind_a_few_hundred_at_most(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        waiting: list[int] = []

        class Working(Verbs):
            async def do(self, verb: str, ask: dict[str, Any]) -> dict[str, Any]:
                told = await super().do(verb, ask)
                waiting.append(told["waiting"])
                if not ask["items"]:
                    await pipe.settle()
                return told

        progress = await fill(pipe, Past(pages=2, each=700), verbs=Working(pipe.journal, pipe.now, lambda: None))
        assert (progress[-1].read, progress[-1].new) == (1400, 1400)
        assert 500 < max(waiting) <= 700
        assert pipe.journal.cursor("acme", place_of("shop")) == ""

    with_pipe(tmp_path, play)


def test_with_nobody_at_work_nothing_is_waited_for(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        began = asyncio.get_running_loop().time()
        await fill(pipe, Past(pages=2, each=700))
        assert asyncio.get_running_loop().time() - began < 4  # only for the platform, once
        assert deliveries(pipe) == 1400

    with_pipe(tmp_path, play)


def test_a_page_that_was_begun_is_read_again(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        class KilledError(Exception):
            pass

        class Killed(Verbs):
            calls = 0

            async def do(self, verb: str, ask: dict[str, Any]) -> dict[str, Any]:
                self.calls += 1
                if self.calls == 4:
                    raise KilledError
                return await super().do(verb, ask)

        with pytest.raises(KilledError):
            await fill(pipe, Past(pages=1, each=700), verbs=Killed(pipe.journal, pipe.now))
        assert deliveries(pipe) == 400
        second = Past(pages=1, each=700)
        assert (await fill(pipe, second))[-1].new == 300
        assert second.calls == ["0"]

    with_pipe(tmp_path, play)


def test_what_is_marked_as_seen_opens_nothing_then_and_later(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        await fill(pipe, Past(pages=2), seen=True)
        await pipe.settle()
        marked, other = Subject("shop", "order", "1"), Subject("shop", "order", "7")
        (row,) = pipe.matters(marked)
        assert (row.state, row.case, [f.finding.ground for f in row.findings]) == ("closed", None, ["g1"])
        assert pipe.reasons(marked) == ["marked as seen: first sight"]
        assert pipe.commands(marked) == {}
        for order in ("1", "7"):
            await pipe.look({"id": order})
        assert "worked before on the same facts" in pipe.reasons(marked)[-1]
        assert pipe.commands(marked) == {}
        assert pipe.commands(other) == {"OpenCase": "done"}
        assert pipe.world.of() == ["OpenCase"]

    def again(*_: Any) -> Decision:
        return Decision(reason="first sight", findings=(found(),), commands=(case_command(),))

    with_pipe(tmp_path, play, again)


def test_what_is_marked_while_observing_is_known_when_it_is_live(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        await fill(pipe, Past(pages=2), seen=True)
        await pipe.settle()
        (row,) = pipe.matters(Subject("shop", "order", "1"))
        assert (row.key.observe, row.mode, row.state) == (False, "live", "closed")

    with_pipe(tmp_path, play, opening(), mode="observe")


def test_a_mark_changes_nothing_of_a_matter_that_is_open(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        order = Subject("shop", "order", "1")
        await pipe.look({"id": "1"})
        before = pipe.matters(order)
        await fill(pipe, Past(pages=2), seen=True)
        await pipe.settle()
        assert pipe.matters(order) == before
        assert pipe.commands(order) == {"OpenCase": "done"}

    def more(event: Any, matter: Any, facts: Any, settings: Any, now: Any) -> Decision:
        if not isinstance(event, OrderChanged):
            return Decision(reason="only orders")
        ground = "g2" if matter.is_open() else "g1"
        command = CommentCase(name=ground, text="more") if matter.is_open() else case_command()
        return Decision(reason="a look", findings=(found(ground),), commands=(command,))

    with_pipe(tmp_path, play, more)


def test_what_the_platform_expects(tmp_path: Path) -> None:
    async def play(pipe: Pipe) -> None:
        async def expected(source: Any, since: datetime) -> int:
            return 42

        shop = pipe.tenant.connections["shop"]
        assert shop.source is not None
        job = Backfill(pipe.tenant, "shop", SINCE, None, lambda ask: asyncio.sleep(0, {}), pipe.now, MemorySecrets())
        assert await job.expected() is None
        changed = replace(shop, source=replace(shop.source, expected=expected))
        told = replace(job, tenant=replace(pipe.tenant, connections={**pipe.tenant.connections, "shop": changed}))
        assert await told.expected() == 42

    with_pipe(tmp_path, play)
