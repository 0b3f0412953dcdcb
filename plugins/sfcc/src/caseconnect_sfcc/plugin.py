"""What this distribution offers: source, sink and trigger `sfcc`, and the simulator of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseconnect.sdk import hookimpl
from caseconnect.sdk.components import Registrar, SimulatorSpec, SinkSpec, SourceSpec, TriggerSpec

from .sink import SINK
from .source import SOURCE
from .trigger import TRIGGER


@hookimpl
def connect_register_sources(register: Registrar[SourceSpec]) -> None:
    """Offer the source."""
    register.add(SOURCE)


@hookimpl
def connect_register_sinks(register: Registrar[SinkSpec]) -> None:
    """Offer the sink."""
    register.add(SINK)


@hookimpl
def connect_register_triggers(register: Registrar[TriggerSpec]) -> None:
    """Offer the trigger."""
    register.add(TRIGGER)


@hookimpl
def connect_register_simulators(register: Registrar[SimulatorSpec]) -> None:
    """Offer the simulator."""
    register.add(SimulatorSpec("sfcc", "A stateful B2C Commerce instance: both API families, searches that lag", _app))


def _app(options: Mapping[str, Any]) -> Any:
    # Only who simulates pays for the web framework's import.
    from caseconnect_sfcc.simulator import SfccSettings, create_app

    return create_app(SfccSettings.from_dict(options))
