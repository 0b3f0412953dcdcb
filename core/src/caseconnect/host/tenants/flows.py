"""Whether a tenant's connections can give its flows what they ask for, and what to do if not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from caseconnect.host.plugins import Installed
from caseconnect.host.tenants.file_models import FlowPart
from caseconnect.host.tenants.problems import Path, Report, one_of
from caseconnect.host.tenants.tenant import Connection
from caseconnect.sdk.commands import Command, OpenCase
from caseconnect.sdk.components import TransformSpec
from caseconnect.sdk.events import CaseChanged, CommandSettled, Event, TimerFired

_HOST_EVENTS: frozenset[type[Event]] = frozenset({CommandSettled, TimerFired})
_CASE_FACT = "case"


@dataclass(frozen=True)
class Places:
    """Where a flow works: the connections it takes events of, and the one its cases are in."""

    on: tuple[str, ...]
    cases: str | None


@dataclass
class Placing:
    """Places one flow of one file; what is lacking goes to the report."""

    spec: TransformSpec
    part: FlowPart
    path: Path
    connections: Mapping[str, Connection]
    installed: Installed
    report: Report

    def place(self) -> Places | None:
        """The flow's places, or None after everything that is lacking was reported."""
        before = len(self.report.problems)
        cases = self._cases()
        if len(self.report.problems) > before:
            return None
        on = self._given(cases) if self.part.on is not None else self._default(cases)
        if len(self.report.problems) > before:
            return None
        home = self.connections.get(cases or "")
        self._check_events([self.connections[n] for n in on], home)
        if home:
            self._check_commands(home, self._commands("case"), (*self.path, "cases"))
        elif self._commands("case"):
            self._nobody_opens()
        for name in on:
            self._check_facts(self.connections[name], home)
            self._check_commands(self.connections[name], self._commands("order"), self._on_path())
        return None if len(self.report.problems) > before else Places(on, cases)

    def _commands(self, side: str) -> list[type[Command]]:
        return sorted((c for c in self.spec.uses if c.side == side), key=lambda c: c.kind)

    def _needs_cases(self) -> bool:
        case_events = CaseChanged in self.spec.handles
        return case_events or bool(self._commands("case")) or _CASE_FACT in self.spec.needs or self.spec.begins_at_case

    def _cases(self) -> str | None:
        named = self.part.cases
        if named is not None:
            if named not in self.connections:
                self.report.add(
                    (*self.path, "cases"), f"there is no connection {named!r}", one_of(named, self.connections)
                )
            return named
        if not self._needs_cases():
            return None
        able = [n for n, c in self.connections.items() if OpenCase in c.commands]
        if len(able) > 1:
            self.report.add(
                self.path, "more than one connection can open cases", f"add cases: {' or cases: '.join(able)}"
            )
        return able[0] if len(able) == 1 else None

    def _given(self, cases: str | None) -> tuple[str, ...]:
        names = self.part.on or ()
        for index, name in enumerate(names):
            path = (*self.path, "on", index)
            if name not in self.connections:
                self.report.add(path, f"there is no connection {name!r}", one_of(name, self.connections))
            elif name == cases:
                self.report.add(
                    path, f"{name} is where this flow's cases are: it needs no mention here", "leave it out"
                )
            elif name in names[:index]:
                self.report.add(path, f"{name} is listed twice", "keep one")
        return names

    def _default(self, cases: str | None) -> tuple[str, ...]:
        home = self.connections.get(cases or "")
        others = [c for n, c in self.connections.items() if n != cases]
        concerned = [c for c in others if self._concerns(c)]
        able = [c for c in concerned if self._supplies(c, home)]
        # With none able, all concerned are taken: the checks then say what each of them lacks.
        chosen = able or concerned
        if not chosen and not self.spec.begins_at_case:
            self._nobody_concerned()
        return tuple(c.name for c in chosen)

    def _nobody_concerned(self) -> None:
        roots, kinds = self._root_events(), [c.kind for c in self._commands("order")]
        if roots:
            lacking = " or ".join(sorted(e.__name__ for e in roots))
            text = f"{self.spec.name!r} waits for {lacking}, which no connection supplies"
            able = [n for n in self.installed.platforms() if self._platform_emits(n, roots)]
        else:
            text = f"{self.spec.name!r} may ask for {', '.join(kinds) or 'nothing'}, which no connection carries out"
            able = [n for n, s in self.installed.sinks.items() if s.commands.keys() & set(self._commands("order"))]
        self.report.add(self.path, text, self._ways(able))

    def _root_events(self) -> frozenset[type[Event]]:
        return self.spec.handles - _HOST_EVENTS - {CaseChanged}

    def _concerns(self, connection: Connection) -> bool:
        emits = connection.source.emits if connection.source else frozenset()
        if emits & self._root_events():
            return True
        # One that only follows matters works where its commands are carried out.
        return not self._root_events() and bool(connection.commands & set(self._commands("order")))

    def _supplies(self, connection: Connection, home: Connection | None) -> bool:
        facts = connection.facts | (home.facts if home else frozenset())
        return self.spec.needs <= facts and connection.commands.issuperset(self._commands("order"))

    def _check_events(self, on: list[Connection], home: Connection | None) -> None:
        sources = [c.source for c in (*on, *([home] if home else [])) if c.source]
        for event in sorted(self.spec.handles - _HOST_EVENTS, key=lambda e: e.__name__):
            if not any(event in s.emits for s in sources):
                self.report.add(
                    self.path,
                    f"{self.spec.name!r} waits for {event.__name__}, which none of its connections supplies",
                    self._ways([n for n in self.installed.platforms() if self._platform_emits(n, {event})]),
                )

    def _check_facts(self, connection: Connection, home: Connection | None) -> None:
        have = connection.facts | (home.facts if home else frozenset())
        for fact in sorted(self.spec.needs - have):
            able = [n for n, s in self.installed.sources.items() if fact in s.facts]
            self.report.add(
                self._on_path(),
                f"{self.spec.name!r} needs the fact {fact!r}, which {_named(connection)} does not supply",
                self._ways(able),
            )

    def _check_commands(self, connection: Connection, commands: Iterable[type[Command]], path: Path) -> None:
        for command in commands:
            if command not in connection.commands:
                able = [n for n, s in self.installed.sinks.items() if command in s.commands]
                self.report.add(
                    path,
                    f"{self.spec.name!r} may ask for {command.kind}, which {_named(connection)} does not carry out",
                    self._ways(able),
                )

    def _nobody_opens(self) -> None:
        kinds = [c.kind for c in self._commands("case")]
        able = [n for n, s in self.installed.sinks.items() if OpenCase in s.commands]
        self.report.add(
            self.path,
            f"{self.spec.name!r} may ask for {', '.join(kinds)}, and no connection opens cases",
            self._ways(able),
        )

    def _platform_emits(self, platform: str, events: Iterable[type[Event]]) -> bool:
        source = self.installed.sources.get(platform)
        return bool(source and source.emits & set(events))

    def _on_path(self) -> Path:
        return (*self.path, "on") if self.part.on is not None else self.path

    def _ways(self, platforms: Iterable[str]) -> str:
        names = sorted(platforms)
        if not names:
            return "no installed plugin does: install one, or leave this flow out"
        return f"installed platforms that do: {', '.join(names)}; add a connection to one, or leave this flow out"


def _named(connection: Connection) -> str:
    return f"{connection.name} ({connection.platform})"
