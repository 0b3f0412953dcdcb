"""Tokens of one tenant: the OAuth forms of the platform, their life, and the gateway's refusals.

Shapes of the token answer and of the bad-client fault are seen in public material; status codes and the faults for a
missing or expired token are inferred from the gateway product that those faults belong to.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from .errors import GatewayFault, GrantRefused
from .model import Identity, JsonObject
from .settings import TenantSettings
from .store import CaseStore


@dataclass(frozen=True, slots=True)
class Grant:
    """An issued token: whom it speaks for and until when; `scope` and `client_data` as the client sent them."""

    identity: Identity
    grant_type: str
    scope: str
    client_data: str
    expires_at: datetime


class TokenDesk:
    """Issues and checks the tokens of one tenant."""

    def __init__(self, store: CaseStore) -> None:
        self._store = store
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}
        self.issued = 0

    @property
    def settings(self) -> TenantSettings:
        """The tenant's settings."""
        return self._store.settings

    def issue(self, form: Mapping[str, str], basic: str | None) -> JsonObject:
        """The token answer for a request's fields and `Authorization` header, or the refusal as an exception."""
        self._check_client(form, basic)
        grant_type = form.get("grant_type", "")
        if grant_type not in self.settings.grants:
            allowed = ", ".join(self.settings.grants)
            raise GrantRefused("unsupported_grant_type", f"Grant {grant_type!r} is not offered; offered: {allowed}.")
        required = self.settings.required_scope
        if required and required not in form.get("scope", ""):
            raise GrantRefused("invalid_scope", f"The scope must name {required!r}.")
        identity = self._identity(grant_type, form)
        return self._grant(identity, grant_type, form)

    def _check_client(self, form: Mapping[str, str], basic: str | None) -> None:
        sent = ("body", form.get("client_id", ""), form.get("client_secret", ""))
        if basic and basic.lower().startswith("basic "):
            sent = ("basic", *_basic(basic))
        kind, client_id, secret = sent
        # A refresh names its client but is not seen to repeat the secret.
        same_secret = hmac.compare_digest(secret.encode(), self.settings.client_secret.encode())
        secret_ok = same_secret or (form.get("grant_type") == "refresh_token" and not secret)
        if kind not in self.settings.client_forms or client_id != self.settings.client_id or not secret_ok:
            raise GatewayFault(401, "Invalid ApiKey", "oauth.v2.InvalidApiKey")

    def _identity(self, grant_type: str, form: Mapping[str, str]) -> Identity:
        if grant_type == "refresh_token":
            grant = self._refresh.pop(form.get("refresh_token", ""), None)
            if grant is None or grant.expires_at <= self._store.now():
                raise GrantRefused("invalid_grant", "The refresh token is unknown or expired.")
            return grant.identity
        if grant_type == "password":
            for user in (self.settings.service_account, *self.settings.agents):
                right = hmac.compare_digest(user.password.encode(), form.get("password", "").encode())
                if user.password and right and user.email == form.get("username"):
                    return self._store.person(user.email)
            raise GrantRefused("invalid_grant", "Unknown user or wrong password.")
        return self._store.service

    def _grant(self, identity: Identity, grant_type: str, form: Mapping[str, str]) -> JsonObject:
        now = self._store.now()

        def record(life: float) -> Grant:
            expires = now + timedelta(seconds=life)
            return Grant(identity, grant_type, form.get("scope", ""), form.get("client_data", ""), expires)

        token = self._jwt(now)
        self._access = {known: grant for known, grant in self._access.items() if grant.expires_at > now}
        self._access[token] = record(self.settings.token_life)
        self.issued += 1
        answer: JsonObject = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": int(self.settings.token_life),
        }
        if grant_type != "client_credentials" or self.settings.refresh_token_for_client:
            refresh = uuid.uuid4().hex
            self._refresh[refresh] = record(self.settings.refresh_life)
            answer["refresh_token"] = refresh
        return answer

    def _jwt(self, now: datetime) -> str:
        """A token that looks like the platform's JWT (`tid`, `cid` seen); its signature is noise, the desk knows it."""
        claims = {"tid": self.settings.id, "cid": self.settings.client_id, "iat": int(now.timestamp())}
        parts = [{"alg": "RS256", "typ": "JWT"}, {**claims, "jti": uuid.uuid4().hex}]
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
        return ".".join([*encoded, uuid.uuid4().hex])

    def knows(self, token: str) -> bool:
        """Whether this tenant issued the token, expired or not."""
        return token in self._access

    def check(self, token: str) -> Grant:
        """The grant behind a token, or the gateway's 401."""
        grant = self._access.get(token)
        if grant is None:
            raise GatewayFault(401, "Invalid Access Token", "keymanagement.service.invalid_access_token")
        if grant.expires_at <= self._store.now():
            raise GatewayFault(401, "Access Token expired", "keymanagement.service.access_token_expired")
        return grant

    def expire_all(self) -> int:
        """Let every access token end now, as a revocation in mid-run does; the number of tokens ended."""
        ended = len(self._access)
        self._access.clear()
        return ended

    def grants(self) -> list[JsonObject]:
        """The living grants without their tokens."""
        return [
            {
                "by": grant.identity.email,
                "grant_type": grant.grant_type,
                "scope": grant.scope,
                "client_data": grant.client_data,
                "expires_at": grant.expires_at.isoformat(),
            }
            for grant in self._access.values()
        ]


def _basic(header: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(header[6:].strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise GatewayFault(401, "Invalid ApiKey", "oauth.v2.InvalidApiKey") from None
    client_id, _, secret = text.partition(":")
    return client_id, secret


class RateLimit:
    """At most `per_second` requests in any second of the injected clock; a refused request does not count."""

    def __init__(self, per_second: float, retry_after: float | None, now: Callable[[], datetime]) -> None:
        self._per_second = per_second
        self._retry_after = retry_after
        self._now = now
        self._recent: list[datetime] = []

    def take(self) -> None:
        """Count one request, or refuse it with a 429 (status seen for the neighbouring service, body inferred)."""
        if not self._per_second:
            return
        # A rate below one a second means one request in a longer window.
        window = timedelta(seconds=max(1.0, 1.0 / self._per_second))
        now = self._now()
        self._recent = [at for at in self._recent if timedelta(0) <= now - at < window]
        if len(self._recent) >= max(1, int(self._per_second)):
            raise too_many(self._retry_after)
        self._recent.append(now)


def too_many(retry_after: float | None) -> GatewayFault:
    """The 429, with `Retry-After` in whole seconds when given."""
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:.0f}"}
    return GatewayFault(429, "Rate limit quota violation.", "policies.ratelimit.QuotaViolation", headers)
