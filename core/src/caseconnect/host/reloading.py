"""Reload: the files are read again while everything runs, and each tenant is as its file says, or as it was.

A file that is wrong, lacks a secret or cannot be built leaves its tenant as it was, with an alert until it is mended.
So does the daemon's own file with the daemon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from caseconnect.host.daemon_file import DaemonSettings, reread
from caseconnect.host.faults import told
from caseconnect.host.journal import Journal
from caseconnect.host.journal.errors import JournalError
from caseconnect.host.journal.files import TenantFile
from caseconnect.host.journal.records import NewAlert
from caseconnect.host.logs import plain
from caseconnect.host.tenants.admitting import Admitted
from caseconnect.host.tenants.changes import changes, without_secrets
from caseconnect.host.tenants.problems import ConfigProblem
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.resources import Log

CAUSE = "tenant-file"
"""The cause of the alert of a tenant whose file is not in force, or is gone; of no tenant when it is the folder."""

What = Literal["started", "reloaded", "unchanged", "kept", "refused", "ended"]
"""What became of a tenant: `kept` goes on as it was, `refused` is not served; both say why."""

_OPEN = {
    "deliveries": ("new", "waiting", "parked"),
    "events": ("ready", "waiting", "parked"),
    "commands": ("planned", "sending", "unknown", "accepted", "parked"),
}


@dataclass(frozen=True)
class Reloaded:
    """What a reload did to one tenant: the key paths that are another now, or why not.

    Without a tenant's name it is the daemon's own file; `restart`: what of it only a start follows.
    """

    tenant: str
    did: What
    changed: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


@dataclass
class Own:
    """The daemon's own file: what is in force, and who is told when that is something else."""

    settings: DaemonSettings
    follow: Callable[[DaemonSettings], None]


