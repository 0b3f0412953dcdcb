"""`connect pause` and `resume`: stop sending, and go on after a look at what waits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caseconnect.cli import Exit, completing
from caseconnect.cli.operate import do
from caseconnect.cli.output import complain, emit_json, say, table
from caseconnect.cli.places import by_option, data_option, journal_path, json_option, reason_option

if TYPE_CHECKING:
    from caseconnect.host.journal.queueing import Queue, Queued


def _scope(tenant: str, **asked: str | None) -> tuple[str, str]:
    given = [(scope, name) for scope, name in asked.items() if name]
    if len(given) > 1:
        raise click.UsageError("give at most one of --flow, --connection, --command and --access")
    return given[0] if given else ("tenant", tenant)


_WHAT = (
    click.option("--tenant", required=True, help="Name of the tenant.", shell_complete=completing.tenants),
    click.option("--flow", help="Only this flow (name of its use case).", shell_complete=completing.flows),
    click.option("--connection", help="Only commands to this connection.", shell_complete=completing.connections),
    click.option(
        "--command", help="Only commands of this kind, such as CancelOrder.", shell_complete=completing.commands
    ),
    click.option(
        "--access",
        metavar="CONNECTION",
        help="Every call to this connection, also reads and polls.",
        shell_complete=completing.connections,
    ),
)


def _what(function: Any) -> Any:
    for option in reversed(_WHAT):
        function = option(function)
    return function


@click.command("pause")
@_what
@click.option("--force", is_flag=True, help="Also a name that nothing has now: of a flow that is gone, or is to come.")
@reason_option
@by_option
@data_option
@json_option
@click.pass_context
def pause(
    ctx: click.Context,
    tenant: str,
    flow: str | None,
    connection: str | None,
    command: str | None,
    access: str | None,
    force: bool,
    reason: str,
    by: str,
    data: Path,
    as_json: bool,
) -> None:
    """Stop sending: a whole tenant, a flow, a connection, or one kind of command. Intake goes on.

    Holds within two seconds and survives a restart. With --access nothing is asked of that connection at all: for
    credentials that may be in the wrong hands.

    \b
    connect pause --tenant acme --command CancelOrder --reason "wrong mapping, see ticket 812"
    """
    scope, name = _scope(tenant, flow=flow, connection=connection, command=command, access=access)
    ask = {"tenant": tenant, "scope": scope, "name": name, "reason": reason, "by": by, "force": force}
    told = do(data, "pause", ask)
    if as_json:
        emit_json({"tenant": tenant, "scope": scope, "name": name, **told})
        return
    say(f"paused: {scope} {name}" if told["changed"] else f"{scope} {name} was paused already")


@click.command("resume")
@_what
@click.option("--yes", is_flag=True, help="Do it; without this what would go out is shown and nothing is done.")
@click.option("--reason", help="Why: it is kept with your name. Needed with --yes.")
@by_option
@data_option
@json_option
@click.pass_context
def resume(
    ctx: click.Context,
    tenant: str,
    flow: str | None,
    connection: str | None,
    command: str | None,
    access: str | None,
    yes: bool,
    reason: str | None,
    by: str,
    data: Path,
    as_json: bool,
) -> None:
    """End a pause, after a look at what waits behind it.

    Without --yes it shows what would go out, in which order, with which amounts, does nothing, and ends with 5. The
    first 200 are listed; count and sums are of all.

    \b
    connect resume --tenant acme --command CancelOrder
    connect resume --tenant acme --command CancelOrder --yes --reason "mapping mended"
    """
    from caseconnect.host.journal import SqliteJournal

    scope, name = _scope(tenant, flow=flow, connection=connection, command=command, access=access)
    if yes and not reason:
        raise click.UsageError("say why: --reason")
    journal = SqliteJournal.read(journal_path(data))
    queue = journal.held_back(tenant, scope, name)
    paused = any((b.tenant, b.scope, b.name) == (tenant, scope, name) for b in journal.brakes())
    journal.close()
    ask = {"tenant": tenant, "scope": scope, "name": name, "reason": reason, "by": by}
    if not paused or (yes and not do(data, "resume", ask)["changed"]):
        complain(f"{scope} {name} of {tenant} was not paused (`connect errors` lists the pauses)")
        ctx.exit(Exit.WRONG)
    if as_json:
        sums = [str(money) for money in queue.sums]
        first = [_queued(one) for one in queue.first]
        emit_json({"resumed": yes, "count": queue.count, "sums": sums, "queue": first})
    else:
        _show_queue(queue)
        say(f"resumed: {scope} {name}" if yes else "nothing was done: add --yes and --reason to resume")
    if not yes:
        ctx.exit(Exit.SHOWN)


def _queued(one: Queued) -> dict[str, Any]:
    return {**vars(one), "worth": str(one.worth) if one.worth else None}


def _show_queue(queue: Queue) -> None:
    if not queue.count:
        say("nothing waits behind it")
        return
    rows = []
    for place, one in enumerate(queue.first, 1):
        worth = str(one.worth or ("not known" if one.money else ""))
        state = f"{one.state}, after others" if one.after else one.state
        state += f", when {one.behind} works again" if one.behind else ""
        rows.append((place, one.kind, one.use, one.target or one.reference, worth, state, one.key))
    table(("No.", "Kind", "Flow", "About", "Amount", "State", "Command"), rows, title="What waits behind it, in order")
    if queue.rest.count:
        say(f"and {queue.rest.count} more")
    total = ", ".join(map(str, queue.sums))
    what = "1 command" if queue.count == 1 else f"{queue.count} commands"
    say(f"{what}{f', {total} in all' if total else ''}; caps still hold")
