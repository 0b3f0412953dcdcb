"""A raw client for the simulator's tests: no code of ours, only HTTP requests spelt by the profile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx  # noqa: TID251  (tests may: this is the raw client)
import pytest

from caseconnect_opentext_case.simulator import CoreCaseSimulatorSettings, Profile, TenantSettings, create_app
from caseconnect_opentext_case.simulator.settings import DEFAULT_DEFINITION

Answer = httpx.Response
File = tuple[str, bytes, str]


class World:
    """A simulator on virtual time with one request at a time; `asked` collects the sleeps asked for."""

    def __init__(self, *tenants: TenantSettings) -> None:
        self.clock = datetime(2026, 10, 5, 12, 0, 0, 250_000, tzinfo=UTC)
        self.slept: list[float] = []
        settings = CoreCaseSimulatorSettings(tenants=tenants or (TenantSettings(rate_limit=0),))
        self.app = create_app(settings, now=lambda: self.clock, sleep=self._sleep)
        self.tenant = settings.tenants[0]
        self.store = self.app.stores[self.tenant.id]
        self.profile: Profile = self.tenant.profile
        self.definition = self.tenant.definitions[0] if self.tenant.definitions else DEFAULT_DEFINITION
        self.token: str | None = None
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://sim")

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def later(self, seconds: float) -> None:
        self.clock += timedelta(seconds=seconds)

    def raw(self, method: str, path: str, **options: Any) -> Answer:
        return self._runner.run(self._client.request(method, path, **options))

    def new_token(self, tenant: TenantSettings | None = None, **fields: str) -> Answer:
        who = tenant or self.tenant
        body = {"client_id": who.client_id, "client_secret": who.client_secret, "grant_type": "client_credentials"}
        answer = self.raw("POST", f"/tenants/{who.id}/oauth2/token", json=body | fields)
        if answer.status_code == 200:
            self.token = answer.json()["access_token"]
        return answer

    def ask(self, operation: str, query: dict[str, str] | None = None, **options: Any) -> Answer:
        """An operation of the profile; ids come from `definition`, `case` and `attachment` in `options`."""
        ids = {name: options.pop(name) for name in ("definition", "case", "attachment") if name in options}
        method, _, path = getattr(self.profile, operation).partition(" ")
        path = path.format(**({"definition": self.definition.id} | ids))
        if self.token is None:
            self.new_token()
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        return self.raw(method, f"/case{path}", params=query, headers=headers, **options)

    def body(self, custom: dict[str, Any] | None = None, **default: Any) -> dict[str, Any]:
        """A create body in the documented shape."""
        properties: dict[str, Any] = {"defaultAttributes": {"caseTitle": "Order 1001", "summary": "Held"} | default}
        if custom:
            properties[self.profile.custom_key] = self.custom(custom)
        return {
            "caseType": {"id": self.definition.id},
            self.profile.config_id_key: self.definition.config_id,
            "caseProperties": properties,
        }

    def custom(self, attributes: dict[str, Any]) -> Any:
        if self.profile.custom_shape == "map":
            return attributes
        return [{"name": name, "value": value} for name, value in attributes.items()]

    def create(self, body: dict[str, Any] | None = None, *files: File) -> Answer:
        wanted = body or self.body({"externalReference": "demo/shop/1001"})
        if self.profile.create_encoding == "json":
            return self.ask("create_case", json=wanted)
        parts: list[Any] = [(self.profile.case_part, ("case.json", json.dumps(wanted).encode(), "application/json"))]
        return self.ask("create_case", files=parts + [(self.profile.file_part, item) for item in files])

    def created(self, custom: dict[str, Any] | None = None, **default: Any) -> str:
        answer = self.create(self.body(custom, **default))
        assert answer.status_code == self.profile.create_status, answer.text
        return str(answer.json()[self.profile.id_key])

    def read(self, case_id: str) -> dict[str, Any]:
        answer = self.ask("read_case", case=case_id)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def effects(self) -> list[str]:
        return [entry.operation for entry in self.store.ledger]


@pytest.fixture
def make_world() -> Iterator[Callable[..., World]]:
    """Makes worlds over tenants, and closes them."""
    made: list[World] = []

    def make(*tenants: TenantSettings) -> World:
        made.append(World(*tenants))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A world with one tenant, default profile, no rate limit."""
    return make_world()


@pytest.fixture
def world_with(make_world: Callable[..., World]) -> Callable[..., World]:
    """Makes a world whose only tenant has these profile settings and no rate limit."""

    def make(profile: Profile | None = None, **settings: Any) -> World:
        return make_world(TenantSettings(profile=profile or Profile(), **({"rate_limit": 0} | settings)))

    return make
