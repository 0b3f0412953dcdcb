"""Store credit accounts and gift cards: money that the shop owes its customers.

Nothing here is protected against repetition (API 2026-10): a second credit is a second credit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from .records import ZERO, Customer, Transaction

if TYPE_CHECKING:
    from .shop import Shop

STORE_CREDIT = "shopify_store_credit"
GIFT_CARD = "gift_card"
LIMIT = Decimal("100000")


@dataclass(slots=True)
class AccountEntry:
    """A movement on a store credit account; debits are negative. `event` is a StoreCreditSystemEvent."""

    id: int
    account_id: int
    amount: Decimal
    balance: Decimal
    created_at: datetime
    event: str
    expires_at: datetime | None = None
    remaining: Decimal = ZERO
    origin: Transaction | None = None


class Credit(AccountEntry):
    """An entry that adds."""

    __slots__ = ()


class Debit(AccountEntry):
    """An entry that takes away."""

    __slots__ = ()


class Expiration(AccountEntry):
    """An entry that takes away what was left of a credit when it expired."""

    __slots__ = ()


@dataclass(slots=True)
class StoreCreditAccount:
    """A customer's store credit in one currency."""

    id: int
    customer_id: int
    currency: str
    entries: list[AccountEntry] = field(default_factory=list)

    @property
    def balance(self) -> Decimal:
        """What the customer can spend."""
        return self.entries[-1].balance if self.entries else ZERO


@dataclass(slots=True)
class CardEntry:
    """A movement on a gift card; debits are negative."""

    id: int
    card_id: int
    amount: Decimal
    processed_at: datetime
    note: str | None = None


class CardCredit(CardEntry):
    """An entry that adds."""

    __slots__ = ()


class CardDebit(CardEntry):
    """An entry that takes away."""

    __slots__ = ()


@dataclass(slots=True)
class GiftCard:
    """A gift card in the shop's money; of its code only the last characters can be read again."""

    id: int
    last: str
    initial: Decimal
    currency: str
    created_at: datetime
    updated_at: datetime
    note: str | None = None
    customer: Customer | None = None
    order_id: int | None = None
    expires_on: str | None = None
    entries: list[CardEntry] = field(default_factory=list)

    @property
    def balance(self) -> Decimal:
        """What is left on it."""
        return self.initial + sum((e.amount for e in self.entries), ZERO)


def accounts_of(shop: Shop, customer: Customer) -> list[StoreCreditAccount]:
    """A customer's accounts, one for each currency."""
    return [expire(shop, a) for a in shop.accounts.values() if a.customer_id == customer.id]


def account_for(shop: Shop, customer: Customer, currency: str) -> StoreCreditAccount:
    """The customer's account in a currency, made when there is none."""
    own = next((a for a in accounts_of(shop, customer) if a.currency == currency), None)
    if own is None:
        own = StoreCreditAccount(shop.next_id(), customer.id, currency)
        shop.accounts[own.id] = own
    return own


def credit(
    shop: Shop,
    account: StoreCreditAccount,
    amount: Decimal,
    event: str = "ADJUSTMENT",
    expires_at: datetime | None = None,
    origin: Transaction | None = None,
) -> AccountEntry:
    """Adds store credit."""
    balance = expire(shop, account).balance + amount
    made = Credit(
        shop.next_id(), account.id, amount, balance, shop.stamp(), event, expires_at, remaining=amount, origin=origin
    )
    account.entries.append(made)
    return made


def debit(
    shop: Shop,
    account: StoreCreditAccount,
    amount: Decimal,
    event: str = "ADJUSTMENT",
    origin: Transaction | None = None,
) -> AccountEntry:
    """Takes store credit away, from the credits that expire soonest; the caller has looked at the balance."""
    left = amount
    latest = datetime.max.replace(tzinfo=shop.now().tzinfo)
    for entry in sorted(account.entries, key=lambda e: (e.expires_at or latest, e.id)):
        taken = min(entry.remaining, left)
        entry.remaining -= taken
        left -= taken
    made = Debit(shop.next_id(), account.id, -amount, account.balance - amount, shop.stamp(), event, origin=origin)
    account.entries.append(made)
    return made


def expire(shop: Shop, account: StoreCreditAccount) -> StoreCreditAccount:
    """Lets what has expired by now fall off, and gives the account back."""
    now = shop.now()
    for entry in list(account.entries):
        if entry.expires_at and entry.expires_at <= now and entry.remaining:
            gone, entry.remaining = entry.remaining, ZERO
            balance = account.balance - gone
            account.entries.append(
                Expiration(shop.next_id(), account.id, -gone, balance, entry.expires_at, "ADJUSTMENT", origin=None)
            )
    return account


def spend(shop: Shop, customer: Customer | None, transaction: Transaction, card_id: int | None) -> None:
    """Ties a payment by gift card or store credit to the card or account it came from, made when not named."""
    if transaction.gateway == GIFT_CARD:
        card = shop.gift_cards.get(card_id or 0)
        if card is None:
            card = new_card(shop, transaction.amount, "0000", customer)
        transaction.gift_card_id = card.id
        card.entries.append(CardDebit(shop.next_id(), card.id, -transaction.amount, shop.stamp()))
    elif transaction.gateway == STORE_CREDIT and customer is not None:
        account = account_for(shop, customer, shop.currency)
        if account.balance < transaction.amount:
            credit(shop, account, transaction.amount - account.balance)
        debit(shop, account, transaction.amount, "ORDER_PAYMENT", transaction)
        transaction.account_id = account.id


def new_card(shop: Shop, value: Decimal, last: str, customer: Customer | None = None) -> GiftCard:
    """A gift card worth so much of the shop's money."""
    stamp = shop.stamp()
    made = GiftCard(shop.next_id(), last, value, shop.currency, stamp, stamp, customer=customer)
    shop.gift_cards[made.id] = made
    return made


def give_back(shop: Shop, transaction: Transaction, expires_at: datetime | None = None) -> None:
    """Puts a successful refund back where the money came from: onto the gift card or the store credit account."""
    if transaction.gift_card_id is not None:
        card = shop.gift_cards[transaction.gift_card_id]
        card.entries.append(CardCredit(shop.next_id(), card.id, transaction.amount, shop.stamp(), "Refund"))
        card.updated_at = shop.stamp()
    elif transaction.account_id is not None:
        account = shop.accounts[transaction.account_id]
        seen = transaction.presentment if transaction.presentment is not None else transaction.amount
        amount = transaction.amount if account.currency == shop.currency else seen
        credit(shop, account, amount, "ORDER_REFUND", expires_at, transaction)
