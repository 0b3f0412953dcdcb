"""The GraphQL documents that read orders and what belongs to them (Admin API 2026-10; nothing is newer than 2026-01).

First pages are small because Shopify admits a request by its greatest possible cost; what an order has more
of is read by the documents below `ORDER`.
"""

from __future__ import annotations

from typing import Final

from caseconnect_shopify.client import Operation

LINES, PAYMENTS, REFUNDS, FULFILLMENT_ORDERS, SHIPMENTS = 20, 10, 5, 5, 5
"""How many of each part the first request asks for; a part that is full is read again, whole."""
PART: Final = 100
REFUNDS_AT_ONCE, REFUND_LINES = 10, 25
ATTRIBUTES: Final = 25
HISTORY_PAGE: Final = 10

_ADDRESS = """
fragment AddressParts on MailingAddress {
  name company address1 address2 city province provinceCode zip countryCodeV2 phone validationResultSummary
}"""

_LINE = """
fragment LineParts on LineItem {
  id title quantity sku unfulfilledQuantity refundableQuantity requiresShipping
  product { id }
  variant { id }
  originalUnitPriceSet { shopMoney { amount currencyCode } }
  discountedTotalSet(withCodeDiscounts: true) { shopMoney { amount currencyCode } }
}"""

PAYMENT_PARTS = """
fragment PaymentParts on OrderTransaction {
  id kind status gateway manualPaymentGateway createdAt errorCode
  amountSet { shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }
  parentTransaction { id }
  paymentDetails { ... on CardPaymentDetails { avsResultCode cvvResultCode company number } }
}"""

_REFUND = """
fragment RefundParts on Refund {
  id createdAt processedAt note
  totalRefundedSet { shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }
}"""

_FULFILLMENT_ORDER = """
fragment FulfillmentOrderParts on FulfillmentOrder {
  id status
  supportedActions { action }
  deliveryMethod { methodType }
  fulfillmentHolds { id reason handle heldByRequestingApp reasonNotes }
  lineItems(first: 20) { nodes { remainingQuantity } pageInfo { hasNextPage } }
}"""

_SHIPMENT = """
fragment ShipmentParts on Fulfillment {
  id status displayStatus createdAt estimatedDeliveryAt deliveredAt
  trackingInfo(first: 5) { company number url }
  events(first: 10, sortKey: HAPPENED_AT, reverse: true) { nodes { status happenedAt message } }
}"""

ORDER = Operation(
    "ConnectOrder",
    f"""query ConnectOrder($id: ID!, $namespace: String!, $keys: [String!], $withAttributes: Boolean!) {{
  order(id: $id) {{
    id legacyResourceId name createdAt updatedAt cancelledAt cancelReason closedAt test sourceName
    displayFinancialStatus displayFulfillmentStatus email phone clientIp note tags billingAddressMatchesShippingAddress
    customerLocale presentmentCurrencyCode returnStatus
    customer {{ id displayName }}
    purchasingEntity {{ ... on PurchasingCompany {{ company {{ name }} }} }}
    paymentTerms {{ paymentTermsType dueInDays }}
    disputes {{ id }}
    notes: metafield(namespace: $namespace, key: "notes") {{ value }}
    metafields(first: {ATTRIBUTES}, keys: $keys) @include(if: $withAttributes) {{ nodes {{ namespace key value }} }}
    billingAddress {{ ...AddressParts }}
    shippingAddress {{ ...AddressParts }}
    currentTotalPriceSet {{ shopMoney {{ amount currencyCode }} presentmentMoney {{ amount currencyCode }} }}
    totalReceivedSet {{ shopMoney {{ amount currencyCode }} }}
    totalRefundedSet {{ shopMoney {{ amount currencyCode }} }}
    risk {{
      recommendation
      assessments {{ riskLevel provider {{ title }} facts {{ description sentiment }} }}
    }}
    lineItems(first: {LINES}) {{ nodes {{ ...LineParts }} pageInfo {{ hasNextPage endCursor }} }}
    transactions(first: {PAYMENTS}) {{ ...PaymentParts }}
    refunds(first: {REFUNDS}) {{ ...RefundParts }}
    fulfillmentOrders(first: {FULFILLMENT_ORDERS}) {{
      nodes {{ ...FulfillmentOrderParts }} pageInfo {{ hasNextPage endCursor }}
    }}
    fulfillments(first: {SHIPMENTS}) {{ ...ShipmentParts }}
  }}
}}{_ADDRESS}{_LINE}{PAYMENT_PARTS}{_REFUND}{_FULFILLMENT_ORDER}{_SHIPMENT}""",
    cost=40,
)

