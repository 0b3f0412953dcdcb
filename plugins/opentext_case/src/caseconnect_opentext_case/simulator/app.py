"""The simulator as one ASGI app, for tests in-process and for a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .api import Door, Tenant
from .control import Control
from .faults import TRANSPORT, FaultPlan, Sleep
from .loading import SettingsError
from .pages import Pages
from .settings import CoreCaseSimulatorSettings
from .store import CaseStore, utc_now

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class CoreCaseSimulator(Starlette):
    """The app, with what tests look at: `tenants` (and their stores and tokens) and `faults`."""

    def __init__(self, stores: Sequence[CaseStore], prefix: str, sleep: Sleep) -> None:
        self.tenants = {store.tenant: Tenant(store) for store in stores}
        if not stores or len(self.tenants) != len(stores):
            raise SettingsError("simulator.tenants: at least one tenant, each with an id of its own, is needed.")
        if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
            raise SettingsError(f"simulator.prefix: {prefix!r} must be empty or start, and not end, with a slash.")
        self.faults = FaultPlan()
        door = Door(self.tenants, self.faults, sleep)
        control = Control(self.tenants, self.faults)
        super().__init__(
            routes=[
                *control.routes(),
                *Pages(self.tenants, control).routes(),
                Route("/tenants/{tenant}/oauth2/token", door.token, methods=["POST"]),
                Route("/otdstenant/{tenant}/oauth2/token", door.token, methods=["POST"]),
                Route("/tenants/{tenant}/.well-known/openid-configuration", door.discovery, methods=["GET"]),
                Route(f"{prefix}/{{path:path}}", door.api, methods=_METHODS),
            ]
        )

    @property
    def stores(self) -> dict[str, CaseStore]:
        """The stores by tenant."""
        return {name: tenant.store for name, tenant in self.tenants.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the server's transport, if any, so that a lost connection can be played; then answer."""
        # uvicorn's `send` is a method of an object that holds the transport; ASGI itself has no way to hang up.
        scope[TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await super().__call__(scope, receive, send)


def create_app(
    stores: Sequence[CaseStore] | CoreCaseSimulatorSettings,
    *,
    prefix: str | None = None,
    now: Callable[[], datetime] = utc_now,
    sleep: Sleep = asyncio.sleep,
) -> CoreCaseSimulator:
    """The app over ready stores, or over new ones made from settings with the clock `now`.

    `prefix` is where the API hangs (`/case` unless settings or argument say otherwise).
    """
    if isinstance(stores, CoreCaseSimulatorSettings):
        prefix = stores.prefix if prefix is None else prefix
        stores = [CaseStore(tenant, now=now) for tenant in stores.tenants]
    return CoreCaseSimulator(stores, "/case" if prefix is None else prefix, sleep)
