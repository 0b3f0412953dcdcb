"""Whether a request was sent by somebody who has the secret, by the scheme of its webhook."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence

from caseconnect.host.journal.codec import feed
from caseconnect.sdk import standard_webhooks as standard
from caseconnect.sdk.components import Webhook

_COMPARED = 2  # secrets a refusal is compared with, so that its time does not tell whether the tenant exists
_NOBODY = os.urandom(32)


def verified(webhook: Webhook | None, secrets: Sequence[bytes], headers: Mapping[str, str], body: bytes) -> bool:
    """One of `secrets` signed `body`, and the expected headers are there. A refusal takes as long as any other."""
    scheme = webhook.scheme if webhook else "hmac-sha256-base64"
    given = headers.get(webhook.signature_header.lower(), "") if webhook else ""
    prefix = webhook.prefix if webhook else ""
    bare = given.removeprefix(prefix).encode("latin-1", "replace")
    head = b""
    if scheme == "standard-webhooks":
        head = standard.head(headers.get(standard.ID, ""), headers.get(standard.TIMESTAMP, ""))
    good = given.startswith(prefix) and any(_fits(scheme, secret, head, body, bare) for secret in secrets)
    if not good:
        for _ in range(len(secrets), _COMPARED):
            _fits(scheme, _NOBODY, head, body, bare)
    return webhook is not None and good and _as_expected(webhook, headers)


def _fits(scheme: str, secret: bytes, head: bytes, body: bytes, given: bytes) -> bool:
    if scheme == "secret":
        # Both are digested, so that the time tells nothing of the secret's length.
        return hmac.compare_digest(hashlib.sha256(secret).digest(), hashlib.sha256(given).digest())
    found = hmac.new(secret, head, digestmod=hashlib.sha256)
    feed(found, body)
    if scheme == "standard-webhooks":
        signature = standard.written(found.digest()).encode()
        return any(hmac.compare_digest(signature, one) for one in given.split())
    wanted = found.hexdigest().encode() if scheme == "hmac-sha256-hex" else base64.b64encode(found.digest())
    return hmac.compare_digest(wanted, given.lower() if scheme == "hmac-sha256-hex" else given)


def _as_expected(webhook: Webhook, headers: Mapping[str, str]) -> bool:
    return all(headers.get(name.lower(), "").lower() == value.lower() for name, value in webhook.expect.items())
