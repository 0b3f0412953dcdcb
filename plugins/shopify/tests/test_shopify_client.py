from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx  # noqa: TID251 - its mock transport stands in for Shopify
import pytest

from caseconnect.sdk.errors import AuthError, ConnectError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.pace import Pace
from caseconnect.sdk.resources import Resources
from caseconnect_shopify import queries
from caseconnect_shopify.client import Operation, ShopifyClient
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.reading import client_of

Make = Callable[..., Resources]
TOKEN = {"access_token": "shpat_one", "scope": "read_orders", "expires_in": 86399}
QUERY = Operation("Look", "query Look { shop { name } }", cost=1)
MUTATION = Operation("Change", "mutation Change { tagsAdd { userErrors { message } } }", mutation=True)
THROTTLED = {
    "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
    "extensions": {
        "cost": {
            "requestedQueryCost": 500,
            "actualQueryCost": None,
            "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 120, "restoreRate": 100.0},
        }
    },
}


class Shopify:
    """Answers of a shop, in turn; the last one again and again. Tokens are numbered."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.tokens = 0
        self.asked: list[httpx.Request] = []
        self.token_answer: httpx.Response | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/admin/oauth/access_token":
            self.tokens += 1
            return self.token_answer or httpx.Response(200, json={**TOKEN, "access_token": f"shpat_{self.tokens}"})
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def client_for(shop: Shopify, make: Make, settings: ShopifySettings, pace: Pace | None = None) -> ShopifyClient:
    return client_of(settings, make(httpx.MockTransport(shop), pace))


def run(client: ShopifyClient, operation: Operation = QUERY) -> dict[str, Any]:
    return asyncio.run(client.run(operation, {}))


def failure(shop: Shopify, make: Make, settings: ShopifySettings, operation: Operation = QUERY) -> ConnectError:
    with pytest.raises(ConnectError) as caught:
        run(client_for(shop, make, settings), operation)
    return caught.value


def error(code: str, message: str = "no", **more: Any) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code, **more.pop("extensions", {})}, **more}


def test_a_request_is_what_shopify_documents(make_resources: Make, settings: ShopifySettings) -> None:
    shop = Shopify(httpx.Response(200, json={"data": {"shop": {"name": "Demo"}}}))
    assert run(client_for(shop, make_resources, settings)) == {"shop": {"name": "Demo"}}
    request = shop.asked[0]
    assert str(request.url) == "https://demo-shop.myshopify.com/admin/api/2026-10/graphql.json"
    assert request.headers["x-shopify-access-token"] == "shpat_1"
    assert json.loads(request.content) == {"query": QUERY.text, "variables": {}, "operationName": "Look"}


@pytest.mark.parametrize(
    ("status", "query", "mutation", "says"),
    [
        (301, PermanentError, PermanentError, "redirects are not followed"),
        (400, PermanentError, PermanentError, "not accepted"),
        (402, AuthError, AuthError, "frozen"),
        (403, AuthError, AuthError, "refuses this app"),
        (404, PermanentError, PermanentError, "api_version"),
        (408, TransientError, UnknownOutcome, "408"),
        (423, AuthError, AuthError, "locked"),
        (429, TransientError, TransientError, "too many"),
        (430, TransientError, TransientError, "too many"),
        (500, TransientError, UnknownOutcome, "500"),
        (502, TransientError, UnknownOutcome, "502"),
        (503, TransientError, UnknownOutcome, "503"),
    ],
)
def test_http_statuses(
    status: int, query: type, mutation: type, says: str, make_resources: Make, settings: ShopifySettings
) -> None:
    for operation, expected in ((QUERY, query), (MUTATION, mutation)):
        shop = Shopify(httpx.Response(status, headers={"location": "https://x.example/"}, text="<html>sorry</html>"))
        found = failure(shop, make_resources, settings, operation)
        assert type(found) is expected
        assert says in str(found)
        assert len(shop.asked) == 1


@pytest.mark.parametrize(("header", "wait"), [("4.0", 4.0), ("0.5", 0.5), (None, None)])
def test_429_says_how_long_to_wait(
    header: str | None, wait: float | None, make_resources: Make, settings: ShopifySettings
) -> None:
    found = failure(
        Shopify(httpx.Response(429, headers={"retry-after": header} if header else {})), make_resources, settings
    )
    assert isinstance(found, TransientError)
    assert found.retry_after == wait


@pytest.mark.parametrize(
    ("answer", "query", "mutation", "says"),
    [
        (THROTTLED, TransientError, TransientError, "throttled"),
        (
            {
                "errors": [
                    error(
                        "ACCESS_DENIED",
                        "Access denied for orders field. Required access: `read_orders` access scope.",
                        extensions={"requiredAccess": "`read_orders` access scope."},
                        path=["orders"],
                    )
                ],
                "data": {"orders": None},
            },
            PermanentError,
            PermanentError,
            "read_orders",
        ),
        (
            {"errors": [{"message": "This app is not approved to access the Customer object."}], "data": {"c": None}},
            PermanentError,
            PermanentError,
            "not approved",
        ),
        ({"errors": [error("undefinedField", "Field 'x' doesn't exist")]}, PermanentError, PermanentError, "exist"),
        ({"errors": [error("RESOURCE_NOT_FOUND", "Invalid id: gid://x")], "data": {"a": None}},)
        + (PermanentError,) * 2
        + ("Invalid id",),
        ({"errors": [error("MAX_COST_EXCEEDED", "too dear")]}, PermanentError, PermanentError, "too dear"),
        ({"errors": [error("BAD_REQUEST", "bad")], "data": {"a": None}}, PermanentError, PermanentError, "bad"),
        ({"errors": [error("SHOP_INACTIVE")]}, AuthError, AuthError, "inactive"),
        ({"errors": [error("INTERNAL_SERVER_ERROR", "oops")]}, TransientError, UnknownOutcome, "oops"),
        ({"errors": [error("SOMETHING_NEW", "new")], "data": {"a": None}}, TransientError, UnknownOutcome, "new"),
        ({"errors": [error("IDEMPOTENCY_CONCURRENT_REQUEST", "running")]}, TransientError, UnknownOutcome, "running"),
        ({"errors": [error("IDEMPOTENCY_KEY_PARAMETER_MISMATCH", "x")]}, TransientError, UnknownOutcome, "MISMATCH"),
        ({"errors": [error("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", "failed")]},) + (PermanentError,) * 2 + ("failed",),
        ({"errors": [error("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", "failed")], "data": {"a": None}},)
        + (PermanentError,) * 2
        + ("failed",),
        ({"errors": "Something"}, TransientError, UnknownOutcome, "Something"),
        ({"errors": [error("RESOURCE_NOT_FOUND")], "data": {"a": {}, "b": None}},) + (PermanentError,) * 2 + ("",),
        (
            {"errors": [error("RESOURCE_NOT_FOUND")], "data": {"a": {"id": 1}, "b": None}},
            PermanentError,
            UnknownOutcome,
            "",
        ),
        ({"data": None}, TransientError, UnknownOutcome, "neither"),
        ({"hello": 1}, TransientError, UnknownOutcome, "not a GraphQL answer"),
        ([1], TransientError, UnknownOutcome, "not a GraphQL answer"),
    ],
)
def test_graphql_errors_with_http_200(
    answer: Any, query: type, mutation: type, says: str, make_resources: Make, settings: ShopifySettings
) -> None:
    for operation, expected in ((QUERY, query), (MUTATION, mutation)):
        found = failure(Shopify(httpx.Response(200, json=answer)), make_resources, settings, operation)
        assert type(found) is expected
        assert says in str(found)


@pytest.mark.parametrize("body", ["<html><body>Maintenance</body></html>", '{"data": {"shop"', ""])
def test_an_answer_that_is_not_json(body: str, make_resources: Make, settings: ShopifySettings) -> None:
    for operation, expected in ((QUERY, TransientError), (MUTATION, UnknownOutcome)):
        shop = Shopify(httpx.Response(200, headers={"content-type": "text/html"}, text=body))
        assert type(failure(shop, make_resources, settings, operation)) is expected


@pytest.mark.parametrize(
    ("lost", "query", "mutation"),
    [
        (httpx.ConnectError("refused"), TransientError, TransientError),
        (httpx.ReadError("reset"), TransientError, UnknownOutcome),
        (httpx.RemoteProtocolError("closed"), TransientError, UnknownOutcome),
    ],
)
def test_lost_connections(
    lost: Exception, query: type, mutation: type, make_resources: Make, settings: ShopifySettings
) -> None:
    for operation, expected in ((QUERY, query), (MUTATION, mutation)):
        assert type(failure(Shopify(lost), make_resources, settings, operation)) is expected


def test_a_withheld_field_leaves_the_rest_usable(make_resources: Make, settings: ShopifySettings) -> None:
    answer = {
        "data": {"order": {"name": "#1", "email": None, "customer": None}},
        "errors": [
            {"message": "This app is not approved to use the email field.", "path": ["order", "email"]},
            error("ACCESS_DENIED", "Access denied for customer field.", path=["order", "customer"]),
        ],
    }
    assert run(client_for(Shopify(httpx.Response(200, json=answer)), make_resources, settings))["order"]["name"] == "#1"


def test_an_inner_failure_is_never_taken_for_data(make_resources: Make, settings: ShopifySettings) -> None:
    answer = {
        "data": {"order": {"name": "#1", "risk": None}},
        "errors": [error("INTERNAL_SERVER_ERROR", path=["order", "risk"])],
    }
    shop = Shopify(httpx.Response(200, json=answer))
    assert type(failure(shop, make_resources, settings)) is TransientError
    assert type(failure(shop, make_resources, settings, MUTATION)) is UnknownOutcome


def test_an_ignored_search_filter_is_an_error(make_resources: Make, settings: ShopifySettings) -> None:
    warnings = [{"path": ["orders"], "warnings": [{"field": "updatd_at", "code": "invalid_field"}]}]
    answer = {"data": {"orders": {"nodes": []}}, "extensions": {"search": warnings}}
    found = failure(Shopify(httpx.Response(200, json=answer)), make_resources, settings)
    assert type(found) is PermanentError
    assert "updatd_at" in str(found)


def test_throttled_waits_for_the_missing_points_at_the_restore_rate(
    make_resources: Make, settings: ShopifySettings
) -> None:
    found = failure(Shopify(httpx.Response(200, json=THROTTLED)), make_resources, settings)
    assert isinstance(found, TransientError)
    assert found.retry_after == pytest.approx((500 - 120) / 100)


def test_the_pace_learns_costs_and_keeps_the_room_that_admission_wants(
    make_resources: Make, settings: ShopifySettings
) -> None:
    cost = {
        "requestedQueryCost": 400,
        "actualQueryCost": 30,
        "throttleStatus": {"maximumAvailable": 4000.0, "currentlyAvailable": 700, "restoreRate": 200.0},
    }
    answer = httpx.Response(200, json={"data": {"shop": {}}, "extensions": {"cost": cost}})

    async def go() -> list[float]:
        pace, taken = Pace(100, 2000), []
        take = pace.take

        async def spy(cost: float = 1.0) -> None:
            taken.append(cost)
            await take(cost)

        pace.take = spy  # type: ignore[method-assign]
        client = client_for(Shopify(answer), make_resources, settings, pace)
        await client.run(QUERY, {})
        await client.run(QUERY, {})
        assert (pace.rate, pace.burst) == (200.0, 4000.0 - 370.0)
        assert pace._tokens <= 700 - 370
        return taken

    token_request, first, second = asyncio.run(go())
    assert (token_request, first, second) == (1.0, QUERY.cost / 4, 30.0)


def test_a_refused_token_is_renewed_once(make_resources: Make, settings: ShopifySettings) -> None:
    refused = httpx.Response(401, json={"errors": "[API] Invalid API key or access token"})
    good = httpx.Response(200, json={"data": {"tagsAdd": {"userErrors": []}}})
    shop = Shopify(refused, good)
    assert run(client_for(shop, make_resources, settings), MUTATION)
    assert [r.headers["x-shopify-access-token"] for r in shop.asked] == ["shpat_1", "shpat_2"]

    shop = Shopify(refused)
    assert type(failure(shop, make_resources, settings)) is AuthError
    assert len(shop.asked) == 2


def test_tokens_are_shared_and_renewed_before_they_end(
    make_resources: Make, settings: ShopifySettings, clock: Any
) -> None:
    shop = Shopify(httpx.Response(200, json={"data": {"shop": {}}}))
    client = client_for(shop, make_resources, settings)

    async def go() -> None:
        await asyncio.gather(*(client.run(QUERY, {}) for _ in range(5)))
        assert shop.tokens == 1
        clock.forward(86_399 - 600)
        await client.run(QUERY, {})
        assert shop.tokens == 1
        clock.forward(400)
        await client.run(QUERY, {})
        assert shop.tokens == 2

    asyncio.run(go())


@pytest.mark.parametrize(
    ("answer", "expected", "says"),
    [
        (
            httpx.Response(400, json={"error": "invalid_client", "error_description": "sim-secret"}),
            AuthError,
            "client_secret",
        ),
        (httpx.Response(400, json={"error": "app_not_installed"}), AuthError, "not installed"),
        (
            httpx.Response(400, text="Oauth error shop_not_permitted: Client credentials cannot …"),
            AuthError,
            "organization",
        ),
        (httpx.Response(404, text="<html>"), AuthError, "HTTP 404"),
        (httpx.Response(302, headers={"location": "https://x.example"}), AuthError, "HTTP 302"),
        (httpx.Response(200, text="<html>"), TransientError, "access token"),
        (httpx.Response(200, json={"error": "invalid_client"}), AuthError, "client_secret"),
        (httpx.Response(429, headers={"retry-after": "2.0"}), TransientError, "HTTP 429"),
        (httpx.Response(503), TransientError, "HTTP 503"),
    ],
)
def test_token_requests_that_fail(
    answer: httpx.Response, expected: type, says: str, make_resources: Make, settings: ShopifySettings
) -> None:
    shop = Shopify(httpx.Response(200, json={"data": {}}))
    shop.token_answer = answer
    found = failure(shop, make_resources, settings, MUTATION)
    assert type(found) is expected
    assert says in str(found)
    assert "sim-secret" not in str(found)


@pytest.mark.parametrize("code", ["BAD_REQUEST", "INTERNAL_SERVER_ERROR"])
def test_what_shopify_quotes_of_ours_is_masked(code: str, make_resources: Make, settings: ShopifySettings) -> None:
    order = "gid://shopify/Order/820982911946154508"
    message = f"{order}: note 'Kim wants it' is too long; kim@example.com, +49 30 12345678"
    shop = Shopify(httpx.Response(200, json={"errors": [error(code, message)]}))
    client = client_for(shop, make_resources, settings)
    with pytest.raises(ConnectError) as caught:
        asyncio.run(client.run(MUTATION, {"id": order, "note": "Kim wants it"}))
    assert f"{order}: note '…' is too long; <e-mail>, <number>" in str(caught.value)


def test_the_served_version_is_kept(make_resources: Make, settings: ShopifySettings) -> None:
    answer = httpx.Response(200, headers={"X-Shopify-API-Version": "2027-01"}, json={"data": {"shop": {}}})
    client = client_for(Shopify(answer), make_resources, settings)
    run(client)
    assert client.served_version == "2027-01"


def test_another_version_than_was_asked_for_is_told_once(make_resources: Make, settings: ShopifySettings) -> None:
    told: list[str] = []
    resources = make_resources(
        httpx.MockTransport(
            Shopify(httpx.Response(200, headers={"X-Shopify-API-Version": "2027-01"}, json={"data": {"shop": {}}}))
        )
    )
    resources.log.warning = lambda event, **values: told.append(values["note"])  # type: ignore[method-assign]
    client = client_of(settings, resources)
    run(client)
    run(client)
    assert told == ["asked for API version 2026-10 and 2027-01 answered: set api_version"]


def test_the_largest_reserve_of_an_account_counts(make_resources: Make, settings: ShopifySettings) -> None:
    pace, shop = Pace(100, 2000), Shopify(httpx.Response(200, json={}))
    for reserve in (0.3, 0.1):
        client_for(shop, make_resources, settings.model_copy(update={"reserve": reserve}), pace)
    assert pace.reserve == 0.3


def test_source_and_sink_share_one_client(make_resources: Make, settings: ShopifySettings) -> None:
    resources = make_resources(httpx.MockTransport(Shopify(httpx.Response(200, json={}))))
    assert client_of(settings, resources) is client_of(settings, resources)


def test_no_secret_shows(make_resources: Make, settings: ShopifySettings) -> None:
    client = client_for(Shopify(httpx.Response(200, json={})), make_resources, settings)
    assert "sim-secret" not in repr(settings) + repr(client) + repr(vars(client)) + settings.model_dump_json()
    assert "query" not in repr(queries.ORDER)
