"""How records answer GraphQL fields. Importing this package registers them all."""

from . import (
    balances,
    catalogue,
    customers,
    drafts,
    fulfilment,
    orders,
    payments,
    people,
    platform,
    refunds,
    returns,
    roots,
)

__all__ = [
    "balances",
    "catalogue",
    "customers",
    "drafts",
    "fulfilment",
    "orders",
    "payments",
    "people",
    "platform",
    "refunds",
    "returns",
    "roots",
]
