"""Registers the use case."""

from caseconnect.sdk import hookimpl
from caseconnect.sdk.casework import asks_of, uses_of
from caseconnect.sdk.commands import Command, ExchangeReturn, RefundPayment
from caseconnect.sdk.components import Registrar, TransformSpec
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, ReturnChanged, TimerFired
from caseconnect_returns.rules import decide
from caseconnect_returns.settings import EXCEPTIONS, ReturnsSettings


def _asks(settings: ReturnsSettings) -> frozenset[type[Command]]:
    wished: set[type[Command]] = {RefundPayment, ExchangeReturn} if "as_requested" in settings.asked() else set()
    return asks_of(settings) | wished


@hookimpl
def connect_register_transforms(register: Registrar[TransformSpec]) -> None:
    """Offer `returns`."""
    register.add(
        TransformSpec(
            name="returns",
            summary="Returns outside policy, without proof or of high value are reviewed; the outcome answers them",
            settings=ReturnsSettings,
            topic="return",
            exceptions=EXCEPTIONS,
            handles=frozenset({ReturnChanged, CaseChanged, CommandSettled, CustomerReplied, TimerFired}),
            needs=frozenset({"return", "order", "customer", "order_history", "case"}),
            uses=uses_of(ReturnsSettings),
            asks=_asks,
            optional=frozenset({"document"}),
            by_item=True,
            decide=decide,
            example='return_days: 30\nhigh_value_return: {EUR: "300"}\n',
        )
    )
