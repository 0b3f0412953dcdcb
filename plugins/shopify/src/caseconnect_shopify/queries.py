"""Every GraphQL document that this plugin sends (Admin API 2026-10; nothing in them is newer than 2026-01).

First pages are small because Shopify admits a request by its greatest possible cost; what an order has more
of is read by the documents below `ORDER`.
"""

from __future__ import annotations

from typing import Final

from caseconnect_shopify.client import Operation

LINES, PAYMENTS, REFUNDS, FULFILLMENT_ORDERS, SHIPMENTS = 20, 10, 5, 5, 5
"""How many of each part the first request asks for; a part that is full is read again, whole."""
PART: Final = 100
HISTORY_PAGE: Final = 10

_ADDRESS = """
fragment AddressParts on MailingAddress {
  name company address1 address2 city province provinceCode zip countryCodeV2 phone validationResultSummary
}"""

_LINE = """
fragment LineParts on LineItem {
  id title quantity sku unfulfilledQuantity requiresShipping
  product { id }
  variant { id }
  originalUnitPriceSet { shopMoney { amount currencyCode } }
  discountedTotalSet { shopMoney { amount currencyCode } }
}"""

_PAYMENT = """
fragment PaymentParts on OrderTransaction {
  id kind status gateway createdAt errorCode
  amountSet { shopMoney { amount currencyCode } }
  parentTransaction { id }
  paymentDetails { ... on CardPaymentDetails { avsResultCode cvvResultCode company number } }
}"""

_REFUND = """
fragment RefundParts on Refund {
  id createdAt processedAt note
  totalRefundedSet { shopMoney { amount currencyCode } }
}"""

_FULFILLMENT_ORDER = """
fragment FulfillmentOrderParts on FulfillmentOrder {
  id status
  supportedActions { action }
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
    f"""query ConnectOrder($id: ID!) {{
  order(id: $id) {{
    id legacyResourceId name createdAt updatedAt cancelledAt cancelReason closedAt test sourceName
    displayFinancialStatus displayFulfillmentStatus email phone clientIp note tags billingAddressMatchesShippingAddress
    customer {{ id displayName }}
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
}}{_ADDRESS}{_LINE}{_PAYMENT}{_REFUND}{_FULFILLMENT_ORDER}{_SHIPMENT}""",
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
}}{_PAYMENT}""",
    cost=100,
)

ORDER_REFUNDS = Operation(
    "ConnectOrderRefunds",
    f"""query ConnectOrderRefunds($id: ID!) {{
  order(id: $id) {{ refunds(first: {PART}) {{ ...RefundParts }} }}
}}{_REFUND}""",
    cost=50,
)

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
      id legacyResourceId name createdAt cancelledAt displayFinancialStatus displayFulfillmentStatus
      currentTotalPriceSet {{ shopMoney {{ amount currencyCode }} }}
      risk {{ assessments {{ riskLevel }} }}
      shippingAddress {{ address1 address2 zip city provinceCode countryCodeV2 }}
      lineItems(first: {LINES}) {{
        nodes {{ title sku quantity variant {{ id }} }} pageInfo {{ hasNextPage endCursor }}
      }}
    }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}""",
    cost=60,
)

ANNOTATIONS = Operation(
    "ConnectAnnotations",
    """query ConnectAnnotations($id: ID!, $namespace: String!, $withMetafields: Boolean!) {
  order(id: $id) {
    tags
    metafields(first: 100, namespace: $namespace) @include(if: $withMetafields) { nodes { key value } }
  }
}""",
    cost=10,
)

CANCELLATION = Operation(
    "ConnectCancellation",
    """query ConnectCancellation($id: ID!) {
  order(id: $id) {
    cancelledAt cancelReason
    totalReceivedSet { shopMoney { amount currencyCode } }
    totalRefundedSet { shopMoney { amount currencyCode } }
  }
}""",
    cost=5,
)

JOB = Operation("ConnectJob", "query ConnectJob($id: ID!) { job(id: $id) { done } }", cost=1)

ADD_TAGS = Operation(
    "ConnectAddTags",
    """mutation ConnectAddTags($id: ID!, $tags: [String!]!) {
  tagsAdd(id: $id, tags: $tags) { userErrors { field message } }
}""",
    mutation=True,
)

REMOVE_TAGS = Operation(
    "ConnectRemoveTags",
    """mutation ConnectRemoveTags($id: ID!, $tags: [String!]!) {
  tagsRemove(id: $id, tags: $tags) { userErrors { field message } }
}""",
    mutation=True,
)

SET_METAFIELDS = Operation(
    "ConnectSetMetafields",
    """mutation ConnectSetMetafields($metafields: [MetafieldsSetInput!]!) {
  metafieldsSet(metafields: $metafields) { userErrors { field message code } }
}""",
    mutation=True,
)

DELETE_METAFIELDS = Operation(
    "ConnectDeleteMetafields",
    """mutation ConnectDeleteMetafields($metafields: [MetafieldIdentifierInput!]!) {
  metafieldsDelete(metafields: $metafields) { userErrors { field message } }
}""",
    mutation=True,
)

HOLD = Operation(
    "ConnectHold",
    """mutation ConnectHold($id: ID!, $hold: FulfillmentOrderHoldInput!) {
  fulfillmentOrderHold(id: $id, fulfillmentHold: $hold) {
    fulfillmentHold { id }
    userErrors { field message code }
  }
}""",
    mutation=True,
)

RELEASE = Operation(
    "ConnectRelease",
    """mutation ConnectRelease($id: ID!, $holds: [ID!]) {
  fulfillmentOrderReleaseHold(id: $id, holdIds: $holds) {
    userErrors { field message code }
  }
}""",
    mutation=True,
)

CANCEL = Operation(
    "ConnectCancel",
    """mutation ConnectCancel(
  $id: ID!, $reason: OrderCancelReason!, $restock: Boolean!, $notify: Boolean!, $note: String
) {
  orderCancel(orderId: $id, reason: $reason, restock: $restock, notifyCustomer: $notify, staffNote: $note) {
    job { id }
    orderCancelUserErrors { field message code }
  }
}""",
    mutation=True,
)
