"""What no tenant file shows by itself: two tenants that would take each other's work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from caseconnect.host.tenants.problems import ConfigProblem, Path, Report
from caseconnect.host.tenants.tenant import Tenant, shared_secrets


def clashes(tenants: Mapping[str, Tenant]) -> dict[str, list[ConfigProblem]]:
    """By tenant, what it must not share with another: secrets of webhooks, and the beginning of its references."""
    found = shared_secrets(tenants)
    for name, problems in shared_references(tenants).items():
        found.setdefault(name, []).extend(problems)
    return found


def shared_references(tenants: Mapping[str, Tenant]) -> dict[str, list[ConfigProblem]]:
    """By tenant the connections whose matters would have the references of another tenant's. Needs no secret.

    A reference begins with the environment and the account of the matter's connection, and has no tenant in it: a case
    that one of them opened would be found, and worked, by the other. A flow that only observes opens nothing.
    """
    whose: dict[tuple[str, str], list[tuple[Tenant, Path]]] = {}
    for tenant in tenants.values():
        for name, account in _worked(tenant):
            whose.setdefault((tenant.environment, account), []).append((tenant, ("connections", name)))
    problems: dict[str, list[ConfigProblem]] = {}
    for places in whose.values():
        names = sorted({tenant.name for tenant, _ in places})
        for tenant, path in places if len(names) > 1 else ():
            report = Report(str(tenant.file), tenant.lines)
            others = " and ".join(name for name in names if name != tenant.name)
            what = f"the flows of {others} work the same account, so both tenants would work the same cases"
            report.add(path, what, "keep the account in one of them, or set the flows of one to `mode: observe`")
            problems.setdefault(tenant.name, []).extend(report.problems)
    return problems


def _worked(tenant: Tenant) -> Iterator[tuple[str, str]]:
    """(connection, account) of what the tenant's flows open matters on."""
    names = {name for flow in tenant.flows if flow.mode != "observe" for name in flow.on}
    for name in sorted(names):
        connection = tenant.connections.get(name)
        if connection is not None and connection.source is not None and connection.has_orders:
            with suppress(Exception):  # the plugin's code; that it fails is told when its file is read
                yield name, connection.source.account(connection.settings)
