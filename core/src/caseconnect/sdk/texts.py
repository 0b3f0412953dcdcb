"""A platform's own words, made fit for notes, alerts and comments: they may quote what we sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_LONGEST = 240
_EMAIL = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+")
_PHONE = re.compile(r"(?<![\w-])\+?\d[\d ()/.-]{6,}\d(?![\w-])")
_PROVES = re.compile("secret|password|token|assertion|authorization")
_SHORTEST = 6
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}")


def mask(text: str, sent: Iterable[str] = ()) -> str:
    """`text` without e-mail addresses, telephone numbers and what we sent (uuids stay: they are no secret)."""
    for value in sorted(set(sent), key=len, reverse=True):
        if len(value) >= 3 and not _UUID.fullmatch(value):
            text = text.replace(value, "…")
    return _PHONE.sub("<number>", without_emails(text))


def without_emails(text: str) -> str:
    """`text` with a mark where an e-mail address stood."""
    return _EMAIL.sub("<e-mail>", text)


def without_credentials(body: bytes, sent: Iterable[Any]) -> bytes:
    """An answer's body without the secrets and tokens of the request: a gateway that refuses a token may quote it.

    `sent` are the request's headers, form and JSON, each looked at if it is a mapping.
    """
    for name, value in (item for each in sent if isinstance(each, Mapping) for item in each.items()):
        word = value.rpartition(" ")[2] if isinstance(value, str) and _PROVES.search(name) else ""
        if len(word) >= _SHORTEST:
            for spelled in (word, word.replace("/", "\\/")):
                body = body.replace(spelled.encode(), b"***")
    return body


def shorten(text: str) -> str:
    """One line of at most 240 characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def leaves(value: Any) -> Iterable[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
