"""Commands of a recall: take products off sale, tell shoppers, and undo all of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from caseconnect.sdk.commands.base import HELD, NOTHING, RELEASED, Command, digest_of

SUPPRESSED = "suppressed"
"""The slot that suppressing and restoring a product share; a recall that suppressed claims it."""


class SuppressProduct(Command):
    """Take the product off sale. Its target is the product, or one variant, of one shop.

    The recall claims it; what was there before is kept, so that the last recall to end restores it.
    """

    kind = "SuppressProduct"
    protective = True
    conflicts = frozenset({"RestoreProduct"})

    note: str = ""

    def slot(self) -> tuple[str, str]:
        """One suppression per product."""
        return SUPPRESSED, HELD


class RestoreProduct(Command):
    """Give up this recall's claim; with the last claim the product is as it was before."""

    kind = "RestoreProduct"
    conflicts = frozenset({"SuppressProduct"})

    def slot(self) -> tuple[str, str]:
        """The same slot as the suppression."""
        return SUPPRESSED, RELEASED


class ShowNotice(Command):
    """Show shoppers a text: on the page of the target (a product), or at checkout (the target is a site)."""

    kind = "ShowNotice"

    place: Literal["product", "checkout"]
    texts: dict[str, str] = Field(min_length=1, description="By BCP 47 tag; 'default' for every other language.")

    def slot(self) -> tuple[str, str]:
        """One notice per place and name."""
        return f"notice:{self.place}:{self.name}", digest_of(self.texts)


class RemoveNotice(Command):
    """Take our notice off again, unless another recall shows one there; what was there before is restored."""

    kind = "RemoveNotice"

    place: Literal["product", "checkout"]

    def slot(self) -> tuple[str, str]:
        """The slot of the notice with the same name."""
        return f"notice:{self.place}:{self.name}", NOTHING
