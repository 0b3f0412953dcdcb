"""Finding and guarding plugins. One bad plugin never stops the host: it is shown as broken, with the reason.

Loading makes its own `pluggy.PluginManager` and returns data; there is no module global.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pluggy

from caseconnect.host.plugin_rules import (
    HOOKS,
    STABILITIES,
    hook_problems,
    release_asked_for,
    sdk_asked_for,
    spec_problems,
)
from caseconnect.sdk import SDK_VERSION, hookspecs
from caseconnect.sdk.components import Settings, SimulatorSpec, SinkSpec, SourceSpec, TransformSpec, TriggerSpec
from caseconnect.sdk.errors import PluginError

GROUP = "connect"
"""The entry-point group."""

DISABLED_VARIABLE = "CONNECT_DISABLED_PLUGINS"
"""Environment variable with the entry-point names, separated by commas, that are not to be loaded."""

_KINDS: Mapping[str, tuple[str, type]] = {
    "connect_register_sources": ("source", SourceSpec),
    "connect_register_sinks": ("sink", SinkSpec),
    "connect_register_triggers": ("trigger", TriggerSpec),
    "connect_register_transforms": ("transform", TransformSpec),
    "connect_register_simulators": ("simulator", SimulatorSpec),
}
_PLATFORM = ("source", "sink", "trigger")


@dataclass(frozen=True)
class Offer:
    """One component of a plugin. `kind` is source, sink, trigger, transform or simulator; `ways` see `TriggerSpec`."""

    kind: str
    name: str
    summary: str
    stability: str
    since: str
    ways: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plugin:
    """An installed plugin. Of a broken one nothing is used; `offers` then shows what it tried to offer.

    `distribution` and `version` are those of the package that holds it. `broken` is the reason in words for people.
    """

    name: str
    distribution: str = ""
    version: str = ""
    offers: tuple[Offer, ...] = ()
    broken: str | None = None
    disabled: bool = False

    @property
    def stability(self) -> str:
        """That of its least stable component; empty when it offers nothing."""
        found = [o.stability for o in self.offers if o.stability in STABILITIES]
        return min(found, key=STABILITIES.index, default="")


@dataclass
class Installed:
    """Everything that working plugins offer, by name, and the list of all plugins, the broken ones too."""

    sources: dict[str, SourceSpec] = field(default_factory=dict)
    sinks: dict[str, SinkSpec] = field(default_factory=dict)
    triggers: dict[str, TriggerSpec] = field(default_factory=dict)
    transforms: dict[str, TransformSpec] = field(default_factory=dict)
    simulators: dict[str, SimulatorSpec] = field(default_factory=dict)
    plugins: list[Plugin] = field(default_factory=list)
    unknown_disabled: tuple[str, ...] = ()

    def platforms(self) -> list[str]:
        """Names that a connection may give as its platform."""
        return sorted({*self.sources, *self.sinks})

    def settings_of(self, platform: str) -> type[Settings] | None:
        """The settings model that source, sink and trigger of a platform share."""
        for specs in (self.sources, self.sinks, self.triggers):
            spec: Any = specs.get(platform)
            if spec:
                return spec.settings  # type: ignore[no-any-return] # the specs share the field, not a type
        return None

    def owner(self, kind: str, name: str) -> Plugin | None:
        """The working plugin that offers this component."""
        return next((p for p in self.plugins if not p.broken and not p.disabled and _offers(p, (kind,), name)), None)

    def why_absent(self, kinds: Iterable[str], name: str) -> str | None:
        """Why no component `name` is there although a plugin of that name is installed; None when none is."""
        kinds = tuple(kinds)
        for plugin in self.plugins:
            if plugin.name != name and not _offers(plugin, kinds, name):
                continue
            if plugin.disabled:
                return f"the plugin {plugin.name!r} is switched off by {DISABLED_VARIABLE}"
            if plugin.broken:
                return f"the plugin {plugin.name!r} is broken: {plugin.broken}"
        return None

    def of_kind(self, kind: str) -> dict[str, Any]:
        """The components of one kind by name."""
        found: dict[str, Any] = getattr(self, f"{kind}s")
        return found


def _offers(plugin: Plugin, kinds: tuple[str, ...], name: str) -> bool:
    return any(o.kind in kinds and o.name == name for o in plugin.offers)


class _Desk:
    """The registrar that one hook of one plugin is handed. It remembers a refusal that the plugin swallowed."""

    def __init__(self, kind: str, spec_type: type, installed: Installed, mine: dict[str, dict[str, Any]]) -> None:
        self.kind, self._type, self._installed, self._mine = kind, spec_type, installed, mine
        self.refused: str | None = None
        self.open = True

    def add(self, spec: Any) -> None:
        """See `caseconnect.sdk.components.Registrar`."""
        reason = self._refusal(spec)
        if reason:
            self.refused = self.refused or reason
            raise PluginError(reason)
        self._mine[self.kind][spec.name] = spec

    def _refusal(self, spec: Any) -> str | None:
        if not self.open:
            return f"a {self.kind} was added after the hook had returned"
        if not issubclass(type(spec), self._type):
            return f"add() of this hook takes a {self._type.__name__}, not a {type(spec).__name__}"
        wrong = spec_problems(spec)
        if wrong:
            return f"{self.kind} {spec.name!r}: {'; '.join(wrong)}"
        if spec.name in self._mine[self.kind]:
            return f"offers two {self.kind}s named {spec.name!r}"
        owner = self._installed.owner(self.kind, spec.name)
        if owner:
            return f"{self.kind} {spec.name!r} is already offered by the plugin {owner.name!r} ({owner.distribution})"
        return self._other_settings(spec) if self.kind in _PLATFORM else None

    def _other_settings(self, spec: Any) -> str | None:
        for kind in _PLATFORM:
            other = self._mine[kind].get(spec.name) or self._installed.of_kind(kind).get(spec.name)
            if other and other.settings is not spec.settings:
                return (
                    f"{self.kind} {spec.name!r} has the settings {spec.settings.__name__}, but the {kind} of that name "
                    f"has {other.settings.__name__}: source, sink and trigger of one platform share one settings class"
                )
        return None


def load(disabled: Iterable[str] | None = None, entry_points: Iterable[EntryPoint] | None = None) -> Installed:
    """Load every installed plugin, in name order, each under guard.

    `disabled` defaults to the names in the environment variable CONNECT_DISABLED_PLUGINS, `entry_points` to
    those of the group `connect` in this environment. Raises nothing because of a plugin.
    """
    off = _disabled_by_environment() if disabled is None else frozenset(disabled)
    found = sorted(_installed_entry_points() if entry_points is None else entry_points, key=_order)
    manager = pluggy.PluginManager("connect")
    manager.add_hookspecs(hookspecs)
    installed = Installed(unknown_disabled=tuple(sorted(off - {e.name for e in found})))
    for entry_point in found:
        mine: dict[str, dict[str, Any]] = {kind: {} for kind, _ in _KINDS.values()}
        if entry_point.name in off:
            installed.plugins.append(_describe(entry_point, mine, None, disabled=True))
            continue
        broken = _guarded(manager, entry_point, installed, mine)
        installed.plugins.append(_describe(entry_point, mine, broken))
        if not broken:
            for kind, specs in mine.items():
                installed.of_kind(kind).update(specs)
    return installed


def _guarded(
    manager: pluggy.PluginManager, entry_point: EntryPoint, installed: Installed, mine: dict[str, dict[str, Any]]
) -> str | None:
    """Load one plugin; the reason why it is broken, or None."""
    if any(p.name == entry_point.name and not p.disabled for p in installed.plugins):
        return f"another installed package has a plugin named {entry_point.name!r} too"
    doing = ["cannot be checked"]
    try:
        return "; ".join(_reasons(manager, entry_point, installed, mine, doing)) or None
    except KeyboardInterrupt:
        raise
    except PluginError as error:
        return str(error)
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, SystemExit too
        return f"{doing[-1]}: {_told(error)}"


def _reasons(
    manager: pluggy.PluginManager,
    entry_point: EntryPoint,
    installed: Installed,
    mine: dict[str, dict[str, Any]],
    doing: list[str],
) -> list[str]:
    reasons = release_asked_for(entry_point.dist)
    if reasons:
        return reasons
    doing.append(f"cannot be imported ({entry_point.value})")
    plugin = entry_point.load()
    doing.append("cannot be registered")
    reasons = sdk_asked_for(plugin) or hook_problems(manager, plugin)
    if not reasons and manager.is_registered(plugin):
        reasons = [f"{entry_point.value} is already loaded as the plugin {manager.get_name(plugin)!r}"]
    if reasons:
        return reasons
    manager.register(plugin, entry_point.name)
    for hook in HOOKS:
        doing.append(f"{hook} failed")
        refused = _call(manager, hook, plugin, installed, mine)
        if refused:
            return [refused]
    return []


def _call(
    manager: pluggy.PluginManager, hook: str, plugin: object, installed: Installed, mine: dict[str, dict[str, Any]]
) -> str | None:
    kind, spec_type = _KINDS[hook]
    desk = _Desk(kind, spec_type, installed, mine)
    others = [p for p in manager.get_plugins() if p is not plugin]
    # pluggy calls every plugin's hook in one go and stops at the first error: so one plugin at a time.
    manager.subset_hook_caller(hook, others)(register=desk)
    desk.open = False
    return desk.refused


def _told(error: BaseException) -> str:
    """The error's first line, and the place in the plugin's files where it arose."""
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
    if isinstance(error, ImportError) and (error.name or "").startswith("caseconnect."):
        text += f" (this is SDK {SDK_VERSION})"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_machinery(f.filename)]
    if not frames:
        return text
    place = Path(frames[-1].filename)
    return f"{text} [{place.parent.name}/{place.name}:{frames[-1].lineno}]"


def _is_machinery(filename: str) -> bool:
    return (
        filename == __file__
        or filename.startswith("<")
        or any(part in {"importlib", "pluggy"} for part in Path(filename).parts)
    )


def _describe(
    entry_point: EntryPoint, mine: Mapping[str, Mapping[str, Any]], broken: str | None, *, disabled: bool = False
) -> Plugin:
    distribution = entry_point.dist
    offers = tuple(
        Offer(kind, name, spec.summary, spec.stability, spec.since, dict(getattr(spec, "ways", {})))
        for kind, specs in mine.items()
        for name, spec in sorted(specs.items())
    )
    return Plugin(
        name=entry_point.name,
        distribution=_distribution(entry_point),
        version=(distribution.version or "") if distribution else "",
        offers=offers,
        broken=broken,
        disabled=disabled,
    )


def _order(entry_point: EntryPoint) -> tuple[str, str]:
    return entry_point.name, _distribution(entry_point)


def _distribution(entry_point: EntryPoint) -> str:
    return (entry_point.dist.name or "") if entry_point.dist else ""


def _installed_entry_points() -> Iterable[EntryPoint]:
    return entry_points(group=GROUP)


def _disabled_by_environment() -> frozenset[str]:
    return frozenset(n.strip() for n in os.environ.get(DISABLED_VARIABLE, "").split(",") if n.strip())
