"""The webhook endpoint, called in this process."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.codec import feed
from caseconnect.host.journal.errors import Conflict, JournalBroken, JournalBusy, JournalError, JournalFull
from caseconnect.host.journal.records import NewDelivery, Receipt
from caseconnect.host.web.app import make_app
from caseconnect.host.web.hooks import Hook, Hooks
from caseconnect.sdk.components import Webhook
from caseconnect.sdk.errors import ConfigError

SECRET, OLD, FOREIGN, OTHER = (
    "shop-secret-0123456789",
    "old-secret-0123456789",
    "their-secret-987654321",
    "desk-secret-4711",
)
WEBHOOK = Webhook(
    signature_header="X-Signature",
    secrets=("secret",),
    topic_header="X-Topic",
    id_header="X-Delivery",
    expect={"X-Shop": "One.Example"},
    keep_headers=("X-Kept", "X-Also-Kept"),
)
BODY = b'{"id": 820982911946154508,\r\n "note": "caf\xc3\xa9"}'
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Headers = list[tuple[str, str]]


@dataclass
class Told:
    """An answer."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        return dict(self.headers).get(name)


def sign(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def signed(body: bytes = BODY, secret: str = SECRET, **more: str) -> Headers:
    told = {"X-Signature": sign(body, secret), "X-Topic": "orders/create", "X-Shop": "one.example", "X-Delivery": "d1"}
    return list((told | {k.replace("_", "-"): v for k, v in more.items()}).items())


class Desk:
    """Hooks over a list. `fail` is raised instead of storing; `events` is what happened, in order."""

    def __init__(self, fail: Exception | None = None, **options: Any) -> None:
        self.stored: list[NewDelivery] = []
        self.events: list[str] = []
        self.fail, self.active = fail, [SECRET]
        self.hooks = Hooks(self._store, lambda: NOW, stored=lambda: self.events.append("rung"), **options)
        self.hooks.registry = {
            ("hooks", "acme", "shop"): Hook("acme", "shop", WEBHOOK, lambda: self.active),
            ("hooks", "acme", "desk"): Hook("acme", "desk", WEBHOOK, lambda: [OTHER]),
            ("hooks", "other", "shop"): Hook("other", "shop", WEBHOOK, lambda: [FOREIGN, OLD]),
        }

    async def _store(self, new: NewDelivery) -> Receipt:
        if self.fail:
            raise self.fail
        self.events.append("committed")
        self.stored.append(new)
        return Receipt(len(self.stored), "stored")

    def ask(self, headers: Headers, body: bytes | Sequence[bytes] = BODY, **how: Any) -> Told:
        """One request, start to end."""
        return asyncio.run(ask(self.hooks, headers, body, events=self.events, **how))


async def ask(
    app: Callable[..., Awaitable[None]],
    headers: Iterable[tuple[str, str]],
    body: bytes | Sequence[bytes] = BODY,
    *,
    path: str = "/hooks/acme/shop",
    method: str = "POST",
    events: list[str] | None = None,
) -> Told:
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": b"",
        "headers": [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers],
    }
    chunks = [body] if isinstance(body, bytes) else list(body)
    messages = [{"type": "http.request", "body": c, "more_body": n < len(chunks)} for n, c in enumerate(chunks, 1)]
    sent: list[Any] = []
    seen = events if events is not None else []

    async def receive() -> Any:
        seen.append("read")
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        seen.append(f"sent {message.get('status', 'body')}")
        sent.append(message)

    await app(scope, receive, send)
    start, *rest = sent
    return Told(start["status"], list(start["headers"]), b"".join(m["body"] for m in rest))


def with_signature(signature: str, body: bytes = BODY) -> tuple[Headers, bytes]:
    return signed(X_Signature=signature), body


def with_body(body: bytes) -> tuple[Headers, bytes]:
    return signed(BODY), body


def without(name: str) -> tuple[Headers, bytes]:
    return [(k, v) for k, v in signed() if k != name], BODY


def also(name: str, value: str, *, first: bool = False) -> tuple[Headers, bytes]:
    more = [(name, value)]
    return (more + signed() if first else signed() + more), BODY


