"""Reading tenant files. One bad file stops one tenant; all of its problems are told at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Any

from caseconnect.host.faults import kind_and_place
from caseconnect.host.plugins import Installed
from caseconnect.host.tenants.document import MAX_BYTES, read_document
from caseconnect.host.tenants.file_models import HOST_NAME, NAME, ConnectionPart, FlowPart, Limits, TenantPart, Timing
from caseconnect.host.tenants.flows import Placing
from caseconnect.host.tenants.problems import Path, Report, one_of
from caseconnect.host.tenants.schedule import Poll, Schedule
from caseconnect.host.tenants.tenant import Connection, Flow, Tenant, TenantSet
from caseconnect.host.tenants.translate import validate
from caseconnect.sdk.components import Every, Listener, Settings, TransformSpec, TriggerSpec, Webhook

_ENDINGS = (".yaml", ".yml")


def load_tenants(folder: FilePath, installed: Installed) -> TenantSet:
    """Every tenant file of a folder (`*.yaml`, `*.yml`). Left out are hidden ones, and tests: `*.tests.yaml`."""
    if not folder.is_dir():
        report = Report(str(folder))
        report.add((), "there is no such folder", "give the folder of the tenant files with --tenants")
        return TenantSet(problems=report.problems)
    named = (f for f in folder.iterdir() if f.suffix in _ENDINGS and not f.name.startswith("."))
    files = (f for f in named if not f.stem.endswith(".tests") and f.is_file())
    return load_files(sorted(files), installed)


def load_files(files: Iterable[FilePath], installed: Installed) -> TenantSet:
    """These tenant files."""
    found = TenantSet()
    for file in files:
        tenant, problems = _Reading(file, installed).tenant()
        if tenant and tenant.name in found.tenants:
            report = Report(str(file))
            report.add(("tenant",), f"{found.tenants[tenant.name].file.name} has the same name", "keep one file")
            tenant, problems = None, report
        if tenant:
            found.tenants[tenant.name] = tenant
        found.problems += problems.in_order()
    return found


class _Reading:
    """One file on its way to a tenant."""

    def __init__(self, file: FilePath, installed: Installed) -> None:
        self.file, self.installed, self.report = file, installed, Report(str(file))
        self.data: dict[str, Any] = {}
        self.name = file.stem

    def tenant(self) -> tuple[Tenant | None, Report]:
        """The tenant, None when anything is wrong, and the report."""
        try:
            with self.file.open("rb") as opened:
                raw = opened.read(MAX_BYTES + 1)
        except OSError as error:
            self.report.add((), f"the file cannot be read: {error.strerror}")
            return None, self.report
        document = read_document(raw, self.report)
        if document.data is None:
            if not self.report.problems:
                self.report.add((), "the file holds nothing", "begin with `tenant:` and the file's name")
            return None, self.report
        if not isinstance(document.data, dict):
            self.report.add((), "a tenant file is a mapping (key: value)", "begin with `tenant:` and the file's name")
            return None, self.report
        self.data = document.data
        head = validate(TenantPart, self.data, (), self.report)
        given = self.data.get("tenant")
        if isinstance(given, str) and re.match(NAME, given) and given != self.name:
            self.report.add(
                ("tenant",), "the tenant's name differs from the file's", f"write {self.name}, or rename it"
            )
        timing = validate(Timing, self.data.get("timing"), ("timing",), self.report)
        limits = validate(Limits, self.data.get("limits"), ("limits",), self.report)
        connections = self._connections()
        flows = self._flows(connections)
        if self.report.problems or not (head and timing and limits):
            return None, self.report
        tenant = Tenant(
            name=head.tenant,
            environment=head.environment,
            go_live=head.go_live,
            connections={n: c for n, c in connections.items() if c},
            flows=flows,
            timing=timing,
            limits=limits,
            file=self.file,
            digest=sha256(raw).hexdigest(),
            lines=document.lines,
            text=raw.decode("utf-8-sig"),
        )
        return tenant, self.report

    def _connections(self) -> dict[str, Connection | None]:
        """By name; None for one that is wrong, so that what needs it does not complain as well."""
        given = self.data.get("connections")
        if "connections" not in self.data:
            return {}
        if not isinstance(given, dict) or not given:
            self.report.add(("connections",), "at least one connection is needed", "write name: {platform: …}")
            return {}
        made = {name: self._connection(name, raw) for name, raw in given.items()}
        self._check_accounts([c for c in made.values() if c and c.source and c.source.roots])
        self._check_kinds([c for c in made.values() if c and c.webhook])
        return made

    def _check_kinds(self, connections: Iterable[Connection]) -> None:
        """What is sent to `/in/{tenant}/{kind}` has one connection that takes it."""
        first: dict[str, str] = {}
        for connection in connections:
            for kind in connection.webhook.kinds if connection.webhook else ():
                other = first.setdefault(kind, connection.name)
                if other != connection.name:
                    why = f"{other} takes {kind!r} already: /in/{self.name}/{kind} is one address"
                    self.report.add(("connections", connection.name), why, "take each kind on one connection")

    def _check_accounts(self, connections: Iterable[Connection]) -> None:
        """The account is part of a matter's reference, so one whose orders are worked has one connection."""
        first: dict[tuple[str, str], str] = {}
        for connection in connections:
            path: Path = ("connections", connection.name)
            try:
                account = connection.source.account(connection.settings) if connection.source else ""
                other = first.setdefault((connection.platform, account), connection.name)
            except Exception as error:  # noqa: BLE001 - the plugin's code
                why = f"{connection.platform} cannot name its account: {kind_and_place(error)}"
                self.report.add(path, why, "a fault of the plugin")
                continue
            if other != connection.name:
                self.report.add(path, f"{other} is a connection to the same account", "keep one of them")

    def _connection(self, name: str, raw: Any) -> Connection | None:
        path: Path = ("connections", name)
        before = len(self.report.problems)
        if not re.match(NAME, name) or name == HOST_NAME:
            hint = "lower case letters, digits, '-', '_'; a letter first; at most 40; not 'connect'"
            self.report.add(path, "this is no name for a connection", hint)
        part = validate(ConnectionPart, raw, path, self.report)
        platform = raw.get("platform") if isinstance(raw, dict) else None
        model = self.installed.settings_of(platform) if isinstance(platform, str) else None
        if isinstance(platform, str) and not model:
            self._absent((*path, "platform"), platform, ("source", "sink", "trigger"), "platform")
        settings = validate(model, _under(raw, "settings"), (*path, "settings"), self.report) if model else None
        poll_path = (*path, "poll")
        poll = validate(Poll, raw["poll"], poll_path, self.report) if _under(raw, "poll") is not None else None
        if not (part and settings) or len(self.report.problems) > before:
            return None
        trigger = self.installed.triggers.get(part.platform)
        wakes = self._wakes(trigger, settings, path)
        return Connection(
            name=name,
            platform=part.platform,
            settings=settings,
            source=self.installed.sources.get(part.platform),
            sink=self.installed.sinks.get(part.platform),
            trigger=trigger,
            webhook=next((w for w in wakes if isinstance(w, Webhook)), None),
            schedule=self._schedule(poll, tuple(w for w in wakes if isinstance(w, Every)), name, poll_path),
            listeners=tuple(w for w in wakes if isinstance(w, Listener)),
        )

    def _wakes(
        self, trigger: TriggerSpec | None, settings: Settings, path: Path
    ) -> tuple[Webhook | Every | Listener, ...]:
        if trigger is None:
            return ()
        try:
            wakes = tuple(trigger.wakes(settings))
        except Exception as error:  # noqa: BLE001 - the plugin's code
            self.report.add(
                path, f"the trigger {trigger.name!r} failed: {type(error).__name__}", "a fault of the plugin"
            )
            return ()
        webhooks = [w for w in wakes if isinstance(w, Webhook)]
        for name in (n for w in webhooks for n in w.secrets if n not in type(settings).model_fields):
            self.report.add(
                path, f"the trigger {trigger.name!r} names no setting with {name!r}", "a fault of the plugin"
            )
        if len(webhooks) > 1:
            self.report.add(
                path,
                f"the trigger {trigger.name!r} has {len(webhooks)} webhooks, but a connection has one address for all"
                " that is pushed",
                "a fault of the plugin: it must describe one",
            )
        return wakes

    def _schedule(self, poll: Poll | None, intervals: tuple[Every, ...], name: str, path: Path) -> Schedule | None:
        seed = f"{self.name}/{name}"
        if poll is None and not intervals:
            return None
        try:
            return Schedule(poll, seed) if poll else Schedule.of_wakes(intervals, seed)
        except ValueError as error:
            self.report.add(path, str(error))
            return None

    def _flows(self, connections: dict[str, Connection | None]) -> tuple[Flow, ...]:
        given = self.data.get("flows")
        if given is None:
            return ()
        if not isinstance(given, list):
            self.report.add(("flows",), "a list is needed here", "begin each flow with `- use: NAME`")
            return ()
        first: dict[str, int] = {}
        made = []
        for index, raw in enumerate(given):
            use = raw.get("use") if isinstance(raw, dict) else None
            if isinstance(use, str) and first.setdefault(use, index) != index:
                line = self.report.line(("flows", first[use]))
                self.report.add(("flows", index, "use"), f"{use!r} is used twice, first in line {line}", "keep one")
                continue
            flow = self._flow(raw, ("flows", index), connections)
            if flow:
                made.append(flow)
        return tuple(made)

    def _flow(self, raw: Any, path: Path, connections: dict[str, Connection | None]) -> Flow | None:
        part = validate(FlowPart, raw, path, self.report)
        use = raw.get("use") if isinstance(raw, dict) else None
        spec: TransformSpec | None = self.installed.transforms.get(use) if isinstance(use, str) else None
        if isinstance(use, str) and not spec:
            self._absent((*path, "use"), use, ("transform",), "use case")
        settings = validate(spec.settings, _under(raw, "settings"), (*path, "settings"), self.report) if spec else None
        usable = {n: c for n, c in connections.items() if c}
        # With a wrong connection it cannot be told what is lacking: that is said once that one is right.
        if not (part and spec and usable) or len(usable) < len(connections):
            return None
        places = Placing(spec, part, path, usable, self.installed, self.report, settings).place()
        if not (places and settings):
            return None
        return Flow(part.use, spec, part.mode, settings, places.on, places.cases, part.via or {}, part.caps, part.storm)

    def _absent(self, path: Path, name: str, kinds: tuple[str, ...], what: str) -> None:
        why = self.installed.why_absent(kinds, name)
        if why:
            self.report.add(path, f"the {what} {name!r} cannot be used: {why}", "`connect list-plugins` shows it")
            return
        known = self.installed.transforms if kinds == ("transform",) else self.installed.platforms()
        self.report.add(path, f"no installed plugin offers the {what} {name!r}", one_of(name, known, "installed"))


def _under(raw: Any, key: str) -> Any:
    return raw.get(key) if isinstance(raw, dict) else None
