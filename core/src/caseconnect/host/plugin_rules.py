"""What makes a plugin fit: its demands on the SDK, its hook functions, its specs. Every check returns reasons."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from importlib.metadata import Distribution
from typing import Any, cast

import pluggy
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel

from caseconnect import __version__, models
from caseconnect.models.base import Record
from caseconnect.sdk import SDK_VERSION, components, hookspecs
from caseconnect.sdk.commands import COMMANDS
from caseconnect.sdk.components import (
    Repeat,
    Settings,
    SimulatorSpec,
    SinkSpec,
    SourceSpec,
    Stability,
    TransformSpec,
)
from caseconnect.sdk.events import EVENTS

STABILITIES: tuple[str, ...] = typing.get_args(Stability)
"""From the least to the most stable."""

FACTS: Mapping[str, type[Record]] = types.MappingProxyType(
    {
        "order": models.Order,
        "order_history": models.OrderHistory,
        "customer": models.Customer,
        "case": models.Case,
        "return": models.ReturnRequest,
        "dispute": models.Dispute,
        "complaint": models.Complaint,
        "claim": models.WarrantyClaim,
        "approval": models.ApprovalRequest,
        "shipment": models.ShipmentReport,
        "reply": models.CustomerReply,
        "product": models.Product,
        "document": models.Document,
    }
)
"""Fact kinds with a canonical record. A plugin may supply others; these have this record everywhere."""

HOOKS: Mapping[str, types.FunctionType] = types.MappingProxyType(
    {name: f for name, f in vars(hookspecs).items() if name.startswith("connect_") and inspect.isfunction(f)}
)
"""The hook specifications by name, in the order in which they are called."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_SDK = re.compile(r"(\d+)\.(\d+)\Z")
_MARK = "connect_impl"


def sdk_asked_for(plugin: object) -> list[str]:
    """Why `requires_sdk` of the plugin module cannot be met: another major version, or a newer minor one."""
    wanted = getattr(plugin, "requires_sdk", None)
    if wanted is None:
        return []
    match, have = _SDK.match(str(wanted)), _SDK.match(SDK_VERSION)
    if not match or not have:
        return [f'requires_sdk is {wanted!r}: write major.minor, such as "{SDK_VERSION}"']
    (major, minor), (our_major, our_minor) = map(int, match.groups()), map(int, have.groups())
    if major == our_major and minor <= our_minor:
        return []
    return [f"asks for SDK {wanted}; this is SDK {SDK_VERSION}: install a fitting caseconnect or another version of it"]


def release_asked_for(distribution: Distribution | None) -> list[str]:
    """Why the distribution's own `Requires-Dist: caseconnect` is not met. Read before the plugin is imported."""
    for line in (distribution.requires or []) if distribution else []:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if canonicalize_name(requirement.name) != "caseconnect":
            continue
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        if not requirement.specifier.contains(__version__, prereleases=True):
            return [f"asks for caseconnect{requirement.specifier}; this is caseconnect {__version__}"]
    return []


def hook_problems(manager: pluggy.PluginManager, plugin: object) -> list[str]:
    """What is wrong with the hook functions of a plugin. pluggy itself finds a misspelt one only on request."""
    problems, found = [], False
    for name in dir(plugin):
        function = inspect.getattr_static(plugin, name, None)
        function = getattr(function, "__func__", function)
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is None:
            ours = getattr(function, "__module__", "") == hookspecs.__name__
            if _looks_like_a_hook(name) and inspect.isfunction(function) and not ours:
                problems.append(f"{name} is not marked: write @hookimpl above it" + _spelling(name))
            continue
        hook = options.get("specname") or name
        if hook in HOOKS:
            found = True
            problems += _shape_problems(name, cast(types.FunctionType, function), options, HOOKS[hook])
        elif not options.get("optionalhook"):
            problems.append(f"{hook} is no hook{_spelling(hook)}")
    if not found and not problems:
        problems.append(f"implements no hook: mark a function with @hookimpl, one of {', '.join(HOOKS)}")
    return problems


def _looks_like_a_hook(name: str) -> bool:
    return name.startswith("connect_register") or bool(get_close_matches(name, HOOKS, n=1, cutoff=0.85))


def _spelling(name: str) -> str:
    if name in HOOKS:
        return ""
    near = get_close_matches(name, HOOKS, n=1)
    return f": did you mean {near[0]}?" if near else f": the hooks are {', '.join(HOOKS)}"


def _shape_problems(
    name: str, function: types.FunctionType, options: Mapping[str, Any], spec: types.FunctionType
) -> list[str]:
    if options.get("wrapper") or options.get("hookwrapper"):
        return [f"{name} is a hook wrapper: hooks only register, write a plain function"]
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        return [f"{name} is async or a generator: hooks only register, write a plain function"]
    allowed = set(inspect.signature(spec).parameters)
    given = [p for p in inspect.signature(function).parameters if p not in {"self", "cls"}]
    wrong = [p for p in given if p not in allowed]
    if wrong:
        return [f"{name}({', '.join(given)}) has a wrong signature: it is {name}{inspect.signature(spec)}"]
    expected, got = typing.get_type_hints(spec), _hints(function)
    # An argument without annotation is right as well: only a statement that contradicts the hook is refused.
    for argument in (*given, "return"):
        if argument in got and got[argument] not in (expected[argument], Any):
            return [f"{name} has a wrong annotation of {argument!r}: it is {name}{inspect.signature(spec)}"]
    return []


