"""Registers the use case."""

from caseconnect.sdk import hookimpl
from caseconnect.sdk.commands import (
    AttachDocument,
    Command,
    CommentCase,
    RemoveNotice,
    RestoreProduct,
    ShowNotice,
    SuppressProduct,
)
from caseconnect.sdk.components import Registrar, TransformSpec
from caseconnect.sdk.events import CaseChanged, CommandSettled, TimerFired
from caseconnect_recalls.rules import decide
from caseconnect_recalls.settings import EXCEPTIONS, RecallsSettings

_DEMANDED: frozenset[type[Command]] = frozenset(
    {CommentCase, SuppressProduct, RestoreProduct, ShowNotice, RemoveNotice}
)


@hookimpl
def connect_register_transforms(register: Registrar[TransformSpec]) -> None:
    """Offer `recalls`."""
    register.add(
        TransformSpec(
            name="recalls",
            summary="A recall found in a case takes products off sale and tells shoppers, until the case ends it",
            settings=RecallsSettings,
            topic="recall",
            begins_at_case=True,
            exceptions=EXCEPTIONS,
            handles=frozenset({CaseChanged, CommandSettled, TimerFired}),
            needs=frozenset({"case", "product"}),
            uses=_DEMANDED | {AttachDocument},
            asks=lambda _: _DEMANDED,
            optional=frozenset({"document", "products", "product_orders"}),
            decide=decide,
            example="marked_by: {case_type: recall}\nshops: {shop: [RefArch]}\n"
            'product_notice: {default: "This product is recalled. Do not use it."}\n',
        )
    )
