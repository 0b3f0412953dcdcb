"""Whether a tenant's connections can give its flows what they ask for, and what to do if not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from caseconnect.host.faults import kind_and_place
from caseconnect.host.plugins import Installed
from caseconnect.host.tenants.file_models import FlowPart
from caseconnect.host.tenants.problems import Path, Report, one_of
from caseconnect.host.tenants.tenant import Connection, carriers
from caseconnect.sdk.commands import COMMANDS, Command, OpenCase
from caseconnect.sdk.components import Settings, TransformSpec
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, Event, OrderChanged, TimerFired

_HOST_EVENTS: frozenset[type[Event]] = frozenset({CommandSettled, TimerFired})
_MAY_COME: frozenset[type[Event]] = frozenset({CustomerReplied})
"""What every use case takes where it comes, and goes without where nobody sends it."""
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
    settings: Settings | None = None

    def place(self) -> Places | None:
        """The flow's places, or None after everything that is lacking was reported."""
        before = len(self.report.problems)
        self._uses = self._asked_for()
        self._check_via()
        cases = self._cases()
        if len(self.report.problems) > before:
            return None
        on = self._given(cases) if self.part.on is not None else self._default(cases)
        if len(self.report.problems) > before:
            return None
        home = self.connections.get(cases or "")
        self._check_events([self.connections[n] for n in on], home)
        if home:
            self._check_cases(home)
        elif self._commands("case"):
            self._nobody_opens()
        for name in on:
            self._check_facts(self.connections[name], home)
            self._check_commands(self.connections[name])
        return None if len(self.report.problems) > before else Places(on, cases)

    def _asked_for(self) -> frozenset[type[Command]]:
        """What the flow's connections have to carry out under its settings.

        With wrong ones nobody knows what they ask for on orders, and what they lack would hide what is wrong with them.
        """
        if self.spec.asks is None:
            return self.spec.uses
        if self.settings is None:
            return frozenset(command for command in self.spec.uses if command.side == "case")
        try:
            asked = frozenset(self.spec.asks(self.settings))
        except Exception as error:  # noqa: BLE001 - the plugin's code
            why = f"{self.spec.name!r} cannot tell what it asks for: {kind_and_place(error)}"
            self.report.add(self.path, why, "a fault of the plugin")
            return self.spec.uses
        if undeclared := sorted(c.__name__ for c in asked - self.spec.uses):
            why = f"{self.spec.name!r} asks for {', '.join(undeclared)}, which it did not declare"
            self.report.add(self.path, why, "a fault of the plugin")
        return asked & self.spec.uses

    @property
    def _via(self) -> Mapping[str, str]:
        return self.part.via or {}

    def _check_via(self) -> None:
        able = {c.kind: c for c in self.spec.uses if c.side == "order"}
        for kind, name in self._via.items():
            path = (*self.path, "via", kind)
            if kind not in able:
                why = f"{self.spec.name!r} asks for no {kind}"
                if kind in COMMANDS and COMMANDS[kind].side == "case":
                    why = f"{kind} goes to the flow's cases"
                self.report.add(path, why, one_of(kind, able) if able else "leave it out")
            elif name not in self.connections:
                self.report.add(path, f"there is no connection {name!r}", one_of(name, self.connections))
            elif able[kind] not in self.connections[name].commands:
                others = [n for n, c in self.connections.items() if able[kind] in c.commands]
                why = f"{_named(self.connections[name])} does not carry out {kind}"
                self.report.add(path, why, one_of(name, others) if others else self._ways(self._platforms(able[kind])))

    def _commands(self, side: str) -> list[type[Command]]:
        return sorted((c for c in self._uses if c.side == side), key=lambda c: c.kind)

    def _required(self) -> frozenset[str]:
        return self.spec.needs - self.spec.optional

    def _needs_cases(self) -> bool:
        case_events = CaseChanged in self.spec.handles
        return case_events or bool(self._commands("case")) or _CASE_FACT in self._required() or self.spec.begins_at_case

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
            able = self._platforms(*self._commands("order"))
        self.report.add(self.path, text, self._ways(able))

    def _root_events(self) -> frozenset[type[Event]]:
        return self._awaited() - {CaseChanged}

    def _awaited(self) -> frozenset[type[Event]]:
        return self.spec.handles - _HOST_EVENTS - _MAY_COME - self.spec.may_come

    def _concerns(self, connection: Connection) -> bool:
        emits = connection.source.emits if connection.source else frozenset()
        if emits & self._root_events():
            return True
        # One that only follows matters works where its commands are carried out.
        commands = connection.commands & set(self._commands("order"))
        return not self._root_events() and bool(commands) and not self._only_named(connection)

    def _only_named(self, connection: Connection) -> bool:
        """It has no orders, and carries out what others ask for: the flow works where those are."""
        return not connection.has_orders and any(c.has_orders for c in self.connections.values())

    def _supplies(self, connection: Connection, home: Connection | None) -> bool:
        carried = all(self._carriers(connection, command) for command in self._commands("order"))
        return self._required() <= self._facts(connection, home) and carried

    def _facts(self, connection: Connection, home: Connection | None) -> frozenset[str]:
        """Facts at hand for events of a connection. An item may come by one and belong to an order of another."""
        alone = connection.has_orders and not self.spec.by_item
        places = [connection] if alone else list(self.connections.values())
        return frozenset().union(*(c.facts for c in (*places, *([home] if home else []))))

    def _carriers(self, connection: Connection, command: type[Command]) -> list[str]:
        found = carriers(command, connection.name, self._via, self.connections)
        if connection.has_orders or found:
            return found
        return [n for n, c in self.connections.items() if command in c.commands][:1]

    def _check_events(self, on: list[Connection], home: Connection | None) -> None:
        sources = [c.source for c in (*on, *([home] if home else [])) if c.source]
        welcome = {OrderChanged} if self.spec.by_item else set()
        for event in sorted(self._awaited() - welcome, key=lambda e: e.__name__):
            if not any(event in s.emits for s in sources):
                self.report.add(
                    self.path,
                    f"{self.spec.name!r} waits for {event.__name__}, which none of its connections supplies",
                    self._ways([n for n in self.installed.platforms() if self._platform_emits(n, {event})]),
                )

    def _check_facts(self, connection: Connection, home: Connection | None) -> None:
        for fact in sorted(self._required() - self._facts(connection, home)):
            able = [n for n, s in self.installed.sources.items() if fact in s.facts or fact in s.tells]
            self.report.add(
                self._on_path(),
                f"{self.spec.name!r} needs the fact {fact!r}, which {_named(connection)} does not supply",
                self._ways(able),
            )

    def _check_cases(self, home: Connection) -> None:
        for command in self._commands("case"):
            if command not in home.commands:
                self._not_carried((*self.path, "cases"), command, home)

    def _check_commands(self, connection: Connection) -> None:
        for command in self._commands("order"):
            able = self._carriers(connection, command)
            if not able:
                self._not_carried(self._on_path(), command, connection)
            elif len(able) > 1:
                why = f"{self.spec.name!r} may ask for {command.kind}, which {' and '.join(able)} carry out"
                self.report.add(self.path, why, f"say which: via: {{{command.kind}: {able[0]}}}")

    def _not_carried(self, path: Path, command: type[Command], connection: Connection) -> None:
        why = f"{self.spec.name!r} may ask for {command.kind}, which {_named(connection)} does not carry out"
        self.report.add(path, why, self._ways(self._platforms(command)))

    def _platforms(self, *commands: type[Command]) -> list[str]:
        return [name for name, sink in self.installed.sinks.items() if sink.commands.keys() & set(commands)]

    def _nobody_opens(self) -> None:
        kinds = [c.kind for c in self._commands("case")]
        why = f"{self.spec.name!r} may ask for {', '.join(kinds)}, and no connection opens cases"
        self.report.add(self.path, why, self._ways(self._platforms(OpenCase)))

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
