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
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, OrderChanged, TimerFired
from caseconnect_order_exceptions.rules import decide
from caseconnect_order_exceptions.settings import EXCEPTIONS, OrderExceptionsSettings

_USES: frozenset[type[Command]] = frozenset(
    {OpenCase, CommentCase, UpdateCase, AttachDocument, CloseCase, HoldOrder, ReleaseOrder, CancelOrder}
)

_WHERE_POSSIBLE: frozenset[type[Command]] = frozenset((AttachDocument, CloseCase))


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
            uses=_USES,
            asks=lambda _: _USES - _WHERE_POSSIBLE,
            optional=frozenset({"document"}),
            decide=decide,
            example="exceptions: [payment_failure, duplicate_order]\nhold_for: [duplicate_order]\n",
        )
    )
