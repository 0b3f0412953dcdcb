"""Rules for a use case: pure, within what its spec declares, never silent, content with what it asked for."""

from __future__ import annotations

import builtins
import copy
import inspect
import os
import random  # noqa: TID251 - to forbid it
import socket
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from unittest.mock import patch

from caseconnect.models.base import Record
from caseconnect.sdk.commands import CASE, COMMANDS, HOLD, Command, HoldOrder, OpenCase, ReleaseOrder
from caseconnect.sdk.components import Settings
from caseconnect.sdk.decisions import CaseRef, CommandState, Decision, Facts, Matter, Missing, Need, Needs
from caseconnect.sdk.events import EVENTS, Event
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.plugin import SpecRules
from caseconnect.sdk.testing.rig import ContractBroken, not_applicable, require

_ROUNDS = 3


@dataclass(frozen=True)
class Situation:
    """One thing that a use case is asked. `facts` is everything that could be read; what is absent is `Missing`.

    `opens`: it should find something. `settings` is what a tenant file would say.
    """

    event: Event
    now: datetime
    facts: Mapping[tuple[str, Subject], Record] = field(default_factory=dict)
    matter: Matter | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    opens: bool = False
    name: str = ""


class TransformContract(SpecRules):
    """Derive a `Test...` class, set `plugin` to the plugin's module and give `situations`."""

    hook = "transforms"

    @abstractmethod
    def situations(self) -> Sequence[Situation]:
        """Samples: at least one that opens a case, one where nothing is found, and each event that is handled."""

    def test_spec_names_what_there_is(self) -> None:
        """Topic, events, facts and commands are known; `decide` is sync."""
        spec = self.spec()
        require(bool(spec.topic.strip()), "the topic is empty")
        require(not inspect.iscoroutinefunction(spec.decide), "decide() must be sync")
        require(all(c in COMMANDS.values() for c in spec.uses), "uses names what is no command of the SDK")
        require(
            bool(spec.handles) and all(e in EVENTS.values() for e in spec.handles), "handles names an unknown event"
        )

    def test_situations_cover_the_spec(self) -> None:
        """Otherwise these rules say little about it."""
        spec, situations = self.spec(), self.situations()
        handled = {type(s.event) for s in situations}
        lacking = sorted(e.__name__ for e in spec.handles - handled)
        require(not lacking, f"no situation with {', '.join(lacking)}")
        require(not spec.exceptions or any(s.opens for s in situations), "no situation that opens a case")

    def test_decide_is_pure(self) -> None:
        """Same in, same out; what it is given stays as it is; no clock, no chance, no file, no network."""
        for situation in self.situations():
            settings, matter = self._settings(situation), self._matter(situation)
            given = copy.deepcopy((situation.event, matter, dict(situation.facts), settings))
            with nothing_from_outside():
                first, asked = self._decide(situation, settings, matter)
                second, _ = self._decide(situation, settings, matter)
            require(first == second, f"{situation.name}: asked twice, it decides differently")
            same = (situation.event, matter, dict(situation.facts), settings) == given
            require(same, f"{situation.name}: decide() changed what it was given")
            undeclared = sorted({n.fact for n in asked} - self.spec().needs - self.spec().optional)
            require(not undeclared, f"{situation.name}: asks for {', '.join(undeclared)}, which is not in needs")

    def test_decisions_keep_to_the_spec(self) -> None:
        """A reason always; only declared commands and exceptions; the journal can keep it."""
        spec = self.spec()
        for situation in self.situations():
            decision, _ = self._decide(situation, self._settings(situation), self._matter(situation))
            require(bool(decision.reason.strip()), f"{situation.name}: a decision without a reason")
            for command in decision.commands:
                require(type(command) in spec.uses, f"{situation.name}: {command.kind} is not in uses")
                _followable(command)
                back = type(command).model_validate_json(command.model_dump_json())
                require(back == command, f"{situation.name}: {command.kind} does not survive JSON")
            for finding in decision.findings:
                known = finding.exception in spec.exceptions
                require(known, f"{situation.name}: {finding.exception!r} is none of exceptions")
                require(
                    bool(finding.ground and finding.summary), f"{situation.name}: a finding without ground or summary"
                )
            names = [(c.kind, c.name) for c in decision.commands]
            require(len(set(names)) == len(names), f"{situation.name}: two commands of one kind and name: {names}")
            opens = bool(decision.findings)
            require(opens or not situation.opens, f"{situation.name}: should have found something: {decision.reason}")

    def test_missing_facts_are_survived(self) -> None:
        """An optional fact that could not be had changes a verdict, it never stops one."""
        tried = False
        for situation in self.situations():
            settings, matter = self._settings(situation), self._matter(situation)
            _, asked = self._decide(situation, settings, matter)
            for need in (n for n in asked if not n.required):
                tried = True
                without = replace(situation, facts={k: v for k, v in situation.facts.items() if k != _key(need)})
                decision, _ = self._decide(without, settings, matter)
                require(bool(decision.reason.strip()), f"{situation.name}: no reason without {need.fact}")
        if not tried:
            raise not_applicable("no optional fact is asked for")

    def test_deciding_again_asks_for_nothing_new(self) -> None:
        """The same event once more, on the matter as the decision left it: nothing found, sent or set again."""
        for situation in self.situations():
            settings, matter = self._settings(situation), self._matter(situation)
            decision, _ = self._decide(situation, settings, matter)
            for state in ("planned", "done"):
                left = matter_after(matter, decision, situation, state)
                again, _ = self._decide(replace(situation, matter=left), settings, left)
                self._nothing_new(situation, decision, again, left)

    def _nothing_new(self, situation: Situation, first: Decision, again: Decision, left: Matter) -> None:
        known = {(c.kind, c.name) for c in left.commands}
        wanted = {(c.kind, c.name): c.slot() for c in first.commands}
        for command in again.commands:
            key = (command.kind, command.name)
            require(key in known, f"{situation.name}: deciding again asks for {command.kind} {command.name!r} as well")
            if command.slot() and key in wanted:
                same = command.slot() == wanted[key]
                require(same, f"{situation.name}: deciding again wants another value for {command.kind}")
        new = [f.exception for f in again.findings if not left.has(f.exception, f.ground)]
        require(not new, f"{situation.name}: deciding again finds {', '.join(new)} once more")
        timers = {t.name for t in again.timers} - left.timers
        require(not timers, f"{situation.name}: deciding again sets {', '.join(sorted(timers))}")

    def _settings(self, situation: Situation) -> Settings:
        settings: Settings = self.spec().settings.model_validate(situation.settings)
        return settings

    def _matter(self, situation: Situation) -> Matter:
        return situation.matter or Matter(situation.event.subject, self.spec().topic)

    def _decide(self, situation: Situation, settings: Settings, matter: Matter) -> tuple[Decision, list[Need]]:
        """As the host asks: at most three rounds of needs."""
        found: dict[tuple[str, Subject], Record] = {}
        asked: list[Need] = []
        for _ in range(_ROUNDS + 1):
            answer = self.spec().decide(situation.event, matter, Facts(found), settings, situation.now)
            if isinstance(answer, Decision):
                return answer, asked
            require(isinstance(answer, Needs), f"{situation.name}: decide() gave {type(answer).__name__}")
            lacking = Facts(found).lacking(answer.needs)
            require(bool(lacking), f"{situation.name}: asks again for what it was given")
            for need in lacking:
                asked.append(need)
                fact = situation.facts.get(_key(need))
                require(fact is not None or not need.required, f"{situation.name}: the situation lacks {need}")
                found[_key(need)] = fact if fact is not None else Missing(why="not in this situation")
        raise ContractBroken(f"{situation.name}: still asks for facts after {_ROUNDS} rounds")


