"""Tables of figures, as Markdown that also reads well on a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def number(value: float | None) -> str:
    """A whole number with its thousands; `none` where nothing was found."""
    return "none" if value is None else f"{value:,.0f}"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The lines of a table, and an empty one."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: tuple[str, ...]) -> str:
        shown = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
        return f"| {' | '.join(shown)} |"

    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return [line(head), rule, *(line(row) for row in rows), ""]
