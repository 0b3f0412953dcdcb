"""The outcome of an adopted case: carried out where the tenant allows it, else the case is told."""

from __future__ import annotations

from caseconnect.models import Case
from caseconnect.sdk.casework import DECIDED, UseCase, carry_out, note_once, one_line
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.decisions import ActedOn, Decision, Facts, Matter, Needs
from caseconnect.sdk.events import CaseChanged
from caseconnect_adopted_cases.settings import AdoptedCasesSettings

FIELDS = (*DECIDED, "attributes")
"""What is looked at of a case."""


def decided(
    use: UseCase, event: CaseChanged, matter: Matter, case: Case, facts: Facts, settings: AdoptedCasesSettings
) -> Decision | Needs:
    """What follows from the outcome. One that was not allowed when it was set is not carried out later by itself."""
    if settings.decisions:
        return carry_out(use, event, matter, facts, settings)
    if case.outcome is None:
        closes = case.closed and matter.is_open()
        return Decision(reason="no outcome" + ("; the case is closed" if closes else ""), close=closes)
    decision = note_once(
        matter,
        f"outcome:{digest_of(case.outcome)}",
        f"Outcome '{one_line(case.outcome)}' was not carried out: of cases that agents open, outcomes are not. Whoever "
        "sets Connect up can allow it with decisions: true of adopted_cases; then set the outcome again.",
        None,
        f"outcome {case.outcome!r}: decisions is false",
    )
    acted_on = ActedOn(outcome=case.outcome, revision=case.revision)
    return decision.model_copy(update={"acted_on": acted_on, "close": case.closed and matter.is_open()})
