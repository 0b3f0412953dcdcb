"""Each rule for sources is broken once by a toy, and the rule's own test must say so."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
import toy_shop as toy

from caseconnect.sdk.components import Check
from caseconnect.sdk.deliveries import Delivery, Ignored, Page
from caseconnect.sdk.errors import AuthError, PermanentError, TransientError
from caseconnect.sdk.hookspecs import hookimpl
from caseconnect.sdk.testing import ContractBroken, Pushed, SourceContract

Source = toy.ToySource


def contract(rules: type, plugin: Any, world: Any = toy.ToyWorld) -> Any:
    """The contract's class on this plugin and world, as a test file would write it."""
    return type("Tried", (rules,), {"plugin": plugin, "world": lambda self, now: world(now)})()


class BadCheck(Source):
    async def check(self) -> Any:
        return [Check(step="listing", ok=False, note="no")]


class ChecksNothing(Source):
    async def check(self) -> Any:
        return [Check(step="hope", ok=True)]


class HidesThrottling(Source):
    async def fetch(self, need: Any) -> Any:
        for _ in range(2):
            try:
                return await super().fetch(need)
            except TransientError:
                await asyncio.sleep(1)
        return await super().fetch(need)


class CrashesOnOdd(Source):
    async def fetch(self, need: Any) -> Any:
        response = await self.client.http.request("GET", f"/orders/{need.subject.id}")
        return toy.Thing(id=response.json()["id"], state="open")


class CallsAllPermanent(Source):
    async def fetch(self, need: Any) -> Any:
        try:
            return await super().fetch(need)
        except TransientError as error:
            raise PermanentError(str(error)) from error


class NeverRenews(Source):
    def __init__(self, settings: Any, resources: Any) -> None:
        super().__init__(settings, resources)
        setattr(self.client.tokens, "drop", lambda value: None)  # noqa: B010 - a method


class RenewsForEver(Source):
    async def fetch(self, need: Any) -> Any:
        for _ in range(5):
            try:
                return await super().fetch(need)
            except AuthError:
                continue
        return await super().fetch(need)


class AsksEachTime(Source):
    """No lock: whoever finds no token asks for one."""

    def __init__(self, settings: Any, resources: Any) -> None:
        super().__init__(settings, resources)
        setattr(self.client.tokens, "get", self._get)  # noqa: B010 - a method

    async def _get(self) -> Any:
        await asyncio.sleep(0)
        return (await self.client._token()).value


class ShowsSecret(Source):
    def __repr__(self) -> Any:
        return f"ToySource({self.resources.secrets.reveal(self.settings.app_secret)})"


class LogsPersonal(Source):
    async def fetch(self, need: Any) -> Any:
        thing = await super().fetch(need)
        self.resources.log.info("fetched", who=getattr(thing, "email", None))
        return thing


class TokenInUrl(Source):
    async def read(self, cursor: Any, watch: Any) -> Any:
        if cursor:
            token = await self.client.tokens.get()
            await self.client.http.request("GET", "/orders", query={"since": "9", "token": token})
        return await super().read(cursor, watch)


class ClosesOnce(Source):
    async def __aenter__(self) -> Any:
        self.open = True
        return self

    async def __aexit__(self, *_: Any) -> None:
        if not self.open:
            raise RuntimeError("already closed")
        self.open = False


class BeginsAtTheBeginning(Source):
    async def read(self, cursor: Any, watch: Any) -> Any:
        return await super().read(cursor or '{"mark": "2000-01-01T00:00:00+00:00"}', watch)


class NoOverlap(Source):
    def _begin(self, mark: Any) -> Any:
        return super()._begin(mark) + timedelta(seconds=self.settings.overlap, microseconds=1)


class MarksNow(Source):
    """The classic: the cursor is the time of the poll, not of what was seen."""

    async def read(self, cursor: Any, watch: Any) -> Any:
        page = await super().read(cursor, watch)
        state = orjson.loads(page.cursor)
        state["mark"] = (self.resources.now() + timedelta(seconds=self.settings.overlap)).isoformat()
        return Page(page.items, orjson.dumps(state).decode(), page.more)


class ForgetsPages(Source):
    """Holds the page in memory: lost at a restart."""

    async def read(self, cursor: Any, watch: Any) -> Any:
        page = await super().read(cursor, watch)
        state = orjson.loads(page.cursor)
        state["mark"] = self.resources.now().isoformat()
        if page.more:
            self.kept = page.cursor
            return Page(page.items, orjson.dumps({"mark": state["mark"]}).decode(), True)
        return page


