"""What the receiver never does: parse before it has verified, open a file, or let somebody in when a guard breaks."""

from __future__ import annotations

import ast
import asyncio
import base64
import hashlib
import hmac
import inspect
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caseconnect.host.journal.records import NewDelivery, Receipt
from caseconnect.host.web import hooks as hooks_module
from caseconnect.host.web import signatures
from caseconnect.host.web.hooks import Hook, Hooks
from caseconnect.sdk.components import Webhook

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OLD, NEW = "old-secret-0123456789", "new-secret-0123456789"
WEBHOOK = Webhook("X-Signature", ("secret",), topic_header="X-Topic", id_header="X-Id", keep_headers=("Content-Type",))


class Desk:
    """Hooks over a list."""

    def __init__(self) -> None:
        self.stored: list[NewDelivery] = []
        self.active = [OLD]
        self.hooks = Hooks(self._store, lambda: NOW)
        self.hooks.registry = {("hooks", "acme", "shop"): Hook("acme", "shop", WEBHOOK, lambda: self.active)}

    async def _store(self, new: NewDelivery) -> Receipt:
        self.stored.append(new)
        return Receipt(len(self.stored), "stored")

    async def ask(self, body: bytes, secret: str = OLD, path: str = "/hooks/acme/shop", **headers: str) -> int:
        signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        given = {"x-signature": signature, "x-topic": "t", "x-id": str(len(self.stored))} | headers
        scope: dict[str, Any] = {"type": "http", "method": "POST", "path": path, "query_string": b""}
        scope["headers"] = [(k.replace("_", "-").encode(), v.encode("latin-1", "replace")) for k, v in given.items()]
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.hooks(scope, receive, send)
        return int(sent[0]["status"])


def test_no_delivery_is_refused_while_the_secret_is_changed() -> None:
    """Ours takes both, then the sender changes, then ours takes the new one only: 10,000 deliveries, none refused."""
    desk = Desk()

    async def story() -> set[int]:
        told = set()
        for number in range(10_000):
            if number in {2_000, 8_000}:
                desk.active = [NEW, OLD] if number == 2_000 else [NEW]
            told.add(await desk.ask(b"%d" % number, OLD if number < 5_000 else NEW))
        return told

    assert asyncio.run(story()) == {200}
    assert len(desk.stored) == 10_000


@pytest.mark.parametrize("module", [hooks_module, signatures])
def test_the_receiver_has_no_parser(module: Any) -> None:
    names = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        for name in (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not names & {"json", "orjson", "email", "multipart", "xml", "zlib", "gzip", "yaml", "pluggy"}


OPENED: list[str] = []
LISTENING = [False]


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if LISTENING[0] and event in {"open", "os.mkdir", "os.rename", "os.remove", "subprocess.Popen", "os.symlink"}:
        OPENED.append(f"{event} {arguments[0]!r}")


sys.addaudithook(_hear)  # stays for the process; it listens only while a test here asks it to

KINDS = """
application/json text/plain text/html application/xml text/xml application/x-www-form-urlencoded multipart/form-data
multipart/form-data;boundary=x multipart/mixed;boundary=x multipart/related application/octet-stream
application/x-tar application/zip application/gzip application/x-python application/x-pickle application/yaml text/yaml
application/x-php image/svg+xml message/rfc822 application/graphql application/soap+xml application/x-java-serialized
application/json;charset=utf-16 application/json;charset=../../etc/passwd ../../etc/passwd /etc/passwd file:///etc/passwd
C:\\windows\\win.ini \\\\host\\share __proto__ constructor.prototype {{7*7}} ${7*7} <%=7*7%> %00 %2e%2e%2f ; , " ' * */*
application/json, text/html;q=0.9;;; multipart/form-data;boundary="../../x" multipart/form-data;boundary=
text/plain;name=/etc/passwd application/json;files=[/etc/passwd] x/y/z a/ /b .. . ~ $HOME `id` $(id) |id
"""
UPLOAD = b"""{"files": [{"filepath": "/etc/passwd", "path": "/etc/passwd", "__proto__": {"admin": true}}]}"""


def test_no_content_type_makes_it_touch_a_file() -> None:
    desk = Desk()
    kinds = KINDS.split()
    assert len(kinds) >= 60

    async def story() -> set[int]:
        return {await desk.ask(UPLOAD, content_type=kind) for kind in kinds}

    OPENED.clear()
    LISTENING[0] = True
    try:
        told = asyncio.run(story())
    finally:
        LISTENING[0] = False
    assert told == {200}
    assert {new.body for new in desk.stored} == {UPLOAD}
    assert OPENED == []


NAMES = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(["..", "/", "\\", "\0", "CON", "․․", "／", "%2e", "~", "acme", "shop"]), max_size=8).map(
        "".join
    ),
)


@settings(max_examples=300)
@given(NAMES, NAMES)
def test_no_name_of_a_sender_makes_it_touch_a_file(place: str, name: str) -> None:
    desk = Desk()
    OPENED.clear()
    LISTENING[0] = True
    try:
        path = f"/hooks/acme/{place}"
        told = asyncio.run(desk.ask(b"{}", path=path, x_id=name.replace("\n", ""), x_topic=name))
        asyncio.run(desk.ask(b"{}", x_id=name, x_topic=place))
    finally:
        LISTENING[0] = False
    assert told == (200 if place == "shop" else 401)
    assert OPENED == []


@pytest.mark.parametrize(
    "guard",
    [
        "caseconnect.host.web.hooks.verified",
        "caseconnect.host.web.hooks.Hook.secrets",
        "caseconnect.host.web.hooks.Owners.shared",
        "caseconnect.host.web.signatures._fits",
        "caseconnect.host.web.signatures._as_expected",
        "caseconnect.host.web.hooks.Hooks._full",
        "caseconnect.host.web.hooks._length",
    ],
)
def test_a_guard_that_breaks_lets_nobody_in(monkeypatch: pytest.MonkeyPatch, guard: str) -> None:
    asked: list[str] = []

    def broken(*_: Any, **__: Any) -> Any:
        asked.append(guard)
        raise RuntimeError("the guard is broken")

    desk = Desk()
    assert asyncio.run(desk.ask(b"{}")) == 200
    monkeypatch.setattr(guard, broken)
    with pytest.raises(RuntimeError, match="broken"):  # uvicorn answers 500, and the sender tries again
        asyncio.run(desk.ask(b"{}"))
    assert (len(desk.stored), asked) == (1, [guard])
