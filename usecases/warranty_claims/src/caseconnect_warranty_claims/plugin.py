"""Registers the use case."""

from caseconnect.sdk import hookimpl
from caseconnect.sdk.casework import asks_of, uses_of
from caseconnect.sdk.commands import Command, CreateReplacement, RefundPayment
from caseconnect.sdk.components import Registrar, TransformSpec
from caseconnect.sdk.events import CaseChanged, ClaimChanged, CommandSettled, CustomerReplied, TimerFired
from caseconnect_warranty_claims.rules import decide
from caseconnect_warranty_claims.settings import EXCEPTIONS, WarrantyClaimsSettings


def _asks(settings: WarrantyClaimsSettings) -> frozenset[type[Command]]:
    wished = "as_requested" in settings.asked()
    return asks_of(settings) | ({RefundPayment, CreateReplacement} if wished else set())


@hookimpl
def connect_register_transforms(register: Registrar[TransformSpec]) -> None:
    """Offer `warranty_claims`."""
    register.add(
        TransformSpec(
            name="warranty_claims",
            summary="Warranty claims are reviewed with purchase, product and papers; outcomes replace or give back",
            settings=WarrantyClaimsSettings,
            topic="claim",
            exceptions=EXCEPTIONS,
            by_item=True,
            handles=frozenset({ClaimChanged, TimerFired, CaseChanged, CommandSettled, CustomerReplied}),
            needs=frozenset({"claim", "order", "customer", "order_history", "case"}),
            uses=uses_of(WarrantyClaimsSettings),
            asks=_asks,
            optional=frozenset({"document"}),
            decide=decide,
            example='warranty_months: {"*": 24, CAM-: 36}\n',
        )
    )
