"""Whose account a connection is: a shop that is another one than it was, or than its file says, is asked nothing.

Orders of two shops may have one number, and a matter is carried out on whatever order its connection has by that
number. So before anything is sent the account is compared with the one that the journal saw first, and, where the
platform can tell its own name (`sdk.components.Identified`), with that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from caseconnect.host.journal.records import Brake, StoredCommand
from caseconnect.host.pipeline.context import BY, Context
from caseconnect.host.pipeline.live import PATIENCE, LiveConnection, LiveTenant, guarded
from caseconnect.sdk.errors import AuthError, PermanentError, TransientError

CAUSE = "account:"
"""Begins the cause of the alert, which closes when a person ends the pause; the connection's name follows."""


class Identities:
    """Cuts off a connection to an account that it should not be."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def take_up(self, tenant: LiveTenant) -> None:
        """Compare the accounts that the file names with those of before. Each is told once: then a person has said."""
        journal, now = self._context.journal, self._context.now()
        firsts = journal.starts(tenant.name)
        for name, connection in tenant.connections.items():
            if not connection.spec.has_orders:
                continue
            begins = f"{CAUSE}{name}:"
            known = {first.removeprefix(begins): at for first, at in firsts.items() if first.startswith(begins)}
            if connection.account in known:
                continue
            if known:
                before = max(known, key=lambda account: known[account])
                why = f"it was the account {before} and the file says {connection.account}"
                await self._cut_off(tenant.name, name, why, "if that is meant")
            await journal.first(tenant.name, f"{begins}{connection.account}", now)

    async def sure(self, tenant: LiveTenant, stored: StoredCommand) -> str:
        """Ask the platforms, once, whose accounts a command is about; why it must not go out, or an empty text.

        Raises `TransientError` when one cannot be asked: the command waits, and may be to another connection than that.
        """
        matter = self._context.journal.matter(stored.matter)
        names = {stored.connection, matter.key.subject.connection if matter else stored.connection}
        for name in sorted(names & tenant.connections.keys()):
            if why := await self._asked(tenant, tenant.connections[name]):
                return why
        return ""

    async def _asked(self, tenant: LiveTenant, connection: LiveConnection) -> str:
        ask: Callable[[], Awaitable[str]] | None = getattr(connection.source, "identity", None)
        if connection.identified or ask is None:
            return ""
        name, platform = connection.spec.name, connection.spec.platform
        try:
            real = await guarded(ask(), plugin=platform, doing="look whose it is", deadline=PATIENCE)
        except AuthError as error:
            await self._context.credentials_refused(tenant.name, name, str(error))
            raise TransientError(f"{name} cannot be asked whose it is: {error}") from error
        except PermanentError as error:
            raise TransientError(f"{name} cannot be asked whose it is: {error}") from error
        if real == connection.account:
            connection.identified = True
            return ""
        why = f"the platform says that it is {real}, the file says {connection.account}"
        await self._cut_off(tenant.name, name, why, "when the file is mended and reloaded")
        return f"{name}: {why}"

    async def _cut_off(self, tenant: str, name: str, why: str, when: str) -> None:
        await self._context.journal.pause(Brake(tenant, "access", name, why, BY, self._context.now()))
        way = f"connect resume --tenant {tenant} --access {name} --yes --reason WHY"
        title = f"nothing is asked of {name} any more: {why}. {when[0].upper()}{when[1:]}: {way}"
        await self._context.alert(tenant, f"{CAUSE}{name}", title, name)
        self._context.log.error("another account", tenant=tenant, connection=name, why=why)
