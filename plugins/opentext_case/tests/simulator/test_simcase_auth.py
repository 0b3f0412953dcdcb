"""Tokens: every documented form, the gateway's refusals, and tokens that end in mid-run."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from caseconnect_opentext_case.simulator import TenantSettings, UserSettings

URL = "/tenants/demo/oauth2/token"
CLIENT = {"client_id": "connect-client", "client_secret": "connect-secret"}
BASIC = {"Authorization": "Basic " + base64.b64encode(b"connect-client:connect-secret").decode()}
BAD_CLIENT = {"fault": {"faultstring": "Invalid ApiKey", "detail": {"errorcode": "oauth.v2.InvalidApiKey"}}}
AGENT = UserSettings("svc@core-case.example", "Case", "Bot", password="pw")
GRANT = {"grant_type": "client_credentials"}
PASSWORD = {"grant_type": "password", "username": AGENT.email, "password": "pw"}


@pytest.fixture
def world(make_world: Any) -> Any:
    return make_world(TenantSettings(rate_limit=0, agents=(AGENT,), token_life=600))


@pytest.mark.parametrize(
    "options",
    [
        {"json": CLIENT | GRANT},
        {"data": CLIENT | GRANT},
        {"data": GRANT, "headers": BASIC},
        {"data": PASSWORD, "headers": BASIC},
        {"json": CLIENT | PASSWORD},
    ],
    ids=["client-json", "client-form", "client-basic", "password-basic", "password-json"],
)
def test_each_form_gives_a_token_that_works(world: Any, options: dict[str, Any]) -> None:
    answer = world.raw("POST", URL, **options)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["token_type"], found["expires_in"]) == ("Bearer", 600)
    claims = json.loads(base64.urlsafe_b64decode(found["access_token"].split(".")[1] + "=="))
    assert (claims["tid"], claims["cid"]) == ("demo", "connect-client")
    assert "X-Simulator" not in answer.headers
    world.token = found["access_token"]
    assert world.ask("list_definitions").status_code == 200


def test_the_grant_decides_who_acts(world: Any) -> None:
    case = world.created()
    world.new_token(**PASSWORD)
    world.ask("add_comment", case=case, json={"message": "by the bot"})
    assert [entry.by for entry in world.store.ledger] == ["connect.service@core-case.example", AGENT.email]


def test_subscription_scope_is_recorded(world: Any) -> None:
    fields = {"scope": "otds:groups subscription:ours", "client_data": "subName=ours"}
    answer = world.raw("POST", "/otdstenant/demo/oauth2/token", data=CLIENT | GRANT | fields)
    assert answer.status_code == 200
    grant = world.raw("GET", "/_sim/state").json()["tenants"]["demo"]["grants"][0]
    assert {name: grant[name] for name in fields} == fields


def test_refresh_token_is_good_once(world: Any) -> None:
    refresh = world.raw("POST", URL, data=PASSWORD, headers=BASIC).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "client_id": "connect-client", "refresh_token": refresh}
    again = world.raw("POST", URL, data=form)
    assert again.status_code == 200
    assert again.json()["refresh_token"] != refresh
    reused = world.raw("POST", URL, data=form)
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")


def test_client_credentials_bring_no_refresh_token_unless_told(world: Any, world_with: Any) -> None:
    assert "refresh_token" not in world.new_token().json()
    assert "refresh_token" in world_with(refresh_token_for_client=True).new_token().json()


@pytest.mark.parametrize(
    ("options", "status", "body"),
    [
        ({"json": GRANT | CLIENT | {"client_secret": "no"}}, 401, BAD_CLIENT),
        ({"json": GRANT}, 401, BAD_CLIENT),
        ({"data": GRANT, "headers": {"Authorization": "Basic !!!"}}, 401, BAD_CLIENT),
        ({"json": CLIENT | {"grant_type": "magic"}}, 400, {"error": "unsupported_grant_type"}),
        ({"json": CLIENT | PASSWORD | {"password": "no"}}, 400, {"error": "invalid_grant"}),
        ({"json": CLIENT | PASSWORD | {"password": "", "username": ""}}, 400, {"error": "invalid_grant"}),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, {"error": "invalid_request"}),
        ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 400, {"error": "invalid_request"}),
    ],
)
def test_refusals(world: Any, options: dict[str, Any], status: int, body: dict[str, Any]) -> None:
    answer = world.raw("POST", URL, **options)
    assert answer.status_code == status
    assert body.items() <= answer.json().items()


def test_a_tenant_can_insist_on_one_form(world_with: Any) -> None:
    world = world_with(client_forms=("basic",), token_bodies=("form",), required_scope="subscription:ours")
    assert world.raw("POST", URL, json=CLIENT | GRANT).json()["error"] == "invalid_request"
    assert world.raw("POST", URL, data=CLIENT | GRANT).json() == BAD_CLIENT
    assert world.raw("POST", URL, data=GRANT, headers=BASIC).json()["error"] == "invalid_scope"
    right = GRANT | {"scope": "search subscription:ours"}
    assert world.raw("POST", URL, data=right, headers=BASIC).status_code == 200


def test_unknown_tenant(world: Any) -> None:
    assert world.raw("POST", "/tenants/nobody/oauth2/token", json=CLIENT | GRANT).status_code == 404
    assert world.raw("GET", "/tenants/nobody/.well-known/openid-configuration").status_code == 404


def test_discovery_names_the_token_endpoint(world: Any) -> None:
    answer = world.raw("GET", "/tenants/demo/.well-known/openid-configuration")
    assert answer.json()["token_endpoint"] == "http://sim" + URL


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}, BASIC])
def test_api_without_a_valid_token(world: Any, headers: dict[str, str]) -> None:
    answer = world.raw("GET", "/case/api/v1/case-definitions", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["fault"]["detail"]["errorcode"] == "keymanagement.service.invalid_access_token"


def test_token_ends_on_the_clock(world: Any) -> None:
    world.new_token()
    world.later(599)
    assert world.ask("list_definitions").status_code == 200
    world.later(1)
    answer = world.ask("list_definitions")
    assert answer.status_code == 401
    assert answer.json()["fault"]["detail"]["errorcode"] == "keymanagement.service.access_token_expired"


def test_tokens_revoked_in_mid_run(world: Any) -> None:
    case = world.created()
    assert world.raw("POST", "/_sim/expire-tokens", json={"tenant": "demo"}).json() == {"expired": 1}
    assert world.ask("add_comment", case=case, json={"message": "x"}).status_code == 401
    world.new_token()
    assert world.ask("add_comment", case=case, json={"message": "x"}).status_code == 201
    assert world.effects() == ["create_case", "add_comment"]


def test_secrets_and_tokens_are_not_shown(world: Any) -> None:
    world.created()
    shown = world.raw("GET", "/_sim/state").text + world.raw("GET", "/").text + repr(world.tenant)
    assert world.token not in shown
    assert "connect-secret" not in shown
    assert "'pw'" not in shown
