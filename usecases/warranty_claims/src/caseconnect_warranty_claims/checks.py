"""What a claim is checked for. Each check answers with a verdict; the setting that decided is named in it."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from datetime import datetime, timedelta

from caseconnect.models import LineItem, Order, WarrantyClaim
from caseconnect.sdk.casework import Verdict, one_line
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.decisions import Finding
from caseconnect_warranty_claims.settings import ALL_OTHERS, ExceptionName, WarrantyClaimsSettings

_CLOCKS = timedelta(days=1)
"""A date of a form has no hour and another time zone: a claim may seem to come that much before its purchase."""


def line_of(claim: WarrantyClaim, order: Order | None) -> LineItem | None:
    """The line of the order that the claim is about."""
    if order is None or not claim.sku:
        return None
    names = {claim.sku.casefold()}
    return next((x for x in order.lines if names & {str(n).casefold() for n in (x.sku, x.variant_id, x.id)}), None)


def warranty(claim: WarrantyClaim, order: Order | None, settings: WarrantyClaimsSettings, at: datetime) -> Verdict:
    """Whether the claim comes within the months of `warranty_months`."""
    bought, by = _bought(claim, order)
    months, said = _months(claim, settings)
    if bought is None:
        return _found("warranty_unknown", claim, "nobody knows when the product was bought", "no date of purchase", at)
    if bought > at + _CLOCKS:
        return _found(
            "warranty_unknown", claim, "it is said to be bought in the future", "the date cannot be right", at
        )
    if months is None:
        why = f"bought {bought:%Y-%m-%d} ({by}), and no warranty is laid down for the product"
        return _found("warranty_unknown", claim, why, said, at)
    until = later(bought, months)
    facts = f"bought {bought:%Y-%m-%d} ({by}), warranty of {months} months until {until:%Y-%m-%d}"
    # A warranty ends with its last day, whatever the hour of the purchase.
    name: ExceptionName = "in_warranty" if at.date() <= until.date() and months else "warranty_over"
    return _found(name, claim, f"{facts}, claimed {at:%Y-%m-%d}", f"{said} says {months} months", at)


def _bought(claim: WarrantyClaim, order: Order | None) -> tuple[datetime | None, str]:
    """The order tells, if the product is in it; else the shopper's word."""
    if order is not None and (line_of(claim, order) or not claim.sku):
        return order.created_at, f"order {one_line(order.number, 60)}"
    return claim.purchased_at, "as the shopper says"


def _months(claim: WarrantyClaim, settings: WarrantyClaimsSettings) -> tuple[int | None, str]:
    sku, table = (claim.sku or "").casefold(), settings.warranty_months
    fitting = [name for name in table if name != ALL_OTHERS and sku.startswith(name.casefold())]
    name = max(fitting, key=len, default=ALL_OTHERS)
    if name not in table:
        return None, f"warranty_months names neither this product nor {ALL_OTHERS!r}"
    return table[name], f"warranty_months[{name!r}]"


def later(day: datetime, months: int) -> datetime:
    """The same day so many months later; the last of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))


def purchase(claim: WarrantyClaim, order: Order | None, at: datetime) -> Verdict:
    """Whether the product stands in the order that the claim names."""
    if order is None:
        named = f" ({one_line(claim.order_number, 60)} was named)" if claim.order_number else ""
        return _found("order_unknown", claim, f"no order is known{named}: the purchase is not shown", "no order", at)
    if not claim.sku:
        return Verdict("not_in_order: not checked, the claim names no product")
    if line_of(claim, order) is None:
        why = f"{one_line(claim.sku, 60)} is not in order {one_line(order.number, 60)}"
        return _found("not_in_order", claim, why, "looked up in the order's lines", at)
    return Verdict("not_in_order: the product is in the order")


def given_back(claim: WarrantyClaim, order: Order | None, at: datetime) -> Verdict:
    """Whether the product came back before the claim, or its money went back: not what the claim itself led to."""
    line = line_of(claim, order)
    if order is None or line is None:
        return Verdict("given_back: not checked, no line of an order is known")
    before = [r for r in order.refunds if r.created_at <= at]
    facts = [f"refunded {r.created_at:%Y-%m-%d}" for r in before if any(i == line.id for i, _ in r.lines)]
    for back in order.returns:
        earlier = back.status in ("open", "closed") and (back.requested_at is None or back.requested_at <= at)
        if earlier and any(x.line_id == line.id for x in back.lines):
            facts.append(f"return {one_line(back.name or back.id, 60)} ({back.status})")
    if not facts:
        return Verdict("given_back: no refund and no return of the product")
    found = Finding(
        exception="given_back",
        ground=digest_of("given_back", line.id, facts),
        summary=f"{one_line(claim.sku or line.title, 60)} (bought {line.quantity}): {', '.join(facts)}",
        arose_at=at,
    )
    return Verdict("given_back: refunds and returns of the order name the product", found)


def claimed_twice(claim: WarrantyClaim, others: Iterable[WarrantyClaim], at: datetime) -> Verdict:
    """Whether another claim of the same order is about the same piece."""
    same = sorted((other for other in others if _same_piece(claim, other)), key=lambda other: other.id)
    if not same:
        return Verdict("claimed_twice: no other claim of this order is about the same piece")
    told = [one_line(o.id, 60) + (f" of {o.created_at:%Y-%m-%d}" if o.created_at else "") for o in same]
    found = Finding(
        exception="claimed_twice",
        ground=digest_of("claimed_twice", claim.id, [o.id for o in same]),
        summary=f"the same piece is in claim {', '.join(told)}",
        arose_at=at,
    )
    return Verdict(f"claimed_twice: {len(same)} other claims of this order are about the same piece", found)


def _same_piece(one: WarrantyClaim, other: WarrantyClaim) -> bool:
    if one.serial_number and other.serial_number:
        return one.serial_number.strip().casefold() == other.serial_number.strip().casefold()
    return bool(one.sku and other.sku) and str(one.sku).casefold() == str(other.sku).casefold()


def _found(name: ExceptionName, claim: WarrantyClaim, summary: str, why: str, at: datetime) -> Verdict:
    ground = digest_of(name, asked(claim))
    return Verdict(f"{name}: {why}", Finding(exception=name, ground=ground, summary=summary, arose_at=at))


def asked(claim: WarrantyClaim) -> str:
    """Digest of what is claimed: a changed claim adds to the case, a changed status does not."""
    files = sorted(file.id or file.name for file in claim.files)
    texts = (claim.text, claim.defect, claim.wish, claim.serial_number, claim.sku, claim.order_number)
    return digest_of(claim.id, texts, claim.purchased_at, files)
