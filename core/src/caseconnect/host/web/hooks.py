"""Webhooks: raw bytes are verified and stored; nothing is parsed, and nothing of a plugin runs.

A plain ASGI callable, dispatched before the router. Unknown tenant, unknown connection and bad signature take
one code path and give one answer: 401, empty. 2xx only after the commit.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from caseconnect.host.journal.errors import JournalBusy, JournalError, JournalFull
from caseconnect.host.journal.records import NewDelivery, Receipt
from caseconnect.host.web.signatures import verified
from caseconnect.sdk.components import Webhook
from caseconnect.sdk.errors import ConfigError
from caseconnect.sdk.standard_webhooks import TIMESTAMP, key_of, on_time

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

Keep = Callable[[Mapping[str, str], bytes], Awaitable[None]]

Place = tuple[str, str, str]
"""The parts of a path: ("hooks", tenant, connection), ("in", tenant, kind) or ("up", tenant, connection)."""

_NOBODY: Place = ("", "", "")

MAX_BODY = 8 * 1024 * 1024
BODY_DEADLINE = 10.0
MAX_READING = 16 * 1024 * 1024
"""Of each path, and of all paths of nobody together: who floods one shuts no other."""

_ALL_READING = 8  # times as much for all paths together
_SHORTEST_SECRET = 8
_LONGEST_NAME = 200
_LOOK_AGAIN = 5.0  # seconds


@dataclass(frozen=True)
class Hook:
    """One connection's webhook: how it is described and how its secrets are had."""

    tenant: str
    connection: str
    webhook: Webhook
    reveal: Callable[[], Sequence[str]] = field(repr=False)

    def secrets(self) -> list[bytes]:
        """The active secrets. `ConfigError` when none can be had, or one is too short to be one."""
        standard = self.webhook.scheme == "standard-webhooks"
        found = [key_of(s) if standard else s.encode() for s in self.reveal()]
        if not found or any(len(s) < _SHORTEST_SECRET for s in found):
            raise ConfigError(
                f"{self.tenant}/{self.connection}: a webhook secret is missing or shorter than 8 characters"
            )
        return found


@dataclass(frozen=True)
class Answer(Exception):
    """An answer that ends the request."""

    status: int
    text: str = ""
    retry_after: int | None = None


class Owners:
    """Whose secrets there are. A signature does not say for whom it was made, and mostly nothing else does.

    So where a webhook expects no header with the account's name, a secret is one tenant's: what was signed for another
    one would be taken here. Looked at again every few seconds, as secrets may be changed.
    """

    def __init__(self) -> None:
        self._found: dict[bytes, set[str]] = {}
        self._of: Mapping[Place, Hook] | None = None
        self._at = 0.0

    def shared(self, registry: Mapping[Place, Hook], hook: Hook, secrets: Sequence[bytes]) -> bool:
        """Another tenant has one of these `secrets` of `hook`, and nothing else tells the two apart."""
        if hook.webhook.expect:
            return False
        clock = asyncio.get_running_loop().time()
        if self._of is not registry or clock - self._at > _LOOK_AGAIN:
            self._of, self._at, self._found = registry, clock, {}
            for other in {id(found): found for found in registry.values()}.values():
                for secret in [] if other.webhook.expect else _had(other):
                    self._found.setdefault(hashlib.sha256(secret).digest(), set()).add(other.tenant)
        return any(len(self._found.get(hashlib.sha256(secret).digest(), ())) > 1 for secret in secrets)


def _had(hook: Hook) -> list[bytes]:
    try:
        return hook.secrets()
    except ConfigError:
        return []


