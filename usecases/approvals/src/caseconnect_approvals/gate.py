"""The gate: what ends a wait, and what keeps an approval from counting."""

from __future__ import annotations

from collections.abc import Mapping

from caseconnect.models import ApprovalRequest, Case, Money, Order
from caseconnect.sdk.casework import DECIDED, ImpossibleError, executing, note_once
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.events import CaseChanged, CommandSettled, Event, TimerFired
from caseconnect_approvals.requests import COMPLETED, bound, unfit
from caseconnect_approvals.settings import ApprovalsSettings

EXPIRED, REVOKED = "expired", "revoked"
"""Stages of a matter that ended before anybody approved."""

EXPIRY = "needs_approval:expires"
"""The timer of the wait."""

_ENDS = {EXPIRED: "had expired", REVOKED: "was void, because it was done in the shop"}


def stopped(
    event: Event,
    matter: Matter,
    item: ApprovalRequest | None,
    order: Order | None,
    facts: Facts,
    settings: ApprovalsSettings,
) -> Decision | Needs | None:
    """What keeps an answer from counting, or ends the wait; None when the request goes its way."""
    if isinstance(event, TimerFired):
        return _expire(matter) if event.name == EXPIRY else None
    if item is None:
        return None if isinstance(event, CommandSettled) else _gone(event, matter, facts, settings)
    if item.status == COMPLETED and matter.is_open() and executing(matter) is None:
        return _completed(matter)
    around = _around_the_gate(matter, item, order)
    revoked = None if around is None else _revoke(matter, item, around)
    if revoked is not None:
        return revoked
    return _may_count(matter, item, order, facts, settings) if isinstance(event, CaseChanged) else None


def _gone(event: Event, matter: Matter, facts: Facts, settings: ApprovalsSettings) -> Decision | Needs | None:
    """Nothing can be approved without the request: whoever decides is told, and a person. A refusal needs none."""
    reason = f"{matter.about} cannot be read"
    if not isinstance(event, CaseChanged) or matter.case is None or not matter.is_open():
        return Decision(reason=reason)
    case = facts.get("case", matter.case.subject, Case)
    if case is None:
        return Needs(needs=(Need(fact="case", subject=matter.case.subject, fields=(*DECIDED, "attributes")),))
    if not isinstance(case, Case) or case.outcome is None:
        return Decision(reason=reason)
    actions = settings.does(case.outcome)
    if actions is not None and "as_requested" not in actions:
        return None
    return _void(matter, case, ImpossibleError("the request cannot be read any more: ask again, or do it by hand"))


def _may_count(
    matter: Matter, item: ApprovalRequest, order: Order | None, facts: Facts, settings: ApprovalsSettings
) -> Decision | Needs | None:
    if matter.case is None or matter.state == "none":
        return None
    case = facts.get("case", matter.case.subject, Case)
    if case is None:
        return Needs(needs=(Need(fact="case", subject=matter.case.subject, fields=(*DECIDED, "attributes")),))
    if not isinstance(case, Case) or case.outcome is None:
        return None
    why: ImpossibleError | None = None
    if matter.stage in _ENDS:
        why = ImpossibleError(f"the request {_ENDS[matter.stage]}: ask again")
    elif matter.is_open() and "as_requested" in (settings.does(case.outcome) or ()):
        why = _not_approvable(matter, item, order, case, settings)
    return None if why is None else _void(matter, case, why)


def _not_approvable(
    matter: Matter, item: ApprovalRequest, order: Order | None, case: Case, settings: ApprovalsSettings
) -> ImpossibleError | None:
    return _not_shown(matter, item, order) or _not_possible(item, order, settings) or _same_eyes(item, case, settings)


def _not_shown(matter: Matter, item: ApprovalRequest, order: Order | None) -> ImpossibleError | None:
    shown = next((f.ground for f in matter.findings if f.exception == "needs_approval"), None)
    if shown in (ground(item, order), again(item, order)):
        return None
    return ImpossibleError("the request is another now than the one that the case shows: ask again under a new id")


def _not_possible(item: ApprovalRequest, order: Order | None, settings: ApprovalsSettings) -> ImpossibleError | None:
    if item.action not in settings.kinds:
        return ImpossibleError(f"a {item.action} is not in kinds: do it by hand, or add it")
    return unfit(item, order)


