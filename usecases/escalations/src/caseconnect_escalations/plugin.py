"""Registers the use case."""

from caseconnect.sdk import hookimpl
from caseconnect.sdk.casework import asks_of, uses_of
from caseconnect.sdk.components import Registrar, TransformSpec
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, OrderChanged, TimerFired
from caseconnect_escalations.rules import decide
from caseconnect_escalations.settings import EXCEPTIONS, EscalationsSettings


@hookimpl
def connect_register_transforms(register: Registrar[TransformSpec]) -> None:
    """Offer `escalations`."""
    register.add(
        TransformSpec(
            name="escalations",
            summary="Cases of VIPs, large orders and repeated failures are raised, with owner, deadline and steps",
            settings=EscalationsSettings,
            topic="order_review",
            exceptions=EXCEPTIONS,
            follows=True,
            handles=frozenset({OrderChanged, CaseChanged, CommandSettled, CustomerReplied, TimerFired}),
            needs=frozenset({"order", "customer", "order_history", "case"}),
            uses=uses_of(EscalationsSettings),
            asks=asks_of,
            optional=frozenset({"document", "customer", "order_history"}),
            decide=decide,
            example='opens: [vip, repeated_failures]\nowner: {vip: "key accounts"}\ndue_hours: {"*": 4}\n',
        )
    )
