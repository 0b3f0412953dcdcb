"""Access tokens (sfcc.md §2): Account Manager's client credentials, for SCAPI one per scope, and the user grant.

A token for one scope each: Account Manager refuses a request as a whole if one of its scopes is not allowed, and a
missing right to publish must not stop the reading of orders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import orjson

from caseconnect.sdk.errors import AuthError, TransientError, UnknownOutcome
from caseconnect.sdk.http import Http, Response
from caseconnect.sdk.texts import mask, shorten
from caseconnect.sdk.tokens import Token, TokenCache

from .faults import Refused

_USER_GRANT: Final = "urn:demandware:params:oauth:grant-type:client-id:dwsid:dwsecuretoken"
_LIFE: Final = 600.0


@dataclass(frozen=True)
class Key:
    """A client of Account Manager. The secret is asked for at each request, so that a rotated one is used."""

    client_id: str
    secret: Callable[[], str]


@dataclass(frozen=True)
class Agent:
    """A Business Manager user with its access key."""

    login: Callable[[], str]
    password: Callable[[], str]


class Tokens:
    """The tokens of one connection. `manager` is Account Manager, `instance` the host of OCAPI."""

    def __init__(
        self,
        manager: Http,
        instance: Http,
        *,
        scapi: Key,
        ocapi: Key,
        tenant: str,
        agent: Agent | None,
        now: Callable[[], datetime],
    ) -> None:
        self._manager, self._instance, self._now = manager, instance, now
        self._scapi, self._ocapi, self._tenant, self._agent = scapi, ocapi, tenant, agent
        self._scopes: dict[str, TokenCache] = {}
        self.data = TokenCache(partial(self._client, ocapi, ""), now, instance.usage)
        self.shop = TokenCache(self._user, now, instance.usage) if agent else self.data

    def scope(self, scope: str) -> TokenCache:
        """The token for one scope of SCAPI."""
        if scope not in self._scopes:
            asked = f"SALESFORCE_COMMERCE_API:{self._tenant} {scope}"
            self._scopes[scope] = TokenCache(partial(self._client, self._scapi, asked), self._now, self._instance.usage)
        return self._scopes[scope]

    async def _client(self, key: Key, scope: str) -> Token:
        form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        return await self._ask(self._manager, "/dwsso/oauth2/access_token", form, (key.client_id, key.secret()), scope)

    async def _user(self) -> Token:
        if self._agent is None:
            raise AuthError("no Business Manager user is set")
        basic = (self._agent.login(), f"{self._agent.password()}:{self._ocapi.secret()}")
        query = {"client_id": self._ocapi.client_id}
        return await self._ask(self._instance, "/dw/oauth2/access_token", {"grant_type": _USER_GRANT}, basic, "", query)

    async def _ask(
        self,
        http: Http,
        path: str,
        form: Mapping[str, str],
        basic: tuple[str, str],
        scope: str,
        query: Mapping[str, str] | None = None,
    ) -> Token:
        began = self._now()
        try:
            # A token that is lost with its answer has no effect on anything: asking again is safe.
            response = await http.request(
                "POST",
                path,
                headers={"accept": "application/json"},
                form=form,
                basic=basic,
                query=query,
                safe=True,
            )
        except UnknownOutcome as error:
            raise TransientError(str(error)) from error
        answer = self._judged(response, f"sign-in at {http.origin}", scope, basic)
        value, life = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(value, str) or not value:
            raise TransientError(f"sign-in at {http.origin}: the answer carries no access_token")
        seconds = float(life) if isinstance(life, int | float) and life > 0 else _LIFE
        return Token(value, began + timedelta(seconds=min(seconds, 86_400.0)))

    def _judged(self, response: Response, what: str, scope: str, sent: tuple[str, str]) -> dict[str, Any]:
        status = response.status
        try:
            answer = orjson.loads(response.body)
        except orjson.JSONDecodeError:
            answer = None
        if status in {408, 425, 429} or status >= 500:
            raise TransientError(f"{what}: HTTP {status}", retry_after=response.retry_after(self._now()))
        if status == 200:
            if not isinstance(answer, dict):
                raise TransientError(f"{what}: HTTP 200, but the answer is no JSON object")
            return answer
        known = answer if isinstance(answer, dict) else {}
        said = [known.get(name) for name in ("error", "error_description")]
        words = ": ".join(shorten(mask(each, sent)) for each in said if isinstance(each, str) and each)
        text = f"{what}: HTTP {status}" + (f": {words}" if words else "")
        if known.get("error") == "invalid_scope" and scope and "SALESFORCE_COMMERCE_API" not in words:
            wanted = scope.partition(" ")[2]
            raise Refused(f"{text}. Allow the scope {wanted} to the client in Account Manager", code="InvalidScope")
        raise AuthError(f"{text}. Check the client's id, secret, roles and tenant filter in Account Manager")
