"""Orders of the bench: 8 KB webhook bodies with ids of their own, and what the shop's simulator is told of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

SHOP, SECRET = "bench-shop.myshopify.com", "bench-secret-0123456789"


@dataclass(frozen=True)
class Sender:
    """A tenant and its shop, with the secret that its deliveries are signed with."""

    tenant: str
    shop: str
    secret: str


BENCH = Sender("bench", SHOP, SECRET)
QUIET = Sender("quiet", "quiet-shop.myshopify.com", "quiet-secret-0123456789")
FIRST_ORDER, FIRST_CUSTOMER = 6_100_000_000_000, 8_100_000_000_000
BODY_BYTES = 8_192


def spec(order_id: int, *, risky: bool) -> dict[str, Any]:
    """An order as the simulator's control API takes it; a risky one is held and becomes a case."""
    number = order_id - FIRST_ORDER
    return {
        "id": order_id,
        "emit": False,
        "lines": [{"title": "Lamp", "sku": "LAMP-1", "price": "40.00", "quantity": 1}],
        "customer": {"id": FIRST_CUSTOMER + number, "first_name": "Ann", "email": f"shopper-{number}@shop.test"},
        "payment": {"kind": "authorization", "status": "success"},
        "risk": {"level": "HIGH" if risky else "LOW"},
    }


class Bodies:
    """Bodies that differ in the id of their order, from the body of `FIRST_ORDER`."""

    def __init__(self, template: bytes) -> None:
        self._parts = template.split(str(FIRST_ORDER).encode())
        if len(self._parts) < 2:
            raise ValueError("the template does not name its order")

    def body(self, order_id: int) -> bytes:
        """The body of one order."""
        return str(order_id).encode().join(self._parts)


def signature(body: bytes, secret: str = SECRET) -> str:
    """`X-Shopify-Hmac-Sha256` of a body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def headers(topic: str, delivery_id: str, body: bytes, sender: Sender = BENCH) -> dict[str, str]:
    """The headers of a signed delivery."""
    return {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": sender.shop,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": delivery_id,
        "X-Shopify-Triggered-At": "2026-11-01T00:00:00.000000000Z",
        "X-Shopify-Hmac-Sha256": signature(body, sender.secret),
    }


def request(port: int, topic: str, delivery_id: str, body: bytes, sender: Sender = BENCH) -> bytes:
    """A whole HTTP/1.1 request that delivers a body to a server on this machine."""
    first = f"POST /hooks/{sender.tenant}/shop HTTP/1.1"
    lines = [first, f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers(topic, delivery_id, body, sender).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
