"""Rules for a sink: twice is once, no effect is ever denied or invented, a refusal is a refusal."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Any

from caseconnect.sdk.commands import COMMANDS, Command
from caseconnect.sdk.components import Outcome, Repeat
from caseconnect.sdk.errors import ConnectError, PermanentError, TransientError
from caseconnect.sdk.testing.attempts import (
    BLIND,
    BREAKS,
    BREAKS_OF_READS,
    KILLED,
    ODD,
    execute,
    go_on,
    honest,
    settle,
    verify,
)
from caseconnect.sdk.testing.connection import ConnectionRules, Operation
from caseconnect.sdk.testing.plugin import one_of
from caseconnect.sdk.testing.rig import Rig, in_virtual_time, not_applicable, require
from caseconnect.sdk.testing.wire import Fault
from caseconnect.sdk.testing.world import SinkWorld


class SinkContract(ConnectionRules[SinkWorld]):
    """Derive a `Test...` class, set `plugin` to the plugin's module and give `world`. Runs once per kind of command."""

    hook = "sinks"

    @abstractmethod
    def world(self, now: Callable[[], datetime]) -> SinkWorld:
        """A new simulated platform. `now` is virtual time."""

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """One test per kind of command."""
        if "kind" in metafunc.fixturenames:
            spec = one_of(metafunc.cls.plugin, "sinks", metafunc.cls.name)
            kinds = sorted(spec.commands, key=lambda c: c.kind)
            metafunc.parametrize("kind", kinds, ids=[c.kind for c in kinds])

    def work(self, rig: Rig[SinkWorld]) -> dict[str, Operation]:
        """`execute` of one command of each kind."""

        def executing(command: Command) -> Operation:
            return lambda sink: sink.execute(command, f"key-of-{command.kind}")

        return {f"execute({k.kind})": executing(rig.world.command(k)) for k in rig.spec.commands}

    def _reads(self, rig: Rig[SinkWorld]) -> dict[str, Operation]:
        return {"check()": self._all(rig)["check()"]}

    def test_commands_are_known(self) -> None:
        """Commands are the SDK's own; each says how a repeat is safe."""
        for command, repeat in self.spec().commands.items():
            require(COMMANDS.get(command.kind) is command, f"{command.__name__} is no command of the SDK")
            require(isinstance(repeat, Repeat), f"{command.__name__}: {repeat!r} is no Repeat")

    @in_virtual_time
    async def test_check_changes_nothing(self) -> None:
        """Trying a connection leaves no trace on it."""
        rig = self.rig()
        async with rig.started() as sink:
            before = len(rig.world.effects())
            await sink.check()
        require(len(rig.world.effects()) == before, "check() had an effect")

    @in_virtual_time
    async def test_done_once_and_seen(self, kind: type[Command]) -> None:
        """It has its effect, `verify` sees it and changes nothing, the outcome survives the journal."""
        rig = self.rig()
        command, before = rig.world.command(kind), len(rig.world.effects())
        async with rig.started() as sink:
            sighting = await verify(sink, command)
            require(sighting.seen is not True, "verify() saw an effect before the command was ever sent")
            require(len(rig.world.effects()) == before, "verify() had an effect")
            attempt = await execute(sink, command)
            require(attempt.taken, f"the command was not carried out: {attempt}")
            done = await settle(rig, sink, command, attempt.outcome)
            require(len(rig.world.effects()) > before, "it is called done, but the ledger shows no effect")
            after = len(rig.world.effects())
            await asyncio.sleep(rig.spec.index_lag.total_seconds() + 1)
            sighting = await verify(sink, command)
            require(
                sighting.seen is not False and not sighting.failed, f"done, but verify() does not see it: {sighting}"
            )
            require(len(rig.world.effects()) == after, "verify() had an effect")
            if rig.spec.commands[kind] in (Repeat.STATE, Repeat.KEY):
                require(sighting.seen is True, f"{rig.spec.commands[kind]}: verify() must be able to tell")
        back = Outcome.model_validate_json(done.model_dump_json())
        require(back == done, "the outcome is another one after a JSON round trip")

    @in_virtual_time
    async def test_twice_is_once(self, kind: type[Command]) -> None:
        """A repeat under the same key, in the same and in a new process, adds no effect."""
        rig = self.rig()
        if rig.spec.commands[kind] not in (Repeat.STATE, Repeat.KEY):
            raise not_applicable("never repeated before verify() said that it was not there")
        command = rig.world.command(kind)
        async with rig.started() as sink:
            attempt = await execute(sink, command)
            await settle(rig, sink, command, attempt.outcome)
            after = list(rig.world.effects())
            again = await execute(sink, command)
            require(again.taken, f"the repeat of what is done was not taken as done: {again}")
        async with rig.started() as sink:
            again = await execute(sink, command)
            require(again.taken, f"the repeat in a new process was not taken as done: {again}")
            await settle(rig, sink, command, again.outcome)
        more = list(rig.world.effects())[len(after) :]
        require(not more, f"a repeat had effects: {more}")

    @in_virtual_time
    async def test_every_break_ends_in_one_effect(self, kind: type[Command]) -> None:
        """Fail each request in each way, then look, and repeat as the class allows: the effect is there once."""
        requests, effects = await self._whole(kind)
        for number, has_effect in enumerate(requests, 1):
            for fault in BREAKS if has_effect else BREAKS_OF_READS:
                await self._break(kind, number, fault, effects)

    @in_virtual_time
    async def test_effects_are_never_denied(self, kind: type[Command]) -> None:
        """Whatever the platform answers: an effect is not called refused or surely absent, and none is invented."""
        requests, _ = await self._whole(kind)
        for number in range(1, len(requests) + 1):
            for fault in ODD:
                rig = self.rig()
                command, before = rig.world.command(kind), len(rig.world.effects())
                async with rig.started() as sink:
                    rig.wire.fault_at(number, fault)
                    attempt = await execute(sink, command)
                honest(attempt, len(rig.world.effects()) - before, f"request {number}: {fault.name}")

    @in_virtual_time
    async def test_a_blind_look_denies_nothing(self, kind: type[Command]) -> None:
        """Looking while the platform is out of order: an error, or "it cannot be told", never "it is not there"."""
        rig = self.rig()
        command = rig.world.command(kind)
        async with rig.started() as sink:
            attempt = await execute(sink, command)
            await settle(rig, sink, command, attempt.outcome)
            await asyncio.sleep(rig.spec.index_lag.total_seconds() + 1)
            after = len(rig.world.effects())
            for fault in BLIND:
                rig.wire.fault_all(fault)
                try:
                    sighting = await verify(sink, command)
                except ConnectError:
                    continue
                require(sighting.seen is not False, f"done, and verify() denies it after: {fault.name}")
            require(len(rig.world.effects()) == after, "verify() had an effect")

    @in_virtual_time
    async def test_refused_is_refused(self, kind: type[Command]) -> None:
        """What the platform cannot do is refused with a reason for people, again at a repeat, and leaves no trace."""
        rig = self.rig()
        command = rig.world.refused(kind)
        if command is None:
            raise not_applicable(f"the world names no {kind.kind} that is refused")
        before = list(rig.world.effects())
        async with rig.started() as sink:
            for _ in range(2):
                attempt = await execute(sink, command)
                refused = attempt.outcome is not None and attempt.outcome.state == "refused"
                require(refused or isinstance(attempt.error, PermanentError), f"not refused: {attempt}")
                require(not refused or bool(attempt.outcome and attempt.outcome.note.strip()), "refused without a note")
                try:
                    sighting = await verify(sink, command)
                except PermanentError:
                    continue
                require(sighting.seen is not True, "verify() sees the effect of a refused command")
        more = list(rig.world.effects())[len(before) :]
        require(not more, f"a refused command had effects: {more}")

    async def _whole(self, kind: type[Command]) -> tuple[list[bool], int]:
        """The requests of the command in a new process, when nothing fails, and how many effects they have.

        Of each request whether it may have one: asking with GET, or for a token, has none.
        """
        rig = self.rig()
        command, before = rig.world.command(kind), len(rig.world.effects())
        async with rig.started() as sink:
            attempt = await execute(sink, command)
            sent = list(rig.wire.sent)
            await settle(rig, sink, command, attempt.outcome)
        after = len(rig.world.effects())
        token_path = sent[0].path if rig.world.end_tokens() else None
        return [each.method != "GET" and each.path != token_path for each in sent], after - before

    async def _break(self, kind: type[Command], number: int, fault: Fault, whole: int) -> None:
        rig = self.rig()
        command, before = rig.world.command(kind), len(rig.world.effects())
        what = f"request {number}: {fault.name}"

        def effects() -> int:
            return len(rig.world.effects()) - before

        async with rig.started() as sink:
            rig.wire.fault_at(number, fault)
            attempt = await execute(sink, command, kill=fault is KILLED)
        rig.wire.mend()
        honest(attempt, effects(), what)
        known = attempt.taken or attempt.unknown or isinstance(attempt.error, TransientError)
        require(known, f"{what}: nobody can say that this will never work, but it ended with {attempt}")
        await go_on(rig, command, attempt, effects, whole, what)
