"""Links and mail threads that lead back to a matter: signed, so that nobody can make one, and without personal data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from itsdangerous import BadSignature, URLSafeSerializer


@dataclass(frozen=True)
class Link:
    """What a token says: the matter's reference, and until when it is good (None: for ever)."""

    reference: str
    expires_at: datetime | None = None

    def over(self, now: datetime) -> bool:
        """Its time has passed."""
        return self.expires_at is not None and self.expires_at <= now


def make(secret: str, purpose: str, reference: str, expires_at: datetime | None = None) -> str:
    """A token for `purpose` (a link of one purpose is worth nothing for another). Letters, digits, '-', '_' and '.'."""
    until = int(expires_at.timestamp()) if expires_at else None
    made: str | bytes = _signer(secret, purpose).dumps([reference, until])
    return made if isinstance(made, str) else made.decode()


def read(secrets: list[str], purpose: str, token: str, now: datetime) -> Link | None:
    """What a token says; None if none of `secrets` made it for `purpose`, or it is over."""
    link = signed(secrets, purpose, token)
    return None if link is None or link.over(now) else link


def signed(secrets: list[str], purpose: str, token: str) -> Link | None:
    """What a token says, also one that is over; None if none of `secrets` made it for `purpose`."""
    for secret in secrets:
        try:
            reference, until = _signer(secret, purpose).loads(token)
        except (BadSignature, ValueError, TypeError):
            continue
        return Link(str(reference), datetime.fromtimestamp(until, UTC) if until is not None else None)
    return None


def _signer(secret: str, purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        secret, salt=f"connect:{purpose}", signer_kwargs={"key_derivation": "hmac", "digest_method": sha256}
    )
