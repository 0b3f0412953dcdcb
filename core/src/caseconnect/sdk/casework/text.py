"""Facts as plain text for a case. Text of strangers is on one line or quoted: it cannot pass for one of ours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from caseconnect.models import Address, Customer, Order, OrderHistory, OrderSummary, Payment
from caseconnect.sdk.decisions import Finding, Missing

_SHOWN = 25
_GAPS = re.compile(r"\n{3,}")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def label(name: str) -> str:
    """A name of ours in words: `payment_failure` is "payment failure"."""
    return name.replace("_", " ")


def fill(template: str, values: dict[str, str]) -> str:
    """`template` with each {name} replaced once. No code: a name that `values` lacks stays as it is."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


def without_gaps(text: str) -> str:
    """`text` without the paragraphs that came out empty."""
    return _GAPS.sub("\n\n", text).strip("\n")


def case_text(
    order: Order | None,
    findings: Iterable[Finding],
    *,
    shop: str,
    customer: Customer | Missing | None = None,
    history: OrderHistory | Missing | None = None,
    request: str = "",
) -> dict[str, str]:
    """Every text that a template may name (`PLACEHOLDERS`)."""
    found = tuple(findings)
    common = {
        "shop": shop,
        "exceptions": ", ".join(dict.fromkeys(label(f.exception) for f in found)),
        "findings": findings_text(found),
        "request": request,
    }
    if order is None:
        empty = dict.fromkeys(
            ("order_id", "lines", "payments", "risk", "addresses", "customer", "history", "notes"), ""
        )
        unknown = {"order": "unknown", "total": "unknown", "channel": "unknown", "shipments": ""}
        return common | empty | unknown | {"facts": "The order is not known."}
    return common | {
        "order": one_line(order.number, 60),
        "order_id": order.id,
        "total": str(order.total),
        "channel": one_line(order.channel or "unknown", 60),
        "facts": _facts(order),
        "lines": _listed("Items", [_line(line.quantity, line.title, line.sku, line.total) for line in order.lines]),
        "payments": _listed("Payments", [_payment(p) for p in sorted(order.payments, key=lambda p: p.created_at)]),
        "risk": _risk(order),
        "addresses": f"Billing address: {_address(order.billing_address)}\n"
        f"Shipping address: {_address(order.shipping_address)}",
        "customer": _customer(order, customer),
        "history": _history(history),
        "shipments": _shipments(order),
        "notes": _listed("Notes", [one_line(note, 500) for note in (order.note, *order.notes) if note]),
    }


def findings_text(findings: Iterable[Finding]) -> str:
    """One line a finding."""
    return "\n".join(f"- {label(f.exception).capitalize()}: {f.summary}" for f in findings)


def one_line(text: str, limit: int = 200) -> str:
    """`text` without line breaks, at most `limit` characters."""
    joined = " ".join(text.split())
    return joined if len(joined) <= limit else joined[: limit - 1] + "…"


def quoted(text: str, limit: int = 4_000) -> str:
    """`text` with its line breaks and a mark before each line: none of a stranger's can pass for one of ours."""
    return "\n".join(f"> {line}" for line in text.strip()[:limit].splitlines())


