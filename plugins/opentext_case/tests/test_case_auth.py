from __future__ import annotations

import asyncio
import base64
import json
from typing import Any
from urllib.parse import parse_qsl

import httpx  # noqa: TID251 - tests may
import pytest

from caseconnect.sdk.errors import AuthError, TransientError
from caseconnect.sdk.testing.resources import make_resources
from caseconnect.sdk.testing.virtual import run
from caseconnect_opentext_case.connection import client_of
from caseconnect_opentext_case.simulator import UserSettings

SECRETS = {
    "CC_SECRET": "connect-secret",
    "CC_USER": "agent.svc@core-case.example",
    "CC_PASSWORD": "hunter-2-hunter",
    "CC_REFRESH": "first-refresh-token",
}
USER = {"username": {"env": "CC_USER"}, "password": {"env": "CC_PASSWORD"}}
REFRESH = {"refresh_token": {"env": "CC_REFRESH"}}
ID, SECRET = "connect-client", "connect-secret"
BASIC = "Basic " + base64.b64encode(b"connect-client:connect-secret").decode()

FORMS = [
    (
        {"form": "client_credentials_json"},
        "json",
        {"grant_type": "client_credentials", "client_id": ID, "client_secret": SECRET},
        None,
    ),
    (
        {"form": "client_credentials_form", "scope": "search subscription:x", "client_data": "subName=x"},
        "form",
        {
            "grant_type": "client_credentials",
            "client_id": ID,
            "client_secret": SECRET,
            "scope": "search subscription:x",
            "client_data": "subName=x",
        },
        None,
    ),
    (
        {"form": "client_credentials_form", "client_auth": "basic"},
        "form",
        {"grant_type": "client_credentials"},
        BASIC,
    ),
    (
        {"form": "password_form", "scope": "openid", **USER},
        "form",
        {
            "grant_type": "password",
            "username": SECRETS["CC_USER"],
            "password": SECRETS["CC_PASSWORD"],
            "scope": "openid",
        },
        BASIC,
    ),
    (
        {"form": "password_json", **USER},
        "json",
        {
            "grant_type": "password",
            "client_id": ID,
            "client_secret": SECRET,
            "username": SECRETS["CC_USER"],
            "password": SECRETS["CC_PASSWORD"],
        },
        None,
    ),
    (
        {"form": "refresh_token", "client_secret": None, **REFRESH},
        "form",
        {"grant_type": "refresh_token", "client_id": ID, "refresh_token": "first-refresh-token"},
        None,
    ),
]


def client(settings_of: Any, answer: Any, **auth: Any) -> Any:
    """A client whose every request `answer` takes, with the requests that it made."""
    sent = []

    def handle(request: Any) -> Any:
        sent.append(request)
        return answer(request)

    resources = make_resources(transport=httpx.MockTransport(handle), secrets=SECRETS)
    return client_of(settings_of(auth=auth), resources), sent


def granted(**more: Any) -> Any:
    return httpx.Response(200, json={"access_token": "tok-1", "token_type": "Bearer", "expires_in": 3600, **more})


@pytest.mark.parametrize(("auth", "encoding", "fields", "header"), FORMS)
def test_each_form_sends_what_it_should(settings_of: Any, auth: Any, encoding: Any, fields: Any, header: Any) -> None:
    async def story() -> None:
        asking, sent = client(settings_of, lambda _: granted(), **auth)
        assert await asking.tokens.get() == "tok-1"
        (request,) = sent
        assert str(request.url) == "https://core-case.example/tenants/demo/oauth2/token"
        body = json.loads(request.content) if encoding == "json" else dict(parse_qsl(request.content.decode()))
        assert body == fields
        assert request.headers.get("authorization") == header
        assert request.headers["content-type"].startswith(
            "application/json" if encoding == "json" else "application/x-www-form-urlencoded"
        )

    run(story())


@pytest.mark.parametrize("auth", [form[0] for form in FORMS[:5]])
def test_each_form_signs_in_at_the_simulator(make_rig: Any, auth: Any) -> None:
    async def story() -> None:
        account = UserSettings(SECRETS["CC_USER"], "Svc", password=SECRETS["CC_PASSWORD"])
        rig = make_rig(tenant={"service_account": account}, auth=auth)
        await rig.sink.client.sign_in()
        (grant,) = rig.app.tenants["demo"].tokens.grants()
        assert grant["scope"] == auth.get("scope", "")
        assert grant["client_data"] == auth.get("client_data", "")
        assert grant["by"] == SECRETS["CC_USER"]
        assert (await rig.source.check())[0].ok

    run(story())


