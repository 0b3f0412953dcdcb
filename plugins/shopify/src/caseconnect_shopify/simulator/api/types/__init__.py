"""How records answer GraphQL fields. Importing this package registers them all."""

from . import customers, fulfilment, orders, payments, refunds, returns, roots

__all__ = ["customers", "fulfilment", "orders", "payments", "refunds", "returns", "roots"]
