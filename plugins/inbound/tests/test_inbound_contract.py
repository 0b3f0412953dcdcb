"""The plugin keeps the SDK's contract."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from email.message import EmailMessage

from caseconnect.sdk.deliveries import Delivery
from caseconnect.sdk.testing import PluginContract, Pushed, Rig, ToldSourceContract, ToldWorld
from caseconnect_inbound import plugin

SECRET = "desk-secret-0123456789"
BODIES = {
    "complaint": {"id": "c1", "order_number": "1001", "email": "jane@example.com", "text": "late", "category": "late"},
    "return_request": {"id": "r1", "order_number": "1001", "lines": [{"sku": "A", "quantity": 1}]},
    "warranty_claim": {"id": "w1", "sku": "A", "defect": "does not start"},
    "dispute": {"id": "d1", "kind": "loyalty", "points": 120},
    "approval_request": {"id": "a1", "action": "credit", "amount": {"amount": "5.00", "currency": "EUR"}},
    "shipment_event": {"id": "s1", "tracking_number": "1Z", "status": "delayed"},
    "customer_reply": {"id": "m1", "text": "see", "files": [{"name": "a.txt", "content": "aGVsbG8="}]},
}


class Sender(ToldWorld):
    """Somebody who sends one request of each kind."""

    connection = "desk"
    personal = ("jane@example.com",)

    def __init__(self) -> None:
        self.secrets = {"DESK": SECRET}
        kinds = {name: {"files": {"each": "files"}} if name == "customer_reply" else {} for name in BODIES}
        self.settings = {"secret": {"env": "DESK"}, "kinds": kinds, "orders": "shop"}

    async def pushed(self) -> Sequence[Pushed]:
        made = []
        for kind, data in BODIES.items():
            body = json.dumps(data).encode()
            signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            headers = {"X-Signature": signature, "Idempotency-Key": f"k-{kind}", "Content-Type": "application/json"}
            made.append(Pushed(headers, body, kind))
        return made


class Shopper(ToldWorld):
    """Somebody who writes mails."""

    connection = "mail"
    personal = ("jane@example.com",)

    def __init__(self) -> None:
        self.secrets = {"PASSWORD": "password of the mailbox"}
        imap = {"host": "imap.example.com", "username": "help", "password": {"env": "PASSWORD"}}
        self.settings = {"imap": imap, "orders": "shop"}

    async def pushed(self) -> Sequence[Pushed]:
        message = EmailMessage()
        message["From"], message["Subject"] = "Jane <jane@example.com>", "Order 1001 is late"
        message.set_content("Where is it?")
        return [Pushed({}, message.as_bytes(), "mail")]


class TestPlugin(PluginContract):
    plugin = plugin


class TestInbound(ToldSourceContract):
    plugin = plugin
    name = "inbound"

    def world(self, now: Callable[[], datetime]) -> Sender:
        return Sender()


class TestMail(ToldSourceContract):
    plugin = plugin
    name = "mail"

    def world(self, now: Callable[[], datetime]) -> Shopper:
        return Shopper()

    async def deliveries(self, rig: Rig[ToldWorld], source: object) -> list[Delivery]:
        samples = await rig.world.pushed()
        return [Delivery("mail", s.topic, f"m{n}", rig.now(), s.body, {}, polled=True) for n, s in enumerate(samples)]
