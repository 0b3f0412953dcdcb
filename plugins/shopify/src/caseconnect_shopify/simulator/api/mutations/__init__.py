"""Mutations. Importing this package registers them all."""

from . import annotate, cancel, holds, processing, refunds, returns, subscriptions

__all__ = ["annotate", "cancel", "holds", "processing", "refunds", "returns", "subscriptions"]
