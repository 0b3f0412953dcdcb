"""By what commands are counted: caps, and storms of cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal


@dataclass(frozen=True)
class CapWindow:
    """So many, and so much of each currency, within `span`; None and an unnamed currency: as many as come."""

    name: str
    span: timedelta
    count: int | None
    sums: Mapping[str, Decimal]


@dataclass(frozen=True)
class CapRule:
    """A cap that a command is under. `name` says what is counted together."""

    name: str
    windows: tuple[CapWindow, ...]


FREE = (CapRule("", ()),)
"""What the host or a person asks for by themselves: under no cap, whatever the file says when it is sent."""


@dataclass(frozen=True)
class StormRule:
    """More than `cases` cases of one exception of a use case `within` a window become one incident.

    `span` is how the tenant file writes it; `environment` begins the incident's reference.
    """

    use: str
    exception: str
    cases: int
    within: timedelta
    span: str
    environment: str
