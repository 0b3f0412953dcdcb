"""What follows once a matter is worked in a case: outcomes, ends of commands, and what the shopper writes."""

from __future__ import annotations

from caseconnect.sdk.casework.outcome_settings import OutcomeSettings
from caseconnect.sdk.casework.outcomes import carry_out
from caseconnect.sdk.casework.replies import replied
from caseconnect.sdk.casework.settling import settled
from caseconnect.sdk.casework.usecase import UseCase
from caseconnect.sdk.decisions import Decision, Facts, Matter, Needs
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, Event


def follow_up(
    use: UseCase, event: Event, matter: Matter, facts: Facts, settings: OutcomeSettings
) -> Decision | Needs | None:
    """The answer to an event about the case; None for one about the order, which the use case judges itself."""
    if isinstance(event, CaseChanged):
        return carry_out(use, event, matter, facts, settings)
    if isinstance(event, CommandSettled):
        return settled(event, matter, facts)
    if isinstance(event, CustomerReplied):
        return replied(event, matter, facts)
    return None
