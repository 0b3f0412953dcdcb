"""The daemon of `connect serve`: intake in the main loop, the pipeline in a thread, the journal in another."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from caseconnect.host.daemon_file import DaemonFile, DaemonSettings
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.errors import JournalError
from caseconnect.host.journal.records import NewAlert, NewDelivery, Receipt
from caseconnect.host.numbers.following import Follower, Lines, Taker
from caseconnect.host.numbers.numbers import Numbers
from caseconnect.host.numbers.traces import Traces, exporter_of
from caseconnect.host.pipeline_thread import PipelineThread
from caseconnect.host.tenants.secrets import FileAndEnvSecrets
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.host.web.app import make_app
from caseconnect.host.web.control import Names, Verbs, control_app, socket_path
from caseconnect.host.web.hooks import Hook, Hooks, Place
from caseconnect.host.web.server import Server, make_server
from caseconnect.host.web.uploads import Uploads
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.resources import Log
from caseconnect.sdk.secrets import Secret

_BLOCKED_AFTER = 5.0


@dataclass(frozen=True)
class Options:
    """What `connect serve` was asked for."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8480
    pacing: bool = True
    max_body: int = 8 * 1024 * 1024
    recover: bool = False


@dataclass
class Daemon:
    """One daemon over one journal. `run` returns when it was told to stop."""

    options: Options
    tenants: Mapping[str, Tenant]
    log: Log
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    settings: DaemonSettings = field(default_factory=lambda: DaemonSettings(DaemonFile(), FileAndEnvSecrets(Path())))
    broken: JournalError | None = None
    port: int = 0
    _stop: asyncio.Event | None = None
    _blocked: bool = field(default=False, repr=False)

    async def run(self, started: Callable[[int], None] | None = None) -> None:
        """Serve until SIGTERM or SIGINT. `started` is called with the port. Raises `JournalLocked` and others.

        Raises `JournalError` at the end when the journal broke: the process must not go on in memory.
        """
        loop = asyncio.get_running_loop()
        self._stop = stop = asyncio.Event()

        def on_broken(error: JournalError) -> None:
            self.broken = error
            loop.call_soon_threadsafe(stop.set)

        mistrust = "whoever started it said so" if self.options.recover else None
        numbers = Numbers(self.now, self.log)
        journal = SqliteJournal.open(
            self.options.data / "journal.db",
            threaded=True,
            on_broken=on_broken,
            mistrust=mistrust,
            watch=numbers.committed,
        )
        pipeline = PipelineThread(journal, self.tenants, self.now, self.log, pacing=self.options.pacing)
        numbers.begin(journal, pipeline.tenants)
        watching: list[Numbers | Follower] = [numbers, *self._followers(journal)]
        watchers = [asyncio.create_task(each.run()) for each in watching]
        try:
            with suppress(NotImplementedError):
                for number in (signal.SIGTERM, signal.SIGINT):
                    loop.add_signal_handler(number, stop.set)
            await asyncio.to_thread(pipeline.start)
            await self._serve(journal, pipeline, numbers, stop, started)
        finally:
            await asyncio.to_thread(pipeline.stop)
            for watcher, each in zip(watchers, watching, strict=True):
                watcher.cancel()
                await asyncio.to_thread(each.close)
            await asyncio.to_thread(journal.close)
        if self.broken:
            raise self.broken
        if pipeline.failed:
            raise ConnectError(
                f"the pipeline has ended ({pipeline.why()}): nothing is lost; start `connect serve`"
                " again, and report this if it comes back"
            )

    async def _serve(
        self,
        journal: SqliteJournal,
        pipeline: PipelineThread,
        numbers: Numbers,
        stop: asyncio.Event,
        started: Callable[[int], None] | None,
    ) -> None:
        async def store(new: NewDelivery) -> Receipt:
            return (await journal.receive([new], None, new.received_at))[0]

        hooks = Hooks(
            store,
            self.now,
            load=journal.load,
            stored=pipeline.ring,
            max_body=self.options.max_body,
            told=numbers.answered,
        )
        hooks.registry = hooks_of(self.tenants)
        app = make_app(hooks, lambda: self._not_ready(journal, pipeline), Uploads(hooks, self.now, journal.delivered))
        public = make_server(app, host=self.options.host, port=self.options.port)
        path = socket_path(self.options.data)
        path.unlink(missing_ok=True)
        known = partial(names_of, self.tenants)
        verbs = Verbs(journal, self.now, pipeline.ring, known, pipeline.fetch, pipeline.compare)
        control = make_server(control_app(verbs), uds=str(path))
        serving = [asyncio.create_task(server.serve()) for server in (public, control)]
        watching = asyncio.create_task(self._watch(journal, pipeline))
        stopping = asyncio.create_task(stop.wait())
        try:
            await _until_started(public, serving)
            path.chmod(0o600)
            self.port = public.servers[0].sockets[0].getsockname()[1]
            if started:
                started(self.port)
            await asyncio.wait([stopping, *serving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.log.info("stopping", why="signal" if stop.is_set() and not self.broken else "failure")
            for server in (public, control):
                server.should_exit = True
            watching.cancel()
            stopping.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
            path.unlink(missing_ok=True)

    def _followers(self, journal: SqliteJournal) -> list[Follower]:
        """What follows the steps of orders, as far as the daemon's file asks for it."""
        wanted, takers = self.settings.values, list[Taker]()
        if wanted.traces.endpoint:
            exporter = exporter_of(wanted.traces, self.settings.secrets)
            takers.append(Traces(exporter, self.log, wanted.traces.service))
        if wanted.logs.steps:
            takers.append(Lines(self.log))
        return [Follower(journal, taker, self.log) for taker in takers]

    def _not_ready(self, journal: SqliteJournal, pipeline: PipelineThread) -> str | None:
        if self.broken:
            return "the journal cannot be written"
        if journal.full():
            return "the disk is full"
        if journal.load() >= 1:
            return "more is waiting to be written than may"
        if not pipeline.alive():
            return "the pipeline has ended"
        return None

    async def _watch(self, journal: SqliteJournal, pipeline: PipelineThread) -> None:
        """Tell when a plugin blocks the pipeline's loop; intake goes on meanwhile."""
        while True:
            await asyncio.sleep(1)
            if not pipeline.alive() and self._stop:
                self._stop.set()
            blocked = pipeline.silent_for() > _BLOCKED_AFTER
            if blocked and not self._blocked:
                where = pipeline.where()
                title = f"a plugin blocks the pipeline since {pipeline.silent_for():.0f} s, at {where}"
                await journal.alert(NewAlert("", "pipeline:blocked", title, where), self.now())
                self.log.error("pipeline blocked", where=where)
            elif self._blocked and not blocked:
                await journal.close_alert("", "pipeline:blocked", self.now())
            self._blocked = blocked


async def _until_started(server: Server, serving: list[asyncio.Task[None]]) -> None:
    while not server.started:
        for task in serving:
            if task.done():
                await task
                raise JournalError("the server could not be started: is the port in use?")
        await asyncio.sleep(0.01)


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
