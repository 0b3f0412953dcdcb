"""Settings of the use case `recalls`."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, StringConstraints, model_validator

from caseconnect.sdk.components import Settings

ExceptionName = Literal["recall", "recalled_later", "on_sale_again"]
"""What this use case finds."""

EXCEPTIONS: tuple[ExceptionName, ...] = get_args(ExceptionName)

Mark = Literal["outcome", "stage", "status"]
"""What of a case may say that a recall begins or ends, in the words of its definition."""

Relation = Literal["variants", "parts", "within"]
"""How further products belong to one that is named."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class Columns(Settings):
    """Headers of a list's columns, lower case. Each row names one product: by SKU, else bar code, else category."""

    sku: tuple[str, ...] = Field(("sku", "product_id", "product", "item"), description="Columns with the SKU.")
    upc: tuple[str, ...] = Field(("upc", "ean", "gtin", "barcode"), description="Columns with the bar code.")
    category: tuple[str, ...] = Field(("category", "category_id"), description="Columns with a category's id.")


class RecallsSettings(Settings):
    """Which cases are recalls, how they name products, and what shoppers are told."""

    definitions: tuple[str, ...] = Field(
        (), description="Case definitions, as the connection names them, whose cases are recalls."
    )
    marked_by: dict[str, str] = Field(
        {"case_type": "recall"},
        description="Attributes of a case, by their canonical names, which all together make it a recall whatever its "
        "definition. Upper and lower case are the same. Empty: only `definitions` counts.",
    )
    start_on: dict[Mark, tuple[str, ...]] = Field(
        {"outcome": ("approved",)},
        description="Outcomes, stages or statuses of the case, any of which begins the recall.",
    )
    end_on: dict[Mark, tuple[str, ...]] = Field(
        {"outcome": ("ended",)},
        description="Outcomes, stages or statuses, any of which ends it: everything is undone. It counts before "
        "start_on. A case that is closed otherwise ends nothing.",
    )
    shops: dict[str, tuple[str, ...]] = Field(
        min_length=1,
        description="Connections whose products are recalled, and of each the sites whose checkout shows the notice.",
    )
    skus: str = Field("recalled_skus", description="Attribute of the case with SKUs; between them ; or , or lines.")
    upcs: str = Field("recalled_upcs", description="Attribute with bar codes, written in the same way.")
    categories: str = Field("recalled_categories", description="Attribute with ids of categories, likewise.")
    lists: tuple[str, ...] = Field(
        ("*.csv",), description="Names of attached documents that list products, with * and ?. Empty: none are read."
    )
    columns: Columns = Field(Columns(), description="Which columns of a list name products.")
    expand: tuple[Relation, ...] = Field(
        ("variants", "parts", "within"),
        description="What is recalled with a product that is named: its variants; parts: what a set or a bundle that "
        "is named holds; within: sets and bundles that hold a recalled product.",
    )
    product_notice: dict[str, Text] = Field(
        {}, description="What the product's page says, by BCP 47 tag, 'default' for all others. Empty: no notice."
    )
    checkout_notice: dict[str, Text] = Field(
        {}, description="What the checkout of each site says, in the same way. Empty: no notice."
    )
    notice: str = Field(
        "recall_notice",
        description="Attribute with a text of the agent; if there is one, it is shown instead of the 'default' texts.",
    )
    suppress_again: bool = Field(
        True,
        description="Take a product that somebody, an import or a replication put on sale again off sale once more. "
        "Either way the case and a person are told.",
    )
    look_hours: int = Field(24, ge=1, le=168, description="Hours between looks at the products while a recall is on.")
    list_orders: bool = Field(True, description="List the orders that hold a recalled product and are not shipped.")
    most_products: int = Field(
        500, ge=1, le=5000, description="Products of one recall, in all shops; of a larger one nothing is done."
    )

    @model_validator(mode="after")
    def _some_case(self) -> RecallsSettings:
        if not self.definitions and not self.marked_by:
            raise ValueError("no case would be a recall: name definitions or marked_by")
        if not any(self.start_on.values()):
            raise ValueError("no recall would begin: name at least one outcome, stage or status in start_on")
        if not any(self.end_on.values()):
            raise ValueError("no recall would end: name at least one outcome, stage or status in end_on")
        for name in ("product_notice", "checkout_notice"):
            if getattr(self, name) and "default" not in getattr(self, name):
                raise ValueError(f"{name} has no 'default': shoppers of other languages would read nothing")
        return self
