"""`connect setup` and `connect backfill`: what is done once for a connection."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caseconnect.cli import Exit, completing
from caseconnect.cli.operate import do
from caseconnect.cli.output import emit_json, progress, remark, say, table
from caseconnect.cli.places import data_option, journal_path, json_option, tenants_option
from caseconnect.sdk.errors import ConnectError

if TYPE_CHECKING:
    from caseconnect.host.backfill import Backfill
    from caseconnect.host.tenants import Tenant


def _now() -> datetime:
    return datetime.now(UTC)


def _find(folder: Path, what: str) -> tuple[Tenant, str]:
    """The tenant and connection that TENANT/CONNECTION names. `ConnectError` if there is none, or its file is wrong."""
    from caseconnect.host.plugins import load
    from caseconnect.host.tenants import load_tenants, missing_secrets

    name, _, connection = what.partition("/")
    found = load_tenants(folder, load())
    tenant = found.tenants.get(name)
    if tenant is None:
        wrong = [str(p) for p in found.problems if Path(p.file).stem == name]
        known = ", ".join(found.tenants) or "none that is right"
        raise ConnectError("\n".join(wrong) or f"there is no tenant {name!r} in {folder} (known: {known})")
    if connection not in tenant.connections:
        raise ConnectError(f"{name} has no connection {connection!r} (known: {', '.join(tenant.connections)})")
    if missing := missing_secrets(tenant):
        raise ConnectError("\n".join(map(str, missing)))
    return tenant, connection


@click.command("setup")
@click.argument("what", metavar="TENANT/CONNECTION", shell_complete=completing.places)
@click.option(
    "--address", default="", help="Where the daemon is reached from outside, such as https://connect.example."
)
@tenants_option
@json_option
@click.pass_context
def setup(ctx: click.Context, what: str, address: str, tenants: Path, as_json: bool) -> None:
    """Make what a connection needs on its platform: webhooks, definitions of attributes. Shows each step.

    What is there already stays as it is, so it may be repeated. Without --address no webhooks are made, unless the
    connection's settings say where they go.

    \b
    connect setup acme/shop --address https://connect.example.com
    """
    from caseconnect.host.trial import set_up

    tenant, connection = _find(tenants, what)
    steps = asyncio.run(set_up(tenant, connection, _hook(address, what), _now))
    if as_json:
        emit_json({"connection": what, "steps": [step.model_dump(mode="json") for step in steps]})
    else:
        table(("Step", "", "Note"), [(step.step, "ok" if step.ok else "FAILED", step.note) for step in steps])
    if not all(step.ok for step in steps):
        ctx.exit(Exit.WRONG)


def _hook(address: str, what: str) -> str:
    """The connection's own address below that of the daemon; one that is no web address is meant as it stands."""
    if not address.startswith(("http://", "https://")) or "/hooks/" in address:
        return address
    return f"{address.rstrip('/')}/hooks/{what}"


@click.command("backfill")
@click.argument("what", metavar="TENANT/CONNECTION", shell_complete=completing.places)
@click.option("--since", required=True, type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]), help="In UTC.")
@click.option("--mark-seen", is_flag=True, help="Open nothing: remember what is found, so that it never opens a case.")
@click.option("--yes", is_flag=True, help="Do it; without this the plan is shown and nothing is done.")
@tenants_option
@data_option
@json_option
def backfill(what: str, since: datetime, mark_seen: bool, yes: bool, tenants: Path, data: Path, as_json: bool) -> None:
    """Read what is older than a connection, and store it as if it had been polled.

    Shows first how much that is about. `go_live` decides as ever what of it opens cases; with --mark-seen nothing does,
    and the same facts will not later: only what is new. A run that was ended goes on where it was, and what is known
    already is stored once. A running daemon works on what comes in meanwhile; what is live goes first.

    \b
    connect backfill acme/shop --since 2026-01-01
    connect backfill acme/shop --since 2026-01-01 --mark-seen --yes
    """
    from caseconnect.host.backfill import Backfill, history_of, kept_place, place_of
    from caseconnect.host.journal import SqliteJournal

    tenant, connection = _find(tenants, what)
    history_of(tenant, connection)
    since = since.replace(tzinfo=UTC)
    journal = SqliteJournal.read(journal_path(data))
    kept = journal.cursor(tenant.name, place_of(connection))
    journal.close()

    async def store(ask: dict[str, Any]) -> dict[str, Any]:
        return await asyncio.to_thread(do, data, "store", ask)

    job = Backfill(tenant, connection, since, kept, store, _now, seen=mark_seen)
    expected = asyncio.run(job.expected())
    plan = {
        "connection": what,
        "platform": tenant.connections[connection].platform,
        "since": since.isoformat(),
        "expected": expected,
        "goes_on": kept_place(kept, since) is not None,
        "go_live": tenant.go_live.isoformat() if tenant.go_live else None,
        "mark_seen": mark_seen,
    }
    if not as_json:
        _show_plan(plan, since, tenant.go_live)
    told = asyncio.run(_run(job, expected)) if yes else {"read": 0, "new": 0}
    if as_json:
        emit_json({**plan, **told, "done": yes})
        return
    say(f"read {told['read']}, of which {told['new']} were new" if yes else "nothing is done without --yes")


def _show_plan(plan: dict[str, Any], since: datetime, go_live: datetime | None) -> None:
    begins = "goes on with what was begun" if plan["goes_on"] else "begins anew"
    say(f"{plan['connection']} ({plan['platform']}): what changed since {since:%Y-%m-%d %H:%M} UTC; {begins}")
    unknown = plan["expected"] is None
    say("the platform does not say how much that is" if unknown else f"about {plan['expected']} in all")
    if plan["mark_seen"]:
        say("all of it is marked as seen: nothing is opened, now or later on the same facts")
        return
    first = f"after {go_live:%Y-%m-%d %H:%M} UTC" if go_live else "after the connection's first start"
    say(f"cases are opened for what was found {first} (`go_live`), the rest is kept as history")


async def _run(job: Backfill, expected: int | None) -> dict[str, int]:
    told = {"read": 0, "new": 0}
    with progress("reading", expected) as show:
        async for step in job.run():
            told = {"read": step.read, "new": step.new}
            show(step.read)
            if not sys.stderr.isatty():
                remark("the platform is still at work on it" if step.waiting else f"{step.read} read")
    return told
