"""Canonical records: what every platform's data is mapped to, so that a rule never sees a platform.

Ids are strings, money is `Money`, times are aware UTC. A field that the platform withheld is None or
empty: absent personal data never makes a record invalid.
"""

from caseconnect.models.base import Record, Utc, personal, personal_fields
from caseconnect.models.case import Case, CaseComment
from caseconnect.models.customer import Customer, OrderHistory, OrderSummary
from caseconnect.models.document import Document, File
from caseconnect.models.money import Money
from caseconnect.models.order import (
    Address,
    FulfillmentOrder,
    Hold,
    LineItem,
    Order,
    Payment,
    Refund,
    Risk,
    RiskFact,
    Shipment,
    ShipmentEvent,
)
from caseconnect.models.product import Product, ProductList
from caseconnect.models.requests import (
    ApprovalRequest,
    Complaint,
    CustomerReply,
    Dispute,
    PrivacyRequest,
    ShipmentReport,
    WarrantyClaim,
)
from caseconnect.models.returns import ReturnLine, ReturnRequest

__all__ = [
    "Address",
    "ApprovalRequest",
    "Case",
    "CaseComment",
    "Complaint",
    "Customer",
    "CustomerReply",
    "Dispute",
    "Document",
    "File",
    "FulfillmentOrder",
    "Hold",
    "LineItem",
    "Money",
    "Order",
    "OrderHistory",
    "OrderSummary",
    "Payment",
    "PrivacyRequest",
    "Product",
    "ProductList",
    "Record",
    "Refund",
    "ReturnLine",
    "ReturnRequest",
    "Risk",
    "RiskFact",
    "Shipment",
    "ShipmentEvent",
    "ShipmentReport",
    "Utc",
    "WarrantyClaim",
    "personal",
    "personal_fields",
]
