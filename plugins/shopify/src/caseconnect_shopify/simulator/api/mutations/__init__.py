"""Mutations. Importing this package registers them all."""

from . import annotate, cancel, holds, subscriptions

__all__ = ["annotate", "cancel", "holds", "subscriptions"]
