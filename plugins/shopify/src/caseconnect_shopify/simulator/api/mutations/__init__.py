"""Mutations. Importing this package registers them all."""

from . import annotate, cancel, holds, refunds, subscriptions

__all__ = ["annotate", "cancel", "holds", "refunds", "subscriptions"]
