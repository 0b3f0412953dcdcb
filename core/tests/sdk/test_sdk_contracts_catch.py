"""Each rule of the contract tests is broken once by a toy, and the rule's own test must say so."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, Field, ValidationError

from caseconnect.sdk.commands import CommentCase, HoldOrder
from caseconnect.sdk.components import Check, Outcome, Sighting
from caseconnect.sdk.deliveries import Ignored, Page
from caseconnect.sdk.errors import AuthError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.hookspecs import hookimpl
from caseconnect.sdk.testing import ContractBroken, PluginContract, SinkContract, SourceContract

_spec = importlib.util.spec_from_file_location("toy_shop_broken", Path(__file__).with_name("toy_shop.py"))
assert _spec
assert _spec.loader
toy: Any = importlib.util.module_from_spec(_spec)
sys.modules["toy_shop_broken"] = toy
_spec.loader.exec_module(toy)

Source, Sink = toy.ToySource, toy.ToySink


def contract(rules: type, plugin: Any, world: Any = toy.ToyWorld) -> Any:
    """The contract's class on this plugin and world, as a test file would write it."""
    return type("Tried", (rules,), {"plugin": plugin, "world": lambda self, now: world(now)})()


class BadCheck(Source):
    async def check(self):
        return [Check(step="listing", ok=False, note="no")]


class ChecksNothing(Source):
    async def check(self):
        return [Check(step="hope", ok=True)]


class HidesThrottling(Source):
    async def fetch(self, need):
        for _ in range(2):
            try:
                return await super().fetch(need)
            except TransientError:
                await asyncio.sleep(1)
        return await super().fetch(need)


class CrashesOnOdd(Source):
    async def fetch(self, need):
        response = await self.client.http.request("GET", f"/orders/{need.subject.id}")
        return toy.Thing(id=response.json()["id"], state="open")


class CallsAllPermanent(Source):
    async def fetch(self, need):
        try:
            return await super().fetch(need)
        except TransientError as error:
            raise PermanentError(str(error)) from error


class NeverRenews(Source):
    def __init__(self, settings, resources):
        super().__init__(settings, resources)
        self.client.tokens.drop = lambda value: None


class RenewsForEver(Source):
    async def fetch(self, need):
        for _ in range(5):
            try:
                return await super().fetch(need)
            except AuthError:
                continue
        return await super().fetch(need)


class ShowsSecret(Source):
    def __repr__(self):
        return f"ToySource({self.resources.secrets.reveal(self.settings.app_secret)})"


class LogsPersonal(Source):
    async def fetch(self, need):
        thing = await super().fetch(need)
        self.resources.log.info("fetched", who=thing.email)
        return thing


class TokenInUrl(Source):
    async def read(self, cursor, watch):
        if cursor:
            token = await self.client.tokens.get()
            await self.client.http.request("GET", "/orders", query={"since": "9", "token": token})
        return await super().read(cursor, watch)


class ClosesOnce(Source):
    async def __aenter__(self):
        self.open = True
        return self

    async def __aexit__(self, *_):
        if not self.open:
            raise RuntimeError("already closed")
        self.open = False


class BeginsAtTheBeginning(Source):
    async def read(self, cursor, watch):
        return await super().read(cursor or '{"mark": "2000-01-01T00:00:00+00:00"}', watch)


class NoOverlap(Source):
    def _begin(self, mark):
        return super()._begin(mark) + timedelta(seconds=self.settings.overlap, microseconds=1)


class MarksNow(Source):
    """The classic: the cursor is the time of the poll, not of what was seen."""

    async def read(self, cursor, watch):
        page = await super().read(cursor, watch)
        state = orjson.loads(page.cursor)
        state["mark"] = (self.resources.now() + timedelta(seconds=self.settings.overlap)).isoformat()
        return Page(page.items, orjson.dumps(state).decode(), page.more)


class ForgetsPages(Source):
    """Holds the page in memory: lost at a restart."""

    async def read(self, cursor, watch):
        page = await super().read(cursor, watch)
        state = orjson.loads(page.cursor)
        state["mark"] = self.resources.now().isoformat()
        if page.more:
            self.kept = page.cursor
            return Page(page.items, orjson.dumps({"mark": state["mark"]}).decode(), True)
        return page


class RepeatsEverything(Source):
    def _begin(self, mark):
        return super()._begin("2026-01-01T00:00:00+00:00")


class PagesByOffset(Source):
    """What moves to the end pulls the next page's first item into the page that was read already."""

    async def read(self, cursor, watch):
        if cursor is None:
            return await super().read(cursor, watch)
        state = orjson.loads(cursor)
        offset, begin = state.get("offset", 0), state.get("begin", state["mark"])
        rows, after, more = [], "", True
        while more:
            body = await self.client.ask("GET", "/orders", query={"since": begin, "after": after})
            rows, more = rows + body["orders"], body["more"]
            after = toy._place(rows[-1]) if rows else ""
        page, rest = rows[offset : offset + 2], rows[offset + 2 :]
        new = {"mark": max([state["mark"], *(r["updated"] for r in page)])}
        new |= {"begin": begin, "offset": offset + 2} if rest else {}
        return Page(tuple(self.item(r) for r in page), orjson.dumps(new).decode(), bool(rest))


