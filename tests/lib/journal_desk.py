"""A journal without a pipeline: short words for what tests do to it, on a clock that only they move."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeVar

from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.records import (
    AddedFinding,
    Ask,
    DecidedBy,
    DeliveryResult,
    MatterKey,
    MatterRow,
    NewDelivery,
    Observation,
    Receipt,
    Resolved,
    Settlement,
    StoredCommand,
    Verdict,
)
from caseconnect.sdk.commands import HOLD, Command, OpenCase
from caseconnect.sdk.decisions import Finding
from caseconnect.sdk.events import OrderChanged
from caseconnect.sdk.subjects import Subject

T = TypeVar("T")
START = datetime(2026, 1, 1, tzinfo=UTC)
TENANT = "acme"
ORDER = Subject("shop", "order", "1001")


def now_of(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a verb of the inline journal, which never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return] # what the coroutine returns
    raise AssertionError("it waited")


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a verb that lets others have their turn meanwhile."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return] # what the coroutine returns


def delivery(id_: str = "d1", body: bytes = b"{}", topic: str = "orders/updated", **more: Any) -> NewDelivery:
    """A delivery of the shop."""
    named = {"tenant": TENANT, "connection": "shop", "received_at": START, **more}
    return NewDelivery(**named, topic=topic, delivery_id=id_, body=body)


def look(subject: Subject = ORDER, id_: str = "") -> OrderChanged:
    """An event that says: look at that order."""
    return OrderChanged(id=id_, source="shop", subject=subject, time=START)


def case_of(**more: Any) -> OpenCase:
    """The command that opens a case."""
    return OpenCase(title="Review", description="Please look.", **more)


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        SqliteJournal.open(path, synchronous="OFF").close()
        return path.read_bytes()


def opened(path: Path, **options: Any) -> SqliteJournal:
    """A journal to write; one that is not there yet is copied from an empty one, which is quicker than made."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
        path.write_bytes(_empty())
    return SqliteJournal.open(path, **{"synchronous": "OFF", **options})


class Desk:
    """Where tests work on a journal."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.path = folder / "journal.db"
        self.now = START
        self.journal = opened(self.path, **options)
        self._numbers = 0

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()

    def pass_time(self, **span: float) -> None:
        """Move the clock."""
        self.now += timedelta(**span)

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a reader finds."""
        return self.journal._db().execute(text, values).fetchall()

    def receive(self, *items: NewDelivery) -> list[Receipt]:
        """Store deliveries."""
        return now_of(self.journal.receive(items, None, self.now))

    def parsed(self, seq: int, *events: Resolved, state: Any = "events", **more: Any) -> None:
        """End a delivery; what is left of its body says nothing."""
        more = {"masked": b"{}", **more}
        now_of(self.journal.parsed([(TENANT, DeliveryResult(seq, state, events=events, **more))], self.now))

    def event(self, lane: Subject = ORDER, *aliases: Subject) -> int:
        """A new event in a lane; its number."""
        self._numbers += 1
        receipt = self.receive(delivery(f"event-{self._numbers}", f"{self._numbers}".encode()))[0]
        self.parsed(receipt.seq, Resolved(look(lane), lane, aliases))
        return int(self.sql("SELECT max(seq) FROM events")[0][0])

    def matter(self, topic: str = "review", subject: Subject = ORDER, episode: int = 1, **more: Any) -> MatterRow:
        """A matter as a verdict would write it."""
        observe = more.pop("observe", False)
        key = MatterKey(TENANT, subject, topic, more.pop("item", ""), observe)
        id_ = f"{subject.id}-{topic}{key.item}{'-observe' if observe else ''}-{episode}"
        finding = AddedFinding("fraud", Finding(exception="fraud", ground="g1", summary="risky", arose_at=START))
        fields: dict[str, Any] = {"mode": "live", "state": "open", "owner": "fraud", "uses": ("fraud",)}
        fields |= {"findings": (finding,), "cases": "cases", "opened_at": self.now, "reference": f"ref/{id_}"}
        return MatterRow(id=id_, key=key, episode=episode, **{**fields, **more})

    def ask(self, matter: MatterRow, command: Command, *, ground: str = "g1", **more: Any) -> Ask:
        """A use case's wish."""
        if command.side == "order" and command.target is None:
            command = command.model_copy(update={"target": matter.key.subject})
        connection = "cases" if command.side == "case" else "shop"
        return Ask(**{"use": "fraud", "birth": "planned", **more}, matter=matter.id, command=command,
                   connection=connection, ground=ground)  # fmt: skip

    def decide(
        self, *asks: Ask, matters: tuple[MatterRow, ...] = (), lane: Subject = ORDER, events: tuple[int, ...] = (),
        **more: Any,
    ) -> list[str]:  # fmt: skip
        """Write a verdict; the keys of what was planned."""
        fields: dict[str, Any] = {"answers": (DecidedBy("fraud", "because"),), "at": self.now, "slot_limit": 6}
        fields |= {"tenant": TENANT, "lane": lane, "events": events, "matters": matters, "asks": asks}
        return now_of(self.journal.decided(Verdict(**{**fields, **more})))

    def plan(self, matter: MatterRow, *commands: Command, **more: Any) -> list[str]:
        """Open the matter if need be and ask for commands."""
        return self.decide(*(self.ask(matter, c, **more) for c in commands), matters=(matter,))

    def began(self, key: str) -> None:
        """The request goes out."""
        now_of(self.journal.began(key, self.state(key), self.now, self.now + timedelta(seconds=30)))

    def settle(self, key: str, becomes: str, **more: Any) -> None:
        """The command's state changes."""
        now_of(self.journal.settled(Settlement(key, self.state(key), becomes, self.now, **more)))

    def send(self, key: str, becomes: str = "done", **more: Any) -> None:
        """The request goes out and this comes of it."""
        self.pass_time(seconds=1)
        self.began(key)
        self.pass_time(seconds=1)
        self.settle(key, becomes, **more)

    def answer(self, key: str, what: Literal["retry", "done", "refuse"]) -> str:
        """A person's answer."""
        return now_of(self.journal.answer(key, what, "I looked", "ann", self.now))

    def observed(self, value: str, subject: Subject = ORDER) -> Observation:
        """The hold as the shop shows it now."""
        return Observation(subject.connection, subject, HOLD, value, self.now)

    def command(self, key: str) -> StoredCommand:
        """The command with that key."""
        found = self.journal.command(key)
        assert found is not None
        return found

    def state(self, key: str) -> str:
        """Its state."""
        return self.command(key).state

    def note(self, key: str) -> str:
        """Why it is so."""
        return self.command(key).note

    def due(self) -> list[str]:
        """Keys of the commands that are due."""
        return [c.key for c in self.journal.due_commands(TENANT, self.now, 100)]

    def claims(self) -> set[str]:
        """Matters that claim a hold."""
        return {matter for (matter,) in self.sql("SELECT matter FROM claims")}

    def told(self) -> list[tuple[str, str]]:
        """(kind, state) of every CommandSettled, in order."""
        rows = self.sql("SELECT json_extract(body, '$.kind'), json_extract(body, '$.state') FROM events"
                        " WHERE type='CommandSettled' ORDER BY seq")  # fmt: skip
        return [(kind, state) for kind, state in rows]

    def alerts(self) -> list[str]:
        """Causes of the open alerts."""
        return [row["cause"] for row in self.journal.stuck()["alerts"]]
