"""What a row of the matrix is: its world and flows, what begins it, and what each outcome does on the other side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flow_worlds import World

Begins = Callable[[World], Awaitable[Any]]


@dataclass(frozen=True)
class Does:
    """What an outcome comes to.

    In `effects` {20.00} stands for so much of the shop's money as the buyer pays it, {=20.00} for so much of theirs.
    `says`: what the agent writes into the case before. `then`: what has to happen after. `open`: how many more matters
    are open then. `tag`: what the order shows then. `alert`: it is left to a person, by an alert with these words.
    """

    effects: tuple[str, ...] = ()
    says: Mapping[str, str] = field(default_factory=dict)
    then: Callable[[World], None] | None = None
    open: int = -1
    tag: str = ""
    alert: str = ""


@dataclass(frozen=True)
class Again:
    """A second matter of the same order, or of the same product: what begins it, an outcome, and what that does."""

    begins: Begins
    outcome: str
    does: Does


@dataclass(frozen=True)
class Row:
    """One row. `begins` has the matter arise, `quiet` something alike that policy settles, by words of `because`.

    `moving` and `other`: two outcomes of which the first has effects, if any has. `held`, `tag`: effects, and what the
    order shows, before any outcome; `settled`: effects of what policy settles. `changed`: what `other` comes to after
    `moving` was carried out. `opens`: cases that we open; 0 where an agent does. `abroad`: what the agent has to write
    as well where the shopper paid in another currency. `alerts`: what a person is told because of a situation alone, by
    its name. `unfit`: situations that make no sense here, with the reason.
    """

    name: str
    world: type[World]
    flows: str
    begins: Begins
    quiet: Begins
    because: str
    title: str
    decisions: Mapping[str, Does]
    moving: str
    other: str
    again: Again
    abroad: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""
    held: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()
    changed: Does = Does(open=0, alert="by hand")
    opens: int = 1
    alerts: Mapping[str, str] = field(default_factory=dict)
    unfit: Mapping[str, str] = field(default_factory=dict)
