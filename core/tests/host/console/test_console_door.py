"""Who is let in: hosts, origins, forms, roles, sessions; and what every answer carries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_desk import HERE, ConsoleDesk

from caseconnect.host.numbers.page import metrics_app
from caseconnect.host.web.console.asking import Ask, Page, Shown
from caseconnect.host.web.console.guard import HEADERS, MAX_BODY, Door, every_door
from caseconnect.host.web.console.people import ROLES, Identity, Role
from caseconnect.host.web.console.settings import ConsoleSettings
from caseconnect.host.web.console.signing import onward

SESSION = "connect-session"


def showing(ask: Ask) -> Shown:
    return Shown("refused.html", {"why": f"hello {ask.person.name}"}, "A page")


def breaking(ask: Ask) -> Shown:
    raise ValueError("ann@example.com")


PAGES = (
    Page("/first", showing, "First"),
    Page("/things/{tenant}/{subject:path}", showing),
    Page("/working", showing, "Working", Role.OPERATOR),
    Page("/broken", breaking),
    Page("/body/{tenant}", showing, role=Role.OPERATOR, look="look_body"),
)


async def numbers() -> bytes:
    return b"connect_up 1\n"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ConsoleDesk]:
    made = ConsoleDesk(tmp_path, pages=PAGES, metrics=metrics_app(numbers))
    yield made
    made.close()


def paths(desk: ConsoleDesk) -> list[tuple[Door, str]]:
    values = {"{tenant}": "acme", "{subject:path}": "shop/order/1", "{name}": "sign-in.js", "{number:int}": "7"}
    found = []
    for door in desk.console.routes:
        path = door.path
        for name, value in values.items():
            path = path.replace(name, value)
        found.append((door, path.replace("{action}", "pause")))
    return found


def test_no_route_is_served_without_a_role() -> None:
    from starlette.routing import Route

    with pytest.raises(TypeError, match="without a role"):
        every_door([Route("/x", showing)])


OPEN = {"/sign-in", "/sign-in/to", "/sign-in/back", "/static/{name}", "/favicon.ico"}


def test_only_these_routes_are_open(desk: ConsoleDesk) -> None:
    assert {door.path for door in desk.console.routes if door.role is None} <= OPEN


def test_every_route_by_every_role(desk: ConsoleDesk) -> None:
    people = desk.browsers()
    stranger = desk.browser()
    for door, path in paths(desk):
        (method,) = door.methods - {"HEAD"} if door.methods else {"GET"}
        if door.role is None:
            continue
        told = stranger.ask(method, path)
        assert told.status_code == 401, path
        assert "hello" not in told.text
        for word, browser in people.items():
            if door.bearer or path in {"/sign-out", "/live"}:  # the latter does not end
                continue
            status = browser.ask(method, path, {"csrf": browser.csrf} if method == "POST" else None).status_code
            allowed = ROLES[word] >= door.role
            assert (status != 403) is allowed, (path, word, status)
            assert status != 401, (path, word)


def test_every_answer_has_the_headers(desk: ConsoleDesk) -> None:
    browser, stranger = desk.browser("ann", "approver"), desk.browser()
    asked = [(door, path) for door, path in paths(desk) if path != "/sign-out"]
    for who in (browser, stranger):
        for door, path in asked:
            if path == "/live" and who is browser:
                continue
            for method in door.methods or ():
                told = who.ask(method, path)
                assert {name: told.headers.get(name) for name in HEADERS} == HEADERS, path
    for odd in (stranger.get("/x", host="evil.example"), stranger.ask("PUT", "/first"), browser.get("/no/such")):
        assert {name: odd.headers.get(name) for name in HEADERS} == HEADERS
    assert "unsafe" not in HEADERS["content-security-policy"]


def test_strangers_learn_nothing_of_what_is_there(desk: ConsoleDesk) -> None:
    stranger = desk.browser()
    there, nowhere = stranger.get("/first"), stranger.get("/no/such/page")
    assert there.status_code == nowhere.status_code == 401
    assert there.text == nowhere.text
    assert desk.browser("ann", "viewer").get("/no/such/page").status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:9", "127.0.0.1:8481.evil.example", ""])
def test_another_name_of_the_host_is_refused(desk: ConsoleDesk, host: str) -> None:
    assert desk.browser("ann", "viewer").get("/first", host=host).status_code == 421


@pytest.mark.parametrize(
    ("origin", "site"),
    [
        ("https://evil.example", "cross-site"),
        ("null", None),
        ("http://127.0.0.1:9999", "same-site"),
        (None, "cross-site"),
        (None, "same-site"),
        (None, None),
    ],
)
def test_a_form_from_elsewhere_does_nothing(desk: ConsoleDesk, origin: str | None, site: str | None) -> None:
    browser = desk.browser("ann", "viewer")
    told = browser.post("/sign-out", origin=origin, sec_fetch_site=site)
    assert told.status_code == 403
    assert browser.get("/first").status_code == 200


def test_a_form_needs_its_own_sessions_token(desk: ConsoleDesk) -> None:
    ann, bob = desk.browser("ann", "viewer"), desk.browser("bob", "viewer")
    for wrong in ("", "x", bob.csrf):
        assert ann.post("/sign-out", {"csrf": wrong}).status_code == 403
    old = ann.csrf
    ann.sign_in("ann", "viewer")
    assert ann.post("/sign-out", {"csrf": old}).status_code == 403
    assert ann.post("/sign-out").status_code == 303


def test_a_token_in_json_or_in_the_address_is_none(desk: ConsoleDesk) -> None:
    ann = desk.browser("ann", "viewer")
    assert ann.ask("POST", f"/sign-out?csrf={ann.csrf}").status_code == 403
    assert ann.ask("POST", "/sign-out", {"csrf": ann.csrf}, content_type="text/plain").status_code == 403


def test_a_stolen_cookie_is_nothing_after_signing_out(desk: ConsoleDesk) -> None:
    ann = desk.browser("ann", "viewer")
    stolen = dict(ann.cookies)
    ann.post("/sign-out")
    assert SESSION not in ann.cookies
    ann.cookies = stolen
    assert ann.get("/first").status_code == 401


def test_signing_in_makes_a_new_session_whatever_cookie_came(desk: ConsoleDesk) -> None:
    planted = desk.browser()
    planted.cookies[SESSION] = "chosen-by-somebody-else"
    planted.sign_in("ann", "viewer")
    assert planted.cookies[SESSION] != "chosen-by-somebody-else"
    former = planted.cookies[SESSION]
    planted.sign_in("ann", "viewer")
    assert planted.cookies[SESSION] != former
    old = desk.browser()
    old.cookies[SESSION] = former
    assert old.get("/first").status_code == 401


def test_a_link_works_once_and_not_for_long(desk: ConsoleDesk) -> None:
    link = desk.console.link("ann", "viewer")
    assert link.startswith(f"{HERE}/sign-in#")
    token = link.partition("#")[2]
    assert desk.browser().post("/sign-in", {"token": token}).status_code == 200
    assert desk.browser().post("/sign-in", {"token": token}).status_code == 401
    late = desk.console.link("ann", "viewer").partition("#")[2]
    desk.pass_time(minutes=10)
    assert desk.browser().post("/sign-in", {"token": late}).status_code == 401
    assert token not in str(desk.log.lines)


def test_guessing_is_slowed_down(desk: ConsoleDesk) -> None:
    browser = desk.browser()
    assert [browser.post("/sign-in", {"token": str(n)}).status_code for n in range(6)] == [401] * 5 + [429]
    told = browser.post("/sign-in", {"token": "one more"})
    assert (told.status_code, told.headers["retry-after"]) == (429, "1")
    desk.pass_time(seconds=2)
    assert browser.post("/sign-in", {"token": "another"}).status_code == 401


@pytest.mark.parametrize(("minutes", "clicks"), [(31, 0), (29, 24)])
def test_a_session_ends_when_idle_and_after_twelve_hours(desk: ConsoleDesk, minutes: int, clicks: int) -> None:
    ann = desk.browser("ann", "viewer")
    told = []
    for _ in range(clicks + 1):
        desk.pass_time(minutes=minutes)
        told.append(ann.get("/first").status_code)
    assert told == [200] * clicks + [401]


def test_what_a_page_fetches_by_itself_keeps_nobody_signed_in(desk: ConsoleDesk) -> None:
    ann = desk.browser("ann", "viewer")
    desk.pass_time(minutes=20)
    assert ann.get("/first", x_by_itself="1").status_code == 200
    desk.pass_time(minutes=11)
    assert ann.get("/first").status_code == 401


def test_who_has_another_role_now_signs_in_again(desk: ConsoleDesk) -> None:
    given = {"oidc": {"issuer": "https://login.example", "client_id": "connect"}}
    desk.settings = ConsoleSettings.model_validate({**given, "people": {"Ann@example.com": "operator"}})
    who = Identity("ann@example.com", mail="ann@example.com", groups=frozenset({"desk"}))
    id_ = desk.console.sessions.begin(who)
    assert id_
    assert desk.console.sessions.find(id_)
    desk.settings = ConsoleSettings.model_validate({**given, "people": {"ann@example.com": "viewer"}})
    assert desk.console.sessions.find(id_) is None
    desk.settings = ConsoleSettings.model_validate({**given, "people": {"bob@example.com": "viewer"}})
    assert desk.console.sessions.begin(who) is None
    desk.settings = ConsoleSettings.model_validate({**given, "groups": {"desk": "viewer", "x": "approver"}})
    assert desk.settings.role_of(who) == Role.VIEWER


def test_too_much_is_refused(desk: ConsoleDesk) -> None:
    told = desk.browser().ask("POST", "/sign-in", {"token": "x" * MAX_BODY})
    assert told.status_code == 413


def test_a_link_from_a_mail_comes_in_by_a_page_of_ours(desk: ConsoleDesk) -> None:
    stranger = desk.browser()
    told = stranger.get("/things/acme/shop/order/1?a=%22%3E%3Cscript%3E", sec_fetch_site="cross-site")
    assert told.status_code == 200
    assert 'url=/things/acme/shop/order/1?a=%22%3E%3Cscript%3E"' in told.text
    assert "<script" not in told.text
    for odd in ("//evil.example/", "/%5Cevil.example", "/%09/evil.example", "/%2F/evil.example", "///evil.example"):
        told = stranger.get(odd, sec_fetch_site="cross-site")
        (where,) = re.findall(r'url=([^"]*)"', told.text)
        assert re.match(r"/(?![/\\\s])", where), (odd, where)
    for odd in ("//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example"):
        assert b"url=/evil.example" in bytes(onward(odd).body)
    assert b"<b>" not in bytes(onward("/<b>").body)


def test_an_address_with_the_usual_port_is_the_one_that_browsers_send() -> None:
    assert ConsoleSettings(url="https://connect.example.com:443/").url == "https://connect.example.com"
    assert ConsoleSettings(url="https://connect.example.com:8443").url == "https://connect.example.com:8443"


def test_what_breaks_says_nothing_of_its_data(desk: ConsoleDesk) -> None:
    told = desk.browser("ann", "viewer").get("/broken")
    assert told.status_code == 500
    assert "ann@example.com" not in told.text + str(desk.log.lines)
    assert desk.log.lines[-1][0] == "page broke"


def test_the_cookie_is_for_this_host_and_no_script(tmp_path: Path) -> None:
    for url, name in ((None, SESSION), ("https://connect.example.com", f"__Host-{SESSION}")):
        folder = tmp_path / name
        folder.mkdir()
        desk = ConsoleDesk(folder, ConsoleSettings(url=url), pages=PAGES)
        token = desk.console.link("ann", "viewer").partition("#")[2]
        cookie = desk.browser(origin=url or HERE).post("/sign-in", {"token": token}).headers["set-cookie"].lower()
        assert cookie.startswith(f"{name.lower()}=")
        assert {"httponly", "samesite=strict", "path=/"} <= {part.strip() for part in cookie.split(";")}
        assert ("secure" in cookie) is bool(url)
        assert "domain" not in cookie
        desk.close()


def test_signing_in_and_out_are_clicks(desk: ConsoleDesk) -> None:
    desk.browser("ann", "viewer").post("/sign-out")
    assert [(c.who, c.action, c.result) for c in desk.journal.clicks()] == [
        ("ann", "sign_out", "done"),
        ("ann", "sign_in", "done"),
    ]


def test_a_look_at_what_is_personal_is_kept(desk: ConsoleDesk) -> None:
    assert desk.browser("bob", "operator").get("/body/acme").status_code == 200
    assert desk.browser("vic", "viewer").get("/body/acme").status_code == 403
    looks = [c for c in desk.journal.clicks() if c.action == "look_body"]
    assert [(c.who, c.tenant, c.about) for c in looks] == [("bob", "acme", ["/body/acme"])]


def test_numbers_are_open_to_this_machine_only(desk: ConsoleDesk, tmp_path: Path) -> None:
    assert desk.browser().get("/metrics").text == "connect_up 1\n"
    (tmp_path / "far").mkdir()
    settings = ConsoleSettings(url="https://connect.example.com")
    far = ConsoleDesk(tmp_path / "far", settings, metrics=metrics_app(numbers, proxied=lambda: True))
    assert far.browser().get("/metrics").status_code == 401  # what a proxy sends that names nobody
    assert far.browser(origin="https://connect.example.com").get("/metrics").status_code == 401
    far.close()


FAR = {
    "tls": {"certificate": "c", "key": "k"},
    "oidc": {"issuer": "https://x.example", "client_id": "c"},
    "people": {"ann@example.com": "viewer"},
}


@pytest.mark.parametrize(
    ("given", "port", "address"),
    [
        ({"host": "192.0.2.1", **FAR}, 443, "https://192.0.2.1"),
        ({"host": "192.0.2.1", **FAR}, 443, "https://192.0.2.1:443"),
        ({}, 80, "http://127.0.0.1"),
        ({"host": "0.0.0.0", "url": "https://connect.example.com", **FAR}, 443, "https://connect.example.com"),
    ],
)
def test_a_port_that_browsers_do_not_say_is_known(
    tmp_path: Path, given: dict[str, object], port: int, address: str
) -> None:
    desk = ConsoleDesk(tmp_path, ConsoleSettings.model_validate(given))
    desk.console.house.port = port
    assert desk.browser(origin=address).get("/sign-in").status_code == 200
    assert desk.browser(origin="https://evil.example").get("/sign-in").status_code == 421
    desk.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"host": "0.0.0.0"}, "would be open to others"),
        ({"host": "192.0.2.1", "tls": {"certificate": "c", "key": "k"}}, "would be open to others"),
        ({"host": "0.0.0.0", **FAR}, "say under which people reach"),
        ({"host": "::", **FAR}, "say under which people reach"),
        ({"url": "http://connect.example.com"}, "by https"),
        ({"url": "https://connect.example.com/x"}, "nothing behind it"),
        ({"people": {"ann@example.com": "viewer"}}, "need `oidc`"),
        ({"oidc": {"issuer": "https://x.example", "client_id": "c"}}, "who may do what"),
        ({"oidc": {"issuer": "http://x.example", "client_id": "c"}, "groups": {"a": "viewer"}}, "https"),
        ({"four_eyes": {"eur": "1"}}, "no currency"),
        ({"four_eyes": {"EUR": "-1"}}, "zero or more"),
    ],
)
def test_settings_that_would_let_somebody_in_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ConsoleSettings.model_validate(given)


def test_who_is_signed_in_may_sign_in_again(desk: ConsoleDesk) -> None:
    ann = desk.browser("ann", "viewer")
    token = desk.console.link("ann", "approver").partition("#")[2]
    ann.get("/sign-in")
    assert ann.ask("POST", "/sign-in", {"token": token}, origin="https://evil.example").status_code == 403
    assert ann.ask("POST", "/sign-in", {"token": token}).status_code == 200
    assert next((c.action, c.role) for c in desk.journal.clicks()) == ("sign_in", "approver")


def test_a_good_link_is_let_in_though_others_tried_wrong_ones(desk: ConsoleDesk) -> None:
    ann, eve = desk.browser(), desk.browser()
    for n in range(8):
        eve.post("/sign-in", {"token": f"guess-{n}"})
    ann.sign_in("ann", "viewer")
    assert ann.get("/proposals").status_code == 200