def test_refresh_token_is_replaced_by_the_one_that_comes_with_each_token(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(
            tenant={"refresh_token_for_client": True, "token_life": 600.0},
            auth={"form": "refresh_token", **REFRESH},
        )
        desk = rig.app.tenants["demo"].tokens
        first = desk.issue({"grant_type": "client_credentials", "client_id": ID, "client_secret": SECRET}, None)
        rig.resources.secrets.values["CC_REFRESH"] = first["refresh_token"]
        tokens = set()
        for _ in range(3):
            tokens.add(await rig.sink.client.tokens.get())
            await asyncio.sleep(601)
        assert len(tokens) == 3

    run(story())


@pytest.mark.parametrize(
    ("auth", "asked"),
    [
        ({"authority": "https://otds.example/otdstenant"}, "https://otds.example/otdstenant/tenants/demo/oauth2/token"),
        (
            {"token_url": "https://otds.example/otdstenant/t1/oauth2/token"},
            "https://otds.example/otdstenant/t1/oauth2/token",
        ),
        ({"token_url": "https://otds.example/o", "discovery": True}, "https://otds.example/o"),
    ],
)
def test_address_of_the_token(settings_of: Any, auth: Any, asked: Any) -> None:
    async def story() -> None:
        asking, sent = client(settings_of, lambda _: granted(), **auth)
        await asking.sign_in()
        assert str(sent[0].url) == asked

    run(story())


def test_discovery(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(auth={"discovery": True})
        await rig.source.check()
        rig.app.tenants["demo"].tokens.expire_all()
        await rig.source.check()
        assert rig.calls().count("discovery") == 1
        assert rig.calls().count("token") == 2

    run(story())


def test_discovery_that_leads_elsewhere_gets_no_secret(settings_of: Any) -> None:
    async def story() -> None:
        answer = httpx.Response(200, json={"token_endpoint": "https://evil.example/oauth2/token"})
        asking, sent = client(settings_of, lambda _: answer, discovery=True)
        with pytest.raises(AuthError, match=r"evil\.example"):
            await asking.sign_in()
        assert [request.method for request in sent] == ["GET"]

    run(story())


REFUSALS = [
    (401, {"fault": {"faultstring": "Invalid ApiKey", "detail": {"errorcode": "oauth.v2.InvalidApiKey"}}}, AuthError),
    (400, {"error": "invalid_grant", "error_description": "wrong"}, AuthError),
    (403, "", AuthError),
    (404, "<html>", AuthError),
    (302, "", AuthError),
    (200, {"token_type": "Bearer"}, AuthError),
    (200, {"access_token": ""}, AuthError),
    (200, "<html>Sign in</html>", TransientError),
    (200, "", TransientError),
    (200, [], TransientError),
    (429, "", TransientError),
    (500, "", TransientError),
    (503, "", TransientError),
]


@pytest.mark.parametrize(("status", "body", "error"), REFUSALS)
def test_refused_sign_in(settings_of: Any, status: Any, body: Any, error: Any) -> None:
    async def story() -> None:
        def answer(_: Any) -> Any:
            return httpx.Response(status, text=body) if isinstance(body, str) else httpx.Response(status, json=body)

        asking, _ = client(settings_of, answer)
        with pytest.raises(error):
            await asking.sign_in()

    run(story())


def test_a_refused_sign_in_reads_as_sentences(settings_of: Any) -> None:
    async def story() -> None:
        asking, _ = client(settings_of, lambda _: httpx.Response(401, json={"message": "The client is unknown."}))
        with pytest.raises(AuthError, match=r"The client is unknown\. Check `auth`"):
            await asking.sign_in()

    run(story())


def test_what_we_sent_is_not_repeated_in_the_error(settings_of: Any) -> None:
    async def story() -> None:
        def echo(request: Any) -> Any:
            return httpx.Response(401, json={"message": f"bad: {request.content.decode()}"})

        asking, _ = client(settings_of, echo, form="password_json", **USER)
        with pytest.raises(AuthError) as caught:
            await asking.sign_in()
        text = str(caught.value)
        assert not any(value in text for value in SECRETS.values())

    run(story())


@pytest.mark.parametrize("error", [httpx.ReadError, httpx.ReadTimeout, httpx.ConnectError, httpx.RemoteProtocolError])
def test_lost_answer_of_a_sign_in_is_transient(settings_of: Any, error: Any) -> None:
    async def story() -> None:
        def lose(request: Any) -> None:
            raise error("gone", request=request)

        asking, _ = client(settings_of, lose)
        with pytest.raises(TransientError):
            await asking.sign_in()

    run(story())


@pytest.mark.parametrize(("expires_in", "life"), [(600, 600), ("600", 600), (None, 300), ("soon", 300), (-5, 1)])
def test_life_of_a_token(settings_of: Any, expires_in: Any, life: Any) -> None:
    async def story() -> None:
        asking, sent = client(settings_of, lambda _: granted(expires_in=expires_in))
        await asking.sign_in()
        await asyncio.sleep(life * 0.85)
        await asking.sign_in()
        assert len(sent) == 1
        await asyncio.sleep(life * 0.16)
        await asking.sign_in()
        assert len(sent) == 2

    run(story())


def test_token_that_ends_early_is_renewed_once(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        await rig.source.check()
        rig.app.tenants["demo"].tokens.expire_all()
        assert all(step.ok for step in await rig.source.check())
        rig.fault("status", "read_definition", code=401, count=0)
        with pytest.raises(AuthError, match="401"):
            await rig.source.check()
        assert rig.calls()[-3:] == ["read_definition", "token", "read_definition"]

    run(story())


def test_rotated_secret_is_used_without_a_restart(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(tenant={"client_secret": "rotated-secret"})
        with pytest.raises(AuthError):
            await rig.source.check()
        rig.resources.secrets.values["CC_SECRET"] = "rotated-secret"
        await asyncio.sleep(30)
        assert (await rig.source.check())[0].ok

    run(story())


def test_refused_credentials_are_not_tried_by_every_lane(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(tenant={"client_secret": "rotated-secret"})
        lanes = [part.check() for part in (rig.source, rig.sink) for _ in range(5)]
        told = await asyncio.gather(*lanes, return_exceptions=True)
        assert {type(error) for error in told} == {AuthError}
        assert rig.calls() == ["token"]

    run(story())


def test_source_and_sink_share_one_token(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        await asyncio.gather(rig.source.check(), rig.sink.check(), rig.source.check())
        assert rig.calls().count("token") == 1

    run(story())
