"""Each rule for sinks, specs and hooks is broken once by a toy, and the rule's own test must say so."""

from __future__ import annotations

from typing import Any

import pytest
import toy_shop as toy
from pydantic import BaseModel, Field, ValidationError

from caseconnect.sdk.commands import CommentCase, HoldOrder
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import ConnectError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.hookspecs import hookimpl
from caseconnect.sdk.testing import ContractBroken, PluginContract, SinkContract, SourceContract

Sink = toy.ToySink


def contract(rules: type, plugin: Any, world: Any = toy.ToyWorld) -> Any:
    """The contract's class on this plugin and world, as a test file would write it."""
    return type("Tried", (rules,), {"plugin": plugin, "world": lambda self, now: world(now)})()


class NotesBlindly(Sink):
    """Calls a lost answer transient: the host would send it again."""

    async def execute(self, command: Any, key: Any) -> Any:
        try:
            return await super().execute(command, key)
        except UnknownOutcome as error:
            raise TransientError(str(error)) from error


class RepeatsByItself(Sink):
    async def execute(self, command: Any, key: Any) -> Any:
        try:
            return await super().execute(command, key)
        except UnknownOutcome:
            return await super().execute(command, key)


class TakesAnythingForDone(Sink):
    async def execute(self, command: Any, key: Any) -> Any:
        try:
            return await super().execute(command, key)
        except PermanentError:
            return Outcome(state="done")


class AlwaysSeen(Sink):
    async def verify(self, command: Any, key: Any) -> Any:
        return Sighting(seen=True)


class NeverSeen(Sink):
    async def verify(self, command: Any, key: Any) -> Any:
        return Sighting(seen=False)


class DeniesInDoubt(Sink):
    async def verify(self, command: Any, key: Any) -> Any:
        try:
            return await super().verify(command, key)
        except ConnectError:
            return Sighting(seen=False)


class VerifyActs(Sink):
    async def verify(self, command: Any, key: Any) -> Any:
        await self.execute(command, key)
        return await super().verify(command, key)


class CheckActs(Sink):
    async def check(self) -> Any:
        await self.client.ask("POST", "/orders/old/hold", json={})
        return await super().check()


class AddsEachTime(Sink):
    async def execute(self, command: Any, key: Any) -> Any:
        outcome = await super().execute(command, key)
        await self.client.ask("POST", f"/orders/{command.target.id}/notes", json={"text": "held"})
        return outcome


class RefusesInDoubt(Sink):
    async def execute(self, command: Any, key: Any) -> Any:
        try:
            return await super().execute(command, key)
        except UnknownOutcome:
            return Outcome(state="refused", note="it did not work")


class RefusesSilently(Sink):
    async def execute(self, command: Any, key: Any) -> Any:
        try:
            return await super().execute(command, key)
        except PermanentError:
            return Outcome(state="refused")


class StopsHalfway(Sink):
    """Two effects; a failure of the second is called surely no effect."""

    async def execute(self, command: Any, key: Any) -> Any:
        await super().execute(command, key)
        try:
            await self.client.ask("POST", f"/orders/{command.target.id}/notes", json={"text": "held"})
        except UnknownOutcome as error:
            raise TransientError("the second part failed") from error
        return Outcome(state="done")


SINKS = [
    ("every_break_ends_in_one_effect", CommentCase, NotesBlindly, "says surely no effect"),
    ("every_break_ends_in_one_effect", CommentCase, RepeatsByItself, "2 effects instead of 1"),
    ("every_break_ends_in_one_effect", HoldOrder, RefusesInDoubt, "nobody can say"),
    ("every_break_ends_in_one_effect", CommentCase, NeverSeen, "says that it is not"),
    ("every_break_ends_in_one_effect", CommentCase, AlwaysSeen, "sees an effect that is not there"),
    ("every_break_ends_in_one_effect", HoldOrder, StopsHalfway, "nobody will do the rest"),
    ("effects_are_never_denied", HoldOrder, TakesAnythingForDone, "shows no effect"),
    ("effects_are_never_denied", CommentCase, RefusesInDoubt, "says surely no effect"),
    ("done_once_and_seen", HoldOrder, AlwaysSeen, "before the command was ever sent"),
    ("done_once_and_seen", HoldOrder, NeverSeen, "does not see it"),
    ("done_once_and_seen", CommentCase, VerifyActs, "before the command was ever sent"),
    ("a_blind_look_denies_nothing", CommentCase, DeniesInDoubt, "verify.. denies it"),
    ("twice_is_once", HoldOrder, AddsEachTime, "a repeat had effects"),
    ("refused_is_refused", HoldOrder, TakesAnythingForDone, "not refused"),
    ("refused_is_refused", HoldOrder, RefusesSilently, "without a note"),
    ("check_changes_nothing", None, CheckActs, "check.. had an effect"),
]


@pytest.mark.parametrize(("rule", "kind", "sink", "says"), SINKS, ids=[f"{r}-{s.__name__}" for r, _, s, _ in SINKS])
def test_sink_rule_catches(rule: Any, kind: Any, sink: Any, says: Any) -> None:
    tried = contract(SinkContract, toy.make_plugin(sink=sink))
    with pytest.raises(ContractBroken, match=says):
        getattr(tried, f"test_{rule}")(*([kind] if kind else []))


class Bare(toy.ToySettings):
    page: int = 3


class Loose(BaseModel):
    x: int = Field(1, description="Anything.")


class HoldsLoose(toy.ToySettings):
    inner: Loose = Field(Loose(), description="Not strict inside.")


class PlainSecret(toy.ToySettings):
    second_secret: str = Field("", description="As text.")


class Demanding(toy.ToySettings):
    wanted: int = Field(description="Not in the example.")


SPECS: list[tuple[str, type[Any]]] = [
    ("every_setting_is_described", Bare),
    ("unknown_settings_are_refused", HoldsLoose),
    ("settings_keep_no_secret_as_text", PlainSecret),
    ("example_is_valid", Demanding),
]


@pytest.mark.parametrize(("rule", "settings"), SPECS, ids=[r for r, _ in SPECS])
def test_spec_rule_catches(rule: Any, settings: Any) -> None:
    tried = contract(SourceContract, toy.make_plugin(settings=settings))
    with pytest.raises((ContractBroken, ValidationError)):
        getattr(tried, f"test_{rule}")()


@hookimpl
def connect_register_transforms(register: int) -> None:
    """Wrongly annotated, and mypy would not say so."""


def connect_register_simulators(register: Any) -> None:
    """Not marked, so never called."""


@pytest.mark.parametrize("function", [connect_register_transforms, connect_register_simulators])
def test_hook_rule_catches(function: Any) -> None:
    tried = contract(PluginContract, toy.make_plugin(**{function.__name__: function}))
    with pytest.raises(ContractBroken):
        tried.test_hooks_are_spelt_and_annotated_as_specified()


def test_misspelt_hook_is_caught() -> None:
    @hookimpl
    def connect_register_sorces(register: Any) -> None: ...

    tried = contract(PluginContract, toy.make_plugin(connect_register_sorces=connect_register_sorces))
    with pytest.raises(ContractBroken, match="no hook"):
        tried.test_hooks_are_spelt_and_annotated_as_specified()
