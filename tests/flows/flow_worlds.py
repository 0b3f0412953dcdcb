"""The two worlds that the rows of the matrix are played in: a platform, Core Case, the pipeline, and one buyer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import httpx  # noqa: TID251 - who posts to the door is any client
from flow_bends import Door, Post
from house import DEFINITION, SECRET, TENANT, TOPICS, House
from sfcc_house import CONNECTIONS, SfccHouse
from stories import ANNOTATIONS

from caseconnect_sfcc.simulator.scenarios import create_order as place_in_sfcc
from caseconnect_sfcc.simulator.scenarios import hand_in
from caseconnect_shopify.simulator import create_order as place_in_shopify

DESK = """  desk:
    platform: inbound
    settings:
      secret: {env: DESK_SECRET}
      scheme: secret
      header: X-Desk
      orders: shop
      kinds: {complaint: {}, warranty_claim: {}, dispute: {}, approval_request: {}, shipment_event: {}}
"""
EMAIL = "ann@shop.test"


@dataclass(frozen=True)
class Buyer:
    """Who buys: with an account or as a guest, in the shop's currency or in another."""

    guest: bool = False
    abroad: bool = False


@dataclass
class World:
    """What a row is played with."""

    h: House
    buyer: Buyer
    post: Post
    doors: dict[str, Door]
    orders: list[Any] = field(default_factory=list)
    count: int = 0

    platform: ClassVar[str]

    async def order(self, **spec: Any) -> Any:
        """The buyer orders two mugs for 20.00 each, unless the row says otherwise."""
        raise NotImplementedError

    def subject(self, order: Any) -> str:
        """The order, as the journal names it."""
        raise NotImplementedError

    def touch(self, order: Any) -> None:
        """Something else of the order changes, so that it is told or listed anew."""
        raise NotImplementedError

    def effects(self) -> list[tuple[datetime, str]]:
        """What was done to the platform, without annotations: when, and what with which amount."""
        raise NotImplementedError

    def money(self, amount: str) -> str:
        """An amount as this buyer pays it."""
        raise NotImplementedError

    async def writes(self, kind: str, /, **body: Any) -> None:
        """The buyer, or somebody for them, sends a form about the newest order."""
        raise NotImplementedError

    async def posted(self, kind: str, /, **body: Any) -> None:
        """A request comes to the desk's address."""
        headers = {"X-Desk": SECRET, "Idempotency-Key": str(body["id"])}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self.h.hooks)) as client:
            answer = await client.post(f"https://connect.test/in/acme/{kind}", headers=headers, json=body)
        assert answer.status_code == 200, answer.text

    @property
    def cases(self) -> list[Any]:
        """The cases, oldest first."""
        return list(self.h.cases.cases.values())

    @property
    def opened(self) -> list[str]:
        """Ids of the cases that we opened, each as often as we did."""
        return [e.case_id for e in self.h.cases.ledger if e.via == "api" and e.operation == "create_case"]


class ShopifyWorld(World):
    """Shopify by webhooks and polls, and a desk for what it does not keep."""

    platform = "shopify"

    async def order(self, **spec: Any) -> Any:
        person: dict[str, Any] = {"email": EMAIL}
        if not self.buyer.guest:
            person = {"customer": {"first_name": "Ann", "last_name": "Lee", "email": EMAIL, **spec.pop("person", {})}}
        spec.pop("person", None)
        if self.buyer.abroad:
            person["presentment"] = {"currency": "EUR", "rate": "0.5"}
        mugs = [{"title": "Mug", "sku": "MUG", "price": "20.00", "quantity": 2}]
        home = {"address1": "1 Home St", "city": "Oslo", "zip": "0150", "country_code": "NO"}
        plain = {"lines": mugs, "payment": {"kind": "sale", "status": "success"}, "risk": {"level": "LOW"}}
        made = place_in_shopify(self.h.shop, {**plain, "shipping_address": home, **person, **spec})
        self.orders.append(made)
        await self.h.settle()
        return made

    def subject(self, order: Any) -> str:
        return f"shop/order/{order.id}"

    def touch(self, order: Any) -> None:
        self.h.shop.touch(order)

    def effects(self) -> list[tuple[datetime, str]]:
        return [(e.at, self._named(e)) for e in self.h.shop.ledger if e.what not in ANNOTATIONS]

    def _named(self, effect: Any) -> str:
        args = effect.args
        if effect.what == "refund":
            return " ".join(["refund", *(f"{t['amount']:.2f} {t['currency']}" for t in args["transactions"])])
        if "amount" in args:
            return f"{effect.what} {args['amount']} {args.get('currency', '')}".strip()
        return str(effect.what)

    def money(self, amount: str) -> str:
        return f"{Decimal(amount) / 2:.2f} EUR" if self.buyer.abroad else f"{Decimal(amount):.2f} USD"

    async def writes(self, kind: str, /, **body: Any) -> None:
        self.count += 1
        known = {"id": f"{kind[0]}-{self.count}", "order_number": self.orders[-1].name, "email": EMAIL}
        await self.posted(kind, **{**known, **body})
        await self.h.settle()


