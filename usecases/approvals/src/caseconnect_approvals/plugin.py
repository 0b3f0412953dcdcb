"""Registers the use case."""

from caseconnect.sdk import hookimpl
from caseconnect.sdk.casework import asks_of, uses_of
from caseconnect.sdk.commands import Command, CreateReplacement, DeleteDraft, IssueCredit, RefundPayment
from caseconnect.sdk.components import Registrar, TransformSpec
from caseconnect.sdk.events import (
    ApprovalRequested,
    CaseChanged,
    CommandSettled,
    CustomerReplied,
    OrderChanged,
    TimerFired,
)
from caseconnect_approvals.rules import decide
from caseconnect_approvals.settings import EXCEPTIONS, ApprovalsSettings

_KINDS: dict[str, type[Command]] = {
    "refund": RefundPayment,
    "replacement": CreateReplacement,
    "credit": IssueCredit,
}


def _asks(settings: ApprovalsSettings) -> frozenset[type[Command]]:
    return asks_of(settings) | {_KINDS[kind] for kind in settings.kinds}


@hookimpl
def connect_register_transforms(register: Registrar[TransformSpec]) -> None:
    """Offer `approvals`."""
    register.add(
        TransformSpec(
            name="approvals",
            summary="Refunds, replacements and credits that are asked for wait in a case until somebody approves them",
            settings=ApprovalsSettings,
            topic="approval",
            exceptions=EXCEPTIONS,
            by_item=True,
            of_whole=("around_the_gate",),
            handles=frozenset(
                {ApprovalRequested, OrderChanged, TimerFired, CaseChanged, CommandSettled, CustomerReplied}
            ),
            needs=frozenset({"approval", "order", "customer", "order_history", "case"}),
            uses=uses_of(ApprovalsSettings) | frozenset(_KINDS.values()) | {DeleteDraft},
            asks=_asks,
            optional=frozenset({"document", "order", "customer", "order_history"}),
            decide=decide,
            example='free_up_to: {EUR: "20"}\nfour_eyes: true\npeople: {mia: mia@example.com}\n',
        )
    )
