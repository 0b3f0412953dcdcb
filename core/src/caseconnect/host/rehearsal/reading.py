"""Reading a tenant's own tests: `acme.tests.yaml` beside `acme.yaml`, as strict as that."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from caseconnect.host.plugin_rules import FACTS
from caseconnect.host.rehearsal.written import (
    ExpectPart,
    Facts,
    GivenPart,
    Step,
    StepPart,
    TestPart,
    Wanted,
    WantedPart,
    Written,
)
from caseconnect.host.tenants.document import MAX_BYTES, read_document
from caseconnect.host.tenants.problems import ConfigProblem, Path, Report, one_of
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.host.tenants.translate import validate
from caseconnect.models.base import Record
from caseconnect.sdk.commands import COMMANDS, Command, OpenCase
from caseconnect.sdk.events import EVENTS, CommandSettled, ConnectionEnded, Event, PrivacyRequested, TimerFired
from caseconnect.sdk.subjects import Subject

_NOT_GIVEN = {CommandSettled, ConnectionEnded, PrivacyRequested, TimerFired}
GIVEN_EVENTS = {name: event for name, event in EVENTS.items() if event not in _NOT_GIVEN}
"""Events that a test may give. The host's own follow from them; what the host attends to itself is not decided on."""


def tests_beside(tenant_file: FilePath) -> FilePath:
    """Where the tests of a tenant file are."""
    return tenant_file.with_name(f"{tenant_file.stem}.tests.yaml")


