"""Store credit and gift cards (API 2026-10): no key protects these, a repeated call is a second effect."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from caseconnect_shopify.simulator.api.errors import ApiError
from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import number_of, split_gid
from caseconnect_shopify.simulator.world import balances
from caseconnect_shopify.simulator.world.balances import CardCredit, CardDebit, GiftCard, StoreCreditAccount
from caseconnect_shopify.simulator.world.records import gid
from caseconnect_shopify.simulator.world.refunds import Refused

Args = dict[str, Any]
TEXTS = {
    "ACCOUNT_NOT_FOUND": "The store credit account could not be found.",
    "CREDIT_LIMIT_EXCEEDED": "The operation would cause the account's credit limit to be exceeded.",
    "EXPIRES_AT_IN_PAST": "The expiry date must be in the future.",
    "MISMATCHING_CURRENCY": "The currency provided does not match the currency of the store credit account.",
    "OWNER_NOT_FOUND": "Owner does not exist.",
    "INSUFFICIENT_FUNDS": "The store credit account does not have sufficient funds to satisfy the request.",
}
CARD_LIMIT = Decimal(2000)


def _no(code: str, *path: str, text: str | None = None) -> Refused:
    return Refused(list(path), text or TEXTS[code], code)


def _account(call: Call, text: str, currency: str) -> StoreCreditAccount:
    """The account that an id means: itself, or its owner's in a currency, which is made when there is none."""
    kind, _ = split_gid(text)
    if kind == "Customer":
        refuse_foreign(call, currency)
        customer = call.shop.customers.get(number_of(text, "Customer"))
        if customer is None:
            raise _no("OWNER_NOT_FOUND", "id")
        return balances.account_for(call.shop, customer, currency)
    if kind == "CompanyLocation":
        raise _no("OWNER_NOT_FOUND", "id")
    found = call.shop.accounts.get(number_of(text, "StoreCreditAccount"))
    if found is None:
        raise _no("ACCOUNT_NOT_FOUND", "id")
    return balances.expire(call.shop, found)


def _answer(name: str, made: Any, refusal: Refused | None = None) -> dict[str, Any]:
    errors = [{"field": refusal.field, "message": refusal.message, "code": refusal.code}] if refusal else []
    return {name: made, "userErrors": errors}


@mutation("storeCreditAccountCredit")
def _credit(root: object, args: Args, call: Call) -> dict[str, Any]:
    wanted = args["creditInput"]
    given, path = wanted["creditAmount"], ("creditInput", "creditAmount")
    until = datetime.fromisoformat(wanted["expiresAt"]) if wanted.get("expiresAt") else None
    try:
        if given["amount"] <= 0:
            text = "A positive amount must be used to credit a store credit account."
            raise _no("NEGATIVE_OR_ZERO_AMOUNT", *path, "amount", text=text)
        if until and until <= call.shop.now():
            raise _no("EXPIRES_AT_IN_PAST", "creditInput", "expiresAt")
        account = _account(call, args["id"], given["currencyCode"])
        if account.currency != given["currencyCode"]:
            raise _no("MISMATCHING_CURRENCY", *path, "currencyCode")
        if account.balance + given["amount"] > balances.LIMIT:
            raise _no("CREDIT_LIMIT_EXCEEDED", *path, "amount")
    except Refused as refusal:
        return _answer("storeCreditAccountTransaction", None, refusal)
    made = balances.credit(call.shop, account, given["amount"], expires_at=until)
    owner = gid("Customer", account.customer_id)
    call.shop.effect(
        call.who,
        "store_credit",
        gid("StoreCreditAccount", account.id),
        customer=owner,
        transaction=gid("StoreCreditAccountCreditTransaction", made.id),
        amount=given["amount"],
        currency=account.currency,
        expires_at=until,
        notify=bool(wanted.get("notify")),
    )
    return _answer("storeCreditAccountTransaction", made)


@mutation("storeCreditAccountDebit")
def _debit(root: object, args: Args, call: Call) -> dict[str, Any]:
    given, path = args["debitInput"]["debitAmount"], ("debitInput", "debitAmount")
    try:
        if given["amount"] <= 0:
            text = "A positive amount must be used to debit a store credit account."
            raise _no("NEGATIVE_OR_ZERO_AMOUNT", *path, "amount", text=text)
        if split_gid(args["id"])[0] != "StoreCreditAccount":
            raise _no("ACCOUNT_NOT_FOUND", "id")
        account = _account(call, args["id"], given["currencyCode"])
        if account.currency != given["currencyCode"]:
            raise _no("MISMATCHING_CURRENCY", *path, "currencyCode")
        if account.balance < given["amount"]:
            raise _no("INSUFFICIENT_FUNDS", *path, "amount")
    except Refused as refusal:
        return _answer("storeCreditAccountTransaction", None, refusal)
    made = balances.debit(call.shop, account, given["amount"])
    target = gid("StoreCreditAccount", account.id)
    call.shop.effect(call.who, "store_credit_debit", target, amount=given["amount"], currency=account.currency)
    return _answer("storeCreditAccountTransaction", made)


