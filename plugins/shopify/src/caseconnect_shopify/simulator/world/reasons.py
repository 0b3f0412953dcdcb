"""Why goods come back: reason definitions (since API 2026-01) and the older enum that they stand for.

A shop has its own list of definitions; these are the general ones. Which gid belongs to which is the shop's own.
"""

from __future__ import annotations

from dataclasses import dataclass

BASE = 880_000_000


@dataclass(frozen=True, slots=True)
class Reason:
    """A ReturnReasonDefinition with the ReturnReason that it counts as."""

    id: int
    handle: str
    name: str
    enum: str


_NAMES = {
    "unknown": ("Unknown", "UNKNOWN"),
    "changed-my-mind": ("Changed my mind", "UNWANTED"),
    "wrong-item": ("Wrong item", "WRONG_ITEM"),
    "damaged-or-defective": ("Damaged or defective", "DEFECTIVE"),
    "not-as-described": ("Item not as described", "NOT_AS_DESCRIBED"),
    "too-small": ("Too small", "SIZE_TOO_SMALL"),
    "too-big": ("Too big", "SIZE_TOO_LARGE"),
    "style": ("Style", "STYLE"),
    "color": ("Color", "COLOR"),
    "other-reason": ("Other", "OTHER"),
}
REASONS = [Reason(BASE + n, h, name, enum) for n, (h, (name, enum)) in enumerate(_NAMES.items(), 1)]
BY_ID = {r.id: r for r in REASONS}
BY_ENUM = {r.enum: r for r in REASONS}
