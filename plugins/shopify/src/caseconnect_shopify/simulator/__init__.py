"""A stateful Shopify shop to test and show against: Admin GraphQL API 2026-10, tokens, webhooks, faults.

Written from Shopify's documentation and official schema; it shares no code with the connector's client.

    shop = Shop(domain="demo-shop.myshopify.com", client_id="id", client_secret="secret", now=clock)
    app = create_app([shop], deliver=my_deliver)
    order = create_order(shop, {"lines": [{"title": "Mug", "price": "20.00"}], "payment": {}})
    await shop.run_due()
"""

from .app import create_app
from .faults import ConnectionDropped, Fault
from .settings import ShopifySimulatorSettings, ShopSettings
from .webhooks.outbox import Delivery, sign
from .webhooks.transport import Deliver
from .world.orders import create as create_order
from .world.records import Order
from .world.shop import Shop
from .world.specs import SpecError
from .world.system import Effect

__all__ = [
    "ConnectionDropped",
    "Deliver",
    "Delivery",
    "Effect",
    "Fault",
    "Order",
    "Shop",
    "ShopSettings",
    "ShopifySimulatorSettings",
    "SpecError",
    "create_app",
    "create_order",
    "sign",
]
