"""Our own references, as the host writes them: environment/shop/kind/id/topic[/item]/episode."""

from __future__ import annotations


def environment_of(reference: str | None) -> str | None:
    """Environment of a reference of ours; None for any other text."""
    parts = (reference or "").split("/")
    return parts[0] if len(parts) >= 6 and all(parts) and parts[-1].isdigit() else None
