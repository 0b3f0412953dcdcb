"""Rules for everything that talks to a platform: check, credentials, throttling, odd answers, secrets, closing."""

from __future__ import annotations

import asyncio
import traceback
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any, Generic
from urllib.parse import quote

from caseconnect.sdk.errors import AuthError, ConfigError, ConnectError, PermanentError, PluginError, TransientError
from caseconnect.sdk.testing.plugin import SpecRules
from caseconnect.sdk.testing.rig import ContractBroken, Rig, W, in_virtual_time, not_applicable, require
from caseconnect.sdk.testing.virtual import LoopClock
from caseconnect.sdk.testing.wire import (
    LOST_AFTER,
    LOST_BEFORE,
    REFUSED,
    SILENT,
    UNAUTHORIZED,
    Fault,
    answers,
)

HTML = b"<!doctype html><title>Sign in</title><p>Please sign in"

NO_ANSWER = (REFUSED, LOST_BEFORE, LOST_AFTER, SILENT)
"""Nothing came back."""

SERVER_ERRORS = (
    answers(500, b'{"error":"internal"}'),
    answers(502, HTML, "text/html"),
    answers(503, b"", "text/plain"),
    answers(504, HTML, "text/html"),
)
"""The platform, or what stands before it, is out of order."""

ODD_ANSWERS = (
    answers(200, HTML, "text/html"),
    answers(200, b"", "text/plain"),
    answers(200, b'{"data":{"x":'),
    answers(200, b"[]"),
    answers(200, b"null"),
    answers(200, b'{"data":null}'),
    answers(200, b"{}"),
    answers(400, b'{"errors":"bad"}'),
    answers(403, b"[1]"),
    answers(404, HTML, "text/html"),
    answers(409, b"7"),
    answers(302, b"", "text/html"),
)
"""Answers that a client should survive: a maintenance page, half an answer, the wrong shape, a redirect."""

Operation = Callable[[Any], Awaitable[Any]]


async def error_of(work: Awaitable[Any], what: str) -> ConnectError | None:
    """The error that `work` ends with, None if it succeeds. Any that the host cannot act on is a breach."""
    try:
        await work
    except (ConfigError, PluginError) as error:
        raise ContractBroken(f"{what}: {type(error).__name__} is not for platforms' answers: {error}") from error
    except ConnectError as error:
        require(bool(str(error).strip()), f"{what}: {type(error).__name__} without a text")
        return error
    except Exception as error:
        raise ContractBroken(f"{what}: {type(error).__name__} left the plugin: {error}") from error
    return None


async def _checked(part: Any) -> None:
    bad = [f"{s.step}: {s.note}" for s in await part.check() if not s.ok]
    if bad:
        raise PermanentError("; ".join(bad))


