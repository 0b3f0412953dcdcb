"""`connect test-alerts`: a trial by each channel of the daemon's file."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caseconnect.cli import Exit
from caseconnect.cli.output import complain, emit_json, say, table
from caseconnect.cli.places import config_option, json_option

if TYPE_CHECKING:
    from caseconnect.host.alerting.settings import AlertsPart
    from caseconnect.host.alerting.telling import Links, Trial
    from caseconnect.sdk.secrets import Secrets


@click.command("test-alerts")
@click.argument("names", nargs=-1)
@config_option
@json_option
@click.pass_context
def test_alerts(ctx: click.Context, names: tuple[str, ...], config: Path | None, as_json: bool) -> None:
    """Send a trial by each channel of alerts, or by those named, and tell what became of it.

    It sends for real: a webhook, a mail, a line of the log; `daily` is the daily mail's addresses. Nothing is written
    to the journal, and the daemon need not run. Ends with 1 if one could not be sent.

    \b
    connect test-alerts
    connect test-alerts duty --config /etc/connect/connect.yaml
    """
    from caseconnect.host.alerting.telling import Links
    from caseconnect.host.daemon_file import load_daemon_file

    settings, wrong = load_daemon_file(config)
    if settings is None:
        for problem in wrong:
            complain(str(problem))
        ctx.exit(Exit.WRONG)
    alerts = settings.values.alerts
    known = [*alerts.channels, *(["daily"] if alerts.daily else [])]
    if absent := sorted(set(names) - set(known)):
        raise click.UsageError(f"there is no channel {', '.join(absent)} (known: {', '.join(known) or 'none'})")
    console = getattr(getattr(settings.values, "console", None), "url", None)
    ends = asyncio.run(_send(alerts, settings.secrets, names or known, Links("trial", alerts.runbooks, console)))
    if as_json:
        emit_json({name: {"sent": why is None, "why": why} for name, why in ends.items()})
    elif not ends:
        say("no channel: nobody is told of alerts (`alerts:` in connect.yaml, see docs/operations.md)")
    else:
        table(("Channel", "Trial"), [(name, why or "handed over") for name, why in ends.items()])
    if any(ends.values()):
        ctx.exit(Exit.WRONG)


async def _send(alerts: AlertsPart, secrets: Secrets, names: Sequence[str], links: Links) -> Trial:
    import structlog

    from caseconnect.host.alerting.causes import SEVERITIES
    from caseconnect.host.alerting.channels import Channel, build
    from caseconnect.host.alerting.telling import try_out

    # The daemon's log is another process's: what it would say is shown here.
    log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
    channels = build(alerts, secrets, log)
    if alerts.daily and alerts.smtp:
        from caseconnect.host.alerting.mailing import MailServer, MailWay

        way = MailWay(alerts.daily.to, timedelta(0), MailServer(alerts.smtp, secrets, log))
        channels.append(Channel("daily", way, severities=frozenset(SEVERITIES)))
    return await try_out([c for c in channels if c.name in names], datetime.now(UTC), links)
