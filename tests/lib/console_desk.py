"""A console without a daemon: its application over a journal, asked as a browser asks, on a clock that tests move."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import httpx  # noqa: TID251 - the console is asked as a browser would ask
from journal_desk import TENANT, Desk

from caseconnect.host.journal import SqliteJournal
from caseconnect.host.tenants.file_models import Limits, Timing
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.host.web.console.app import Console, House
from caseconnect.host.web.console.asking import Live, Page
from caseconnect.host.web.console.oidc import Provider
from caseconnect.host.web.console.people import ROLES
from caseconnect.host.web.console.settings import ConsoleSettings
from caseconnect.host.web.control import Verbs
from caseconnect.models import Money
from caseconnect.sdk.commands import RefundPayment

PORT = 8481
HERE = f"http://127.0.0.1:{PORT}"


class Log:
    """Keeps what was logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def _keep(self, event: str, **values: Any) -> None:
        self.lines.append((event, values))

    debug = info = warning = error = _keep


class Consoled(Protocol):
    """What has a console."""

    console: Console


class Browser:
    """Somebody's browser: cookies, the origin of its page, the form's token."""

    def __init__(self, desk: Consoled, origin: str = HERE) -> None:
        self.desk, self.origin = desk, origin
        self.cookies: dict[str, str] = {}
        self.csrf = ""

    def ask(
        self, method: str, path: str, form: Mapping[str, Any] | None = None, **headers: str | None
    ) -> httpx.Response:
        """One request, no redirect followed; a header of None is not sent."""
        sent: dict[str, str | None] = {"origin": self.origin if method == "POST" else None}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent.setdefault("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        given = {name: value for name, value in sent.items() if value is not None}

        async def asking() -> httpx.Response:
            transport = httpx.ASGITransport(self.desk.console.app)
            async with httpx.AsyncClient(transport=transport, base_url=self.origin) as client:
                return await client.request(method, path, data=form, headers=given)

        response = asyncio.run(asking())
        for line in response.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
            if "max-age=0" in line.lower():
                del self.cookies[name]
        if found := re.search(r'name="csrf" value="([^"]+)"', response.text):
            self.csrf = found[1]
        return response

    def get(self, path: str, **headers: str | None) -> httpx.Response:
        """A page."""
        return self.ask("GET", path, None, **headers)

    def post(self, path: str, form: Mapping[str, Any] | None = None, **headers: str | None) -> httpx.Response:
        """A form of the page that was seen last."""
        return self.ask("POST", path, {"csrf": self.csrf, **(form or {})}, **headers)

    def sign_in(self, name: str = "ann", role: str = "approver") -> Browser:
        """By a one-time link, then to the first page."""
        token = self.desk.console.link(name, role).partition("#")[2]
        assert self.post("/sign-in", {"token": token}).status_code == 200
        first = self.get("/")
        if first.status_code == 303:
            self.get(first.headers["location"])
        return self


class ConsoleDesk(Desk):
    """A journal with a console over it."""

    def __init__(
        self,
        folder: Path,
        settings: ConsoleSettings | None = None,
        *,
        pages: Sequence[Page] = (),
        tenants: Mapping[str, Tenant] | None = None,
        provider: Provider | None = None,
        metrics: Any = None,
        verbs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(folder)
        self.settings = settings or ConsoleSettings()
        self.tenants = dict(tenants or {})
        self.log = Log()
        self.reading = SqliteJournal.read(self.path)
        house = House(
            settings=lambda: self.settings,
            reading=self.reading,
            journal=self.journal,
            verbs=Verbs(self.journal, lambda: self.now, **(verbs or {})),
            tenants=lambda: self.tenants,
            live=self._live,
            now=lambda: self.now,
            log=self.log,
            provider=lambda: provider,
            metrics=metrics,
            port=PORT,
        )
        self.console = Console(house, tuple(pages))

    async def _live(self) -> Live:
        return Live()

    def browser(self, name: str = "", role: str = "", origin: str = HERE) -> Browser:
        """A browser, signed in if a name is given."""
        browser = Browser(self, origin)
        return browser.sign_in(name, role) if name else browser

    def browsers(self) -> dict[str, Browser]:
        """One for each role, by its word."""
        return {role: self.browser(f"{role}-person", role) for role in ROLES}

    def close(self) -> None:
        """Close the console and its journal."""
        self.console.close()
        self.reading.close()
        super().close()


def refund(amount: str = "8.00", **more: Any) -> RefundPayment:
    """A refund in euros."""
    return RefundPayment(amount=Money(amount=Decimal(amount), currency="EUR"), reason="by hand", **more)


def tenant_with(caps: Mapping[str, Any]) -> Tenant:
    """A tenant of which only its caps matter."""
    limits = Limits.model_validate({"caps": caps})
    return Tenant(TENANT, "test", None, {}, (), Timing(), limits, Path("acme.yaml"), "")


def digest(told: Any) -> str:
    """Of the plan that a page shows."""
    found = re.search(r'name="digest" value="(\w+)"', told.text)
    assert found, told.text
    return found[1]


def look(browser: Browser, action: str, **fields: Any) -> dict[str, Any]:
    """The form that the plan's page has."""
    told = browser.post(f"/plan/{action}", fields)
    assert told.status_code == 200, told.text
    return {**fields, "digest": digest(told), "reason": "ticket 812"}
