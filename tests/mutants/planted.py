"""Planted bugs: each breaks one promise, by a small change at run time, and has to be found.

A bug is a function that changes the code of the running process; `found_by` are the searches that must find it, the
likeliest first: `sim FIRST COUNT` plays seeds of the whole-pipeline simulation, everything else is a test's node id.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from caseconnect.host.journal import arrivals, caps, deciding, privacy, schema, sending, slots, sqlite
from caseconnect.host.journal.errors import JournalError
from caseconnect.host.journal.sqlite import SqliteJournal
from caseconnect.host.pipeline import context, deliver, looking, poll
from caseconnect.host.pipeline.deliver import Deliverer
from caseconnect.host.pipeline.facts import Fetcher
from caseconnect.host.pipeline.looking import Looker
from caseconnect.host.web import hooks
from caseconnect.host.web.hooks import Answer, Hooks
from caseconnect.sdk.errors import PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.http import Http
from caseconnect.sdk.tokens import TokenCache

MONEY = "tests/faults/test_faults_money.py::test_no_seed_moves_money_twice_or_by_a_wrong_amount"
SIM = "sim 0 50"


@dataclass(frozen=True)
class Bug:
    """One planted bug: its name, the promise that it breaks, and where it must be found."""

    name: str
    promise: str
    found_by: tuple[str, ...]
    plant: Callable[[], None]


BUGS: dict[str, Bug] = {}


def planted(promise: str, *found_by: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a bug under its function's name."""

    def register(plant: Callable[[], None]) -> Callable[[], None]:
        name = plant.__name__.replace("_", "-")
        BUGS[name] = Bug(name, promise, found_by, plant)
        return plant

    return register


def change(owner: Any, name: str, made: Callable[[Any], Any]) -> None:
    """Put `made(what was there)` in the place of an attribute that has to exist."""
    setattr(owner, name, made(getattr(owner, name)))


@planted(
    "2xx only after the commit", SIM, "core/tests/host/web/test_web_hooks.py::test_the_answer_comes_after_the_commit"
)
def acknowledged_before_the_commit() -> None:
    """The answer goes out; the row is written a moment later."""

    def early(store: Any) -> Any:
        async def stored(self: Hooks, new: Any) -> None:
            async def later() -> None:
                await asyncio.sleep(0.5)
                await store(self, new)

            self.on = getattr(self, "on", [])  # type: ignore[attr-defined]
            self.on.append(asyncio.create_task(later()))  # type: ignore[attr-defined]

        return stored

    change(Hooks, "store", early)


@planted("no 2xx after a commit that failed", "sim 2 40")
def acknowledged_though_the_commit_failed() -> None:
    """Nobody knows whether the row is there, and the platform is told that it is."""

    def hoping(store: Any) -> Any:
        async def stored(self: Hooks, new: Any) -> None:
            with suppress(Answer):
                await store(self, new)

        return stored

    change(Hooks, "store", hoping)


@planted("a commit is on the disk", "tests/faults/test_faults_promises.py::test_the_journal_syncs_every_commit")
def synchronous_normal() -> None:
    """A commit is answered before it is synced."""
    change(sqlite, "_connect", lambda real: lambda path, *, write, synchronous: real(
        path, write=write, synchronous=synchronous.replace("FULL", "NORMAL")))  # fmt: skip
    change(sqlite, "_connect", lambda real: lambda path, *, write, synchronous="FULL": real(
        path, write=write, synchronous=synchronous))  # fmt: skip


def _without_the_key(migrate: Any) -> Any:
    def migrated(db: Any) -> Any:
        done = migrate(db)
        db.conn.execute("DROP INDEX IF EXISTS deliveries_once")
        db.conn.execute("CREATE INDEX IF NOT EXISTS mutant ON deliveries (tenant, connection, delivery_id, topic)")
        return done

    return migrated


@planted("the same delivery is stored once", SIM)
def no_unique_key() -> None:
    """Nobody looks whether it is there, and the table takes it twice."""
    change(schema, "migrate", _without_the_key)
    change(arrivals, "_KNOWN", lambda sql: sql.replace("AS same", "* NULL AS same"))


@planted("the same delivery at the same moment is stored once", SIM)
def looks_and_then_inserts() -> None:
    """Whether it is there is asked before the write, in a read of its own."""
    no_unique_key()

    def apart(receive: Any) -> Any:
        async def received(self: SqliteJournal, items: Sequence[Any], move: Any, now: datetime) -> Any:
            known = "SELECT 1 FROM deliveries WHERE tenant=? AND connection=? AND delivery_id=? AND topic=?"
            names = [(i.tenant, i.connection, i.delivery_id, i.topic) for i in items]
            there = [bool(self._db().execute(known, name).fetchone()) for name in names]
            await asyncio.sleep(0)
            new = [item for item, is_there in zip(items, there, strict=True) if not is_there]
            stored = iter(await receive(self, new, move, now))
            return [_duplicate() if is_there else next(stored) for is_there in there]

        return received

    change(SqliteJournal, "receive", apart)


