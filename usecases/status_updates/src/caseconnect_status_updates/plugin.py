"""Registers the use case."""

from caseconnect.sdk import hookimpl
from caseconnect.sdk.commands import AnnotateCustomer, AnnotateOrder, Command
from caseconnect.sdk.components import Registrar, TransformSpec
from caseconnect.sdk.events import CaseChanged, CommandSettled
from caseconnect_status_updates.rules import decide
from caseconnect_status_updates.settings import StatusUpdatesSettings


def _asks(settings: StatusUpdatesSettings) -> frozenset[type[Command]]:
    on_order = settings.tags or settings.stage_tags or settings.attributes
    asked = ((AnnotateOrder, on_order), (AnnotateCustomer, settings.customer_attributes))
    return frozenset(command for command, wanted in asked if wanted)


@hookimpl
def connect_register_transforms(register: Registrar[TransformSpec]) -> None:
    """Offer `status_updates`."""
    register.add(
        TransformSpec(
            name="status_updates",
            summary="Case progress is shown on the order, and on the shopper's profile, as tags and attributes",
            settings=StatusUpdatesSettings,
            topic="status",
            follows=True,
            handles=frozenset({CaseChanged, CommandSettled}),
            needs=frozenset({"case", "order"}),
            optional=frozenset({"order"}),
            uses=frozenset({AnnotateOrder, AnnotateCustomer}),
            asks=_asks,
            decide=decide,
            example="tags: {open: case-open, resolved: case-resolved}\nattributes: {number: case_number}\n",
        )
    )
