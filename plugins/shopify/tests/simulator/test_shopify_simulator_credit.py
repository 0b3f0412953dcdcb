"""Store credit, gift cards, and an app's own risk assessment."""

from decimal import Decimal
from typing import Any

import pytest

from caseconnect_shopify.simulator.world import fulfilment

CREDIT = """mutation C($id: ID!, $in: StoreCreditAccountCreditInput!) {
  storeCreditAccountCredit(id: $id, creditInput: $in) {
  storeCreditAccountTransaction { id amount { amount currencyCode } balanceAfterTransaction { amount } event expiresAt
    remainingAmount { amount } account { id balance { amount } owner { ... on Customer { id } } } }
  userErrors { field message code } } }"""
DEBIT = """mutation D($id: ID!, $in: StoreCreditAccountDebitInput!) {
  storeCreditAccountDebit(id: $id, debitInput: $in) {
  storeCreditAccountTransaction { amount { amount } balanceAfterTransaction { amount } }
  userErrors { field message code } } }"""
READ = """query R($id: ID!) { customer(id: $id) { storeCreditAccounts(first: 5) { nodes {
  id balance { amount currencyCode }
  transactions(first: 10) { nodes { __typename amount { amount } createdAt event } } } } } }"""
RISK = """mutation R($in: OrderRiskAssessmentCreateInput!) {
  orderRiskAssessmentCreate(orderRiskAssessmentInput: $in) {
  orderRiskAssessment { riskLevel provider { id title } facts { description sentiment } }
  userErrors { field message code } } }"""
CARD = """mutation G($in: GiftCardCreateInput!) { giftCardCreate(input: $in) { giftCardCode
  giftCard { id balance { amount } lastCharacters } userErrors { field code } } }"""
CARD_CREDIT = """mutation G($id: ID!, $in: GiftCardCreditInput!) { giftCardCredit(id: $id, creditInput: $in) {
  giftCardCreditTransaction { amount { amount } giftCard { balance { amount } } } userErrors { field code } } }"""


def usd(amount: Any, currency: Any = "USD") -> Any:
    return {"amount": amount, "currencyCode": currency}


@pytest.fixture
def customer(world: Any) -> Any:
    world.order(customer={"email": "a@example.com"})
    number = next(iter(world.shop.customers))
    return f"gid://shopify/Customer/{number}"


def credit(world: Any, number: Any, amount: Any, **more: Any) -> Any:
    wanted = {"creditAmount": amount if isinstance(amount, dict) else usd(amount), **more}
    return world.data(CREDIT, {"id": number, "in": wanted})["storeCreditAccountCredit"]


def debit(world: Any, number: Any, amount: Any, currency: Any = "USD") -> Any:
    wanted = {"id": number, "in": {"debitAmount": usd(amount, currency)}}
    return world.data(DEBIT, wanted)["storeCreditAccountDebit"]


def test_credit_makes_the_account_and_can_be_read_back(world: Any, customer: Any) -> None:
    made = credit(world, customer, "7.23")["storeCreditAccountTransaction"]
    assert made["amount"] == {"amount": "7.23", "currencyCode": "USD"}
    assert made["event"] == "ADJUSTMENT"
    assert made["account"]["owner"] == {"id": customer}
    more = credit(world, made["account"]["id"], "1.11")["storeCreditAccountTransaction"]
    assert more["balanceAfterTransaction"]["amount"] == "8.34"
    less = debit(world, made["account"]["id"], "2.22")["storeCreditAccountTransaction"]
    assert less == {"amount": {"amount": "-2.22"}, "balanceAfterTransaction": {"amount": "6.12"}}
    account = world.data(READ, {"id": customer})["customer"]["storeCreditAccounts"]["nodes"][0]
    assert account["balance"] == {"amount": "6.12", "currencyCode": "USD"}
    assert [(t["__typename"][18:-11], t["amount"]["amount"]) for t in account["transactions"]["nodes"]] == [
        ("Credit", "7.23"),
        ("Credit", "1.11"),
        ("Debit", "-2.22"),
    ]
    assert [e.what for e in world.shop.ledger] == ["store_credit", "store_credit", "store_credit_debit"]


def test_nothing_protects_a_credit_from_being_repeated(world: Any, customer: Any) -> None:
    for _ in range(2):
        credit(world, customer, "5.00")
    assert [a.balance for a in world.shop.accounts.values()] == [Decimal("10.00")]


def test_credit_expires(world: Any, customer: Any) -> None:
    credit(world, customer, "5.00", expiresAt="2026-11-03T10:30:00Z")
    account = credit(world, customer, "4.00")["storeCreditAccountTransaction"]["account"]["id"]
    debit(world, account, "2.00")
    world.clock.pass_(3600)
    found = world.data(READ, {"id": customer})["customer"]["storeCreditAccounts"]["nodes"][0]
    assert found["balance"]["amount"] == "4.0"
    assert found["transactions"]["nodes"][-1]["__typename"] == "StoreCreditAccountExpirationTransaction"
    assert found["transactions"]["nodes"][-1]["amount"]["amount"] == "-3.0"


