"""`connect serve`: the daemon."""

from __future__ import annotations

import contextlib
import resource
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from caseconnect.host.daemon import Daemon
    from caseconnect.host.daemon_file import DaemonSettings
    from caseconnect.sdk.resources import Log

from caseconnect.cli import Exit
from caseconnect.cli.output import complain, remark
from caseconnect.cli.places import config_option, data_option, somebody, tenants_option
from caseconnect.sdk.errors import ConnectError


@click.command("serve")
@tenants_option
@data_option
@config_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; put TLS in front of it.")
@click.option("--port", default=8480, show_default=True, help="Port to listen on; 0: any free one.")
@click.option(
    "--console-port", type=int, help="Port of the console; 0: any free one.  [default: the next after --port]"
)
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
    console_port: int | None,
    log_format: str,
    no_pacing: bool,
    recover: bool,
) -> None:
    """Run the daemon: take deliveries, decide, carry commands out.

    Serves webhooks at /hooks/TENANT/CONNECTION, and /healthz and /readyz; on a port of its own the console, for people.
    SIGTERM ends it in good order: what is being sent may end, and what cannot stays `sending` and is looked after at
    the next start. SIGHUP, like `connect reload`, reads the files again.

    \b
    connect serve --tenants tenants --data data
    """
    import structlog
    import uvloop

    from caseconnect.host.daemon import Daemon, Options
    from caseconnect.host.journal.errors import JournalError, JournalLocked
    from caseconnect.host.logs import configure
    from caseconnect.host.plugins import load
    from caseconnect.host.tenants.admitting import admit

    configure(json=None if log_format == "auto" else log_format == "json")
    log = structlog.get_logger()
    settings = _settings(ctx, config)
    read = partial(admit, tenants, load())
    found = read({})
    for problem in (problem for problems in found.problems.values() for problem in problems):
        complain(str(problem))
    if found.broken:
        complain(found.broken)
    ready = found.tenants
    if not ready:
        complain(f"no tenant of {tenants} can run: mend the files (`connect check` shows the same), then start again")
        ctx.exit(Exit.WRONG)

    def started(bound: int) -> None:
        log.info("serving", host=host, port=bound, tenants=sorted(ready), data=str(data))
        _invite(daemon, log)

    _many_files()
    options = Options(data, host, port, not no_pacing, console_port, recover=recover)
    daemon = Daemon(options, ready, log, problems=found.problems, read=read, settings=settings)
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


def _settings(ctx: click.Context, config: Path | None) -> DaemonSettings:
    from caseconnect.host.daemon_file import load_daemon_file, missing_secrets

    settings, wrong = load_daemon_file(config)
    wrong = wrong or (missing_secrets(settings) if settings else [])
    for problem in wrong:
        complain(str(problem))
    if settings is None or wrong:
        ctx.exit(Exit.WRONG)
    return settings


def _invite(daemon: Daemon, log: Log) -> None:
    """Say where the console is, and how to sign in where no provider says who people are."""
    if daemon.console is None:
        return
    log.info("console", link=daemon.console.address())
    # Not where a service manager would keep it: there, `connect console` prints one to whoever asks.
    if daemon.settings.values.console.oidc is None and sys.stderr.isatty():
        remark(f"sign in to the console, once, within ten minutes: {daemon.console.link(somebody(), 'approver')}")


def _many_files() -> None:
    """Allow as many connections as this machine grants us, not as few as a shell begins with."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
