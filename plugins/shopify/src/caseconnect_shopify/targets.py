"""What a command is about, as Shopify's ids, and the marks by which its effect is found again."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final
from uuid import UUID

from caseconnect.sdk.commands import Command
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.subjects import Subject

_TYPES: Final = {
    "order": "Order",
    "customer": "Customer",
    "return": "Return",
    "dispute": "ShopifyPaymentsDispute",
}

_MARKED: Final = re.compile(r" ?\(ref [0-9a-f]{16}\)$")

_ARTICLES: Final = {"order": "an order", "customer": "a customer", "return": "a return", "dispute": "a dispute"}


def gid(subject: Subject | None, kind: str, what: str) -> str:
    """The gid of an order, customer, return or dispute. `PermanentError` when `subject` is none."""
    if subject is None or subject.kind != kind or not subject.id.isdigit():
        raise PermanentError(f"{what} wants {_ARTICLES[kind]} by its number as its target, not {subject}")
    return f"gid://shopify/{_TYPES[kind]}/{subject.id}"


def order_gid(command: Command) -> str:
    """The order that a command is for."""
    return gid(command.target, "order", command.kind)


def mark(key: str) -> str:
    """Sixteen letters and digits that stand for a command's key wherever Shopify shows them to people."""
    return sha256(key.encode()).hexdigest()[:16]


def written(text: str, key: str) -> str:
    """A note that bears the mark of its command."""
    return f"{text} (ref {mark(key)})".strip()


def is_marked(text: str | None) -> bool:
    """Whether a note bears the mark of a command of ours."""
    return _MARKED.search(text or "") is not None


def uuid_of(key: str) -> str:
    """The key for `@idempotent`, the same at every attempt. Shopify recommends a UUID."""
    return str(UUID(bytes=sha256(key.encode()).digest()[:16], version=4))
