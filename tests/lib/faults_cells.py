"""Plays one cell of the catalogue: the operation in a new process, its deciding request struck, and what follows."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx  # noqa: TID251 - the transport's own requests
from faults_catalogue import READ, TOKEN, WRITE, Fault
from faults_plays import CANARY, LATE, PHONE, Struck

from caseconnect.sdk.commands import COMMANDS, Command
from caseconnect.sdk.errors import AuthError, ConnectError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.testing import run
from caseconnect.sdk.testing.attempts import Attempt, execute, go_on, settle, verify
from caseconnect.sdk.testing.rig import Rig
from caseconnect.sdk.testing.wire import Sent

ROOT = Path(__file__).parents[2]
SINKS = {
    "opentext_case": "opentext_case/tests/test_case_contract.py",
    "shopify": "shopify/tests/test_shopify_contract.py",
    "sfcc": "sfcc/tests/test_sfcc_sink_contract.py",
}
SOURCES = {**SINKS, "sfcc": "sfcc/tests/test_sfcc_contract.py"}
"""Where each plugin's own contract tests keep their simulated world."""


@cache
def _tests(place: str) -> Any:
    path = ROOT / "plugins" / place
    name = f"catalogue_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Operation:
    """One column of the catalogue."""

    platform: str
    name: str
    kind: str
    what: str

    def rig(self) -> Rig[Any]:
        """A new world."""
        acts = self.kind != READ or self.what in COMMANDS
        made: Rig[Any] = (
            _tests(SINKS[self.platform]).TestSink() if acts else _tests(SOURCES[self.platform]).TestSource()
        ).rig()
        return made


class Striking:
    """The wire of a rig: lets all through but the one request that is struck."""

    def __init__(self, rig: Rig[Any], chosen: Callable[[int, Sent], bool], fault: Fault | None) -> None:
        self._rig, self._chosen, self._fault = rig, chosen, fault
        self._through = rig.wire.handle_async_request
        self.effects: list[int] = []
        self.landing: list[asyncio.Task[Any]] = []
        self.struck = 0
        self._kin: tuple[Any, ...] = ()
        self.sealed = False  # no token is given any more

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """In place of the wire's own."""
        number = len(self._rig.wire.sent) + 1
        sent = Sent(request.method, str(request.url), dict(request.headers), await request.aread())
        if self._fault and (_kin(sent) == self._kin if self._kin else self._chosen(number, sent)):
            self._kin = _kin(sent) if self._fault.lasts else ("nothing",)
            self.struck = number
            self.sealed = self._fault.name == "token ends, and no other is given"
            self._rig.wire.sent.append(sent)
            return await self._fault.play(Struck(request, lambda: self._again(request), self._rig, self.landing))
        if self.sealed and is_token(sent):
            self._rig.wire.sent.append(sent)
            return httpx.Response(401, json={"error": "invalid_client", "error_description": f"no {CANARY}"})
        answer: httpx.Response = await self._through(request)
        self.effects.append(_count(self._rig))
        return answer

    def mend(self) -> None:
        """Everything is in order from now on."""
        self._fault, self.sealed = None, False

    async def _again(self, request: httpx.Request) -> httpx.Response:
        answer: httpx.Response = await self._through(request)
        self._rig.wire.sent.pop()
        return answer


def is_token(sent: Sent) -> bool:
    """The request asks for a token."""
    return "token" in urlsplit(sent.url).path


def _kin(sent: Sent) -> tuple[Any, ...]:
    """What requests have in common that ask for the same."""
    found = re.search(rb'"operationName":"(\w+)"', sent.body)
    return sent.method, sent.path, found and found[1]


def _count(rig: Rig[Any]) -> int:
    return len(rig.world.effects()) if hasattr(rig.world, "effects") else 0


def _wire(rig: Rig[Any], chosen: Callable[[int, Sent], bool], fault: Fault | None = None) -> Striking:
    striking = Striking(rig, chosen, fault)
    rig.wire.handle_async_request = striking.handle_async_request  # type: ignore[method-assign] # all go by this one
    return striking


