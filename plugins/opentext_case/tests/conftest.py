"""A plugin under test with a simulated Core Case in this process, on virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.resources import make_resources
from caseconnect.sdk.testing.virtual import LoopClock
from caseconnect_opentext_case.config import CoreCaseSettings
from caseconnect_opentext_case.simulator import (
    ALTERNATIVE_PROFILES,
    SETTINGS_OF,
    CoreCaseSimulatorSettings,
    Fault,
    Profile,
    TenantSettings,
    create_app,
)
from caseconnect_opentext_case.sink import CoreCaseSink
from caseconnect_opentext_case.source import CoreCaseSource

BASE = "https://core-case.example"
SMALL = {"attribute-list": {"listing": {"page_size": 2}}, "no-listing": {"listing": {"watch_batch": 2}}}
"""So small that a few cases need several pages."""

SECRETS = {"CC_SECRET": "connect-secret", "CC_USER": "agent.svc@core-case.example", "CC_PASSWORD": "hunter-2-hunter"}


class Rig:
    """One tenant's connection: simulator, settings, resources, source and sink."""

    def __init__(self, profile: str = "default", tenant: dict[str, Any] | None = None, **settings: Any) -> None:
        self.clock = LoopClock()
        self.tenant = replace(
            TenantSettings(profile=ALTERNATIVE_PROFILES.get(profile, Profile()), rate_limit=0), **(tenant or {})
        )
        self.app = create_app(CoreCaseSimulatorSettings(tenants=(self.tenant,)), now=self.clock.now)
        self.store = self.app.stores[self.tenant.id]
        definition = self.tenant.definitions[0]
        data = {
            "base_url": f"{BASE}/case",
            "definition_id": definition.id,
            "config_id": definition.config_id,
            "auth": {"tenant_id": "demo", "client_id": "connect-client", "client_secret": {"env": "CC_SECRET"}},
            "service_account": [self.store.service.id, self.store.service.ets_uuid],
        }
        self.settings = CoreCaseSettings.model_validate(
            merged(data, SETTINGS_OF.get(profile, {}), SMALL.get(profile, {}), settings)
        )
        self.resources = self.restart()

    def restart(self) -> Resources:
        """Resources, source and sink built anew, as after a restart of the host."""
        self.resources = make_resources(
            self.app, secrets=SECRETS, now=self.clock.now, environment="test", connection="cases"
        )
        self.source = CoreCaseSource(self.settings, self.resources)
        self.sink = CoreCaseSink(self.settings, self.resources)
        return self.resources

    def fault(self, kind: Any, operation: str = "*", **more: Any) -> None:
        """The next matching request goes wrong."""
        self.app.faults.schedule(Fault(kind, operation=operation, **more))

    def effects(self, operation: str) -> list[Any]:
        """What really happened."""
        return [entry for entry in self.store.ledger if entry.operation == operation]

    def calls(self) -> list[str]:
        """Operations that were asked for."""
        return [call["operation"] for call in self.store.calls]

    def subject(self, case: str) -> Subject:
        """The case as the host names it."""
        return Subject("cases", "case", case)


def merged(*parts: dict[str, Any]) -> dict[str, Any]:
    """Settings laid over each other, section by section."""
    found: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            both = isinstance(value, dict) and isinstance(found.get(name), dict)
            found[name] = merged(found[name], value) if both else value
    return found


@pytest.fixture
def make_rig() -> Callable[..., Rig]:
    """Rigs by profile and settings; make them inside virtual time."""
    return Rig


@pytest.fixture
def settings_of() -> Callable[..., CoreCaseSettings]:
    """Settings alone, with sections laid over the required ones."""

    def make(**settings: Any) -> CoreCaseSettings:
        required = {
            "base_url": f"{BASE}/case",
            "definition_id": "def-1",
            "config_id": "conf-1",
            "auth": {"tenant_id": "demo", "client_id": "connect-client", "client_secret": {"env": "CC_SECRET"}},
        }
        return CoreCaseSettings.model_validate(merged(required, settings))

    return make


@pytest.fixture
def read_on() -> Callable[..., Any]:
    """Read a source until there is no more; ids of the items, and the cursor."""

    async def read(rig: Rig, cursor: str | None, watch: Iterable[str] = ()) -> tuple[list[str], str]:
        items: list[str] = []
        for _ in range(100):
            page = await rig.source.read(cursor, list(watch))
            items += [item.id for item in page.items]
            cursor = page.cursor
            if not page.more:
                return items, cursor
        raise AssertionError("no end of pages")

    return read
