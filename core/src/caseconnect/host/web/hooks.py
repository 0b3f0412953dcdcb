"""Webhooks: raw bytes are verified and stored; nothing is parsed, and nothing of a plugin runs.

A plain ASGI callable, dispatched before the router. Unknown tenant, unknown connection and bad signature take
one code path and give one answer: 401, empty. 2xx only after the commit.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from caseconnect.host.journal.errors import JournalBusy, JournalError, JournalFull
from caseconnect.host.journal.records import NewDelivery, Receipt
from caseconnect.sdk.components import Webhook
from caseconnect.sdk.errors import ConfigError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY = 8 * 1024 * 1024
BODY_DEADLINE = 10.0
_SHORTEST_SECRET = 8
_NOBODY = os.urandom(32)


@dataclass(frozen=True)
class Hook:
    """One connection's webhook: how it is described and how its secrets are had."""

    tenant: str
    connection: str
    webhook: Webhook
    reveal: Callable[[], Sequence[str]] = field(repr=False)

    def secrets(self) -> list[bytes]:
        """The active secrets. `ConfigError` when none can be had, or one is too short to be one."""
        found = [s.encode() for s in self.reveal()]
        if not found or any(len(s) < _SHORTEST_SECRET for s in found):
            raise ConfigError(
                f"{self.tenant}/{self.connection}: a webhook secret is missing or shorter than 8 characters"
            )
        return found


@dataclass(frozen=True)
class Answer(Exception):
    """An answer that ends the request."""

    status: int
    retry_after: int | None = None


class Hooks:
    """`POST /hooks/{tenant}/{connection}`. `registry` is read at every request, so that a reload takes effect."""

    def __init__(
        self,
        store: Callable[[NewDelivery], Awaitable[Receipt]],
        now: Callable[[], datetime],
        *,
        load: Callable[[], float] = lambda: 0.0,
        stored: Callable[[], None] = lambda: None,
        max_body: int = MAX_BODY,
        body_deadline: float = BODY_DEADLINE,
    ) -> None:
        self.registry: Mapping[tuple[str, str], Hook] = {}
        self._store, self._now, self._load, self._stored = store, now, load, stored
        self._max_body, self._body_deadline = max_body, body_deadline
        self.refused = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._take(scope, receive)
            answer = Answer(200)
        except Answer as early:
            answer = early
        self.refused += answer.status != 200
        await _respond(send, answer)

    async def _take(self, scope: Scope, receive: Receive) -> None:
        if scope["method"] != "POST":
            raise Answer(405)
        headers = _headers(scope)
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._max_body:
            raise Answer(413)
        if headers.get("content-encoding", "identity") != "identity":
            raise Answer(415)
        if self._load() >= 1:
            raise Answer(503, retry_after=1)
        body = await self._body(receive)
        hook = self._verified(scope["path"], headers, body)
        webhook = hook.webhook
        kept = {name: headers[name.lower()] for name in webhook.keep_headers if name.lower() in headers}
        new = NewDelivery(
            tenant=hook.tenant,
            connection=hook.connection,
            topic=headers.get(webhook.topic_header.lower(), "")[:200],
            delivery_id=headers.get(webhook.id_header.lower(), "")[:200] or hashlib.sha256(body).hexdigest(),
            received_at=self._now(),
            body=body,
            headers=kept,
        )
        try:
            await self._store(new)
        except JournalFull:
            raise Answer(503, retry_after=30) from None
        except JournalBusy:
            raise Answer(503, retry_after=1) from None
        except JournalError:
            raise Answer(503, retry_after=60) from None
        self._stored()

    async def _body(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._body_deadline):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise Answer(400)
                    chunk = message.get("body", b"")
                    size += len(chunk)
                    if size > self._max_body:
                        raise Answer(413)
                    chunks.append(chunk)
                    if not message.get("more_body"):
                        return b"".join(chunks)
        except TimeoutError:
            raise Answer(408) from None

    def _verified(self, path: str, headers: Mapping[str, str], body: bytes) -> Hook:
        """The hook whose secret signed `body`. One path for every refusal."""
        parts = path.split("/")
        hook = self.registry.get((parts[2], parts[3])) if len(parts) == 4 else None
        try:
            secrets = hook.secrets() if hook else [_NOBODY]
        except ConfigError:
            raise Answer(503, retry_after=60) from None
        given = headers.get(hook.webhook.signature_header.lower(), "") if hook else ""
        good = False
        for secret in secrets:
            wanted = base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest())
            good |= hmac.compare_digest(wanted, given.encode("latin-1", "replace"))
        if hook is None or not good or not _as_expected(hook.webhook, headers):
            raise Answer(401)
        return hook


def _as_expected(webhook: Webhook, headers: Mapping[str, str]) -> bool:
    return all(headers.get(name.lower(), "").lower() == value.lower() for name, value in webhook.expect.items())


def _headers(scope: Scope) -> dict[str, str]:
    """Headers by lower-case name. A repeated one counts as none: nobody sends a signature twice."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        if name in found:
            twice.add(name)
        found[name] = value.decode("latin-1")
    return {name: value for name, value in found.items() if name not in twice}


async def _respond(send: Send, answer: Answer) -> None:
    headers = [(b"content-length", b"0")]
    if answer.retry_after is not None:
        headers.append((b"retry-after", str(answer.retry_after).encode()))
    if answer.status == 405:
        headers.append((b"allow", b"POST"))
    if answer.status in {408, 413}:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
