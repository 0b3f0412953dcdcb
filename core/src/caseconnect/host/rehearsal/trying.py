"""`connect test`: a tenant's own tests, played on the stage and judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from caseconnect.host.journal.records import Verdict
from caseconnect.host.pipeline.live import Accounts, LiveTenant, build
from caseconnect.host.rehearsal.stage import QUIET, Stage
from caseconnect.host.rehearsal.tally import Asked, Born, Tally
from caseconnect.host.rehearsal.written import Facts, Wanted, Written
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.models import Money
from caseconnect.models.base import Record
from caseconnect.sdk.commands import OpenCase
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.events import CaseChanged, Event
from caseconnect.sdk.subjects import Subject

EVER = datetime.min.replace(tzinfo=UTC)
"""Since when tests count: what a tenant file says of going live is not what they test."""


@dataclass
class Heard(Tally):
    """A tally that remembers every reason."""

    said: list[tuple[str, str]] = field(default_factory=list)

    def add(self, verdict: Verdict, commands: Sequence[Born]) -> None:
        """See `Tally`."""
        super().add(verdict, commands)
        self.said += [(answer.use, answer.reason) for answer in verdict.answers]


@dataclass(frozen=True)
class Result:
    """What became of a test. It passed if there is no problem; `said`: use case and reason of every verdict."""

    name: str
    line: int
    problems: tuple[str, ...]
    said: tuple[tuple[str, str], ...] = field(repr=False)
    asked: tuple[Asked, ...] = field(repr=False)


async def try_out(tenant: Tenant, test: Written) -> Result:
    """Play one test and compare. It needs no secret and no network."""
    heard = await perform(tenant, test)
    return Result(test.name, test.line, tuple(_problems(test, heard)), tuple(heard.said), tuple(heard.asked))


async def perform(tenant: Tenant, test: Written) -> Heard:
    """Play what is given; what came of it."""
    flows = tuple(replace(flow, mode=test.mode or flow.mode) for flow in tenant.flows)
    tenant = replace(tenant, flows=flows, go_live=EVER)
    facts: Facts = dict(test.facts)
    opened = 0

    async def supply(need: Need, own: bool) -> Record:
        if (need.fact, need.subject) in facts:
            return facts[need.fact, need.subject]
        raise PermanentError(f"the test gives no {need.fact} of {need.subject}")

    def case_of(command: OpenCase, connection: str) -> Mapping[str, str]:
        nonlocal opened
        opened += 1
        return {"id": f"case-{opened}"}

    heard, now = Heard(EVER), test.now
    async with AsyncExitStack() as stack:
        live = await _unstarted(tenant)
        stack.push_async_callback(live.close)
        folder = stack.enter_context(TemporaryDirectory(prefix="connect-test-"))
        stage = stack.enter_context(Stage(live, Path(folder), now, supply, case_of, heard))
        for step in test.steps:
            now += step.after
            await stage.until(now)
            facts |= step.facts
            if step.event is not None:
                await stage.play(now, _lane(stage, tenant, step.event), [step.event])
    return heard


async def _unstarted(tenant: Tenant) -> LiveTenant:
    return await build(
        tenant,
        accounts=Accounts(off=True),
        secrets=tenant.secrets({}),
        now=lambda: EVER,
        log=QUIET,
        go_live=EVER,
        start=False,
    )


def _lane(stage: Stage, tenant: Tenant, event: Event) -> Subject:
    """A case event goes to the lane of its matter, as intake would have found it."""
    row = stage.journal.matter_of_case(tenant.name, event.subject) if isinstance(event, CaseChanged) else None
    return row.key.subject if row else event.subject


def _problems(test: Written, heard: Heard) -> Iterable[str]:
    for why, times in heard.undecided.items():
        yield f"not decided: {why}" + (f" ({times} times)" if times > 1 else "")
    cases = heard.cases()
    if test.cases is not None:
        lacking, left = _matched(test.cases, cases)
        yield from (f"no such case opens: {wanted}; {_nearest(wanted, left)}" for wanted in lacking)
        yield from (f"a case opens that is not expected: {_shown(asked)}" for asked in left if not lacking)
    lacking, left = _matched(test.commands, heard.asked)
    yield from (f"not asked for: {wanted}; {_nearest(wanted, left)}" for wanted in lacking)
    for asked in heard.asked:
        if asked.kind in test.never:
            yield f"should never be asked for: {_shown(asked)}"
    for text in test.says:
        if not any(text.casefold() in reason.casefold() for _, reason in heard.said):
            yield f"no verdict says {text!r}"


def _matched(wanted: Sequence[Wanted], asked: Sequence[Asked]) -> tuple[list[Wanted], list[Asked]]:
    """(what was not found, what was not wanted); each is matched once, the most demanding ones first."""
    left, lacking = list(asked), []
    for one in sorted(wanted, key=lambda w: -len(w.fields) - len(w.part.model_fields_set)):
        match = next((each for each in left if not _unlike(one, each)), None)
        if match is None:
            lacking.append(one)
        else:
            left.remove(match)
    return lacking, left


def _unlike(wanted: Wanted, asked: Asked) -> list[str]:
    """In what it differs, in words; empty: it is what was wanted."""
    part = wanted.part
    said = [] if part.kind == asked.kind else [f"kind {asked.kind}"]
    if part.use is not None and part.use != asked.use:
        said.append(f"it is by {asked.use}")
    if part.state is not None and part.state != asked.state:
        said.append(f"state is {asked.state!r}" + (f" ({asked.note})" if asked.note else ""))
    if missing := set(part.exceptions) - set(asked.exceptions):
        said.append(f"its exceptions are {', '.join(asked.exceptions) or 'none'}, without {', '.join(sorted(missing))}")
    has = asked.fields
    return said + [
        f"{name} is {has.get(name)!r}" for name, value in wanted.fields.items() if not _same(value, has.get(name))
    ]


def _same(wanted: Any, has: Any) -> bool:
    """Equal as JSON, and money by its amount: 5 EUR are 5.00 EUR."""
    if isinstance(wanted, dict) and isinstance(has, dict) and wanted.keys() == has.keys() == set(Money.model_fields):
        return Money.model_validate(wanted) == Money.model_validate(has)
    return bool(wanted == has)


def _nearest(wanted: Wanted, left: Sequence[Asked]) -> str:
    """What there is instead, the most alike first."""
    alike = sorted((a for a in left if a.kind == wanted.part.kind), key=lambda a: len(_unlike(wanted, a)))
    if not alike:
        return "there is none"
    return f"but of {alike[0].use} {'; '.join(_unlike(wanted, alike[0]))}"


def _shown(asked: Asked) -> str:
    why = f" ({', '.join(asked.exceptions)})" if asked.exceptions else ""
    worth: Any = f" of {asked.worth}" if asked.worth else ""
    return f"{asked.kind} by {asked.use}{why}{worth} on {asked.subject}"
