"""The plugin contract: hooks, specs, objects, errors, and the canonical commands and events."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from caseconnect.host.plugin_rules import HOOKS
from caseconnect.host.tenants.durations import show_duration
from caseconnect.sdk import errors as sdk_errors
from caseconnect.sdk import testing
from caseconnect.sdk.commands import COMMANDS, Command
from caseconnect.sdk.components import (
    Every,
    Remembers,
    SimulatorSpec,
    Sink,
    SinkSpec,
    Source,
    SourceSpec,
    TransformSpec,
    TriggerSpec,
    Webhook,
)
from caseconnect.sdk.events import EVENTS, Event
from tools.docs.markdown import code, fence, table


def signature(function: Callable[..., Any]) -> str:
    """A function's signature as its source writes it."""
    found = inspect.signature(function)
    shown = [f"{p.name}: {p.annotation}" if p.annotation is not p.empty else p.name for p in found.parameters.values()]
    return f"{function.__name__}({', '.join(shown)}) -> {found.return_annotation}"


def hooks() -> str:
    """Every hook with its signature and what its docstring says."""
    sections = []
    for name, hook in HOOKS.items():
        text = inspect.getdoc(hook) or ""
        first, _, rest = text.partition("\n\n")
        answers = "\n".join(f"- {line}" for line in rest.splitlines())
        sections.append(f"### {name}\n\n{fence(f'def {signature(hook)}', 'python')}\n\n{first}\n\n{answers}")
    return "\n\n".join(sections)


def specs() -> str:
    """Every spec with its fields."""
    sections = []
    for spec in (SourceSpec, SinkSpec, TriggerSpec, Webhook, Every, TransformSpec, SimulatorSpec):
        rows = [(code(f.name), code(f.type), _default(f)) for f in dataclasses.fields(spec)]
        sections.append(f"### {spec.__name__}\n\n{_doc(spec)}\n\n{table(('field', 'type', 'default'), rows)}")
    return "\n\n".join(sections)


def objects() -> str:
    """The methods of a source and of a sink, and what a sink may have besides."""
    sections = []
    for protocol in (Source, Sink, Remembers):
        methods = [f for n, f in vars(protocol).items() if inspect.isfunction(f) and not n.startswith("_")]
        lines = []
        for method in methods:
            prefix = "async def" if inspect.iscoroutinefunction(method) else "def"
            lines.append(f"{prefix} {signature(method)}")
            lines += [f"    # {line}".rstrip() for line in (inspect.getdoc(method) or "").splitlines()]
            lines.append("")
        sections.append(f"### {protocol.__name__}\n\n{_doc(protocol)}\n\n{fence(chr(10).join(lines), 'python')}")
    return "\n\n".join(sections)


def errors() -> str:
    """The tree of errors, as its module tells it."""
    text = inspect.getdoc(sdk_errors) or ""
    tree = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    return fence(tree, "text")


def canonical_commands() -> str:
    """A table of all commands."""
    base = set(Command.model_fields)
    rows = [
        (code(c.kind), _first(c), ", ".join(code(n) for n in c.model_fields if n not in base), _traits(c))
        for c in COMMANDS.values()
    ]
    return table(("command", "what it is", "fields", ""), rows)


def canonical_events() -> str:
    """A table of all events."""
    base = set(Event.model_fields)
    rows = [
        (code(name), _first(e), ", ".join(code(n) for n in e.model_fields if n not in base))
        for name, e in sorted(EVENTS.items())
    ]
    return table(("event", "what it is", "fields"), rows)


def contract_example() -> str:
    """The example in the docstring of `caseconnect.sdk.testing`."""
    text = inspect.getdoc(testing) or ""
    lines = [line[4:] for line in text.splitlines() if line.startswith("    ") or not line]
    # Two blank lines between classes, as the formatter wants them: it also reads Markdown.
    return fence("\n".join(lines).strip("\n").replace("\n\nclass ", "\n\n\nclass "), "python")


def _traits(command: type[Command]) -> str:
    slot = "slot" in vars(command)
    traits = [f"acts on the {command.side}"]
    traits += ["protective"] * command.protective + ["sets a state"] * slot + ["its end is told"] * command.settles
    return ", ".join(traits)


def _default(field: dataclasses.Field[Any]) -> str:
    if isinstance(field.default, timedelta):
        return code(show_duration(field.default))
    if field.default is not dataclasses.MISSING:
        return code(field.default) if field.default != "" else "empty"
    return "empty" if field.default_factory is not dataclasses.MISSING else "required"


def _doc(thing: type) -> str:
    return inspect.getdoc(thing) or ""


def _first(model: type[BaseModel]) -> str:
    return re.split(r"(?<=[.])\s", " ".join(_doc(model).split()))[0]
