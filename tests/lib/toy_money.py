"""A toy platform that moves money in four ways, one for each class of repeat.

Refunds are KEY (it honours a key, for a day), credits READ (no key, listed with our note after a while), points STATE
(an entry of our own that is set), replacements PERSON (no key, and nobody can look them up).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random  # noqa: TID251 - a seeded stream: a run can be repeated
from typing import Any

from money_seeds import Effect, MoneyWorld, Planned
from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from caseconnect.models import Money, Order
from caseconnect.models.base import Record
from caseconnect.sdk.commands import (
    AdjustLoyalty,
    Command,
    CreateReplacement,
    Expect,
    IssueCredit,
    Item,
    RefundPayment,
)
from caseconnect.sdk.components import (
    Check,
    Outcome,
    Pacing,
    Repeat,
    Settings,
    Sighting,
    SinkSpec,
    SourceSpec,
)
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Ignored, Page, Parsed
from caseconnect.sdk.errors import PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.events import OrderChanged
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject

PLACED = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
INDEX_LAG = timedelta(seconds=20)
KEPT = timedelta(hours=24)  # how long a key is known
_PLACES: dict[type[Command], str] = {
    RefundPayment: "refunds",
    IssueCredit: "credits",
    AdjustLoyalty: "points",
    CreateReplacement: "parcels",
}


class MoneySettings(Settings):
    """Settings of the toy."""

    base_url: str = Field(description="Where it is.")


class Bank:
    """Orders with what was taken and given back. `by_hand` is what people gave back themselves."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.captured: dict[str, Decimal] = {}
        self.by_hand: dict[str, Decimal] = {}
        self.ledger: list[tuple[str, str, str, datetime]] = []
        self.keys: dict[tuple[str, str], datetime] = {}
        self.app = Starlette(
            routes=[
                Route("/orders/{id}", self.order),
                Route("/orders/{id}/refunds", self.refund, methods=["POST"]),
                Route("/orders/{id}/credits", self.plain("credits"), methods=["POST"]),
                Route("/orders/{id}/parcels", self.plain("parcels"), methods=["POST"]),
                Route("/orders/{id}/points", self.points, methods=["PUT"]),
            ]
        )

    def left(self, number: str) -> Decimal:
        """What can still be given back."""
        given = sum((Decimal(a) for place, n, a, _ in self.ledger if (place, n) == ("refunds", number)), Decimal(0))
        return self.captured[number] - given - self.by_hand.get(number, Decimal(0))

    async def order(self, request: Request) -> JSONResponse:
        number, seen = request.path_params["id"], self.now() - INDEX_LAG
        credits_ = [key for (place, key), at in self.keys.items() if place == f"credits/{number}" and at <= seen]
        refunds = [key for (place, key) in self.keys if place == f"refunds/{number}"]
        points = [key for (place, key) in self.keys if place == f"points/{number}"]
        shown = {"credits": credits_, "refunds": refunds, "points": points}
        return JSONResponse({"id": number, "refundable": str(self.left(number)), **shown})

    async def refund(self, request: Request) -> JSONResponse:
        number, body = request.path_params["id"], await request.json()
        since = self.keys.get((f"refunds/{number}", body["key"]))
        if since is None or self.now() - since > KEPT:
            if Decimal(body["amount"]) > self.left(number):
                return JSONResponse({"error": "more than is left"}, 422)
            self._write("refunds", number, body)
        return JSONResponse({"id": body["key"]})

    def plain(self, place: str) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> JSONResponse:
            body = await request.json()
            self._write(place, request.path_params["id"], body)
            return JSONResponse({"id": body["key"]})

        return endpoint

    async def points(self, request: Request) -> JSONResponse:
        number, body = request.path_params["id"], await request.json()
        if (f"points/{number}", body["key"]) not in self.keys:
            self._write("points", number, body)
        return JSONResponse({"id": body["key"]})

    def _write(self, place: str, number: str, body: Mapping[str, str]) -> None:
        self.ledger.append((place, number, body["amount"], self.now()))
        self.keys[f"{place}/{number}", body["key"]] = self.now()


class MoneySource:
    """Reads orders; it has no listing."""

    def __init__(self, settings: MoneySettings, resources: Resources) -> None:
        self._http = resources.http(settings.base_url)

    async def check(self) -> Sequence[Check]:
        return []

    async def read(self, cursor: str | None, watch: Sequence[str]) -> Page:
        return Page((), "end")

    def parse(self, delivery: Delivery) -> Parsed | Ignored:
        return Ignored(reason="it sends nothing")

    async def root(self, alias: Subject) -> Subject | None:
        return alias

    async def fetch(self, need: Need) -> Record:
        response = await self._http.request("GET", f"/orders/{need.subject.id}")
        if response.status != 200:
            raise TransientError(f"{response.status}")
        amount = Money(amount=Decimal(response.json()["refundable"]), currency="EUR")
        named = {"id": need.subject.id, "number": need.subject.id, "created_at": PLACED, "updated_at": PLACED}
        return Order.model_validate({**named, "total": amount, "refundable": amount})


