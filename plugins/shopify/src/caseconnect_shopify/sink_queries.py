"""The GraphQL documents of the commands that give nothing away, looks and mutations (Admin API 2026-10).

Nothing in them is newer than 2026-01. One mutation a document: after an error it is known which one it was.
"""

from __future__ import annotations

from typing import Final

from caseconnect_shopify.client import Operation

ANNOTATIONS = Operation(
    "ConnectAnnotations",
    """query ConnectAnnotations(
  $id: ID!, $namespace: String!, $owner: MetafieldOwnerType!, $withMetafields: Boolean!, $after: String
) {
  node(id: $id) {
    ... on Order { tags }
    ... on Customer { tags }
    ... on HasMetafields {
      metafields(first: 100, namespace: $namespace, after: $after) @include(if: $withMetafields) {
        nodes { key value type compareDigest }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
  metafieldDefinitions(first: 50, namespace: $namespace, ownerType: $owner) @include(if: $withMetafields) {
    nodes { key type { name } }
  }
}""",
    cost=20,
)

CANCELLATION = Operation(
    "ConnectCancellation",
    """query ConnectCancellation($id: ID!) {
  order(id: $id) {
    cancelledAt cancelReason
    totalReceivedSet { presentmentMoney { amount currencyCode } }
    totalRefundedSet { presentmentMoney { amount currencyCode } }
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

RETURN = Operation(
    "ConnectReturnState",
    """query ConnectReturnState($id: ID!) {
  return(id: $id) {
    status name
    exchangeLineItems(first: 100) { nodes { id quantity processedQuantity variantId } }
  }
}""",
    cost=10,
)

APPROVE_RETURN = Operation(
    "ConnectApproveReturn",
    """mutation ConnectApproveReturn($input: ReturnApproveRequestInput!) {
  returnApproveRequest(input: $input) { return { id } userErrors { field message code } }
}""",
    mutation=True,
)

DECLINE_RETURN = Operation(
    "ConnectDeclineReturn",
    """mutation ConnectDeclineReturn($input: ReturnDeclineRequestInput!) {
  returnDeclineRequest(input: $input) { return { id } userErrors { field message code } }
}""",
    mutation=True,
)

PROCESS_RETURN = Operation(
    "ConnectProcessReturn",
    """mutation ConnectProcessReturn($input: ReturnProcessInput!) {
  returnProcess(input: $input) { return { id } userErrors { field message code } }
}""",
    mutation=True,
)

RISK = Operation(
    "ConnectRisk",
    """query ConnectRisk($id: ID!) {
  order(id: $id) { risk { assessments { riskLevel provider { id } facts { description } } } }
  currentAppInstallation { app { id } }
}""",
    cost=20,
)

ASSESS_RISK = Operation(
    "ConnectAssessRisk",
    """mutation ConnectAssessRisk($assessment: OrderRiskAssessmentCreateInput!) {
  orderRiskAssessmentCreate(orderRiskAssessmentInput: $assessment) {
    orderRiskAssessment { riskLevel }
    userErrors { field message code }
  }
}""",
    mutation=True,
)

EVIDENCE_FILES: Final = (
    "shippingDocumentationFile",
    "customerCommunicationFile",
    "refundPolicyFile",
    "cancellationPolicyFile",
    "serviceDocumentationFile",
    "uncategorizedFile",
)
"""The places for files in the evidence of a dispute; each holds one."""

_FILES = " ".join(f"{name} {{ id originalFileName }}" for name in EVIDENCE_FILES)

EVIDENCE = Operation(
    "ConnectEvidence",
    f"""query ConnectEvidence($id: ID!) {{
  dispute(id: $id) {{ status disputeEvidence {{ id submitted uncategorizedText {_FILES} }} }}
}}""",
    cost=10,
)

UPDATE_EVIDENCE = Operation(
    "ConnectUpdateEvidence",
    """mutation ConnectUpdateEvidence($id: ID!, $input: ShopifyPaymentsDisputeEvidenceUpdateInput!) {
  disputeEvidenceUpdate(id: $id, input: $input) {
    disputeEvidence { submitted }
    userErrors { field message code }
  }
}""",
    mutation=True,
)

STAGE_UPLOADS = Operation(
    "ConnectStageUploads",
    """mutation ConnectStageUploads($input: [StagedUploadInput!]!) {
  stagedUploadsCreate(input: $input) {
    stagedTargets { url resourceUrl parameters { name value } }
    userErrors { field message }
  }
}""",
    mutation=True,
)
