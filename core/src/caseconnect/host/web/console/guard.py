"""In front of every route: which host and origin, how much, who, with which role, with the form's own token.

A route is a `Door`, made with its role; the application takes nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from caseconnect.host.faults import kind_and_place
from caseconnect.host.web.console.people import Person, Role
from caseconnect.host.web.console.sessions import Session
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.resources import Log

MAX_BODY = 256 * 1024
"""Longest request body, in bytes."""

_MAX_FIELDS = 5_000
HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-robots-tag": "noindex",
}
"""On every answer."""

Form = Mapping[str, list[str]]


class TooLongError(Exception):
    """The body is longer than it may be."""


@dataclass(frozen=True)
class Caller:
    """Whose request it is; `session` None: a token of the API."""

    person: Person
    session: Session | None = None


@dataclass(frozen=True)
class Asked:
    """A request that was let in. `caller` is None only behind a door that is open to everybody."""

    request: Request
    caller: Caller | None
    form: Form = field(default_factory=dict)

    @property
    def who(self) -> Caller:
        """The caller, behind a door with a role."""
        if self.caller is None:
            raise TypeError("this door is open to everybody")
        return self.caller

    def one(self, name: str) -> str:
        """The only, or first, value of a field; empty without."""
        return next(iter(self.form.get(name, ())), "")


Answer = Callable[[Asked], Awaitable[Response]]


class Door(Route):
    """A route with the role that it takes; None: it is open to everybody. `bearer`: a token opens it, not a cookie."""

    def __init__(
        self, path: str, answer: Answer, role: Role | None, method: str = "GET", *, bearer: bool = False
    ) -> None:
        self.answer, self.role, self.bearer = answer, role, bearer
        super().__init__(path, self._handle, methods=[method], include_in_schema=False)

    async def _handle(self, request: Request) -> Response:
        keeper: Keeper = request.app.state.keeper
        return await keeper.let_in(self, request)


class Keeper:
    """Says who asks. The application gives it how to find out, and how to show a refusal."""

    def __init__(
        self,
        by_cookie: Callable[[Request], Session | None],
        by_token: Callable[[Request], Awaitable[Caller | Response | None]],
        refuse: Callable[[Request, int, str, Caller | None], Response],
        log: Log,
    ) -> None:
        self._by_cookie, self._by_token, self._refuse, self._log = by_cookie, by_token, refuse, log

    async def caller(self, request: Request, *, bearer: bool) -> Caller | Response | None:
        """Who asks; None: nobody we know; an answer: too many tries."""
        if bearer:
            return await self._by_token(request)
        session = self._by_cookie(request)
        return Caller(session.person, session) if session else None

    async def let_in(self, door: Door, request: Request) -> Response:
        """The door's answer, or the refusal. Whatever breaks behind it ends here."""
        try:
            return await self._let_in(door, request)
        except TooLongError:
            return self._refuse(request, 413, "This is more than the console takes.", None)
        except Exception as error:  # noqa: BLE001 - its text may quote records: neither the log nor the page gets it
            self._log.error("page broke", where=door.path, error=kind_and_place(error))
            why = "Something is broken here. It is written in the log; nothing else has stopped."
            return self._refuse(request, 500, why, None)

    async def _let_in(self, door: Door, request: Request) -> Response:
        caller = await self.caller(request, bearer=door.bearer)
        if isinstance(caller, Response):
            return caller
        if door.role is not None:
            if caller is None:
                return self._refuse(request, 401, "", None)
            if not caller.person.may(door.role):
                why = f"This takes the role {door.role.word}; you are {caller.person.role.word}."
                return self._refuse(request, 403, why, caller)
        if request.method != "POST" or door.bearer:
            return await self._answered(door, Asked(request, caller))
        form = await read_form(request)
        # A door for everybody is for who has no form of ours yet: the origin, which was looked at before, is enough.
        mine = caller.session if caller and door.role is not None else None
        if mine and not _same(form.get("csrf", [""])[0], mine.csrf):
            why = "This page is older than your session. Nothing was done: go back, load it anew, and look again."
            return self._refuse(request, 403, why, caller)
        return await self._answered(door, Asked(request, caller, form))

    async def _answered(self, door: Door, asked: Asked) -> Response:
        try:
            return await door.answer(asked)
        except ConnectError as error:
            return self._refuse(asked.request, 409, str(error), asked.caller)

    async def unknown(self, request: Request, status: int, headers: Mapping[str, str] | None = None) -> Response:
        """No such page: those who are not signed in are not told."""
        caller = await self.caller(request, bearer=request.url.path.startswith("/api/"))
        if isinstance(caller, Response):
            return caller
        if caller is None:
            return self._refuse(request, 401, "", None)
        response = self._refuse(request, status, "There is no such page.", caller)
        response.headers.update(headers or {})
        return response


def _same(given: str, wanted: str) -> bool:
    return compare_digest(given.encode(), wanted.encode())


async def read_form(request: Request) -> dict[str, list[str]]:
    """The fields of a form, each with all its values."""
    form: dict[str, list[str]] = {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        try:
            text = (await request.body()).decode()
            fields = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
        except ValueError:
            return form
        for name, value in fields:
            form.setdefault(name, []).append(value)
    return form


class Guard:
    """ASGI: refuses other hosts, other origins and long bodies before any route; puts the headers on every answer."""

    def __init__(self, app: ASGIApp, addresses: Callable[[], Iterable[str]]) -> None:
        """`addresses`: all under which we are known, as `scheme://host[:port]`."""
        self._app, self._addresses = app, addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        left = MAX_BODY

        async def limited() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise TooLongError
            return message

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        if refusal := self._refusal(Request(scope)):
            await refusal(scope, receive, headed)
        else:
            await self._app(scope, limited, headed)

    def _refusal(self, request: Request) -> Response | None:
        headers, ours = request.headers, set(self._addresses())
        if len(headers.getlist("host")) != 1 or headers["host"].lower() not in {a.partition("://")[2] for a in ours}:
            why = "The console is not known under this name: `console.url` in the daemon's file says its address."
            return _said(request, why, 421)
        if request.method not in {"GET", "HEAD", "POST"} and not request.url.path.startswith("/api/"):
            return _said(request, "This is not possible here.", 405, {"allow": "GET, HEAD, POST"})
        if int_of(headers.get("content-length")) > MAX_BODY:
            return _said(request, "This is more than the console takes.", 413, {"connection": "close"})
        if request.method in {"GET", "HEAD"}:
            return None
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        foreign = origin.lower() not in ours if origin is not None else site not in {None, "same-origin"}
        # A program names no origin; it has to bring a token, which no page elsewhere can.
        unnamed = origin is None and site is None and not request.url.path.startswith("/api/")
        if foreign or unnamed:
            return _said(request, "This was not sent from the console's own page, so nothing was done.", 403)
        return None


def _said(request: Request, why: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": why}, status, headers)
    return PlainTextResponse(why, status, headers)


def int_of(text: str | None) -> int:
    """A header's number; 0 where there is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0


def every_door(routes: Iterable[Any]) -> list[Door]:
    """The routes, all of which must be doors: what has no role is not served."""
    found = list(routes)
    wrong = [route for route in found if not isinstance(route, Door)]
    if wrong:
        raise TypeError(f"a route without a role: {wrong}")
    return found
