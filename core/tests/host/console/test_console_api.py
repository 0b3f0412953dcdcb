"""The API: tokens, roles, the same four eyes, and answers that are what its document says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx  # noqa: TID251 - any client
import orjson
import pytest
from console_desk import HERE, ConsoleDesk, refund, tenant_with
from journal_desk import TENANT, now_of
from jsonschema import Draft202012Validator

from caseconnect.host.journal.records import Brake
from caseconnect.host.web.console.api import ENDPOINTS, PREFIX
from caseconnect.host.web.console.openapi import document
from caseconnect.host.web.console.people import ROLES
from caseconnect.host.web.console.settings import ConsoleSettings

SETTINGS = ConsoleSettings(four_eyes={"EUR": Decimal(100)})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ConsoleDesk]:
    caps = {"money": {"day": {"EUR": "100"}}}
    made = ConsoleDesk(tmp_path, SETTINGS, tenants={TENANT: tenant_with(caps)})
    yield made
    made.close()


def token(desk: ConsoleDesk, name: str, role: str = "approver", seconds: int = 3600, by: str = "ann") -> str:
    ask = {"name": name, "role": role, "by": by, "seconds": seconds}
    return str(asyncio.run(desk.console.house.verbs.do("console_token", ask))["token"])


def ask(
    desk: ConsoleDesk, method: str, path: str, bearer: str = "", *, json: Any = None, **headers: str
) -> httpx.Response:
    async def asking() -> httpx.Response:
        sent = ({"authorization": f"Bearer {bearer}"} if bearer else {}) | headers
        transport = httpx.ASGITransport(desk.console.app)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return await client.request(method, PREFIX + path, headers=sent, json=json)

    return asyncio.run(asking())


def is_as_documented(told: httpx.Response, path: str, method: str) -> None:
    answers = document()["paths"][PREFIX + path][method.lower()]["responses"]
    assert str(told.status_code) in answers, told.text
    schema = answers[str(told.status_code)]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document()["components"]}).validate(told.json())


def parked(desk: ConsoleDesk, amount: str) -> str:
    (key,) = desk.plan(desk.matter(), refund(amount))
    desk.send(key, "unknown")
    desk.settle(key, "parked")
    return key


GIVEN = {
    "/explain": "?tenant=acme&subject=shop/order/1001",
    "/find": "?text=1001",
    "/queue": "?tenant=acme&scope=command&name=RefundPayment",
}


def test_every_endpoint_by_every_role(desk: ConsoleDesk) -> None:
    tokens = {word: token(desk, word, word) for word in ROLES}
    now_of(desk.journal.pause(Brake(TENANT, "command", "RefundPayment", "look", "ann", desk.now)))
    parked(desk, "20")
    desk.plan(desk.matter("other"), refund("5"))
    for endpoint in ENDPOINTS:
        shown = endpoint.path.replace(":int", "")
        path = shown.replace("{action}", "compare").replace("{number}", "7") + GIVEN.get(shown, "")
        body = None if endpoint.method == "GET" else {} if "proposals" in path else {"fields": {}, "digest": "x"}
        if shown == "/plan/{action}":
            body = {"fields": {"tenant": TENANT}}
        assert ask(desk, endpoint.method, path, json=body).status_code == 401
        for word, bearer in tokens.items():
            told = ask(desk, endpoint.method, path, bearer, json=body)
            is_as_documented(told, shown, endpoint.method)
            assert (told.status_code == 403) is (ROLES[word] < endpoint.role), (path, word, told.text)
            if endpoint.method == "GET":
                assert told.status_code == 200, told.text


def test_a_token_that_is_over_revoked_or_guessed_opens_nothing(desk: ConsoleDesk) -> None:
    good, short = token(desk, "good"), token(desk, "short", seconds=60)
    assert ask(desk, "GET", "/pauses", short).status_code == 200
    desk.pass_time(minutes=2)
    assert ask(desk, "GET", "/pauses", short).status_code == 401
    asyncio.run(desk.console.house.verbs.do("revoke_token", {"name": "good", "by": "ann"}))
    assert ask(desk, "GET", "/pauses", good).status_code == 401
    for odd in ("Basic x", "Bearer", "Bearer ", f"bearer {sha256(good.encode()).hexdigest()}"):
        assert ask(desk, "GET", "/pauses", authorization=odd).status_code in {401, 429}


def test_guessing_tokens_is_slowed_down(desk: ConsoleDesk) -> None:
    told = [ask(desk, "GET", "/pauses", f"guess-{n}").status_code for n in range(6)]
    assert told == [401] * 5 + [429]
    assert ask(desk, "GET", "/pauses", token(desk, "good", "viewer")).status_code == 200


def test_a_cookie_opens_no_api_and_a_token_no_page(desk: ConsoleDesk) -> None:
    ann = desk.browser("ann", "approver")
    assert ann.get(f"{PREFIX}/pauses").status_code == 401
    assert ann.post(f"{PREFIX}/plan/compare").status_code == 401
    assert desk.browser().get("/", authorization=f"Bearer {token(desk, 'x')}").status_code == 401


def test_four_eyes_hold_for_programs_too(desk: ConsoleDesk) -> None:
    key = parked(desk, "150")
    first, second = token(desk, "first"), token(desk, "second", by="eve")
    fields = {"fields": {"key": key, "answer": "retry"}}
    plan = ask(desk, "POST", "/plan/answer", first, json=fields).json()
    assert (plan["sums"], bool(plan["second"])) == (["150.00 EUR"], True)
    doing = {**fields, "digest": plan["digest"], "reason": "ticket 812"}
    assert ask(desk, "POST", "/do/answer", first, json={**doing, "digest": "x"}).status_code == 409
    assert ask(desk, "POST", "/do/answer", first, json=doing).json()["proposal"] == 1
    assert desk.state(key) == "parked"
    for own in (first, token(desk, "third", by="Ann")):
        assert ask(desk, "POST", "/proposals/1/confirm", own, json={}).status_code == 409
    assert "your own" in desk.browser("ann", "approver").post("/proposals/1/confirm").text
    assert ask(desk, "POST", "/proposals/1/confirm", second, json={}).json()["result"] == "done"
    assert desk.state(key) == "planned"
    assert [c.who for c in desk.journal.clicks(names=[key])] == [
        *("token:second", "ann", "token:third", "token:first", "token:first")
    ]


def test_tokens_and_clicks_of_one_person_count_together(desk: ConsoleDesk) -> None:
    matter = desk.matter()
    keys = desk.plan(matter, *(refund("60", name=name) for name in "abc"))
    for key in keys:
        desk.send(key, "unknown")
        desk.settle(key, "parked")
    first, second, other = token(desk, "first"), token(desk, "second"), token(desk, "other", by="eve")
    asked = [{"fields": {"key": key, "answer": "retry"}} for key in keys]
    digest = ask(desk, "POST", "/plan/answer", first, json=asked[0]).json()["digest"]
    told = ask(desk, "POST", "/do/answer", first, json={**asked[0], "digest": digest, "reason": "ticket 812"})
    assert told.json()["result"] == "done"
    seconds = [ask(desk, "POST", "/plan/answer", each, json=asked[1]).json()["second"] for each in (second, other)]
    assert ["60.00 EUR" in why for why in seconds] == [True, False]
    assert "Two people decide this" in desk.browser("Ann", "approver").post("/plan/answer", asked[1]["fields"]).text
    asyncio.run(desk.console.house.verbs.do("revoke_token", {"name": "first", "by": "ann"}))
    desk.pass_time(minutes=1)
    first = token(desk, "first", by="eve")
    assert ask(desk, "POST", "/plan/answer", first, json=asked[1]).json()["second"] == ""


@pytest.mark.parametrize(
    ("path", "json", "status"),
    [
        ("/plan/nothing", {"fields": {}}, 404),
        ("/plan/answer", {"fields": {"key": "x", "answer": "retry"}}, 404),
        ("/plan/answer", {"fields": {}}, 409),
        ("/plan/answer", {}, 400),
        ("/plan/answer", [], 400),
        ("/plan/answer", {"fields": {"key": {"a": 1}}}, 400),
        ("/plan/answer", {"fields": {}, "more": 1}, 400),
        ("/do/pause", {"fields": {}, "digest": 7}, 400),
        ("/proposals/99999999999999999999999999/confirm", {}, 404),
    ],
)
def test_what_is_wrong_is_told(desk: ConsoleDesk, path: str, json: Any, status: int) -> None:
    told = ask(desk, "POST", path, token(desk, "x"), json=json)
    assert told.status_code == status, told.text
    assert told.json()["error"]


@pytest.mark.parametrize("text", ["' OR 1=1 --", "1; DROP TABLE clicks", "%", "a\x00b", "\u202e"])
def test_what_is_looked_for_is_a_value(desk: ConsoleDesk, text: str) -> None:
    bearer = token(desk, "x")
    desk.browser("ann", "approver")
    for path in (f"/clicks?about={quote(text)}", f"/find?text={quote(text)}", f"/pauses?tenant={quote(text)}"):
        assert ask(desk, "GET", path, bearer).json() == []
    assert len(ask(desk, "GET", "/clicks", bearer).json()) == 1


def test_no_answer_holds_a_secret(desk: ConsoleDesk) -> None:
    bearer, ann = token(desk, "canary"), desk.browser("ann", "approver")
    secrets = (bearer, sha256(bearer.encode()).hexdigest(), ann.cookies["connect-session"])
    for door in desk.console.routes:
        if "{" in door.path or door.path == "/live" or "GET" not in (door.methods or ()):
            continue
        for told in (ann.get(door.path), ask(desk, "GET", door.path.removeprefix(PREFIX), bearer)):
            assert not [secret for secret in secrets if secret in told.text], door.path


def test_other_methods_are_not_possible(desk: ConsoleDesk) -> None:
    bearer = token(desk, "x")
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "POST"):
        told = ask(desk, method, "/pauses", bearer)
        assert told.status_code == 405
        assert "GET" in told.headers["allow"]


def test_the_document_names_every_endpoint(desk: ConsoleDesk) -> None:
    found = ask(desk, "GET", "/openapi.json", token(desk, "x", "viewer")).json()
    doors = {
        (door.path.replace(":int", ""), next(iter((door.methods or set()) - {"HEAD"})).lower())
        for door in desk.console.routes
        if door.path.startswith(PREFIX) and not door.path.endswith("openapi.json")
    }
    assert {(path, method) for path, ways in found["paths"].items() for method in ways} == doors


def test_bodies_are_for_operators_whose_look_is_kept(desk: ConsoleDesk) -> None:
    parked(desk, "20")
    desk.decide(events=(desk.event(),))
    path = "/explain?tenant=acme&subject=shop/order/1001"
    seen = ask(desk, "GET", path, token(desk, "vic", "viewer")).json()
    assert seen["events"]
    assert seen["matters"][0]["commands"]
    assert '"body"' not in orjson.dumps(seen).decode()
    assert [click.action for click in desk.journal.clicks()] == []
    whole = ask(desk, "GET", path, token(desk, "bob", "operator")).json()
    assert whole["matters"][0]["commands"][0]["body"]["amount"]["amount"] == "20"
    assert whole["events"][0]["body"]
    assert [(c.who, c.action, c.about) for c in desk.journal.clicks()] == [
        ("token:bob", "look_body", ["shop/order/1001"])
    ]
