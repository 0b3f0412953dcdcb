"""A product as far as a recall needs it."""

from __future__ import annotations

from pydantic import Field

from caseconnect.models.base import Record


class Product(Record):
    """A product as read now. `on_sale`: shoppers of that site can buy it."""

    id: str
    title: str = ""
    skus: tuple[str, ...] = ()
    on_sale: dict[str, bool] = Field(default_factory=dict, description="By site; '' where the platform has only one.")
    notices: dict[str, str] = Field(default_factory=dict, description="Our notices that it shows, by name.")
    variants: tuple[str, ...] = Field((), description="Ids of its variants, where it is what they vary.")
    parts: tuple[str, ...] = Field((), description="Ids of what it is sold with, where it is a set or a bundle.")
    within: tuple[str, ...] = Field((), description="Ids of the sets and bundles that hold it.")
    admin_url: str | None = None


class ProductList(Record):
    """The products of a category, or those with a bar code."""

    ids: tuple[str, ...] = ()
    complete: bool = Field(True, description="False when there are more than were read.")