class ConnectionRules(SpecRules, Generic[W]):
    """Rules that sources and sinks share."""

    @abstractmethod
    def world(self, now: Callable[[], datetime]) -> W:
        """A new simulated platform. `now` is virtual time."""

    @abstractmethod
    def work(self, rig: Rig[W]) -> dict[str, Operation]:
        """Operations by name, each of which asks the platform something, and may be repeated."""

    def rig(self) -> Rig[W]:
        """A new world and the wire to it."""
        clock = LoopClock()
        return Rig(self.spec(), self.world(clock.now), clock.now)

    @in_virtual_time
    async def test_check_passes(self) -> None:
        """On a platform in order every step is fine."""
        rig = self.rig()
        async with rig.started() as part:
            steps = await part.check()
        require(len(steps) > 0, "check() must name the steps that it tried")
        bad = [f"{s.step}: {s.note}" for s in steps if not s.ok]
        require(not bad, f"check() fails on a platform in order: {bad}")

    @in_virtual_time
    async def test_wrong_credentials_are_an_auth_error(self) -> None:
        """The host pauses the connection on `AuthError` and on nothing else."""
        for name, operation in self._all(self.rig()).items():
            rig = self.rig()
            async with rig.started(rig.wrong_secrets()) as part:
                error = await error_of(operation(part), name)
            require(isinstance(error, AuthError), f"{name} with wrong credentials gave {error!r}")

    @in_virtual_time
    async def test_no_answer_is_transient(self) -> None:
        """Nobody listens, the connection breaks, the answer never comes: it may work later."""
        await self._fails_with(NO_ANSWER[:1], TransientError, self._all)
        await self._fails_with(NO_ANSWER[1:], TransientError, self._reads)

    @in_virtual_time
    async def test_server_errors_are_transient(self) -> None:
        """A platform out of order is nobody's fault that the host could mend."""
        await self._fails_with(SERVER_ERRORS, TransientError, self._reads)

    @in_virtual_time
    async def test_odd_answers_are_told_as_errors(self) -> None:
        """No KeyError, no TypeError, no silent success on a sign-in page."""
        for fault in ODD_ANSWERS:
            rig = self.rig()
            async with rig.started() as part:
                await part.check()
                rig.wire.fault_all(fault)
                for name, operation in self._reads(rig).items():
                    lines = len(rig.log.lines)
                    error = await error_of(operation(part), f"{name} answered with {fault.name}")
                    must = fault.status != 200 or fault.body in (HTML, b"")
                    warned = any(level in {"warning", "error"} for level, _, _ in rig.log.lines[lines:])
                    require(error is not None or warned or not must, f"{name} took {fault.name} for success")

    @in_virtual_time
    async def test_throttling_is_obeyed(self) -> None:
        """Too many requests: told at once with the platform's wish, nothing sent again by the plugin itself."""
        rig = self.rig()
        async with rig.started() as part:
            await part.check()
            for name, operation in self._reads(rig).items():
                await operation(part)
                rig.throttle()
                before = len(rig.wire.sent)
                error = await error_of(operation(part), name)
                require(isinstance(error, TransientError), f"{name}, throttled, gave {error!r}")
                wait = getattr(error, "retry_after", None)
                require(wait is not None and 0 < wait <= 3600, f"{name}, throttled: retry_after is {wait!r}")
                require(len(rig.wire.sent) == before + 1, f"{name} sent another request after it was throttled")
                rig.wire.mend()
                await asyncio.sleep(wait or 0)
                again = await error_of(operation(part), name)
                require(again is None, f"{name} still fails after the wait that the platform asked for: {again!r}")

    @in_virtual_time
    async def test_token_that_ends_early_is_renewed(self) -> None:
        """A token may be revoked before its time: one new one is asked for and the work goes on."""
        rig = self.rig()
        async with rig.started() as part:
            for name, operation in self._reads(rig).items():
                await operation(part)
                if not rig.world.end_tokens():
                    raise not_applicable("the platform has no access tokens")
                error = await error_of(operation(part), name)
                require(error is None, f"{name} with an ended token gave {error!r}")

    @in_virtual_time
    async def test_token_is_renewed_only_once(self) -> None:
        """When the new token is refused as well the credentials are no good."""
        rig = self.rig()
        async with rig.started() as part:
            await part.check()
            token_path = rig.wire.sent[0].path if self.rig().world.end_tokens() else None
            for name, operation in self._reads(rig).items():
                before = len(rig.wire.sent)
                rig.wire.plan = lambda _, sent: None if sent.path == token_path else UNAUTHORIZED
                error = await error_of(operation(part), name)
                require(isinstance(error, AuthError), f"{name}, always answered 401, gave {error!r}")
                asked = [s for s in rig.wire.sent[before:] if s.path != token_path]
                require(len(asked) <= 2, f"{name} asked {len(asked)} times although every answer was 401")

    @in_virtual_time
    async def test_token_is_shared(self) -> None:
        """Many at once, with no token yet: one is asked for, of each kind that the platform has (scope, account)."""
        rig = self.rig()
        async with rig.started() as part:
            await part.check()
        if not rig.world.end_tokens():
            raise not_applicable("the platform has no access tokens")
        token_path, before = rig.wire.sent[0].path, len(rig.wire.sent)
        async with rig.started() as part:
            await asyncio.gather(*(o(part) for _ in range(5) for o in self._reads(rig).values()))
        asked = [s for s in rig.wire.sent[before:] if s.path == token_path]
        kinds = {(s.headers.get("authorization"), s.body) for s in asked}
        require(len(asked) == len(kinds) > 0, f"{len(asked)} tokens were asked for by tasks that began at once")

    @in_virtual_time
    async def test_closed_and_built_again(self) -> None:
        """Build, close, build, close twice: a tenant file that changes does this to a running host."""
        rig = self.rig()
        for _ in range(2):
            resources = rig.resources()
            part = rig.spec.build(rig.settings, resources)
            require(not rig.wire.sent or _ == 1, "build() must ask the platform nothing")
            if hasattr(part, "__aenter__"):
                async with part:
                    await part.check()
                await part.__aexit__(None, None, None)
            else:
                await part.check()
            await resources.close()
            await resources.close()

    @in_virtual_time
    async def test_secrets_and_personal_data_are_never_shown(self) -> None:
        """Not in logs, reprs, errors or URLs, whatever happens."""
        rig = self.rig()
        texts = rig.listen()
        faults: tuple[Fault | None, ...] = (None, *NO_ANSWER, *SERVER_ERRORS, *ODD_ANSWERS, UNAUTHORIZED)
        for fault in faults:
            for secrets in (None, rig.wrong_secrets()):
                async with rig.started(secrets) as part:
                    rig.wire.plan = None if fault is None else (lambda _, __, fault=fault: fault)
                    texts += [await self._told(operation(part)) for operation in self._all(rig).values()]
        texts += [str(line) for line in rig.log.lines]
        urls = [s.url for s in rig.wire.sent]
        wrong = {w for w in rig.wrong_secrets().values() if len(w) >= 6}
        self._hidden(rig.secret_words() | wrong | set(rig.world.personal), texts, urls)

    def _reads(self, rig: Rig[W]) -> dict[str, Operation]:
        """Operations that surely change nothing."""
        return self._all(rig)

    def _all(self, rig: Rig[W]) -> dict[str, Operation]:
        return {"check()": _checked, **self.work(rig)}

    async def _fails_with(
        self, faults: Iterable[Fault], kind: type[ConnectError], operations: Callable[[Rig[W]], dict[str, Operation]]
    ) -> None:
        for fault in faults:
            rig = self.rig()
            async with rig.started() as part:
                await part.check()
                rig.wire.fault_all(fault)
                for name, operation in operations(rig).items():
                    error = await error_of(operation(part), f"{name}: {fault.name}")
                    require(isinstance(error, kind), f"{name}: {fault.name} gave {error!r}, not {kind.__name__}")

    @staticmethod
    async def _told(work: Awaitable[Any]) -> str:
        try:
            return repr(await work)
        except ConnectError as error:
            return "".join(traceback.format_exception(error))
        except Exception:  # noqa: BLE001 - another test says that only Connect's errors may leave
            return traceback.format_exc()

    @staticmethod
    def _hidden(words: set[str], texts: list[str], urls: list[str]) -> None:
        for word in words:
            for text in (*texts, *urls):
                at = text.find(word)
                at = text.find(quote(word, safe="")) if at < 0 else at
                if at >= 0:
                    around = text[max(0, at - 160) : at] + "<here>"
                    raise ContractBroken(f"a secret or personal data is shown after: …{around}")