class SkipsEqualTimes(Source):
    async def read(self, cursor, watch):
        page = await super().read(cursor, watch)
        state = orjson.loads(page.cursor)
        if "after" in state:
            state["after"] = state["after"].split("|")[0] + "|~"
        return Page(page.items, orjson.dumps(state).decode(), page.more)


class NeverEnds(Source):
    async def read(self, cursor, watch):
        page = await super().read(cursor, watch)
        return Page(page.items, page.cursor, True)


class StampsItems(Source):
    def item(self, row):
        return super().item({**row, "read_at": self.resources.now().isoformat()})


class WrongFact(Source):
    async def fetch(self, need):
        await super().fetch(need)
        return Check(step="x", ok=True)


class InventsFacts(Source):
    async def fetch(self, need):
        try:
            return await super().fetch(need)
        except PermanentError:
            return toy.Thing(id=need.subject.id, state="open")


class LosesRoots(Source):
    async def root(self, alias):
        return None


class CountsWhenParsing(Source):
    seen = 0

    def parse(self, delivery):
        self.seen += 1
        return super().parse(delivery) if self.seen < 4 else Ignored(reason="enough")


class CrashesOnRubbish(Source):
    def parse(self, delivery):
        orjson.loads(delivery.body)
        return super().parse(delivery)


class TrustsFields(Source):
    def parse(self, delivery):
        orjson.loads(delivery.body or b"{}").get("email", "").lower()
        return super().parse(delivery)


class ParsesAnything(Source):
    def parse(self, delivery):
        return super().parse(toy.Delivery(delivery.connection, "order", "1", delivery.received_at, delivery.body))


class SilentlyIgnores(Source):
    def parse(self, delivery):
        try:
            return super().parse(delivery)
        except PermanentError as error:
            return Ignored.model_construct(reason="") if error else None


class OtherConnection(Source):
    def parse(self, delivery):
        parsed = super().parse(delivery)
        if isinstance(parsed, Ignored):
            return parsed
        events = [e.model_copy(update={"subject": e.subject._replace(connection="x")}) for e in parsed.events]
        return parsed.model_copy(update={"events": tuple(events)})


SOURCES = [
    ("check_passes", BadCheck),
    ("wrong_credentials_are_an_auth_error", ChecksNothing),
    ("throttling_is_obeyed", HidesThrottling),
    ("odd_answers_are_told_as_errors", CrashesOnOdd),
    ("no_answer_is_transient", CallsAllPermanent),
    ("server_errors_are_transient", CallsAllPermanent),
    ("token_that_ends_early_is_renewed", NeverRenews),
    ("token_is_renewed_only_once", RenewsForEver),
    ("secrets_and_personal_data_are_never_shown", ShowsSecret),
    ("secrets_and_personal_data_are_never_shown", LogsPersonal),
    ("secrets_and_personal_data_are_never_shown", TokenInUrl),
    ("closed_and_built_again", ClosesOnce),
    ("first_read_begins_now", BeginsAtTheBeginning),
    ("restart_after_each_page_loses_nothing", ForgetsPages),
    ("restart_after_each_page_loses_nothing", RepeatsEverything),
    ("restart_after_each_page_loses_nothing", NeverEnds),
    ("changes_of_one_instant_are_not_lost", SkipsEqualTimes),
    ("change_while_paging_is_not_lost", PagesByOffset),
    ("stale_search_loses_nothing", MarksNow),
    ("stale_search_loses_nothing", NoOverlap),
    ("quiet_platform_gives_nothing_new", StampsItems),
    ("facts_are_of_their_model", WrongFact),
    ("absent_facts_are_told", InventsFacts),
    ("names_are_resolved", LosesRoots),
    ("parse_is_pure", CountsWhenParsing),
    ("rubbish_is_refused_or_ignored", CrashesOnRubbish),
    ("rubbish_is_refused_or_ignored", SilentlyIgnores),
    ("withheld_and_odd_fields_do_not_break_parse", TrustsFields),
    ("unknown_topics_are_ignored", ParsesAnything),
    ("events_are_declared_and_survive_json", OtherConnection),
]


@pytest.mark.parametrize(("rule", "source"), SOURCES, ids=[f"{r}-{s.__name__}" for r, s in SOURCES])
def test_source_rule_catches(rule, source):
    tried = contract(SourceContract, toy.make_plugin(source=source))
    with pytest.raises((ContractBroken, RuntimeError)):
        getattr(tried, f"test_{rule}")()


class UnsignedWorld(toy.ToyWorld):
    async def pushed(self):
        return [toy.Pushed({**p.headers, "X-Sign": "AAAA"}, p.body) for p in await super().pushed()]


def test_wrong_signature_is_caught():
    tried = contract(SourceContract, toy.make_plugin(), UnsignedWorld)
    with pytest.raises(ContractBroken, match="signature"):
        tried.test_pushed_requests_carry_the_declared_signature()