class Hooks:
    """`POST /hooks/{tenant}/{connection}` and `POST /in/{tenant}/{kind}`.

    `registry` has the hooks by the three parts of their path; it is read at every request, for a reload.

    `load` is how full the journal's queue is (1: full). `body_deadline` is in seconds; `max_body` (of one body) and
    `max_reading` (of one path's bodies that are not stored yet) are in bytes. `told` hears of every answer: tenant and
    connection (empty for an unknown path), status, seconds.
    """

    def __init__(
        self,
        store: Callable[[NewDelivery], Awaitable[Receipt]],
        now: Callable[[], datetime],
        *,
        load: Callable[[], float] = lambda: 0.0,
        stored: Callable[[], None] = lambda: None,
        max_body: int = MAX_BODY,
        body_deadline: float = BODY_DEADLINE,
        max_reading: int = MAX_READING,
        told: Callable[[str, str, int, float], None] = lambda tenant, connection, status, seconds: None,
    ) -> None:
        self.registry: Mapping[Place, Hook] = {}
        self._store, self._now, self._load, self._stored = store, now, load, stored
        self._max_body, self._body_deadline, self._max_reading = max_body, body_deadline, max_reading
        self._reading: Counter[Place] = Counter()
        self._owners, self._told = Owners(), told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        place, began = place_of(scope), time.monotonic()
        try:
            await self.take(scope, receive, place, partial(self._keep, place))
            answer = Answer(200)
        except Answer as early:
            answer = early
        await _respond(send, answer)
        hook = self.registry.get(place)
        whose = (hook.tenant, hook.connection) if hook else ("", "")
        self._told(*whose, answer.status, time.monotonic() - began)

    async def take(self, scope: Scope, receive: Receive, place: Place, keep: Keep) -> None:
        """Read one request within the limits and hand it to `keep`; `Answer` tells what was wrong.

        Its body is counted in the memory of `place`, or of nobody when nothing is there.
        """
        if scope["method"] != "POST":
            raise Answer(405)
        headers = _headers(scope)
        if _length(headers) > self._max_body:
            raise Answer(413)
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Answer(415)
        place = place if place in self.registry else _NOBODY
        if self._load() >= 1 or self._full(place):
            raise Answer(503, retry_after=1)
        chunks: list[bytes] = []
        try:
            await self._read(receive, chunks, place)
            await keep(headers, b"".join(chunks))
        finally:
            self._reading[place] -= sum(map(len, chunks))
        self._stored()

    def _full(self, place: Place) -> bool:
        all_together = _ALL_READING * self._max_reading
        return self._reading[place] >= self._max_reading or self._reading.total() >= all_together

    async def _read(self, receive: Receive, chunks: list[bytes], place: Place) -> None:
        """Read the body into `chunks`, counted in `_reading` until the request has ended."""
        try:
            async with asyncio.timeout(self._body_deadline):
                more, size = True, 0
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise Answer(400)
                    chunk, more = message.get("body", b""), message.get("more_body", False)
                    chunks.append(chunk)
                    size += len(chunk)
                    self._reading[place] += len(chunk)
                    if size > self._max_body:
                        raise Answer(413)
                    if more and self._reading[place] > self._max_reading:
                        raise Answer(503, retry_after=1)
        except TimeoutError:
            raise Answer(408) from None

    async def _keep(self, place: Place, headers: Mapping[str, str], body: bytes) -> None:
        """Verify and store. Returns after the commit."""
        hook = self._verified(place, headers, body)
        webhook = hook.webhook
        if webhook.scheme == "standard-webhooks" and not on_time(headers.get(TIMESTAMP, ""), self._now()):
            raise Answer(400, f"{TIMESTAMP} is more than 5 minutes from our time: is the sender's clock right?")
        given = headers.get(webhook.id_header.lower(), "") if webhook.id_header else ""
        if not given and place[-1] in webhook.id_required:
            raise Answer(400, f"{webhook.id_header} is required: the same request sent again must be known as the same")
        topic = headers.get(webhook.topic_header.lower(), "") if webhook.topic_header else place[-1]
        new = NewDelivery(
            tenant=hook.tenant,
            connection=hook.connection,
            topic=topic[:_LONGEST_NAME],
            delivery_id=_delivery_id(given, body),
            received_at=self._now(),
            body=body,
            headers={name: kept for name in webhook.keep_headers if (kept := headers.get(name.lower()))},
        )
        await self.store(new)

    async def store(self, new: NewDelivery) -> None:
        """Store a delivery that was verified. `Answer` when the journal cannot take it now."""
        try:
            await self._store(new)
        except JournalFull:
            raise Answer(503, retry_after=30) from None
        except JournalBusy:
            raise Answer(503, retry_after=1) from None
        except JournalError:
            raise Answer(503, retry_after=60) from None

    def _verified(self, place: Place, headers: Mapping[str, str], body: bytes) -> Hook:
        """The hook whose secret signed `body`. One path for every refusal."""
        hook = self.registry.get(place)
        try:
            secrets = hook.secrets() if hook else []
        except ConfigError:
            raise Answer(503, retry_after=60) from None
        if not verified(hook.webhook if hook else None, secrets, headers, body) or hook is None:
            raise Answer(401)
        if self._owners.shared(self.registry, hook, secrets):
            raise Answer(503, retry_after=60)
        return hook


def place_of(scope: Scope) -> Place:
    """The three parts of the path; an escaped one (`%2f`) names nobody."""
    raw = scope.get("raw_path")
    parts = (raw.decode("latin-1") if raw else str(scope["path"])).split("/")
    return (parts[1], parts[2], parts[3]) if len(parts) == 4 and not parts[0] else _NOBODY


def _length(headers: Mapping[str, str]) -> int:
    """The declared length; 0 when there is none. One of more than 18 digits is far too long."""
    text = headers.get("content-length", "")
    if not (text.isascii() and text.isdigit()):
        return 0
    return int(text[:18])


def _delivery_id(given: str, body: bytes) -> str:
    """The sender's id; its digest when it is too long to keep, the body's when there is none."""
    if not given:
        return hashlib.sha256(body).hexdigest()
    return given if len(given) <= _LONGEST_NAME else hashlib.sha256(given.encode()).hexdigest()


def _headers(scope: Scope) -> dict[str, str]:
    """Headers by lower-case name. A repeated one is empty: nobody sends a signature twice."""
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        found[name] = "" if name in found else value.decode("latin-1")
    return found


async def _respond(send: Send, answer: Answer) -> None:
    text = answer.text.encode()
    headers = [(b"content-length", str(len(text)).encode())]
    if text:
        headers.append((b"content-type", b"text/plain; charset=utf-8"))
    if answer.retry_after is not None:
        headers.append((b"retry-after", str(answer.retry_after).encode()))
    if answer.status == 405:
        headers.append((b"allow", b"POST"))
    if answer.status in {408, 413}:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