ORDER_LINES = Operation(
    "ConnectOrderLines",
    f"""query ConnectOrderLines($id: ID!, $after: String) {{
  order(id: $id) {{
    lineItems(first: {PART}, after: $after) {{ nodes {{ ...LineParts }} pageInfo {{ hasNextPage endCursor }} }}
  }}
}}{_LINE}""",
    cost=300,
)

ORDER_PAYMENTS = Operation(
    "ConnectOrderPayments",
    f"""query ConnectOrderPayments($id: ID!) {{
  order(id: $id) {{ transactions(first: {PART}) {{ ...PaymentParts }} }}
}}{PAYMENT_PARTS}""",
    cost=100,
)

ORDER_REFUNDS = Operation(
    "ConnectOrderRefunds",
    f"""query ConnectOrderRefunds($id: ID!) {{
  order(id: $id) {{ refunds(first: {PART}) {{ ...RefundParts }} }}
}}{_REFUND}""",
    cost=50,
)

REFUND_DETAILS = Operation(
    "ConnectRefundDetails",
    f"""query ConnectRefundDetails($ids: [ID!]!) {{
  nodes(ids: $ids) {{
    ... on Refund {{
      id
      transactions(first: 5) {{ nodes {{ status }} }}
      refundLineItems(first: {REFUND_LINES}) {{
        nodes {{ quantity lineItem {{ id }} }} pageInfo {{ hasNextPage endCursor }}
      }}
    }}
  }}
}}""",
    cost=60,
)
"""Of at most `REFUNDS_AT_ONCE` refunds: which goods they are for, and whether their money is still on its way."""

MORE_REFUND_LINES = Operation(
    "ConnectRefundLines",
    f"""query ConnectRefundLines($id: ID!, $after: String) {{
  refund(id: $id) {{
    refundLineItems(first: {PART}, after: $after) {{
      nodes {{ quantity lineItem {{ id }} }} pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}""",
    cost=40,
)

ORDER_RETURNS = Operation(
    "ConnectOrderReturns",
    """query ConnectOrderReturns($id: ID!, $after: String) {
  order(id: $id) {
    returns(first: 25, after: $after) {
      nodes { id name status createdAt decline { reason } } pageInfo { hasNextPage endCursor }
    }
  }
}""",
    cost=10,
)
"""A document of its own: without the scope for returns Shopify would withhold the whole order."""

ORDER_SHIPMENTS = Operation(
    "ConnectOrderShipments",
    f"""query ConnectOrderShipments($id: ID!) {{
  order(id: $id) {{ fulfillments(first: 40) {{ ...ShipmentParts }} }}
}}{_SHIPMENT}""",
    cost=100,
)

FULFILLMENT_ORDERS_OF = Operation(
    "ConnectFulfillmentOrders",
    f"""query ConnectFulfillmentOrders($id: ID!, $after: String) {{
  order(id: $id) {{
    cancelledAt displayFulfillmentStatus requiresShipping
    fulfillmentOrders(first: 20, after: $after) {{
      nodes {{ ...FulfillmentOrderParts }} pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}{_FULFILLMENT_ORDER}""",
    cost=30,
)

FULFILLMENT_ORDER_LINES = Operation(
    "ConnectFulfillmentOrderLines",
    """query ConnectFulfillmentOrderLines($id: ID!, $after: String) {
  fulfillmentOrder(id: $id) {
    lineItems(first: 250, after: $after) { nodes { remainingQuantity } pageInfo { hasNextPage endCursor } }
  }
}""",
    cost=100,
)

SHOPPER = Operation(
    "ConnectShopper",
    """query ConnectShopper($id: ID!) {
  order(id: $id) { email customer { id } }
}""",
    cost=2,
)

HISTORY = Operation(
    "ConnectOrderHistory",
    f"""query ConnectOrderHistory($search: String!, $after: String) {{
  orders(first: {HISTORY_PAGE}, after: $after, query: $search, sortKey: CREATED_AT, reverse: true) {{
    nodes {{
      id legacyResourceId name createdAt cancelledAt cancelReason displayFinancialStatus displayFulfillmentStatus
      currentTotalPriceSet {{ shopMoney {{ amount currencyCode }} }}
      risk {{ assessments {{ riskLevel }} }}
      transactions(first: 5) {{ kind status }}
      shippingAddress {{ address1 address2 zip city provinceCode countryCodeV2 }}
      lineItems(first: {LINES}) {{
        nodes {{ title sku quantity variant {{ id }} }} pageInfo {{ hasNextPage endCursor }}
      }}
    }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}""",
    cost=110,
)
