"""The shape of a tenant file, part by part. Each part is validated by itself, so that all errors come at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from caseconnect.host.tenants.caps import Caps, Storm
from caseconnect.host.tenants.durations import Duration
from caseconnect.host.tenants.schedule import Poll
from caseconnect.models.base import Utc
from caseconnect.sdk.components import SinkSpec

Mode = Literal["observe", "cases", "live"]

NAME = r"^[a-z][a-z0-9_-]{0,39}$"
"""Names of tenants, environments and connections: they are parts of references, so no slash and no space."""

HOST_NAME = "connect"
"""The source of the host's own events: no connection may have this name."""


class Part(BaseModel):
    """Base of the parts: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Timing(Part):
    """Waits. What is left out is the sink's own value, or the default shown."""

    backoff_first: Duration = Field(timedelta(seconds=5), description="Wait before the first further attempt.")
    backoff_max: Duration = Field(timedelta(hours=1), description="Longest wait between two attempts.")
    deadline: Duration | None = Field(None, description="Time for one request to a sink.")
    lateness: Duration | None = Field(None, description="How long after its deadline a request may still land.")
    index_lag: Duration | None = Field(None, description="How late a platform's reads show what was written.")
    key_window: Duration | None = Field(None, description="How long a platform's idempotency key is relied on.")
    settle_within: Duration | None = Field(None, description="How long an accepted command may take to be seen done.")
    quiet: Duration | None = Field(
        None, description="Wait before looking after an unknown outcome; default: deadline + lateness + index_lag."
    )
    look_again: Duration = Field(timedelta(seconds=60), description="Time between two looks that must both find none.")
    keep_bodies: Duration = Field(
        timedelta(days=30),
        description="How long the bodies of deliveries are kept: masked ones, and those that could not be read.",
    )

    def for_sink(self, spec: SinkSpec) -> SinkTiming:
        """The sink's waits with this file's values over them."""
        deadline = spec.deadline if self.deadline is None else self.deadline
        lateness = spec.lateness if self.lateness is None else self.lateness
        index_lag = spec.index_lag if self.index_lag is None else self.index_lag
        return SinkTiming(
            deadline=deadline,
            lateness=lateness,
            index_lag=index_lag,
            key_window=spec.key_window if self.key_window is None else self.key_window,
            settle_within=spec.settle_within if self.settle_within is None else self.settle_within,
            quiet=deadline + lateness + index_lag if self.quiet is None else self.quiet,
            look_again=self.look_again,
        )


@dataclass(frozen=True)
class SinkTiming:
    """The waits that hold for one sink of one tenant; the fields are those of `Timing`."""

    deadline: timedelta
    lateness: timedelta
    index_lag: timedelta
    key_window: timedelta
    settle_within: timedelta
    quiet: timedelta
    look_again: timedelta


class Limits(Part):
    """Brakes of one tenant."""

    state_changes_per_hour: int = Field(6, ge=1, description="More changes of one slot in an hour are parked.")
    attempts: int = Field(
        8, ge=1, description="How often a command that sets a state is sent again after its answer was lost."
    )
    caps: Caps = Field(
        default_factory=dict,
        description="How many commands go out, over all flows, before a person is asked: by kind of command, or `money`"
        " for all that give value away.",
    )
    storm: Storm = Field(
        Storm(), description="How many cases of one exception, each flow by itself, before the rest join one incident."
    )


class ConnectionPart(Part):
    """One account on one platform."""

    platform: str = Field(description="Name of an installed source, sink or trigger.")
    settings: Any = Field(None, description="Settings of the platform's plugin.")
    poll: Any = Field(None, description="When to poll; default: what the plugin's trigger says.")


class FlowPart(Part):
    """One use case at work."""

    use: str = Field(description="Name of an installed use case.")
    mode: Mode = Field(
        "observe", description="observe: decide and do nothing; cases: open cases, touch no order; live: everything."
    )
    on: tuple[str, ...] | None = Field(
        None, min_length=1, description="Connections it works on; default: all that supply what it needs."
    )
    cases: str | None = Field(None, description="Connection its cases are in; default: the only one that opens cases.")
    via: dict[str, str] | None = Field(
        None,
        description="By kind of command the connection that carries it out, such as `{NotifyCustomer: mail}`; default:"
        " the connection of the order, else the only other one without orders of its own that can.",
    )
    caps: Caps = Field(
        default_factory=dict,
        description="The same as `caps` of `limits:`, of this flow alone. Commands that give value away and of which"
        " neither says anything: 20 an hour and 100 a day for each flow.",
    )
    storm: Storm | None = Field(None, description="The same as `storm` of `limits:`, for this flow instead.")
    settings: Any = Field(None, description="Settings of the use case.")


class TenantPart(Part):
    """A tenant: its connections and flows."""

    tenant: str = Field(pattern=NAME, description="The tenant's name: the file's name without its ending.")
    environment: str = Field(pattern=NAME, description="Part of our references, such as production or test.")
    go_live: Utc | None = Field(
        None,
        description="Exceptions that arose earlier open nothing; default: the first start of the tenant and of the"
        " connection, whichever is later. With UTC offset.",
    )
    connections: Any = Field(description="Accounts by name.")
    flows: Any = Field(None, description="Use cases in order of ownership: the first owns the case.")
    timing: Any = Field(None, description="Waits.")
    limits: Any = Field(None, description="Brakes.")


__all__ = [
    "HOST_NAME",
    "NAME",
    "ConnectionPart",
    "FlowPart",
    "Limits",
    "Mode",
    "Poll",
    "SinkTiming",
    "TenantPart",
    "Timing",
]