class NotesBlindly(Sink):
    """Calls a lost answer transient: the host would send it again."""

    async def execute(self, command, key):
        try:
            return await super().execute(command, key)
        except UnknownOutcome as error:
            raise TransientError(str(error)) from error


class RepeatsByItself(Sink):
    async def execute(self, command, key):
        try:
            return await super().execute(command, key)
        except UnknownOutcome:
            return await super().execute(command, key)


class TakesAnythingForDone(Sink):
    async def execute(self, command, key):
        try:
            return await super().execute(command, key)
        except PermanentError:
            return Outcome(state="done")


class AlwaysSeen(Sink):
    async def verify(self, command, key):
        return Sighting(seen=True)


class NeverSeen(Sink):
    async def verify(self, command, key):
        return Sighting(seen=False)


class VerifyActs(Sink):
    async def verify(self, command, key):
        await self.execute(command, key)
        return await super().verify(command, key)


class CheckActs(Sink):
    async def check(self):
        await self.client.ask("POST", "/orders/old/hold", json={})
        return await super().check()


class AddsEachTime(Sink):
    async def execute(self, command, key):
        outcome = await super().execute(command, key)
        await self.client.ask("POST", f"/orders/{command.target.id}/notes", json={"text": "held"})
        return outcome


class RefusesInDoubt(Sink):
    async def execute(self, command, key):
        try:
            return await super().execute(command, key)
        except UnknownOutcome:
            return Outcome(state="refused", note="it did not work")


class RefusesSilently(Sink):
    async def execute(self, command, key):
        try:
            return await super().execute(command, key)
        except PermanentError:
            return Outcome(state="refused")


class StopsHalfway(Sink):
    """Two effects; a failure of the second is called surely no effect."""

    async def execute(self, command, key):
        await super().execute(command, key)
        try:
            await self.client.ask("POST", f"/orders/{command.target.id}/notes", json={"text": "held"})
        except UnknownOutcome as error:
            raise TransientError("the second part failed") from error
        return Outcome(state="done")


SINKS = [
    ("every_break_ends_in_one_effect", CommentCase, NotesBlindly),
    ("every_break_ends_in_one_effect", CommentCase, RepeatsByItself),
    ("every_break_ends_in_one_effect", HoldOrder, RefusesInDoubt),
    ("every_break_ends_in_one_effect", CommentCase, NeverSeen),
    ("every_break_ends_in_one_effect", CommentCase, AlwaysSeen),
    ("every_break_ends_in_one_effect", HoldOrder, StopsHalfway),
    ("effects_are_never_denied", HoldOrder, TakesAnythingForDone),
    ("effects_are_never_denied", CommentCase, RefusesInDoubt),
    ("done_once_and_seen", HoldOrder, AlwaysSeen),
    ("done_once_and_seen", HoldOrder, NeverSeen),
    ("done_once_and_seen", CommentCase, VerifyActs),
    ("twice_is_once", HoldOrder, AddsEachTime),
    ("refused_is_refused", HoldOrder, TakesAnythingForDone),
    ("refused_is_refused", HoldOrder, RefusesSilently),
    ("check_changes_nothing", None, CheckActs),
]


@pytest.mark.parametrize(("rule", "kind", "sink"), SINKS, ids=[f"{r}-{s.__name__}" for r, _, s in SINKS])
def test_sink_rule_catches(rule, kind, sink):
    tried = contract(SinkContract, toy.make_plugin(sink=sink))
    with pytest.raises(ContractBroken):
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


SPECS = [
    ("every_setting_is_described", Bare),
    ("unknown_settings_are_refused", HoldsLoose),
    ("settings_keep_no_secret_as_text", PlainSecret),
    ("example_is_valid", Demanding),
]


@pytest.mark.parametrize(("rule", "settings"), SPECS, ids=[r for r, _ in SPECS])
def test_spec_rule_catches(rule, settings):
    tried = contract(SourceContract, toy.make_plugin(settings=settings))
    with pytest.raises((ContractBroken, ValidationError)):
        getattr(tried, f"test_{rule}")()


@hookimpl
def connect_register_transforms(register: int) -> None:
    """Wrongly annotated, and mypy would not say so."""


def connect_register_simulators(register: Any) -> None:
    """Not marked, so never called."""


@pytest.mark.parametrize("function", [connect_register_transforms, connect_register_simulators])
def test_hook_rule_catches(function):
    tried = contract(PluginContract, toy.make_plugin(**{function.__name__: function}))
    with pytest.raises(ContractBroken):
        tried.test_hooks_are_spelt_and_annotated_as_specified()


def test_misspelt_hook_is_caught():
    @hookimpl
    def connect_register_sorces(register: Any) -> None: ...

    tried = contract(PluginContract, toy.make_plugin(connect_register_sorces=connect_register_sorces))
    with pytest.raises(ContractBroken, match="no hook"):
        tried.test_hooks_are_spelt_and_annotated_as_specified()
