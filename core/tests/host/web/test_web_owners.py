"""A secret is one tenant's, unless a header names the account: nothing that was signed for one is taken by another."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks

from caseconnect.host.journal.records import NewDelivery, Receipt
from caseconnect.host.plugins import load
from caseconnect.host.tenants import load_tenants, shared_secrets
from caseconnect.host.web.hooks import Hook, Hooks
from caseconnect.sdk.components import Webhook

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BODY, ONE, TWO = b'{"id": "1"}', "secret-of-one-0123", "secret-of-two-0123"
HMAC = Webhook("X-Signature", ("secret",), scheme="hmac-sha256-hex", id_header="X-Id")
STANDARD = Webhook("webhook-signature", ("secret",), scheme="standard-webhooks", id_header="webhook-id")
NAMED = Webhook("X-Signature", ("secret",), scheme="hmac-sha256-hex", expect={"X-Shop": "one"})


def desk(webhook: Webhook, secrets: Mapping[str, list[str]]) -> tuple[Hooks, list[NewDelivery]]:
    stored: list[NewDelivery] = []

    async def store(new: NewDelivery) -> Receipt:
        stored.append(new)
        return Receipt(len(stored), "stored")

    hooks = Hooks(store, lambda: NOW)
    hooks.registry = {("hooks", t, "desk"): Hook(t, "desk", webhook, lambda t=t: secrets[t]) for t in secrets}  # type: ignore[misc]
    return hooks, stored


async def ask(hooks: Hooks, tenant: str, headers: Mapping[str, str]) -> int:
    scope = {"type": "http", "method": "POST", "path": f"/hooks/{tenant}/desk", "query_string": b""}
    scope["headers"] = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await hooks(scope, receive, send)
    return int(sent[0]["status"])


def signed(secret: str) -> dict[str, str]:
    return {"X-Signature": hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest(), "X-Shop": "one"}


def signed_by_the_standard(secret: str) -> dict[str, str]:
    signature = standardwebhooks.Webhook(secret.encode()).sign("d1", NOW, BODY.decode())
    return {"webhook-id": "d1", "webhook-timestamp": str(int(NOW.timestamp())), "webhook-signature": signature}


@pytest.mark.parametrize(("webhook", "sign"), [(HMAC, signed), (STANDARD, signed_by_the_standard)])
def test_what_was_signed_for_one_tenant_is_not_taken_by_another(webhook: Webhook, sign: Any) -> None:
    hooks, stored = desk(webhook, {"one": [ONE], "two": [TWO]})
    assert asyncio.run(ask(hooks, "one", sign(ONE))) == 200
    assert asyncio.run(ask(hooks, "two", sign(ONE))) == 401
    assert [new.tenant for new in stored] == ["one"]


@pytest.mark.parametrize(("webhook", "sign"), [(HMAC, signed), (STANDARD, signed_by_the_standard)])
def test_a_secret_of_two_tenants_opens_no_door(webhook: Webhook, sign: Any) -> None:
    hooks, stored = desk(webhook, {"one": [ONE], "two": [TWO, ONE]})
    assert [asyncio.run(ask(hooks, tenant, sign(ONE))) for tenant in ("one", "two")] == [503, 503]
    assert asyncio.run(ask(hooks, "two", sign(TWO))) == 503  # until it has none but its own
    assert stored == []


def test_a_secret_that_becomes_shared_later_is_noticed() -> None:
    secrets = {"one": [ONE], "two": [TWO]}
    hooks, _ = desk(HMAC, secrets)

    async def story() -> list[int]:
        told = [await ask(hooks, "one", signed(ONE))]
        secrets["two"] = [ONE]
        hooks._owners._at -= 6
        return [*told, await ask(hooks, "one", signed(ONE)), await ask(hooks, "two", signed(ONE))]

    assert asyncio.run(story()) == [200, 503, 503]


def test_where_a_header_names_the_account_an_app_may_serve_many_tenants() -> None:
    hooks, stored = desk(NAMED, {"one": [ONE], "two": [ONE]})
    assert asyncio.run(ask(hooks, "one", signed(ONE))) == 200
    assert len(stored) == 1


DOOR = """
tenant: {name}
environment: test
connections:
  desk:
    platform: inbound
    settings:
      secret: {{file: {secret}}}
      kinds: {{complaint: {{}}}}
"""


def test_serve_is_told_which_tenants_share_a_secret(tmp_path: Path) -> None:
    for name, secret in (("one", ONE), ("two", ONE), ("three", TWO)):
        (tmp_path / f"{name}.key").write_text(secret)
        (tmp_path / f"{name}.key").chmod(0o600)
        (tmp_path / f"{name}.yaml").write_text(DOOR.format(name=name, secret=f"{name}.key"))
    found = load_tenants(tmp_path, load())
    assert [str(problem) for problem in found.problems] == []
    problems = shared_secrets(found.tenants)
    assert sorted(problems) == ["one", "two"]
    told = "\n".join(str(problem) for each in problems.values() for problem in each)
    assert "the tenants one and two have the same secret" in told
    assert ONE not in told
