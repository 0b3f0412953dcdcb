"""What this distribution offers: source, sink and trigger `shopify`, and the simulator of the same name."""

from __future__ import annotations

from caseconnect.sdk import hookimpl
from caseconnect.sdk.components import Registrar, SimulatorSpec, SinkSpec, SourceSpec, TriggerSpec
from caseconnect_shopify.simulation import SIMULATOR
from caseconnect_shopify.sink import SINK
from caseconnect_shopify.source import SOURCE
from caseconnect_shopify.trigger import TRIGGER


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
    """Offer the stand-in for Shopify."""
    register.add(SIMULATOR)
