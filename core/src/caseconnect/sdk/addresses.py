"""Addresses that credentials and personal data are sent to."""

from __future__ import annotations

from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def checked_url(value: str, what: str) -> str:
    """`value` without a final slash. ValueError naming `what`, if it is no https base URL; http only to this machine.

    For the validators of settings. What stands before an `@` is never repeated: it may be a password.
    """
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.query:
        raise ValueError(f"{what} must be https://host[:port][/path], without credentials and query")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError(f"{what} must use https: tokens and personal data go there (http only for this machine)")
    return value.rstrip("/")
