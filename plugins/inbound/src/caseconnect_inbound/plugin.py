"""What this distribution offers: `inbound` (requests) and `mail` (mailbox and messages)."""

from __future__ import annotations

from caseconnect.sdk import hookimpl
from caseconnect.sdk.components import Registrar, SinkSpec, SourceSpec, TriggerSpec

from .mailbox import MAIL_SOURCE
from .notices import SINK
from .smtp import MAIL_SINK
from .source import SOURCE
from .trigger import MAIL_TRIGGER, TRIGGER


@hookimpl
def connect_register_sources(register: Registrar[SourceSpec]) -> None:
    """Offer both sources."""
    register.add(SOURCE)
    register.add(MAIL_SOURCE)


@hookimpl
def connect_register_sinks(register: Registrar[SinkSpec]) -> None:
    """Offer both sinks."""
    register.add(SINK)
    register.add(MAIL_SINK)


@hookimpl
def connect_register_triggers(register: Registrar[TriggerSpec]) -> None:
    """Offer both triggers."""
    register.add(TRIGGER)
    register.add(MAIL_TRIGGER)
