"""Registers the use case."""

from caseconnect.sdk import hookimpl
from caseconnect.sdk.commands import (
    AttachDocument,
    CancelOrder,
    CloseCase,
    Command,
    CommentCase,
    HoldOrder,
    OpenCase,
    ReleaseOrder,
    UpdateCase,
)
from caseconnect.sdk.components import Registrar, TransformSpec
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, OrderChanged
from caseconnect_fraud_review.rules import decide
from caseconnect_fraud_review.settings import EXCEPTIONS, FraudReviewSettings

_USES: frozenset[type[Command]] = frozenset(
    {OpenCase, CommentCase, UpdateCase, AttachDocument, CloseCase, HoldOrder, ReleaseOrder, CancelOrder}
)

_WHERE_POSSIBLE: frozenset[type[Command]] = frozenset((AttachDocument, CloseCase))


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
            handles=frozenset({OrderChanged, CaseChanged, CommandSettled, CustomerReplied}),
            needs=frozenset({"order", "customer", "order_history", "case"}),
            uses=_USES,
            asks=lambda _: _USES - _WHERE_POSSIBLE,
            optional=frozenset({"document"}),
            decide=decide,
            example='risk_level: medium\nhigh_value: {EUR: "1000", USD: "1200"}\n',
        )
    )
