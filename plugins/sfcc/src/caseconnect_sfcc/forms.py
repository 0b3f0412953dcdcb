"""From custom objects (OCAPI Data 25.6) to returns, complaints, claims and disputes. Pure.

The attributes are the merchant's own (settings); what a shopper wrote is taken as it is, and what cannot be read is
left out rather than guessed.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from caseconnect.models import Complaint, Dispute, File, Money, Order, ReturnLine, ReturnRequest, WarrantyClaim

from .config import SfccSettings
from .config_objects import FormSettings
from .values import Json, attribute, clean, locale_of, moment, money, plain

_CATEGORIES: Final = frozenset({"damaged", "late", "not_received", "wrong_item", "quality", "service"})
_DISPUTES: Final = frozenset({"chargeback", "inquiry", "duplicate_charge", "refund", "loyalty", "profile", "billing"})
_TRUE: Final = frozenset({"true", "yes", "1", "on"})
_FALSE: Final = frozenset({"false", "no", "0", "off", "none"})
_MOST: Final = 50


def return_of(node: Json, settings: SfccSettings, item: str, order: Order | None) -> ReturnRequest:
    """A return. Its lines are found in the order by the line's id, else by the product."""
    names = settings.returns
    lines = tuple(_lines(attribute(node, names.items), plain(attribute(node, names.reason)), order))
    proof = plain(attribute(node, names.proof)).casefold()
    wish: Any = _word(attribute(node, names.wish), {"refund", "exchange", "repair"}, "unknown")
    return ReturnRequest(
        id=item,
        name=str(node.get("key_value_string") or item),
        order_id=order.id if order else None,
        order_number=clean(attribute(node, names.order_number)),
        status=names.words.get(plain(attribute(node, names.status)).casefold(), "unknown"),
        requested_at=_created(node),
        lines=lines,
        value=_value(lines),
        # What names a file or a receipt number is a proof, too.
        proof_of_purchase=None if not proof else proof not in _FALSE,
        wish=wish,
        note=clean(attribute(node, names.text)),
        email=clean(attribute(node, names.email)),
        decline_reason=clean(attribute(node, names.decline_reason)),
        files=files_of(attribute(node, names.files)),
    )


def complaint_of(node: Json, settings: SfccSettings, item: str, order: Order | None) -> Complaint:
    """A complaint."""
    names = settings.complaints
    category: Any = _word(attribute(node, names.category), _CATEGORIES, "other")
    return Complaint(
        **_told(node, names, item, order),
        category=category,
        subject=clean(attribute(node, names.subject)) or "",
        skus=tuple(_several(attribute(node, names.skus))),
        tracking_numbers=tuple(_several(attribute(node, names.tracking))),
    )


def claim_of(node: Json, settings: SfccSettings, item: str, order: Order | None) -> WarrantyClaim:
    """A warranty claim. The product is named by the order's line, if the order has it."""
    names = settings.claims
    product = clean(attribute(node, names.product))
    line = next((each for each in order.lines if each.sku == product), None) if order else None
    wish: Any = _word(attribute(node, names.wish), {"repair", "replacement", "refund"}, "unknown")
    return WarrantyClaim(
        **_told(node, names, item, order),
        sku=product,
        product=line.title if line else None,
        serial_number=clean(attribute(node, names.serial_number)),
        purchased_at=_maybe(attribute(node, names.purchased_at)),
        defect=clean(attribute(node, names.text)) or "",
        wish=wish,
    )


def dispute_of(node: Json, settings: SfccSettings, item: str, order: Order | None) -> Dispute:
    """A dispute over an account or a bill."""
    names = settings.disputes
    reason = plain(attribute(node, names.kind)).casefold() or None
    kind: Any = _word(attribute(node, names.kind), _DISPUTES, "other")
    points = attribute(node, names.points)
    wanted = _json(attribute(node, names.corrections))
    number = clean(attribute(node, names.customer))
    return Dispute(
        **_told(node, names, item, order),
        kind=kind,
        reason=reason,
        amount=_amount(attribute(node, names.amount), plain(attribute(node, names.currency))),
        points=points if isinstance(points, int) and not isinstance(points, bool) else None,
        customer_id=f"{settings.customer_list(item.partition('/')[0])}/{number}" if number else None,
        corrections={str(k): plain(v) for k, v in wanted.items()} if isinstance(wanted, Mapping) else {},
    )


