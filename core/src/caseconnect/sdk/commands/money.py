"""Commands that give value away. Each binds what was approved: kind, lines, amount and currency."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from caseconnect.models.base import Record, Utc
from caseconnect.models.money import Money
from caseconnect.sdk.commands.base import Command, digest_of
from caseconnect.sdk.subjects import Subject


class LineQuantity(Record):
    """So many of one line of an order. `restock`: what becomes of the goods, said explicitly, never guessed."""

    line: str = Field(description="Id of the order's line.")
    quantity: int = Field(gt=0)
    restock: Literal["no", "return", "cancel"] = Field(
        "no", description="'return': the goods came back; 'cancel': they never left."
    )


class Item(Record):
    """So many of one product, to be sent."""

    variant: str = Field("", description="Id of the variant; empty: found by its SKU.")
    sku: str = ""
    quantity: int = Field(gt=0)


class RefundPayment(Command):
    """Give back `amount`, in the currency in which the shopper paid (presentment money), by the way it was paid.

    Never more than is refundable when it is sent: then it is refused, not lowered. Several tenders (gift card, card,
    store credit) are split by the sink in a fixed order. Lines tell what it is for and what is restocked.
    """

    kind = "RefundPayment"
    money = True

    amount: Money
    lines: tuple[LineQuantity, ...] = ()
    shipping: Money | None = Field(None, description="Part of the amount that is for shipping.")
    to: Literal["original", "store_credit"] = "original"
    note: str = Field("", max_length=255, repr=False)
    notify_customer: bool = False

    def worth(self) -> Money:
        """The amount."""
        return self.amount

    def approval(self) -> str:
        """Lines, amount, currency and way."""
        lines = sorted((line.line, line.quantity, line.restock) for line in self.lines)
        return digest_of(self.kind, lines, _plain(self.amount), _plain(self.shipping), self.to)


class IssueCredit(Command):
    """Goodwill: `amount` as credit with the shop (store credit, a gift certificate) for the order's customer."""

    kind = "IssueCredit"
    money = True

    amount: Money
    customer: Subject | None = Field(None, description="Whose credit; None: the customer of the order.")
    expires_at: Utc | None = None
    note: str = Field("", max_length=255, repr=False)
    notify_customer: bool = False

    def worth(self) -> Money:
        """The amount."""
        return self.amount

    def approval(self) -> str:
        """Amount, currency and customer."""
        return digest_of(self.kind, _plain(self.amount), str(self.customer or ""))


class CreateReplacement(Command):
    """Send items again for nothing, as an order of its own that names the first."""

    kind = "CreateReplacement"
    money = True

    items: tuple[Item, ...] = Field(min_length=1)
    price: Money | None = Field(None, description="What the items are worth, for the caps.")
    draft: str = Field(
        "", description="Id of the draft order that holds exactly these items: it is completed, nothing else is made."
    )
    note: str = Field("", max_length=255, repr=False)

    def worth(self) -> Money | None:
        """What the items are worth, if that is known."""
        return self.price

    def approval(self) -> str:
        """The items, and the draft that holds them."""
        items = sorted((i.variant, i.sku, i.quantity) for i in self.items)
        return digest_of(self.kind, items, self.draft) if self.draft else digest_of(self.kind, items)


class DeleteDraft(Command):
    """Delete a draft order that was refused. One that is gone is deleted; one that was completed is left."""

    kind = "DeleteDraft"
    settles = False

    draft: str = Field(min_length=1, description="The draft's id.")


class ExchangeReturn(Command):
    """Send other items for the goods of an approved return."""

    kind = "ExchangeReturn"
    money = True

    returned: Subject = Field(description="The return whose goods come back.")
    items: tuple[Item, ...] = Field(min_length=1)
    price: Money | None = Field(None, description="What the items are worth, for the caps.")

    def worth(self) -> Money | None:
        """What the items are worth, if that is known."""
        return self.price

    def approval(self) -> str:
        """The return and the items."""
        return digest_of(self.kind, str(self.returned), sorted((i.variant, i.sku, i.quantity) for i in self.items))


class AdjustLoyalty(Command):
    """Add or take points of the customer's loyalty account."""

    kind = "AdjustLoyalty"
    money = True

    points: int
    program: str = ""
    note: str = Field("", max_length=255, repr=False)

    def approval(self) -> str:
        """Points and program."""
        return digest_of(self.kind, self.points, self.program)


def _plain(amount: Money | None) -> str:
    """Equal amounts give equal text, whatever zeros they were written with."""
    return f"{amount.amount.normalize():f} {amount.currency}" if amount else ""
