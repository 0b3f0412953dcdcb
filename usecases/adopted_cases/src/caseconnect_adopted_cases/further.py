"""What happens with the order of an adopted case afterwards: told on the case."""

from __future__ import annotations

from caseconnect.models import Order
from caseconnect.sdk.casework import note_once
from caseconnect.sdk.commands import CASE, Command, CommentCase, digest_of
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.events import Event, ItemEvent
from caseconnect_adopted_cases import telling


def told(event: Event, matter: Matter, facts: Facts) -> Decision | Needs:
    """A comment for each state of the order, each item of it, and each other case, once."""
    if not matter.is_open() or matter.case is None:
        return Decision(reason=f"{event.type}: no case of an agent is worked here")
    if isinstance(event, ItemEvent):
        what = event.item.kind
        text = f"Something came about this order: {what} {event.item.id}."
        return note_once(matter, f"item:{event.item}", text, None, f"{what} {event.item.id}")
    order = facts.get("order", matter.subject, Order)
    if not isinstance(order, Order):
        return Needs(needs=(Need(fact="order", subject=matter.subject),))
    known = {c.name for c in matter.commands if c.kind == CommentCase.kind}
    said: list[Command] = []
    if name_of(order) not in known:
        text = f"Order {order.number} changed. {telling.standing(order)}"
        said.append(CommentCase(name=name_of(order), text=text, after=(CASE,)))
    for other in {each.case.subject: each.case for each in matter.other_cases}.values():
        name = f"beside:{digest_of(str(other.subject))}"
        if name not in known:
            text = f"Case {telling.called(other)} was opened about the same order."
            here = f"Case {telling.called(matter.case)}, which an agent opened, is about the same order."
            said.append(CommentCase(name=name, text=text, after=(CASE,)))
            said.append(CommentCase(name=f"{name}:other", target=other.subject, text=here))
    return Decision(reason=f"the order: {telling.standing(order)}", commands=tuple(said))


def name_of(order: Order) -> str:
    """The comment that tells how the order stands."""
    return f"order:{digest_of(telling.standing(order))}"
