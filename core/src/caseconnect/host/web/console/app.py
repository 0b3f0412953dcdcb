"""The console's application: its doors in one table, each with its role."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from caseconnect.host.alerting.causes import page_of
from caseconnect.host.journal import Journal
from caseconnect.host.journal.api_tokens import PREFIX
from caseconnect.host.journal.clicks import Click
from caseconnect.host.numbers.page import beside
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.host.web.console.acting import Actor
from caseconnect.host.web.console.api import Api
from caseconnect.host.web.console.asking import Ask, Live, Page, Shown
from caseconnect.host.web.console.drawing import Drawer
from caseconnect.host.web.console.forms import Forms
from caseconnect.host.web.console.guard import Answer, Asked, Caller, Door, Guard, Keeper, every_door
from caseconnect.host.web.console.live_updates import LiveUpdates
from caseconnect.host.web.console.oidc import Provider
from caseconnect.host.web.console.pages import PAGES
from caseconnect.host.web.console.people import ROLES, Person, Role
from caseconnect.host.web.console.people_pages import PAGES as PEOPLE
from caseconnect.host.web.console.sessions import Links, Sessions
from caseconnect.host.web.console.settings import EVERYWHERE, ConsoleSettings
from caseconnect.host.web.console.signing import SignIn, address_of, onward
from caseconnect.host.web.control import Verbs
from caseconnect.sdk.addresses import is_this_machine
from caseconnect.sdk.resources import Log

_READERS = 2
T = TypeVar("T")


@dataclass
class House:
    """All that the console is over. `reading` reads only, beside `journal`; `verbs` is what people may do."""

    settings: Callable[[], ConsoleSettings]
    reading: Journal
    journal: Journal
    verbs: Verbs
    tenants: Callable[[], Mapping[str, Tenant]]
    live: Callable[[], Awaitable[Live]]
    now: Callable[[], datetime]
    log: Log
    provider: Callable[[], Provider | None] = lambda: None
    metrics: ASGIApp | None = None
    port: int = 0
    runbook: Callable[[str], str] = page_of


class Console:
    """The console. `app` is its ASGI application, `links` makes one-time links."""

    def __init__(self, house: House, pages: tuple[Page, ...] = PAGES) -> None:
        self.house, pages = house, (*pages, *PEOPLE)
        self.sessions, self.links = Sessions(house.settings, house.now), Links(house.now)
        self._readers = ThreadPoolExecutor(_READERS, "console")
        self._watcher = ThreadPoolExecutor(1, "console-live")
        self._drawer = Drawer(pages, house.now)
        self._signing = SignIn(
            house.settings,
            self.sessions,
            self.links,
            house.provider,
            self._sign_in_page,
            self._heard,
            house.now,
            house.log,
        )
        self.actor = Actor(
            house.settings,
            house.reading,
            house.journal,
            house.verbs,
            house.tenants,
            self.sessions,
            house.now,
            self.read,
        )
        self._forms = Forms(self.actor, self._drawer.draw)
        self.keeper = Keeper(self._signing.session, self._by_token, self._refuse, house.log)
        self._pages = pages
        self.routes = every_door(self._doors())
        inner = Starlette(routes=self.routes, exception_handlers={404: self._unknown, 405: self._unknown})
        inner.router.redirect_slashes = False
        inner.state.keeper = self.keeper
        guarded = Guard(inner, self.addresses)
        # Not behind the guard: a Prometheus has a token of its own, and no name of ours to ask for.
        self.app: ASGIApp = beside("/metrics", house.metrics, guarded) if house.metrics else guarded

    def close(self) -> None:
        """Let the readers go."""
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._watcher.shutdown(wait=False, cancel_futures=True)

    def addresses(self) -> list[str]:
        """All under which the console is known."""
        settings, port = self.house.settings(), self.house.port
        scheme = "https" if settings.tls else "http"
        hosts = {"127.0.0.1", "localhost", "[::1]"} if is_this_machine(settings.host) else set()
        if settings.host not in EVERYWHERE:
            hosts.add(f"[{settings.host}]" if ":" in settings.host else settings.host.lower())
        ports = [f":{port}"]
        if port == (443 if settings.tls else 80):  # a browser does not say it
            ports.append("")
        ours = [f"{scheme}://{host}{each}" for host in hosts for each in ports]
        return [*ours, *([settings.url] if settings.url else [])]

    def address(self) -> str:
        """The one to show people."""
        return self.house.settings().url or sorted(self.addresses())[0]

    def link(self, name: str, role: str) -> str:
        """A link that signs somebody in once. Its token is behind the #, which no server and no log sees."""
        return f"{self.address()}/sign-in#{self.links.make(name, ROLES[role])}"

    def _doors(self) -> list[Door]:
        sign = self._signing
        doors = [
            Door("/sign-in", sign.page, None),
            Door("/sign-in", sign.by_link, None, "POST"),
            Door("/sign-in/to", sign.to_provider, None),
            Door("/sign-in/back", sign.from_provider, None),
            Door("/sign-out", sign.out, Role.VIEWER, "POST"),
            Door("/static/{name}", self._static, None),
            Door("/favicon.ico", self._icon, None),
            Door("/live", LiveUpdates(self._version).door(self._still), Role.VIEWER),
            *self._forms.doors(),
            *Api(self.actor, self.house.reading).doors(),
            *(Door(page.path, self._shows(page), page.role) for page in self._pages),
        ]
        if all(page.path != "/" for page in self._pages):
            doors.append(Door("/", self._first, Role.VIEWER))
        return doors

    async def read(self, reading: Callable[[], T]) -> T:
        """Read in one of the console's own threads."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, reading)

    async def _first(self, asked: Asked) -> Response:
        return RedirectResponse(self._pages[0].path, 303)

    async def _version(self) -> int:
        # A commit's number compares within one connection, and each thread has its own.
        return await asyncio.get_running_loop().run_in_executor(self._watcher, self._looked)

    def _looked(self) -> int:
        """Another number when something was committed, or counted for the pages: that goes on while somebody looks."""
        views = self.house.reading.views
        return hash((views.version(), views.tallies.look(self.house.now()).since))

    def _still(self, asked: Asked) -> bool:
        return self._signing.session(asked.request) is not None

    async def _static(self, asked: Asked) -> Response:
        found = self._drawer.file(asked.request.path_params["name"])
        return found or self._refuse(asked.request, 404, "There is no such file.", None)

    async def _icon(self, asked: Asked) -> Response:
        # What a browser asks for on pages that name no icon.
        return self._drawer.file("icon.svg") or Response(status_code=404)

    async def _heard(self, name: str, role: str, action: str, tenant: str = "", about: tuple[str, ...] = ()) -> None:
        now, journal = self.house.now(), self.house.journal
        click = Click(now, name, role, action, tenant=tenant, about=about)
        await journal.click_ended(await journal.clicked(click), "done", now)

    async def _by_token(self, request: Request) -> Caller | Response | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        tries, address = self._signing.tries, address_of(request)
        if kind.lower() != "bearer" or not token:
            return None
        now, hashed = self.house.now(), sha256(token.strip().encode()).hexdigest()
        found = await self.read(lambda: self.house.reading.token_of(hashed, now))
        if found is None:
            # Only a wrong one waits: behind a proxy all come from one address.
            if wait := tries.wait(address):
                return JSONResponse({"error": f"too many wrong tokens: wait {wait} s"}, 429, {"retry-after": str(wait)})
            tries.wrong(address)
            return None
        tries.right(address)
        return Caller(Person(f"{PREFIX}{found.name}", ROLES[found.role]))

    async def _unknown(self, request: Request, error: Exception) -> Response:
        return await self.keeper.unknown(request, getattr(error, "status_code", 404), getattr(error, "headers", None))

    def _sign_in_page(self, request: Request, status: int, why: str) -> Response:
        values = {"why": why, "provider": self.house.settings().oidc is not None}
        return self._drawer.draw(request, Shown("sign_in.html", values, "Sign in", status), None)

    def _refuse(self, request: Request, status: int, why: str, caller: Caller | None) -> Response:
        path = request.url.path
        if path.startswith("/api/"):
            headers = {"www-authenticate": "Bearer"} if status == 401 else None
            why = why or "this takes a token: `connect console token` makes one"
            return JSONResponse({"error": why}, status, headers)
        if status != 401:
            shown = Shown("refused.html", {"why": why}, _TITLES.get(status, "Sorry"), status)
            return self._drawer.draw(request, shown, caller)
        if request.method == "GET" and request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
            # A link in a mail: the browser kept the strict cookie back. Coming from our own page it brings it.
            query = f"?{request.url.query}" if request.url.query else ""
            return onward(request.scope["raw_path"].decode("latin-1") + query)
        return self._sign_in_page(request, 401, why)

    def _shows(self, page: Page) -> Answer:
        async def show(asked: Asked) -> Response:
            ask = await self.ask(asked)
            if page.look:
                about = (asked.request.url.path,)
                await self._heard(ask.person.name, ask.person.role.word, page.look, ask.path.get("tenant", ""), about)
            shown = await self.read(lambda: page.show(ask))
            return self._drawer.draw(asked.request, shown, asked.caller)

        return show

    async def ask(self, asked: Asked) -> Ask:
        """What a page is asked."""
        house, request = self.house, asked.request
        return Ask(
            person=asked.who.person,
            query=dict(request.query_params),
            path={name: str(value) for name, value in request.path_params.items()},
            journal=house.reading,
            tenants=house.tenants(),
            now=house.now(),
            live=await house.live(),
            runbook=house.runbook,
        )


_TITLES = {200: "Connect", 403: "Not allowed", 404: "Not found", 405: "Not possible", 409: "Not done", 413: "Too much"}
