"""The doors beside the platforms' webhooks: other schemes, one address per kind, and the page for files."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks

from caseconnect.host.journal.errors import JournalFull
from caseconnect.host.journal.records import NewDelivery, Receipt
from caseconnect.host.web.app import make_app
from caseconnect.host.web.hooks import Hook, Hooks
from caseconnect.host.web.uploads import Uploads
from caseconnect.sdk import links
from caseconnect.sdk.components import UploadPage, Webhook

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET, OLD = "desk-secret-0123456789", "old-secret-0123456789"
BODY = b'{"id": "1"}'
REFERENCE = "test/shop/order/1001/order_review/1"


class Desk:
    def __init__(self, webhook: Webhook, *places: tuple[str, str, str]) -> None:
        self.stored: list[NewDelivery] = []
        self.fail: Exception | None = None
        self.hooks = Hooks(self._store, lambda: NOW, max_body=10_000)
        self.hooks.registry = dict.fromkeys(places, Hook("acme", "desk", webhook, lambda: [SECRET, OLD]))

    async def _store(self, new: NewDelivery) -> Receipt:
        if self.fail:
            raise self.fail
        self.stored.append(new)
        return Receipt(len(self.stored), "stored")

    def _delivered(self, tenant: str, connection: str, prefix: str) -> list[str]:
        return [
            new.delivery_id
            for new in self.stored
            if (new.tenant, new.connection) == (tenant, connection) and new.delivery_id.startswith(f"{prefix}-")
        ]

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], str]:
        app = make_app(self.hooks, lambda: None, Uploads(self.hooks, lambda: NOW, self._delivered))
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
        scope["headers"] = [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()]
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(_call(app, scope, receive, send))
        told = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
        return sent[0]["status"], told, b"".join(m["body"] for m in sent[1:]).decode()


async def _call(app: Any, *request: Any) -> None:
    await app(*request)


def hex_of(secret: str, body: bytes = BODY) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def base64_of(secret: str, body: bytes = BODY) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def door(scheme: Any, prefix: str = "", **more: Any) -> Desk:
    kinds = ("complaint", "approval_request")
    webhook = Webhook("X-Signature", ("secret",), scheme=scheme, prefix=prefix, kinds=kinds, id_header="X-Id", **more)
    return Desk(webhook, *(("in", "acme", kind) for kind in kinds))


@pytest.mark.parametrize("secret", [SECRET, OLD])
@pytest.mark.parametrize(
    ("scheme", "prefix", "sign"),
    [
        ("hmac-sha256-hex", "", hex_of),
        ("hmac-sha256-hex", "sha256=", hex_of),
        ("hmac-sha256-base64", "", base64_of),
        ("secret", "", lambda secret: secret),
        ("secret", "Bearer ", lambda secret: secret),
    ],
)
def test_each_scheme_opens_the_door_with_each_active_secret(scheme: Any, prefix: str, sign: Any, secret: str) -> None:
    desk = door(scheme, prefix, keep_headers=("Content-Type",))
    told = desk.ask("POST", "/in/acme/complaint", BODY, x_signature=prefix + sign(secret), content_type="text/x")
    assert told[0] == 200
    (new,) = desk.stored
    assert (new.tenant, new.connection, new.topic, new.body) == ("acme", "desk", "complaint", BODY)
    assert new.delivery_id == hashlib.sha256(BODY).hexdigest()
    assert new.headers == {"Content-Type": "text/x"}


@pytest.mark.parametrize(
    ("scheme", "prefix", "given"),
    [
        ("hmac-sha256-hex", "", hex_of("another secret")),
        ("hmac-sha256-hex", "", base64_of(SECRET)),
        ("hmac-sha256-hex", "sha256=", hex_of(SECRET)),
        ("hmac-sha256-base64", "", hex_of(SECRET)),
        ("hmac-sha256-base64", "", SECRET),
        ("secret", "", hex_of(SECRET)),
        ("secret", "", ""),
        ("secret", "", SECRET[:-1]),
        ("secret", "Bearer ", SECRET),
    ],
)
def test_what_does_not_fit_the_scheme_stays_out(scheme: Any, prefix: str, given: str) -> None:
    desk = door(scheme, prefix)
    assert desk.ask("POST", "/in/acme/complaint", BODY, x_signature=given)[::2] == (401, "")
    assert desk.stored == []


@pytest.mark.parametrize(
    "path", ["/in/acme/nothing", "/in/other/complaint", "/hooks/acme/desk", "/in/acme/complaint/x"]
)
def test_a_kind_that_nobody_takes_looks_like_a_wrong_signature(path: str) -> None:
    assert door("secret").ask("POST", path, BODY, x_signature=SECRET)[::2] == (401, "")


def test_where_money_is_asked_for_a_request_must_be_known_again() -> None:
    desk = door("secret", id_required=("approval_request",))
    status, _, said = desk.ask("POST", "/in/acme/approval_request", BODY, x_signature=SECRET)
    assert (status, desk.stored) == (400, [])
    assert "X-Id is required" in said
    assert desk.ask("POST", "/in/acme/approval_request", BODY, x_signature="wrong")[::2] == (401, "")
    assert desk.ask("POST", "/in/acme/approval_request", BODY, x_signature=SECRET, x_id="k1")[0] == 200
    assert desk.ask("POST", "/in/acme/complaint", BODY, x_signature=SECRET)[0] == 200
    assert desk.stored[0].delivery_id == "k1"


WHSEC = "whsec_" + base64.b64encode(b"a secret of twenty-four!").decode()
OTHER_WHSEC = "whsec_" + base64.b64encode(b"another one of some length").decode()


def by_standard(
    at: datetime = NOW,
    body: bytes = BODY,
    secret: str = WHSEC,
    kept: tuple[str, ...] = (OTHER_WHSEC, WHSEC),
    **sent: str,
) -> tuple[int, str, list[str]]:
    """What a sender gets that signs by the standard's own library: status, text, and the ids that were stored."""
    signature = standardwebhooks.Webhook(secret).sign("msg_1", at, BODY.decode())
    headers = {"id": "msg_1", "timestamp": str(int(at.timestamp())), "signature": signature, **sent}
    webhook = Webhook("webhook-signature", ("secret",), scheme="standard-webhooks", id_header="webhook-id")
    desk = Desk(webhook)
    desk.hooks.registry = {("in", "acme", "complaint"): Hook("acme", "desk", webhook, lambda: kept)}
    status, _, said = desk.ask("POST", "/in/acme/complaint", body, **{f"webhook_{n}": v for n, v in headers.items()})
    return status, said, [new.delivery_id for new in desk.stored]


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"at": NOW - timedelta(minutes=5)},
        {"at": NOW + timedelta(minutes=5)},
        {"kept": (WHSEC,)},
        {"kept": ("a secret of twenty-four!",)},
    ],
)
def test_a_request_signed_as_the_standard_says_comes_in(how: dict[str, Any]) -> None:
    assert by_standard(**how) == (200, "", ["msg_1"])


