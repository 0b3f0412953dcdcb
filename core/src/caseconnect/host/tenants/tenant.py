"""A validated tenant: what the host works with. Only specs and settings; nothing is built or opened yet."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path as FilePath

from caseconnect.host.tenants.caps import Cap, Storm
from caseconnect.host.tenants.file_models import Limits, Mode, Timing
from caseconnect.host.tenants.problems import ConfigProblem, Path, Report
from caseconnect.host.tenants.schedule import Schedule
from caseconnect.host.tenants.secrets import FileAndEnvSecrets, ends_of, unresolved
from caseconnect.sdk.commands import Command
from caseconnect.sdk.components import Listener, Settings, SinkSpec, SourceSpec, TransformSpec, TriggerSpec, Webhook
from caseconnect.sdk.errors import ConfigError
from caseconnect.sdk.events import OrderChanged
from caseconnect.sdk.secrets import Secret, Secrets


@dataclass(frozen=True)
class Connection:
    """One account on one platform, with its validated settings. `schedule` None: it is never polled."""

    name: str
    platform: str
    settings: Settings
    source: SourceSpec | None
    sink: SinkSpec | None
    trigger: TriggerSpec | None
    webhook: Webhook | None = None
    schedule: Schedule | None = None
    listeners: tuple[Listener, ...] = ()

    @property
    def facts(self) -> frozenset[str]:
        """Kinds of facts that it supplies."""
        return frozenset(self.source.facts) | self.source.tells if self.source else frozenset()

    @cached_property
    def endings(self) -> tuple[tuple[str, date], ...]:
        """Where a secret of its settings has a last day, and which."""
        return tuple(ends_of(self.settings))

    @property
    def has_orders(self) -> bool:
        """Orders are its own: what it carries out, it carries out on them."""
        return self.source is not None and OrderChanged in self.source.emits

    @property
    def commands(self) -> frozenset[type[Command]]:
        """Commands that it carries out."""
        return frozenset(self.sink.commands) if self.sink else frozenset()


@dataclass(frozen=True)
class Flow:
    """One use case at work. `on` and `cases` are names of connections; `cases` None: it has nothing to do with any.

    `via`: by kind of command the connection that carries it out, instead of the target's own. `caps`, `storm`: see
    `caps.py`; without a `storm` of its own the tenant's holds.
    """

    use: str
    transform: TransformSpec
    mode: Mode
    settings: Settings
    on: tuple[str, ...]
    cases: str | None
    via: Mapping[str, str] = field(default_factory=dict)
    caps: Mapping[str, Cap] = field(default_factory=dict)
    storm: Storm | None = None


@dataclass(frozen=True)
class Tenant:
    """A tenant as its file says. `digest` is the SHA-256 of the file's bytes, hex: equal means unchanged.

    `text` is what the file held when it was read.
    """

    name: str
    environment: str
    go_live: datetime | None
    connections: Mapping[str, Connection]
    flows: tuple[Flow, ...]
    timing: Timing
    limits: Limits
    file: FilePath
    digest: str
    lines: Mapping[Path, int] = field(default_factory=dict, repr=False, compare=False)
    text: str = field(default="", repr=False, compare=False)

    def carrier(self, flow: Flow, command: type[Command], home: str) -> str:
        """The connection that carries a command out on a target of `home`; `home` itself if there is none."""
        return (carriers(command, home, flow.via, self.connections) or [home])[0]

    def secrets(self, environ: Mapping[str, str] | None = None) -> FileAndEnvSecrets:
        """What resolves this tenant's references: relative files are below the folder of its own file."""
        return FileAndEnvSecrets(self.file.parent, environ)


def carriers(
    command: type[Command], home: str, via: Mapping[str, str], connections: Mapping[str, Connection]
) -> list[str]:
    """Who can carry a command out on a target of `home`: whom the flow names, else its own connection, else others.

    Never one with orders of its own that was not named: a number there is another order.
    """
    if command.kind in via:
        return [via[command.kind]]
    if home in connections and command in connections[home].commands:
        return [home]
    return [name for name, c in connections.items() if command in c.commands and not c.has_orders]


@dataclass
class TenantSet:
    """The tenants of a folder that can run, by name, and all problems of those that cannot."""

    tenants: dict[str, Tenant] = field(default_factory=dict)
    problems: list[ConfigProblem] = field(default_factory=list)


def missing_secrets(tenant: Tenant, secrets: Secrets | None = None) -> list[ConfigProblem]:
    """The references of a tenant that do not resolve now. `serve` needs all of them, `check` none."""
    secrets, report = secrets or tenant.secrets(), Report(str(tenant.file), tenant.lines)
    places: list[tuple[Path, Settings]] = [
        (("connections", n, "settings"), c.settings) for n, c in tenant.connections.items()
    ]
    places += [(("flows", i, "settings"), f.settings) for i, f in enumerate(tenant.flows)]
    return unresolved(places, secrets, report)


def shared_secrets(tenants: Mapping[str, Tenant]) -> dict[str, list[ConfigProblem]]:
    """By tenant the secrets of webhooks that another tenant has too, where no header names the account.

    What is signed for the one could be sent to the other (`host.web.hooks.Owners`).
    """
    whose: dict[str, list[tuple[Tenant, Path]]] = {}
    for tenant in tenants.values():
        secrets = tenant.secrets()
        for name, connection in tenant.connections.items():
            webhook = connection.webhook
            if webhook is None or webhook.expect:
                continue
            for field_name in webhook.secrets:
                reference = getattr(connection.settings, field_name)
                with suppress(ConfigError):
                    value = secrets.reveal(reference) if isinstance(reference, Secret) else ""
                    if value:
                        whose.setdefault(value, []).append((tenant, ("connections", name, "settings", field_name)))
    problems: dict[str, list[ConfigProblem]] = {}
    for places in whose.values():
        names = sorted({tenant.name for tenant, _ in places})
        for tenant, path in places if len(names) > 1 else ():
            report = Report(str(tenant.file), tenant.lines)
            what = (
                f"the tenants {' and '.join(names)} have the same secret: what is signed for one is taken by the other"
            )
            report.add(path, what, "give each a secret of its own")
            problems.setdefault(tenant.name, []).extend(report.problems)
    return problems
