"""Commands: one intended effect each. The host makes the key (matter + kind + name), never the attempt.

State commands name a slot (target, field): of one slot only the newest intended value counts. Protective
commands go first and depend on no case.
"""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256
from typing import Any, ClassVar, Literal

import orjson
from pydantic import Field

from caseconnect.models.base import Record
from caseconnect.models.document import Document
from caseconnect.sdk.subjects import Subject

CASE = "case"
"""In `after`: wait until the matter's case exists."""


HOLD = "hold"
"""The slot that holds and releases share; a matter that held claims it."""


def digest_of(*facts: Any) -> str:
    """Short digest of plain data, the same in every run."""
    return sha256(orjson.dumps(facts, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


class Expect(Record):
    """What must still be true right before every attempt. `field` of the fact must equal `value`.

    Compared as JSON. Not equal while nothing was sent: the command is refused (changed) and decide runs again.
    """

    fact: str = Field(description="Fact kind, such as 'case' or 'order'.")
    subject: Subject
    field: str = Field(description="Field of the fact's record.")
    value: Any = None


class Counter(Record):
    """An amount reserved in the deciding commit; over the limit the command is born parked."""

    name: str
    amount: Decimal
    limit: Decimal


class Command(Record):
    """Base of the commands. `name` tells two of one kind in one matter apart.

    `settles`: its end is told to the matter's use cases as a `CommandSettled` event; comments are not.
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    side: ClassVar[Literal["order", "case"]] = "order"
    protective: ClassVar[bool] = False
    settles: ClassVar[bool] = True
    conflicts: ClassVar[frozenset[str]] = frozenset()

    name: str = ""
    target: Subject | None = Field(None, description="None: the matter's case, filled in when it is sent.")
    after: tuple[str, ...] = Field((), description=f"Kinds, 'Kind:name', or '{CASE}'; resolved at sending.")
    even_if_failed: bool = Field(False, description="Go on although a command named in `after` failed.")
    expects: tuple[Expect, ...] = ()
    counter: Counter | None = None
    receipt: dict[str, Any] = Field(
        default_factory=dict, description="What the platform answered when it took it; the host fills it in for a look."
    )

    def slot(self) -> tuple[str, str] | None:
        """(field, value) of a state command; None for a command whose every instance counts."""
        return None


class OpenCase(Command):
    """Open the matter's case. `reference` is filled in by the host: environment, shop and matter.

    The outcome's data holds `id`, and `number` and `url` where the platform gives them.
    """

    kind = "OpenCase"
    side = "case"

    title: str
    description: str = Field(repr=False)
    client_name: str = Field("", repr=False)
    priority: Literal["low", "normal", "high", "urgent"] = "normal"
    attributes: dict[str, str] = Field(default_factory=dict)
    documents: tuple[Document, ...] = ()
    reference: str = ""


class CommentCase(Command):
    """Add a comment to the matter's case."""

    kind = "CommentCase"
    side = "case"
    settles = False

    text: str = Field(repr=False)


class UpdateCase(Command):
    """Change attributes or priority of the matter's case; what is not named stays."""

    kind = "UpdateCase"
    side = "case"
    settles = False

    priority: Literal["low", "normal", "high", "urgent"] | None = None
    attributes: dict[str, str] = Field(default_factory=dict)

    def slot(self) -> tuple[str, str]:
        """One slot per name; the value is everything that it sets."""
        return f"case:{self.name}", digest_of(self.priority, self.attributes)


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
        return HOLD, "held"


class ReleaseOrder(Command):
    """Give up this matter's claim on the hold; with the last claim, our own hold is taken off."""

    kind = "ReleaseOrder"
    conflicts = frozenset({"HoldOrder", "CancelOrder"})

    def slot(self) -> tuple[str, str]:
        """The same slot as the hold."""
        return HOLD, "released"


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


COMMANDS: dict[str, type[Command]] = {
    c.kind: c for c in (OpenCase, CommentCase, UpdateCase, AnnotateOrder, HoldOrder, ReleaseOrder, CancelOrder)
}
"""Every command by kind."""