@mutation("giftCardCreate")
def _create_card(root: object, args: Args, call: Call) -> dict[str, Any]:
    wanted = args["input"]
    value = (wanted.get("initialAmount") or {}).get("amount") or wanted.get("initialValue")
    customer = None
    try:
        if value is None:
            raise Refused(["input", "initialAmount"], "Missing a required argument.", "MISSING_ARGUMENT")
        if value <= 0:
            raise Refused(["input", "initialValue"], "must be greater than 0", "GREATER_THAN")
        if value > CARD_LIMIT:
            raise Refused(["input", "initialValue"], f"can't exceed {CARD_LIMIT}", "GIFT_CARD_LIMIT_EXCEEDED")
        code = (wanted.get("code") or call.shop.next_uuid().replace("-", "")[:16]).lower()
        if not 8 <= len(code) <= 20:
            raise Refused(["input", "code"], "is too short (minimum is 8 characters)", "TOO_SHORT")
        if wanted.get("customerId"):
            customer = call.shop.customers.get(number_of(wanted["customerId"], "Customer"))
            if customer is None:
                raise Refused(["input", "customerId"], "The customer could not be found.", "CUSTOMER_NOT_FOUND")
    except Refused as refusal:
        return _answer("giftCard", None, refusal) | {"giftCardCode": None}
    made = balances.new_card(call.shop, value, code[-4:], customer)
    made.note, made.expires_on = wanted.get("note"), wanted.get("expiresOn")
    owner = gid("Customer", customer.id) if customer else None
    call.shop.effect(call.who, "gift_card_create", gid("GiftCard", made.id), amount=value, customer=owner)
    return _answer("giftCard", made) | {"giftCardCode": code}


def _card(call: Call, text: str, given: Args, path: str) -> GiftCard:
    found = call.shop.gift_cards.get(number_of(text, "GiftCard"))
    if found is None:
        raise Refused(["id"], "The gift card could not be found.", "GIFT_CARD_NOT_FOUND")
    if given["amount"] <= 0:
        text = "A positive amount must be used."
        raise Refused([path, f"{path.removesuffix('Input')}Amount", "amount"], text, "NEGATIVE_OR_ZERO_AMOUNT")
    if given["currencyCode"] != found.currency:
        text = "The currency provided does not match the currency of the gift card."
        where = [path, f"{path.removesuffix('Input')}Amount", "currencyCode"]
        raise Refused(where, text, "MISMATCHING_CURRENCY")
    return found


@mutation("giftCardCredit")
def _credit_card(root: object, args: Args, call: Call) -> dict[str, Any]:
    wanted = args["creditInput"]
    given = wanted["creditAmount"]
    try:
        card = _card(call, args["id"], given, "creditInput")
        if card.balance + given["amount"] > CARD_LIMIT:
            text = "The gift card's value exceeds the allowed limits."
            raise Refused(["creditInput", "creditAmount", "amount"], text, "GIFT_CARD_LIMIT_EXCEEDED")
    except Refused as refusal:
        return _answer("giftCardCreditTransaction", None, refusal)
    made = CardCredit(call.shop.next_id(), card.id, given["amount"], call.shop.stamp(), wanted.get("note"))
    card.entries.append(made)
    card.updated_at = call.shop.stamp()
    call.shop.effect(call.who, "gift_card_credit", gid("GiftCard", card.id), amount=given["amount"])
    return _answer("giftCardCreditTransaction", made)


@mutation("giftCardDebit")
def _debit_card(root: object, args: Args, call: Call) -> dict[str, Any]:
    wanted = args["debitInput"]
    given = wanted["debitAmount"]
    try:
        card = _card(call, args["id"], given, "debitInput")
        if card.balance < given["amount"]:
            text = "The gift card does not have sufficient funds to satisfy the request."
            raise Refused(["debitInput", "debitAmount", "amount"], text, "INSUFFICIENT_FUNDS")
    except Refused as refusal:
        return _answer("giftCardDebitTransaction", None, refusal)
    made = CardDebit(call.shop.next_id(), card.id, -given["amount"], call.shop.stamp(), wanted.get("note"))
    card.entries.append(made)
    card.updated_at = call.shop.stamp()
    call.shop.effect(call.who, "gift_card_debit", gid("GiftCard", card.id), amount=given["amount"])
    return _answer("giftCardDebitTransaction", made)


def refuse_foreign(call: Call, currency: str) -> None:
    """A currency that the shop does not trade in is a top-level error, not a user error (recorded)."""
    if currency != call.shop.currency and currency not in call.shop.rates:
        raise ApiError(f"Currency code {currency} is not enabled on this shop.", "CURRENCY_CODE_INVALID")
