"""Signing in: the OAuth2 forms seen for the OpenText Cloud Platform (core-case reference §3: not stated which one
Core Case demands, so it is a setting)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

import orjson

from caseconnect.sdk.errors import AuthError, TransientError, UnknownOutcome
from caseconnect.sdk.http import Http, Response
from caseconnect.sdk.tokens import Token

from .refusals import explain

Form = Literal["client_credentials_json", "client_credentials_form", "password_form", "password_json", "refresh_token"]
"""Grant and encoding of the token request."""


@dataclass(frozen=True)
class Credentials:
    """What the sign-in proves itself with; empty where the form needs none. Never printed."""

    client_id: str
    client_secret: str = field(default="", repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True)
class SignInForm:
    """How a token is asked for. `life` is the token's life in seconds when the answer has no `expires_in`."""

    form: Form
    url: str
    discover: bool = False
    basic: bool = False
    scope: str = ""
    client_data: str = ""
    life: float = 300.0


class SignIn:
    """Fetches tokens. `credentials` is called anew each time, so that a rotated secret is used at once.

    `http` is bound to the origin of `form.url`, which with `discover` is the discovery document's address.
    """

    def __init__(
        self, http: Http, form: SignInForm, credentials: Callable[[], Credentials], now: Callable[[], datetime]
    ) -> None:
        self._http, self._form, self._credentials, self._now = http, form, credentials, now
        self._url = "" if form.discover else form.url
        self._refresh_token = ""

    async def fetch(self) -> Token:
        """A new token. `AuthError` when refused, `TransientError` when the service could not be asked."""
        url = self._url or await self._discover()
        credentials = self._credentials()
        fields = self._fields(credentials)
        basic = (credentials.client_id, credentials.client_secret) if self._form.basic else None
        as_json = self._form.form.endswith("_json")
        began = self._now()
        try:
            # A token that is lost with its answer has no effect on anything: asking again is safe.
            response = await self._http.request(
                "POST",
                urlsplit(url).path,
                headers={"accept": "application/json"},
                json=fields if as_json else None,
                form=None if as_json else fields,
                basic=basic,
                safe=True,
            )
        except UnknownOutcome as error:
            raise TransientError(str(error)) from error
        return self._token(response, began, tuple(fields.values()))

    async def _discover(self) -> str:
        found = self._read(await self._http.request("GET", urlsplit(self._form.url).path), ())
        url = str(found.get("token_endpoint") or "")
        ours, theirs = urlsplit(self._form.url), urlsplit(url)
        if (ours.scheme, ours.netloc) != (theirs.scheme, theirs.netloc):
            raise AuthError(
                f"discovery names the token endpoint {theirs.scheme}://{theirs.netloc}, another host than "
                f"{ours.scheme}://{ours.netloc}: if secrets may go there, write it as `auth.token_url`"
            )
        self._url = url
        return url

    def _fields(self, credentials: Credentials) -> dict[str, str]:
        grant = self._form.form.removesuffix("_json").removesuffix("_form")
        fields = {"grant_type": grant}
        if not self._form.basic:
            fields["client_id"] = credentials.client_id
            if grant != "refresh_token" or credentials.client_secret:
                fields["client_secret"] = credentials.client_secret
        if grant == "password":
            fields |= {"username": credentials.username, "password": credentials.password}
        if grant == "refresh_token":
            fields["refresh_token"] = self._refresh_token or credentials.refresh_token
        extra = {"scope": self._form.scope, "client_data": self._form.client_data}
        return fields | {name: value for name, value in extra.items() if value}

    def _token(self, response: Response, began: datetime, sent: tuple[str, ...]) -> Token:
        answer = self._read(response, sent)
        value = answer.get("access_token")
        if not isinstance(value, str) or not value:
            raise AuthError("sign-in: the answer carries no access_token; check `auth.form`")
        if self._form.form == "refresh_token" and isinstance(answer.get("refresh_token"), str):
            self._refresh_token = str(answer["refresh_token"])
        try:
            life = float(str(answer.get("expires_in")))
        except ValueError:
            life = self._form.life
        return Token(value, began + timedelta(seconds=min(max(life, 1.0), 86400.0)))

    def _read(self, response: Response, sent: tuple[str, ...]) -> dict[str, object]:
        status = response.status
        told = explain(response, sent)
        text = f"sign-in at {self._http.origin}: HTTP {status}" + (f": {told}" if told else "")
        if status in {408, 425, 429} or status >= 500:
            raise TransientError(text, retry_after=response.retry_after(self._now()))
        if not 200 <= status < 300:
            raise AuthError(f"{text.rstrip('.')}. Check `auth`: form, client_id, the secrets, scope")
        try:
            answer = orjson.loads(response.body)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            # `told` could quote the token here, so the answer itself is not shown.
            raise TransientError(f"sign-in at {self._http.origin}: HTTP {status}: the answer is no JSON object")
        return answer