class RepeatsEverything(Source):
    def _begin(self, mark: Any) -> Any:
        return super()._begin("2026-01-01T00:00:00+00:00")


class PagesByOffset(Source):
    """What moves to the end pulls the next page's first item into the page that was read already."""

    async def read(self, cursor: Any, watch: Any) -> Any:
        if cursor is None:
            return await super().read(cursor, watch)
        state = orjson.loads(cursor)
        offset, begin = state.get("offset", 0), state.get("begin", state["mark"])
        rows: list[Any] = []
        after, more = "", True
        while more:
            body = await self.client.ask("GET", "/orders", query={"since": begin, "after": after})
            rows, more = rows + body["orders"], body["more"]
            after = toy._place(rows[-1]) if rows else ""
        page, rest = rows[offset : offset + 2], rows[offset + 2 :]
        new = {"mark": max([state["mark"], *(r["updated"] for r in page)])}
        new |= {"begin": begin, "offset": offset + 2} if rest else {}
        return Page(tuple(self.item(r) for r in page), orjson.dumps(new).decode(), bool(rest))


class SkipsEqualTimes(Source):
    async def read(self, cursor: Any, watch: Any) -> Any:
        page = await super().read(cursor, watch)
        state = orjson.loads(page.cursor)
        if "after" in state:
            state["after"] = state["after"].split("|")[0] + "|~"
        return Page(page.items, orjson.dumps(state).decode(), page.more)


class NeverEnds(Source):
    async def read(self, cursor: Any, watch: Any) -> Any:
        page = await super().read(cursor, watch)
        return Page(page.items, page.cursor, True)


class StampsItems(Source):
    def item(self, row: Any) -> Any:
        return super().item({**row, "read_at": self.resources.now().isoformat()})


class WrongFact(Source):
    async def fetch(self, need: Any) -> Any:
        await super().fetch(need)
        return Check(step="x", ok=True)


class InventsFacts(Source):
    async def fetch(self, need: Any) -> Any:
        try:
            return await super().fetch(need)
        except PermanentError:
            return toy.Thing(id=need.subject.id, state="open")


class LosesRoots(Source):
    async def root(self, alias: Any) -> Any:
        return None


class CountsWhenParsing(Source):
    seen = 0

    def parse(self, delivery: Any) -> Any:
        self.seen += 1
        return super().parse(delivery) if self.seen < 4 else Ignored(reason="enough")


class CrashesOnRubbish(Source):
    def parse(self, delivery: Any) -> Any:
        orjson.loads(delivery.body)
        return super().parse(delivery)


class TrustsFields(Source):
    def parse(self, delivery: Any) -> Any:
        orjson.loads(delivery.body or b"{}").get("email", "").lower()
        return super().parse(delivery)


class ParsesAnything(Source):
    def parse(self, delivery: Any) -> Any:
        return super().parse(Delivery(delivery.connection, "order", "1", delivery.received_at, delivery.body))


class SilentlyIgnores(Source):
    def parse(self, delivery: Any) -> Any:
        try:
            return super().parse(delivery)
        except PermanentError:
            return Ignored.model_construct(reason="")


class OtherConnection(Source):
    def parse(self, delivery: Any) -> Any:
        parsed = super().parse(delivery)
        if isinstance(parsed, Ignored):
            return parsed
        events = [e.model_copy(update={"subject": e.subject._replace(connection="x")}) for e in parsed.events]
        return parsed.model_copy(update={"events": tuple(events)})


class Past(Source):
    """One that reads what is older, and says before how much that is."""

    async def history(self, since: Any, cursor: Any) -> Any:
        return await self.read(cursor or orjson.dumps({"mark": since.isoformat()}).decode(), ())

    async def expected(self, since: Any) -> Any:
        cursor = orjson.dumps({"begin": since.isoformat(), "mark": since.isoformat()}).decode()
        found, more = 0, True
        while more:
            page = await self.read(cursor, ())
            found, cursor, more = found + len(page.items), page.cursor, page.more
        return found


class ExpectsAllAlways(Past):
    async def expected(self, since: Any) -> Any:
        return 3


class ExpectsNothing(Past):
    async def expected(self, since: Any) -> Any:
        return 0


class ExpectsWords(Past):
    async def expected(self, since: Any) -> Any:
        return "some"


class ForgetsThePast(Past):
    async def history(self, since: Any, cursor: Any) -> Any:
        return Page((), "{}")


