"""What a request for approval binds: exactly one command, shown on the case with its digest."""

from __future__ import annotations

from caseconnect.models import ApprovalRequest, Money, Order
from caseconnect.sdk.casework import Action, ImpossibleError, Requested, items_of, lines_of, one_line, quoted, value_of
from caseconnect.sdk.commands import CreateReplacement, IssueCredit, Item, LineQuantity, RefundPayment, digest_of

COMPLETED = "completed"
"""Status of a request whose draft became an order."""

WISHES: dict[str, Action] = {"refund": "refund", "replacement": "replace", "credit": "credit"}
"""The action of each kind of request."""


def reading(item: ApprovalRequest, order: Order | None) -> Requested:
    """The request in words, with the digest of what it asks for."""
    lines = bought(item, order)
    amount = item.amount or (value_of(lines, order) if order else None)
    goods = ", ".join(f"{quantity} x {one_line(line, 60)}" for line, quantity in item.lines)
    words = [
        f"Asked for: {item.action}" + (f" of {amount}" if amount else "") + (f" for {goods}" if goods else ""),
        f"Asked by: {one_line(item.requested_by, 100)}" if item.requested_by else "Asked by: not said",
        f"Reason: {one_line(item.reason, 500)}" if item.reason else "",
        f"In words:\n{quoted(item.text)}" if item.text.strip() else "",
        f"An approval binds exactly this: {bound(item, order)}",
    ]
    return Requested(
        text="\n".join(word for word in words if word),
        wish=WISHES[item.action],
        files=item.files,
        amount=amount,
        lines=lines,
        items=_items(item, order),
        draft=item.draft or "",
        email=item.email or "",
        locale=item.locale or "",
        name=item.name or "",
    )


def _items(item: ApprovalRequest, order: Order | None) -> tuple[Item, ...]:
    """What is to be sent: what the draft holds, which need not be of the order; else lines of the order."""
    if item.draft:
        return tuple(Item(sku=sku, quantity=quantity) for sku, quantity in item.lines)
    return items_of(bought(item, order), order) if order else ()


def bought(item: ApprovalRequest, order: Order | None) -> tuple[LineQuantity, ...]:
    """The order's lines that it is about; none when they cannot be found: then a person looks."""
    try:
        return lines_of(list(item.lines), order) if order and item.lines else ()
    except ImpossibleError:
        return ()


def unfit(item: ApprovalRequest, order: Order | None) -> ImpossibleError | None:
    """Why nothing can be carried out for it; None when it can."""
    if order is None:
        return ImpossibleError("its order is not known")
    if item.draft:
        why = _unfit_draft(item)
        return ImpossibleError(why) if why else None
    try:
        lines = lines_of(list(item.lines), order) if item.lines else ()
    except ImpossibleError as error:
        return error
    if item.action == "replacement":
        return None if lines else ImpossibleError("it does not say which goods")
    amount = item.amount or value_of(lines, order)
    why = "it does not say how much" if amount is None else _unpayable(item, amount, order)
    return ImpossibleError(why) if why else None


def _unfit_draft(item: ApprovalRequest) -> str | None:
    if item.status == COMPLETED:
        return "its draft was completed in the shop, without an approval"
    return None if item.lines else "its draft holds no goods with an SKU"


def _unpayable(item: ApprovalRequest, amount: Money, order: Order) -> str | None:
    currency = (order.presentment_total or order.total).currency
    if amount.currency != currency:
        return f"it asks for {amount}, and the shopper paid in {currency}"
    if amount.amount <= 0 or amount.amount % amount.unit:
        return f"{amount} is no amount that can be paid"
    if item.action == "refund" and order.refundable is not None and amount > order.refundable:
        return f"{amount} is more than can still be given back ({order.refundable})"
    return None


def bound(item: ApprovalRequest, order: Order | None) -> str:
    """Digest of the command that an approval lets go; of the request itself while there can be none."""
    lines = bought(item, order)
    amount = item.amount or (value_of(lines, order) if order else None)
    if item.action == "replacement" and (items := _items(item, order)):
        return CreateReplacement(items=items, draft=item.draft or "").approval()
    if item.action == "refund" and amount is not None:
        return RefundPayment(amount=amount, lines=lines).approval()
    if item.action == "credit" and amount is not None:
        return IssueCredit(amount=amount).approval()
    plain = str(item.amount) if item.amount else ""
    return digest_of(item.action, plain, sorted(item.lines))
