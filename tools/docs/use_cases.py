"""Use cases: the table of all, and of each its way as a figure, and what it needs from which platform."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from textwrap import indent
from typing import Any, TypeVar

import yaml

from caseconnect.sdk.casework import Action, Actions, OutcomeSettings, asks_of, uses_of
from caseconnect.sdk.casework.actions import CASEWORK, COMMANDS_OF
from caseconnect.sdk.casework.policy import PLACEHOLDERS, SHORT_PLACEHOLDERS
from caseconnect.sdk.commands import UNDOING, CloseCase, Command, OpenCase
from caseconnect.sdk.components import Settings, TransformSpec
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, Event, TimerFired
from tools.docs.markdown import code, codes, fence, table
from tools.docs.workspace import installed

_HOST: frozenset[type[Event]] = frozenset({CommandSettled, TimerFired})
"""Told by the host itself."""

_WRITING = CASEWORK - {OpenCase, CloseCase}


def use_case_table() -> str:
    """A table of all use cases: what they find and what they may ask for."""
    rows = [
        (f"[{code(t.name)}]({t.name}.md)", t.summary, codes(t.exceptions) or "none")
        for t in sorted(installed().transforms.values(), key=lambda t: t.name)
    ]
    return table(("use case", "what it does", "finds"), rows)


def placeholders() -> str:
    """A table of what may stand in braces."""
    rows = [
        (code("{" + name + "}"), meaning, "yes" if name in SHORT_PLACEHOLDERS else "")
        for name, meaning in PLACEHOLDERS.items()
    ]
    return table(("name", "is", "also in titles and attributes"), rows)


def use_case_card(name: str) -> str:
    """What the README of a use case's distribution says: one sentence, an example, where its page is."""
    spec = installed().transforms[name]
    flow = f"flows:\n  - use: {name}\n    mode: observe\n    settings:\n{indent(spec.example.rstrip(), ' ' * 6)}"
    return (
        f"A use case of Connect. {spec.summary}. {spec.stability.capitalize()} since {spec.since}.\n\n"
        f"{fence(flow, 'yaml')}\n\n"
        f"What it finds, what an outcome does, what it needs, its limits and all settings: "
        f"[its page](../../docs/use-cases/{name}.md)."
    )


def use_case_way(name: str) -> str:
    """From what is told to what is done, as a figure."""
    return fence(
        "\n".join(["flowchart TD", *(f"    {line}" for line in _way(installed().transforms[name]))]), "mermaid"
    )


def use_case_needs(name: str) -> str:
    """A table of the events, facts and commands of a use case, and which platform has them."""
    spec, here = installed().transforms[name], installed()
    rows = [*_events(spec), *_facts(spec), *_commands(spec)]
    platforms = [p for p in here.platforms() if any(p in having for *_, having in rows)]
    shown = [(code(what), how, *("yes" if p in having else "" for p in platforms)) for what, how, having in rows]
    return table(("what", "", *map(code, platforms)), shown)


Row = tuple[str, str, set[str]]
"""A name, how it is needed, and the platforms that have it."""


def _events(spec: TransformSpec) -> Iterator[Row]:
    for event in _sorted(spec.handles - _HOST):
        may = event in spec.may_come or event is CustomerReplied
        yield event.__name__, _how("told", may), _emitting(event)


def _facts(spec: TransformSpec) -> Iterator[Row]:
    for fact in sorted(spec.needs | spec.optional):
        having = {n for n, s in installed().sources.items() if fact in s.facts or fact in s.tells}
        yield fact, _how("read", fact in spec.optional), having


def _commands(spec: TransformSpec) -> Iterator[Row]:
    asked = spec.asks(_example(spec.name)) if spec.asks else spec.uses
    for command in _sorted(spec.uses):
        having = {n for n, s in installed().sinks.items() if command in s.commands}
        yield command.kind, _how("done", command not in asked), having


def _how(verb: str, may_lack: bool) -> str:
    return f"{verb}, may be lacking" if may_lack else verb


