"""Metafields: all of a call or none, with compare-and-set by digest (`metafieldsSet`, API 2026-10)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .records import Customer, Metafield, Order

if TYPE_CHECKING:
    from .shop import Shop

LIMIT = 25
MISSING = object()


def digest(kind: str, value: str) -> str:
    """`compareDigest` of a value."""
    return hashlib.sha256(f"{kind}\n{value}".encode()).hexdigest()


def namespace_of(shop: Shop, given: str | None) -> str:
    """The namespace as stored: none or `$app` is the app's own, `$app:x` a part of it."""
    if not given or given == "$app":
        return f"app--{shop.app_id}"
    if given.startswith("$app:"):
        return f"app--{shop.app_id}--{given[5:]}"
    return given


def problem(
    owner: Order | Customer, entry: dict[str, Any], place: int, namespace: str, defined: str | None = None
) -> dict[str, Any] | None:
    """Why one entry of a call cannot be set; None when it can. `defined` is the type that a definition gives it."""

    def error(field: str, code: str, message: str) -> dict[str, Any]:
        return {"field": ["metafields", str(place), field], "message": message, "code": code, "elementIndex": None}

    old = owner.metafields.get((namespace, entry["key"]))
    if not entry["value"]:
        return error("value", "BLANK", "Value can't be blank.")
    if not 2 <= len(entry["key"]) <= 64:
        code = "TOO_SHORT" if len(entry["key"]) < 2 else "TOO_LONG"
        return error("key", code, "Key must be 2 to 64 characters long.")
    kind = entry.get("type") or defined
    if kind is None and old is None:
        return error("type", "BLANK", "Type can't be blank.")
    if kind is not None and kind != (defined or kind):
        text = f"Type '{kind}' must be consistent with the definition's type: '{defined}'."
        return error("type", "INVALID_TYPE", text)
    return _compared(old, entry, error)


def _compared(
    old: Metafield | None, entry: dict[str, Any], error: Callable[[str, str, str], dict[str, Any]]
) -> dict[str, Any] | None:
    want = entry.get("compareDigest", MISSING)
    if want is MISSING or (old and old.value == entry["value"]):
        return None
    if old is None and want is not None:
        return error("compareDigest", "INVALID_COMPARE_DIGEST", "There is no metafield to compare this digest with.")
    stale = old is not None and want != old.digest
    text = "The resource has been updated since it was loaded. Try again."
    return error("compareDigest", "STALE_OBJECT", text) if stale else None


def put(
    shop: Shop,
    owner: Order | Customer,
    owner_gid: str,
    entry: dict[str, Any],
    namespace: str,
    defined: str | None = None,
) -> tuple[Metafield, bool]:
    """Sets one metafield and says whether anything changed."""
    stamp = shop.stamp()
    key = (namespace, entry["key"])
    old = owner.metafields.get(key)
    kind = entry.get("type") or defined or (old.type if old else "single_line_text_field")
    value = entry["value"]
    if old is None:
        made = Metafield(shop.next_id(), owner_gid, *key, kind, value, digest(kind, value), stamp, stamp)
        owner.metafields[key] = made
        return made, True
    changed = (old.type, old.value) != (kind, value)
    if changed:
        old.type, old.value, old.digest, old.updated_at = kind, value, digest(kind, value), stamp
    return old, changed
