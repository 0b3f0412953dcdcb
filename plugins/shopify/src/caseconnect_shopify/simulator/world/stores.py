"""The stores of a shop: every kind of record by its numeric id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .aftersale import Dispute, Return
    from .balances import GiftCard, StoreCreditAccount
    from .bulk import BulkOperation
    from .catalogue import Variant
    from .definitions import Definition
    from .drafts import Draft
    from .editing import EditSession
    from .files import File, Upload
    from .keys import KeyRecord
    from .records import Customer, FulfillmentOrder, Order
    from .system import Job, Subscription
    from .timeline import Entry

T = TypeVar("T")


@dataclass
class Stores:
    """Records by id; a base of `Shop`. Jobs go by gid, idempotency keys by app and key."""

    orders: dict[int, Order] = field(default_factory=dict)
    customers: dict[int, Customer] = field(default_factory=dict)
    fulfillment_orders: dict[int, FulfillmentOrder] = field(default_factory=dict)
    returns: dict[int, Return] = field(default_factory=dict)
    variants: dict[int, Variant] = field(default_factory=dict)
    accounts: dict[int, StoreCreditAccount] = field(default_factory=dict)
    gift_cards: dict[int, GiftCard] = field(default_factory=dict)
    disputes: dict[int, Dispute] = field(default_factory=dict)
    drafts: dict[int, Draft] = field(default_factory=dict)
    edits: dict[int, EditSession] = field(default_factory=dict)
    files: dict[int, File] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    bulk_operations: dict[int, BulkOperation] = field(default_factory=dict)
    definitions: dict[int, Definition] = field(default_factory=dict)
    timeline: dict[int, Entry] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    open_jobs: list[Job] = field(default_factory=list)
    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    keys: dict[tuple[str, str], KeyRecord] = field(default_factory=dict)


def found(store: Mapping[Any, T], key: Any, what: str, error: Callable[[str], Exception]) -> T:
    """The record with this id, or the error that says that there is none."""
    record = store.get(key)
    if record is None:
        raise error(f"There is no {what} {key}.")
    return record