def files_of(value: Any) -> tuple[File, ...]:
    """Uploaded files: JSON, a list of {name, path, type, size}, or of paths; below IMPEX."""
    given = _json(value)
    found = []
    for each in given[:_MOST] if isinstance(given, list) else ():
        entry = {"path": each} if isinstance(each, str) else each
        path = clean(entry.get("path")) if isinstance(entry, Mapping) else None
        if path is None:
            continue
        name = clean(entry.get("name")) or path.rpartition("/")[2]
        size = entry.get("size")
        found.append(
            File(
                id=path,
                name=name,
                media_type=clean(entry.get("type")) or mimetypes.guess_type(name)[0] or "",
                size=size if isinstance(size, int) and not isinstance(size, bool) else None,
            )
        )
    return tuple(found)


def _told(node: Json, names: FormSettings, item: str, order: Order | None) -> dict[str, Any]:
    mapped = {value for value in names.model_dump().values() if isinstance(value, str)}
    other = {k.removeprefix("c_"): plain(v) for k, v in node.items() if k.startswith("c_")}
    return {
        "id": item,
        "order_id": order.id if order else None,
        "order_number": clean(attribute(node, names.order_number)),
        "email": clean(attribute(node, names.email)),
        "name": clean(attribute(node, names.name)),
        "phone": clean(attribute(node, names.phone)),
        "locale": locale_of(attribute(node, names.locale)),
        "text": clean(attribute(node, names.text)) or "",
        "created_at": _created(node),
        "files": files_of(attribute(node, names.files)),
        "status": clean(attribute(node, names.status)),
        "attributes": {k: v for k, v in other.items() if k not in mapped and v},
    }


def _lines(value: Any, reason: str, order: Order | None) -> Iterable[ReturnLine]:
    given = _json(value)
    for each in given[:_MOST] if isinstance(given, list) else ():
        entry = {"productId": each} if isinstance(each, str) else each
        if not isinstance(entry, Mapping):
            continue
        line_id, sku = clean(entry.get("itemId")), clean(entry.get("productId")) or clean(entry.get("sku"))
        lines = order.lines if order else ()
        line = next((a for a in lines if line_id and a.id == line_id), None)
        line = line or next((a for a in lines if sku and a.sku == sku), None)
        count = entry.get("quantity", 1)
        why = clean(entry.get("reason")) or reason
        yield ReturnLine(
            line_id=line.id if line else None,
            sku=line.sku if line else sku,
            title=line.title if line else None,
            quantity=int(count) if isinstance(count, int | float) and 1 <= count < 10_000 else 1,
            reason=why.casefold() or None,
            note=clean(entry.get("note")),
            unit_price=line.unit_price if line else None,
            final_sale=line.final_sale if line else False,
        )


def _value(lines: Sequence[ReturnLine]) -> Money | None:
    prices = [line.unit_price for line in lines]
    if not prices or any(price is None for price in prices):
        return None
    priced = [(line.unit_price, line.quantity) for line in lines if line.unit_price is not None]
    return Money(amount=sum(price.amount * n for price, n in priced), currency=priced[0][0].currency)


def _json(value: Any) -> Any:
    text = clean(value)
    if text is None:
        return value
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _word(value: Any, known: Iterable[str], otherwise: str) -> str:
    word = re.sub(r"[\s-]+", "_", plain(value).strip()).casefold()
    return word if word in known else otherwise


def _several(value: Any) -> list[str]:
    given = value if isinstance(value, list) else re.split(r"[,;\s]+", plain(value))
    return [text for text in (plain(each).strip() for each in given) if text]


def _amount(value: Any, currency: str) -> Money | None:
    if value in (None, "") or not re.fullmatch("[A-Z]{3}", currency):
        return None
    try:
        return money(value, currency)
    except (TypeError, ValueError, ArithmeticError):
        return None


def _created(node: Json) -> Any:
    return _maybe(node.get("creation_date"))


def _maybe(value: Any) -> Any:
    try:
        return moment(value)
    except (TypeError, ValueError):
        return None