def _duplicate() -> Any:
    from caseconnect.host.journal.records import Receipt

    return Receipt(0, "duplicate")


@planted("what may have happened is looked for before it is sent again", f"{MONEY}[answers]", SIM)
def sends_again_after_a_timeout() -> None:
    """An unknown command is sent again, whatever its class."""

    def blind(look: Any) -> Any:
        async def looked(self: Looker, tenant: Any, connection: Any, stored: Any) -> bool:
            return True

        return looked

    change(Looker, "look", blind)
    change(Looker, "ready", lambda real: _expects_only)


@planted("HTTP repeats nothing by itself", "core/tests/sdk/test_sdk_http.py::test_it_repeats_nothing", SIM)
def the_http_library_retries() -> None:
    """A request without an answer goes out once more."""

    def again(request: Any) -> Any:
        async def asked(self: Http, *given: Any, **named: Any) -> Any:
            try:
                return await request(self, *given, **named)
            except (UnknownOutcome, TransientError):
                return await request(self, *given, **named)

        return asked

    change(Http, "request", again)


@planted("the cursor is saved with what it covers", SIM)
def the_cursor_before_the_rows() -> None:
    """A commit for the cursor, then another for the rows."""

    def apart(receive: Any) -> Any:
        async def received(self: SqliteJournal, items: Sequence[Any], move: Any, now: datetime) -> Any:
            if move is not None and items:
                await receive(self, [], move, now)
                await asyncio.sleep(1)
            return await receive(self, items, None if items else move, now)

        return received

    change(SqliteJournal, "receive", apart)


class _NewKeys:
    """A sink that is told another key at each attempt."""

    def __init__(self, sink: Any) -> None:
        self._sink, self._attempts = sink, 0

    async def execute(self, command: Any, key: str) -> Any:
        _NewKeys.count += 1
        return await self._sink.execute(command, f"{key}:{_NewKeys.count}")

    count = 0


@planted("a repeat bears the key of the first attempt", f"{MONEY}[answers]", SIM)
def a_new_key_at_each_attempt() -> None:
    """The key is made when it is sent."""
    change(deliver, "sink_of", lambda real: lambda connection: _NewKeys(real(connection)))


@planted(
    "a tenant is reloaded as a whole",
    "core/tests/host/pipeline/test_pipeline_reload.py::test_a_tenant_is_reloaded_as_a_whole_whenever_it_comes",
)
def a_tenant_file_half_reloaded() -> None:
    """A turn that began with the former flows reads by the connections of the new file."""

    def newest(fetch: Any) -> Any:
        async def fetched(self: Fetcher, tenant: Any, need: Any) -> Any:
            return await fetch(self, self._context.tenants.get(tenant.name, tenant), need)

        return fetched

    change(Fetcher, "fetch", newest)


@planted("what was decided is read again before money moves", f"{MONEY}[revoked]", SIM)
def the_decision_from_a_cache() -> None:
    """A case that was read once is not read again."""
    kept: dict[Any, Any] = {}

    def cached(fetch: Any) -> Any:
        async def fetched(self: Fetcher, tenant: Any, need: Any) -> Any:
            if need.fact != "case":
                return await fetch(self, tenant, need)
            name = (id(self), tenant.name, need.subject)
            if name not in kept:
                kept[name] = await fetch(self, tenant, need)
            return kept[name][0], self._context.now()

        return fetched

    change(Fetcher, "fetch", cached)


@planted(
    "nothing older overwrites anything newer",
    "core/tests/host/journal/test_journal_fact_age.py",
    "core/tests/host/journal/test_journal_slots.py",
    SIM,
)
def a_late_event_overwrites() -> None:
    """What was seen before our own change counts as seen after it."""

    def late(observe: Any) -> Any:
        def observed(db: Any, tenant: str, seen: Any, now: datetime) -> None:
            observe(db, tenant, dataclasses.replace(seen, at=now + timedelta(seconds=1)), now)

        return observed

    change(deciding, "observe", late)


def _instead(wrong: Callable[[Exception], Exception | None]) -> None:
    """Where a command is sent, another error takes the place of the plugin's."""

    def guarding(guarded: Any) -> Any:
        async def judged(call: Any, **named: Any) -> Any:
            try:
                return await guarded(call, **named)
            except JournalError:
                raise
            except Exception as error:
                if other := wrong(error):
                    raise other from error
                raise

        return judged

    change(deliver, "guarded", guarding)


@planted("too many requests is no answer about the command", SIM)
def busy_is_a_failure() -> None:
    """429 ends the command as refused."""
    _instead(lambda e: PermanentError(str(e)) if isinstance(e, TransientError) and e.retry_after else None)


