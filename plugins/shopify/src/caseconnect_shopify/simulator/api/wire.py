"""How GraphQL spells times, money and ids (API 2026-10)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from caseconnect_shopify.simulator.world import money
from caseconnect_shopify.simulator.world.money import Priced
from caseconnect_shopify.simulator.world.records import ZERO, Address, Order

from .errors import ApiError


def when(moment: datetime | None) -> str | None:
    """`2026-05-08T02:34:17Z`."""
    return f"{moment.isoformat()[:19]}Z" if moment else None


def bag(order: Priced, amount: Decimal) -> dict[str, Any]:
    """A MoneyBag: the amount in the shop's and the customer's currency."""
    return bag_of(order, amount, money.in_presentment(order, amount))


def bag_of(order: Priced, amount: Decimal, seen: Decimal) -> dict[str, Any]:
    """A MoneyBag of two amounts that are known both."""
    return {
        "shopMoney": {"amount": money.spell(amount), "currencyCode": order.currency},
        "presentmentMoney": {"amount": money.spell(seen), "currencyCode": order.presentment_currency},
    }


def moved_bag(order: Order, *kinds: str) -> dict[str, Any]:
    """The successful transactions of these kinds together."""
    done = [t for t in order.transactions if t.status == "SUCCESS" and t.kind in kinds]
    return bag_of(order, sum((t.amount for t in done), ZERO), sum((money.seen(order, t) for t in done), ZERO))


def amount_in(currency: str, amount: Decimal) -> dict[str, Any]:
    """A MoneyV2."""
    return {"amount": money.spell(amount), "currencyCode": currency}


def address_of(number: int, wanted: dict[str, Any]) -> Address:
    """An address from MailingAddressInput."""
    names = {"firstName": "first_name", "lastName": "last_name", "provinceCode": "province_code"}
    names |= {"countryCode": "country_code"}
    given = {names.get(key, key): value for key, value in wanted.items() if key != "id"}
    return Address(number, **given)


def split_gid(text: str) -> tuple[str, str]:
    """Kind and tail of a gid. ApiError when it is none."""
    head, _, tail = text.removeprefix("gid://shopify/").partition("/")
    if not text.startswith("gid://shopify/") or not head or not tail:
        raise ApiError("invalid id", "RESOURCE_NOT_FOUND")
    return head, tail


def number_of(text: str, kind: str) -> int:
    """The number of a gid of this kind. ApiError when it is of another kind, or none."""
    head, tail = split_gid(text)
    if head != kind or not tail.isdigit():
        raise ApiError(f"Invalid id: {text}", "RESOURCE_NOT_FOUND")
    return int(tail)
