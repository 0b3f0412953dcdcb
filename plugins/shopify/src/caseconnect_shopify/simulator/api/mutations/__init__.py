"""Mutations. Importing this package registers them all."""

from . import annotate, balances, cancel, drafts, holds, processing, refunds, returns, risk, subscriptions

__all__ = [
    "annotate",
    "balances",
    "cancel",
    "drafts",
    "holds",
    "processing",
    "refunds",
    "returns",
    "risk",
    "subscriptions",
]
