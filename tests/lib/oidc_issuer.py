"""OpenID Connect providers without a network: one that is strict and can be told to lie, and one that is not ours."""

from __future__ import annotations

import time
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx  # noqa: TID251 - what a provider answers
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

ISSUER = "https://login.example"
CLIENT, SECRET = "connect", "a-client's secret+"


@cache
def key(number: int) -> RSAPrivateKey:
    """The provider's keys, made once."""
    return generate_private_key(65537, 2048)


def public(number: int, **more: str) -> dict[str, Any]:
    """A key as the key set shows it."""
    shown: dict[str, Any] = RSAAlgorithm.to_jwk(key(number).public_key(), as_dict=True)
    return {**shown, "kid": f"key-{number}", "use": "sig", "alg": "RS256", **more}


class Issuer(httpx.AsyncBaseTransport):
    """Strict: a code is good once, with its verifier, its address and the client's secret. Tests have it lie."""

    def __init__(self) -> None:
        self.codes: dict[str, dict[str, str]] = {}
        self.keys, self.signs = [1], 1
        self.discovery: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any], dict[str, Any]], str] = self._sign
        self.asked: list[str] = []

    def agree(self, address: str, **claims: Any) -> dict[str, str]:
        """A person agrees at the provider; what the browser brings back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        self.claims = {"email": "ann@example.com", "email_verified": True, **claims}
        return {"code": code, "state": query["state"]}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        self.asked.append(request.url.path)
        if request.url.path == "/.well-known/openid-configuration":
            return self._json(
                {
                    "issuer": ISSUER,
                    "authorization_endpoint": f"{ISSUER}/authorize",
                    "token_endpoint": f"{ISSUER}/token",
                    "jwks_uri": f"{ISSUER}/keys",
                    **self.discovery,
                }
            )
        if request.url.path == "/keys":
            return self._json({"keys": [public(number) for number in self.keys]})
        assert request.url.path == "/token"
        return self._token(request)

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        wanted = httpx.BasicAuth(CLIENT, "a-client%27s%20secret%2B")._auth_header
        begun = self.codes.pop(form.get("code", ""), None)
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if (
            begun is None
            or request.headers.get("authorization") != wanted
            or form["redirect_uri"] != begun["redirect_uri"]
            or challenge != begun["code_challenge"]
        ):
            return self._json({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": CLIENT, "sub": "u-1", "iat": now, "exp": now + 300, "nonce": begun["nonce"]}
        if "max_age" in begun:
            claims["auth_time"] = now
        claims = {name: value for name, value in {**claims, **self.claims}.items() if value is not None}
        header = {"kid": f"key-{self.signs}", **self.header}
        return self._json({"access_token": "x", "token_type": "Bearer", "id_token": self.sign(claims, header)})

    def _sign(self, claims: dict[str, Any], header: dict[str, Any]) -> str:
        return jwt.encode(claims, key(self.signs), "RS256", headers=header)

    def _json(self, body: Any, status: int = 200) -> httpx.Response:
        return httpx.Response(status, content=orjson.dumps(body), headers={"content-type": "application/json"})


class Foreign(httpx.AsyncBaseTransport):
    """`oidc-provider-mock`, a provider that we did not write, called in this process."""

    def __init__(self) -> None:
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")  # it uses what its own library will drop one day
            import oidc_provider_mock
            from oidc_provider_mock._storage import User

            claims = {"email": "ann@example.com", "email_verified": True, "groups": ["desk"]}
            self._app = oidc_provider_mock.app(require_nonce=True, user_claims=[User(sub="u-1", claims=claims)])
        self._client = self._app.test_client()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        return self.open(request.method, str(request.url), request.content, dict(request.headers))

    def open(self, method: str, url: str, data: bytes | dict[str, str], headers: dict[str, str]) -> httpx.Response:
        """As a browser, or the daemon, asks."""
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            told = self._client.open(url, method=method, data=data, headers=headers)
        return httpx.Response(told.status_code, content=told.data, headers=dict(told.headers))
