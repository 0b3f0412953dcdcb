"""`connect reload` and `connect tenants`: the files that are in force, and what was changed when by whom."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caseconnect.cli import Exit, completing
from caseconnect.cli.output import emit_json, say, table
from caseconnect.cli.places import by_option, data_option, journal_path, json_option
from caseconnect.sdk.errors import ConnectError, TransientError

if TYPE_CHECKING:
    from caseconnect.host.journal.files import TenantFile

_DEADLINE = 300.0
_SHOWN = 6


@click.command("reload")
@by_option
@data_option
@json_option
@click.pass_context
def reload(ctx: click.Context, by: str, data: Path, as_json: bool) -> None:
    """Have the running daemon read connect.yaml and the tenant files again, and tell what changed and why not.

    Nothing is lost and nothing stops: what is on ends as it began. A file that is wrong or lacks a secret leaves its
    tenant, or the daemon, as it was, with an alert until it is mended; then this ends with 1. Of connect.yaml a running
    daemon follows who is told of what, what is watched, who may do what in the console, and what is logged; of the
    rest, which needs a restart, the key paths are told. SIGHUP does the same.

    \b
    connect reload
    """
    from caseconnect.host.web.control import ask_daemon

    try:
        told = asyncio.run(ask_daemon(data, "reload", {"by": by}, deadline=_DEADLINE))
    except TransientError as error:
        raise ConnectError(f"no daemon works on {data}: `connect serve` reads the files when it starts") from error
    if as_json:
        emit_json(told)
    else:
        own = told["daemon"]
        rows = [(t["tenant"], t["did"], _what(t)) for t in told["tenants"]]
        table(("Tenant", "", "What changed, or why not"), [("(connect.yaml)", own["did"], _what(own)), *rows])
        for path in own["restart"]:
            say(f"needs a restart: {path}")
    if any(t["did"] in ("kept", "refused") for t in (told["daemon"], *told["tenants"])):
        ctx.exit(Exit.WRONG)


@click.command("tenants")
@click.argument("tenant", required=False, shell_complete=completing.tenants)
@click.option("--show", type=int, metavar="NUMBER", help="Print that file of the tenant, as it was in force.")
@data_option
@json_option
def tenants(tenant: str | None, show: int | None, data: Path, as_json: bool) -> None:
    """Show since when each tenant's file is in force, or all files of one tenant: when, by whom, what changed.

    Of a change the key paths are shown: + added, - taken away, ~ another value.

    \b
    connect tenants
    connect tenants acme
    connect tenants acme --show 3
    """
    from caseconnect.host.journal import SqliteJournal

    journal = SqliteJournal.read(journal_path(data))
    files = journal.tenant_files(tenant) if tenant else journal.newest_files()
    journal.close()
    if show is not None and not tenant:
        raise click.UsageError("say of which tenant: connect tenants NAME --show NUMBER")
    if tenant and not files:
        raise ConnectError(f"no file of {tenant!r} was ever in force (`connect tenants` lists them)")
    if show is not None:
        files = [file for file in files if file.seq == show]
        if not files:
            raise ConnectError(f"there is no file {show} of {tenant} (`connect tenants {tenant}` lists them)")
    if as_json:
        emit_json([asdict(file) for file in files])
    elif show is not None:
        click.echo(files[0].text, nl=False)
    elif not files:
        say("no tenant file was in force yet: start `connect serve`")
    else:
        table(("Number", "Tenant", "In force since (UTC)", "By", "What changed"), map(_row, files))


def _what(done: Mapping[str, Any]) -> str:
    return _short(done["changed"]) or "\n".join(done["why"])


def _row(file: TenantFile) -> tuple[Any, ...]:
    changed = _short(file.changed) if file.digest else "ended: it has no file any more"
    return file.seq, file.tenant, f"{file.at:%Y-%m-%d %H:%M}", file.by, changed


def _short(changed: list[str] | tuple[str, ...]) -> str:
    more = len(changed) - _SHOWN
    return "\n".join([*changed[:_SHOWN], *([f"and {more} more (--json lists all)"] if more > 0 else [])])