@planted("an error of the server says nothing of the effect", f"{MONEY}[answers]", SIM)
def an_error_means_not_done() -> None:
    """After 5xx the command is planned again, as if surely nothing had happened."""
    _instead(lambda e: TransientError(str(e)) if isinstance(e, UnknownOutcome) and "50" in str(e) else None)
    change(Looker, "ready", lambda real: _expects_only)


async def _expects_only(self: Looker, tenant: Any, connection: Any, stored: Any, command: Any) -> bool:
    return await self._still_expected(tenant, connection, stored, command, in_doubt=False)


@planted(
    "what is erased is erased from what nobody could use, too",
    "core/tests/host/journal/test_journal_privacy.py::test_deliveries_that_nobody_could_use_are_searched",
)
def erasing_misses_the_dead_letters() -> None:
    """Deliveries of which no event was made are not searched."""
    change(privacy, "unread", lambda real: lambda *given: ([], None))


@planted("the path says whose a webhook is", "tests/faults/test_faults_promises.py::test_no_header_says_whose_it_is")
def the_tenant_from_a_header() -> None:
    """A header names the tenant."""

    def named(verified: Any) -> Any:
        def hook(self: Hooks, place: Any, headers: Mapping[str, str], body: bytes) -> Any:
            found = verified(self, place, headers, body)
            domain = headers.get("x-shopify-shop-domain", "").partition(".")[0]
            known = {key[1] for key in self.registry}
            return dataclasses.replace(found, tenant=domain) if domain in known else found

        return hook

    change(Hooks, "_verified", named)


@planted("each connection has tokens of its own", SIM)
def one_token_for_all_tenants() -> None:
    """Tokens are kept by what fetched them, not by whose they are."""
    kept: dict[str, TokenCache] = {}

    def shared(get: Any) -> Any:
        async def got(self: TokenCache) -> str:
            name = getattr(self._fetch, "__qualname__", "")
            if kept.get(name) is None or kept[name]._now().tzinfo is None:
                kept[name] = self
            return str(await get(kept[name]))

        return got

    change(TokenCache, "get", shared)


@planted("waits are spread", "tests/faults/test_faults_promises.py::test_waits_of_many_commands_are_spread")
def waits_without_jitter() -> None:
    """All that failed together come back together."""
    for module in (context, looking, poll):
        change(module, "backoff", lambda real: lambda first, longest, tries, seed: real(first, longest, tries, "same"))


@planted(
    "no body is read beyond its limit",
    "core/tests/host/web/test_web_hooks.py::test_a_body_beyond_the_limit_is_not_read_on",
)
def a_body_without_end() -> None:
    """The limit is never reached."""

    def endless(begin: Any) -> Any:
        def begun(self: Hooks, *given: Any, **named: Any) -> None:
            begin(self, *given, **{**named, "max_body": 2**60, "max_reading": 2**60})

        return begun

    change(Hooks, "__init__", endless)
    change(hooks, "_length", lambda real: lambda headers: 0)


@planted("a cap is reserved in the commit that plans", "core/tests/host/pipeline/test_pipeline_caps.py")
def a_cap_that_is_not_reserved() -> None:
    """Commands are compared with the cap and take nothing of it."""
    change(caps, "reserve", lambda real: lambda *given: None)


@planted(
    "a hold lasts while a matter claims it",
    "core/tests/host/journal/test_journal_slots.py::test_the_last_claim_to_go_releases",
)
def a_release_that_ignores_other_claims() -> None:
    """The first claim to go releases."""
    change(slots, "_claimants", lambda real: lambda db, slot: [])


@planted("what was out when the process died is looked after", SIM, f"{MONEY}[crash]")
def recovery_forgets() -> None:
    """After a crash nobody asks what was being sent."""
    change(sending, "recover", lambda real: lambda db, now: [])


@planted("the intent is committed before the first byte", SIM)
def sent_before_it_is_written() -> None:
    """The request is on its way when `sending` is committed."""

    def begun(began: Any) -> Any:
        async def later(self: SqliteJournal, key: str, was: str, *given: Any, **named: Any) -> bool:
            async def write() -> None:
                await asyncio.sleep(0.01)
                await began(self, key, was, *given, **named)

            self.late = asyncio.create_task(write())  # type: ignore[attr-defined]
            return True

        return later

    change(SqliteJournal, "began", begun)


@planted("a pause outlasts a restart", "core/tests/host/pipeline/test_pipeline_brakes.py", SIM)
def a_pause_that_is_not_looked_at() -> None:
    """Only the query of what is due knows of brakes, and it has lost them."""
    for query in ("_ALL", "_FIRST"):
        change(sending, query, lambda sql: sql.replace("FROM brakes b WHERE", "FROM brakes b WHERE 0 AND"))
    change(Deliverer, "_paused", lambda real: lambda self, stored: False)
