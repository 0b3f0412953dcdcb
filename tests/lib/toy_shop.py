"""A platform of three endpoints and a well-made plugin for it: what the contract tests are tried on."""

from __future__ import annotations

import base64
import hashlib
import hmac
import types
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from caseconnect.models.base import Record, personal
from caseconnect.sdk.commands import Command, CommentCase, HoldOrder
from caseconnect.sdk.components import (
    Check,
    Every,
    Outcome,
    Pacing,
    Registrar,
    Repeat,
    Settings,
    Sighting,
    SinkSpec,
    SourceSpec,
    TriggerSpec,
    Webhook,
)
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Ignored, Page, Parsed, Polled
from caseconnect.sdk.errors import AuthError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.events import OrderChanged
from caseconnect.sdk.hookspecs import hookimpl
from caseconnect.sdk.http import Response
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.secrets import Secret
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import Pushed, SinkWorld, SourceWorld
from caseconnect.sdk.tokens import Token, TokenCache

KEY = "the-webhook-key"


class Platform:
    """Orders with a state and notes, listed by change; the listing lags by `lag` seconds, for some orders less."""

    def __init__(self, now: Callable[[], datetime], lag: float = 0.0) -> None:
        self.now, self.lag = now, lag
        self.orders: dict[str, dict[str, Any]] = {}
        self.ledger: list[tuple[str, ...]] = []
        self.tokens: set[str] = set()
        self.issued = 0
        self.app = Starlette(
            routes=[
                Route("/token", self.token, methods=["POST"]),
                Route("/orders", self.listing),
                Route("/orders/{id}", self.order),
                Route("/orders/{id}/hold", self.hold, methods=["POST"]),
                Route("/orders/{id}/notes", self.note, methods=["POST"]),
            ]
        )

    def put(self, id: str) -> None:  # noqa: A002 - as the platform says
        order = self.orders.setdefault(id, {"id": id, "state": "open", "notes": [], "email": "jane@example.com"})
        order["updated"] = self.now().isoformat()
        order["version"] = order.get("version", 0) + 1

    async def token(self, request: Request) -> JSONResponse:
        expected = "Basic " + base64.b64encode(b"app:the-app-secret").decode()
        if request.headers.get("authorization") != expected:
            return JSONResponse({"error": "invalid_client"}, 401)
        self.issued += 1
        token = f"token-number-{self.issued}"
        self.tokens.add(token)
        return JSONResponse({"access_token": token, "expires_in": 3600})

    def allowed(self, request: Request) -> bool:
        return request.headers.get("authorization", "").removeprefix("Bearer ") in self.tokens

    async def listing(self, request: Request) -> JSONResponse:
        if not self.allowed(request):
            return JSONResponse({}, 401)
        since, after = request.query_params["since"], request.query_params.get("after", "")
        rows = sorted((o for o in self.orders.values() if since <= o["updated"] <= self._seen(o)), key=_place)
        rows = [o for o in rows if _place(o) > after]
        return JSONResponse({"orders": rows[:2], "more": len(rows) > 2})

    def _seen(self, order: dict[str, Any]) -> str:
        lag = self.lag / 10 if order["id"][-1] in "135" else self.lag
        return (self.now() - timedelta(seconds=lag)).isoformat()

    async def order(self, request: Request) -> JSONResponse:
        return self._one(request, lambda order: None)

    async def hold(self, request: Request) -> JSONResponse:
        def hold(order: dict[str, Any]) -> None:
            if order["state"] != "held":
                order["state"] = "held"
                self.ledger.append(("hold", order["id"]))

        return self._one(request, hold)

    async def note(self, request: Request) -> JSONResponse:
        text = (await request.json())["text"]

        def note(order: dict[str, Any]) -> None:
            order["notes"].append(text)
            self.ledger.append(("note", order["id"], text))

        return self._one(request, note)

    def _one(self, request: Request, act: Callable[[dict[str, Any]], None]) -> JSONResponse:
        order = self.orders.get(request.path_params["id"])
        if not self.allowed(request):
            return JSONResponse({}, 401)
        if order is None:
            return JSONResponse({"error": "no such order"}, 404)
        if request.method == "POST" and order["state"] == "shipped":
            return JSONResponse({"error": "already shipped"}, 422)
        act(order)
        return JSONResponse(order)


def _place(order: Mapping[str, Any]) -> str:
    return f"{order['updated']}|{order['id']}"


class ToySettings(Settings):
    """Settings of the toy."""

    base_url: str = Field(description="Where it is.")
    app_secret: Secret = Field(description="Secret of our app.")
    webhook_key: Secret = Field(description="Signs webhooks.")
    overlap: float = Field(60.0, description="Seconds read again.")


