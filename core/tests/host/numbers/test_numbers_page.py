"""Who may read the numbers, and that what counts them counts."""

from __future__ import annotations

import asyncio
import base64
import hmac
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx  # noqa: TID251 - tests may
import pytest

from caseconnect.host.daemon_file import load_daemon_file
from caseconnect.host.journal.records import NewDelivery, Receipt
from caseconnect.host.numbers.page import metrics_app
from caseconnect.host.web.hooks import Hook, Hooks
from caseconnect.sdk.components import Webhook
from caseconnect.sdk.errors import ConfigError, ConnectError
from caseconnect.sdk.http import Http
from caseconnect.sdk.pace import Pace
from caseconnect.sdk.testing import LoopClock, Wire, run
from caseconnect.sdk.testing.virtual import START
from caseconnect.sdk.testing.wire import LOST_BEFORE, REFUSED
from caseconnect.sdk.tokens import Token, TokenCache
from caseconnect.sdk.usage import Usage


async def page() -> bytes:
    return b"connect_tenants 1\n"


def no_secret() -> str:
    raise ConfigError("it is gone")


def asked(
    token: Any, method: str = "GET", client: str = "127.0.0.1", host: str = "localhost:8481", **headers: str
) -> Any:
    async def story() -> httpx.Response:
        transport = httpx.ASGITransport(metrics_app(page, token), client=(client, 1))
        async with httpx.AsyncClient(transport=transport) as reader:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await reader.request(method, f"http://{host}/metrics", headers=named)

    return run(story())


def test_without_a_token_this_machine_reads() -> None:
    answer = asked(lambda: None)
    assert (answer.status_code, answer.content) == (200, b"connect_tenants 1\n")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert asked(lambda: None, client="::1", host="[::1]:8481").status_code == 200
    assert asked(lambda: None, method="POST").status_code == 405


@pytest.mark.parametrize(
    "more",
    [
        {"client": "192.0.2.7"},
        {"x_forwarded_for": "127.0.0.1"},
        {"forwarded": "for=127.0.0.1"},
        {"host": "rebound.example:8481"},
    ],
)
def test_without_a_token_nobody_else_reads(more: dict[str, str]) -> None:
    assert asked(lambda: None, **more).status_code == 401


@pytest.mark.parametrize(
    ("token", "shown", "status"),
    [
        ("secret", "Bearer secret", 200),
        ("secret", "bearer secret", 200),
        ("secret", "Bearer secre", 401),
        ("secret", "Basic secret", 401),
        ("secret", "", 401),
        (None, "Bearer None", 401),
    ],
)
def test_a_token_is_demanded_of_everybody(token: str | None, shown: str, status: int) -> None:
    reveal = (lambda: token) if token else no_secret
    for client in ("127.0.0.1", "192.0.2.7"):
        assert asked(reveal, client=client, authorization=shown).status_code == status


def test_the_daemons_file_names_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "connect.yaml"
    file.write_text("metrics:\n  token: {env: METRICS_TOKEN}\n")
    settings, problems = load_daemon_file(file)
    assert settings, problems
    monkeypatch.setenv("METRICS_TOKEN", "s3cret-token")
    assert asked(settings.metrics_token, authorization="Bearer s3cret-token").status_code == 200
    assert asked(settings.metrics_token).status_code == 401
    monkeypatch.delenv("METRICS_TOKEN")
    assert asked(settings.metrics_token, authorization="Bearer s3cret-token").status_code == 401


def test_the_hooks_tell_of_every_answer_and_name_nobody_who_is_not_there() -> None:
    told: list[tuple[str, str, int]] = []

    async def store(new: NewDelivery) -> Receipt:
        return Receipt(1, "stored")

    async def story() -> None:
        hooks = Hooks(store, lambda: START, told=lambda *heard: told.append(heard[:3]))
        webhook = Webhook(signature_header="X-Signature", secrets=("secret",), id_header="X-Id")
        hooks.registry = {("hooks", "acme", "shop"): Hook("acme", "shop", webhook, lambda: ["secret-0123456789"])}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(hooks)) as sender:
            mac = base64.b64encode(hmac.digest(b"secret-0123456789", b"{}", "sha256")).decode()
            for path in ("acme/shop", "acme/nobody", "x" * 5000):
                for signature in (mac, "bad"):
                    url = f"http://connect.example/hooks/{path}"
                    await sender.post(url, content=b"{}", headers={"x-signature": signature})

    run(story())
    assert told == [("acme", "shop", 200), ("acme", "shop", 401)] + [("", "", 401)] * 4


def test_requests_are_counted_where_they_are_made() -> None:
    async def story() -> None:
        answers = iter([200, 404, 429, 503])

        async def shop(scope: Any, receive: Any, send: Any) -> None:
            await asyncio.sleep(2)
            await send({"type": "http.response.start", "status": next(answers), "headers": []})
            await send({"type": "http.response.body", "body": b""})

        wire, usage = Wire(shop), Usage()
        client = Http("https://shop.example", pace=Pace(math.inf, 1), transport=wire, usage=usage)
        for _ in range(4):
            await client.request("GET", "/")
        for fault in (LOST_BEFORE, REFUSED):
            wire.fault_all(fault)
            with pytest.raises(ConnectError):
                await client.request("GET", "/")
        assert usage.answers == {"2xx": 1, "4xx": 2, "5xx": 1, "none": 2}
        assert usage.throttled == 1

    run(story())


def test_the_quota_in_use_and_who_waits_for_it() -> None:
    async def story() -> None:
        clock = asyncio.get_running_loop()
        pace = Pace(rate=1.0, burst=10.0)
        assert (pace.used(clock.time()), pace.waiting()) == (0.0, 0)
        for _ in range(8):
            await pace.take()
        assert pace.used(clock.time()) == pytest.approx(0.8)
        taking = asyncio.gather(*(pace.take() for _ in range(4)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert pace.waiting() == 2
        await taking
        await asyncio.sleep(5)
        assert pace.used(clock.time()) == pytest.approx(0.5)
        assert Pace(math.inf, 1).used(clock.time()) == 0.0

    run(story())


def test_the_end_of_a_token_is_told() -> None:
    async def story() -> None:
        clock, usage = LoopClock(), Usage()
        ends = clock.now() + timedelta(hours=1)

        async def fetch() -> Token:
            return Token("secret", ends)

        await TokenCache(fetch, clock.now, usage).get()
        assert usage.token_ends == ends
        assert "secret" not in repr(usage)

    run(story())
