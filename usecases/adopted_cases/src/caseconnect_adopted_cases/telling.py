"""What is said on cases that agents open."""

from __future__ import annotations

from caseconnect.models import Case, Order, OrderHistory
from caseconnect.sdk.casework import one_line, when
from caseconnect.sdk.commands import CommentCase, digest_of
from caseconnect.sdk.decisions import CaseRef
from caseconnect_adopted_cases.settings import AdoptedCasesSettings


def adopted(order: Order, shop: str, settings: AdoptedCasesSettings) -> str:
    """The case belongs to an order now."""
    may = "Its outcome is carried out." if settings.decisions else "Its outcome is not carried out."
    return f"Connect works this case as one about order {order.number} of {shop}. {standing(order)} {may}"


def standing(order: Order) -> str:
    """How the order stands, without anything personal."""
    words = [
        f"Total {order.presentment_total or order.total}",
        f"payment {_word(order.payment_status)}",
        f"shipping {_word(order.fulfillment_status)}",
    ]
    if order.refunds:
        words.append(f"refunds {', '.join(str(r.presentment_total or r.total) for r in order.refunds)}")
    if order.cancelled_at is not None:
        words.append("cancelled")
    return f"{', '.join(words)}."


def no_shop(case: Case, settings: AdoptedCasesSettings) -> str:
    """The case names no shop that is known."""
    said = case.attributes.get(settings.shop_in, "").strip()
    found = f"'{one_line(said, 60)}' is no shop that Connect knows" if said else "no shop is named"
    return (
        f"Connect looked for the order of this case and found none: {found}. Write one of these into "
        f"{settings.shop_in}: {', '.join(sorted(settings.shops))}."
    )


def not_one(number: str, shop: str, orders: OrderHistory, settings: AdoptedCasesSettings) -> str:
    """No order bears the number, or several do."""
    looked = f"Connect looked for order '{one_line(number, 60)}' of {shop}"
    if not orders.orders:
        return f"{looked} and found none. Correct {settings.number_in}, or {settings.shop_in} if it is of another shop."
    several = "; ".join(f"{o.id} (placed {when(o.created_at)}, {o.total})" for o in orders.orders)
    return f"{looked} and found {len(orders.orders)}. Write the id of one into {settings.number_in}: {several}."


def stays(number: str, *, done: bool) -> str:
    """Why a case does not follow its number."""
    begin = f"Order {one_line(number, 60)} stands in this case now, but the case stays with its order"
    if done:
        return f"{begin}: an outcome was carried out there. Open a case of its own for the other order."
    return f"{begin}, because it has an outcome: take it back, and this case follows; then set it again."


def of_each_other(one: CaseRef, other: CaseRef) -> tuple[CommentCase, CommentCase]:
    """Two cases about one order: each is told the other's number."""
    name = f"beside:{digest_of(*sorted((str(one.subject), str(other.subject))))}"
    first = (
        f"The order of this case is worked in case {called(other)}, too. Connect goes on there; of this case it does "
        "nothing while that one is open."
    )
    second = f"Case {called(one)} is about the same order. Connect goes on here."
    return (
        CommentCase(name=name, target=one.subject, text=first),
        CommentCase(name=f"{name}:other", target=other.subject, text=second),
    )


def called(case: CaseRef) -> str:
    """What people call it."""
    return case.number or case.subject.id


def _word(status: str) -> str:
    return status.replace("_", " ")
