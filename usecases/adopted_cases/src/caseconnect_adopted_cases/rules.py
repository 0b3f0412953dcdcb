"""Adopted cases: pure rules from a case that an agent opened to the matter of the order that it names."""

from __future__ import annotations

from datetime import datetime, timedelta

from caseconnect.models import Case, Order, OrderHistory
from caseconnect.sdk.casework import IN_REVIEW, UseCase, executing, note_once, one_line, replied, settled
from caseconnect.sdk.commands import CASE, CommentCase, digest_of
from caseconnect.sdk.decisions import CaseRef, Decision, Facts, Finding, Matter, Need, Needs, Timer
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, Event, TimerFired
from caseconnect.sdk.order_names import NAMED_ORDERS, named
from caseconnect.sdk.subjects import Subject
from caseconnect_adopted_cases import further, telling
from caseconnect_adopted_cases.deciding import FIELDS, decided
from caseconnect_adopted_cases.settings import EXCEPTIONS, AdoptedCasesSettings

USE_CASE = UseCase(name="adopted_cases", exceptions=EXCEPTIONS)

LEFT, ASIDE = "left", "aside"
"""Stages of a matter that is over because its case names another order now, or because the order has a case."""

LOOK_AGAIN = "look_again"
"""The timer after which an order that was not found is looked for once more."""


def decide(
    event: Event, matter: Matter, facts: Facts, settings: AdoptedCasesSettings, now: datetime
) -> Decision | Needs:
    """Adopt the case, keep it up, or say on it why it cannot be adopted."""
    if not isinstance(event, CaseChanged | TimerFired):
        return _followed(event, matter, facts)
    if isinstance(event, TimerFired) and (event.name != LOOK_AGAIN or matter.subject.kind != "case"):
        return Decision(reason=f"timer {event.name}: the case was looked at since")
    subject = event.subject if isinstance(event, CaseChanged) else matter.subject
    case = facts.get("case", subject, Case)
    if not isinstance(case, Case):
        return Needs(needs=(Need(fact="case", subject=subject, fields=FIELDS),))
    if isinstance(event, CaseChanged) and _is_of(matter, subject) and matter.stage not in (LEFT, ASIDE):
        return _adopted(event, matter, subject, case, facts, settings)
    why = _nothing_to_do(case, settings)
    return Decision(reason=why) if why else _begin(event, matter, subject, case, facts, settings, now)


def _followed(event: Event, matter: Matter, facts: Facts) -> Decision | Needs:
    if isinstance(event, CommandSettled):
        return settled(event, matter, facts)
    if isinstance(event, CustomerReplied):
        return replied(event, matter, facts)
    return further.told(event, matter, facts)


def _is_of(matter: Matter, case: Subject) -> bool:
    """The case is, or was, worked in this matter of an order."""
    return matter.subject.kind != "case" and matter.case is not None and matter.case.subject == case


def _nothing_to_do(case: Case, settings: AdoptedCasesSettings) -> str | None:
    if case.reference:
        return "the case carries a reference of Connect: it is none that an agent opened"
    if case.closed:
        return "the case is closed: nothing is begun at it"
    return None if settings.number_of(case) else f"the case has nothing in {settings.number_in} (number_in)"


def _ground(matter: Matter, case: Subject, number: str, shop: str) -> str:
    """A case that left and came back is adopted again; else the same facts adopt once."""
    came_back = matter.episode - int(matter.is_open())
    return digest_of(str(case), shop, number, str(matter.subject), came_back)


def _begin(
    event: Event,
    matter: Matter,
    subject: Subject,
    case: Case,
    facts: Facts,
    settings: AdoptedCasesSettings,
    now: datetime,
) -> Decision | Needs:
    found = _looked_up(case, facts, settings)
    if isinstance(found, Needs):
        return found
    orders, why = found
    arose = case.created_at or now
    if orders is None or len(orders.orders) != 1:
        return _not_found(event, matter, subject, orders, why, settings, now, arose)
    number, shop = settings.number_of(case), settings.shop_of(case) or ""
    order = Subject(shop, "order", orders.orders[0].id)
    if order != matter.subject:
        cancelled = (LOOK_AGAIN,) if matter.subject.kind == "case" else ()
        return Decision(reason=f"the case is about {order}: decided there", belongs_to=order, cancel_timers=cancelled)
    others = _others(matter, subject)
    if others:
        return _worked_elsewhere(matter, subject, case, others, arose)
    record = facts.get("order", order, Order)
    if not isinstance(record, Order):
        return Needs(needs=(Need(fact="order", subject=order),))
    finding = Finding(
        exception="agent_case",
        ground=_ground(matter, subject, number, shop),
        summary=f"an agent's case names order {record.number}",
        arose_at=arose,
    )
    return Decision(
        reason=f"agent_case: {settings.number_in} names {order} alone",
        findings=(finding,),
        commands=(
            CommentCase(name=further.name_of(record), text=telling.adopted(record, shop, settings), after=(CASE,)),
        ),
        stage=IN_REVIEW,
    )


