"""Store credit accounts and gift cards."""

from __future__ import annotations

from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.paging import Page, in_order
from caseconnect_shopify.simulator.api.registry import field, fields, query
from caseconnect_shopify.simulator.api.wire import amount_in, number_of, when
from caseconnect_shopify.simulator.world import balances
from caseconnect_shopify.simulator.world.balances import (
    AccountEntry,
    CardCredit,
    CardDebit,
    CardEntry,
    Credit,
    Debit,
    Expiration,
    GiftCard,
    StoreCreditAccount,
)
from caseconnect_shopify.simulator.world.records import Customer, Order, gid

fields("StoreCreditAccount", StoreCreditAccount, id=lambda a: gid("StoreCreditAccount", a.id))


def _entry(name: str, kind: type) -> None:
    fields(
        name,
        kind,
        id=lambda e: gid(name, e.id),
        createdAt=lambda e: when(e.created_at),
        event=lambda e: e.event,
        expiresAt=lambda e: when(e.expires_at),
        origin=lambda e: e.origin,
    )


_entry("StoreCreditAccountCreditTransaction", Credit)
_entry("StoreCreditAccountDebitTransaction", Debit)
_entry("StoreCreditAccountExpirationTransaction", Expiration)
fields(
    "GiftCard",
    GiftCard,
    id=lambda c: gid("GiftCard", c.id),
    createdAt=lambda c: when(c.created_at),
    updatedAt=lambda c: when(c.updated_at),
    balance=lambda c: amount_in(c.currency, c.balance),
    initialValue=lambda c: amount_in(c.currency, c.initial),
    enabled=lambda c: True,
    deactivatedAt=lambda c: None,
    expiresOn=lambda c: c.expires_on,
    isRedeemable=lambda c: c.balance > 0,
    lastCharacters=lambda c: c.last,
    maskedCode=lambda c: f"•••• •••• •••• {c.last}",
    note=lambda c: c.note,
    customer=lambda c: c.customer,
    templateSuffix=lambda c: None,
    lineItem=lambda c: None,
)


def _card_entry(name: str, kind: type) -> None:
    fields(
        name,
        kind,
        id=lambda e: gid(name, e.id),
        processedAt=lambda e: when(e.processed_at),
        note=lambda e: e.note,
        metafield=lambda e: None,
    )


_card_entry("GiftCardCreditTransaction", CardCredit)
_card_entry("GiftCardDebitTransaction", CardDebit)


@query("storeCreditAccount")
def _account(root: object, args: dict[str, Any], call: Call) -> StoreCreditAccount | None:
    found = call.shop.accounts.get(number_of(args["id"], "StoreCreditAccount"))
    return balances.expire(call.shop, found) if found else None


@query("giftCard")
def _card(root: object, args: dict[str, Any], call: Call) -> GiftCard | None:
    return call.shop.gift_cards.get(number_of(args["id"], "GiftCard"))


@field("Customer", "storeCreditAccounts")
def _accounts(customer: Customer, args: dict[str, Any], call: Call) -> Page:
    return in_order(balances.accounts_of(call.shop, customer), args)


@field("StoreCreditAccount", "balance")
def _balance(account: StoreCreditAccount, args: dict[str, Any], call: Call) -> dict[str, Any]:
    return amount_in(account.currency, balances.expire(call.shop, account).balance)


@field("StoreCreditAccount", "owner")
def _owner(account: StoreCreditAccount, args: dict[str, Any], call: Call) -> Customer:
    return call.shop.customers[account.customer_id]


@field("StoreCreditAccount", "transactions")
def _transactions(account: StoreCreditAccount, args: dict[str, Any], call: Call) -> Page:
    kinds = {"type:credit": Credit, "type:debit": Debit, "type:expiration": Expiration}
    wanted = next((kind for text, kind in kinds.items() if text in (args.get("query") or "")), None)
    return in_order([e for e in account.entries if wanted in {None, type(e)}], args)


def _entry_fields(name: str) -> None:
    @field(name, "account")
    def account(entry: AccountEntry, args: dict[str, Any], call: Call) -> StoreCreditAccount:
        return call.shop.accounts[entry.account_id]

    @field(name, "amount")
    def amount(entry: AccountEntry, args: dict[str, Any], call: Call) -> dict[str, Any]:
        return amount_in(call.shop.accounts[entry.account_id].currency, entry.amount)

    @field(name, "balanceAfterTransaction")
    def after(entry: AccountEntry, args: dict[str, Any], call: Call) -> dict[str, Any]:
        return amount_in(call.shop.accounts[entry.account_id].currency, entry.balance)

    @field(name, "remainingAmount")
    def remaining(entry: AccountEntry, args: dict[str, Any], call: Call) -> dict[str, Any]:
        return amount_in(call.shop.accounts[entry.account_id].currency, entry.remaining)


for _name in ("Credit", "Debit", "Expiration"):
    _entry_fields(f"StoreCreditAccount{_name}Transaction")


@field("GiftCard", "transactions")
def _card_transactions(card: GiftCard, args: dict[str, Any], call: Call) -> Page:
    return in_order(card.entries, args)


@field("GiftCard", "order")
def _card_order(card: GiftCard, args: dict[str, Any], call: Call) -> Order | None:
    return call.shop.orders.get(card.order_id or 0)


def _card_fields(name: str) -> None:
    @field(name, "giftCard")
    def card(entry: CardEntry, args: dict[str, Any], call: Call) -> GiftCard:
        return call.shop.gift_cards[entry.card_id]

    @field(name, "amount")
    def amount(entry: CardEntry, args: dict[str, Any], call: Call) -> dict[str, Any]:
        return amount_in(call.shop.gift_cards[entry.card_id].currency, entry.amount)


for _name in ("GiftCardCreditTransaction", "GiftCardDebitTransaction"):
    _card_fields(_name)
