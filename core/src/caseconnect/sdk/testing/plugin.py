"""What a plugin module offers, and the rules for its hooks and the data of its specs."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator
from typing import Any

import pluggy
import yaml
from pydantic import BaseModel, ValidationError

from caseconnect.models.base import Record
from caseconnect.sdk import hookspecs
from caseconnect.sdk.components import Settings
from caseconnect.sdk.errors import PluginError
from caseconnect.sdk.secrets import Secret
from caseconnect.sdk.testing.rig import ContractBroken, not_applicable, require

_SECRET_WORDS = ("secret", "password", "token", "private_key", "api_key")
_HARMLESS = ("_url", "_path", "_life", "_name", "_form", "_header", "_field", "_template")


class Collector:
    """A registrar that keeps what it is handed."""

    def __init__(self) -> None:
        self.specs: list[Any] = []

    def add(self, spec: Any) -> None:
        """Keep it; `PluginError` when the name is taken."""
        if any(s.name == spec.name for s in self.specs):
            raise PluginError(f"{spec.name!r} is offered twice")
        self.specs.append(spec)


def offered(plugin: Any) -> dict[str, list[Any]]:
    """The specs that a plugin module registers, by hook: sources, sinks, triggers, transforms, simulators."""
    pm = pluggy.PluginManager("connect")
    pm.add_hookspecs(hookspecs)
    pm.register(plugin)
    pm.check_pending()
    found = {}
    for hook in ("sources", "sinks", "triggers", "transforms", "simulators"):
        collector = Collector()
        getattr(pm.hook, f"connect_register_{hook}")(register=collector)
        found[hook] = collector.specs
    return found


def one_of(plugin: Any, hook: str, name: str = "") -> Any:
    """The one spec of that hook, or the one called `name`."""
    specs = [s for s in offered(plugin)[hook] if not name or s.name == name]
    require(len(specs) == 1, f"{plugin.__name__} offers {len(specs)} {hook} here: set `name` to the one that is meant")
    return specs[0]


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The settings models that an annotation names, however deep; a `Secret` is a value."""
    plain = isinstance(annotation, type) and not typing.get_args(annotation)
    if plain and issubclass(annotation, BaseModel) and not issubclass(annotation, Secret | Record):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
    for part in typing.get_args(annotation):
        yield from models_in(part)


class PluginContract:
    """Rules for a plugin module. Derive a `Test...` class and set `plugin` to the module."""

    plugin: Any

    def test_hooks_are_spelt_and_annotated_as_specified(self) -> None:
        """pluggy checks argument names only, mypy does not compare a hookimpl with its hookspec."""
        for name in dir(self.plugin):
            function = getattr(self.plugin, name)
            if not name.startswith("connect_") or not isinstance(function, types.FunctionType):
                continue
            specified: Any = getattr(hookspecs, name, None)
            require(specified is not None, f"{name} is no hook: see caseconnect.sdk.hookspecs")
            require(hasattr(function, "connect_impl"), f"{name} is not marked with @hookimpl and would never be called")
            wanted, have = typing.get_type_hints(specified), typing.get_type_hints(function)
            require(wanted == have, f"{name} is annotated {have}; the hook is {inspect.signature(specified)}")

    def test_offers_something_and_the_same_each_time(self) -> None:
        """Registering only registers: it may happen again."""
        first, second = offered(self.plugin), offered(self.plugin)
        require(any(first.values()), f"{self.plugin.__name__} offers nothing")
        names = [{hook: [s.name for s in specs] for hook, specs in found.items()} for found in (first, second)]
        require(names[0] == names[1], f"a second registration offers something else: {names}")

    def test_one_platform_has_one_settings_model(self) -> None:
        """Source, sink and trigger of one name are configured together."""
        models: dict[str, type] = {}
        found = offered(self.plugin)
        for spec in (*found["sources"], *found["sinks"], *found["triggers"]):
            known = models.setdefault(spec.name, spec.settings)
            require(known is spec.settings, f"{spec.name}: {known.__name__} and {spec.settings.__name__} differ")


class SpecRules:
    """What holds for the spec of every component. Set `plugin`, and `name` where it offers more than one."""

    plugin: Any
    name: str = ""
    hook: str
    _spec: Any = None

    def spec(self) -> Any:
        """The spec under test, asked for once by each test."""
        if self._spec is None:
            self._spec = one_of(self.plugin, self.hook, self.name)
        return self._spec

    def test_every_setting_is_described(self) -> None:
        """`connect schema` and the reference pages are made of these texts."""
        for model in models_in(self.spec().settings):
            bare = [n for n, f in model.model_fields.items() if not (f.description or "").strip()]
            require(not bare, f"{model.__name__}: no description of {', '.join(bare)}")

    def test_unknown_settings_are_refused(self) -> None:
        """A typing error must not be taken for silence, at any depth."""
        require(issubclass(self.spec().settings, Settings), "derive the settings from caseconnect's Settings")
        for model in models_in(self.spec().settings):
            try:
                model.model_validate({"no_such_key_at_all": 1})
            except ValidationError as error:
                if any(e["type"] == "extra_forbidden" for e in error.errors()):
                    continue
            raise ContractBroken(f"{model.__name__} accepts a key that it does not know")

    def test_settings_keep_no_secret_as_text(self) -> None:
        """Secrets are references, so that a tenant file can be shown to anybody."""
        for model in models_in(self.spec().settings):
            for field, info in model.model_fields.items():
                if any(w in field for w in _SECRET_WORDS) and not field.endswith(_HARMLESS):
                    require("Secret" in str(info.annotation), f"{model.__name__}.{field} must be a Secret")

    def test_example_is_valid(self) -> None:
        """The example is YAML of the settings; the documentation shows it as it is."""
        spec = self.spec()
        if not spec.example.strip():
            raise not_applicable("the spec has no example")
        spec.settings.model_validate(yaml.safe_load(spec.example))

    def test_summary_is_one_line(self) -> None:
        """`connect list-plugins` shows it."""
        summary = self.spec().summary
        require(bool(summary.strip()) and "\n" not in summary and len(summary) <= 120, f"summary: {summary!r}")
