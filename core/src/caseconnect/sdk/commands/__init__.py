"""Commands: one intended effect each. The host makes the key (matter + kind + name), never the attempt.

State commands name a slot (target, field): of one slot only the newest intended value counts. Protective
commands go first and depend on no case. Commands that give value away say what they are worth and what was approved.
"""

from caseconnect.sdk.commands.base import CASE, HELD, NOTHING, RELEASED, UNDOING, Command, Counter, Expect, digest_of
from caseconnect.sdk.commands.cases import AttachDocument, CloseCase, CommentCase, OpenCase, Priority, UpdateCase
from caseconnect.sdk.commands.customers import AnnotateCustomer, CorrectProfile, NotifyCustomer
from caseconnect.sdk.commands.money import (
    AdjustLoyalty,
    CreateReplacement,
    DeleteDraft,
    ExchangeReturn,
    IssueCredit,
    Item,
    LineQuantity,
    RefundPayment,
)
from caseconnect.sdk.commands.orders import (
    HOLD,
    AnnotateOrder,
    AssessRisk,
    CancelOrder,
    HoldOrder,
    NoteOrder,
    ReleaseOrder,
    SetOrderStatus,
    SubmitEvidence,
)
from caseconnect.sdk.commands.products import SUPPRESSED, RemoveNotice, RestoreProduct, ShowNotice, SuppressProduct
from caseconnect.sdk.commands.returns import ApproveReturn, DeclineReturn

COMMANDS: dict[str, type[Command]] = {
    c.kind: c
    for c in (
        OpenCase,
        CommentCase,
        UpdateCase,
        AttachDocument,
        CloseCase,
        HoldOrder,
        ReleaseOrder,
        CancelOrder,
        RefundPayment,
        IssueCredit,
        CreateReplacement,
        DeleteDraft,
        ExchangeReturn,
        AdjustLoyalty,
        ApproveReturn,
        DeclineReturn,
        AnnotateOrder,
        NoteOrder,
        SetOrderStatus,
        AssessRisk,
        SubmitEvidence,
        AnnotateCustomer,
        CorrectProfile,
        NotifyCustomer,
        SuppressProduct,
        RestoreProduct,
        ShowNotice,
        RemoveNotice,
    )
}
"""Every command by kind."""

__all__ = [
    "CASE",
    "COMMANDS",
    "HELD",
    "HOLD",
    "NOTHING",
    "RELEASED",
    "SUPPRESSED",
    "UNDOING",
    "AdjustLoyalty",
    "AnnotateCustomer",
    "AnnotateOrder",
    "ApproveReturn",
    "AssessRisk",
    "AttachDocument",
    "CancelOrder",
    "CloseCase",
    "Command",
    "CommentCase",
    "CorrectProfile",
    "Counter",
    "CreateReplacement",
    "DeclineReturn",
    "DeleteDraft",
    "ExchangeReturn",
    "Expect",
    "HoldOrder",
    "IssueCredit",
    "Item",
    "LineQuantity",
    "NoteOrder",
    "NotifyCustomer",
    "OpenCase",
    "Priority",
    "RefundPayment",
    "ReleaseOrder",
    "RemoveNotice",
    "RestoreProduct",
    "SetOrderStatus",
    "ShowNotice",
    "SubmitEvidence",
    "SuppressProduct",
    "UpdateCase",
    "digest_of",
]
