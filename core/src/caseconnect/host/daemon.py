"""The daemon of `connect serve`: intake in the main loop, the pipeline in a thread, the journal in another."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from caseconnect.host.alerting.channels import Channel, build
from caseconnect.host.alerting.desk import tell, tell_anew
from caseconnect.host.alerting.telling import Links
from caseconnect.host.daemon_file import DaemonFile, DaemonSettings
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.errors import JournalError
from caseconnect.host.journal.records import NewDelivery, Receipt
from caseconnect.host.life import Life, mark_path
from caseconnect.host.numbers.following import Follower
from caseconnect.host.numbers.numbers import Numbers
from caseconnect.host.numbers.page import metrics_app
from caseconnect.host.numbers.steps import followers
from caseconnect.host.parts import until_stopped
from caseconnect.host.pipeline.capping import caps_for
from caseconnect.host.pipeline_thread import PipelineThread
from caseconnect.host.reloading import Own, Reloading
from caseconnect.host.systemd import Supervisor
from caseconnect.host.tenants.admitting import Admitted
from caseconnect.host.tenants.problems import ConfigProblem
from caseconnect.host.tenants.secrets import FileAndEnvSecrets
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.host.watchdog import Watchdog
from caseconnect.host.web.app import make_app
from caseconnect.host.web.console.app import Console, House
from caseconnect.host.web.console.asking import Live
from caseconnect.host.web.console.serving import listen, port_of, provider_of
from caseconnect.host.web.control import Verbs, control_app, socket_path
from caseconnect.host.web.hooks import Hooks
from caseconnect.host.web.registry import hooks_of, names_of
from caseconnect.host.web.server import Server, make_server, until_started
from caseconnect.host.web.uploads import Uploads
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.resources import Log


@dataclass(frozen=True)
class Options:
    """What `connect serve` was asked for."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8480
    pacing: bool = True
    console_port: int | None = None
    max_body: int = 8 * 1024 * 1024
    recover: bool = False