@pytest.mark.parametrize(
    ("number", "amount", "more", "field", "code"),
    [
        (None, "0", {}, ["creditInput", "creditAmount", "amount"], "NEGATIVE_OR_ZERO_AMOUNT"),
        (None, "1", {"expiresAt": "2020-01-01T00:00:00Z"}, ["creditInput", "expiresAt"], "EXPIRES_AT_IN_PAST"),
        ("gid://shopify/Customer/1", "1", {}, ["id"], "OWNER_NOT_FOUND"),
        ("gid://shopify/StoreCreditAccount/1", "1", {}, ["id"], "ACCOUNT_NOT_FOUND"),
        ("own", usd("1", "EUR"), {}, ["creditInput", "creditAmount", "currencyCode"], "MISMATCHING_CURRENCY"),
        (None, "100001", {}, ["creditInput", "creditAmount", "amount"], "CREDIT_LIMIT_EXCEEDED"),
    ],
)
def test_credits_that_are_refused(
    world: Any, customer: Any, number: Any, amount: Any, more: Any, field: Any, code: Any
) -> None:
    if number == "own":
        number = credit(world, customer, "1")["storeCreditAccountTransaction"]["account"]["id"]
    before = len(world.shop.ledger)
    answer = credit(world, number or customer, amount, **more)
    assert answer["storeCreditAccountTransaction"] is None
    assert (answer["userErrors"][0]["field"], answer["userErrors"][0]["code"]) == (field, code)
    assert len(world.shop.ledger) == before


def test_a_currency_that_the_shop_has_not_is_a_top_level_error(world: Any, customer: Any) -> None:
    answer = world.graphql(CREDIT, {"id": customer, "in": {"creditAmount": usd("1", "JPY")}})
    assert answer["errors"][0]["extensions"]["code"] == "CURRENCY_CODE_INVALID"


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        ("6", "USD", "INSUFFICIENT_FUNDS"),
        ("0", "USD", "NEGATIVE_OR_ZERO_AMOUNT"),
        ("1", "EUR", "MISMATCHING_CURRENCY"),
    ],
)
def test_debits_that_are_refused(world: Any, customer: Any, amount: Any, currency: Any, code: Any) -> None:
    account = credit(world, customer, "5")["storeCreditAccountTransaction"]["account"]["id"]
    assert debit(world, account, amount, currency)["userErrors"][0]["code"] == code


def test_gift_cards_are_made_and_credited(world: Any) -> None:
    made = world.data(CARD, {"in": {"initialAmount": usd("10.00"), "code": "ABCDEFGH1234"}})["giftCardCreate"]
    assert made["giftCardCode"] == "abcdefgh1234"
    assert made["giftCard"]["lastCharacters"] == "1234"
    number = made["giftCard"]["id"]
    done = world.data(CARD_CREDIT, {"id": number, "in": {"creditAmount": usd("5.00")}})["giftCardCredit"]
    assert done["giftCardCreditTransaction"]["giftCard"]["balance"]["amount"] == "15.0"
    for amount, code in (
        ("-1", "NEGATIVE_OR_ZERO_AMOUNT"),
        ("9999", "GIFT_CARD_LIMIT_EXCEEDED"),
    ):
        no = world.data(CARD_CREDIT, {"id": number, "in": {"creditAmount": usd(amount)}})["giftCardCredit"]
        assert no["userErrors"][0]["code"] == code
    unknown = world.data(CARD_CREDIT, {"id": "gid://shopify/GiftCard/1", "in": {"creditAmount": usd("1")}})
    assert unknown["giftCardCredit"]["userErrors"][0]["code"] == "GIFT_CARD_NOT_FOUND"
    assert "abcdefgh" not in str(world.shop.ledger)


def assess(world: Any, number: Any, level: Any = "HIGH", facts: Any = 1) -> Any:
    told = [{"description": f"Fact {n}", "sentiment": "NEGATIVE"} for n in range(facts)]
    wanted = {"orderId": number, "riskLevel": level, "facts": told}
    return world.data(RISK, {"in": wanted})["orderRiskAssessmentCreate"]


def test_an_app_assesses_an_order(world: Any) -> None:
    world.shop.subscribe("orders/risk_assessment_changed", "http://127.0.0.1/hook")
    order = world.order()
    number = f"gid://shopify/Order/{order.id}"
    made = assess(world, number, facts=2)["orderRiskAssessment"]
    assert (made["riskLevel"], made["provider"]["title"]) == ("HIGH", "Connect")
    world.run_due()
    body = world.inbox.bodies("orders/risk_assessment_changed")[0]
    assert (body["risk_level"], body["order_id"], body["provider_title"]) == ("high", str(order.id), "Connect")
    assert assess(world, number, facts=21)["userErrors"][0]["code"] == "TOO_MANY_FACTS"
    unknown = assess(world, "gid://shopify/Order/1")["userErrors"][0]
    assert (unknown["field"], unknown["code"]) == (["orderRiskAssessmentInput", "orderId"], "NOT_FOUND")
    fulfilment.fulfill(world.shop, order, {})
    assert assess(world, number)["userErrors"][0]["code"] == "ORDER_ALREADY_FULFILLED"
    assert [e.what for e in world.shop.ledger] == ["risk_assessment"]
