"""What a simulated Core Case is told before it starts: tenants, their clients, definitions, habits and limits."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .alternatives import ALTERNATIVE_PROFILES
from .loading import SettingsError, convert, load
from .model import Attribute
from .profile import Profile

_NAMES = uuid.UUID("0c6b2b7e-7d0e-4c7a-9a55-1f1f5b0f6a11")


def stable_id(*parts: str) -> str:
    """A uuid that is the same in every run, for what settings name but do not number."""
    return str(uuid.uuid5(_NAMES, "/".join(parts)))


@dataclass(frozen=True, slots=True)
class DefinitionSettings:
    """A case definition that exists from the start; `attributes` are only checked when declared."""

    id: str
    config_id: str
    name: str = "Commerce exception"
    description: str = ""
    prefix: str = "CASE-"
    suffix: str = ""
    stages: tuple[str, ...] = ("New", "In review", "Resolved")
    outcomes: tuple[str, ...] = ("approved", "rejected", "more_information")
    attributes: tuple[Attribute, ...] = ()
    refuse_unknown_attributes: bool = False


@dataclass(frozen=True, slots=True)
class UserSettings:
    """A person, role or service account; one with a password can use the password grant."""

    email: str
    first_name: str = ""
    last_name: str = ""
    kind: str = "User"
    id: str = ""
    password: str = field(default="", repr=False)


DEFAULT_DEFINITION = DefinitionSettings(
    id="7a51c9f0-52c4-4f0b-8f2e-3d7f4b1f9e01", config_id="2f7d1d0a-6f1b-4b52-9b6c-8e7e9a4c5d02"
)
"""The definition of a tenant that names none."""

DEFAULT_AGENTS = (
    UserSettings("agent.one@core-case.example", "Ada", "Agent"),
    UserSettings("agent.two@core-case.example", "Ben", "Agent"),
)
"""The agents of a tenant that names none; never the service account."""


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """One tenant's account. Times in seconds, sizes in bytes; `rate_limit` is requests a second, 0 for none.

    5 requests a second is what OpenText's Content Metadata Service announced in 2023; Core Case's limit is unknown.
    The token's life is unknown too.
    """

    id: str = "demo"
    client_id: str = "connect-client"
    client_secret: str = field(default="connect-secret", repr=False)
    service_account: UserSettings = UserSettings("connect.service@core-case.example", "Connect", "Service")
    agents: tuple[UserSettings, ...] = DEFAULT_AGENTS
    definitions: tuple[DefinitionSettings, ...] = (DEFAULT_DEFINITION,)
    profile: Profile = field(default_factory=Profile)
    rate_limit: float = 5.0
    retry_after: float | None = None
    token_life: float = 1800.0
    refresh_life: float = 86400.0
    refresh_token_for_client: bool = False
    token_bodies: tuple[str, ...] = ("json", "form")
    client_forms: tuple[str, ...] = ("body", "basic")
    grants: tuple[str, ...] = ("client_credentials", "password", "refresh_token")
    required_scope: str = ""
    listing_lag: float = 0.0
    attachment_max_bytes: int = 25 * 1024 * 1024
    attachment_types: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TenantSettings:
        """A tenant from JSON; `profile` is an object or the name of one of `ALTERNATIVE_PROFILES`."""
        named = data.get("profile")
        if isinstance(named, str):
            if named not in ALTERNATIVE_PROFILES:
                known = ", ".join(ALTERNATIVE_PROFILES)
                raise SettingsError(f"tenant.profile: {named!r} is unknown. Known: {known}; or give an object.")
            data = {**data, "profile": ALTERNATIVE_PROFILES[named]}
        return load(cls, data, f"tenants.{data.get('id', 'demo')}")


@dataclass(frozen=True, slots=True)
class CoreCaseSimulatorSettings:
    """The whole simulator: where the API hangs (`prefix`), and its tenants."""

    prefix: str = "/case"
    tenants: tuple[TenantSettings, ...] = field(default_factory=lambda: (TenantSettings(),))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CoreCaseSimulatorSettings:
        """Settings from JSON, `{"prefix": "/case", "tenants": [{"id": …}, …]}`; refuses what it does not know."""
        read = dict(data)
        tenants = read.pop("tenants", None)
        settings = load(cls, read, "simulator")
        if tenants is None:
            return settings
        if not isinstance(tenants, list | tuple) or not tenants:
            raise SettingsError("simulator.tenants: expected a list with at least one tenant.")
        loaded = tuple(
            TenantSettings.from_dict(convert(dict, item, f"simulator.tenants[{index}]"))
            for index, item in enumerate(tenants)
        )
        return cls(prefix=settings.prefix, tenants=loaded)
