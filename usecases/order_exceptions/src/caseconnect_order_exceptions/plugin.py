"""Registers the use case."""

from caseconnect.sdk import hookimpl
from caseconnect.sdk.casework import asks_of, uses_of
from caseconnect.sdk.commands import Command, HoldOrder
from caseconnect.sdk.components import Registrar, TransformSpec
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, OrderChanged, TimerFired
from caseconnect_order_exceptions.rules import decide
from caseconnect_order_exceptions.settings import EXCEPTIONS, OrderExceptionsSettings


def _asks(settings: OrderExceptionsSettings) -> frozenset[type[Command]]:
    return asks_of(settings) | ({HoldOrder} if settings.hold_for else set())


def _looks_at(settings: OrderExceptionsSettings) -> dict[str, str]:
    return {"a partly shipped order": "exceptions"} if "partial_fulfillment" in settings.exceptions else {}


@hookimpl
def connect_register_transforms(register: Registrar[TransformSpec]) -> None:
    """Offer `order_exceptions`."""
    register.add(
        TransformSpec(
            name="order_exceptions",
            summary="Payment failure, address mismatch, duplicate, suspected fraud, partial fulfilment open cases",
            settings=OrderExceptionsSettings,
            topic="order_review",
            exceptions=EXCEPTIONS,
            handles=frozenset({OrderChanged, TimerFired, CaseChanged, CommandSettled, CustomerReplied}),
            needs=frozenset({"order", "customer", "order_history", "case"}),
            uses=uses_of(OrderExceptionsSettings) | {HoldOrder},
            asks=_asks,
            looks_at=_looks_at,
            optional=frozenset({"document"}),
            decide=decide,
            example="exceptions: [payment_failure, duplicate_order]\nhold_for: [duplicate_order]\n",
        )
    )
