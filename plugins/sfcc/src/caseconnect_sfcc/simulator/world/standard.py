"""The attributes and custom object types that an instance knows from the start: the default mapping.

Names of the merchant's side follow public cartridges (fraud, loyalty); `caseconnect…` and `CaseConnect…` are this
project's own, since the platform has no standard object for returns, complaints, claims or disputes.
"""

from __future__ import annotations

from collections.abc import Mapping

from .people import ObjectType

_ORDER = {
    "caseconnectCase": "string",
    "caseconnectCaseStatus": "string",
    "caseconnectCaseLink": "string",
    "caseconnectCaseOutcome": "string",
    "caseconnectTags": "set_of_string",
    "caseconnectHold": "string",
    "caseconnectPriority": "string",
    "SignifydCaseID": "string",
    "SignifydFraudScore": "int",
    "SignifydGuaranteeDisposition": "string",
    "SignifydOrderURL": "string",
    "SignifydPolicy": "string",
    "SignifydPolicyName": "string",
    "riskifiedOrderAnalysis": "int",
    "accertifyRecCode": "string",
    "accertifyScore": "double",
    "onHold": "boolean",
    "paymentHold": "boolean",
    "orderAction": "string",
    "returnCase": "text",
    "cancelInfo": "text",
    "orderNote": "text",
    "externalReturnStatus": "int",
    "refundStatus": "string",
    "refundAmount": "double",
    "failedShipmentAttempts": "int",
    "estimatedLoyaltyPoints": "int",
    "tags": "set_of_string",
    "giftWrap": "boolean",
    "promisedDate": "datetime",
}

_FORM = {
    "orderNo": "string",
    "customerEmail": "string",
    "customerName": "string",
    "customerPhone": "string",
    "customerNo": "string",
    "locale": "string",
    "documents": "text",
    "status": "string",
    "caseNumber": "string",
}
"""What every form of a shopper writes."""

ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "Order": _ORDER,
    # The platform wants an order attribute defined on both objects before a PATCH may write it.
    "Basket": _ORDER,
    "Profile": {
        "loyaltyID": "string",
        "loyaltyStatus": "string",
        "loyaltyPointsBalance": "int",
        "vip": "boolean",
        "caseconnectCase": "string",
        "caseconnectTags": "set_of_string",
    },
    "Product": {"caseconnectNotice": "localized text", "caseconnectRecall": "string", "warrantyMonths": "int"},
    "Content": {"body": "html"},
    "SitePreferences": {"caseconnectNotice": "text"},
    "PaymentTransaction": {"avsResult": "string", "cvvResult": "string", "authResult": "string"},
    "OrderPaymentInstrument": {"issuerBank": "string"},
    "OrderAddress": {},
    "Shipment": {"carrier": "string", "promisedDate": "datetime", "fromStoreId": "string"},
    "ProductLineItem": {"carrier": "string"},
    "CustomerAddress": {},
    "CaseConnectAction": {
        "action": "string",
        "orderNo": "string",
        "payload": "text",
        "status": "string",
        "result": "text",
        "startedAt": "datetime",
        "finishedAt": "datetime",
    },
    "CaseConnectReceipt": {
        "status": "string",
        "result": "text",
        "startedAt": "datetime",
        "finishedAt": "datetime",
    },
    "CaseConnectReturn": {
        **_FORM,
        "items": "text",
        "reason": "string",
        "comment": "text",
        "proofOfPurchase": "string",
        "wish": "string",
        "declineReason": "text",
    },
    "CaseConnectComplaint": {
        **_FORM,
        "kind": "string",
        "subject": "string",
        "skus": "set_of_string",
        "trackingNumber": "string",
        "comment": "text",
    },
    "CaseConnectClaim": {
        **_FORM,
        "productId": "string",
        "serialNumber": "string",
        "purchasedAt": "date",
        "defect": "text",
        "wish": "string",
    },
    "CaseConnectDispute": {
        **_FORM,
        "kind": "string",
        "amount": "double",
        "currency": "string",
        "points": "int",
        "comment": "text",
        "corrections": "text",
    },
    "ReturnCount": {"orderNo": "string"},
}
"""Attribute definitions by object type."""

OBJECT_TYPES = (
    ObjectType("CaseConnectAction", "actionId"),
    ObjectType("CaseConnectReceipt", "actionId"),
    ObjectType("CaseConnectReturn", "returnId"),
    ObjectType("CaseConnectComplaint", "complaintId"),
    ObjectType("CaseConnectClaim", "claimId"),
    ObjectType("CaseConnectDispute", "disputeId"),
    ObjectType("ReturnCount", "number", "int", "organization"),
)
"""Custom object types."""

REQUESTS = {
    "return": "CaseConnectReturn",
    "complaint": "CaseConnectComplaint",
    "claim": "CaseConnectClaim",
    "dispute": "CaseConnectDispute",
}
"""What a shopper can hand in on a form of the storefront, and the type that it becomes."""
