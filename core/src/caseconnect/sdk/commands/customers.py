"""Commands that concern the shopper: what staff see on the profile, corrections, and messages."""

from __future__ import annotations

from pydantic import Field

from caseconnect.sdk.commands.base import Command, digest_of


class AnnotateCustomer(Command):
    """Show something on the customer's record: tags to add and remove, metafields or attributes to set.

    Target: the customer; None: the customer of the order.
    """

    kind = "AnnotateCustomer"
    settles = False

    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    attributes: dict[str, str] = Field(default_factory=dict)

    def slot(self) -> tuple[str, str]:
        """One slot per name; the value is everything that it sets."""
        return f"annotation:{self.name}", digest_of(self.add_tags, self.remove_tags, self.attributes)


class CorrectProfile(Command):
    """Correct fields of the customer's profile, by the platform's own names. Only fields that the tenant allows."""

    kind = "CorrectProfile"

    fields: dict[str, str] = Field(min_length=1, repr=False)

    def slot(self) -> tuple[str, str]:
        """One slot per set of fields."""
        return f"profile:{','.join(sorted(self.fields))}", digest_of(self.fields)


class NotifyCustomer(Command):
    """Send the shopper a message: `template` in the shopper's language, filled with `values`.

    `upload`: the message holds a link, good for a while, by which the shopper adds files to the case.
    """

    kind = "NotifyCustomer"

    template: str
    email: str = Field("", repr=False, description="Where to; empty: the address of the order.")
    locale: str = Field("", description="BCP 47 tag, such as de-CH; empty: the template's first.")
    values: dict[str, str] = Field(default_factory=dict, repr=False)
    upload: bool = False
    reference: str = Field("", description="Our reference of the matter, by which an answer is found; by the host.")