SOURCES = [
    ("expected_is_about_what_history_gives", ExpectsAllAlways, "for what has not happened yet"),
    ("expected_is_about_what_history_gives", ExpectsNothing, "gave 0, of 3 changes"),
    ("expected_is_about_what_history_gives", ExpectsWords, "not a whole number"),
    ("expected_is_about_what_history_gives", ForgetsThePast, "never gave"),
    ("check_passes", BadCheck, "fails on a platform in order"),
    ("wrong_credentials_are_an_auth_error", ChecksNothing, "wrong credentials gave None"),
    ("throttling_is_obeyed", HidesThrottling, "throttled, gave None"),
    ("odd_answers_are_told_as_errors", CrashesOnOdd, "TypeError left the plugin"),
    ("no_answer_is_transient", CallsAllPermanent, "not TransientError"),
    ("server_errors_are_transient", CallsAllPermanent, "not TransientError"),
    ("token_that_ends_early_is_renewed", NeverRenews, "ended token"),
    ("token_is_renewed_only_once", RenewsForEver, "asked 12 times"),
    ("token_is_shared", AsksEachTime, "15 tokens"),
    ("secrets_and_personal_data_are_never_shown", ShowsSecret, r"ToySource\(<here>"),
    ("secrets_and_personal_data_are_never_shown", LogsPersonal, r"'who': '<here>"),
    ("secrets_and_personal_data_are_never_shown", TokenInUrl, "token=<here>"),
    ("closed_and_built_again", ClosesOnce, "already closed"),
    ("first_read_begins_now", BeginsAtTheBeginning, "begin at now"),
    ("restart_after_each_page_loses_nothing", ForgetsPages, "never read"),
    ("restart_after_each_page_loses_nothing", RepeatsEverything, "5 were repeated"),
    ("restart_after_each_page_loses_nothing", NeverEnds, "for ever"),
    ("changes_of_one_instant_are_not_lost", SkipsEqualTimes, "never read"),
    ("change_while_paging_is_not_lost", PagesByOffset, "lost while pages"),
    ("stale_search_loses_nothing", MarksNow, "showed them late"),
    ("stale_search_loses_nothing", NoOverlap, "showed them late"),
    ("quiet_platform_gives_nothing_new", StampsItems, "differ from those before"),
    ("facts_are_of_their_model", WrongFact, "gave Check, not Thing"),
    ("absent_facts_are_told", InventsFacts, "not there gave None"),
    ("names_are_resolved", LosesRoots, "one of roots"),
    ("parse_is_pure", CountsWhenParsing, "given before"),
    ("rubbish_is_refused_or_ignored", CrashesOnRubbish, "JSONDecodeError left parse"),
    ("rubbish_is_refused_or_ignored", SilentlyIgnores, "without a reason"),
    ("withheld_and_odd_fields_do_not_break_parse", TrustsFields, "AttributeError left parse"),
    ("unknown_topics_are_ignored", ParsesAnything, "was not ignored"),
    ("events_are_declared_and_survive_json", OtherConnection, "no name on the connection"),
]


@pytest.mark.parametrize(("rule", "source", "says"), SOURCES, ids=[f"{r}-{s.__name__}" for r, s, _ in SOURCES])
def test_source_rule_catches(rule: Any, source: Any, says: Any) -> None:
    tried = contract(SourceContract, toy.make_plugin(source=source))
    with pytest.raises((ContractBroken, RuntimeError), match=says):
        getattr(tried, f"test_{rule}")()


class UnsignedWorld(toy.ToyWorld):
    async def pushed(self) -> Any:
        return [Pushed({**p.headers, "X-Sign": "AAAA"}, p.body) for p in await super().pushed()]


def test_a_source_that_estimates_its_past_passes() -> None:
    contract(SourceContract, toy.make_plugin(source=Past)).test_expected_is_about_what_history_gives()


def test_wrong_signature_is_caught() -> None:
    tried = contract(SourceContract, toy.make_plugin(), UnsignedWorld)
    with pytest.raises(ContractBroken, match="signature"):
        tried.test_pushed_requests_carry_the_declared_signature()


def test_a_second_webhook_is_caught() -> None:
    plugin = toy.make_plugin()
    once = plugin.connect_register_triggers

    @hookimpl
    def connect_register_triggers(register: Any) -> None:
        class Twice:
            def add(self, spec: Any) -> None:
                register.add(replace(spec, wakes=lambda settings: [*spec.wakes(settings), *spec.wakes(settings)]))

        once(Twice())

    plugin.connect_register_triggers = connect_register_triggers  # type: ignore[attr-defined] # a module made here
    tried = contract(SourceContract, plugin)
    with pytest.raises(ContractBroken, match="one Webhook"):
        tried.test_pushed_requests_carry_the_declared_signature()
