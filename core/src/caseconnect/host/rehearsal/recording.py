"""`connect test --record`: a test made of what really came for one order or other subject."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml

from caseconnect.host.journal import Journal
from caseconnect.host.journal.past import PastTurn
from caseconnect.host.rehearsal.masking import Mask
from caseconnect.host.rehearsal.plan import as_record
from caseconnect.host.rehearsal.reading import GIVEN_EVENTS, read_text
from caseconnect.host.rehearsal.trying import Heard, perform
from caseconnect.host.tenants.durations import show_duration
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.models import Case
from caseconnect.models.base import Record
from caseconnect.sdk.commands import OpenCase
from caseconnect.sdk.decisions import Missing
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.events import CaseChanged, Event, OrderChanged
from caseconnect.sdk.subjects import Subject

_NOT_KEPT = frozenset({"id", "source", "version", "refs", "subject"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Recorded:
    """The test as YAML, and what a person should know of it."""

    text: str
    remarks: tuple[str, ...]


async def record(tenant: Tenant, journal: Journal, subject: Subject) -> Recorded:
    """A test of all that came for `subject`, on the facts that were kept; it expects what the tenant's file decides."""
    turns = [turn for turn in journal.past(tenant.name, _EPOCH, subject) if _given(turn)]
    if not turns:
        raise ConnectError(f"nothing came for {subject} that a test could be made of")
    steps = _steps(tenant, journal, turns, subject)
    given = {"now": turns[0].at.isoformat(), "events": steps}
    test: dict[str, Any] = {"name": f"as {subject.kind} {subject.id} was decided", "given": given}
    heard = await _played(tenant, test | {"expect": {"cases": []}})
    test["expect"] = _expected(heard)
    remarks = [f"not decided in it: {why} ({n} times)" for why, n in heard.undecided.items()]
    return Recorded(_yaml([test]), tuple(remarks))


def _given(turn: PastTurn) -> list[Event]:
    """Its events; of several looks at the order, which were decided as one, the last."""
    given = [event for event in turn.events if type(event) in GIVEN_EVENTS.values()]
    looks = [event for event in given if isinstance(event, OrderChanged)]
    return [event for event in given if event not in looks[:-1]]


def _steps(tenant: Tenant, journal: Journal, turns: list[PastTurn], lane: Subject) -> list[dict[str, Any]]:
    """Each turn's events, with what could be read then and was another than before."""
    renamed = _cases(journal, tenant, lane)
    mask = Mask(lambda subject: renamed.get(subject, subject))
    steps: list[dict[str, Any]] = []
    known: dict[tuple[str, str], dict[str, Any]] = {}
    before = turns[0].at
    for turn in turns:
        facts: dict[str, dict[str, Any]] = {}
        for kept in turn.facts:
            name, found = str(renamed.get(kept.subject, kept.subject)), as_record(tenant, kept)
            data = None if found is None or isinstance(found, Missing) else _fact(mask, found, renamed, kept.subject)
            if data is not None and known.get((name, kept.fact)) != data:
                known[name, kept.fact] = facts.setdefault(name, {})[kept.fact] = data
        for event in _given(turn):
            step = {"type": event.type, "subject": ""} | mask.record(event, _NOT_KEPT)
            step["subject"] = str(renamed.get(event.subject, event.subject) if isinstance(event, CaseChanged) else lane)
            if turn.at - before:
                step["after"] = show_duration(turn.at - before)
            steps.append(step | ({"facts": facts} if facts else {}))
            before, facts = turn.at, {}
    return steps


def _fact(mask: Mask, found: Record, renamed: dict[Subject, Subject], subject: Subject) -> dict[str, Any]:
    """A case is called in its record as it is in the test."""
    if isinstance(found, Case) and subject in renamed:
        found = found.model_copy(update={"id": renamed[subject].id, "url": None, "number": None})
    return mask.record(found)


def _cases(journal: Journal, tenant: Tenant, lane: Subject) -> dict[Subject, Subject]:
    """Cases by the names that they get in a test: in the order in which they were opened."""
    rows = sorted(journal.matters_of(tenant.name, lane), key=lambda row: str(row.opened_at))
    cases = dict.fromkeys(row.case for row in rows if row.case is not None)
    return {case: Subject(case.connection, "case", f"case-{n}") for n, case in enumerate(cases, 1)}


async def _played(tenant: Tenant, test: dict[str, Any]) -> Heard:
    """What comes of the test as it will be read: what it lacks, it lacks here too."""
    read, problems = read_text(_yaml([test]).encode(), "the recorded test", tenant)
    if problems:
        raise ConnectError("it cannot be recorded: " + "; ".join(map(str, problems)))
    return await perform(tenant, read[0])


def _expected(heard: Heard) -> dict[str, Any]:
    cases = [{"use": asked.use, "exceptions": list(asked.exceptions)} for asked in heard.cases()]
    commands = [
        {"kind": asked.kind, "use": asked.use} | ({"name": asked.name} if asked.name else {})
        for asked in heard.asked
        if asked.kind != OpenCase.kind
    ]
    return {"cases": cases} | ({"commands": commands} if commands else {})


def _yaml(data: Any) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)
