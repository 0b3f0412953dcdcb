"""Rules for a source: facts, and reading changes page by page so that nothing is ever lost."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Any

from caseconnect.models.base import Record
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Parsed
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.order_names import NAMED_ORDERS
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.connection import ConnectionRules, Operation, error_of
from caseconnect.sdk.testing.parsing import ParsingRules
from caseconnect.sdk.testing.past import PastRules
from caseconnect.sdk.testing.plugin import SpecRules
from caseconnect.sdk.testing.reading import change_and_wait, ids_of, polled, read_on
from caseconnect.sdk.testing.rig import Rig, in_virtual_time, not_applicable, require
from caseconnect.sdk.testing.virtual import LoopClock
from caseconnect.sdk.testing.world import SourceWorld, ToldWorld


class SourceContract(ConnectionRules[SourceWorld], PastRules, ParsingRules):
    """Derive a `Test...` class, set `plugin` to the plugin's module and give `world`."""

    hook = "sources"

    @abstractmethod
    def world(self, now: Callable[[], datetime]) -> SourceWorld:
        """A new simulated platform. `now` is virtual time."""

    def work(self, rig: Rig[SourceWorld]) -> dict[str, Operation]:
        """`read` and one `fetch` of each kind. A first read may ask nothing, so the cursor is a used one."""

        async def read(source: Any) -> None:
            page = await source.read(None, rig.world.watch())
            asked = len(rig.wire.sent)
            await source.read(page.cursor, rig.world.watch())
            require(len(rig.wire.sent) > asked, "read() with a cursor did not ask the platform")

        def fetching(need: Need) -> Operation:
            return lambda source: source.fetch(need)

        fetches = {f"fetch({n.fact!r})": fetching(n) for n in rig.world.needs()}
        return {"read()": read, **fetches}

    def test_account_is_named(self) -> None:
        """Pacing is per remote account: two tenants on one account share it."""
        rig = self.rig()
        first, second = rig.spec.account(rig.settings), rig.spec.account(rig.settings)
        require(isinstance(first, str) and first.strip() != "" and first == second, f"account: {first!r}, {second!r}")
        hidden = all(s not in first for s in rig.world.secrets.values())
        require(hidden, "account names a secret")

    @in_virtual_time
    async def test_first_read_begins_now(self) -> None:
        """What is older than the connection comes only by backfill."""
        rig = self.rig()
        await rig.world.change(0)
        await asyncio.sleep(2 * rig.world.overlap.total_seconds() + rig.world.index_lag.total_seconds())
        async with rig.started() as source:
            reading = await read_on(source, None, rig)
            require(not reading.items, f"the first read gave {len(reading.items)} old items; it must begin at now")
            await asyncio.sleep(2 * rig.world.overlap.total_seconds())
            late = await read_on(source, reading.cursor, rig)
            told = ids_of(source, late.items, rig) - set(rig.world.watch())
            require(not told, f"the second read told of {len(told)} things older than the connection")

    @in_virtual_time
    async def test_restart_after_each_page_loses_nothing(self) -> None:
        """Stop after page n and start from its cursor: nothing lost, and nothing but the overlap repeated."""
        rig = self.rig()
        start = await self._begin(rig)
        changed = [await change_and_wait(rig, n) for n in range(5)]
        await self._restart_everywhere(rig, start, changed, repeats=1)

    @in_virtual_time
    async def test_changes_of_one_instant_are_not_lost(self) -> None:
        """The edge of a page may lie between changes with the same time."""
        rig = self.rig()
        start = await self._begin(rig)
        changed = [await rig.world.change(n) for n in range(5)]
        await asyncio.sleep(rig.world.index_lag.total_seconds() + 1)
        await self._restart_everywhere(rig, start, changed, repeats=len(changed))

    @in_virtual_time
    async def test_change_while_paging_is_not_lost(self) -> None:
        """What moves to the end while pages are read must come again, and nothing may be skipped for it."""
        rig = self.rig()
        cursor = await self._begin(rig)
        changed = [await change_and_wait(rig, n) for n in range(4)]
        async with rig.started() as source:
            first = await source.read(cursor, rig.world.watch())
            early = ids_of(source, first.items, rig)
            again = await rig.world.change(0)
            new = await rig.world.change(7)
            rest = await read_on(source, first.cursor, rig)
        await asyncio.sleep(rig.world.index_lag.total_seconds() + 1)
        async with rig.started() as source:
            later = await read_on(source, rest.cursor, rig)
            after = ids_of(source, [*rest.items, *later.items], rig)
        lost = {*changed, new} - early - after
        require(not lost, f"lost while pages were read: {sorted(lost)}")
        require(again in after, f"{again} changed after its page was read, and the change was never seen")

    @in_virtual_time
    async def test_stale_search_loses_nothing(self) -> None:
        """Search shows a change late: the cursor must not go past what it could not see yet."""
        rig = self.rig()
        lag = max(rig.world.index_lag.total_seconds(), 1.0)
        cursor, seen, changed = await self._begin(rig), set[str](), []
        for n in range(6):
            changed.append(await rig.world.change(n))
            await asyncio.sleep(lag * (0.6 if n % 2 else 0.2))
            async with rig.started() as source:
                reading = await read_on(source, cursor, rig)
                cursor, seen = reading.cursor, seen | ids_of(source, reading.items, rig)
        await asyncio.sleep(lag + 1)
        async with rig.started() as source:
            seen |= ids_of(source, (await read_on(source, cursor, rig)).items, rig)
        require(set(changed) <= seen, f"never seen, because search showed them late: {sorted(set(changed) - seen)}")

    @in_virtual_time
    async def test_quiet_platform_gives_nothing_new(self) -> None:
        """Reading again without a change repeats at most the overlap, byte for byte, so that it is stored once."""
        rig = self.rig()
        cursor = await self._begin(rig)
        for n in range(3):
            await change_and_wait(rig, n)
        async with rig.started() as source:
            first = await read_on(source, cursor, rig)
            cursor, known = first.cursor, set(first.items)
            require(len(known) == len(first.items), "one reading gave the same item twice")
            for _ in range(3):
                await asyncio.sleep(3600)
                reading = await read_on(source, cursor, rig)
                cursor = reading.cursor
                new = [i for i in reading.items if i not in known]
                require(not new, f"without any change read() gave {len(new)} items that differ from those before")

    @in_virtual_time
    async def test_facts_are_of_their_model(self) -> None:
        """Each kind of the spec can be fetched, is of its model, survives JSON, and is equal when read twice."""
        rig = self.rig()
        needs = rig.world.needs()
        lacking = set(rig.spec.facts) - {n.fact for n in needs}
        require(not lacking, f"the world names no need for {', '.join(sorted(lacking))}")
        async with rig.started() as source:
            for need in needs:
                first, second = await source.fetch(need), await source.fetch(need)
                model = rig.spec.facts[need.fact]
                require(type(first) is model, f"fetch({need.fact!r}) gave {type(first).__name__}, not {model.__name__}")
                back = model.model_validate_json(first.model_dump_json())
                require(back == first, f"{need.fact}: the record is another one after a JSON round trip")
                require(first == second, f"{need.fact}: two reads of the same state differ")
                require(isinstance(first, Record), f"{need.fact}: not a Record")

    @in_virtual_time
    async def test_absent_facts_are_told(self) -> None:
        """`PermanentError` when there is no such thing; a search that finds nothing has an answer."""
        rig = self.rig()
        async with rig.started() as source:
            for need in rig.world.needs():
                nothing = need.model_copy(update={"subject": need.subject._replace(id=rig.world.absent)})
                if need.fact == NAMED_ORDERS:
                    none = await source.fetch(nothing)
                    require(none.orders == (), f"fetch({need.fact!r}) of a name that nothing has gave {none!r}")
                    continue
                error = await error_of(source.fetch(nothing), f"fetch({need.fact!r}) of what is not there")
                require(isinstance(error, PermanentError), f"fetch({need.fact!r}) of what is not there gave {error!r}")

    @in_virtual_time
    async def test_names_are_resolved(self) -> None:
        """`root` of a thing that stands alone is itself; of any other it is one of `roots`, itself, or not known."""
        rig = self.rig()
        async with rig.started() as source:
            subjects = set[Subject]()
            for delivery in await self.deliveries(rig, source):
                parsed = source.parse(delivery)
                if isinstance(parsed, Parsed):
                    subjects |= {s for e in parsed.events for s in (e.subject, *e.refs)}
            if not subjects:
                raise not_applicable("the world's samples name nothing")
            for subject in subjects:
                found = await source.root(subject)
                if subject.kind in rig.spec.roots:
                    require(found == subject, f"root({subject}) is {found}, although {subject.kind} is one of roots")
                elif found is not None:
                    fits = found == subject or found.kind in rig.spec.roots
                    require(fits, f"root({subject}) is {found}, of a kind that is none of roots")

    async def deliveries(self, rig: Rig[SourceWorld], source: Any) -> list[Delivery]:
        """Samples of everything that `parse` is given: what was pushed, and what was polled."""
        cursor = (await source.read(None, rig.world.watch())).cursor
        for n in range(3):
            await rig.world.change(n)
        await asyncio.sleep(rig.world.index_lag.total_seconds() + 1)
        reading = await read_on(source, cursor, rig)
        return [*(await self.pushed(rig)), *(polled(i, rig) for i in reading.items)]

    async def _begin(self, rig: Rig[SourceWorld]) -> str:
        async with rig.started() as source:
            cursor = (await read_on(source, None, rig)).cursor
        await asyncio.sleep(2 * rig.world.overlap.total_seconds())
        return cursor

    async def _restart_everywhere(self, rig: Rig[SourceWorld], start: str, changed: list[str], *, repeats: int) -> None:
        async with rig.started() as source:
            whole = await read_on(source, start, rig)
            require(whole.pages[-1].more is False, "the last page still says `more`")
            found = ids_of(source, whole.items, rig)
            require(set(changed) <= found, f"never read: {sorted(set(changed) - found)}")
        for stop in range(1, len(whole.pages) + 1):
            async with rig.started() as source:
                before = ids_of(source, [i for p in whole.pages[:stop] for i in p.items], rig)
                after = ids_of(source, (await read_on(source, whole.pages[stop - 1].cursor, rig)).items, rig)
            lost = set(changed) - before - after
            require(not lost, f"stopped after page {stop}, {sorted(lost)} was lost")
            twice = before & after & set(changed)
            text = f"stopped after page {stop}, {len(twice)} were repeated although the overlap holds {repeats}"
            require(len(twice) <= repeats, text)


class ToldSourceContract(SpecRules, ParsingRules):
    """For a source that reads nothing by itself, or not by HTTP: the rules for what it makes of what it is told."""

    hook = "sources"

    @abstractmethod
    def world(self, now: Callable[[], datetime]) -> ToldWorld:
        """Who pushes. `now` is virtual time."""

    def rig(self) -> Rig[ToldWorld]:
        """A new world."""
        clock = LoopClock()
        return Rig(self.spec(), self.world(clock.now), clock.now)

    async def deliveries(self, rig: Rig[ToldWorld], source: Any) -> list[Delivery]:
        """Samples of everything that `parse` is given."""
        return await self.pushed(rig)
