"""`connect serve`: the daemon."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

import click

from caseconnect.cli import Exit
from caseconnect.cli.output import complain
from caseconnect.cli.places import config_option, data_option, tenants_option
from caseconnect.sdk.errors import ConnectError


@click.command("serve")
@tenants_option
@data_option
@config_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; put TLS in front of it.")
@click.option("--port", default=8480, show_default=True, help="Port to listen on; 0: any free one.")
@click.option(
    "--log", "log_format", type=click.Choice(["auto", "text", "json"]), default="auto", help="Form of the log."
)
@click.option("--no-pacing", is_flag=True, help="Ask platforms as fast as it goes: only for simulators.")
@click.option(
    "--recover", is_flag=True, help="Pause all and ask about the money first: the whole data folder was set back."
)
@click.pass_context
def serve(
    ctx: click.Context,
    tenants: Path,
    data: Path,
    config: Path | None,
    host: str,
    port: int,
    log_format: str,
    no_pacing: bool,
    recover: bool,
) -> None:
    """Run the daemon: take deliveries, decide, carry commands out.

    Serves webhooks at /hooks/TENANT/CONNECTION, and /healthz and /readyz. SIGTERM ends it in good order: what is
    being sent may end, and what cannot stays `sending` and is looked after at the next start.

    \b
    connect serve --tenants tenants --data data
    """
    import structlog
    import uvloop

    from caseconnect.host.daemon import Daemon, Options
    from caseconnect.host.daemon_file import load_daemon_file
    from caseconnect.host.daemon_file import missing_secrets as missing_of_daemon
    from caseconnect.host.journal.errors import JournalError, JournalLocked
    from caseconnect.host.logs import configure
    from caseconnect.host.plugins import load
    from caseconnect.host.tenants import load_tenants, missing_secrets, shared_secrets

    configure(json=None if log_format == "auto" else log_format == "json")
    log = structlog.get_logger()
    settings, wrong = load_daemon_file(config)
    wrong = wrong or (missing_of_daemon(settings) if settings else [])
    if settings is None or wrong:
        for problem in wrong:
            complain(str(problem))
        ctx.exit(Exit.WRONG)
    found = load_tenants(tenants, load())
    for problem in found.problems:
        complain(str(problem))
    ready = {}
    shared = shared_secrets(found.tenants)
    for tenant in found.tenants.values():
        missing = missing_secrets(tenant) + shared.get(tenant.name, [])
        for problem in missing:
            complain(str(problem))
        if not missing:
            ready[tenant.name] = tenant
    if not ready:
        complain(f"no tenant of {tenants} can run: mend the files (`connect check` shows the same), then start again")
        ctx.exit(Exit.WRONG)

    def started(bound: int) -> None:
        log.info("serving", host=host, port=bound, tenants=sorted(ready), data=str(data))

    _many_files()
    daemon = Daemon(Options(data, host, port, pacing=not no_pacing, recover=recover), ready, log, settings=settings)
    try:
        uvloop.run(daemon.run(started))
    except JournalLocked as error:
        complain(str(error))
        ctx.exit(Exit.HELD)
    except JournalError as error:
        complain(str(error))
        ctx.exit(Exit.JOURNAL)
    except ConnectError as error:
        complain(str(error))
        ctx.exit(Exit.WRONG)
    log.info("stopped")


def _many_files() -> None:
    """Allow as many connections as this machine grants us, not as few as a shell begins with."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
