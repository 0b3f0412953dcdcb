"""Use cases that work by item: a return, a complaint, a claim. Each item is a matter of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from caseconnect.models import Order, Record
from caseconnect.sdk.casework.following import follow_up
from caseconnect.sdk.casework.judging import Background
from caseconnect.sdk.casework.opening import open_or_add
from caseconnect.sdk.casework.outcomes import go_on
from caseconnect.sdk.casework.policy import CaseworkSettings
from caseconnect.sdk.casework.resolving import resolved
from caseconnect.sdk.casework.usecase import UseCase
from caseconnect.sdk.casework.verdicts import Verdict, left_out
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.events import Event, ItemEvent
from caseconnect.sdk.subjects import Subject

Judge = Callable[[Any, Order | None, Facts, Any, datetime], Sequence[Verdict] | Needs]
"""(item, its order if known, facts, settings, now) -> a verdict of each check, or what else must be read."""

Over = Callable[[Any, Order | None], str | None]
"""(item, its order if known) -> why the item needs nobody any more; None while it does."""


def decide_item(
    use: UseCase,
    event: Event,
    matter: Matter,
    facts: Facts,
    settings: CaseworkSettings,
    now: datetime,
    *,
    judge: Judge,
    over: Over,
) -> Decision | Needs:
    """Open a case for the item, add to the open one, carry its outcome out, or note that it resolved itself."""
    followed = follow_up(use, event, matter, facts, settings)
    if followed is not None:
        return followed
    about = _about(event, matter)
    if about is None or use.item is None:
        return Decision(reason=f"{event.type} names no item, and {use.name} works by item")
    needs = facts.lacking(item_needs(matter, about))
    if needs:
        return Needs(needs=needs)
    item, order = facts.get(about.kind, about, use.item), facts.get("order", matter.subject, Order)
    known = order if isinstance(order, Order) else None
    resumed = None if about != matter.about else go_on(use, matter, facts, settings)
    ended = over(item, known) if resumed is None else None
    if resumed is not None or ended is not None:
        return resumed or _ended(ended or "", about, matter, settings)
    verdicts = judge(item, known, facts, settings, now)
    if isinstance(verdicts, Needs):
        return verdicts
    background = Background(known, item if isinstance(item, Record) else None, use.requested(item, known), about)
    # A timer would come back for the matter's own item, so what joins it does not settle first.
    now_on = settings if about == matter.about else settings.model_copy(update={"settle_minutes": {}})
    applies = known is None or left_out(known, settings.applies_to) is None
    return open_or_add(use, matter, background, verdicts, facts, now_on, now, applies=applies)


def _about(event: Event, matter: Matter) -> Subject | None:
    """The item of the matter, or another that joined it."""
    return event.item if isinstance(event, ItemEvent) and matter.item else matter.about


def _ended(why: str, about: Subject, matter: Matter, settings: CaseworkSettings) -> Decision:
    """One that joined the matter ends nothing."""
    return resolved(matter, why, settings) if about == matter.about else Decision(reason=why)


def item_needs(matter: Matter, about: Subject, *, item: bool = True, order: bool = False) -> list[Need]:
    """The item and, where it has one, its order. `item` and `order`: which of them is required."""
    wanted = [Need(fact=about.kind, subject=about, required=item)]
    if matter.subject.kind == "order":
        wanted.append(Need(fact="order", subject=matter.subject, required=order))
    return wanted
