"""Canonical records: what every platform's data is mapped to, so that a rule never sees a platform.

Ids are strings, money is `Money`, times are aware UTC. A field that the platform withheld is None or
empty: absent personal data never makes a record invalid.
"""

from caseconnect.models.base import Record, Utc, personal, personal_fields
from caseconnect.models.case import Case, CaseComment
from caseconnect.models.customer import Customer, OrderHistory, OrderSummary
from caseconnect.models.document import Document
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

__all__ = [
    "Address",
    "Case",
    "CaseComment",
    "Customer",
    "Document",
    "FulfillmentOrder",
    "Hold",
    "LineItem",
    "Money",
    "Order",
    "OrderHistory",
    "OrderSummary",
    "Payment",
    "Record",
    "Refund",
    "Risk",
    "RiskFact",
    "Shipment",
    "ShipmentEvent",
    "Utc",
    "personal",
    "personal_fields",
]