def test_of_several_signatures_one_that_fits_is_enough() -> None:
    signature = standardwebhooks.Webhook(WHSEC).sign("msg_1", NOW, BODY.decode())
    assert by_standard(signature=f"v1,AAAA v1a,BBBB {signature}")[0] == 200
    assert by_standard(signature="v1,AAAA v1a,BBBB")[0] == 401


@pytest.mark.parametrize(
    "how",
    [
        {"body": BODY + b" "},
        {"id": "msg_2"},
        {"id": ""},
        {"timestamp": str(int(NOW.timestamp()) + 1)},
        {"timestamp": ""},
        {"signature": ""},
        {"signature": "v1,"},
        {"kept": (OTHER_WHSEC,)},
    ],
)
def test_id_time_and_body_are_all_signed(how: dict[str, Any]) -> None:
    assert by_standard(**how) == (401, "", [])


@pytest.mark.parametrize("minutes", [-6, 6, -60 * 24 * 365])
def test_what_was_signed_long_ago_stays_out_and_the_sender_hears_why(minutes: int) -> None:
    status, said, stored = by_standard(NOW + timedelta(minutes=minutes))
    assert (status, stored) == (400, [])
    assert "5 minutes" in said


def test_a_secret_that_was_copied_in_part_is_nobodys_fault_outside() -> None:
    assert by_standard(kept=("whsec_no base64!",))[::2] == (503, [])


PAGE = UploadPage(title="Dateien <b>", language="de", accept=("image/png",))


def uploads(**limits: Any) -> Desk:
    return Desk(Webhook("", ("link_secret",), scheme="link", page=replace(PAGE, **limits)), ("up", "acme", "desk"))