class MoneySink:
    """Moves money in four ways."""

    def __init__(self, settings: MoneySettings, resources: Resources) -> None:
        self._http, self._now = resources.http(settings.base_url), resources.now

    async def check(self) -> Sequence[Check]:
        return []

    async def execute(self, command: Command, key: str) -> Outcome:
        place, worth = _PLACES[type(command)], command.worth()
        amount = str(worth.amount) if worth else str(getattr(command, "points", 0))
        method = "PUT" if place == "points" else "POST"
        path = f"/orders/{_target(command)}/{place}"
        response = await self._http.request(method, path, json={"key": key, "amount": amount})
        if response.status in (429, 503):
            raise TransientError(f"{response.status}", retry_after=response.retry_after(self._now()))
        if response.status >= 500:
            raise UnknownOutcome(f"{response.status}")
        if response.status != 200:
            raise PermanentError(f"{response.status}: refused")
        return Outcome(state="done", data={"id": response.json()["id"]})

    async def verify(self, command: Command, key: str) -> Sighting:
        place = _PLACES[type(command)]
        if place == "parcels":
            return Sighting(seen=None, note="parcels are listed nowhere")
        response = await self._http.request("GET", f"/orders/{_target(command)}")
        if response.status != 200:
            raise TransientError(f"{response.status}")
        return Sighting(seen=key in response.json()[place], data={"id": key})


def _target(command: Command) -> str:
    assert command.target is not None
    return command.target.id


class ToyMoneyWorld(MoneyWorld):
    """The toy with four orders, one for each way."""

    source = SourceSpec(
        name="toy_money",
        summary="a toy",
        settings=MoneySettings,
        build=MoneySource,
        account=lambda settings: settings.base_url,
        emits=frozenset({OrderChanged}),
        facts={"order": Order},
        roots=frozenset({"order"}),
        pacing=Pacing(float("inf"), 1),
    )
    sink = SinkSpec(
        name="toy_money",
        summary="a toy",
        settings=MoneySettings,
        build=MoneySink,
        commands={
            RefundPayment: Repeat.KEY,
            IssueCredit: Repeat.READ,
            AdjustLoyalty: Repeat.STATE,
            CreateReplacement: Repeat.PERSON,
        },
        index_lag=INDEX_LAG,
    )

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.settings, self.secrets = {"base_url": "http://toy.test"}, {}
        self.bank = Bank(now)
        self.app = self.bank.app

    async def plan(self, rng: Random) -> Sequence[Planned]:
        amounts = [Decimal(rng.randrange(1, 9999)) / 100 for _ in range(4)]
        for number, amount in enumerate(amounts):
            # In half of the orders no second one of the same amount is left.
            self.bank.captured[f"order-{number}"] = amount * rng.choice((1, 3))
        targets = [Subject("shop", "order", number) for number in self.bank.captured]
        return [self._refund(targets[0], amounts[0]), *self._others(targets[1:], amounts[1:])]

    def _refund(self, target: Subject, amount: Decimal) -> Planned:
        def refund(much: Decimal) -> Command:
            worth = Money(amount=much, currency="EUR")
            left = Expect(fact="order", subject=target, field="refundable", value=worth.model_dump(mode="json"))
            return RefundPayment(target=target, amount=worth, expects=(left.model_copy(update={"test": "at_least"}),))

        return Planned(refund(amount), refund(amount / 2))

    @staticmethod
    def _others(targets: Sequence[Subject], amounts: Sequence[Decimal]) -> list[Planned]:
        credit, points, parcel = targets
        worth = Money(amount=amounts[0], currency="EUR")
        return [
            Planned(IssueCredit(target=credit, amount=worth), IssueCredit(target=credit, amount=worth + worth)),
            Planned(AdjustLoyalty(target=points, points=40), AdjustLoyalty(target=points, points=50)),
            Planned(CreateReplacement(target=parcel, items=(Item(sku="S1", quantity=1),), price=worth)),
        ]

    def effects(self) -> Sequence[Effect]:
        kinds = {place: kind for kind, place in _PLACES.items()}
        found = []
        for place, number, amount, _ in self.bank.ledger:
            worth = None if place == "points" else Money(amount=Decimal(amount), currency="EUR")
            found.append(Effect(Subject("shop", "order", number), kinds[place].kind, worth))
        return found

    async def by_hand(self, planned: Planned, rng: Random) -> None:
        number = planned.target.id
        self.bank.by_hand[number] = self.bank.left(number) * rng.choice((Decimal(1), Decimal("0.5")))
