"""Addresses that credentials and personal data are sent to, and those that strangers give."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def checked_url(value: str, what: str) -> str:
    """`value` without a final slash. ValueError naming `what`, if it is no https base URL; http only to this machine.

    For the validators of settings. What stands before an `@` is never repeated: it may be a password.
    """
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.query:
        raise ValueError(f"{what} must be https://host[:port][/path], without credentials and query")
    if parts.scheme == "http" and not is_this_machine(parts.hostname):
        raise ValueError(f"{what} must use https: tokens and personal data go there (http only for this machine)")
    return value.rstrip("/")


def is_this_machine(host: str | None) -> bool:
    """A name or an address that only this machine itself reaches, and that nobody gives by accident."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(str(host)).is_loopback)


def is_address(host: str | None) -> bool:
    """An address as such, which no name server is asked for."""
    try:
        ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """An IP address that anybody on the internet may have: no network of our own hides behind it.

    By the registries of special addresses that Python 3.11 knows (IANA), and what an IPv6 address has inside of it.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inside = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in _TRANSLATED:
            inside = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inside is not None:
            return is_public(str(inside))
        if found.is_site_local:
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
