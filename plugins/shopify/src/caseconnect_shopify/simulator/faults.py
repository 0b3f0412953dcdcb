"""Faults on demand: what goes wrong on the way to the shop or back, for the next calls that match."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from .world.specs import SpecError, only, whole

KINDS = ("throttle", "status", "html", "drop_before", "drop_after", "delay", "truncate", "late")


class ConnectionDropped(ConnectionError):
    """The connection closed without an answer. Raised out of the app when it runs inside the caller's process.

    `after_effect` says whether the call had already been carried out.
    """

    def __init__(self, after_effect: bool) -> None:
        super().__init__(f"The simulator dropped the connection {'after' if after_effect else 'before'} the effect.")
        self.after_effect = after_effect


@dataclass(slots=True)
class Fault:
    """One planned fault. It hits `count` calls that match, after letting `skip` matching ones pass.

    A call matches by `operation` (the operation's name or a root field) and by `path` (a part of the request's path).
    `status` with `body` and `retry_after` is for the kind "status"; `seconds` is for "delay" and for "late", which
    drops the connection and carries the call out so many seconds later on the shop's clock.
    """

    kind: str
    operation: str | None = None
    path: str | None = None
    count: int = 1
    skip: int = 0
    status: int = 500
    body: Any = None
    retry_after: str | None = None
    seconds: float = 0.0
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SpecError(f"There is no fault {self.kind!r}. Allowed: {', '.join(KINDS)}.")
        whole(self.count, "fault.count", 1)
        whole(self.skip, "fault.skip")

    def matches(self, path: str, operations: Collection[str]) -> bool:
        """Whether this fault is meant for such a call."""
        return (self.operation is None or self.operation in operations) and (self.path is None or self.path in path)


@dataclass(slots=True)
class FaultPlan:
    """The faults of a shop, in the order in which they were planned."""

    faults: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault | dict[str, Any]) -> Fault:
        """Plans a fault."""
        if isinstance(fault, dict):
            only(
                fault,
                {"kind", "operation", "path", "count", "skip", "status", "body", "retry_after", "seconds"},
                "The fault",
            )
            if "kind" not in fault:
                raise SpecError(f"The fault needs a kind: {', '.join(KINDS)}.")
            fault = Fault(**fault)
        self.faults.append(fault)
        return fault

    def clear(self) -> None:
        """Drops all planned faults."""
        self.faults.clear()

    def take(self, path: str, operations: Collection[str]) -> Fault | None:
        """The fault that hits this call, if any; it is used up once."""
        for fault in self.faults:
            if fault.matches(path, operations):
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.count -= 1
                fault.hits += 1
                if not fault.count:
                    self.faults.remove(fault)
                return fault
        return None
