"""The GraphQL documents of the commands that give value away (Admin API 2026-10; nothing is newer than 2026-01)."""

from __future__ import annotations

from caseconnect_shopify.client import Operation
from caseconnect_shopify.queries import PAYMENT_PARTS

REFUNDS_OF = Operation(
    "ConnectRefundsOf",
    f"""query ConnectRefundsOf($id: ID!) {{
  order(id: $id) {{
    presentmentCurrencyCode
    customer {{ id }}
    transactions(first: 100) {{ ...PaymentParts }}
    refunds(first: 250) {{ id note }}
  }}
}}{PAYMENT_PARTS}""",
    cost=30,
)

REFUND = Operation(
    "ConnectRefund",
    """query ConnectRefund($id: ID!) {
  refund(id: $id) { ...Money }
}
fragment Money on Refund {
  id
  transactions(first: 20) {
    nodes { kind status gateway manualPaymentGateway errorCode amountSet { presentmentMoney { amount currencyCode } } }
  }
}""",
    cost=20,
)

SUGGESTED_REFUND = Operation(
    "ConnectSuggestedRefund",
    """query ConnectSuggestedRefund($id: ID!, $lines: [RefundLineItemInput!]) {
  order(id: $id) {
    suggestedRefund(refundLineItems: $lines) {
      maximumRefundableSet { shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }
      shipping { maximumRefundableSet { presentmentMoney { amount currencyCode } } }
      refundLineItems { lineItem { id } location { id } }
    }
  }
}""",
    cost=20,
)

GIVE_BACK = Operation(
    "ConnectGiveBack",
    """mutation ConnectGiveBack($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) {
    refund { ...Money }
    userErrors { field message }
  }
}
fragment Money on Refund {
  id
  transactions(first: 20) {
    nodes { kind status gateway manualPaymentGateway errorCode amountSet { presentmentMoney { amount currencyCode } } }
  }
}""",
    mutation=True,
)

BUYER = Operation("ConnectBuyer", "query ConnectBuyer($id: ID!) { order(id: $id) { customer { id } } }", cost=2)

CREDIT_ACCOUNTS = Operation(
    "ConnectCreditAccounts",
    """query ConnectCreditAccounts($id: ID!) {
  customer(id: $id) { storeCreditAccounts(first: 50) { nodes { id balance { currencyCode } } } }
}""",
    cost=10,
)

CREDITS = Operation(
    "ConnectCredits",
    """query ConnectCredits($id: ID!) {
  storeCreditAccount(id: $id) {
    transactions(first: 100, reverse: true, query: "type:credit") {
      nodes { ... on StoreCreditAccountCreditTransaction { id event expiresAt amount { amount currencyCode } } }
    }
  }
}""",
    cost=40,
)

CREDIT = Operation(
    "ConnectCredit",
    """mutation ConnectCredit($id: ID!, $credit: StoreCreditAccountCreditInput!) {
  storeCreditAccountCredit(id: $id, creditInput: $credit) {
    storeCreditAccountTransaction { id }
    userErrors { field message code }
  }
}""",
    mutation=True,
)

REPLACED = Operation(
    "ConnectReplaced",
    """query ConnectReplaced($id: ID!) {
  order(id: $id) {
    name email phone requiresShipping
    customer { id }
    shippingAddress { firstName lastName company address1 address2 city provinceCode zip countryCodeV2 phone }
  }
}""",
    cost=20,
)

VARIANTS = Operation(
    "ConnectVariants",
    """query ConnectVariants($search: String!) {
  productVariants(first: 50, query: $search) { nodes { id sku } pageInfo { hasNextPage } }
}""",
    cost=10,
)

DRAFTS = Operation(
    "ConnectDrafts",
    """query ConnectDrafts($search: String!) {
  draftOrders(first: 5, query: $search) { nodes { ...DraftParts } }
}
fragment DraftParts on DraftOrder { id name status tags order { id legacyResourceId name } }""",
    cost=8,
)

DRAFT = Operation(
    "ConnectDraft",
    """query ConnectDraft($id: ID!) {
  draftOrder(id: $id) {
    id name status order { id legacyResourceId name }
    totalPriceSet { presentmentMoney { amount currencyCode } }
    lineItems(first: 50) { nodes { sku quantity variant { id } } pageInfo { hasNextPage } }
  }
}""",
    cost=15,
)

DELETE_DRAFT = Operation(
    "ConnectDeleteDraft",
    """mutation ConnectDeleteDraft($id: ID!) {
  draftOrderDelete(input: {id: $id}) { deletedId userErrors { field message } }
}""",
    mutation=True,
)

CREATE_DRAFT = Operation(
    "ConnectCreateDraft",
    """mutation ConnectCreateDraft($input: DraftOrderInput!) {
  draftOrderCreate(input: $input) { draftOrder { id } userErrors { field message } }
}""",
    mutation=True,
)

COMPLETE_DRAFT = Operation(
    "ConnectCompleteDraft",
    """mutation ConnectCompleteDraft($id: ID!) {
  draftOrderComplete(id: $id) {
    draftOrder { id name status tags order { id legacyResourceId name } }
    userErrors { field message }
  }
}""",
    mutation=True,
)
