"""The hooks. Hooks only register; objects work.

A plugin is a module named by an entry point of group `connect`, with functions marked `@hookimpl`.
"""

from __future__ import annotations

import pluggy

from caseconnect.sdk.components import Registrar, SimulatorSpec, SinkSpec, SourceSpec, TransformSpec, TriggerSpec

hookspec = pluggy.HookspecMarker("connect")
hookimpl = pluggy.HookimplMarker("connect")
"""Mark a function of a plugin module as the implementation of the hook of the same name."""


@hookspec
def connect_register_sources(register: Registrar[SourceSpec]) -> None:
    """Offer sources.

    When: once at start, after the plugin was imported, plugins in name order.
    With: `register`, whose `add(spec)` takes one `SourceSpec`; call it once per source.
    Result: ignored.
    If it raises: the plugin is shown as broken with the reason, nothing of it is used, the others go on.
    """


@hookspec
def connect_register_sinks(register: Registrar[SinkSpec]) -> None:
    """Offer sinks.

    When: after the sources of the same plugin.
    With: `register`, whose `add(spec)` takes one `SinkSpec`.
    Result: ignored.
    If it raises: as for sources.
    """


@hookspec
def connect_register_triggers(register: Registrar[TriggerSpec]) -> None:
    """Say what wakes the sources: data, so that no plugin runs a timer or a server of its own.

    When: after the sinks of the same plugin.
    With: `register`, whose `add(spec)` takes one `TriggerSpec`.
    Result: ignored.
    If it raises: as for sources.
    """


@hookspec
def connect_register_transforms(register: Registrar[TransformSpec]) -> None:
    """Offer use cases: pure rules from events to decisions.

    When: after the triggers of the same plugin.
    With: `register`, whose `add(spec)` takes one `TransformSpec`.
    Result: ignored.
    If it raises: as for sources.
    """


@hookspec
def connect_register_simulators(register: Registrar[SimulatorSpec]) -> None:
    """Offer stand-ins of a platform for `connect simulate`, the demo and the contract tests.

    When: after the transforms of the same plugin.
    With: `register`, whose `add(spec)` takes one `SimulatorSpec`.
    Result: ignored.
    If it raises: as for sources.
    """
