"""A tenant's connections built for one errand: tried step by step (`connect check --live`), or set up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from caseconnect.host.pipeline.live import PATIENCE, Accounts, LiveTenant, TransportFor, build, guarded
from caseconnect.host.tenants.tenant import Tenant, missing_secrets
from caseconnect.sdk.components import Check
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.secrets import Secrets

_DEADLINE = 120.0


@dataclass(frozen=True)
class Tried:
    """The steps of one connection."""

    tenant: str
    connection: str
    steps: tuple[Check, ...]


async def try_tenant(
    tenant: Tenant,
    now: Callable[[], datetime],
    *,
    secrets: Secrets | None = None,
    transport: TransportFor | None = None,
) -> list[Tried]:
    """Each connection's own checks, source first. A step that cannot be tried is one that failed, with its reason."""
    missing = [] if secrets else missing_secrets(tenant)
    if missing:
        return [Tried(tenant.name, "", tuple(Check(step="secrets", ok=False, note=str(p)) for p in missing))]
    try:
        live = await built(tenant, now, secrets=secrets, transport=transport)
    except ConnectError as error:
        return [Tried(tenant.name, "", (Check(step="build", ok=False, note=str(error)),))]
    try:
        tried = []
        for name, connection in live.connections.items():
            steps: list[Check] = []
            parts: Mapping[str, object] = {"source": connection.source, "sink": connection.sink}
            for part, component in parts.items():
                if component is not None:
                    steps += await _steps(part, component, connection.spec.platform)
            unlike = {(s.step, s.ok, s.note): s for s in steps}
            tried.append(Tried(tenant.name, name, tuple(unlike.values())))
        return tried
    finally:
        await live.close()


async def built(
    tenant: Tenant,
    now: Callable[[], datetime],
    *,
    secrets: Secrets | None = None,
    transport: TransportFor | None = None,
) -> LiveTenant:
    """The tenant's connections, for a command: it logs nothing, what is wrong is raised or shown."""
    quiet = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return await build(
        tenant,
        accounts=Accounts(),
        secrets=secrets or tenant.secrets(),
        now=now,
        log=quiet,
        go_live=now(),
        transport=transport,
    )


async def set_up(
    tenant: Tenant,
    connection: str,
    address: str,
    now: Callable[[], datetime],
    *,
    secrets: Secrets | None = None,
    transport: TransportFor | None = None,
) -> tuple[Check, ...]:
    """Have the connection's plugin make what it needs on its platform; each step. `address`: see `Setup` in the SDK."""
    spec = tenant.connections[connection].source
    if spec is None or spec.setup is None:
        platform = tenant.connections[connection].platform
        raise ConnectError(f"{tenant.name}/{connection}: {platform} has nothing to set up by itself")
    live = await built(tenant, now, secrets=secrets, transport=transport)
    at = live.connections[connection]
    try:
        doing = spec.setup(at.spec.settings, at.resources, address)
        return tuple(await guarded(doing, plugin=spec.name, doing="setup", deadline=PATIENCE))
    finally:
        await at.resources.close()
        await live.close()


async def _steps(part: str, component: object, platform: str) -> list[Check]:
    try:
        check = component.check()  # type: ignore[attr-defined] # both protocols have it
        return list(await guarded(check, plugin=platform, doing=f"check of the {part}", deadline=_DEADLINE))
    except ConnectError as error:
        return [Check(step=f"{part} of {platform}", ok=False, note=str(error))]
