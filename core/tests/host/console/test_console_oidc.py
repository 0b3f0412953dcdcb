"""Signing in by a provider: what it says of somebody is taken, and nothing that only looks like it."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import orjson
import pytest
from console_desk import HERE, Browser, ConsoleDesk, look, refund
from oidc_issuer import CLIENT, ISSUER, SECRET, Foreign, Issuer, key, public

from caseconnect.host.tenants.secrets import FileAndEnvSecrets
from caseconnect.host.web.console.oidc import Provider, SignInRefused
from caseconnect.host.web.console.people import Identity
from caseconnect.host.web.console.serving import provider_of
from caseconnect.host.web.console.settings import ConsoleSettings, Oidc, SessionTimes

BACK = f"{HERE}/sign-in/back"
SETTINGS = ConsoleSettings.model_validate(
    {
        "oidc": {"issuer": ISSUER, "client_id": CLIENT},
        "people": {"ann@example.com": "operator"},
        "groups": {"desk": "viewer"},
    }
)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def provider(issuer: Issuer, clock: Clock) -> Provider:
    return Provider(Oidc(issuer=ISSUER, client_id=CLIENT), lambda: SECRET, lambda: clock.now, issuer)


def sign_in(provider: Provider, issuer: Issuer, **claims: Any) -> Identity:
    async def story() -> Identity:
        id_, address = await provider.begin(BACK)
        return await provider.end(id_, issuer.agree(address, **claims))

    return asyncio.run(story())


def test_who_signed_in_is_taken_from_the_provider(provider: Provider, issuer: Issuer) -> None:
    who = sign_in(provider, issuer, groups=["desk", 7])
    assert who == Identity("ann@example.com", None, "ann@example.com", frozenset({"desk"}))


def test_an_address_that_nobody_verified_is_no_name(provider: Provider, issuer: Issuer) -> None:
    who = sign_in(provider, issuer, email_verified="true")
    assert (who.name, who.mail) == ("u-1", "")
    assert SETTINGS.role_of(who) is None


OTHER = "the id token is not good"


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"aud": "another"}, OTHER),
        ({"aud": None}, OTHER),
        ({"iss": "https://evil.example"}, OTHER),
        ({"exp": int(time.time()) - 3600}, OTHER),
        ({"exp": None}, OTHER),
        ({"iat": None}, OTHER),
        ({"iat": int(time.time()) + 3600}, OTHER),
        ({"sub": None}, OTHER),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"azp": "another"}, "another party"),
        ({"aud": [CLIENT, "another"]}, "another party"),
    ],
)
def test_a_token_for_something_else_is_refused(
    provider: Provider, issuer: Issuer, claims: dict[str, Any], said: str
) -> None:
    with pytest.raises(SignInRefused, match=said):
        sign_in(provider, issuer, **claims)


def unsigned(claims: dict[str, Any], header: dict[str, Any]) -> str:
    parts = ({**header, "alg": "none"}, claims)
    return ".".join(base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in parts) + "."


def by_another_key(claims: dict[str, Any], header: dict[str, Any]) -> str:
    return jwt.encode(claims, key(2), "RS256", headers=header)


def by_the_public_key(claims: dict[str, Any], header: dict[str, Any]) -> str:
    """The classic: the public key taken for a shared secret."""
    secret = base64.urlsafe_b64decode(public(1)["n"] + "==")
    return jwt.encode(claims, secret, "HS256", headers=header)


def with_its_own_key(claims: dict[str, Any], header: dict[str, Any]) -> str:
    return jwt.encode(claims, key(2), "RS256", headers={**header, "jwk": public(2), "jku": "https://evil.example/keys"})


def changed(claims: dict[str, Any], header: dict[str, Any]) -> str:
    head, _, signature = jwt.encode(claims, key(1), "RS256", headers=header).split(".")
    other = orjson.dumps({**claims, "email": "eve@example.com"})
    return ".".join((head, base64.urlsafe_b64encode(other).rstrip(b"=").decode(), signature))


def of_an_unknown_key(claims: dict[str, Any], header: dict[str, Any]) -> str:
    return jwt.encode(claims, key(2), "RS256", headers={**header, "kid": "key-2"})


@pytest.mark.parametrize(
    "forged",
    [unsigned, by_another_key, by_the_public_key, with_its_own_key, changed, of_an_unknown_key, lambda c, h: "a.b.c"],
)
def test_a_forged_token_is_refused(provider: Provider, issuer: Issuer, forged: Any) -> None:
    issuer.sign = forged
    with pytest.raises(SignInRefused, match="id token"):
        sign_in(provider, issuer)


def test_keys_are_asked_for_again_when_they_change_but_not_for_every_token(
    provider: Provider, issuer: Issuer, clock: Clock
) -> None:
    sign_in(provider, issuer)
    issuer.keys, issuer.signs = [1, 2], 2
    with pytest.raises(SignInRefused, match="does not name"):
        sign_in(provider, issuer)
    assert issuer.asked.count("/keys") == 1
    clock.now += timedelta(minutes=2)
    assert sign_in(provider, issuer).mail == "ann@example.com"
    assert issuer.asked.count("/keys") == 2
    issuer.keys, issuer.signs = [2], 1
    clock.now += timedelta(hours=2)
    with pytest.raises(SignInRefused):
        sign_in(provider, issuer)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"state": "another"}, "state"),
        ({"state": ""}, "state"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"code": ""}, "refused"),
        ({"code": "made-up"}, "token endpoint"),
    ],
)
def test_an_answer_that_was_changed_is_refused(
    provider: Provider, issuer: Issuer, change: dict[str, str], said: str
) -> None:
    async def story() -> None:
        id_, address = await provider.begin(BACK)
        await provider.end(id_, {**issuer.agree(address), **change})

    with pytest.raises(SignInRefused, match=said):
        asyncio.run(story())


def test_an_answer_counts_once_in_its_own_browser_and_not_for_ever(
    provider: Provider, issuer: Issuer, clock: Clock
) -> None:
    async def story() -> None:
        id_, address = await provider.begin(BACK)
        answer = issuer.agree(address)
        await provider.end(id_, answer)
        other, _ = await provider.begin(BACK)
        for browser in (id_, other, "made-up", ""):
            with pytest.raises(SignInRefused):
                await provider.end(browser, answer)
        late, address = await provider.begin(BACK)
        clock.now += timedelta(minutes=10)
        with pytest.raises(SignInRefused, match="too long ago"):
            await provider.end(late, issuer.agree(address))

    asyncio.run(story())


@pytest.mark.parametrize(
    ("discovery", "said"),
    [
        ({"issuer": "https://evil.example"}, "another issuer"),
        ({"authorization_endpoint": "http://login.example/authorize"}, "no https address"),
        ({"token_endpoint": "http://login.example/token"}, "no https address"),
        ({"jwks_uri": None}, "no https address"),
    ],
)
def test_a_provider_that_is_another_or_speaks_openly_is_refused(
    provider: Provider, issuer: Issuer, discovery: dict[str, Any], said: str
) -> None:
    issuer.discovery = discovery
    with pytest.raises(SignInRefused, match=said):
        sign_in(provider, issuer)


@pytest.fixture
def desk(tmp_path: Path, provider: Provider) -> Iterator[ConsoleDesk]:
    made = ConsoleDesk(tmp_path, SETTINGS, provider=provider)
    yield made
    made.close()


def through(browser: Browser, issuer: Issuer, **claims: Any) -> Any:
    told = browser.get("/sign-in/to")
    assert told.status_code == 303
    answer = issuer.agree(told.headers["location"], **claims)
    query = "&".join(f"{name}={value}" for name, value in answer.items())
    return browser.get(f"/sign-in/back?{query}", sec_fetch_site="cross-site")


def test_a_person_comes_in_by_the_provider(desk: ConsoleDesk, issuer: Issuer) -> None:
    ann = desk.browser()
    told = through(ann, issuer)
    assert told.status_code == 200
    assert 'content="0;url=/"' in told.text
    assert set(ann.cookies) == {"connect-session"}
    assert ann.get("/proposals").status_code == 200
    assert "ann@example.com" in ann.get("/proposals").text
    assert ann.post("/proposals/1/confirm").status_code == 403


def test_somebody_without_a_role_stays_outside(desk: ConsoleDesk, issuer: Issuer) -> None:
    eve = desk.browser()
    told = through(eve, issuer, email="eve@example.com")
    assert told.status_code == 403
    assert eve.get("/proposals").status_code == 401
    assert "eve@example.com" not in str(desk.log.lines)


def test_what_the_provider_refused_is_told_without_its_words(desk: ConsoleDesk, issuer: Issuer) -> None:
    ann = desk.browser()
    ann.get("/sign-in/to")
    told = ann.get("/sign-in/back?error=access_denied&error_description=<b>evil</b>&state=x")
    assert told.status_code == 401
    assert "evil" not in told.text + str(desk.log.lines)


def test_another_browsers_answer_signs_nobody_in(desk: ConsoleDesk, issuer: Issuer) -> None:
    """Session fixation: an attacker's answer, brought by a victim's browser."""
    attacker, victim = desk.browser(), desk.browser()
    answer = issuer.agree(attacker.get("/sign-in/to").headers["location"])
    victim.get("/sign-in/to")
    told = victim.get(f"/sign-in/back?code={answer['code']}&state={answer['state']}")
    assert told.status_code == 401
    assert "connect-session" not in victim.cookies


def test_a_provider_that_we_did_not_write(tmp_path: Path) -> None:
    foreign = Foreign()
    provider = Provider(Oidc(issuer=ISSUER, client_id=CLIENT), lambda: SECRET, lambda: datetime.now(UTC), foreign)
    desk = ConsoleDesk(tmp_path, SETTINGS, provider=provider)
    ann = desk.browser()
    address = ann.get("/sign-in/to").headers["location"]
    told = foreign.open("POST", address, {"sub": "u-1"}, {})
    back = urlsplit(told.headers["location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == BACK
    assert set(parse_qs(back.query)) >= {"code", "state"}
    assert ann.get(f"{back.path}?{back.query}").status_code == 200
    assert ann.get("/proposals").status_code == 200
    (click,) = desk.journal.clicks()
    assert (click.who, click.role, click.action) == ("ann@example.com", "operator", "sign_in")
    desk.close()


@pytest.mark.parametrize(
    ("seen", "status"),
    [(timedelta(0), 200), (timedelta(minutes=29), 200), (timedelta(minutes=31), 403), (None, 403), ("yesterday", 403)],
)
def test_money_is_answered_by_who_the_provider_saw_lately(
    desk: ConsoleDesk, issuer: Issuer, seen: timedelta | str | None, status: int
) -> None:
    """A provider that still knows a browser lets anybody in who sits before it."""
    desk.settings = SETTINGS.model_copy(update={"people": {"ann@example.com": "approver"}})
    (key,) = desk.plan(desk.matter(), refund())
    desk.send(key, "unknown")
    desk.settle(key, "parked")
    ann = desk.browser()
    through(ann, issuer, auth_time=int((desk.now - seen).timestamp()) if isinstance(seen, timedelta) else seen)
    ann.get("/proposals")
    assert ann.post("/do/answer", look(ann, "answer", key=key, answer="retry")).status_code == status


def test_the_provider_is_asked_to_see_who_was_not_seen_lately() -> None:
    issuer, settings = Issuer(), SETTINGS.model_copy(update={"sessions": SessionTimes(fresh=timedelta(minutes=5))})
    provider = provider_of(lambda: settings, FileAndEnvSecrets(Path()), lambda: datetime.now(UTC))
    assert provider
    provider._transport = issuer
    _, address = asyncio.run(provider.begin(BACK))
    assert parse_qs(urlsplit(address).query)["max_age"] == ["300"]