@cache
def _whole(operation: Operation) -> tuple[int, int]:
    """Of the undisturbed command: the number of its first request with an effect, or the last one; and all effects."""

    async def story() -> tuple[int, int]:
        rig = operation.rig()
        command, before = rig.world.command(COMMANDS[operation.what]), _count(rig)
        wire = _wire(rig, lambda *_: False)
        async with rig.started() as sink:
            attempt = await execute(sink, command)
            told = list(wire.effects)
            await settle(rig, sink, command, attempt.outcome)
        first = next((n for n, count in enumerate(told, 1) if count > before), len(told))
        return first, _count(rig) - before

    return run(story())


@dataclass
class Ended:
    """How a cell ended."""

    became: str
    error: BaseException | None = None
    note: str = ""


def _class(error: BaseException | None, fault: Fault) -> str:
    if error is None:
        return "done"
    kinds = {
        UnknownOutcome: "unknown",
        AuthError: "auth",
        PermanentError: "permanent",
        TransientError: "throttle" if "429" in fault.name or "THROTTLED" in fault.name else "again",
    }
    return next((name for kind, name in kinds.items() if isinstance(error, kind)), repr(error))


def play(operation: Operation, fault: Fault) -> list[str]:
    """What is wrong with this cell; nothing if it is as the table says."""
    whole = (0, 0) if operation.kind == READ else _whole(operation)
    made: list[str] = run(_Cell(operation, fault, whole).play())
    return made


