"""`connect console`: links that sign people in, and tokens of its API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from caseconnect.cli.operate import do
from caseconnect.cli.output import emit_json, say, table
from caseconnect.cli.places import by_option, data_option, journal_path, json_option, somebody

_ROLES = click.Choice(["viewer", "operator", "approver"])


@click.group("console", invoke_without_command=True)
@click.option("--name", default=lambda: somebody(), help="Whose clicks they are.  [default: the user of this machine]")
@click.option("--role", type=_ROLES, default="approver", show_default=True, help="What they may do.")
@data_option
@json_option
@click.pass_context
def console(ctx: click.Context, name: str, role: str, data: Path, as_json: bool) -> None:
    """Print a link that signs somebody in to the console, once, within ten minutes.

    The running daemon makes it. Whoever may use its data folder may do everything with commands as well, so this asks
    for no password. Where people sign in by OpenID Connect they need no link.

    \b
    connect console
    connect console --name ann --role operator
    connect console token --name reporting --role viewer --for 30d
    """
    if ctx.invoked_subcommand is None:
        link = do(data, "console_link", {"name": name, "role": role})["link"]
        emit_json({"link": link, "minutes": 10}) if as_json else say(link)


@console.command("token")
@click.option("--name", required=True, help="What asks with it: the audit shows it as token:NAME.")
@click.option("--role", type=_ROLES, required=True, help="What it may do.")
@click.option("--for", "lasting", required=True, help="How long it is good, such as 30d; at most 400d.")
@by_option
@data_option
@json_option
def token(name: str, role: str, lasting: str, by: str, data: Path, as_json: bool) -> None:
    """Make a token of the console's API. It is shown this once; the journal keeps its hash.

    Where two people decide, it counts as the person who made it: say with --by who that is in the console.

    \b
    connect console token --name reporting --role viewer --for 30d
    """
    from caseconnect.host.tenants.durations import parse_duration

    try:
        span = parse_duration(lasting)
    except ValueError as error:
        raise click.UsageError(f"--for: {error}") from None
    if not timedelta(0) < span <= timedelta(days=400):
        raise click.UsageError("--for: a token is good for at most 400d")
    told = do(data, "console_token", {"name": name, "role": role, "by": by, "seconds": int(span.total_seconds())})
    emit_json(told) if as_json else say(
        f"{told['token']}\n  good until {told['until'][:19]} UTC; it is not shown again"
    )


@console.command("tokens")
@data_option
@json_option
def tokens(data: Path, as_json: bool) -> None:
    """List the tokens of the API that were ever made.

    \b
    connect console tokens
    """
    from caseconnect.host.journal import SqliteJournal

    journal = SqliteJournal.read(journal_path(data))
    found = journal.tokens()
    journal.close()
    now = datetime.now(UTC)
    rows = [
        (t.name, t.role, t.by, f"{t.at:%Y-%m-%d}", f"{t.until:%Y-%m-%d %H:%M}")
        + (f"revoked by {t.revoked_by}" if t.revoked_at else "good" if t.until > now else "over",)
        for t in found
    ]
    columns = ("Name", "Role", "Made by", "Made", "Until (UTC)", "State")
    if as_json:
        emit_json([dict(zip(("name", "role", "by", "made", "until", "state"), row, strict=True)) for row in rows])
    elif rows:
        table(columns, rows)
    else:
        say("no token was ever made")


@console.command("revoke")
@click.argument("name")
@by_option
@data_option
def revoke(name: str, by: str, data: Path) -> None:
    """End a token of the API at once.

    \b
    connect console revoke reporting
    """
    do(data, "revoke_token", {"name": name, "by": by})
    say(f"the token {name} is good no more")
