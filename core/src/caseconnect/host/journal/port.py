"""The journal's port: all that the pipeline may ask of it. Writes are async and durable when they return.

Reads are sync, short, and see what was committed. A second journal (PostgreSQL) implements the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from caseconnect.host.journal.alerting import AlertPort
from caseconnect.host.journal.auditing import Comparison, Moved
from caseconnect.host.journal.console import ConsoleVerbs
from caseconnect.host.journal.files import TenantFile
from caseconnect.host.journal.past import PastTurn
from caseconnect.host.journal.people import Answer, Waiting
from caseconnect.host.journal.privacy import Receipt as PrivacyReceipt
from caseconnect.host.journal.privacy import Whom
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
from caseconnect.host.journal.storms import Incident
from caseconnect.host.journal.views import Views
from caseconnect.models.base import Record
from caseconnect.sdk.decisions import CommandState
from caseconnect.sdk.events import Event
from caseconnect.sdk.subjects import Subject


class Journal(AlertPort, ConsoleVerbs, Protocol):
    """The durable record. Every write verb may raise the errors of `journal.errors`."""

    # intake
    async def receive(self, items: Sequence[NewDelivery], move: CursorMove | None, now: datetime) -> list[Receipt]:
        """Store deliveries, and the cursor that covers them, in one commit."""

    async def parsed(self, results: Sequence[tuple[str, DeliveryResult]], now: datetime) -> None:
        """End deliveries (tenant, result) with their events, or let them wait."""

    # decide
    async def put_off(self, seqs: Iterable[int], state: str, reason: str, due: datetime) -> None:
        """Let events wait (state 'waiting') or park them."""

    async def decided(self, verdict: Verdict) -> list[str]:
        """Write a verdict in one commit; the keys of the commands that are new."""

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
        """Commit `sending` before the first byte goes out, and with it what is there `before` it.

        False: it waited so long that now it would pass one of its `caps`. It is parked, and must not be sent.
        """

    async def settled(self, change: Settlement) -> None:
        """Change a command's state, with its evidence and all that follows."""

    async def postpone(self, key: str, state: str, due: datetime, looked: int, note: str) -> None:
        """Come back to a command later."""

    async def recover(self, now: datetime) -> list[str]:
        """After a crash: `sending` becomes `unknown`."""

    def in_doubt(self) -> str | None:
        """Why this journal may not know all that was sent (set back, copied, elsewhere); None: it is trusted."""

    async def doubt(self, why: str, now: datetime) -> list[str]:
        """Pause all tenants, with an alert, and have their money verified; their names."""

    async def verified(self, tenant: str, told: str, now: datetime) -> None:
        """A tenant's money was verified; `told` says with what result."""

    # clock
    async def fire(self, now: datetime, limit: int) -> int:
        """Turn due timers into events."""

    async def schedule(
        self, tenant: str, connection: str, due: datetime, last: datetime | None = None, note: str = ""
    ) -> None:
        """Set when a connection is polled next."""

    async def first(self, tenant: str, name: str, now: datetime) -> datetime:
        """When `name` was first started."""

    # audit
    async def hear(self, tenant: str, event: Event, now: datetime) -> None:
        """Write an event that the host itself makes; one with the same id changes nothing."""

    async def compared(self, one: Comparison) -> None:
        """Keep what a comparison found."""

    def known(self, tenant: str, connection: str, names: Iterable[tuple[str, str]]) -> list[bool]:
        """For each (topic, delivery id), whether it was ever stored."""

    def heard(self, tenant: str, event: Event) -> bool:
        """Whether an event of the same kind about the same thing came at or after this one's time."""

    def moved(self, tenant: str, since: datetime, until: datetime) -> list[Moved]:
        """Commands that give value away and became done in the time."""

    def comparisons(self, since: datetime) -> list[Comparison]:
        """The newest of each kind and connection, and all since then that found something wrong."""

    def numbers(self, since: datetime) -> dict[str, dict[str, dict[str, Any]]]:
        """By tenant and day how much came and what became of it."""

    # people
    async def pause(self, brake: Brake) -> bool:
        """Set a brake."""

    async def resume(self, tenant: str, scope: str, name: str, reason: str, by: str, now: datetime) -> bool:
        """Release a brake."""

    async def answer(self, key: str, what: Answer, reason: str, by: str, now: datetime) -> str:
        """A person ends a parked command."""

    async def let_go(
        self,
        cause: str,
        tenant: str | None,
        what: Answer,
        limit: int,
        reason: str,
        by: str,
        now: datetime,
        only: Collection[str] | None = None,
    ) -> tuple[int, int]:
        """A person answers the first `limit` commands that a cap has parked; (how many, how many are left)."""

    async def again(self, key: str, reason: str, by: str, now: datetime, caps: Sequence[CapRule] | None = None) -> str:
        """A person asks a refused command again, which passes no cap; the new key. See `planning.ask_again`."""

    async def open_members(
        self, incident: str, tenant: str | None, subjects: Sequence[str], reason: str, by: str, now: datetime
    ) -> tuple[int, int]:
        """A person opens own cases for what waits in an incident (none named: for all); (how many, how many left)."""

    async def close_incident(self, incident: str, tenant: str | None, reason: str, by: str, now: datetime) -> int:
        """A person ends an incident, and with it those that wait in it; how many."""

    async def undo(self, matter: str, reason: str, by: str, now: datetime) -> str:
        """A person undoes a matter whose case nobody touched: 'closing', or 'closed' when it had none."""

    async def replay(self, what: Waiting, seqs: Sequence[int], now: datetime) -> int:
        """Take parked 'deliveries' or 'events' up again."""

    async def drop(self, what: Waiting, seq: int, reason: str, by: str, now: datetime) -> str:
        """A person ends a parked delivery or event; its state then."""

    async def dismiss(self, cause: str, tenant: str | None, reason: str, by: str, now: datetime) -> str:
        """A person closes an alert; its tenant."""

    async def held(self, whom: Whom, texts: Iterable[str], now: datetime) -> PrivacyReceipt:
        """Where data of a shopper is; leaves a receipt."""

    async def erase(self, whom: Whom, texts: Iterable[str], now: datetime) -> PrivacyReceipt:
        """Erase what is held of a shopper, also where one of `texts` stands in what nobody could use."""

    async def forget(self, seqs: Sequence[int]) -> int:
        """Erase the bodies of deliveries that are ended."""

    async def expire(self, tenant: str, before: datetime) -> int:
        """Erase the bodies that came before a moment, of deliveries that do not wait; how many."""

    async def keep_file(self, file: TenantFile) -> None:
        """Write down that a tenant's file is in force from now on."""

    # reads
    def newest_files(self) -> list[TenantFile]:
        """Of each tenant the file that came into force last."""

    def tenant_files(self, tenant: str) -> list[TenantFile]:
        """All files of a tenant that were in force, the newest first."""

    def receipts(self, tenant: str | None = None) -> list[PrivacyReceipt]:
        """What became of requests about personal data, oldest first."""

    def unparsed(self, tenant: str, now: datetime, limit: int) -> list[StoredDelivery]:
        """Deliveries to parse."""

    def ready_events(self, tenant: str, now: datetime, limit: int, busy: Iterable[Subject] = ()) -> list[StoredEvent]:
        """Events whose turn may be now, without those of the lanes in `busy`."""

    def due_commands(self, tenant: str, now: datetime, limit: int, busy: Iterable[str] = ()) -> list[StoredCommand]:
        """Commands to send or to look at: the first `limit`, without those in `busy`."""

    def unverified(self, tenant: str, now: datetime) -> list[str] | None:
        """Keys of money commands to verify with the platform, open and recent; None: nothing is in doubt."""

    def command(self, key: str) -> StoredCommand | None:
        """One command."""

    def episodes(self, key: MatterKey) -> list[MatterRow]:
        """All matters of a key, newest first."""

    def matter(self, id_: str) -> MatterRow | None:
        """One matter."""

    def matter_of_case(self, tenant: str, case: Subject) -> MatterRow | None:
        """The matter worked in a case."""

    def matter_of_reference(self, tenant: str, reference: str) -> MatterRow | None:
        """The matter that our own reference names."""

    def matters_of(self, tenant: str, subject: Subject) -> list[MatterRow]:
        """All matters of a subject, newest first."""

    def around(self, matter_id: str) -> tuple[tuple[CommandState, ...], frozenset[str], frozenset[str]]:
        """(commands, claimed fields, timers) of a matter."""

    def opened(self, tenant: str | None, use: str, exception: str, since: datetime) -> list[dict[str, Any]]:
        """Open matters that a rule found something in since."""

    def incident(self, tenant: str, subject: Subject) -> Incident | None:
        """Who joined an incident."""

    def open_cases(self, tenant: str, connection: str) -> list[str]:
        """Ids of the cases of open matters."""

    def subject_of(self, tenant: str, alias: Subject) -> Subject:
        """What an alias is known to mean."""

    def erased(self, tenant: str, subject: Subject) -> bool:
        """Data of the subject was erased on request: nothing personal of it is kept any more."""

    def told(self, tenant: str, fact: str, subject: Subject) -> Record | None:
        """What an event told of an item, the newest; None if nobody told it."""

    def backlog(self, tenant: str, now: datetime) -> int:
        """How many deliveries and events could be worked on now."""

    def cursor(self, tenant: str, connection: str) -> str | None:
        """The saved cursor."""

    def schedules(self) -> dict[tuple[str, str], tuple[datetime, datetime | None]]:
        """When each connection is polled next, and was last."""

    def next_due(self, now: datetime) -> datetime | None:
        """The next moment at which something becomes due by itself."""

    def brakes(self) -> list[Brake]:
        """All brakes that are set."""

    def counts(self, tenant: str = "") -> dict[str, dict[str, int]]:
        """How many rows are in each state, of one tenant or of all."""

    def explain(self, tenant: str, subject: Subject, *, facts: bool = False) -> dict[str, Any]:
        """Everything known of a subject; with `facts` also what was read for each decision, with digests."""

    def find(self, text: str) -> list[tuple[str, str]]:
        """(tenant, subject) that a text may mean."""

    def deliveries(self, text: str) -> list[dict[str, Any]]:
        """The newest deliveries of a connection, or those that an id, `delivery:NUMBER` or a subject names."""

    def delivered(self, tenant: str, connection: str, prefix: str) -> list[str]:
        """The ids of a connection's deliveries that begin with `prefix` and a dash."""

    def stuck(self) -> dict[str, list[dict[str, Any]]]:
        """What waits for a person."""

    def alerts(self, after: datetime) -> list[dict[str, Any]]:
        """Open alerts that were opened or counted after a moment, oldest first."""

    def past(self, tenant: str, since: datetime, lane: Subject | None = None) -> Iterator[PastTurn]:
        """What was decided on since, with all that came before of the same lanes, in order."""

    def starts(self, tenant: str) -> dict[str, datetime]:
        """What was ever first started of a tenant, and when."""

    def names(self) -> dict[str, dict[str, list[str]]]:
        """By tenant the names under 'flow' and 'connection' that rows have."""

    @property
    def views(self) -> Views:
        """What the console reads."""

    def close(self) -> None:
        """Write what waits and let go. May be called twice."""