def when(time: datetime) -> str:
    """A time for people."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _listed(title: str, entries: list[str]) -> str:
    if not entries:
        return f"{title}: none"
    more = [f"- and {len(entries) - _SHOWN} more"] if len(entries) > _SHOWN else []
    return "\n".join([f"{title}:", *(f"- {entry}" for entry in entries[:_SHOWN]), *more])


def _facts(order: Order) -> str:
    channel = one_line(order.channel or "channel unknown", 60)
    other = order.presentment_total if order.presentment_total != order.total else None
    captured = "captured amount unknown" if order.captured is None else f"captured {order.captured}"
    rows = [
        f"Order {one_line(order.number, 60)}, placed {when(order.created_at)} ({channel})",
        f"Total: {order.total}" + (f" ({other} for the shopper)" if other is not None else ""),
        f"Payment: {label(order.payment_status)}, {captured}",
        f"Fulfilment: {label(order.fulfillment_status)}",
    ]
    if order.cancelled_at is not None:
        rows.append(f"Cancelled: {when(order.cancelled_at)}")
    if order.admin_url:
        rows.append(f"Link: {order.admin_url}")
    return "\n".join(rows)


def _line(quantity: int, title: str, sku: str | None, total: object) -> str:
    return (
        f"{quantity} x {one_line(title)}" + (f" [{one_line(sku, 60)}]" if sku else "") + (f", {total}" if total else "")
    )


def _payment(payment: Payment) -> str:
    card = " ".join(p for p in (payment.card_brand, payment.card_last_digits and f"…{payment.card_last_digits}") if p)
    parts = [
        f"{when(payment.created_at)} {payment.kind} {payment.amount}: {payment.status}",
        payment.error_code and f"code {payment.error_code}",
        payment.message,
        payment.gateway,
        card,
        payment.avs_result and f"AVS {payment.avs_result}",
        payment.cvv_result and f"card code check {payment.cvv_result}",
    ]
    return ", ".join(one_line(part) for part in parts if part)


def _risk(order: Order) -> str:
    risk = order.risk
    by = f" (by {one_line(risk.provider, 60)})" if risk.provider else ""
    head = f"Risk: {risk.level}, recommendation: {risk.recommendation}{by}"
    return "\n".join([head, *(f"- {fact.sentiment}: {one_line(fact.description)}" for fact in risk.facts[:_SHOWN])])


def _address(address: Address | None) -> str:
    if address is None:
        return "not known"
    parts = (
        address.name,
        address.company,
        address.line1,
        address.line2,
        address.postal_code,
        address.city,
        address.province,
        address.country,
    )
    text = ", ".join(one_line(part) for part in parts if part) or "withheld by the platform"
    return text + (f" (address check: {address.validation})" if address.validation else "")


def _customer(order: Order, customer: Customer | Missing | None) -> str:
    profile = customer if isinstance(customer, Customer) else None
    known = (
        order.customer_name or (profile and profile.name),
        order.email or (profile and profile.email),
        order.phone or (profile and profile.phone),
    )
    rows = ["Customer: " + (", ".join(one_line(part) for part in known if part) or "withheld by the platform")]
    if profile is not None:
        rows += _profile(profile)
    elif isinstance(customer, Missing):
        rows.append(f"Profile: could not be read ({customer.why})")
    else:
        rows.append("A guest: no customer profile" if order.customer_id is None else "Profile: not read")
    if order.client_ip:
        rows.append(f"Placed from: {one_line(order.client_ip, 60)}")
    return "\n".join(rows)


def _profile(customer: Customer) -> list[str]:
    since = f" since {when(customer.created_at)}" if customer.created_at else ""
    count = "an unknown number of" if customer.orders_count is None else str(customer.orders_count)
    spent = f", spent {customer.total_spent}" if customer.total_spent is not None else ""
    tags = [f"Tags: {one_line(', '.join(customer.tags))}"] if customer.tags else []
    return [f"Customer{since}: {count} orders{spent}", *tags]


def _history(history: OrderHistory | Missing | None) -> str:
    if history is None:
        return "Other orders: not read"
    if isinstance(history, Missing):
        return f"Other orders: could not be read ({history.why})"
    if history.key == "none":
        return "Other orders: the shopper cannot be told from others"
    title = f"Other orders (found by {history.key}{'' if history.complete else ', there are more'})"
    places = {one_line(o.ship_to).casefold() for o in history.orders if o.ship_to}
    pattern = f"\nShipped to {len(places)} different place{'' if len(places) == 1 else 's'}" if places else ""
    return _listed(title, [_earlier(o) for o in history.orders]) + pattern


def _earlier(order: OrderSummary) -> str:
    parts = [
        f"{one_line(order.number, 60)} {when(order.created_at)} {order.total}",
        label(order.payment_status),
        label(order.fulfillment_status),
        "cancelled" if order.cancelled_at else "",
        f"risk {order.risk_level}" if order.risk_level not in ("none", "unknown") else "",
        f"to {one_line(order.ship_to)}" if order.ship_to else "",
    ]
    return ", ".join(part for part in parts if part)


def _shipments(order: Order) -> str:
    rows = []
    for shipment in sorted(order.shipments, key=lambda s: s.created_at):
        parts = [
            f"{when(shipment.created_at)} {one_line(shipment.status, 60)}",
            shipment.carrier,
            ", ".join(shipment.tracking_numbers),
            ", ".join(shipment.tracking_urls),
            shipment.delivered_at and f"delivered {when(shipment.delivered_at)}",
        ]
        rows.append(", ".join(one_line(part) for part in parts if part))
    return _listed("Shipments", rows)