class _Cell:
    def __init__(self, operation: Operation, fault: Fault, whole: tuple[int, int]) -> None:
        self._operation, self._fault, self._whole = operation, fault, whole
        self._wrong: list[str] = []

    async def play(self) -> list[str]:
        self._rig = self._operation.rig()
        if self._fault.session == "two at once":
            await self._two()
        elif self._operation.kind == READ:
            await self._read()
        else:
            await self._write()
        hosts = {urlsplit(sent.url).netloc for sent in self._rig.wire.sent}
        self._expect("elsewhere.example" not in hosts, "another host was asked")
        return self._wrong

    async def _write(self) -> None:
        rig, token = self._rig, self._operation.kind == TOKEN
        first, whole = self._whole
        command, before = rig.world.command(COMMANDS[self._operation.what]), _count(rig)
        wire = _wire(rig, (lambda _, s: is_token(s)) if token else (lambda n, _: n == first), self._fault)

        def effects() -> int:
            return _count(rig) - before

        async with rig.started() as sink:
            attempt = await execute(sink, command)
        self._expect(wire.struck > 0, "the request was never made")
        self._judge(attempt.error, attempt.outcome.note if attempt.outcome else "", refused=not attempt.taken)
        surely = not attempt.taken and not attempt.unknown
        self._expect(not (surely and effects()), f"called {attempt}, and the ledger shows {effects()}")
        wire.mend()
        await self._repeat(rig, command, attempt, effects, whole)
        await asyncio.gather(*wire.landing)
        await asyncio.sleep(LATE)
        self._expect(effects() <= whole, f"{effects()} effects instead of {whole}")

    async def _repeat(
        self, rig: Rig[Any], command: Command, attempt: Attempt, effects: Callable[[], int], whole: int
    ) -> None:
        """As the host does: what is refused rests; a connection that paused goes on when it is mended."""
        if isinstance(attempt.error, PermanentError) or (attempt.outcome and attempt.outcome.state == "refused"):
            return
        wait = attempt.error.retry_after if isinstance(attempt.error, TransientError) else None
        await asyncio.sleep(wait or 0)
        await go_on(rig, command, attempt, effects, whole, self._fault.name)

    async def _read(self) -> None:
        rig = self._rig
        if self._operation.what in COMMANDS:
            await self._find(rig)
            return
        asked = self._asking(rig)
        async with rig.started() as source:
            work = await asked(source)
            known = await work()
            start = len(rig.wire.sent)
            wire = _wire(rig, lambda n, s: n > start and not is_token(s), self._fault)
            found, error = await _tried(work())
            wire.mend()
            self._expect(wire.struck > 0, "the request was never made")
            self._judge(error, "")
            self._expect(error is not None or found == known, "it was taken for success, and is another answer")
            wire.mend()
            await asyncio.sleep((getattr(error, "retry_after", None) or 0) + 60)
            self._expect(await work() == known, "afterwards it is another answer")

    def _asking(self, rig: Rig[Any]) -> Callable[[Any], Awaitable[Callable[[], Awaitable[Any]]]]:
        async def asking(source: Any) -> Callable[[], Awaitable[Any]]:
            if self._operation.what != "read":
                need = next(n for n in rig.world.needs() if n.fact == self._operation.what)
                return lambda: source.fetch(need)
            cursor = (await source.read(None, rig.world.watch())).cursor
            await asyncio.sleep(2 * rig.world.overlap.total_seconds())
            changed = {await rig.world.change(n) for n in range(3)}
            await asyncio.sleep(rig.world.index_lag.total_seconds() + 1)

            async def page() -> Any:
                items = {i.id for i in (await source.read(cursor, rig.world.watch())).items}
                return items & changed or items

            return page

        return asking

    async def _find(self, rig: Rig[Any]) -> None:
        """A look for what was done: never "it is not there"."""
        command = rig.world.command(COMMANDS[self._operation.what])
        async with rig.started() as sink:
            await execute(sink, command)
            await asyncio.sleep(rig.spec.index_lag.total_seconds() + 1)
            before, start = _count(rig), len(rig.wire.sent)
            wire = _wire(rig, lambda n, s: n > start and not is_token(s), self._fault)
            found, error = await _tried(verify(sink, command))
            self._expect(wire.struck > 0, "the request was never made")
            self._judge(error, found.note if found else "", refused=found is not None and found.seen is None)
            self._expect(found is None or found.seen is not False, "what is there was denied")
            wire.mend()
            await asyncio.sleep((getattr(error, "retry_after", None) or 0) + 60)
            self._expect((await verify(sink, command)).seen is True, "afterwards it was not found")
        self._expect(_count(rig) == before, "a look had an effect")

    async def _two(self) -> None:
        """Two tasks with an ended token: one new one is asked for, of each kind that the platform has."""
        rig = self._rig
        async with rig.started() as sink:
            await sink.check()
            start = len(rig.wire.sent)
            rig.world.end_tokens()
            _wire(rig, lambda *_: False)
            results = await asyncio.gather(sink.check(), sink.check())
        self._expect(all(step.ok for steps in results for step in steps), "a check failed")
        tokens = [(s.headers.get("authorization"), s.body) for s in rig.wire.sent[start:] if is_token(s)]
        self._expect(0 < len(tokens) == len(set(tokens)), f"{len(tokens)} tokens, {len(set(tokens))} kinds")

    def _judge(self, error: ConnectError | None, note: str, *, refused: bool = False) -> None:
        became = "permanent" if error is None and refused else _class(error, self._fault)
        wanted = self._fault.expected(self._operation.platform, self._operation.name, self._operation.kind)
        self._expect(became == wanted, f"is {became} instead of {wanted}: {error or note}")
        if isinstance(error, TransientError) and became == "throttle" and self._fault.wait is not None:
            wait = error.retry_after
            near = wait is not None and abs(wait - self._fault.wait) <= 1
            self._expect(near, f"waits {wait} s instead of {self._fault.wait}")
        texts = [note, "".join(traceback.format_exception(error)) if error else "", *map(str, self._rig.log.lines)]
        shown = [*texts, *(sent.url for sent in self._rig.wire.sent)]
        words = self._rig.secret_words() | set(self._rig.world.personal) | {CANARY, PHONE}
        hidden = not any(word in text or quote(word, safe="") in text for word in words for text in shown)
        self._expect(hidden, f"a secret or personal data is shown: {error or note}")

    def _expect(self, holds: bool, text: str) -> None:
        if not holds:
            self._wrong.append(text)


async def _tried(work: Awaitable[Any]) -> tuple[Any, ConnectError | None]:
    try:
        return await work, None
    except ConnectError as error:
        return None, error


__all__ = ["READ", "TOKEN", "WRITE", "Operation", "is_token", "play"]
