"""Customers and gift certificates."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from .attributes import JsonObject


@dataclass(slots=True)
class Customer:
    """A profile of a customer list. `profile` has SCAPI names (Customers 1.1.3), without times, ids and addresses."""

    number: str
    id: str
    list_id: str
    created: datetime
    modified: datetime
    profile: JsonObject = field(default_factory=dict)
    addresses: list[JsonObject] = field(default_factory=list)
    payments: list[JsonObject] = field(default_factory=list)
    custom: JsonObject = field(default_factory=dict)
    revision: int = 1


@dataclass(slots=True)
class GiftCertificate:
    """A gift certificate of a site; the amount never changes after creation (Gift Certificates 1.0.42)."""

    merchant_id: str
    site: str
    code: str
    created: datetime
    modified: datetime
    amount: Decimal
    currency: str
    balance: Decimal
    status: str = "pending"
    enabled: bool = True
    details: JsonObject = field(default_factory=dict)


@dataclass(slots=True)
class CustomObject:
    """A custom object. `site` is `None` for organization scope."""

    type: str
    key: str | int
    site: str | None
    created: datetime
    modified: datetime
    values: JsonObject = field(default_factory=dict)
    revision: int = 1


@dataclass(frozen=True, slots=True)
class ObjectType:
    """A custom object type: its key attribute, the key's type (`string` or `int`), and its scope."""

    id: str
    key: str
    key_type: str = "string"
    scope: str = "site"