def matter_after(matter: Matter, decision: Decision, situation: Situation, state: str) -> Matter:
    """The matter as the host leaves it when all commands of the decision are in `state` ('planned' or 'done')."""
    commands = (
        *(replace(c, state="superseded") if c.key in decision.revokes else c for c in matter.commands),
        *(CommandState(c.kind, c.name, state, "test", f"{c.kind}:{c.name}") for c in decision.commands),
    )
    claims, case = set(matter.claims), matter.case
    for command in decision.commands:
        claims |= {HOLD} if isinstance(command, HoldOrder) else set()
        claims -= {HOLD} if isinstance(command, ReleaseOrder) else set()
        if isinstance(command, OpenCase) and state == "done":
            case = CaseRef(Subject("cases", "case", "case-1"), "CASE-1", "https://cases.example/1")
    begun = matter.is_open() or bool(decision.findings or decision.commands or decision.timers)
    grounds = {f.ground for f in decision.findings}
    return replace(
        matter,
        state="closed" if decision.close and begun else "open" if begun else matter.state,
        episode=max(matter.episode, int(begun)),
        id=matter.id or ("matter-1" if begun else ""),
        owner=matter.owner or "test",
        stage=decision.stage or matter.stage,
        case=case,
        findings=(*matter.findings, *decision.findings),
        commands=commands,
        claims=frozenset(claims),
        timers=(matter.timers | {t.name for t in decision.timers}) - set(decision.cancel_timers),
        acted_on=decision.acted_on or matter.acted_on,
        opened_at=matter.opened_at or (situation.now if begun else None),
        seen_grounds=matter.seen_grounds | grounds,
    )


@contextmanager
def nothing_from_outside() -> Iterator[None]:
    """Forbid what a pure function has no use for: clocks, chance, files, sockets."""

    def forbid(name: str) -> Any:
        def refuse(*_: Any, **__: Any) -> None:
            raise ContractBroken(f"decide() used {name}: it must be pure")

        return refuse

    forbidden = ((time, "time"), (time, "sleep"), (os, "urandom"), (socket, "socket"), (builtins, "open"))
    chance = ((random, n) for n in ("random", "randint", "choice", "shuffle", "uniform"))
    with ExitStack() as stack:
        for module, name in (*forbidden, *chance):
            stack.enter_context(patch.object(module, name, forbid(f"{module.__name__}.{name}")))
        yield


def _key(need: Need) -> tuple[str, Subject]:
    return need.fact, need.subject


def _followable(command: Command) -> None:
    for name in command.after:
        known = name == CASE or name.split(":")[0] in COMMANDS
        require(known, f"{command.kind}: `after` names {name!r}, which is neither {CASE!r} nor a kind of command")
