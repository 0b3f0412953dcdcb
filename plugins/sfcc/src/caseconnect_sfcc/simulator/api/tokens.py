"""Access tokens: Account Manager's client credentials, and the Business Manager user grant of an instance."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from caseconnect_sfcc.simulator.settings import ApiClient, SfccSettings
from caseconnect_sfcc.simulator.world.refusals import Refused

TENANT_SCOPE = "SALESFORCE_COMMERCE_API:"
USER_GRANT = "urn:demandware:params:oauth:grant-type:client-id:dwsid:dwsecuretoken"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token stands for. `tenant` is set for SCAPI tokens, `user` and `instance` for user grants."""

    client: str
    scopes: frozenset[str]
    tenant: str | None
    expires: datetime
    user: str | None = None
    instance: str | None = None


class Tokens:
    """The tokens given out. `life` seconds each, no refresh tokens: an expired one is asked for again."""

    def __init__(self, settings: SfccSettings, now: Callable[[], datetime]) -> None:
        self.settings = settings
        self.issued = 0
        self._now = now
        self._grants: dict[str, Grant] = {}

    def expire_all(self) -> int:
        """End all tokens; tells how many there were."""
        ended = len(self._grants)
        self._grants.clear()
        return ended

    def check(self, request: Request) -> Grant:
        """The grant behind a request's bearer token, or a refusal."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if not token:
            text = "The request is unauthorized, the 'Authorization' header is missing."
            raise Refused("authorization-header-missing", text)
        grant = self._grants.get(token) if kind.lower() == "bearer" else None
        if grant is None or grant.expires <= self._now():
            text = "The request is unauthorized, the access token is invalid."
            raise Refused("invalid-access-token", text, accessToken=token[:27])
        return grant

    async def account_manager(self, request: Request) -> Response:
        """`POST /dwsso/oauth2/access_token`."""
        form = await _form(request)
        client = self._client(request, form)
        if client is None:
            return _refusal(401, "invalid_client", "Client authentication failed")
        if form.get("grant_type") != "client_credentials":
            return _refusal(400, "unsupported_grant_type", f"Unsupported grant type: {form.get('grant_type')}")
        asked = form.get("scope", "").split()
        tenants = [scope.removeprefix(TENANT_SCOPE) for scope in asked if scope.startswith(TENANT_SCOPE)]
        for tenant in tenants:
            if client.kind != "scapi" or tenant not in client.tenants:
                return _refusal(400, "invalid_scope", f"Unknown/invalid tenant scope: {TENANT_SCOPE}{tenant}")
        plain = [scope for scope in asked if not scope.startswith(TENANT_SCOPE)]
        for scope in plain:
            if client.kind != "scapi" or scope not in client.scopes:
                return _refusal(400, "invalid_scope", f"Unknown/invalid/unsupported scope: {scope}")
        life = self.settings.token_life
        grant = Grant(client.id, frozenset(plain), tenants[0] if tenants else None, self._until(life))
        body = {"access_token": self._issue(grant, jwt=True), "token_type": "Bearer", "expires_in": life}
        return _answer({**body, "scope": " ".join(asked)} if asked else body)

    async def business_manager(self, request: Request, tenant: str) -> Response:
        """`POST /dw/oauth2/access_token?client_id=…` of an instance."""
        form = await _form(request)
        if form.get("grant_type") != USER_GRANT:
            return _refusal(400, "unsupported_grant_type", f"Unsupported grant type: {form.get('grant_type')}")
        login, password, secret = ((_basic(request) or "").split(":", 2) + ["", "", ""])[:3]
        client_id = request.query_params.get("client_id", "")
        client = next((each for each in self.settings.clients if each.id == client_id and each.kind == "ocapi"), None)
        user = next((each for each in self.settings.users if each.login == login), None)
        if client is None or not _same(secret, client.secret):
            return _refusal(401, "invalid_client", "Client authentication failed")
        if user is None or not _same(password, user.password):
            return _refusal(401, "invalid_grant", "The user could not be authenticated")
        life = self.settings.user_token_life
        grant = Grant(client.id, frozenset(), None, self._until(life), login, tenant)
        return _answer({"access_token": self._issue(grant), "expires_in": life, "token_type": "Bearer"})

    def _client(self, request: Request, form: Mapping[str, str]) -> ApiClient | None:
        basic = _basic(request)
        if basic is not None:
            client_id, _, secret = basic.partition(":")
        else:
            client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        found = next((each for each in self.settings.clients if each.id == client_id), None)
        return found if found is not None and _same(secret, found.secret) else None

    def _until(self, seconds: float) -> datetime:
        return self._now() + timedelta(seconds=seconds)

    def _issue(self, grant: Grant, *, jwt: bool = False) -> str:
        token = secrets.token_urlsafe(32)
        if jwt:
            claims = {"aud": grant.client, "exp": int(grant.expires.timestamp()), "tenant": grant.tenant}
            parts = ({"typ": "JWT", "alg": "RS256"}, claims)
            token = ".".join([*(_base64(json.dumps(part).encode()) for part in parts), token])
        self._grants[token] = grant
        self.issued += 1
        return token


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _basic(request: Request) -> str | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


async def _form(request: Request) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(body).items()}


def _answer(body: Mapping[str, object]) -> Response:
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


def _refusal(status: int, error: str, text: str) -> Response:
    return JSONResponse({"error": error, "error_description": text}, status)
