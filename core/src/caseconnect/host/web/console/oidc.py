"""Sign-in by OpenID Connect: authorization code with PKCE, state and nonce; the id token's signature by PyJWT.

OpenID Connect Core 1.0 §3.1, Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (`iss` in the answer).
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import jwt

from caseconnect.host.web.console.people import Identity
from caseconnect.host.web.console.settings import Oidc
from caseconnect.sdk.addresses import is_this_machine
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.http import Http, Response, Transport
from caseconnect.sdk.pace import Pace

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that only the provider can make: none by a shared secret, and not `none`."""

_BEGUN_FOR = timedelta(minutes=10)
_KNOWN_FOR = timedelta(hours=1)
_KEYS_APART = timedelta(minutes=1)
_LEEWAY = 60
_MOST = 1_000


class SignInRefused(ConnectError):
    """What came back is not what the provider says of somebody who signed in just now."""


@dataclass(frozen=True)
class _Begun:
    state: str
    nonce: str
    verifier: str
    back: str
    until: datetime


@dataclass
class _Known:
    """What the provider says of itself, and its keys."""

    found: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[str, jwt.PyJWK] = field(default_factory=dict)
    found_at: datetime | None = None
    keys_at: datetime | None = None


class Provider:
    """One provider. `begin` a sign-in, `end` it with what came back."""

    def __init__(
        self,
        settings: Oidc,
        secret: Callable[[], str] | None,
        now: Callable[[], datetime],
        transport: Transport | None = None,
        max_age: Callable[[], timedelta] = lambda: timedelta(minutes=30),
    ) -> None:
        """`max_age`: who proved longer ago who they are is asked anew by the provider (Core §3.1.2.1)."""
        self._max_age = max_age
        self.settings, self._secret, self._now, self._transport = settings, secret, now, transport
        self._begun: dict[str, _Begun] = {}
        self._known = _Known()

    async def begin(self, back: str) -> tuple[str, str]:
        """(what the browser has to bring again, the address to send it to). `back`: where it shall come back to."""
        found = await self._discovered()
        now = self._now()
        begun = _Begun(token_urlsafe(32), token_urlsafe(32), token_urlsafe(48), back, now + _BEGUN_FOR)
        self._begun = {key: kept for key, kept in self._begun.items() if kept.until > now}
        while len(self._begun) >= _MOST:
            del self._begun[next(iter(self._begun))]
        id_ = token_urlsafe(32)
        self._begun[_hash(id_)] = begun
        challenge = urlsafe_b64encode(sha256(begun.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": back,
            "scope": "openid email profile",
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "max_age": str(int(self._max_age().total_seconds())),
        }
        address = self._endpoint(found, "authorization_endpoint")
        return id_, f"{address}{'&' if '?' in address else '?'}{urlencode(query, quote_via=quote)}"

    async def end(self, id_: str, query: Mapping[str, str]) -> Identity:
        """Who signed in. `SignInRefused` says what was wrong, without values; each begun sign-in ends once."""
        begun = self._begun.pop(_hash(id_), None)
        if begun is None or begun.until <= self._now():
            raise SignInRefused("an answer to a sign-in that this browser did not begin, or too long ago")
        if not compare_digest(query.get("state", "").encode(), begun.state.encode()):
            raise SignInRefused("the answer's `state` is another one")
        if query.get("iss", self.settings.issuer) != self.settings.issuer:
            raise SignInRefused("the answer comes from another issuer")
        if not query.get("code"):
            raise SignInRefused("the provider refused it, or gave no code")
        found = await self._discovered()
        answer = await self._token(found, query["code"], begun)
        claims = await self._checked(found, answer.get("id_token"), begun.nonce)
        mail, verified = claims.get("email"), claims.get("email_verified") is True
        groups = claims.get(self.settings.groups_claim)
        return Identity(
            name=mail if verified and isinstance(mail, str) else claims["sub"],
            mail=mail if verified and isinstance(mail, str) else "",
            groups=frozenset(group for group in groups if isinstance(group, str))
            if isinstance(groups, list)
            else frozenset(),
            at=_time(claims.get("auth_time")),
        )

    async def _token(self, found: Mapping[str, Any], code: str, begun: _Begun) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": begun.back,
            "code_verifier": begun.verifier,
        }
        basic = None
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if self._secret is None:
            form["client_id"] = self.settings.client_id
        elif "client_secret_basic" in methods:
            # RFC 6749 §2.3.1: both are encoded as in a form first.
            basic = quote(self.settings.client_id, safe=""), quote(self._secret(), safe="")
        else:
            form |= {"client_id": self.settings.client_id, "client_secret": self._secret()}
        response = await self._ask("POST", self._endpoint(found, "token_endpoint"), form=form, basic=basic)
        return self._object(response, "token endpoint")

    async def _checked(self, found: Mapping[str, Any], token: object, nonce: str) -> dict[str, Any]:
        """The claims of the id token, after everything that §3.1.3.7 asks for."""
        if not isinstance(token, str):
            raise SignInRefused("the token endpoint gave no id token")
        try:
            key = await self._key(found, jwt.get_unverified_header(token))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self.settings.client_id,
                issuer=self.settings.issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise SignInRefused(f"the id token is not good: {type(error).__name__}") from None
        if not compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise SignInRefused("the id token's `nonce` is another one")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self.settings.client_id) != self.settings.client_id:
            raise SignInRefused("the id token was made for another party")
        return claims

    async def _key(self, found: Mapping[str, Any], header: Mapping[str, Any]) -> jwt.PyJWK:
        kid, now, known = header.get("kid"), self._now(), self._known
        old = known.keys_at is None or now - known.keys_at > _KNOWN_FOR
        # A provider that changed its keys is asked once more, but not for each token that somebody makes up.
        if old or (kid not in known.keys and known.keys_at and now - known.keys_at > _KEYS_APART):
            response = await self._ask("GET", self._endpoint(found, "jwks_uri"))
            known.keys, known.keys_at = _keys(self._object(response, "key set")), now
        if kid is None and len(known.keys) == 1:
            return next(iter(known.keys.values()))
        key = known.keys.get(str(kid))
        if key is None:
            raise SignInRefused("the id token is signed with a key that the provider does not name")
        return key

    async def _discovered(self) -> Mapping[str, Any]:
        known, now = self._known, self._now()
        if known.found_at is None or now - known.found_at > _KNOWN_FOR:
            issuer = self.settings.issuer
            response = await self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            found = self._object(response, "discovery document")
            if found.get("issuer") != issuer:
                raise SignInRefused("the discovery document is another issuer's: check `console.oidc.issuer`")
            known.found, known.found_at = found, now
        return known.found

    def _endpoint(self, found: Mapping[str, Any], name: str) -> str:
        address = found.get(name)
        parts = urlsplit(address) if isinstance(address, str) else None
        local = is_this_machine(urlsplit(self.settings.issuer).hostname)
        if parts is None or not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
            raise SignInRefused(f"the provider's `{name}` is no https address")
        return str(address)

    async def _ask(self, method: str, address: str, **more: Any) -> Response:
        parts = urlsplit(address)
        http = Http(
            f"{parts.scheme}://{parts.netloc}",
            pace=Pace(float("inf"), 1),
            deadline=10,
            max_body=1024 * 1024,
            transport=self._transport,
        )
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            return await http.request(method, path, headers={"accept": "application/json"}, **more)
        finally:
            await http.close()

    @staticmethod
    def _object(response: Response, what: str) -> Mapping[str, Any]:
        given = response.json() if response.status == 200 else None
        if not isinstance(given, dict):
            raise SignInRefused(f"the provider's {what} answered {response.status}, or not with an object")
        return given


def _keys(given: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    """The provider's public keys for signatures, by their ids; what we cannot use is left out."""
    keys: dict[str, jwt.PyJWK] = {}
    listed = given.get("keys")
    for one in listed if isinstance(listed, list) else ():
        if not isinstance(one, dict) or one.get("kty") == "oct" or one.get("use", "sig") != "sig":
            continue
        try:
            keys[str(one.get("kid"))] = jwt.PyJWK(one)
        except jwt.PyJWTError:
            continue
    return keys


def _time(given: object) -> datetime | None:
    """A NumericDate; None for what is none."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    try:
        return datetime.fromtimestamp(given, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
