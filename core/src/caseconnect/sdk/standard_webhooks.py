"""Standard Webhooks 1.0.0 (standardwebhooks.com): how a request is signed, for those who send and who receive."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from typing import Final

from caseconnect.sdk.errors import ConfigError

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"

TOLERANCE: Final = timedelta(minutes=5)
"""How far a request's time may be from ours, as the standard's own libraries have it."""

_MARK = "whsec_"
_LONGEST = 18  # digits


def key_of(secret: str) -> bytes:
    """The key of a secret: what 'whsec_' and base64 hold, or the text itself. `ConfigError` if it is no base64."""
    if not secret.startswith(_MARK):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_MARK), validate=True)
    except binascii.Error:
        raise ConfigError("a secret begins with 'whsec_', and what follows is no base64: copy it whole") from None


def head(id_: str, timestamp: str) -> bytes:
    """What stands before the raw body in what is signed by HMAC-SHA256. `timestamp`: seconds since 1970, as sent."""
    return f"{id_}.{timestamp}.".encode()


def written(digest: bytes) -> str:
    """A signature as it stands in its header; several are separated by spaces."""
    return f"v1,{base64.b64encode(digest).decode()}"


def on_time(timestamp: str, now: datetime) -> bool:
    """It is within the tolerance of `now`: else somebody may send again what was overheard."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _LONGEST):
        return False
    return abs(int(timestamp) - now.timestamp()) <= TOLERANCE.total_seconds()
