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
    admin_url: str | None = None
