"""Signing in and out: one-time links here, a provider's answer by `oidc.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from caseconnect.host.web.console.guard import Asked
from caseconnect.host.web.console.oidc import Provider, SignInRefused
from caseconnect.host.web.console.people import Identity
from caseconnect.host.web.console.sessions import Links, Session, Sessions, Tries
from caseconnect.host.web.console.settings import ConsoleSettings
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.resources import Log

Refuse = Callable[[Request, int, str], Response]
Heard = Callable[[str, str, str], Awaitable[None]]
"""(name, role, action): for the audit."""

_BEGUN = 600


def address_of(request: Request) -> str:
    """Where a request comes from; a proxy's address where one is in front."""
    return request.client.host if request.client else ""


class SignIn:
    """The doors through which people come in and go out."""

    def __init__(
        self,
        settings: Callable[[], ConsoleSettings],
        sessions: Sessions,
        links: Links,
        provider: Callable[[], Provider | None],
        refuse: Refuse,
        heard: Heard,
        now: Callable[[], datetime],
        log: Log,
    ) -> None:
        self._settings, self._sessions, self._links, self._provider = settings, sessions, links, provider
        self._refuse, self._heard, self._log = refuse, heard, log
        self.tries = Tries(now)

    def session(self, request: Request) -> Session | None:
        """The session of the cookie. What a page asks for by itself does not keep it from becoming idle."""
        id_ = request.cookies.get(self._name())
        by_itself = request.url.path == "/live" or "x-by-itself" in request.headers
        return self._sessions.find(id_, quietly=by_itself) if id_ else None

    async def page(self, asked: Asked) -> Response:
        """The page to sign in; who has a session may want another one."""
        return self._refuse(asked.request, 200, "")

    async def by_link(self, asked: Asked) -> Response:
        """Use a one-time link up."""
        address = address_of(asked.request)
        who = self._links.take(asked.one("token"))
        if who is None:
            if wait := self.tries.wait(address):
                response = self._refuse(asked.request, 429, f"Too many tries. Try again in {wait} seconds.")
                response.headers["retry-after"] = str(wait)
                return response
            self.tries.wrong(address)
            self._log.warning("sign-in refused", why="a link that is not good, or not any more")
            why = (
                "This link is not good any more: each works once, for ten minutes. `connect console` prints a new one."
            )
            return self._refuse(asked.request, 401, why)
        self.tries.right(address)
        return await self._begin(asked.request, who)

    async def to_provider(self, asked: Asked) -> Response:
        """Go to the provider; what was begun is remembered in a cookie that comes back from there."""
        provider = self._provider()
        if provider is None:
            return self._refuse(asked.request, 404, "Sign-in is by one-time link here: `connect console` prints one.")
        begun, address = await provider.begin(self._address(asked.request) + "/sign-in/back")
        response = RedirectResponse(address, 303)
        response.set_cookie(
            self._name("begun"), begun, max_age=_BEGUN, path="/", secure=self._secure(), httponly=True, samesite="lax"
        )
        return response

    async def from_provider(self, asked: Asked) -> Response:
        """The provider's answer. What is wrong with it stands in the log; people are told in one sentence."""
        request, provider = asked.request, self._provider()
        try:
            if provider is None:
                raise SignInRefused("no provider is set up")
            who = await provider.end(request.cookies.get(self._name("begun"), ""), request.query_params)
        except ConnectError as error:
            self._log.warning("sign-in refused", why=str(error))
            why = "The provider's answer could not be taken. Sign in again; the daemon's log says what was wrong."
            return self._forget_begun(self._refuse(request, 401, why))
        return self._forget_begun(await self._begin(request, who))

    async def out(self, asked: Asked) -> Response:
        """End the session."""
        self._sessions.end(asked.request.cookies.get(self._name(), ""))
        await self._heard(asked.who.person.name, asked.who.person.role.word, "sign_out")
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(self._name(), path="/", secure=self._secure(), httponly=True, samesite="strict")
        return response

    async def _begin(self, request: Request, who: Identity) -> Response:
        """A new session, whatever cookie came; the page that follows is ours, so that the strict cookie goes along."""
        if old := request.cookies.get(self._name()):
            self._sessions.end(old)
        id_ = self._sessions.begin(who)
        if id_ is None:
            self._log.warning("sign-in refused", why="somebody without a role")
            why = "You are known, but nobody has given you a role here: ask whoever runs Connect."
            return self._refuse(request, 403, why)
        role = self._settings().role_of(who)
        await self._heard(who.name, role.word if role else "", "sign_in")
        response = onward("/")
        response.set_cookie(self._name(), id_, path="/", secure=self._secure(), httponly=True, samesite="strict")
        return response

    def _forget_begun(self, response: Response) -> Response:
        response.delete_cookie(self._name("begun"), path="/", secure=self._secure(), httponly=True, samesite="lax")
        return response

    def _address(self, request: Request) -> str:
        scheme = "https" if self._settings().https else "http"
        return self._settings().url or f"{scheme}://{request.headers['host']}"

    def _secure(self) -> bool:
        return self._settings().https

    def _name(self, what: str = "session") -> str:
        # `__Host-` binds a cookie to this very host; a browser takes it over https only.
        return f"__Host-connect-{what}" if self._secure() else f"connect-{what}"


def onward(path: str) -> Response:
    """A page of ours that goes on to `path`: a request from another site brings no strict cookie, the next one does.

    `path` is as it was asked for, encoded; a browser reads `//` and `/\\` at its beginning as another host.
    """
    where = escape("/" + path.lstrip("/\\ \t\r\n"), quote=True)
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={where}">'
        f'<title>Connect</title><p><a href="{where}">Go on</a></p></html>'
    )
