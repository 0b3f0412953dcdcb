"""The table of actions: what an outcome may ask for, and what must be able to carry it out."""

from __future__ import annotations

from collections.abc import Callable

from caseconnect.sdk.casework import acting, giving
from caseconnect.sdk.casework.acting import Act, Acting
from caseconnect.sdk.casework.outcome_settings import Action, OutcomeSettings
from caseconnect.sdk.commands import (
    AdjustLoyalty,
    ApproveReturn,
    AttachDocument,
    CancelOrder,
    CloseCase,
    Command,
    CommentCase,
    CorrectProfile,
    CreateReplacement,
    DeclineReturn,
    ExchangeReturn,
    IssueCredit,
    NotifyCustomer,
    OpenCase,
    RefundPayment,
    ReleaseOrder,
    SetOrderStatus,
    SubmitEvidence,
    UpdateCase,
)

DOES: dict[Action, Callable[[Acting], Act]] = {
    "release": acting.release,
    "cancel": acting.cancel,
    "ask_verification": acting.ask_verification,
    "approve_return": acting.approve_return,
    "decline_return": acting.decline_return,
    "refund": giving.refund,
    "exchange": giving.exchange,
    "replace": giving.replace,
    "credit": giving.credit,
    "points": giving.points,
    "correct_profile": acting.correct_profile,
    "submit_evidence": acting.submit_evidence,
    "set_status": acting.set_status,
    "notify": acting.notify,
    "close": acting.close,
}
"""What each action comes to. Raises `ImpossibleError` where it cannot be done: then nothing of the outcome is."""

COMMANDS_OF: dict[Action, frozenset[type[Command]]] = {
    "release": frozenset({ReleaseOrder}),
    "cancel": frozenset({CancelOrder}),
    "ask_verification": frozenset(),
    "approve_return": frozenset({ApproveReturn}),
    "decline_return": frozenset({DeclineReturn}),
    "refund": frozenset({RefundPayment}),
    "exchange": frozenset({ExchangeReturn}),
    "replace": frozenset({CreateReplacement}),
    "credit": frozenset({IssueCredit}),
    "points": frozenset({AdjustLoyalty}),
    "correct_profile": frozenset({CorrectProfile}),
    "submit_evidence": frozenset({SubmitEvidence}),
    "set_status": frozenset({SetOrderStatus}),
    "notify": frozenset({NotifyCustomer}),
    "as_requested": frozenset(),
    "close": frozenset(),
}
"""What a connection must carry out for each action; for `as_requested` the use case says it."""


CASEWORK: frozenset[type[Command]] = frozenset({OpenCase, CommentCase, UpdateCase, AttachDocument, CloseCase})
"""What every use case that works in cases may ask case management for."""

_DEMANDED: frozenset[type[Command]] = frozenset({OpenCase, CommentCase, UpdateCase})


def uses_of(policy: type[OutcomeSettings]) -> frozenset[type[Command]]:
    """Every command that a use case with such settings may ask for: `TransformSpec.uses`."""
    messages = {NotifyCustomer} if "ask_verification" in policy.actions else set()
    return CASEWORK | messages | {kind for action in policy.actions for kind in COMMANDS_OF[action]}


def asks_of(settings: OutcomeSettings) -> frozenset[type[Command]]:
    """What connections must carry out under these settings, by what the outcomes say: `TransformSpec.asks`."""
    asked = settings.asked()
    messages = "ask_verification" in asked and any(
        settings.message(outcome, "ask_verification") for outcome in settings.outcomes
    )
    return _DEMANDED | ({NotifyCustomer} if messages else set()) | {k for action in asked for k in COMMANDS_OF[action]}
