"""Registers the use case."""

from caseconnect.sdk import hookimpl
from caseconnect.sdk.casework import asks_of, uses_of
from caseconnect.sdk.components import Registrar, TransformSpec
from caseconnect.sdk.events import (
    CaseChanged,
    CommandSettled,
    ComplaintChanged,
    CustomerReplied,
    OrderChanged,
    ShipmentReported,
    TimerFired,
)
from caseconnect_fulfillment.rules import decide
from caseconnect_fulfillment.settings import EXCEPTIONS, FulfillmentSettings


def _looks_at(settings: FulfillmentSettings) -> dict[str, str]:
    found = {"a partly shipped order": "exceptions"} if "partly_shipped" in settings.exceptions else {}
    compared = settings.complaint_categories if "delivered_not_received" in settings.exceptions else ()
    return found | {f"a complaint of {category}": "complaint_categories" for category in compared}


@hookimpl
def connect_register_transforms(register: Registrar[TransformSpec]) -> None:
    """Offer `fulfillment`."""
    register.add(
        TransformSpec(
            name="fulfillment",
            summary="Late, split, unconfirmed, failed and disputed deliveries open cases; the end reaches the order",
            settings=FulfillmentSettings,
            topic="fulfillment",
            exceptions=EXCEPTIONS,
            handles=frozenset(
                {
                    OrderChanged,
                    ComplaintChanged,
                    ShipmentReported,
                    TimerFired,
                    CaseChanged,
                    CommandSettled,
                    CustomerReplied,
                }
            ),
            may_come=frozenset({ComplaintChanged, ShipmentReported}),
            needs=frozenset({"order", "customer", "order_history", "case"}),
            uses=uses_of(FulfillmentSettings),
            asks=asks_of,
            looks_at=_looks_at,
            optional=frozenset({"document", "complaint", "shipment"}),
            decide=decide,
            example='ship_within_hours: {shipping: 48}\nno_scan_hours: {"*": 96}\n',
        )
    )
