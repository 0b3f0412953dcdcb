"""Registers the use case."""

from caseconnect.sdk import hookimpl
from caseconnect.sdk.casework import asks_of, uses_of
from caseconnect.sdk.commands import CloseCase, Command, CommentCase, OpenCase, UpdateCase
from caseconnect.sdk.components import Registrar, TransformSpec
from caseconnect.sdk.events import (
    CaseChanged,
    ClaimChanged,
    CommandSettled,
    ComplaintChanged,
    CustomerReplied,
    DisputeChanged,
    Event,
    OrderChanged,
    ReturnChanged,
    TimerFired,
)
from caseconnect.sdk.order_names import NAMED_ORDERS
from caseconnect_adopted_cases.rules import decide
from caseconnect_adopted_cases.settings import EXCEPTIONS, AdoptedCasesSettings

_NEVER: frozenset[type[Command]] = frozenset({OpenCase, UpdateCase, CloseCase})
_FURTHER: frozenset[type[Event]] = frozenset({ReturnChanged, DisputeChanged, ComplaintChanged, ClaimChanged})


def _asks(settings: AdoptedCasesSettings) -> frozenset[type[Command]]:
    return (asks_of(settings) if settings.decisions else frozenset({CommentCase})) - _NEVER


@hookimpl
def connect_register_transforms(register: Registrar[TransformSpec]) -> None:
    """Offer `adopted_cases`."""
    register.add(
        TransformSpec(
            name="adopted_cases",
            summary="Cases that agents open and that name an order are worked as matters of that order",
            settings=AdoptedCasesSettings,
            topic="agent_case",
            begins_at_case=True,
            exceptions=EXCEPTIONS,
            handles=_FURTHER | {CaseChanged, CommandSettled, TimerFired, OrderChanged, CustomerReplied},
            may_come=_FURTHER,
            needs=frozenset({"case", "order", NAMED_ORDERS}),
            uses=uses_of(AdoptedCasesSettings) - _NEVER,
            asks=_asks,
            optional=frozenset({"document"}),
            decide=decide,
            example="shops: {web: shop}\n",
        )
    )
