"""What all commands share: name, target, what they wait for, what they expect, and the slot that they set."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256
from typing import Any, ClassVar, Literal

import orjson
from pydantic import Field

from caseconnect.models.base import Record
from caseconnect.models.money import Money
from caseconnect.sdk.subjects import Subject

CASE = "case"
"""In `after`: wait until the matter's case exists."""

HELD, RELEASED = "held", "released"
"""Values of the slots that matters claim: the last claim to go sets `RELEASED`."""

NOTHING = "none"
"""Value of a slot that shows nothing of ours; not set while another open matter wants a value there."""

UNDOING = frozenset({RELEASED, NOTHING})
"""Values of commands that undo. They are handed what was there before: `receipt["before"]`."""


def digest_of(*facts: Any) -> str:
    """Short digest of plain data, the same in every run."""
    return sha256(orjson.dumps(facts, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


class Expect(Record):
    """What must still be true right before every attempt, repeats included.

    'equals': `field` of the fact equals `value`, compared as JSON. 'at_least': it is money of the same currency and
    not less than `value`; so much is still refundable. Not so while nothing was sent: the command is refused
    (changed) and decide runs again; while its answer is lost: it is looked for, else a person decides.
    """

    fact: str = Field(description="Fact kind, such as 'case' or 'order'.")
    subject: Subject
    field: str = Field(description="Field of the fact's record; 'attributes.amount' is a value in one.")
    value: Any = None
    test: Literal["equals", "at_least"] = "equals"


class Counter(Record):
    """An amount reserved in the deciding commit; over the limit the command is born parked."""

    name: str
    amount: Decimal
    limit: Decimal


class Command(Record):
    """Base of the commands. `name` tells two of one kind in one matter apart.

    `side`: 'case' goes to the matter's case; 'order' to the shop or the shopper, and only in mode `live`.
    `settles`: its end is told to the matter's use cases as a `CommandSettled` event; comments are not.
    `money`: it gives value away. Its key holds `approval()`, caps count it, and in doubt a person decides.
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    side: ClassVar[Literal["order", "case"]] = "order"
    money: ClassVar[bool] = False
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

    def worth(self) -> Money | None:
        """What it gives away, in the currency in which it is paid; None when that is no amount of money."""
        return None

    def approval(self) -> str:
        """Digest of what a person approves (kind, lines, amount, currency); empty for what moves no value."""
        return ""

    def slot(self) -> tuple[str, str] | None:
        """(field, value) of a state command; None for a command whose every instance counts."""
        return None