def _hints(function: types.FunctionType) -> dict[str, Any]:
    try:
        # A plugin may import the names of annotations for type checkers only.
        return typing.get_type_hints(function, {**vars(components), **function.__globals__})
    except Exception:  # noqa: BLE001 - foreign annotations may evaluate to anything; unreadable ones are not wrong
        return {}


def spec_problems(spec: Any) -> list[str]:
    """What is wrong with a spec, in words for its author."""
    problems = []
    if not isinstance(spec.name, str) or not _NAME.match(spec.name):
        problems.append(f"the name {spec.name!r} must be lower case letters, digits and '_', at most 40")
    if not spec.summary or not str(spec.summary).strip() or "\n" in spec.summary:
        problems.append("the summary must be one line that says what it is")
    if spec.stability not in STABILITIES:
        problems.append(f"stability {spec.stability!r} is none of {', '.join(STABILITIES)}")
    if isinstance(spec, SimulatorSpec):
        return problems + _not_callable(spec, "app")
    problems += _settings_problems(spec.settings)
    if isinstance(spec, SourceSpec):
        return problems + _source_problems(spec)
    if isinstance(spec, SinkSpec):
        return problems + _sink_problems(spec)
    if isinstance(spec, TransformSpec):
        return problems + _transform_problems(spec)
    return problems + _not_callable(spec, "wakes")


def _source_problems(spec: Any) -> list[str]:
    problems = _not_callable(spec, "build", "account") + _unknown("emits", spec.emits, EVENTS)
    if not spec.emits:
        problems.append("emits is empty: name the events that it makes")
    for kind, record in spec.facts.items():
        canonical = FACTS.get(kind)
        if not (isinstance(record, type) and issubclass(record, Record)):
            problems.append(f"the fact {kind!r} must be a Record class")
        elif canonical and record is not canonical:
            problems.append(f"the fact {kind!r} is a {canonical.__name__}, not a {record.__name__}")
    problems += [f"tells: {kind!r} is no canonical fact" for kind in spec.tells if kind not in FACTS]
    if spec.pacing.rate <= 0 or spec.pacing.burst <= 0:
        problems.append("pacing: rate and burst must be above zero")
    return problems


def _sink_problems(spec: Any) -> list[str]:
    problems = _not_callable(spec, "build") + _unknown("commands", spec.commands, COMMANDS)
    problems += [
        f"commands: say how a repeat of {getattr(c, '__name__', c)} is safe, with a value of Repeat"
        for c, repeat in spec.commands.items()
        if not isinstance(repeat, Repeat)
    ]
    if not spec.commands:
        problems.append("commands is empty: name what it can carry out")
    waits = {n: getattr(spec, n) for n in ("deadline", "lateness", "index_lag", "key_window", "settle_within")}
    problems += [f"{n} must not be negative" for n, wait in waits.items() if wait < timedelta(0)]
    return problems


def _transform_problems(spec: Any) -> list[str]:
    problems = _unknown("handles", spec.handles, EVENTS) + _unknown("uses", spec.uses, COMMANDS)
    if not spec.handles:
        problems.append("handles is empty: name the events that it decides on")
    if not _NAME.match(spec.topic):
        problems.append(f"the topic {spec.topic!r} must be lower case letters, digits and '_'")
    problems += [f"needs: {n!r} is no name of a fact" for n in spec.needs | spec.optional if not _NAME.match(str(n))]
    if spec.asks is not None:
        problems += _not_callable(spec, "asks")
    if inspect.iscoroutinefunction(spec.decide):
        problems.append("decide must be pure and sync, not async")
    return problems + _not_callable(spec, "decide")


def _not_callable(spec: Any, *names: str) -> list[str]:
    return [f"{n} must be a function" for n in names if not callable(getattr(spec, n))]


def _unknown(what: str, given: Iterable[Any], known: Mapping[str, type]) -> list[str]:
    return [
        f"{what}: {getattr(g, '__name__', g)!s} is unknown to this version; known are {', '.join(known)}"
        for g in given
        if g not in known.values()
    ]


def _settings_problems(settings: Any) -> list[str]:
    if not (isinstance(settings, type) and issubclass(settings, Settings)):
        return ["settings must be a class derived from caseconnect.sdk.components.Settings"]
    problems = []
    for model, path in models_within(settings):
        where = f"{model.__name__}{f' (at {path})' if path else ''}"
        if model.model_config.get("extra") != "forbid":
            problems.append(f"settings: {where} must refuse unknown keys (derive it from Settings)")
        problems += [
            f"settings: {where}.{n} has no description" for n, f in model.model_fields.items() if not f.description
        ]
    return problems


def models_within(
    model: type[BaseModel], path: str = "", seen: set[type] | None = None
) -> list[tuple[type[BaseModel], str]]:
    """The model and every model that its fields hold, each once, with the key path it was found at."""
    seen = set() if seen is None else seen
    if model in seen:
        return []
    seen.add(model)
    found = [(model, path)]
    for name, field in model.model_fields.items():
        for inner in models_of(field.annotation):
            found += models_within(inner, f"{path}.{name}".lstrip("."), seen)
    return found


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """The pydantic models that an annotation names, also inside unions, lists and mappings.

    Canonical records are left out: they are values of the SDK (money), not groups of settings.
    """
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return [annotation] if issubclass(annotation, BaseModel) and not issubclass(annotation, Record) else []
    return [m for part in typing.get_args(annotation) for m in models_of(part)]
