"""What tenants have under the daemon's addresses: their webhooks, and the names that can be paused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from caseconnect.host.tenants.tenant import Tenant
from caseconnect.host.web.control import Names
from caseconnect.host.web.hooks import Hook, Place
from caseconnect.sdk.secrets import Secret


def names_of(tenants: Mapping[str, Tenant]) -> Names:
    """What can be paused, by tenant."""
    return {
        name: {"flow": {flow.use for flow in tenant.flows}, "connection": set(tenant.connections)}
        for name, tenant in tenants.items()
    }


def hooks_of(tenants: Mapping[str, Tenant]) -> dict[Place, Hook]:
    """The webhooks of all tenants, by the parts of their paths."""
    found: dict[Place, Hook] = {}
    for tenant in tenants.values():
        for name, connection in tenant.connections.items():
            if webhook := connection.webhook:
                hook = Hook(tenant.name, name, webhook, _revealer(tenant, connection.settings, webhook.secrets))
                room = "up" if webhook.scheme == "link" else "hooks"
                places = [("in", tenant.name, kind) for kind in webhook.kinds] or [(room, tenant.name, name)]
                found |= dict.fromkeys(places, hook)
    return found


def _revealer(tenant: Tenant, settings: object, names: tuple[str, ...]) -> Callable[[], list[str]]:
    """The active secrets, read anew when a few seconds have passed: a rotated one is used without a restart."""
    references = [s for name in names if isinstance(s := getattr(settings, name), Secret)]
    secrets = tenant.secrets()
    kept: list[str] = []
    read_at = float("-inf")

    def reveal() -> list[str]:
        nonlocal kept, read_at
        clock = asyncio.get_running_loop().time()
        if not kept or clock - read_at > 5:
            kept, read_at = [secrets.reveal(reference) for reference in references], clock
        return kept

    return reveal
