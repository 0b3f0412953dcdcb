"""Registers the use case."""

from caseconnect.sdk import hookimpl
from caseconnect.sdk.casework import asks_of, uses_of
from caseconnect.sdk.components import Registrar, TransformSpec
from caseconnect.sdk.events import CaseChanged, CommandSettled, ComplaintChanged, CustomerReplied, TimerFired
from caseconnect_complaints.rules import decide, joins
from caseconnect_complaints.settings import CATEGORIES, ComplaintsSettings


@hookimpl
def connect_register_transforms(register: Registrar[TransformSpec]) -> None:
    """Offer `complaints`."""
    register.add(
        TransformSpec(
            name="complaints",
            summary="Complaints become cases with order, goods, parcels and letters; the outcome makes them good",
            settings=ComplaintsSettings,
            topic="complaint",
            exceptions=CATEGORIES,
            handles=frozenset({ComplaintChanged, CaseChanged, CommandSettled, CustomerReplied, TimerFired}),
            needs=frozenset({"complaint", "order", "customer", "order_history", "case"}),
            uses=uses_of(ComplaintsSettings),
            asks=asks_of,
            looks_at=lambda settings: {f"a complaint of {name}": "categories" for name in settings.categories},
            optional=frozenset({"document"}),
            by_item=True,
            joins=joins,
            decide=decide,
            example="categories: [damaged, late, not_received, wrong_item]\npriority: {not_received: urgent}\n",
        )
    )