def flipped(data: bytes, bit: int) -> bytes:
    made = bytearray(data)
    made[bit // 8] ^= 1 << bit % 8
    return bytes(made)


def mac(kind: str, secret: str = SECRET, body: bytes = BODY) -> bytes:
    return hmac.new(secret.encode(), body, kind).digest()


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


GOOD, RAW = sign(BODY), mac("sha256")
REFUSED: dict[str, tuple[Headers, bytes]] = {
    "first bit of the signature flipped": with_signature(b64(flipped(RAW, 0))),
    "last bit of the signature flipped": with_signature(b64(flipped(RAW, 255))),
    "lower case": with_signature(GOOD.lower()),
    "upper case": with_signature(GOOD.upper()),
    "swapped case": with_signature(GOOD.swapcase()),
    "hex": with_signature(RAW.hex()),
    "hex in capitals": with_signature(RAW.hex().upper()),
    "base64 of hex": with_signature(b64(RAW.hex().encode())),
    "base64 twice": with_signature(b64(GOOD.encode())),
    "url-safe base64": with_signature(GOOD.replace("+", "-").replace("/", "_") if "+" in GOOD or "/" in GOOD else "-"),
    "no padding": with_signature(GOOD.rstrip("=")),
    "more padding": with_signature(GOOD + "="),
    "first half": with_signature(GOOD[:22]),
    "twice in one value": with_signature(GOOD + GOOD),
    "two in a list": with_signature(f"{GOOD}, {GOOD}"),
    "named algorithm": with_signature(f"sha256={GOOD}"),
    "scheme": with_signature(f"HMAC {GOOD}"),
    "quoted": with_signature(f'"{GOOD}"'),
    "space before": with_signature(f" {GOOD}"),
    "newline after": with_signature(f"{GOOD}\n"),
    "zero byte after": with_signature(f"{GOOD}\0"),
    "not latin": with_signature(GOOD[:-1] + "\xff"),
    "empty signature": with_signature(""),
    "a single equals sign": with_signature("="),
    "64 KiB of signature": with_signature("A" * 65_536),
    "sha1": with_signature(b64(mac("sha1"))),
    "sha512": with_signature(b64(mac("sha512"))),
    "digest without a key": with_signature(b64(hashlib.sha256(BODY).digest())),
    "digest of secret and body": with_signature(b64(hashlib.sha256(SECRET.encode() + BODY).digest())),
    "empty secret": with_signature(sign(BODY, "")),
    "secret with a newline": with_signature(sign(BODY, SECRET + "\n")),
    "another tenant's secret": with_signature(sign(BODY, FOREIGN)),
    "another connection's secret": with_signature(sign(BODY, OTHER)),
    "signature of an empty body": with_signature(sign(b"")),
    "signature of the digest": with_signature(sign(hashlib.sha256(BODY).digest())),
    "signature missing": without("X-Signature"),
    "signature under another name": (
        [("X-Signature-256" if k == "X-Signature" else k, v) for k, v in signed()],
        BODY,
    ),
    "signature twice, both good": also("X-Signature", GOOD),
    "signature twice, the second bad": also("X-Signature", "bad"),
    "signature twice, the first bad": also("X-Signature", "bad", first=True),
    "one bit of the body flipped": with_body(flipped(BODY, 77)),
    "written anew": with_body(json.dumps(json.loads(BODY)).encode()),
    "written anew in the same form": with_body(json.dumps(json.loads(BODY), ensure_ascii=False, indent=1).encode()),
    "trailing newline in the body": with_body(BODY + b"\n"),
    "leading space in the body": with_body(b" " + BODY),
    "byte order mark": with_body(b"\xef\xbb\xbf" + BODY),
    "other line ends": with_body(BODY.replace(b"\r\n", b"\n")),
    "last byte missing": with_body(BODY[:-1]),
    "empty body": with_body(b""),
    "zipped body": with_body(gzip.compress(BODY)),
    "another shop": (signed(X_Shop="two.example"), BODY),
    "another shop that begins alike": (signed(X_Shop="one.example.evil"), BODY),
    "no shop": without("X-Shop"),
    "empty shop": (signed(X_Shop=""), BODY),
    "shop twice": also("X-Shop", "one.example"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_secret_did_not_sign_is_refused(name: str) -> None:
    headers, body = REFUSED[name]
    desk = Desk()
    assert desk.ask(headers, body) == Told(401, [(b"content-length", b"0")], b"")
    assert desk.stored == []


def test_the_same_request_as_it_was_signed_is_taken() -> None:
    desk = Desk()
    assert desk.ask(signed()) == Told(200, [(b"content-length", b"0")], b"")
    (new,) = desk.stored
    assert (new.tenant, new.connection, new.topic, new.delivery_id) == ("acme", "shop", "orders/create", "d1")
    assert (new.body, new.received_at, new.polled) == (BODY, NOW, False)


@pytest.mark.parametrize(
    "path",
    [
        "/hooks/nobody/shop",
        "/hooks/acme/nothing",
        "/hooks/other/shop",
        "/hooks//",
        "/hooks/acme",
        "/hooks/acme/",
        "/hooks/acme/shop/",
        "/hooks//acme/shop",
        "/hooks/acme//shop",
        "/hooks/acme/shop/more",
        "/hooks/acme%2Fshop",
        "/hooks%2facme/shop",
        "/hooks/acme/sho%70",
        "/hooks/ACME/shop",
        "/hooks/acme/shop%00",
        "/hooks/acme/../acme/shop",
        "/hooks/./acme/shop",
        "/hooks/acme/shop;v=1",
        "/hooks/acme/\xe9",
        "/hooks/" + "a" * 50_000 + "/shop",
        "/hooks/acme/shop" + "/" * 50_000,
    ],
)
def test_unknown_places_look_like_bad_signatures(path: str) -> None:
    desk = Desk()
    bad = desk.ask(signed(X_Signature="bad"))
    assert desk.ask(signed(), path=path) == bad
    assert bad.status == 401
    assert desk.stored == []


def test_every_refusal_costs_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counting(hash_: Any, body: bytes) -> None:
        made.append(len(body))
        feed(hash_, body)

    desk, headers = Desk(), signed(X_Signature="bad")
    monkeypatch.setattr("caseconnect.host.web.signatures.feed", counting)
    costs = {}
    for path in ("/hooks/nobody/shop", "/hooks/acme/nothing", "/hooks/acme/shop", "/hooks/other/shop", "/hooks/x"):
        made.clear()
        assert desk.ask(headers, path=path).status == 401
        costs[path] = list(made)
    assert set(map(tuple, costs.values())) == {(len(BODY), len(BODY))}


def test_two_secrets_are_good_while_one_replaces_the_other() -> None:
    desk = Desk()
    answers = []
    for active, with_old, with_new in (
        ([OLD], 200, 401),
        ([SECRET, OLD], 200, 200),
        ([OLD, SECRET], 200, 200),
        ([SECRET], 401, 200),
    ):
        desk.active = active
        answers.append((desk.ask(signed(secret=OLD)).status, desk.ask(signed(secret=SECRET)).status))
        assert answers[-1] == (with_old, with_new), active


@pytest.mark.parametrize("active", [[], ["short"], [SECRET, ""], [SECRET, "1234567"]])
def test_without_a_usable_secret_nothing_is_taken_and_the_sender_tries_again(active: list[str]) -> None:
    desk = Desk()
    desk.active = active
    told = desk.ask(signed(secret=active[0] if active else ""))
    assert (told.status, told.header(b"retry-after"), told.body) == (503, b"60", b"")
    assert desk.stored == []


def test_a_secret_that_cannot_be_read_says_so_only_with_the_status() -> None:
    desk = Desk()

    def reveal() -> list[str]:
        raise ConfigError("the environment variable SHOP_SECRET is not set")

    desk.hooks.registry = {("hooks", "acme", "shop"): Hook("acme", "shop", WEBHOOK, reveal)}
    told = desk.ask(signed())
    assert (told.status, told.header(b"retry-after"), told.body) == (503, b"60", b"")
    assert SECRET not in repr(desk.hooks.registry)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "post"])
def test_only_post(method: str) -> None:
    desk = Desk()
    told = desk.ask(signed(), method=method)
    assert (told.status, told.header(b"allow"), told.body) == (405, b"POST", b"")
    assert desk.stored == []
    assert "read" not in desk.events


@pytest.mark.parametrize(
    ("length", "status"),
    [("100", 200), ("101", 413), ("9" * 30, 413), ("9" * 5_000, 413), ("\xb2", 200), ("", 200), ("-1", 200)],
)
def test_a_declared_length_beyond_the_limit_is_not_read(length: str, status: int) -> None:
    desk = Desk(max_body=100)
    told = desk.ask([*signed(), ("Content-Length", length)])
    assert told.status == status
    assert (told.header(b"connection") == b"close") == (status == 413)
    assert ("read" in desk.events) == (status == 200)


@pytest.mark.parametrize(
    ("chunks", "status", "reads"),
    [([60, 40], 200, 2), ([60, 41], 413, 2), ([100], 200, 1), ([101], 413, 1), ([0] * 50 + [101, 5, 5], 413, 51)],
)
def test_a_body_beyond_the_limit_is_not_read_on(chunks: list[int], status: int, reads: int) -> None:
    desk = Desk(max_body=100)
    body = [b"x" * size for size in chunks]
    assert desk.ask(signed(b"".join(body)), body).status == status
    assert desk.events.count("read") == reads
    assert len(desk.stored) == (status == 200)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate", "zstd", "gzip, identity", "*", "x"])
def test_nothing_is_unpacked(coding: str) -> None:
    bomb = gzip.compress(bytes(1_000_000))
    desk = Desk()
    assert desk.ask([*signed(bomb), ("Content-Encoding", coding)], bomb).status == 415
    assert desk.ask([*signed(bomb), ("Content-Encoding", coding), ("Content-Encoding", coding)], bomb).status == 415
    assert "read" not in desk.events
    assert desk.stored == []


@pytest.mark.parametrize("coding", ["identity", "Identity"])
def test_identity_is_no_coding(coding: str) -> None:
    assert Desk().ask([*signed(), ("Content-Encoding", coding)]).status == 200


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "multipart/form-data; boundary=x", "../../etc/passwd", "", "\xff"]
)
def test_the_content_type_decides_nothing(kind: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="/etc/passwd"\r\n\r\n{}\r\n--x--'
    desk = Desk()
    assert desk.ask([*signed(body), ("Content-Type", kind)], body).status == 200
    assert desk.stored[0].body == body
    assert desk.stored[0].headers == {}


@pytest.mark.parametrize(
    ("fail", "seconds"),
    [
        (JournalBusy("more is waiting"), b"1"),
        (JournalFull("no room"), b"30"),
        (JournalBroken("the outcome is unknown"), b"60"),
        (Conflict("a row"), b"60"),
        (JournalError("opened for reading only"), b"60"),
    ],
)
def test_what_is_not_committed_is_not_acknowledged(fail: Exception, seconds: bytes) -> None:
    desk = Desk(fail)
    told = desk.ask(signed())
    assert (told.status, told.header(b"retry-after"), told.body) == (503, seconds, b"")
    assert "rung" not in desk.events
    desk.fail = None
    assert desk.ask(signed()).status == 200


def test_overload_is_told_before_the_body_is_read() -> None:
    full = 1.0
    desk = Desk(load=lambda: full)
    told = desk.ask(signed())
    assert (told.status, told.header(b"retry-after")) == (503, b"1")
    assert "read" not in desk.events
    full = 0.99
    assert desk.ask(signed()).status == 200


def test_bodies_that_are_being_read_are_bounded_together() -> None:
    desk = Desk(max_reading=1_000)

    async def story() -> None:
        gate = asyncio.Event()
        halves = [[b"a" * 600, b"b"], [b"c" * 600, b"d"]]

        async def slow(chunks: list[bytes]) -> Told:
            left = list(chunks)

            async def receive() -> Any:
                if len(left) == 1:
                    await gate.wait()
                chunk = left.pop(0)
                return {"type": "http.request", "body": chunk, "more_body": bool(left)}

            sent: list[Any] = []

            async def send(message: Any) -> None:
                sent.append(message)

            headers = [(k.lower().encode(), v.encode()) for k, v in signed(b"".join(chunks))]
            scope = {"type": "http", "method": "POST", "path": "/hooks/acme/shop", "headers": headers}
            await desk.hooks(scope, receive, send)
            return Told(sent[0]["status"], sent[0]["headers"], b"")

        first = asyncio.create_task(slow(halves[0]))
        await asyncio.sleep(0)
        second = await slow(halves[1])
        assert (second.status, second.header(b"retry-after")) == (503, b"1")
        gate.set()
        assert (await first).status == 200
        assert (await slow(halves[1])).status == 200

    asyncio.run(story())


@pytest.mark.parametrize("flooded", ["/hooks/nobody/shop", "/hooks/other/shop", "/hooks/acme/shop/more"])
def test_who_floods_one_path_shuts_no_other(flooded: str) -> None:
    desk = Desk(max_reading=1_000)

    async def story() -> None:
        gate = asyncio.Event()

        async def never() -> Any:
            await gate.wait()
            return {"type": "http.disconnect"}

        async def stalled(chunks: list[bytes]) -> None:
            async def receive() -> Any:
                return {"type": "http.request", "body": chunks.pop(0), "more_body": True} if chunks else await never()

            async def send(message: Any) -> None:
                pass

            await desk.hooks({"type": "http", "method": "POST", "path": flooded, "headers": []}, receive, send)

        flood = asyncio.create_task(stalled([b"a" * 1_000]))
        await asyncio.sleep(0)
        assert (await ask(desk.hooks, signed())).status == 200
        assert (await ask(desk.hooks, [], path=flooded)).status == 503
        gate.set()
        await flood
        assert (await ask(desk.hooks, [], path=flooded)).status == 401

    asyncio.run(story())


def test_the_answer_comes_after_the_commit() -> None:
    desk = Desk()
    desk.ask(signed(), [BODY[:5], BODY[5:]])
    assert desk.events == ["read", "read", "committed", "rung", "sent 200", "sent body"]


def test_a_client_that_leaves_in_the_middle_stores_nothing() -> None:
    desk = Desk()

    async def story() -> Told:
        scope = {"type": "http", "method": "POST", "path": "/hooks/acme/shop", "headers": []}
        messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
        sent: list[Any] = []

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await desk.hooks(scope, receive, send)
        return Told(sent[0]["status"], [], b"")

    assert asyncio.run(story()).status == 400
    assert desk.stored == []


def test_a_slow_body_ends_at_its_deadline() -> None:
    desk = Desk(body_deadline=0.05)

    async def story() -> Told:
        sent: list[Any] = []

        async def receive() -> Any:
            await asyncio.sleep(0.01)
            return {"type": "http.request", "body": b"x", "more_body": True}

        async def send(message: Any) -> None:
            sent.append(message)

        await desk.hooks({"type": "http", "method": "POST", "path": "/hooks/a/b", "headers": []}, receive, send)
        return Told(sent[0]["status"], sent[0]["headers"], b"")

    told = asyncio.run(story())
    assert (told.status, told.header(b"connection")) == (408, b"close")


@pytest.mark.parametrize("size", [1, 200, 201, 5_000])
def test_delivery_ids_of_any_length_stay_apart(size: int) -> None:
    desk = Desk()
    for ending in "ab":
        assert desk.ask(signed(X_Delivery="i" * (size - 1) + ending)).status == 200
    first, second = (new.delivery_id for new in desk.stored)
    assert first != second
    assert max(len(first), len(second)) <= 200
    if size <= 200:
        assert first == "i" * (size - 1) + "a"


def test_a_delivery_without_an_id_is_known_by_its_body() -> None:
    desk = Desk()
    for headers in (signed(X_Delivery=""), without("X-Delivery")[0], also("X-Delivery", "d2")[0]):
        assert desk.ask(headers).status == 200
    assert {new.delivery_id for new in desk.stored} == {hashlib.sha256(BODY).hexdigest()}


def test_a_long_topic_is_cut_and_a_missing_one_is_empty() -> None:
    desk = Desk()
    for headers in (signed(X_Topic="t" * 5_000), without("X-Topic")[0]):
        assert desk.ask(headers).status == 200
    assert [new.topic for new in desk.stored] == ["t" * 200, ""]


def test_only_headers_that_are_asked_for_are_kept() -> None:
    desk = Desk()
    extra = [("x-kept", "yes"), ("Cookie", "c=1"), ("X-Customer-Email", "ann@shop.test"), ("X-Also-Kept", "1")]
    assert desk.ask([*signed(), *extra, ("X-Also-Kept", "2")]).status == 200
    assert desk.stored[0].headers == {"X-Kept": "yes"}


def test_headers_beyond_ascii_are_kept_as_they_are(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path / "journal.db", synchronous="OFF")
    desk = Desk()

    async def store(new: NewDelivery) -> Receipt:
        return (await journal.receive([new], None, new.received_at))[0]

    desk.hooks._store = store
    odd = bytes(range(0x80, 0x100)).decode("latin-1")
    assert desk.ask(signed(X_Topic=odd, X_Delivery=odd, X_Kept=odd)).status == 200
    (stored,) = journal.unparsed("acme", NOW, 9)
    assert stored.delivery.topic == stored.delivery.delivery_id == stored.delivery.headers["X-Kept"] == odd
    journal.close()


def test_a_full_disk_is_told_and_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caseconnect.host.journal.ballast._AGAIN", 0.0)
    journal = SqliteJournal.open(tmp_path / "journal.db", threaded=True, synchronous="OFF")
    assert journal._writing is not None
    pages = journal._writing.execute("PRAGMA page_count").fetchone()[0]
    journal._writing.execute(f"PRAGMA max_page_count={pages}")
    desk = Desk()

    async def store(new: NewDelivery) -> Receipt:
        return (await journal.receive([new], None, new.received_at))[0]

    desk.hooks._store = store
    body = json.dumps({"note": [hashlib.sha256(bytes([n])).hexdigest() for n in range(256)] * 2}).encode()
    told = desk.ask(signed(body), body)
    assert (told.status, told.header(b"retry-after")) == (503, b"30")
    assert journal.counts()["deliveries"] == {}
    journal._writing.execute("PRAGMA max_page_count=1000000")
    assert desk.ask(signed(body), body).status == 200
    assert journal.counts()["deliveries"] == {"new": 1}
    journal.close()


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/healthz", "GET", 200),
        ("/healthz", "HEAD", 200),
        ("/healthz", "POST", 405),
        ("/healthz/", "GET", 404),
        ("//hooks/acme/shop", "POST", 404),
        ("/hooks", "POST", 404),
        ("/Hooks/acme/shop", "POST", 404),
        ("/", "GET", 404),
        ("/readyz", "GET", 200),
        ("/hooks/acme/shop", "POST", 200),
        ("/hooks/acme/shop", "GET", 405),
    ],
)
def test_the_public_application(path: str, method: str, status: int) -> None:
    desk = Desk()
    app = make_app(desk.hooks, lambda: None)
    assert asyncio.run(ask(app, signed(), path=path, method=method)).status == status
    assert len(desk.stored) == (path == "/hooks/acme/shop" and method == "POST")


def test_not_ready_says_why() -> None:
    app = make_app(Desk().hooks, lambda: "the journal cannot be written")
    told = asyncio.run(ask(app, [], path="/readyz", method="GET"))
    assert told.status == 503
    assert json.loads(told.body) == {"status": "not ready", "why": "the journal cannot be written"}
    assert told.header(b"retry-after") == b"5"
    assert asyncio.run(ask(app, [], path="/healthz", method="GET")).status == 200