class SfccWorld(World):
    """SFCC, which is polled, with its storefront's forms and its job."""

    platform = "sfcc"
    h: SfccHouse

    async def order(self, **spec: Any) -> Any:
        person = {"customerName": "Ann Lee", "email": EMAIL, **({} if self.buyer.guest else {"customerNo": "C-1"})}
        plain = {
            "lines": [{"product_id": "MUG", "price": "20.00", "quantity": 2}],
            "payment": "paid",
            "export": "exported",
        }
        if self.buyer.abroad:
            plain["currency"] = "EUR"
        known = {} if "situation" in spec else plain
        made = place_in_sfcc(self.h.instance, {**known, "customer": person, "site": "RefArch", **spec})
        if self.buyer.abroad:
            made.currency = "EUR"
        self.orders.append(made)
        return made

    def subject(self, order: Any) -> str:
        return f"shop/order/{order.number}"

    def touch(self, order: Any) -> None:
        self.h.instance.write_order(order, "merchant", "order.touch", lambda: False, {})

    def effects(self) -> list[tuple[datetime, str]]:
        ours = {"scapi-client", "ocapi-client", "cartridge"}
        named = ((e.at, self._named(e)) for e in self.h.instance.ledger if e.who in ours and e.changed)
        return [(at, what) for at, what in named if what]

    def _named(self, effect: Any) -> str:
        args, what = effect.args, str(effect.what)
        if what.startswith("merchant."):
            payload = args["payload"]
            goods = [f"{item['quantity']:g} {item['sku']}" for item in payload.get("items") or ()]
            amount = [f"{payload['amount']} {payload['currency']}"] if "amount" in payload else []
            points = [f"{payload['points']}"] if "points" in payload else []
            return " ".join([what, *amount, *points, *goods])
        if what.startswith("certificate."):
            return f"{what} {Decimal(args['amount']):.2f} {args['currency']}"
        if what == "order.custom":
            names = {n.removeprefix("c_") for n in args} - {"refundAmount"}
            return "" if all(n.startswith("caseconnect") for n in names) else f"{what} {sorted(names)}"
        if what.startswith("order."):
            return f"{what} {args.get('to', '')}".strip()
        if what == "object.put" or what.startswith("object"):
            kind = effect.target.partition("/")[0]
            return (
                "" if kind.startswith(("CaseConnectAction", "CaseConnectReceipt")) else f"{kind} {args.get('status')}"
            )
        return what

    def money(self, amount: str) -> str:
        return f"{Decimal(amount):.2f} {'EUR' if self.buyer.abroad else 'USD'}"

    async def writes(self, kind: str, /, **body: Any) -> None:
        self.count += 1
        known = {"orderNo": self.orders[-1].number, "customerEmail": EMAIL, "key": f"{kind[0].upper()}-{self.count}"}
        if not self.buyer.guest:
            known["customerNo"] = "C-1"
        hand_in(self.h.instance, kind, {**known, **body})


def tenant(platform: str, flows: str, every: str) -> str:
    """The tenant file of one row: both platforms as they are by default, and the row's flows."""
    head = TENANT.partition("flows:\n")[0].rstrip() + "\n" + DESK if platform == "shopify" else CONNECTIONS
    head = re.sub(r"every: 2m", f"every: {every}", head)
    return f"{head.rstrip()}\nflows:\n{flows}"


@asynccontextmanager
async def world(
    kind: type[World], folder: Path, flows: str, buyer: Buyer, outcomes: Iterable[str], every: str
) -> AsyncIterator[World]:
    """A world that is started, has the agents' outcomes, and is stopped."""
    text = tenant(kind.platform, flows, every)
    house = House(folder, tenant=text) if kind is ShopifyWorld else SfccHouse(folder, tenant=text)
    house.secrets.values["DESK_SECRET"] = SECRET
    shop: Any = house.instance if isinstance(house, SfccHouse) else house.shop
    doors = {
        "shop": Door(house.shop_app, lambda: shop.ledger),
        "cases": Door(house.case_app, lambda: house.cases.ledger),
    }
    apps: Any = house
    apps.shop_app, apps.case_app = doors["shop"], doors["cases"]
    known = house.cases.definition(DEFINITION).outcomes
    known += [each for each in outcomes if each not in known]
    await house.start()
    try:
        if kind is ShopifyWorld:
            topics = ["returns/request", "returns/approve", "returns/close", "disputes/create", "disputes/update"]
            house.subscribe([*TOPICS, *topics, "fulfillment_events/create", "fulfillments/update"])
        await house.settle()
        yield kind(house, buyer, Post(house), doors)
    finally:
        await house.stop()
