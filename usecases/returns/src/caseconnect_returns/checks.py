"""One check for each exception. Each verdict names the setting that decided, also when nothing is found."""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatchcase

from caseconnect.models import Money, Order, ReturnRequest
from caseconnect.sdk.casework import Verdict, sent
from caseconnect.sdk.casework.text import one_line
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.decisions import Finding
from caseconnect_returns.asking import line_in
from caseconnect_returns.settings import ExceptionName, ReturnsSettings, Thresholds


def outside_policy(item: ReturnRequest, order: Order | None, settings: ReturnsSettings, now: datetime) -> Verdict:
    """Asked for later than `return_days` after delivery, else shipment, else the order."""
    name: ExceptionName = "outside_policy"
    if settings.return_days is None:
        return Verdict(f"{name}: return_days is null, no day is counted")
    if order is None:
        return Verdict(f"{name}: not checked, the order is not known")
    since, what = _since(order)
    days = ((item.requested_at or now) - since).days
    counted = f"asked for {days} days after {what}, return_days is {settings.return_days}"
    if days <= settings.return_days:
        return Verdict(f"{name}: {counted}")
    return _found(name, counted, item, now, settings.return_days, what)


def _since(order: Order) -> tuple[datetime, str]:
    """From when it counts: the last parcel, so that a part that came late can be returned as long as the others.

    Of a parcel that is not told to be delivered it is the day on which it left.
    """
    times = [(s.delivered_at, "delivery") if s.delivered_at else (s.created_at, "shipment") for s in sent(order)]
    return max(times, default=(order.created_at, "the order"))


def no_proof(item: ReturnRequest, settings: ReturnsSettings, now: datetime) -> Verdict:
    """No proof of purchase where one is wanted."""
    name: ExceptionName = "no_proof"
    wanted, proof = settings.proof_of_purchase, item.proof_of_purchase
    told = {True: "there is a proof", False: "the proof is missing", None: "nobody asked for a proof"}[proof]
    reason = f"{told}, proof_of_purchase is {wanted}"
    if wanted == "ignored" or proof is True or (proof is None and wanted == "if_asked"):
        return Verdict(f"{name}: {reason}")
    return _found(name, reason, item, now, wanted)


def high_value(item: ReturnRequest, order: Order | None, settings: ReturnsSettings, now: datetime) -> Verdict:
    """The goods, or all of the order, are worth the threshold of their currency."""
    name: ExceptionName = "high_value"
    goods, so_far = _reaches("value of the goods", "high_value_return", item.value, settings.high_value_return)
    total = order.total if order else None
    whole, also = _reaches("order total", "high_value_order", total, settings.high_value_order)
    reached = [text for found, text in ((goods, so_far), (whole, also)) if found]
    if not reached:
        return Verdict(f"{name}: {so_far}; {also}")
    return _found(name, "; ".join(reached), item, now, *reached)


def _reaches(what: str, setting: str, amount: Money | None, thresholds: Thresholds) -> tuple[bool, str]:
    if not thresholds:
        return False, f"{setting} is empty"
    if amount is None:
        return False, f"the {what} is not known and not checked against {setting}"
    threshold = thresholds.get(amount.currency)
    if threshold is None:
        known = ", ".join(sorted(thresholds))
        return False, f"{what} not checked, {setting} has no threshold for {amount.currency} (it has {known})"
    reached = amount.amount >= threshold
    verb = "reaches" if reached else "is below"
    return reached, f"{what} {amount} {verb} {setting}.{amount.currency} ({threshold:f})"


def final_sale(item: ReturnRequest, order: Order | None, settings: ReturnsSettings, now: datetime) -> Verdict:
    """Goods that are not taken back: marked so in the shop, or named."""
    name: ExceptionName = "final_sale"
    marked, named = [], []
    for line in item.lines:
        known = line_in(line, order)
        sku = line.sku or (known.sku if known else None) or ""
        label = one_line(sku or line.title or "goods without a name", 60)
        if settings.final_sale and (line.final_sale or (known is not None and known.final_sale)):
            marked.append(label)
        elif sku and any(fnmatchcase(sku.casefold(), each.casefold()) for each in settings.final_sale_skus):
            named.append(label)
    parts = [f"{', '.join(marked)} marked final sale (final_sale)"] if marked else []
    parts += [f"{', '.join(named)} in final_sale_skus"] if named else []
    if not parts:
        flag = "no line is marked" if settings.final_sale else "final_sale is false"
        return Verdict(f"{name}: {flag}, no SKU is in final_sale_skus")
    return _found(name, "; ".join(parts), item, now)


def no_order(item: ReturnRequest, order: Order | None, settings: ReturnsSettings, now: datetime) -> Verdict:
    """Nobody knows what was bought."""
    name: ExceptionName = "no_order"
    if order is not None:
        return Verdict(f"{name}: the order is known")
    why = "its order could not be read" if item.order_id else "it names no order that is known"
    if not settings.without_order:
        return Verdict(f"{name}: {why}, without_order is false")
    return _found(name, f"{why} (without_order)", item, now)


def return_request(item: ReturnRequest, settings: ReturnsSettings, now: datetime) -> Verdict:
    """Every return, where the tenant wants that."""
    name: ExceptionName = "return_request"
    if not settings.every_return:
        return Verdict(f"{name}: every_return is false, a return inside policy opens nothing")
    return _found(name, "every_return is true", item, now)


def _found(name: ExceptionName, summary: str, item: ReturnRequest, now: datetime, *because: object) -> Verdict:
    lines = sorted((x.line_id or "", x.sku or "", x.quantity, x.reason or "", x.note or "") for x in item.lines)
    files = [(file.id, file.name) for file in item.files]
    asked = digest_of(lines, item.wish, item.proof_of_purchase, item.note or "", files)
    finding = Finding(
        exception=name,
        ground=digest_of(name, asked, *because),
        summary=summary,
        arose_at=item.requested_at or now,
    )
    return Verdict(f"{name}: {summary}", finding)
