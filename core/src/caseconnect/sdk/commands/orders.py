"""Commands that change an order without moving value."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from caseconnect.models.document import Document
from caseconnect.sdk.commands.base import HELD, RELEASED, Command, digest_of
from caseconnect.sdk.subjects import Subject

HOLD = "hold"
"""The slot that holds and releases share; a matter that held claims it."""


class AnnotateOrder(Command):
    """Show something on the order: tags to add and remove, metafields or attributes to set (name -> text).

    Staff see these, and tags may reach other apps: never what the customer must not read.
    """

    kind = "AnnotateOrder"
    settles = False

    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    attributes: dict[str, str] = Field(default_factory=dict)

    def slot(self) -> tuple[str, str]:
        """One slot per name; the value is everything that it sets."""
        return f"annotation:{self.name}", digest_of(self.add_tags, self.remove_tags, self.attributes)


class HoldOrder(Command):
    """Keep the goods back. The matter claims the hold; the last claim to go releases it."""

    kind = "HoldOrder"
    protective = True
    conflicts = frozenset({"ReleaseOrder", "CancelOrder"})

    cause: Literal["fraud", "address", "payment", "other"] = "other"
    note: str = ""

    def slot(self) -> tuple[str, str]:
        """One hold per order."""
        return HOLD, HELD


class ReleaseOrder(Command):
    """Give up this matter's claim on the hold; with the last claim, our own hold is taken off."""

    kind = "ReleaseOrder"
    conflicts = frozenset({"HoldOrder", "CancelOrder"})

    def slot(self) -> tuple[str, str]:
        """The same slot as the hold."""
        return HOLD, RELEASED


class CancelOrder(Command):
    """Cancel the order. Never moves money: an order with captured money is refused with that reason."""

    kind = "CancelOrder"
    conflicts = frozenset({"HoldOrder", "ReleaseOrder"})

    cause: Literal["fraud", "customer", "inventory", "declined", "staff", "other"] = "other"
    note: str = Field("", max_length=255, repr=False)
    restock: bool = True
    notify_customer: bool = False

    def slot(self) -> tuple[str, str]:
        """An order is cancelled once."""
        return "cancelled", "yes"


class NoteOrder(Command):
    """Add a note to the order. It is found again by a marker that the sink puts into it: `key`."""

    kind = "NoteOrder"
    settles = False

    title: str = ""
    text: str = Field(repr=False)


class SetOrderStatus(Command):
    """Set one of the order's statuses, in the platform's own words: so the shopper sees how the case ended."""

    kind = "SetOrderStatus"

    status: Literal["order", "confirmation", "payment", "shipping", "export", "external"]
    value: str

    def slot(self) -> tuple[str, str]:
        """Each status is a slot of its own."""
        return f"status:{self.status}", self.value


class AssessRisk(Command):
    """Tell the platform how risky the order is, so that its own screens and other apps see it."""

    kind = "AssessRisk"

    level: Literal["none", "low", "medium", "high"]
    facts: tuple[str, ...] = Field((), max_length=20)

    def slot(self) -> tuple[str, str]:
        """The newest assessment counts."""
        return "risk", digest_of(self.level, self.facts)


class SubmitEvidence(Command):
    """Hand the documents of a chargeback to the platform. `send`: they go to the bank at once and for good."""

    kind = "SubmitEvidence"

    dispute: Subject
    documents: tuple[Document, ...] = ()
    text: str = Field("", repr=False)
    send: bool = False