def form(*files: bytes) -> bytes:
    parts = [b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nhere\r\n']
    parts += [
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + file + b"\r\n" for file in files
    ]
    return b"".join(parts) + b"--x--\r\n"


def link(secret: str = SECRET, purpose: str = "upload", days: float = 1) -> str:
    return f"/up/acme/desk/{links.make(secret, purpose, REFERENCE, NOW + timedelta(days=days))}"


@pytest.mark.parametrize("secret", [SECRET, OLD])
def test_a_good_link_shows_a_page_and_takes_files(secret: str) -> None:
    desk = uploads()
    status, headers, html = desk.ask("GET", link(secret))
    assert status == 200
    assert '<html lang="de">' in html
    assert "Dateien &lt;b&gt;" in html
    assert "<script" not in html
    assert REFERENCE not in html
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
    assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")
    form = "multipart/form-data; boundary=x"
    status, _, html = desk.ask("POST", link(secret), b"--x--", content_type=form)
    assert (status, PAGE.thanks in html) == (200, True)
    (new,) = desk.stored
    assert (new.topic, new.body) == ("upload", b"--x--")
    assert new.headers == {"Content-Type": form, "Connect-Reference": REFERENCE}


@pytest.mark.parametrize(
    "path",
    [
        link("another secret of nobody"),
        link(purpose="thread"),
        link(days=-1),
        link() + "x",
        link() + "/x",
        "/up/acme/nobody/token",
        "/up/acme/desk/",
        "/up",
        "/up/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_is_over_or_forged_gives_nothing(path: str, method: str) -> None:
    desk = uploads()
    assert desk.ask(method, path, b"--x--")[0] == 404
    assert desk.stored == []


def test_only_who_had_a_good_link_sees_the_tenants_words() -> None:
    desk = uploads()
    nobody = desk.ask("GET", "/up/acme/nobody/token")
    for forged in (link("another secret of nobody"), link(purpose="thread"), link() + "x", "/up/acme/desk/"):
        assert desk.ask("GET", forged) == nobody == desk.ask("POST", forged, b"--x--")
    assert PAGE.title.partition(" ")[0] not in nobody[2]
    assert "Dateien &lt;b&gt;" in desk.ask("GET", link(days=-1))[2]


def send(desk: Desk, *files: bytes, days: float = 1) -> tuple[int, str]:
    """What a browser gets that sends `files` by the link of so many days: the status, and what the page says."""
    status, _, html = desk.ask("POST", link(days=days), form(*files), content_type="multipart/form-data; boundary=x")
    return status, html.partition('role="status">')[2].partition("<")[0]


@pytest.mark.parametrize(
    ("limits", "taken", "refused"),
    [
        ({"max_files": 3}, [[b"1", b"2"], [b"3"]], [b"4"]),
        ({"max_files": 3}, [[b"1", b"2"]], [b"3", b"4"]),
        ({"max_size": 5_000}, [[b"1" * 4_000]], [b"2" * 1_000]),
    ],
)
def test_a_link_takes_no_more_than_it_may(limits: dict[str, int], taken: list[list[bytes]], refused: Any) -> None:
    desk = uploads(**limits)
    for files in taken:
        assert send(desk, *files) == (200, PAGE.thanks)
    assert send(desk, *refused) == (413, PAGE.full)
    assert len(desk.stored) == len(taken)
    assert send(desk, *taken[0]) == (200, PAGE.thanks), "the same once more is known, and thanked for"
    assert send(desk, *refused, days=2) == (200, PAGE.thanks), "another link has its own limits"


def test_a_link_that_is_used_up_is_over() -> None:
    desk = uploads(max_uses=2)
    assert [send(desk, b"1"), send(desk, b"2"), send(desk, b"3")] == [*[(200, PAGE.thanks)] * 2, (404, PAGE.over)]
    assert desk.ask("GET", link())[0] == 404
    assert len(desk.stored) == 2


def test_however_many_links_a_matter_has_it_takes_no_more_than_five_of_them() -> None:
    desk = uploads(max_uses=2)
    answers = [send(desk, f"{day} {use}".encode(), days=day)[0] for day in range(1, 8) for use in range(2)]
    assert answers == [200] * 10 + [404] * 4
    desk = uploads(max_size=3_000)
    answers = [send(desk, b"%d" % day * 2_500, days=day)[0] for day in range(1, 8)]
    assert answers == [200] * 5 + [413] * 2


def test_limits_hold_and_a_full_disk_thanks_nobody() -> None:
    desk = uploads()
    status, _, html = desk.ask("POST", link(), b"x" * 10_001)
    assert (status, "too large" in html) == (413, True)
    assert desk.ask("PUT", link())[0] == 405
    desk.fail = JournalFull("full")
    status, _, html = desk.ask("POST", link(), b"--x--")
    assert (status, PAGE.thanks in html) == (503, False)
    assert desk.stored == []
