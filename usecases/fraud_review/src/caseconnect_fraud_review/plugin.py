"""Registers the use case."""

from caseconnect.sdk import hookimpl
from caseconnect.sdk.casework import asks_of, uses_of
from caseconnect.sdk.commands import Command, HoldOrder
from caseconnect.sdk.components import Registrar, TransformSpec
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, OrderChanged, TimerFired
from caseconnect_fraud_review.rules import decide
from caseconnect_fraud_review.settings import EXCEPTIONS, FraudReviewSettings


def _asks(settings: FraudReviewSettings) -> frozenset[type[Command]]:
    return asks_of(settings) | ({HoldOrder} if settings.hold else set())


@hookimpl
def connect_register_transforms(register: Registrar[TransformSpec]) -> None:
    """Offer `fraud_review`."""
    register.add(
        TransformSpec(
            name="fraud_review",
            summary="High-risk and high-value orders are held and reviewed; the outcome releases or cancels them",
            settings=FraudReviewSettings,
            topic="order_review",
            exceptions=EXCEPTIONS,
            handles=frozenset({OrderChanged, TimerFired, CaseChanged, CommandSettled, CustomerReplied}),
            needs=frozenset({"order", "customer", "order_history", "case"}),
            uses=uses_of(FraudReviewSettings) | {HoldOrder},
            asks=_asks,
            optional=frozenset({"document"}),
            decide=decide,
            example='risk_level: medium\nhigh_value: {EUR: "1000", USD: "1200"}\n',
        )
    )
