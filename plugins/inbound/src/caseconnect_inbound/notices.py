"""Messages to shoppers by webhook: another system sends them. Signed as Standard Webhooks 1.0.0 says."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit

import orjson

from caseconnect.sdk import standard_webhooks as standard
from caseconnect.sdk.commands import Command, NotifyCustomer
from caseconnect.sdk.components import Check, Outcome, Repeat, Sighting, SinkSpec
from caseconnect.sdk.errors import AuthError, ConfigError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.resources import Resources

from .config import EXAMPLE, InboundSettings


class NoticeSink:
    """Posts each message to one address. The id of the message is the command's key, whatever the attempt."""

    def __init__(self, settings: InboundSettings, resources: Resources) -> None:
        self._settings, self._resources = settings, resources

    async def check(self) -> Sequence[Check]:
        """That the secret is there; nothing is posted."""
        notify = self._settings.notify
        if notify is None:
            return (Check(step="notify", ok=True, note="nothing is sent: no notify in the settings"),)
        standard.key_of(self._resources.secrets.reveal(notify.secret))
        return (Check(step="notify", ok=True, note=f"messages go to {urlsplit(notify.url).hostname}"),)

    async def execute(self, command: Command, key: str) -> Outcome:
        """Post one message."""
        notify = self._settings.notify
        if not isinstance(command, NotifyCustomer):
            raise PermanentError(f"inbound does not carry out {command.kind}")
        if notify is None:
            raise ConfigError("messages cannot be sent: there is no notify in the settings", where="notify")
        secret = self._resources.secrets.reveal(notify.secret)
        parts = urlsplit(notify.url)
        http = self._resources.once("notify", lambda: self._resources.http(f"{parts.scheme}://{parts.netloc}"))
        body = orjson.dumps(
            {
                "type": "customer.notify",
                "timestamp": self._resources.now().isoformat(),
                "data": {
                    "template": command.template,
                    "email": command.email,
                    "locale": command.locale,
                    "values": command.values,
                    "order": str(command.target or ""),
                    "reference": command.reference,
                },
            }
        )
        headers = self._signed(secret, key, body)
        # Many such systems know their customer by a secret in the path.
        answer = await http.request("POST", parts.path or "/", headers=headers, content=body, shown="/...")
        if answer.status in {401, 403}:
            raise AuthError(f"{parts.hostname} refuses our signature (HTTP {answer.status})")
        if answer.status in {429, 503}:
            wait = answer.retry_after(self._resources.now())
            raise TransientError(f"{parts.hostname} takes nothing now (HTTP {answer.status})", retry_after=wait)
        if answer.status >= 500:
            raise UnknownOutcome(f"{parts.hostname} failed (HTTP {answer.status})")
        if not 200 <= answer.status < 300:
            raise PermanentError(f"{parts.hostname} refuses the message (HTTP {answer.status})")
        return Outcome(state="done", note=f"{command.template} handed over")

    async def verify(self, command: Command, key: str) -> Sighting:
        """Nobody can tell: a webhook cannot be asked."""
        return Sighting(seen=None, note="the receiver cannot be asked whether it has the message")

    def _signed(self, secret: str, key: str, body: bytes) -> dict[str, str]:
        """Headers of Standard Webhooks; the secret may be given as 'whsec_' and base64."""
        name = f"msg_{hashlib.sha256(key.encode()).hexdigest()[:40]}"
        at = str(int(self._resources.now().timestamp()))
        digest = hmac.digest(standard.key_of(secret), standard.head(name, at) + body, "sha256")
        return {
            "content-type": "application/json",
            standard.ID: name,
            standard.TIMESTAMP: at,
            standard.SIGNATURE: standard.written(digest),
            "idempotency-key": name,
        }


SINK = SinkSpec(
    name="inbound",
    summary="Messages to shoppers by webhook, for a system that sends them.",
    settings=InboundSettings,
    example=EXAMPLE,
    build=NoticeSink,
    commands={NotifyCustomer: Repeat.PERSON},
)