class Reloading:
    """Keeps what is in force. `begin` once, then `reload` as often as somebody asks; two never overlap.

    `read` reads the files, given what is in force. `replace` lets a tenant be another one in the pipeline and answers
    why not. `swap` is told what is in force after each change: intake follows it.
    """

    def __init__(
        self,
        journal: Journal,
        read: Callable[[Mapping[str, Tenant]], Admitted],
        replace: Callable[[str, Tenant | None], Awaitable[str]],
        swap: Callable[[Mapping[str, Tenant]], None],
        now: Callable[[], datetime],
        log: Log,
        own: Own,
    ) -> None:
        self._journal, self._read, self._replace, self._swap = journal, read, replace, swap
        self._now, self._log, self._own = now, log, own
        self._in_force: Mapping[str, Tenant] = {}
        self._one = asyncio.Lock()

    async def begin(self, first: Admitted) -> None:
        """The tenants that the daemon began with are in force."""
        self._in_force = first.tenants
        files = {file.tenant: file for file in self._journal.newest_files()}
        for name, tenant in first.tenants.items():
            await self._keep(name, tenant, "start", files.get(name))
        for name, file in files.items():
            if file.digest and name not in first.tenants and name not in first.problems:
                await self._keep(name, None, "start", file)
                await self._left(name)
        await self._journal.close_alert("", CAUSE, self._now())
        await self._alert(first, {})

    async def reload(self, by: str) -> list[Reloaded]:
        """Read the files again and let every tenant be as its file says; what became of each.

        The daemon's own file comes first, without a tenant's name.
        """
        async with self._one:
            file, problems = await asyncio.to_thread(reread, self._own.settings)
            admitted = await asyncio.to_thread(self._read, self._in_force)
            if admitted.broken:
                await self._tell("", admitted.broken)
                raise ConnectError(f"{admitted.broken}; nothing was changed")
            done = [self._follow_own(file, problems, by)]
            done += [await self._end(name, by) for name in admitted.gone]
            refused: dict[str, str] = {}
            for name, tenant in admitted.tenants.items():
                if name not in admitted.problems:
                    done.append(await self._one_of(name, tenant, by, refused))
            for name, wrong in admitted.problems.items():
                did: What = "kept" if name in self._in_force else "refused"
                done.append(Reloaded(name, did, why=tuple(map(str, wrong))))
            if problems:
                await self._tell("", f"the daemon's file cannot be followed, it goes on as it was: {_first(problems)}")
            else:
                await self._journal.close_alert("", CAUSE, self._now())
            await self._alert(admitted, refused)
            return sorted(done, key=lambda each: each.tenant)

    def _follow_own(self, file: DaemonSettings, problems: Sequence[ConfigProblem], by: str) -> Reloaded:
        if problems:
            return Reloaded("", "kept", why=tuple(map(str, problems)))
        own = self._own
        new = own.settings.followed(file)
        changed, restart = own.settings.changes(new), tuple(path[2:] for path in new.changes(file))
        own.settings = new
        own.follow(new)
        if changed:
            self._log.info("own file reloaded", by=by, changed=changed)
        if restart:
            self._log.warning("needs a restart", changed=restart)
        return Reloaded("", "reloaded" if changed else "unchanged", changed, restart=restart)

    async def _one_of(self, name: str, tenant: Tenant, by: str, refused: dict[str, str]) -> Reloaded:
        before = self._in_force.get(name)
        if before is not None and before.digest == tenant.digest:
            return Reloaded(name, "unchanged")
        try:
            why = await self._replace(name, tenant)
        except ConnectError as error:
            why = told(error)
        if why:
            refused[name] = why
            return Reloaded(name, "kept" if before else "refused", why=(why,))
        self._follow({**self._in_force, name: tenant})
        files = {file.tenant: file for file in self._journal.newest_files()}
        changed = await self._keep(name, tenant, by, files.get(name))
        self._log.info("tenant reloaded", tenant=name, by=by, changed=changed)
        return Reloaded(name, "reloaded" if before else "started", changed)

    async def _end(self, name: str, by: str) -> Reloaded:
        """A tenant without a file: its door shuts first, then what is on ends, and what is left stays."""
        self._follow({each: tenant for each, tenant in self._in_force.items() if each != name})
        why = await self._replace(name, None)
        files = {file.tenant: file for file in self._journal.newest_files()}
        await self._keep(name, None, by, files.get(name))
        left = await self._left(name)
        self._log.info("tenant ended", tenant=name, by=by, why=why or "its file is gone", note=left)
        return Reloaded(name, "ended", why=tuple(filter(None, (why, left))))

    def _follow(self, tenants: Mapping[str, Tenant]) -> None:
        self._in_force = tenants
        self._swap(tenants)

    async def _keep(self, name: str, tenant: Tenant | None, by: str, before: TenantFile | None) -> tuple[str, ...]:
        """Write down what is in force now, if it is another than before; the key paths that are."""
        digest, text = (tenant.digest, without_secrets(tenant.text)) if tenant else ("", "")
        if (before.digest if before else "") == digest:
            return ()
        changed = tuple(changes(before.text if before else "", text))
        try:
            await self._journal.keep_file(TenantFile(name, digest, self._now(), by, changed, text))
        except JournalError as error:  # it is in force all the same
            self._log.error("the journal takes nothing", why=str(error))
        return changed

    async def _left(self, name: str) -> str:
        """Tell what work a tenant that was ended has left."""
        left = self._waiting(name)
        if not left:
            return ""
        title = f"its file is gone, so nothing of it is worked on; {left} wait until it is there again"
        await self._tell(name, title)
        return title

    def _waiting(self, name: str) -> str:
        counts = self._journal.counts(name)
        open_ = {what: sum(counts.get(what, {}).get(state, 0) for state in states) for what, states in _OPEN.items()}
        return ", ".join(f"{count} {what}" for what, count in open_.items() if count)

    async def _alert(self, admitted: Admitted, refused: Mapping[str, str]) -> None:
        """An alert for each tenant whose file is not in force; of the others it closes."""
        for name in admitted.tenants:
            if name not in admitted.problems and name not in refused:
                await self._journal.close_alert(name, CAUSE, self._now())
        for name in self._told() - {"", *admitted.tenants, *admitted.problems}:
            if not self._waiting(name):  # a wrong file that was taken away again, or what waited is over
                await self._journal.close_alert(name, CAUSE, self._now())
        whys = {name: _first(problems) for name, problems in admitted.problems.items()}
        for name, why in {**whys, **refused}.items():
            state = "it goes on as it was" if name in self._in_force else "it is not served"
            await self._tell(name, f"its file cannot be followed, {state}: {why}")

    def _told(self) -> set[str]:
        ever = datetime.fromtimestamp(0, UTC)
        return {alert["tenant"] for alert in self._journal.alerts(ever) if alert["cause"] == CAUSE}

    async def _tell(self, tenant: str, title: str) -> None:
        title = plain(title)  # keys of a file may be people's addresses
        self._log.warning("tenant file", tenant=tenant, why=title)
        try:
            await self._journal.alert(NewAlert(tenant, CAUSE, title), self._now())
        except JournalError as error:
            self._log.error("the journal takes nothing", why=str(error))


def _first(problems: Sequence[ConfigProblem]) -> str:
    return f"{len(problems)} thing(s), first: {problems[0]}"