def _same_eyes(item: ApprovalRequest, case: Case, settings: ApprovalsSettings) -> ImpossibleError | None:
    if not settings.four_eyes:
        return None
    if item.requested_by is None:
        return ImpossibleError("four_eyes: the request does not say who asks")
    if case.decided_by is None:
        return ImpossibleError("four_eyes: case management does not say who decided")
    return _one_person(item.requested_by, case.decided_by, settings.people)


def _one_person(asked: str, decided: str, people: Mapping[str, str]) -> ImpossibleError | None:
    """Why it may be the same person. A name that is not listed may be another name of who asked."""
    asker, decider = people.get(asked), decided.strip().casefold()
    if asker is None:
        return ImpossibleError(
            f"four_eyes: {asked!r}, who asks, is not in people", "four_eyes: who asks is not in people"
        )
    if decider not in {name.strip().casefold() for name in people.values()}:
        told = f"four_eyes: {decided!r}, who decided, is not in people"
        return ImpossibleError(told, "four_eyes: who decided is not in people")
    same = asker.strip().casefold() == decider
    return ImpossibleError("four_eyes: who asked has approved it: somebody else must") if same else None


def _void(matter: Matter, case: Case, why: ImpossibleError) -> Decision:
    return note_once(
        matter,
        f"void:{digest_of(case.outcome, case.decided_by, str(why))}",
        f"Outcome '{case.outcome}' was not carried out: {why}.",
        f"{matter.subject}: an approval was not carried out: {why.plain}",
        f"outcome {case.outcome!r} does not count: {why.plain}",
    )


def _around_the_gate(matter: Matter, item: ApprovalRequest, order: Order | None) -> list[Money] | None:
    """What was refunded since the request, while it waited; None when nothing was, or this matter may have done it."""
    if not matter.is_open() or order is None or item.action != "refund" or executing(matter) is not None:
        return None
    since = item.created_at or matter.opened_at
    by_others = [r for r in order.refunds if since is not None and r.created_at > since and not r.ours]
    return [r.presentment_total or r.total for r in by_others] or None


def _revoke(matter: Matter, item: ApprovalRequest, refunds: list[Money]) -> Decision | None:
    """The same money: the request is void. Less: it is told once, and the request stands."""
    said, name = ", ".join(map(str, refunds)), f"around:{digest_of([str(r) for r in refunds])}"
    same = [r for r in refunds if item.amount is None or r.currency != item.amount.currency or r >= item.amount]
    total = sum(r.amount for r in refunds if item.amount and r.currency == item.amount.currency)
    void = bool(same) or (item.amount is not None and total >= item.amount.amount)
    if not void and matter.command("CommentCase", name) is not None:
        return None
    end = "The request is void." if void else "The request stands; look whether it is still right."
    decision = note_once(
        matter,
        name,
        f"While this waited, {said} was refunded in the shop, around the approval. {end}",
        f"{matter.subject}: {said} was refunded in the shop while a request for approval waited",
        f"{said} was refunded around the approval",
    )
    return (
        decision.model_copy(update={"stage": REVOKED, "close": True, "cancel_timers": (EXPIRY,)}) if void else decision
    )


def _completed(matter: Matter) -> Decision:
    """The draft became an order while it waited: there is nothing left to approve."""
    why = "its draft was completed in the shop, around the approval"
    text = "While this waited, the draft was completed in the shop, around the approval. The request is void."
    decision = note_once(matter, "completed", text, f"{matter.subject}: a request waited, and {why}", why)
    return decision.model_copy(update={"stage": REVOKED, "close": True, "cancel_timers": (EXPIRY,)})


def _expire(matter: Matter) -> Decision:
    if not matter.is_open() or matter.acted_on is not None:
        return Decision(reason="expires_hours: the request was decided in time")
    decision = note_once(
        matter,
        "expired",
        "Nobody decided in time: the request is refused, and an outcome set from now on does nothing.",
        None,
        "expires_hours: nobody decided in time",
    )
    return decision.model_copy(update={"stage": EXPIRED, "close": True})


def ground(item: ApprovalRequest, order: Order | None) -> str:
    """What the case shows, in one digest."""
    return digest_of(item.id, bound(item, order))


def again(item: ApprovalRequest, order: Order | None) -> str:
    """The ground of a request that was to be carried out at once, and was refused."""
    return digest_of(ground(item, order), "refused")