def _way(spec: TransformSpec) -> Iterator[str]:
    """The lines of the figure."""
    begins = (
        spec.handles - _HOST - {CustomerReplied} - (set() if spec.begins_at_case or spec.follows else {CaseChanged})
    )
    for number, event in enumerate(_sorted(begins)):
        arrow = "-.->" if event in spec.may_come else "-->"
        yield f'told{number}["{event.__name__}<br/>{", ".join(sorted(_emitting(event)))}"] {arrow} judge'
    yield f'judge["{spec.name} reads<br/>{", ".join(sorted(spec.needs))}"]'
    if TimerFired in spec.handles:
        yield 'timer(["TimerFired: looks again"]) -.-> judge'
    found = f'|"{"<br/>".join(spec.exceptions)}"|' if spec.exceptions else ""
    own = spec.uses - CASEWORK - _of_outcomes(spec)
    if OpenCase in spec.uses:
        yield 'judge -->|"nothing found"| quiet(["a verdict that says why"])'
        yield f'judge -->{found} case["OpenCase<br/>where one is open: {_kinds(_WRITING & spec.uses)}"]'
    elif case := CASEWORK & spec.uses:
        yield f'judge -->{"" if own else found} case["{_kinds(case)}"]'
    undoing = {c for c in own if _undoes(c)}
    if own - undoing:
        yield f'judge -->{"" if OpenCase in spec.uses else found} own["{_kinds(own - undoing)}"]'
    if undoing:
        yield f'own -->|"at the end"| undone["{_kinds(undoing)}"]'
    yield from _outcomes(spec)


def _outcomes(spec: TransformSpec) -> Iterator[str]:
    """From the case to what its outcomes do by default."""
    if CustomerReplied in spec.handles:
        yield f'reply["CustomerReplied<br/>{", ".join(sorted(_emitting(CustomerReplied)))}"] -.-> case'
    settings = _example(spec.name)
    if not isinstance(settings, OutcomeSettings) or not settings.outcomes:
        return
    yield 'case --> agent{"outcome"}'
    groups: dict[Actions, list[str]] = {}
    for outcome, actions in settings.outcomes.items():
        groups.setdefault(actions, []).append(outcome)
    for number, (actions, outcomes) in enumerate(groups.items()):
        does = "<br/>".join(_does(action, spec, settings) for action in actions)
        yield f'agent -->|"{"<br/>".join(outcomes)}"| does{number}["{does}"] --> settled'
    yield 'settled(["told on the case"])'


def _does(action: Action, spec: TransformSpec, settings: OutcomeSettings) -> str:
    commands = COMMANDS_OF[action]
    if action == "as_requested" and spec.asks:
        wished = settings.model_copy(update={"outcomes": {"any": (action,)}})
        commands = spec.asks(wished) - asks_of(wished)
    return f"{action}: {_kinds(commands)}" if commands else action


def _of_outcomes(spec: TransformSpec) -> frozenset[type[Command]]:
    return uses_of(spec.settings) if issubclass(spec.settings, OutcomeSettings) else frozenset()


def _undoes(command: type[Command]) -> bool:
    blank: dict[str, Any] = dict.fromkeys(command.model_fields, "")
    slot = command.model_construct(**blank).slot()
    return slot is not None and slot[1] in UNDOING


def _emitting(event: type[Event]) -> set[str]:
    return {name for name, source in installed().sources.items() if event in source.emits}


def _kinds(commands: Iterable[type[Command]]) -> str:
    return ", ".join(c.kind for c in _sorted(commands))


T = TypeVar("T", type[Command], type[Event])


def _sorted(found: Iterable[T]) -> list[T]:
    return sorted(found, key=lambda one: one.__name__)


@cache
def _example(name: str) -> Settings:
    """Settings with the defaults for all but what the use case's own example gives."""
    spec = installed().transforms[name]
    return spec.settings.model_validate(yaml.safe_load(spec.example))
