"""How much is measured: full for docs/bench.md, small for a look, tiny for the test of the bench itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Amounts of one run. Times in seconds."""

    name: str
    rounds: int
    warm_up: int
    intake_seconds: float
    intake_connections: int
    drain_orders: int
    history_events: int
    through_orders: int
    through_rate: float
    starts: int
    backlog: int
    poll_orders: int
    poll_rounds: int
    beside_dlt: bool
    open_commands: int
    pile: int
    pile_seconds: float
    noisy_orders: int


SIZES = {
    size.name: size
    for size in (
        Size(
            "full", 5, 1, 4.0, 64, 20_000, 1_000_000, 600, 20.0, 5, 1_000, 50_000, 2, True, 10_000, 1_000_000, 20.0, 100
        ),
        Size("small", 3, 1, 2.0, 64, 2_000, 100_000, 100, 20.0, 3, 1_000, 2_000, 2, True, 1_000, 50_000, 5.0, 20),
        Size("tiny", 1, 0, 0.3, 4, 50, 500, 5, 20.0, 1, 20, 450, 1, False, 40, 200, 0.2, 2),
    )
}
"""By name."""

EXCEPTIONS_EVERY = 50
"""One order in so many is an exception: 2 %."""
