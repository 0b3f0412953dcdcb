"""One component of a plugin on its wire, and how a contract test is run."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any, Generic, TypeVar
from unittest import SkipTest

from caseconnect.sdk.components import Settings
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.testing.resources import RecordingLog, make_resources
from caseconnect.sdk.testing.virtual import LoopClock, run
from caseconnect.sdk.testing.wire import Fault, Wire, too_many
from caseconnect.sdk.testing.world import World

W = TypeVar("W", bound=World)


class ContractBroken(AssertionError):
    """A component does not keep the contract; the text says which rule and what was seen."""


def require(kept: bool, rule: str) -> None:
    """Fail the test with `rule` unless it is kept."""
    if not kept:
        raise ContractBroken(rule)


class Rig(Generic[W]):
    """A world, the wire to it, and as many processes of the component as a test wants to start."""

    def __init__(self, spec: Any, world: W, now: Callable[[], datetime]) -> None:
        self.spec, self.world, self._now = spec, world, now
        self.wire = Wire(world.app)
        self.log = RecordingLog()
        self.settings: Settings = spec.settings.model_validate(world.settings)
        self.made: list[Any] = []

    def resources(self, secrets: Mapping[str, str] | None = None) -> Resources:
        """New resources, as after a restart of the host."""
        made = make_resources(
            secrets=self.world.secrets if secrets is None else secrets,
            transport=self.wire,
            now=self._now,
            connection=self.world.connection,
        )
        made.log = self.log
        self.made.append(made)
        return made

    @asynccontextmanager
    async def started(self, secrets: Mapping[str, str] | None = None) -> AsyncIterator[Any]:
        """The component, built anew, entered if it is a context manager, and closed at the end."""
        resources = self.resources(secrets)
        part = self.spec.build(self.settings, resources)
        self.made.append(part)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(resources.close)
            if hasattr(part, "__aenter__"):
                await stack.enter_async_context(part)
            yield part

    def throttled(self) -> None:
        """Too many requests, in the platform's own way or else as 429 with `Retry-After: 7`, once."""
        if not self.world.throttle():
            self.wire.fault_at(1, too_many(7))

    def failing(self, number: int, fault: Fault) -> None:
        """Fail the request with this number, counted from 1 from now."""
        self.wire.fault_at(number, fault)


def in_virtual_time(story: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """A sync test from `async def story(self, rig, ...)`: new world, virtual time, no socket."""

    def test(self: Any, **parameters: Any) -> None:
        async def told() -> None:
            now = LoopClock().now
            await story(self, Rig(self.spec(), self.world(now), now), **parameters)

        run(told())

    own, rig, *others = inspect.signature(story).parameters.values()
    del rig
    test.__name__, test.__doc__, test.__module__ = story.__name__, story.__doc__, story.__module__
    test.__qualname__ = story.__qualname__
    test.__signature__ = inspect.Signature([own, *others])  # type: ignore[attr-defined]
    return test


def not_applicable(why: str) -> SkipTest:
    """Raise it where a rule says nothing about this component; pytest shows the reason."""
    return SkipTest(why)
