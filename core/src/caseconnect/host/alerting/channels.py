"""The ways to people: a signed webhook, a mail, a line of the log. Each hands over, or raises a `ConnectError`."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

import orjson

from caseconnect.host.alerting.causes import Severity
from caseconnect.host.alerting.messages import Message, data_of
from caseconnect.host.alerting.settings import AlertsPart, ChannelPart, WebhookPart
from caseconnect.sdk import standard_webhooks as standard
from caseconnect.sdk.errors import AuthError, PermanentError, TransientError
from caseconnect.sdk.http import Http, Transport
from caseconnect.sdk.pace import Pace
from caseconnect.sdk.resources import Log
from caseconnect.sdk.secrets import Secrets

_DEADLINE = 20.0  # seconds for one request


class Way(Protocol):
    """How a channel sends. `together`: all that is due goes as one, not more often than `apart`."""

    together: bool
    apart: timedelta

    async def send(self, messages: Sequence[Message], now: datetime) -> None:
        """Hand over; raises `ConnectError`, and may be called with the same messages again then."""

    async def close(self) -> None:
        """End what is open."""


class WebhookWay:
    """One request for each message, signed as Standard Webhooks 1.0.0 says."""

    together, apart = False, timedelta(0)

    def __init__(self, settings: WebhookPart, secrets: Secrets, transport: Transport | None = None) -> None:
        self._settings, self._secrets = settings, secrets
        parts = urlsplit(settings.url)
        self._host, self._path = parts.hostname, parts.path or "/"
        # Not `public=`: no stranger names the receiver, and many are in a network of one's own.
        self._http = Http(
            f"{parts.scheme}://{parts.netloc}", pace=Pace(float("inf"), 1), deadline=_DEADLINE, transport=transport
        )

    async def send(self, messages: Sequence[Message], now: datetime) -> None:
        """Post each."""
        for message in messages:
            await self._post(message, now)

    async def _post(self, message: Message, now: datetime) -> None:
        body = orjson.dumps({"type": f"alert.{message.kind}", "timestamp": now.isoformat(), "data": data_of(message)})
        secret, at = self._secrets.reveal(self._settings.secret), str(int(now.timestamp()))
        digest = hmac.digest(standard.key_of(secret), standard.head(message.id, at) + body, "sha256")
        headers = {
            "content-type": "application/json",
            standard.ID: message.id,
            standard.TIMESTAMP: at,
            standard.SIGNATURE: standard.written(digest),
        }
        # Many receivers know their customer by a secret in the path.
        answer = await self._http.request("POST", self._path, headers=headers, content=body, shown="/...")
        if answer.status in {401, 403}:
            raise AuthError(f"{self._host} refuses our signature (HTTP {answer.status})")
        if answer.status in {429, 503}:
            wait = answer.retry_after(now)
            raise TransientError(f"{self._host} takes nothing now (HTTP {answer.status})", retry_after=wait)
        if not 200 <= answer.status < 300:
            raise PermanentError(f"{self._host} refuses the alert (HTTP {answer.status})")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


class LogWay:
    """A line of the log each."""

    together, apart = False, timedelta(0)

    def __init__(self, log: Log) -> None:
        self._log = log

    async def send(self, messages: Sequence[Message], now: datetime) -> None:
        """Write them down."""
        for message in messages:
            told = data_of(message)
            values = {name: told[name] for name in ("tenant", "cause", "severity", "title", "count", "runbook")}
            write = self._log.error if message.severity == "critical" else self._log.warning
            (self._log.info if message.kind == "closed" else write)(f"alert {message.kind}", **values)

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Channel:
    """A way with its name and whom it is for."""

    name: str
    way: Way
    tenants: frozenset[str] | None = None
    severities: frozenset[Severity] = frozenset()

    def wants(self, tenant: str, severity: Severity) -> bool:
        """Whether an alert is told by it."""
        return severity in self.severities and (self.tenants is None or tenant in self.tenants)


def build(
    settings: AlertsPart, secrets: Secrets, log: Log, transport: Callable[[], Transport] | None = None
) -> list[Channel]:
    """The channels of the daemon's file. Nothing is opened yet."""

    def way(part: ChannelPart) -> Way:
        if part.webhook:
            return WebhookWay(part.webhook, secrets, transport() if transport else None)
        if part.mail and settings.smtp:
            from caseconnect.host.alerting.mailing import MailServer, MailWay  # its libraries load only for who mails

            return MailWay(part.mail.to, part.mail.apart, MailServer(settings.smtp, secrets, log))
        return LogWay(log)

    return [
        Channel(name, way(part), frozenset(part.tenants) if part.tenants else None, frozenset(part.severities))
        for name, part in settings.channels.items()
    ]