@dataclass
class Daemon:
    """One daemon over one journal. `run` returns when it was told to stop.

    `tenants` are those in force, also after a reload; `problems` says why others were not when it began. `read` reads
    the files again; None: nothing can be reloaded.
    """

    options: Options
    tenants: Mapping[str, Tenant]
    log: Log
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    problems: Mapping[str, list[ConfigProblem]] = field(default_factory=dict)
    read: Callable[[Mapping[str, Tenant]], Admitted] | None = None
    settings: DaemonSettings = field(default_factory=lambda: DaemonSettings(DaemonFile(), FileAndEnvSecrets(Path())))
    broken: JournalError | None = None
    port: int = 0
    console: Console | None = None
    _stop: asyncio.Event | None = None
    _hup: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _alerts: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _supervisor: Supervisor = field(default_factory=Supervisor, repr=False)

    async def run(self, started: Callable[[int], None] | None = None) -> None:
        """Serve until SIGTERM or SIGINT; SIGHUP reloads. `started` is called with the port.

        Raises `JournalLocked` and others when it cannot begin; `JournalError` at the end when the journal broke: the
        process must not go on in memory. An end by a failure is told by the channels.
        """
        journal_file = self.options.data / "journal.db"

        def channels() -> list[Channel]:
            return build(self.settings.values.alerts, self.settings.secrets, self.log)

        life = Life(mark_path(journal_file), self.now, self.log, channels)
        try:
            await self._run(journal_file, life, started)
        except Exception as error:
            await life.ended(error)
            raise
        await life.ended()

    async def _run(self, journal_file: Path, life: Life, started: Callable[[int], None] | None) -> None:
        loop = asyncio.get_running_loop()
        self._stop = stop = asyncio.Event()

        def on_broken(error: JournalError) -> None:
            self.broken = error
            loop.call_soon_threadsafe(stop.set)

        mistrust = "whoever started it said so" if self.options.recover else None
        numbers = Numbers(self.now, self.log)
        journal = SqliteJournal.open(
            journal_file,
            threaded=True,
            on_broken=on_broken,
            mistrust=mistrust,
            watch=numbers.committed,
        )
        watch = self.settings.values.alerts.watch
        pipeline = PipelineThread(journal, self.tenants, self.now, self.log, pacing=self.options.pacing, watch=watch)
        numbers.begin(journal, pipeline.tenants)
        watching: list[Numbers | Follower] = [numbers, *followers(lambda: self.settings, journal, self.log)]
        watchers = [asyncio.create_task(each.run()) for each in watching]
        try:
            with suppress(NotImplementedError):
                for number in (signal.SIGTERM, signal.SIGINT):
                    loop.add_signal_handler(number, stop.set)
                loop.add_signal_handler(signal.SIGHUP, self._hup.set)
            await asyncio.to_thread(pipeline.start)
            await self._serve(journal, pipeline, numbers, life, stop, started)
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
        life: Life,
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
        reloading = self._reloading(journal, pipeline, hooks)
        await reloading.begin(Admitted(dict(self.tenants), dict(self.problems)))
        verbs = Verbs(
            journal,
            self.now,
            pipeline.ring,
            lambda: names_of(self.tenants),
            pipeline.fetch,
            pipeline.compare,
            reloading.reload if self.read else None,
            lambda stored: caps_for(self.tenants, stored),
        )
        reading = SqliteJournal.read(self.options.data / "journal.db")
        console, people = self._console(journal, reading, pipeline, verbs, public, numbers)
        verbs.link = console.link
        control = make_server(control_app(verbs), uds=str(path))
        servers = {"webhooks": public, "socket": control, "console": people}
        serving = [asyncio.create_task(server.serve(), name=name) for name, server in servers.items()]
        watchdog = Watchdog(pipeline, self._supervisor, stop.set, self.now)
        work = {
            "watchdog": watchdog.run(journal, self.log),
            "alerts": tell_anew(lambda: self._tell(journal), self._alerts, self.log),
            "reload": self._hear(reloading),
        }
        beside = [asyncio.create_task(each, name=name) for name, each in work.items()]
        try:
            for server in servers.values():
                await until_started(server, serving)
            path.chmod(0o600)
            self.port = public.servers[0].sockets[0].getsockname()[1]
            if started:
                started(self.port)
            self._supervisor.ready()
            beside.append(asyncio.create_task(life.run(journal, self._links(journal)), name="life"))
            await until_stopped(stop, [*serving, *beside])
        finally:
            self.log.info("stopping", why="signal" if stop.is_set() and not self.broken else "failure")
            self._supervisor.stopping()
            for server in servers.values():
                server.should_exit = True
            for task in beside:
                task.cancel()
            await asyncio.gather(*serving, *beside, return_exceptions=True)
            path.unlink(missing_ok=True)
            await asyncio.to_thread(console.close)
            reading.close()

    def _console(
        self,
        journal: SqliteJournal,
        reading: SqliteJournal,
        pipeline: PipelineThread,
        verbs: Verbs,
        public: Server,
        numbers: Numbers,
    ) -> tuple[Console, Server]:
        async def live() -> Live:
            return replace(await pipeline.live(), not_ready=self._not_ready(journal, pipeline))

        settings, secrets = self.settings.values.console, self.settings.secrets
        links = self._links(journal)
        provider = provider_of(lambda: self.settings.values.console, secrets, self.now)
        house = House(
            settings=lambda: self.settings.values.console,
            reading=reading,
            journal=journal,
            verbs=verbs,
            tenants=lambda: self.tenants,
            live=live,
            now=self.now,
            log=self.log,
            provider=lambda: provider,
            runbook=lambda cause: replace(links, runbooks=self.settings.values.alerts.runbooks).runbook(cause),
            metrics=metrics_app(
                numbers.page, lambda: self.settings.metrics_token(), lambda: bool(self.settings.values.console.url)
            ),
        )
        self.console = console = Console(house)
        webhooks = self.options.port and public.listening.getsockname()[1]
        return console, listen(settings, console, port_of(settings, self.options.console_port, webhooks))

    def _reloading(self, journal: SqliteJournal, pipeline: PipelineThread, hooks: Hooks) -> Reloading:
        def swap(tenants: Mapping[str, Tenant]) -> None:
            self.tenants, hooks.registry = tenants, hooks_of(tenants)

        def follow(settings: DaemonSettings) -> None:
            if settings.values.alerts != self.settings.values.alerts:
                self._alerts.set()
            self.settings = settings
            pipeline.watch(settings.values.alerts.watch)

        read = self.read or (lambda tenants: Admitted(dict(tenants), broken="this daemon reads no files"))
        return Reloading(journal, read, pipeline.replace, swap, self.now, self.log, Own(self.settings, follow))

    async def _hear(self, reloading: Reloading) -> None:
        """Reload when SIGHUP has come; one that comes meanwhile is one more."""
        while True:
            await self._hup.wait()
            self._hup.clear()
            self._supervisor.reloading()
            try:
                await reloading.reload("signal")
            except ConnectError as error:
                self.log.error("not reloaded", why=str(error))
            finally:
                self._supervisor.ready()

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

    async def _tell(self, journal: SqliteJournal) -> None:
        """Bring alerts to people."""
        values, secrets = self.settings.values, self.settings.secrets
        links = self._links(journal)
        await tell(values.alerts, secrets, journal, lambda: self.tenants, self.now, self.log, links)

    def _links(self, journal: SqliteJournal) -> Links:
        values = self.settings.values
        return Links((journal.remembered("instance") or "")[:12], values.alerts.runbooks, values.console.url)
