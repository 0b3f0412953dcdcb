"""Orders that hold a recalled product and are not shipped yet: listed on the case, without personal data."""

from __future__ import annotations

import csv
from collections.abc import Iterable

from caseconnect.models import Document, OrderHistory, OrderSummary
from caseconnect.sdk.commands import CASE, AttachDocument, Command
from caseconnect.sdk.decisions import Facts, Matter
from caseconnect.sdk.subjects import Subject
from caseconnect_recalls.standing import comment, listed

_HEAD = ("shop", "order", "placed", "payment", "fulfilment", "recalled products")


def orders(matter: Matter, products: Iterable[Subject], facts: Facts) -> list[Command]:
    """A comment and a list as a document, when they are others than before."""
    found: dict[tuple[str, str], tuple[OrderSummary, set[str]]] = {}
    whole, unread = True, 0
    for product in products:
        answer = facts.get("product_orders", product, OrderHistory)
        if not isinstance(answer, OrderHistory):
            unread += 1
            continue
        whole = whole and answer.complete
        for order in answer.orders:
            found.setdefault((product.connection, order.id), (order, set()))[1].add(product.id)
    if not found and not unread:
        return []
    rows = [_row(shop, order, ids) for (shop, _), (order, ids) in sorted(found.items(), key=lambda each: each[0])]
    document = Document(name="open-orders.csv", media_type="text/csv", content=_csv(rows))
    name = f"orders:{document.digest[:16]}:{unread}"
    if matter.command("CommentCase", name) is not None:
        return []
    text = f"{len(rows)} orders that are not shipped hold recalled products" + ("" if whole else ", and there are more")
    text += f"; of {unread} products the orders cannot be listed" if unread else ""
    told = comment(name, f"{text}.\n{listed([f'{row[1]} ({row[0]}): {row[5]}' for row in rows])}".strip())
    attached = AttachDocument(name=document.digest[:16], document=document, after=(CASE,))
    return [told, attached] if rows else [told]


def _row(shop: str, order: OrderSummary, ids: set[str]) -> tuple[str, ...]:
    goods = dict(order.items)
    what = ", ".join(f"{id_} x {goods[id_]}" if id_ in goods else id_ for id_ in sorted(ids))
    placed = f"{order.created_at:%Y-%m-%d %H:%M} UTC"
    return shop, order.number, placed, order.payment_status, order.fulfillment_status, what


def _csv(rows: Iterable[tuple[str, ...]]) -> bytes:
    text = _Text()
    csv.writer(text).writerows([_HEAD, *([_plain(cell) for cell in row] for row in rows)])
    return "".join(text).encode()


class _Text(list[str]):
    def write(self, text: str) -> None:
        self.append(text)


def _plain(cell: str) -> str:
    """Text of strangers must not be a formula where somebody opens the list."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t") else cell
