"""What use cases about orders have in common: pure functions from facts to text, documents and decisions.

A use case says what is wrong with an order (`Verdict`); `open_or_add` turns that into a case or into a comment
on the open one, `follow_up` what comes later: `carry_out` turns an agent's outcome into commands, `settled` tells the
case what became of them, `replied` what the shopper wrote.
"""

from caseconnect.sdk.casework.actions import asks_of, uses_of
from caseconnect.sdk.casework.answers import ImpossibleError, items_of, lines_of, value_of
from caseconnect.sdk.casework.following import follow_up
from caseconnect.sdk.casework.items import decide_item, item_needs
from caseconnect.sdk.casework.judging import Background, judged
from caseconnect.sdk.casework.opening import open_or_add, opens
from caseconnect.sdk.casework.outcome_settings import Action, Actions, Answers, OutcomeSettings
from caseconnect.sdk.casework.outcomes import carry_out, case_of
from caseconnect.sdk.casework.policy import CONDITION, PLACEHOLDERS, AppliesTo, AppliesToAny, CaseworkSettings, Priority
from caseconnect.sdk.casework.replies import replied
from caseconnect.sdk.casework.resolving import resolved
from caseconnect.sdk.casework.settling import settled
from caseconnect.sdk.casework.snapshot import snapshot
from caseconnect.sdk.casework.standing import (
    BLOCKED,
    CANCELLED,
    CARRYING_OUT,
    DECIDED,
    IN_REVIEW,
    RELEASED,
    RESOLVED,
    WAITING_FOR_CUSTOMER,
    WAITING_FOR_GOODS,
    executing,
    holding,
    sent,
    shippable,
)
from caseconnect.sdk.casework.telling import note_once
from caseconnect.sdk.casework.text import case_text, fill, label, one_line, quoted, when
from caseconnect.sdk.casework.usecase import Requested, UseCase, Waiting
from caseconnect.sdk.casework.verdicts import (
    Verdict,
    also,
    fresh,
    left_out,
    let_settle,
    limited,
    not_applying,
    reaching,
)
from caseconnect.sdk.conditions import Records

__all__ = [
    "BLOCKED",
    "CANCELLED",
    "CARRYING_OUT",
    "CONDITION",
    "DECIDED",
    "IN_REVIEW",
    "PLACEHOLDERS",
    "RELEASED",
    "RESOLVED",
    "WAITING_FOR_CUSTOMER",
    "WAITING_FOR_GOODS",
    "Action",
    "Actions",
    "Answers",
    "AppliesTo",
    "AppliesToAny",
    "Background",
    "CaseworkSettings",
    "ImpossibleError",
    "OutcomeSettings",
    "Priority",
    "Records",
    "Requested",
    "UseCase",
    "Verdict",
    "Waiting",
    "also",
    "asks_of",
    "carry_out",
    "case_of",
    "case_text",
    "decide_item",
    "executing",
    "fill",
    "follow_up",
    "fresh",
    "holding",
    "item_needs",
    "items_of",
    "judged",
    "label",
    "left_out",
    "let_settle",
    "limited",
    "lines_of",
    "not_applying",
    "note_once",
    "one_line",
    "open_or_add",
    "opens",
    "quoted",
    "reaching",
    "replied",
    "resolved",
    "sent",
    "settled",
    "shippable",
    "snapshot",
    "uses_of",
    "value_of",
    "when",
]
