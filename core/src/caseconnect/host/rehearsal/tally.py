"""What a rehearsal came to: cases, commands, reasons and hits, and how it differs from another one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from caseconnect.host.journal.records import MatterRow, StoredCommand, Verdict
from caseconnect.host.journal.storms import HOST
from caseconnect.models import Money
from caseconnect.sdk.commands import OpenCase
from caseconnect.sdk.subjects import Subject

_NUMBER = re.compile(r"\d+(?:[.,:-]\d+)*")
_NOT_POLICY = {"receipt", "expects", "after", "reference", "counter", "documents"}
"""Fields of a command that say how it is sent, not what was decided."""


Born = tuple[StoredCommand, MatterRow]
"""A command as it was written with a verdict, and its matter."""


@dataclass(frozen=True)
class Asked:
    """A command that was decided on. `fields` hold personal data: they are compared, never shown."""

    use: str
    kind: str
    name: str
    subject: Subject
    topic: str
    item: str
    state: str
    note: str
    at: datetime
    worth: Money | None
    exceptions: tuple[str, ...]
    fields: Mapping[str, Any] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """The same as plain data, without personal data."""
        shown = {name: getattr(self, name) for name in ("use", "kind", "name", "topic", "item", "state", "note")}
        worth = self.worth and {"amount": str(self.worth.amount), "currency": self.worth.currency}
        where = {"subject": str(self.subject), "at": self.at.isoformat(), "worth": worth}
        return {**shown, **where, "exceptions": list(self.exceptions)}


@dataclass(frozen=True)
class Change:
    """One that differs between two rehearsals. `what`: added, removed, or what of it is another."""

    what: str
    asked: Asked


@dataclass
class Tally:
    """Counts from `since` on; what came before only prepares it. `undecided`: reasons of events that were parked."""

    since: datetime
    subjects: set[Subject] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)
    hits: dict[tuple[str, str], set[Subject]] = field(default_factory=lambda: defaultdict(set))
    undecided: Counter[str] = field(default_factory=Counter)
    alerts: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: dict[tuple[str, Subject], str] = field(default_factory=dict)

    def add(self, verdict: Verdict, commands: Sequence[Born]) -> None:
        """Count a verdict and the commands that came of it, as they were born."""
        if verdict.at < self.since:
            return
        self.asked += [_asked(stored, verdict.lane, verdict.at, row) for stored, row in commands]
        if verdict.lane.connection == HOST:
            return
        self.subjects.add(verdict.lane)
        for row in verdict.matters:
            for added in row.findings:
                self.hits[added.by, added.finding.exception].add(verdict.lane)
        for answer in verdict.answers:
            self.reasons[answer.use, verdict.lane] = answer.reason
            if answer.alert:
                self.alerts[answer.use, pattern(answer.alert)] += 1

    def add_incident(self, stored: StoredCommand, row: MatterRow) -> None:
        """Count the case of an incident, which stands for those that joined it."""
        if stored.created_at >= self.since:
            self.asked.append(_asked(stored, row.key.subject, stored.created_at, row))

    def undecided_at(self, at: datetime, why: str) -> None:
        """Count an event on which nothing could be decided."""
        if at >= self.since:
            self.undecided[pattern(why)] += 1

    def cases(self) -> list[Asked]:
        """The cases: opened, or kept back by the mode."""
        return [asked for asked in self.asked if asked.kind == OpenCase.kind]

    def not_opened(self) -> Counter[tuple[str, str]]:
        """By use case and reason (numbers left out), on how many subjects it opened no case."""
        opened = {(asked.use, asked.subject) for asked in self.cases()}
        return Counter((use, pattern(why)) for (use, lane), why in self.reasons.items() if (use, lane) not in opened)

    def commands(self) -> Counter[tuple[str, str]]:
        """How many of each kind, by the state in which they were born."""
        return Counter((asked.kind, asked.state) for asked in self.asked)

    def sums(self, kind: str, state: str) -> list[Money]:
        """What the commands of a kind and state are worth together, by currency."""
        sums: dict[str, Money] = {}
        for asked in self.asked:
            if (asked.kind, asked.state) == (kind, state) and asked.worth is not None:
                worth = asked.worth
                sums[worth.currency] = sums[worth.currency] + worth if worth.currency in sums else worth
        return [sums[currency] for currency in sorted(sums)]


def pattern(reason: str) -> str:
    """The reason without its numbers, so that those which say the same are counted together."""
    return _NUMBER.sub("#", reason)


def changes(before: Tally, after: Tally) -> list[Change]:
    """How `after` differs from `before`, in the order of time."""
    old, new = dict(_by_name(before)), dict(_by_name(after))
    found = [Change("removed", asked) for name, asked in old.items() if name not in new]
    for name, asked in new.items():
        if name not in old:
            found.append(Change("added", asked))
        elif what := _differs(old[name], asked):
            found.append(Change(what, asked))
    return sorted(found, key=lambda change: (change.asked.at, str(change.asked.subject), change.asked.kind))


def _by_name(tally: Tally) -> Iterator[tuple[tuple[object, ...], Asked]]:
    """Each with what makes it the same in two rehearsals; of those of one name the n-th with the n-th."""
    times: Counter[tuple[object, ...]] = Counter()
    for asked in tally.asked:
        name = (asked.subject, asked.use, asked.topic, asked.item, asked.kind, asked.name)
        times[name] += 1
        yield (*name, times[name]), asked


def _differs(old: Asked, new: Asked) -> str:
    said = [f"{old.state} -> {new.state}"] if old.state != new.state else []
    if old.worth != new.worth:
        said.append(f"{old.worth or 'no amount'} -> {new.worth or 'no amount'}")
    fields = sorted(n for n in {*old.fields, *new.fields} - {"amount"} if old.fields.get(n) != new.fields.get(n))
    return ", ".join([*said, *([f"another {' and '.join(fields)}"] if fields else [])])


def _asked(stored: StoredCommand, lane: Subject, at: datetime, row: MatterRow) -> Asked:
    return Asked(
        use=stored.use,
        kind=stored.kind,
        name=stored.name,
        subject=lane,
        topic=row.key.topic,
        item=row.key.item,
        state=stored.state,
        note=stored.note,
        at=at,
        worth=stored.command.worth(),
        exceptions=tuple(f.finding.exception for f in row.findings if f.by == stored.use),
        fields=stored.command.model_dump(mode="json", exclude=_NOT_POLICY),
    )
