"""The canonical records as conditions see them."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from caseconnect import models
from caseconnect.sdk.cel import FieldType, fields, reachable
from tools.docs.markdown import code, codes, table

ITEMS = (
    models.ReturnRequest,
    models.Complaint,
    models.WarrantyClaim,
    models.Dispute,
    models.ApprovalRequest,
    models.ShipmentReport,
)
"""What `item` may be."""


def records() -> str:
    """A table of each record that a condition may look at."""
    return "\n\n".join(_record(model) for model in reachable(models.Order, models.Customer, *ITEMS))


def _record(model: type[BaseModel]) -> str:
    summary = (model.__doc__ or "").strip().partition("\n")[0]
    return f"## {model.__name__}\n\n{summary}\n\n{table(('field', 'is', 'meaning'), _rows(model))}"


def _rows(model: type[BaseModel]) -> Iterator[tuple[str, str, str]]:
    for field in fields(model).values():
        info = model.model_fields.get(field.name)
        yield code(field.name), _kind(field), (info.description if info else _MONEY[field.name]) or ""


_MONEY = {"minor": "The amount in the smallest unit: cents of EUR, whole JPY.", "currency": "ISO 4217 code."}


def _kind(field: FieldType) -> str:
    if not field.values:
        return field.shown()
    return codes(field.values) + (", may be absent" if field.optional else "")
