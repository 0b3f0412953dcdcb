"""A client of Shopify's GraphQL Admin API (versions 2026-01 to 2026-10), usable without the framework.

It sends one operation at a time and turns Shopify's four layers of errors into the classes of
`caseconnect.sdk.errors`; `userErrors` are part of the data and the caller's to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from caseconnect.sdk.errors import AuthError, ConnectError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.http import Http, Response
from caseconnect.sdk.tokens import Token, TokenCache
from caseconnect_shopify.answers import Cost, only_withheld, problems_of, search_warnings, token_refusal

_GUESS: Final = 4  # what is charged is a fraction of what is asked for; after one answer it is known
_CLOSED: Final = {
    401: "the access token is refused, also a new one; is the app still installed in this shop?",
    402: "the shop is frozen because a bill is open; it works again when that is paid",
    403: "the shop refuses this app; look at the app's page in the shop's admin",
    423: "the shop is locked; ask Shopify's support",
}


@dataclass(frozen=True)
class Operation:
    """One GraphQL document. `cost` is what it is thought to cost until Shopify has said it (points)."""

    name: str
    text: str = field(repr=False)
    cost: float = 10.0
    mutation: bool = False


class ShopifyClient:
    """One app in one shop. `client_secret` is asked for at each token request, so that a rotated one is used.

    Tokens live 24 hours (client credentials grant) and are renewed early; a 401 renews once. Queries raise
    `TransientError` when no usable answer came, mutations `UnknownOutcome`. `reserve` is the share of the cost bucket
    that background work leaves alone; `tell` is called once when Shopify serves another version than `api_version`.
    """

    def __init__(
        self,
        http: Http,
        *,
        client_id: str,
        client_secret: Callable[[], str],
        api_version: str,
        now: Callable[[], datetime],
        reserve: float = 0.0,
        tell: Callable[[str], object] = lambda text: None,
    ) -> None:
        self.api_version = api_version
        self.served_version: str | None = None
        self._http, self._client_id, self._secret, self._now = http, client_id, client_secret, now
        self._tell, self._told = tell, False
        http.pace.reserve = max(http.pace.reserve, reserve)
        self._tokens = TokenCache(self._new_token, now, http.usage)
        self._learned: dict[str, float] = {}
        self._headroom = 0.0

    async def authorize(self) -> None:
        """Get a token if none is at hand. `AuthError` says what Shopify has against our credentials."""
        await self._tokens.get()

    async def run(self, operation: Operation, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The operation's `data`. Fields that Shopify withholds for lack of a scope or approval are null in it."""
        token = await self._tokens.get()
        response = await self._post(operation, variables, token)
        if response.status == 401:
            self._tokens.drop(token)
            response = await self._post(operation, variables, await self._tokens.get())
        self._judge_status(operation, response)
        self._note_version(response)
        try:
            answer = response.json()
        except UnknownOutcome as error:
            raise self._lost(operation, str(error)) from error
        if not isinstance(answer, dict) or not ("data" in answer or "errors" in answer):
            raise self._lost(operation, "the answer is JSON, but not a GraphQL answer")
        cost = self._note_cost(operation, answer)
        return self._judge_answer(operation, answer, cost, variables)

    async def _post(self, operation: Operation, variables: Mapping[str, Any], token: str) -> Response:
        try:
            return await self._http.request(
                "POST",
                f"/admin/api/{self.api_version}/graphql.json",
                headers={"x-shopify-access-token": token, "accept": "application/json"},
                json={"query": operation.text, "variables": dict(variables), "operationName": operation.name},
                cost=self._learned.get(operation.name, operation.cost / _GUESS),
                safe=not operation.mutation,
            )
        except UnknownOutcome as error:
            raise self._lost(operation, str(error)) from error

    async def _new_token(self) -> Token:
        began = self._now()
        response = await self._http.request(
            "POST",
            "/admin/oauth/access_token",
            headers={"accept": "application/json"},
            form={
                "client_id": self._client_id,
                "client_secret": self._secret(),
                "grant_type": "client_credentials",
            },
            safe=True,
        )
        if response.status in {408, 429, 430} or response.status >= 500:
            raise TransientError(
                f"Shopify gave no access token (HTTP {response.status})", retry_after=response.retry_after(self._now())
            )
        try:
            answer = response.json()
        except UnknownOutcome as error:
            if response.status == 200:
                raise TransientError(f"Shopify's answer to the request for an access token: {error}") from error
            answer = {}
        if response.status != 200 or not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
            raise AuthError(token_refusal(response, answer))
        life = answer.get("expires_in")
        seconds = float(life) if isinstance(life, int | float) and life > 0 else 3600.0
        return Token(answer["access_token"], began + timedelta(seconds=seconds))

    def _judge_status(self, operation: Operation, response: Response) -> None:
        status, where = response.status, f"Shopify answered {operation.name} with HTTP {response.status}"
        if status == 200:
            return
        if status in _CLOSED:
            raise AuthError(f"{where}: {_CLOSED[status]}")
        if status in {429, 430}:
            wait = response.retry_after(self._now())
            raise TransientError(
                f"{where}: too many requests", retry_after=60.0 if wait is None and status == 430 else wait
            )
        if status == 404:
            raise PermanentError(
                f"{where}: there is no Admin API {self.api_version} here; check `shop` and `api_version`"
            )
        if 300 <= status < 400:
            raise PermanentError(f"{where}: redirects are not followed; check that `shop` is the myshopify.com domain")
        if status >= 500 or status < 300 or status == 408:
            raise self._lost(operation, where, retry_after=response.retry_after(self._now()))
        raise PermanentError(f"{where}: the request is not accepted")

    def _note_version(self, response: Response) -> None:
        self.served_version = response.headers.get("x-shopify-api-version", self.served_version)
        if self.served_version not in {None, self.api_version} and not self._told:
            self._told = True
            self._tell(f"asked for API version {self.api_version} and {self.served_version} answered: set api_version")

    def _judge_answer(
        self, operation: Operation, answer: dict[str, Any], cost: Cost, sent: Mapping[str, Any]
    ) -> dict[str, Any]:
        data = answer.get("data")
        problems = problems_of(answer.get("errors"), sent)
        warnings = search_warnings(answer)
        if warnings:
            raise PermanentError(f"Shopify ignored a part of the search in {operation.name}: {warnings}")
        if isinstance(data, dict) and all(only_withheld(p, data) for p in problems):
            return data
        if not problems:
            raise self._lost(operation, "the answer holds neither data nor errors")
        for problem in problems:
            if problem.code == "THROTTLED":
                raise TransientError(f"Shopify throttled {operation.name}", retry_after=cost.wait())
            if problem.code == "SHOP_INACTIVE":
                raise AuthError(f"Shopify says that the shop is inactive ({operation.name})")
        worst = next((p for p in problems if not p.surely_without_effect("data" in answer)), None)
        if worst is None and operation.mutation and isinstance(data, dict) and any(data.values()):
            worst = problems[0]
        if worst is not None:
            raise self._lost(operation, f"Shopify reports {worst.code or 'an error'}: {worst.text()}")
        raise PermanentError(f"Shopify refuses {operation.name}: {problems[0].text()}")

    def _note_cost(self, operation: Operation, answer: Mapping[str, Any]) -> Cost:
        cost = Cost.of(answer)
        actual = cost.actual if cost.actual is not None else self._learned.get(operation.name, operation.cost)
        if cost.actual is not None:
            self._learned[operation.name] = max(cost.actual, 1.0)
        if cost.requested is not None:
            # Shopify admits by the requested cost and charges the actual one: the difference must always be left over.
            self._headroom = max(self._headroom, cost.requested - actual)
        if cost.available is not None:
            room = cost.maximum - self._headroom if cost.maximum and cost.maximum > self._headroom else None
            self._http.pace.observe(cost.available - self._headroom, rate=cost.rate, burst=room)
        return cost

    @staticmethod
    def _lost(operation: Operation, text: str, *, retry_after: float | None = None) -> ConnectError:
        if operation.mutation:
            return UnknownOutcome(f"{operation.name}: {text}")
        return TransientError(f"{operation.name}: {text}", retry_after=retry_after)