def _looked_up(case: Case, facts: Facts, settings: AdoptedCasesSettings) -> tuple[OrderHistory | None, str] | Needs:
    """The orders that the case names and why not one; None where it names no shop."""
    number, shop = settings.number_of(case), settings.shop_of(case)
    if shop is None:
        return None, telling.no_shop(case, settings)
    alias = named(shop, number, None)
    orders = facts.get(NAMED_ORDERS, alias, OrderHistory)
    if not isinstance(orders, OrderHistory):
        return Needs(needs=(Need(fact=NAMED_ORDERS, subject=alias),))
    return orders, telling.not_one(number, shop, orders, settings)


def _not_found(
    event: Event,
    matter: Matter,
    subject: Subject,
    orders: OrderHistory | None,
    why: str,
    settings: AdoptedCasesSettings,
    now: datetime,
    arose: datetime,
) -> Decision:
    ground = digest_of(str(subject), why)
    if ground in matter.seen_grounds:
        return Decision(reason="not_found: the case was told, and names the same as then")
    if orders is not None and not orders.orders and not isinstance(event, TimerFired) and matter.subject.kind == "case":
        due = now + timedelta(minutes=settings.look_again_minutes)
        return Decision(
            reason="not_found: looked for once more after look_again_minutes",
            timers=() if LOOK_AGAIN in matter.timers else (Timer(name=LOOK_AGAIN, due=due),),
        )
    if matter.is_open():
        return note_once(matter, f"not-found:{ground}", why, None, "not_found: the case stays where it is")
    summary = "the case names no order that is found, or more than one"
    return Decision(
        reason=f"not_found: {summary}",
        findings=(Finding(exception="not_found", ground=ground, summary=summary, arose_at=arose),),
        commands=(CommentCase(name=f"not-found:{ground}", target=subject, text=why),),
        stage=ASIDE,
        close=True,
    )


def _others(matter: Matter, case: Subject) -> tuple[CaseRef, ...]:
    """Cases in which the order is worked already."""
    own = (matter.case,) if matter.is_open() and matter.case is not None else ()
    others = (other.case for other in matter.other_cases)
    return tuple({each.subject: each for each in (*own, *others) if each.subject != case}.values())


def _worked_elsewhere(
    matter: Matter, subject: Subject, case: Case, others: tuple[CaseRef, ...], arose: datetime
) -> Decision:
    """Both cases are told of each other, once; nothing else comes of this one."""
    number = case.number or subject.id
    commands = tuple(comment for other in others for comment in telling.of_each_other(CaseRef(subject, number), other))
    known = {c.name for c in matter.commands if c.kind == CommentCase.kind}
    reason = f"worked_elsewhere: the order is worked in case {telling.called(others[0])}"
    if matter.is_open():
        return Decision(reason=reason, commands=tuple(c for c in commands if c.name not in known))
    ground = digest_of(str(subject), sorted(str(other.subject) for other in others))
    if ground in matter.seen_grounds:
        return Decision(reason=f"{reason}; said before")
    finding = Finding(exception="worked_elsewhere", ground=ground, summary=reason, arose_at=arose)
    return Decision(reason=reason, findings=(finding,), commands=commands, stage=ASIDE, close=True)


def _adopted(
    event: CaseChanged, matter: Matter, subject: Subject, case: Case, facts: Facts, settings: AdoptedCasesSettings
) -> Decision | Needs:
    """The case is worked here: whether it still names this order, and what its outcome does."""
    number, shop = settings.number_of(case), settings.shop_of(case)
    same = not number or matter.has("agent_case", _ground(matter, subject, number, shop or ""))
    if same or not matter.is_open() or case.closed:
        return decided(USE_CASE, event, matter, case, facts, settings)
    found = _looked_up(case, facts, settings)
    if isinstance(found, Needs):
        return found
    orders, why = found
    here = [Subject(shop or "", "order", order.id) for order in orders.orders] if orders else []
    if here == [matter.subject]:
        return decided(USE_CASE, event, matter, case, facts, settings)
    name = f"other:{digest_of(number, shop, case.outcome)}"
    if executing(matter) is not None or case.outcome is not None:
        return note_once(matter, name, telling.stays(number, done=executing(matter) is not None), None, "it stays here")
    if len(here) != 1:
        return note_once(matter, name, f"{why} Until then this case stays with its order.", None, "it stays here")
    decision = note_once(
        matter, name, f"This case is about order {one_line(number, 60)} of {shop} now.", None, f"it is about {here[0]}"
    )
    return decision.model_copy(update={"stage": LEFT, "close": True, "belongs_to": here[0]})
