"""One component of a plugin on its wire, and how a contract test is run."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any, Generic, ParamSpec, TypeVar
from unittest import SkipTest

from caseconnect.sdk.components import Settings
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.testing.resources import RecordingLog, make_resources
from caseconnect.sdk.testing.virtual import run
from caseconnect.sdk.testing.wire import Wire, too_many
from caseconnect.sdk.testing.world import World

W = TypeVar("W", bound=World)
P = ParamSpec("P")


class ContractBroken(AssertionError):
    """A component does not keep the contract; the text says which rule and what was seen."""


def require(kept: bool, rule: str) -> None:
    """Fail the test with `rule` unless it is kept."""
    if not kept:
        raise ContractBroken(rule)


def not_applicable(why: str) -> SkipTest:
    """Raise it where a rule says nothing about this component; pytest shows the reason."""
    return SkipTest(why)


def in_virtual_time(story: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A sync test that tells the async `story` to its end on a new virtual loop."""

    @functools.wraps(story)
    def test(*given: P.args, **named: P.kwargs) -> None:
        run(story(*given, **named))

    return test


class Rig(Generic[W]):
    """A world, the wire to it, and as many processes of the component, one after another, as a test starts."""

    def __init__(self, spec: Any, world: W, now: Callable[[], datetime]) -> None:
        self.spec, self.world, self.now = spec, world, now
        self.wire = Wire(world.app)
        self.log = RecordingLog()
        self.settings: Settings = spec.settings.model_validate(world.settings)
        self.shown: list[str] | None = None

    def resources(self, secrets: Mapping[str, str] | None = None) -> Resources:
        """New resources, as after a restart of the host."""
        made = make_resources(
            secrets=self.world.secrets if secrets is None else secrets,
            transport=self.wire,
            now=self.now,
            connection=self.world.connection,
        )
        made.log = self.log
        return made

    @asynccontextmanager
    async def started(self, secrets: Mapping[str, str] | None = None) -> AsyncIterator[Any]:
        """The component, built anew, entered if it is a context manager, and closed at the end."""
        resources = self.resources(secrets)
        part = self.spec.build(self.settings, resources)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(resources.close)
            if hasattr(part, "__aenter__"):
                await stack.enter_async_context(part)
            yield part
            if self.shown is not None:
                self.shown += [repr(part), str(part), repr(vars(part)) if hasattr(part, "__dict__") else ""]

    def listen(self) -> list[str]:
        """What the settings, and from now on all parts, show of themselves."""
        self.shown = [repr(self.settings), str(self.settings), self.settings.model_dump_json()]
        return self.shown

    def throttle(self) -> None:
        """Refuse the next request as too many: in the platform's own way, or as 429 with `Retry-After: 7`."""
        if not self.world.throttle():
            self.wire.fault_at(1, too_many(7))

    def wrong_secrets(self) -> dict[str, str]:
        """Another value for each secret."""
        return {name: f"wrong{value[::-1]}" for name, value in self.world.secrets.items()}

    def secret_words(self) -> set[str]:
        """What must never be shown: the secrets, and every credential that went over the wire."""
        words = set(self.world.secrets.values())
        for sent in self.wire.sent:
            for header, value in sent.headers.items():
                if header == "authorization" or header.endswith("-token"):
                    words.add(value.split(" ", 1)[-1])
        return {w for w in words if len(w) >= 6}