class Thing(Record):
    """The toy's order."""

    id: str
    state: str
    email: str | None = personal(description="E-mail.")


class Client:
    """Errors by status, one renewal of the token."""

    def __init__(self, settings: ToySettings, resources: Resources) -> None:
        self.http = resources.http(settings.base_url)
        self.settings, self.resources = settings, resources
        self.tokens = TokenCache(self._token, resources.now)

    async def _token(self) -> Token:
        secret = self.resources.secrets.reveal(self.settings.app_secret)
        body = self.read(await self.http.request("POST", "/token", basic=("app", secret), safe=True))
        try:
            return Token(body["access_token"], self.resources.now() + timedelta(seconds=body["expires_in"]))
        except (KeyError, TypeError):
            raise TransientError("the answer holds no token") from None

    async def ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        response, token = await self._once(method, path, **more)
        if response.status == 401:
            self.tokens.drop(token)
            response, _ = await self._once(method, path, **more)
        return self.read(response, safe=method == "GET")

    async def _once(self, method: str, path: str, **more: Any) -> tuple[Response, str]:
        token = await self.tokens.get()
        return await self.http.request(method, path, headers={"authorization": f"Bearer {token}"}, **more), token

    def read(self, response: Response, *, safe: bool = True) -> dict[str, Any]:
        if response.status == 401:
            raise AuthError("401: the secret is refused")
        if response.status == 429:
            raise TransientError("429: too many", retry_after=response.retry_after(self.resources.now()))
        if response.status >= 500:
            raise TransientError(f"{response.status}") if safe else UnknownOutcome(f"{response.status}")
        if response.status != 200:
            raise PermanentError(f"{response.status}: refused")
        body = response.json()
        if not isinstance(body, dict):
            raise UnknownOutcome("not an object")
        return body


class ToySource:
    """Reads by change, with overlap."""

    def __init__(self, settings: ToySettings, resources: Resources) -> None:
        self.settings, self.resources, self.client = settings, resources, Client(settings, resources)

    async def check(self) -> Sequence[Check]:
        await self.client.ask("GET", "/orders", query={"since": "9"})
        return [Check(step="listing", ok=True)]

    async def read(self, cursor: str | None, watch: Sequence[str]) -> Page:
        if cursor is None:
            return Page((), orjson.dumps({"mark": self.resources.now().isoformat()}).decode())
        state = orjson.loads(cursor)
        begin = (datetime.fromisoformat(state["begin"]) if "begin" in state else self._begin(state["mark"])).isoformat()
        body = await self.client.ask("GET", "/orders", query={"since": begin, "after": state.get("after", "")})
        rows = body.get("orders")
        if not isinstance(rows, list):
            raise TransientError("the answer holds no orders")
        new = {"mark": max([state["mark"], *(r["updated"] for r in rows)])}
        if body["more"]:
            new |= {"begin": begin, "after": _place(rows[-1])}
        return Page(tuple(self.item(r) for r in rows), orjson.dumps(new).decode(), body["more"])

    def _begin(self, mark: str) -> datetime:
        return datetime.fromisoformat(mark) - timedelta(seconds=self.settings.overlap)

    def item(self, row: dict[str, Any]) -> Polled:
        return Polled("poll", row["id"], str(row["version"]), orjson.dumps(row))

    def parse(self, delivery: Delivery) -> Parsed | Ignored:
        if delivery.topic not in {"poll", "order"}:
            return Ignored(reason=f"{delivery.topic} is not a topic this version knows")
        try:
            row = orjson.loads(delivery.body)
            time, number = datetime.fromisoformat(row["updated"]), row["id"]
            if not isinstance(number, str) or not number:
                raise ValueError("id")
        except (ValueError, TypeError, KeyError) as error:
            raise PermanentError(f"unreadable: {type(error).__name__}") from error
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        return Parsed(events=(OrderChanged(subject=Subject(delivery.connection, "order", number), time=time),))

    async def root(self, alias: Subject) -> Subject | None:
        return alias if alias.kind == "order" else None

    async def fetch(self, need: Need) -> Record:
        body = await self.client.ask("GET", f"/orders/{need.subject.id}")
        try:
            return Thing(id=body["id"], state=body["state"], email=body["email"])
        except KeyError:
            raise TransientError("not an order") from None


