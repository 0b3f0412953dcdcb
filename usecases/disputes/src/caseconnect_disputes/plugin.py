"""Registers the use case."""

from caseconnect.sdk import hookimpl
from caseconnect.sdk.casework import asks_of, uses_of
from caseconnect.sdk.commands import Command, RefundPayment
from caseconnect.sdk.components import Registrar, TransformSpec
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, DisputeChanged, TimerFired
from caseconnect_disputes.rules import decide
from caseconnect_disputes.settings import EXCEPTIONS, DisputesSettings


def _asks(settings: DisputesSettings) -> frozenset[type[Command]]:
    return asks_of(settings) | ({RefundPayment} if "as_requested" in settings.asked() else set())


@hookimpl
def connect_register_transforms(register: Registrar[TransformSpec]) -> None:
    """Offer `disputes`."""
    register.add(
        TransformSpec(
            name="disputes",
            summary="Chargebacks, duplicate charges, disputes over refunds, points and profiles become cases",
            settings=DisputesSettings,
            topic="dispute",
            exceptions=EXCEPTIONS,
            by_item=True,
            handles=frozenset({DisputeChanged, TimerFired, CaseChanged, CommandSettled, CustomerReplied}),
            needs=frozenset({"dispute", "order", "customer", "order_history", "case"}),
            uses=uses_of(DisputesSettings),
            asks=_asks,
            optional=frozenset({"document"}),
            decide=decide,
            example="kinds: [chargeback, inquiry, duplicate_charge]\nwarn_hours: 72\n",
        )
    )
