"""The journal on SQLite: WAL, `synchronous=FULL`, one writing connection, readers beside it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

from sqlite_utils import Database

from caseconnect.host.journal import (
    arrivals,
    auditing,
    bodies,
    deciding,
    doubting,
    ending,
    files,
    intake,
    matters,
    measuring,
    past,
    people,
    privacy,
    reads,
    schema,
    sending,
    settling,
    storms,
    timing,
    tracing,
)
from caseconnect.host.journal.alerting import ALERT, SqliteAlerts
from caseconnect.host.journal.arrivals import Page
from caseconnect.host.journal.auditing import Comparison, Moved
from caseconnect.host.journal.ballast import Ballast
from caseconnect.host.journal.batch import Item, Write
from caseconnect.host.journal.codec import Squeezer
from caseconnect.host.journal.console import SqliteConsole
from caseconnect.host.journal.errors import JournalError
from caseconnect.host.journal.opening import Opened, connect, open_for_writing
from caseconnect.host.journal.records import (
    Brake,
    CursorMove,
    DeliveryResult,
    MatterKey,
    MatterRow,
    NewDelivery,
    Receipt,
    Settlement,
    StoredCommand,
    StoredDelivery,
    StoredEvent,
    Verdict,
)
from caseconnect.host.journal.rules import CapRule
from caseconnect.host.journal.views import Views
from caseconnect.host.journal.writer import InlineWriter, ThreadWriter, Watch, Writer
from caseconnect.models.base import Record
from caseconnect.sdk.decisions import CommandState
from caseconnect.sdk.events import Event
from caseconnect.sdk.subjects import Subject


class SqliteJournal(SqliteAlerts, SqliteConsole):
    """See `port.Journal` for the verbs. Made by `open` (a daemon or a command that writes) or `read` (a reader)."""

    def __init__(self, path: Path, opened: Opened | None = None, writer: Writer | None = None) -> None:
        self.path = path
        self._opened, self._writer = opened, writer
        self._squeezer = Squeezer()
        self._receive = partial(arrivals.receive, self._squeezer)
        self._expired: dict[str, int] = {}
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self.views = Views(self._db)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        threaded: bool = False,
        on_broken: Callable[[JournalError], None] | None = None,
        synchronous: str = "FULL",
        sealed: bool = True,
        mistrust: str | None = None,
        watch: Watch | None = None,
    ) -> Self:
        """Lock, verify, migrate and open. `threaded`: group commit. `mistrust`: why it is in doubt, whatever it shows.
        `watch` is told of each commit of the group.

        Raises `JournalLocked`, `JournalNewer` and `JournalDamaged`. `synchronous` other than FULL loses acknowledged
        rows at a power loss, and what is not `sealed` counts as damaged: only tests and measurements ask for either.
        """
        opened = open_for_writing(path, synchronous=synchronous, sealed=sealed)
        opened.doubt = opened.doubt or mistrust
        if not threaded:
            return cls(path, opened, InlineWriter(opened.db, opened.seals))
        ballast = Ballast(path.with_suffix(".ballast"))
        return cls(path, opened, ThreadWriter(opened.db, opened.seals, ballast, on_broken=on_broken, watch=watch))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Open for reading only, beside a running daemon. `JournalError` if there is none, `JournalNewer` as above."""
        if not path.exists():
            raise JournalError(f"there is no journal at {path}: has `connect serve` run with this data folder?")
        journal = cls(path)
        try:
            db = Database(journal._db())
            schema.refuse_newer(db)
            if schema.outdated(db):
                raise JournalError(f"the journal at {path} is not up to date: start `connect serve` once")
        except BaseException:
            journal.close()
            raise
        return journal

    def _db(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = connect(self.path, write=False)
            self._readers.append(db)
        return db

    async def _write(self, name: str, write: Write[Any], what: Any = None) -> Any:
        if self._writer is None:
            raise JournalError("this journal was opened for reading only")
        return await self._writer.submit(Item(name, write, what=what))

    @property
    def _writing(self) -> sqlite3.Connection | None:
        return self._opened.db if self._opened else None

    def load(self) -> float:
        """How full the writing queue is: 1 and more is full."""
        return self._writer.load() if self._writer else 0.0

    def full(self) -> bool:
        """The disk is full: nothing new is taken or begun until there is room."""
        return self._writer is not None and self._writer.full()

    def close(self) -> None:
        """See `port.Journal`."""
        if self._writer:
            self._writer.close()
        for reader in self._readers:
            with suppress(sqlite3.Error):
                reader.close()
        self._readers.clear()
        self._local = threading.local()
        if self._opened:
            self._opened.close()
        self._writer = self._opened = None

    # intake

    async def receive(self, items: Sequence[NewDelivery], move: CursorMove | None, now: datetime) -> list[Receipt]:
        """See `port.Journal`."""
        if self._writer is None:
            raise JournalError("this journal was opened for reading only")
        page = Page(items, move, now)
        size = sum(len(item.body) for item in items)
        receipts: list[Receipt] = await self._writer.submit(
            Item("receive", lambda db: self._receive(db, [page])[0], size, True, self._receive, page)
        )
        return receipts

    async def parsed(self, results: Sequence[tuple[str, DeliveryResult]], now: datetime) -> None:
        """See `port.Journal`."""
        await self._write("parsed", lambda db: intake.parsed_all(db, self._squeezer, results, now), results)

    # decide

    async def put_off(self, seqs: Iterable[int], state: str, reason: str, due: datetime) -> None:
        """See `port.Journal`."""
        await self._write("put_off", lambda db: deciding.put_off(db, seqs, state, reason, due))

    async def decided(self, verdict: Verdict) -> list[str]:
        """See `port.Journal`."""
        keys: list[str] = await self._write("decided", lambda db: deciding.decided(db, self._squeezer, verdict))
        return keys

    # deliver

    async def began(
        self,
        key: str,
        was: str,
        now: datetime,
        deadline_at: datetime,
        before: Mapping[str, Any] | None = None,
        caps: Sequence[CapRule] = (),
    ) -> bool:
        """See `port.Journal`."""
        began = await self._write(
            "began", lambda db: settling.began(db, key, was, now, deadline_at, before or {}, caps)
        )
        return bool(began)

    async def settled(self, change: Settlement) -> None:
        """See `port.Journal`."""
        await self._write("settled", lambda db: settling.settle(db, change))

    async def postpone(self, key: str, state: str, due: datetime, looked: int, note: str) -> None:
        """See `port.Journal`."""
        await self._write("postpone", lambda db: sending.postpone(db, key, state, due, looked, note))

    async def recover(self, now: datetime) -> list[str]:
        """See `port.Journal`."""
        keys: list[str] = await self._write("recover", lambda db: sending.recover(db, now))
        return keys

    def in_doubt(self) -> str | None:
        """See `port.Journal`."""
        return self._opened.doubt if self._opened else None

    async def doubt(self, why: str, now: datetime) -> list[str]:
        """See `port.Journal`."""
        tenants: list[str] = await self._write("doubt", lambda db: doubting.begin(db, why, now))
        if self._opened:
            self._opened.trust()
        return tenants

    async def verified(self, tenant: str, told: str, now: datetime) -> None:
        """See `port.Journal`."""
        await self._write("verified", lambda db: doubting.verified(db, tenant, told, now))

    # clock

    async def fire(self, now: datetime, limit: int) -> int:
        """See `port.Journal`."""
        if not timing.any_due(self._db(), now):
            return 0
        return int(await self._write("fire", lambda db: timing.fire(db, now, limit)))

    async def schedule(
        self, tenant: str, connection: str, due: datetime, last: datetime | None = None, note: str = ""
    ) -> None:
        """See `port.Journal`."""
        await self._write("schedule", lambda db: timing.schedule(db, tenant, connection, due, last, note))

    async def first(self, tenant: str, name: str, now: datetime) -> datetime:
        """See `port.Journal`."""
        at: datetime = await self._write("first", lambda db: timing.first(db, tenant, name, now))
        return at

    # audit

    async def hear(self, tenant: str, event: Event, now: datetime) -> None:
        """See `port.Journal`."""
        await self._write("hear", lambda db: auditing.hear(db, tenant, event, now))

    async def compared(self, one: Comparison) -> None:
        """See `port.Journal`."""
        await self._write("compared", lambda db: auditing.compared(db, one))

    def known(self, tenant: str, connection: str, names: Iterable[tuple[str, str]]) -> list[bool]:
        """See `port.Journal`."""
        return auditing.known(self._db(), tenant, connection, names)

    def heard(self, tenant: str, event: Event) -> bool:
        """See `port.Journal`."""
        return auditing.heard(self._db(), tenant, event)

    def moved(self, tenant: str, since: datetime, until: datetime) -> list[Moved]:
        """See `port.Journal`."""
        return auditing.moved(self._db(), tenant, since, until)

    def comparisons(self, since: datetime) -> list[Comparison]:
        """See `port.Journal`."""
        return auditing.comparisons(self._db(), since)

    def numbers(self, since: datetime) -> dict[str, dict[str, dict[str, Any]]]:
        """See `port.Journal`."""
        return auditing.numbers(self._db(), since)

    # numbers

    def newest(self) -> measuring.Marks:
        """Where the journal is now, for `news`."""
        return measuring.newest(self._db())

    def news(self, marks: measuring.Marks, parsed: Sequence[int], within: float) -> measuring.News:
        """See `measuring.happened`."""
        return measuring.happened(self._db(), marks, parsed, within)

    def standing(self, caps: Mapping[str, Sequence[CapRule]], now: datetime, within: float) -> measuring.Standing:
        """See `measuring.standing`."""
        return measuring.standing(self._db(), caps, now, within)

    def newest_step(self) -> tracing.Marks:
        """Where the journal is now, for `steps`."""
        return tracing.newest(self._db())

    def steps(self, marks: tracing.Marks) -> tuple[list[tracing.Step], tracing.Marks, bool]:
        """See `tracing.steps`."""
        return tracing.steps(self._db(), marks)

    # people

    async def pause(self, brake: Brake) -> bool:
        """See `port.Journal`."""
        return bool(await self._write("pause", lambda db: people.pause(db, brake)))

    async def resume(self, tenant: str, scope: str, name: str, reason: str, by: str, now: datetime) -> bool:
        """See `port.Journal`."""
        return bool(await self._write("resume", lambda db: people.resume(db, tenant, scope, name, reason, by, now)))

    async def answer(self, key: str, what: people.Answer, reason: str, by: str, now: datetime) -> str:
        """See `port.Journal`."""
        return str(await self._write("answer", lambda db: people.answer(db, key, what, reason, by, now)))

    async def let_go(
        self,
        cause: str,
        tenant: str | None,
        what: people.Answer,
        limit: int,
        reason: str,
        by: str,
        now: datetime,
        only: Collection[str] | None = None,
    ) -> tuple[int, int]:
        """See `port.Journal`."""
        told: tuple[int, int] = await self._write(
            "answer", lambda db: people.let_go(db, cause, tenant, what, limit, reason, by, now, only)
        )
        return told

    async def again(self, key: str, reason: str, by: str, now: datetime, caps: Sequence[CapRule] | None = None) -> str:
        """See `port.Journal`."""
        return str(await self._write("answer", lambda db: people.again(db, self._squeezer, key, reason, by, now, caps)))

    async def open_members(
        self, incident: str, tenant: str | None, subjects: Sequence[str], reason: str, by: str, now: datetime
    ) -> tuple[int, int]:
        """See `port.Journal`."""
        told: tuple[int, int] = await self._write(
            "answer", lambda db: ending.open_members(db, incident, tenant, subjects, reason, by, now)
        )
        return told

    async def close_incident(self, incident: str, tenant: str | None, reason: str, by: str, now: datetime) -> int:
        """See `port.Journal`."""
        return int(
            await self._write(
                "answer", lambda db: ending.close_incident(db, self._squeezer, incident, tenant, reason, by, now)
            )
        )

    async def undo(self, matter: str, reason: str, by: str, now: datetime) -> str:
        """See `port.Journal`."""
        return str(await self._write("answer", lambda db: ending.undo(db, self._squeezer, matter, reason, by, now)))

    async def replay(self, what: people.Waiting, seqs: Sequence[int], now: datetime) -> int:
        """See `port.Journal`."""
        return int(await self._write("replay", lambda db: people.replay(db, what, list(seqs), now)))

    async def drop(self, what: people.Waiting, seq: int, reason: str, by: str, now: datetime) -> str:
        """See `port.Journal`."""
        return str(await self._write("drop", lambda db: people.drop(db, what, seq, reason, by, now)))

    async def dismiss(self, cause: str, tenant: str | None, reason: str, by: str, now: datetime) -> str:
        """See `port.Journal`."""
        return str(await self._write(ALERT, lambda db: people.dismiss(db, cause, tenant, reason, by, now)))

    async def held(self, whom: privacy.Whom, texts: Iterable[str], now: datetime) -> privacy.Receipt:
        """See `port.Journal`."""
        wanted = list(texts)
        receipt: privacy.Receipt = await self._write("privacy", lambda db: privacy.held(db, whom, wanted, now))
        return receipt

    async def erase(self, whom: privacy.Whom, texts: Iterable[str], now: datetime) -> privacy.Receipt:
        """See `port.Journal`."""
        seqs: list[int] = []
        wanted = list(texts)
        after: int | None = 0
        while after is not None:
            found, after = privacy.unread(self._db(), whom, wanted, after)
            seqs += found
            await asyncio.sleep(0)  # a large journal is read through: others have their turn meanwhile
        receipt: privacy.Receipt = await self._write(
            "privacy", lambda db: privacy.erase(db, self._squeezer, whom, wanted, seqs, now)
        )
        return receipt

    async def forget(self, seqs: Sequence[int]) -> int:
        """See `port.Journal`."""
        return int(await self._write("privacy", lambda db: bodies.forget(db, seqs, privacy.ON_REQUEST)))

    async def expire(self, tenant: str, before: datetime) -> int:
        """See `port.Journal`."""
        count, after = 0, self._expired.get(tenant, 0)
        while True:
            seqs, further = bodies.old(self._db(), tenant, before, after)
            if seqs:
                why = "its body was kept as long as the tenant file says"
                count += int(await self._write("privacy", partial(bodies.forget, seqs=seqs, why=why)))
            if further is None:
                return count
            self._expired[tenant] = after = further
            await asyncio.sleep(0)

    # reads

    async def keep_file(self, file: files.TenantFile) -> None:
        """See `port.Journal`."""
        await self._write("keep_file", lambda db: files.keep(db, file), len(file.text))

    def newest_files(self) -> list[files.TenantFile]:
        """See `port.Journal`."""
        return files.newest(self._db())

    def tenant_files(self, tenant: str) -> list[files.TenantFile]:
        """See `port.Journal`."""
        return files.of(self._db(), tenant)

    def receipts(self, tenant: str | None = None) -> list[privacy.Receipt]:
        """See `port.Journal`."""
        return privacy.receipts(self._db(), tenant)

    def unparsed(self, tenant: str, now: datetime, limit: int) -> list[StoredDelivery]:
        """See `port.Journal`."""
        return intake.unparsed(self._db(), tenant, now, limit)

    def ready_events(self, tenant: str, now: datetime, limit: int, busy: Iterable[Subject] = ()) -> list[StoredEvent]:
        """See `port.Journal`."""
        return deciding.ready_events(self._db(), tenant, now, limit, busy)

    def due_commands(self, tenant: str, now: datetime, limit: int, busy: Iterable[str] = ()) -> list[StoredCommand]:
        """See `port.Journal`."""
        return sending.due_commands(self._db(), tenant, now, limit, busy)

    def unverified(self, tenant: str, now: datetime) -> list[str] | None:
        """See `port.Journal`."""
        return doubting.unverified(self._db(), tenant, now)

    def command(self, key: str) -> StoredCommand | None:
        """See `port.Journal`."""
        return sending.command(self._db(), key)

    def episodes(self, key: MatterKey) -> list[MatterRow]:
        """See `port.Journal`."""
        return matters.episodes(self._db(), key)

    def matter(self, id_: str) -> MatterRow | None:
        """See `port.Journal`."""
        return matters.matter(self._db(), id_)

    def matter_of_case(self, tenant: str, case: Subject) -> MatterRow | None:
        """See `port.Journal`."""
        return matters.matter_of_case(self._db(), tenant, case)

    def matter_of_reference(self, tenant: str, reference: str) -> MatterRow | None:
        """See `port.Journal`."""
        return matters.matter_of_reference(self._db(), tenant, reference)

    def matters_of(self, tenant: str, subject: Subject) -> list[MatterRow]:
        """See `port.Journal`."""
        return matters.matters_of(self._db(), tenant, subject)

    def around(self, matter_id: str) -> tuple[tuple[CommandState, ...], frozenset[str], frozenset[str]]:
        """See `port.Journal`."""
        return matters.around(self._db(), matter_id)

    def opened(self, tenant: str | None, use: str, exception: str, since: datetime) -> list[dict[str, Any]]:
        """See `port.Journal`."""
        return ending.opened(self._db(), tenant, use, exception, since)

    def incident(self, tenant: str, subject: Subject) -> storms.Incident | None:
        """See `port.Journal`."""
        return storms.incident(self._db(), tenant, subject)

    def open_cases(self, tenant: str, connection: str) -> list[str]:
        """See `port.Journal`."""
        return matters.open_cases(self._db(), tenant, connection)

    def subject_of(self, tenant: str, alias: Subject) -> Subject:
        """See `port.Journal`."""
        return intake.subject_of(self._db(), tenant, alias)

    def erased(self, tenant: str, subject: Subject) -> bool:
        """See `port.Journal`."""
        return intake.erased(self._db(), tenant, (subject,))

    def told(self, tenant: str, fact: str, subject: Subject) -> Record | None:
        """See `port.Journal`."""
        return intake.told(self._db(), tenant, fact, subject)

    def backlog(self, tenant: str, now: datetime) -> int:
        """See `port.Journal`."""
        return intake.backlog(self._db(), tenant, now)

    def cursor(self, tenant: str, connection: str) -> str | None:
        """See `port.Journal`."""
        row = (
            self._db()
            .execute("SELECT cursor FROM cursors WHERE tenant=? AND connection=?", (tenant, connection))
            .fetchone()
        )
        return str(row[0]) if row else None

    def schedules(self) -> dict[tuple[str, str], tuple[datetime, datetime | None]]:
        """See `port.Journal`."""
        return timing.schedules(self._db())

    def next_due(self, now: datetime) -> datetime | None:
        """See `port.Journal`."""
        return timing.next_due(self._db(), now)

    def brakes(self) -> list[Brake]:
        """See `port.Journal`."""
        return people.brakes(self._db())

    def counts(self, tenant: str = "") -> dict[str, dict[str, int]]:
        """See `port.Journal`."""
        return reads.counts(self._db(), tenant)

    def explain(self, tenant: str, subject: Subject, *, facts: bool = False) -> dict[str, Any]:
        """See `port.Journal`."""
        return reads.explain(self._db(), tenant, subject, facts=facts)

    def find(self, text: str) -> list[tuple[str, str]]:
        """See `port.Journal`."""
        return reads.find(self._db(), text)

    def deliveries(self, text: str) -> list[dict[str, Any]]:
        """See `port.Journal`."""
        return reads.deliveries(self._db(), text)

    def delivered(self, tenant: str, connection: str, prefix: str) -> list[str]:
        """See `port.Journal`."""
        return reads.delivered(self._db(), tenant, connection, prefix)

    def stuck(self) -> dict[str, list[dict[str, Any]]]:
        """See `port.Journal`."""
        return reads.stuck(self._db())

    def alerts(self, after: datetime) -> list[dict[str, Any]]:
        """See `port.Journal`."""
        return reads.alerts(self._db(), after)

    def past(self, tenant: str, since: datetime, lane: Subject | None = None) -> Iterator[past.PastTurn]:
        """See `port.Journal`."""
        return past.past(self._db, tenant, since, lane)

    def starts(self, tenant: str) -> dict[str, datetime]:
        """See `port.Journal`."""
        return past.starts(self._db(), tenant)

    def names(self) -> dict[str, dict[str, list[str]]]:
        """See `port.Journal`."""
        return reads.names(self._db())
