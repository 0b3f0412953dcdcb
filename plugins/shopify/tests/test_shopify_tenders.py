from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseconnect.models import Money
from caseconnect_shopify.tenders import ORDER, CannotRefundError, purse_of

JPY = {"amount": "5000", "currencyCode": "JPY"}
GATEWAYS = ["gift_card", "shopify_payments", "paypal", "manual", "shopify_store_credit"]


def move(number: int, kind: str, amount: str, gateway: str = "shopify_payments", **more: Any) -> dict[str, Any]:
    shown = {"amount": amount, "currencyCode": "EUR"}
    shop = {"amount": more.pop("shop", amount), "currencyCode": "USD" if "shop" in more else "EUR"}
    return {
        "id": f"gid://shopify/OrderTransaction/{number}",
        "kind": kind,
        "status": more.pop("status", "SUCCESS"),
        "gateway": gateway,
        "createdAt": "2026-11-01T10:00:00Z",
        "amountSet": {"presentmentMoney": shown, "shopMoney": shop},
        **more,
    }


def back(number: int, parent: int | None, amount: str, status: str = "SUCCESS") -> dict[str, Any]:
    at = {"id": f"gid://shopify/OrderTransaction/{parent}"} if parent else None
    return move(number, "REFUND", amount, status=status, parentTransaction=at)


def refundable(*moves: dict[str, Any]) -> Money | None:
    purse = purse_of({"presentmentCurrencyCode": "EUR", "transactions": list(moves)})
    return purse.refundable if purse else None


@pytest.mark.parametrize(
    ("moves", "left"),
    [
        ([], "0"),
        ([move(1, "AUTHORIZATION", "50")], "0"),
        ([move(1, "SALE", "50", status="FAILURE")], "0"),
        ([move(1, "SALE", "50", status="PENDING")], "0"),
        ([move(1, "SALE", "50")], "50"),
        ([move(1, "SALE", "50"), back(2, 1, "20")], "30"),
        ([move(1, "SALE", "50"), back(2, 1, "20", "PENDING"), back(3, 1, "5", "FAILURE")], "30"),
        ([move(1, "SALE", "50"), back(2, None, "20")], "30"),
        ([move(1, "SALE", "50", "cash"), move(2, "CHANGE", "8", "cash")], "42"),
        ([move(1, "SALE", "50"), back(2, 1, "60")], "0"),
    ],
)
def test_refundable(moves: list[dict[str, Any]], left: str) -> None:
    assert refundable(*moves) == Money(amount=Decimal(left), currency="EUR")


def test_what_is_withheld_is_not_reckoned() -> None:
    assert purse_of({"presentmentCurrencyCode": "EUR"}) is None
    nothing = {**move(1, "SALE", "50"), "amountSet": {"shopMoney": {"amount": "50", "currencyCode": "EUR"}}}
    assert refundable(nothing) is None
    assert purse_of({"transactions": []}) is None


def test_the_shopper_cannot_be_given_shop_money_that_is_gone() -> None:
    purse = purse_of({"transactions": [move(1, "SALE", "10", shop="20"), back(2, None, "1")]})
    assert purse is not None
    with pytest.raises(CannotRefundError, match="can still be given back"):
        purse.split(Money(amount=Decimal("9.01"), currency="EUR"))


cents = st.integers(0, 100_000).map(lambda n: Decimal(n) / 100)


@given(
    paid=st.lists(st.tuples(st.sampled_from(GATEWAYS), cents), max_size=5),
    gone=st.lists(st.tuples(st.integers(0, 5), cents), max_size=4),
    wanted=cents,
)
def test_a_split_is_whole_in_order_and_never_more_than_is_left(
    paid: list[tuple[str, Decimal]], gone: list[tuple[int, Decimal]], wanted: Decimal
) -> None:
    moves = [move(n, "SALE", str(amount), gateway) for n, (gateway, amount) in enumerate(paid)]
    moves += [back(100 + n, parent if parent < len(paid) else None, str(a)) for n, (parent, a) in enumerate(gone)]
    purse = purse_of({"presentmentCurrencyCode": "EUR", "transactions": moves})
    assert purse is not None
    total = sum((a for _, a in paid), Decimal(0)) - sum((a for _, a in gone), Decimal(0))
    assert purse.refundable.amount <= max(total, Decimal(0))
    try:
        shares = purse.split(Money(amount=wanted, currency="EUR"))
    except CannotRefundError:
        assert wanted == 0 or wanted > purse.refundable.amount
        return
    assert sum(share for _, share in shares) == wanted <= purse.refundable.amount
    assert all(0 < share <= tender.left for tender, share in shares)
    places = [ORDER.index(tender.kind) for tender, _ in shares]
    assert places == sorted(places)
    assert all(share == tender.left for tender, share in shares[:-1]), "one is emptied before the next is touched"


@pytest.mark.parametrize("status", ["UNKNOWN", "PENDING", "AWAITING_RESPONSE"])
def test_a_refund_of_which_nobody_knows_counts_as_gone(status: str) -> None:
    assert refundable(move(1, "SALE", "50"), back(2, 1, "20", status)) == Money(amount=Decimal(30), currency="EUR")


def test_amounts_in_two_currencies_are_not_added_up() -> None:
    yen = {**move(2, "SALE", "50"), "amountSet": dict.fromkeys(("presentmentMoney", "shopMoney"), JPY)}
    assert refundable(move(1, "SALE", "50"), yen) is None
