"""Plots as SVG, drawn by the server: few marks, no script, and the same numbers as a table beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 160
_LEFT, _BOTTOM, _TOP = 44, 22, 10


@dataclass(frozen=True)
class Bar:
    """One column: its place and size in the drawing, and what it says."""

    x: float
    y: float
    width: float
    height: float
    told: str


@dataclass(frozen=True)
class Plot:
    """Columns over time, with three lines to read them by. `rows` are the numbers, for the table."""

    title: str
    unit: str
    bars: tuple[Bar, ...]
    grid: tuple[tuple[float, str], ...]
    marks: tuple[tuple[float, str], ...]
    rows: tuple[tuple[str, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    base: int = HEIGHT - _BOTTOM

    @property
    def empty(self) -> bool:
        """There is nothing in it."""
        return not any(bar.height for bar in self.bars)


def columns(title: str, unit: str, values: Sequence[tuple[str, float]], *, marks: int = 6) -> Plot:
    """A plot of (name, value), in order. Names are shown below, as many as fit."""
    top = _round_up(max((value for _, value in values), default=0))
    base, room = HEIGHT - _BOTTOM, HEIGHT - _BOTTOM - _TOP
    step = (WIDTH - _LEFT) / max(len(values), 1)
    bars = tuple(
        Bar(
            round(_LEFT + place * step + step * 0.1, 1),
            round(base - room * value / top, 1),
            round(step * 0.8, 1),
            round(room * value / top, 1),
            f"{name}: {_number(value)} {unit}",
        )
        for place, (name, value) in enumerate(values)
    )
    grid = tuple((round(base - room * part, 1), _number(top * part)) for part in (0.0, 0.5, 1.0))
    every = max(-(-len(values) // marks), 1)
    names = tuple(
        (round(_LEFT + (place + 0.5) * step, 1), name) for place, (name, _) in enumerate(values) if place % every == 0
    )
    return Plot(title, unit, bars, grid, names, tuple((name, _number(value)) for name, value in values))


def spark(values: Sequence[float], width: int = 120, height: int = 24) -> str:
    """The points of a small line, for `<polyline points>`; empty where there is nothing to draw."""
    if not any(values) or len(values) < 2:
        return ""
    top = max(values)
    step = width / (len(values) - 1)
    points = ((place * step, height - 2 - (height - 4) * value / top) for place, value in enumerate(values))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20 ... that is not less."""
    size = 1.0
    while True:
        for factor in (1, 2, 5):
            if value <= size * factor:
                return size * factor
        size *= 10


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