class ToySink:
    """Holds (state) and notes (looked for before they are repeated)."""

    def __init__(self, settings: ToySettings, resources: Resources) -> None:
        self.client = Client(settings, resources)

    async def check(self) -> Sequence[Check]:
        await self.client.ask("GET", "/orders", query={"since": "9"})
        return [Check(step="listing", ok=True)]

    async def execute(self, command: Command, key: str) -> Outcome:
        assert command.target is not None
        place = f"/orders/{command.target.id}"
        if isinstance(command, CommentCase):
            body = await self.client.ask("POST", f"{place}/notes", json={"text": f"{command.text} [{key}]"})
        else:
            body = await self.client.ask("POST", f"{place}/hold", json={})
        if "id" not in body:
            raise UnknownOutcome("the answer shows no order")
        return Outcome(state="done", data={"id": body["id"]})

    async def verify(self, command: Command, key: str) -> Sighting:
        assert command.target is not None
        body = await self.client.ask("GET", f"/orders/{command.target.id}")
        if isinstance(command, CommentCase):
            return Sighting(seen=any(key in note for note in body["notes"]))
        return Sighting(seen=body["state"] == "held")


EXAMPLE = """
base_url: https://toy.example
app_secret: {env: TOY_SECRET}
webhook_key: {env: TOY_KEY}
"""


def make_plugin(
    source: Callable[..., Any] = ToySource,
    sink: Callable[..., Any] = ToySink,
    settings: Any = ToySettings,
    **other: Any,
) -> types.ModuleType:
    """The toy's plugin module; broken toys hand in other parts, or further attributes of the module."""
    text: Mapping[str, Any] = {"name": "toy", "summary": "A toy shop", "settings": settings, "example": EXAMPLE}
    plugin = types.ModuleType("toy")

    @hookimpl
    def connect_register_sources(register: Registrar[SourceSpec]) -> None:
        register.add(
            SourceSpec(
                **text,
                build=source,
                account=lambda s: s.base_url,
                emits=frozenset({OrderChanged}),
                facts={"thing": Thing},
                roots=frozenset({"order"}),
                pacing=Pacing(10, 10),
                history=getattr(source, "history", None),
                expected=getattr(source, "expected", None),
            )
        )

    @hookimpl
    def connect_register_sinks(register: Registrar[SinkSpec]) -> None:
        repeats: dict[type[Command], Repeat] = {HoldOrder: Repeat.STATE, CommentCase: Repeat.READ}
        register.add(SinkSpec(**text, build=sink, commands=repeats))

    @hookimpl
    def connect_register_triggers(register: Registrar[TriggerSpec]) -> None:
        hook = Webhook("X-Sign", ("webhook_key",), "X-Topic", "X-Id")
        register.add(TriggerSpec(**text, wakes=lambda _: [hook, Every(timedelta(minutes=10))]))

    for function in (connect_register_sources, connect_register_sinks, connect_register_triggers):
        setattr(plugin, function.__name__, function)
    for name, value in other.items():
        setattr(plugin, name, value)
    return plugin


class ToyWorld(SourceWorld, SinkWorld):
    """The toy platform with one old order."""

    personal = ("jane@example.com",)
    overlap = timedelta(seconds=60)
    index_lag = timedelta(seconds=20)

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.secrets = {"TOY_SECRET": "the-app-secret", "TOY_KEY": KEY}
        self.settings = {
            "base_url": "http://toy.test",
            "app_secret": {"env": "TOY_SECRET"},
            "webhook_key": {"env": "TOY_KEY"},
        }
        self.platform = Platform(now, lag=20)
        self.platform.put("old")
        self.app = self.platform.app

    def end_tokens(self) -> bool:
        self.platform.tokens.clear()
        return True

    async def change(self, n: int) -> str:
        self.platform.put(f"order-{n}")
        return f"order-{n}"

    def needs(self) -> Sequence[Need]:
        return [Need(fact="thing", subject=Subject("shop", "order", "old"))]

    async def pushed(self) -> Sequence[Pushed]:
        body = orjson.dumps(self.platform.orders["old"])
        sign = base64.b64encode(hmac.digest(KEY.encode(), body, hashlib.sha256)).decode()
        return [Pushed({"X-Sign": sign, "X-Topic": "order", "X-Id": "1"}, body)]

    def command(self, kind: type[Command]) -> Command:
        target = Subject("shop", "order", "old")
        return CommentCase(target=target, text="hello") if kind is CommentCase else HoldOrder(target=target)

    def refused(self, kind: type[Command]) -> Command | None:
        self.platform.put("gone")
        self.platform.orders["gone"]["state"] = "shipped"
        return self.command(kind).model_copy(update={"target": Subject("shop", "order", "gone")})

    def effects(self) -> Sequence[Any]:
        return self.platform.ledger