def read_tests(file: FilePath, tenant: Tenant) -> tuple[list[Written], list[ConfigProblem]]:
    """The tests of a file, and all that is wrong with it; with a problem there are no tests."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        report = Report(str(file))
        report.add((), f"the file cannot be read: {error.strerror}")
        return [], report.problems
    return read_text(raw, str(file), tenant)


def read_text(raw: bytes, name: str, tenant: Tenant) -> tuple[list[Written], list[ConfigProblem]]:
    """The same of a text; `name` is what problems call it."""
    report = Report(name)
    document = read_document(raw, report)
    if not report.problems and not (isinstance(document.data, list) and document.data):
        report.add((), "a tests file is a list", "begin each test with `- name: ...`")
    if report.problems:
        return [], report.in_order()
    made = [_Reading(tenant, report).test(one, (index,)) for index, one in enumerate(document.data)]
    return ([test for test in made if test] if not report.problems else []), report.in_order()


class _Reading:
    """One test on its way from data to records."""

    def __init__(self, tenant: Tenant, report: Report) -> None:
        self.tenant, self.report = tenant, report

    def test(self, raw: Any, path: Path) -> Written | None:
        """The test; what is wrong goes to the report."""
        head = validate(TestPart, raw, path, self.report)
        if head is None:
            return None
        given = validate(GivenPart, head.given, (*path, "given"), self.report)
        expect = validate(ExpectPart, head.expect, (*path, "expect"), self.report)
        if given is None or expect is None:
            return None
        at: Path = (*path, "expect")
        if not expect.model_fields_set:
            self.report.add(at, "nothing is expected", "write `cases`, `commands`, `never` or `says`")
        for kind in expect.never:
            self._known((*at, "never"), kind, COMMANDS, "kind of command")
        cases, commands = expect.cases, expect.commands
        return Written(
            name=head.name,
            line=self.report.line(path),
            now=given.now,
            mode=given.mode,
            facts=self._facts(given.facts, (*path, "given", "facts")),
            steps=tuple(self._steps(given, (*path, "given", "events"))),
            cases=None if cases is None else tuple(self._wanted(cases, (*at, "cases"), OpenCase.kind)),
            commands=tuple(self._wanted(commands or [], (*at, "commands"))),
            never=expect.never,
            says=expect.says,
        )

    def _facts(self, raw: Any, path: Path) -> Facts:
        found: Facts = {}
        for name, kinds in self._mapping(raw, path).items():
            subject = self._subject(name, (*path, name))
            for kind, data in self._mapping(kinds, (*path, name)).items():
                where = (*path, name, kind)
                if subject is None or not self._known(where, kind, self._supplied(subject), "fact"):
                    continue
                record = self._record(self._model(subject, kind), data, where)
                if record is not None:
                    found[kind, subject] = record
        return found

    def _steps(self, given: GivenPart, path: Path) -> Iterator[Step]:
        if not isinstance(given.events, list) or not given.events:
            self.report.add(path, "a list of events is needed here", "begin each with `- type: ...`")
            return
        now = given.now
        for index, raw in enumerate(given.events):
            where: Path = (*path, index)
            raw = raw if isinstance(raw, dict) else {"": raw}
            own = {name: value for name, value in raw.items() if name in StepPart.model_fields}
            step = validate(StepPart, own, where, self.report)
            if step is None:
                continue
            now += step.after
            rest = {name: value for name, value in raw.items() if name not in own}
            event = self._event(step.type, rest, where, now)
            yield Step(step.after, event, self._facts(step.facts, (*where, "facts")))

    def _event(self, kind: str | None, data: dict[str, Any], path: Path, now: datetime) -> Event | None:
        if kind is None:
            for name in data:
                self.report.add((*path, name), "is no known key", one_of(name, StepPart.model_fields))
            return None
        if not self._known((*path, "type"), kind, GIVEN_EVENTS, "event"):
            return None
        subject = data.get("subject")
        named = self._subject(subject, (*path, "subject")) if isinstance(subject, str) else None
        standard = {"time": now, "source": named.connection if named else ""}
        event = self._record(GIVEN_EVENTS[kind], standard | data, path, given=data)
        return event if isinstance(event, Event) else None

    def _wanted(self, raw: Any, path: Path, kind: str = "") -> Iterator[Wanted]:
        if not isinstance(raw, list):
            self.report.add(path, "a list is needed here", "begin each with `- `")
            return
        for index, one in enumerate(raw):
            where: Path = (*path, index)
            one = one if isinstance(one, dict) else {"": one}
            own = {name: value for name, value in one.items() if name in WantedPart.model_fields}
            if not kind and "kind" not in own:
                self.report.add(where, "has no `kind`", "such as HoldOrder")
                continue
            part = validate(WantedPart, own, where, self.report)
            if part is None or not self._known((*where, "kind"), part.kind, COMMANDS, "kind of command"):
                continue
            if part.use is not None:
                self._known((*where, "use"), part.use, [flow.use for flow in self.tenant.flows], "flow")
            rest = {name: value for name, value in one.items() if name not in own}
            yield Wanted(part, dict(self._fields(COMMANDS[part.kind], rest, where)))

    def _fields(self, command: type[Command], data: dict[str, Any], path: Path) -> Iterator[tuple[str, Any]]:
        """The expected values as JSON has them, so that they compare with a command's."""
        for name, value in data.items():
            if not self._known((*path, name), name, command.model_fields, f"field of {command.kind}"):
                continue
            adapter: TypeAdapter[Any] = TypeAdapter(command.model_fields[name].annotation or Any)
            try:
                yield name, adapter.dump_python(adapter.validate_python(value), mode="json")
            except ValidationError:
                self.report.add((*path, name), f"{command.kind} never has such a {name}")

    def _record(self, model: type[Record], data: Any, path: Path, given: Any = None) -> Record | None:
        """The record made of `data`. Records ignore what they do not know; what a person writes must be known."""
        before = len(self.report.problems)
        _unknown(model, data if given is None else given, path, self.report)
        made = validate(model, data, path, self.report)
        return made if len(self.report.problems) == before else None

    def _subject(self, text: str, path: Path) -> Subject | None:
        try:
            subject = Subject.parse(text)
        except ValueError as error:
            self.report.add(path, str(error))
            return None
        return subject if self._known(path, subject.connection, self.tenant.connections, "connection") else None

    def _supplied(self, subject: Subject) -> frozenset[str]:
        return self.tenant.connections[subject.connection].facts

    def _model(self, subject: Subject, kind: str) -> type[Record]:
        source = self.tenant.connections[subject.connection].source
        return (source.facts.get(kind) if source else None) or FACTS[kind]

    def _mapping(self, raw: Any, path: Path) -> dict[str, Any]:
        if raw is None or isinstance(raw, dict):
            return raw or {}
        self.report.add(path, "a mapping (key: value) is needed here")
        return {}

    def _known(self, path: Path, name: str, names: Iterable[str], what: str) -> bool:
        names = list(names)
        if name not in names:
            self.report.add(path, f"there is no {what} {name!r}", one_of(name, names))
        return name in names


def _unknown(model: type[BaseModel], data: Any, path: Path, report: Report) -> None:
    """Report every key that the record, or a record inside it, does not have."""
    if not isinstance(data, dict):
        return
    for name, value in data.items():
        if name not in model.model_fields:
            report.add((*path, name), "is no known key", one_of(name, model.model_fields))
            continue
        for inner in _models(model.model_fields[name].annotation):
            rows = enumerate(value) if isinstance(value, list) else [(None, value)]
            for index, row in rows:
                _unknown(inner, row, (*path, name) if index is None else (*path, name, index), report)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for part in typing.get_args(annotation) for model in _models(part)]
