"""`connect check` and `connect schema`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from caseconnect import models
from caseconnect.cli import Exit
from caseconnect.cli.output import emit_json, remark, say, table
from caseconnect.cli.places import config_option, data_option, journal_path
from caseconnect.host.daemon_file import DaemonFile, load_daemon_file
from caseconnect.host.plugins import load
from caseconnect.host.tenants import ConfigProblem, Connection, Flow, Tenant, TenantSet, load_files, load_tenants
from caseconnect.host.tenants import schema as tenant_schema
from caseconnect.host.tenants.clashes import shared_references
from caseconnect.host.tenants.overlaps import overlaps
from caseconnect.host.tenants.secrets import ends_of
from caseconnect.sdk.errors import ConnectError

if TYPE_CHECKING:
    from caseconnect.host.journal.cap_changes import CapChange
    from caseconnect.host.trial import Tried

_MEANING = {"observe": "decides and does nothing", "cases": "opens cases, touches no order", "live": "does everything"}


_RECORDS = {n: r for n in models.__all__ if isinstance(r := getattr(models, n), type) and issubclass(r, models.Record)}


@click.command("check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--tenants", "folder", type=click.Path(path_type=Path), help="Folder of tenant files.  [default: tenants]"
)
@config_option
@data_option
@click.option("--live", is_flag=True, help="Try each connection step by step; changes nothing there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check(
    ctx: click.Context,
    files: tuple[Path, ...],
    folder: Path | None,
    config: Path | None,
    data: Path,
    live: bool,
    as_json: bool,
) -> None:
    """Check tenant files and the daemon's own, and show what the flows would do.

    Refuses what `connect serve` would refuse. Needs no secret and no network, unless --live is given. All problems
    are shown at once, each with its file, line and key path. With --live the outcomes of each case definition are
    compared with those that flows act on: what differs is a warning. Where a journal is, it shows which limits of caps
    people have changed, so that what holds is not what the file says.

    \b
    connect check
    connect check tenants/acme.yaml
    connect check --live --json
    """
    if files and folder:
        raise click.UsageError("give files or --tenants, not both")
    installed = load()
    place = folder or Path("tenants")
    found = load_files(files, installed) if files else load_tenants(place, installed)
    if not found.tenants and not found.problems:
        found.problems.append(ConfigProblem(str(place), 0, "", "no tenant file is here", "write NAME.yaml"))
    if config or not files:
        found.problems += load_daemon_file(config)[1]
    for problems in shared_references(found.tenants).values():
        found.problems += problems
    tried = _try(found) if live else []
    changed = _changed_caps(found, journal_path(data))
    if as_json:
        caps = {} if changed is None else {"caps": [_cap_data(*one) for one in changed]}
        emit_json(_data(found, tried) | caps | ({"tried": [_tried_data(t) for t in tried]} if live else {}))
    else:
        _show(found)
        _show_caps(changed or [])
        _show_tried(tried)
        for warning in (w for tenant in found.tenants.values() for w in _unlike(tenant, tried)):
            say(f"warning: {warning}")
    broken = [p.name for p in installed.plugins if p.broken]
    if broken:
        remark(f"broken plugins: {', '.join(broken)} (`connect list-plugins` says why)")
    if found.problems or not all(step.ok for t in tried for step in t.steps):
        ctx.exit(Exit.WRONG)


@click.command("schema")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file.")
@click.option(
    "--record",
    metavar="NAME",
    type=click.Choice(sorted(_RECORDS)),
    help="Of a canonical record, for those who send one.",
)
@click.option("--daemon", is_flag=True, help="Of the daemon's own file, connect.yaml.")
def schema(output: Path | None, record: str | None, daemon: bool) -> None:
    """Print the JSON Schema of tenant files, for editors.

    It covers the settings of all installed plugins. With `# yaml-language-server: $schema=FILE` in the first line of a
    tenant file, an editor completes and checks it.

    \b
    connect schema --output tenant.schema.json
    connect schema --record Order
    """
    if record and daemon:
        raise click.UsageError("give --record or --daemon, not both")
    model = _RECORDS[record] if record else DaemonFile if daemon else None
    made = model.model_json_schema() if model else tenant_schema(load())
    text = orjson.dumps(made, option=orjson.OPT_INDENT_2).decode() + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from None
    remark(f"wrote {output}")


def _show(found: TenantSet) -> None:
    for tenant in found.tenants.values():
        since = f", from {tenant.go_live:%Y-%m-%d %H:%M} UTC" if tenant.go_live else ""
        say(f"{tenant.name} ({tenant.environment}{since}): right")
        table(
            ("Connection", "Platform", "Woken by", "Secrets end"),
            [(c.name, c.platform, "; ".join(_wakes(c)) or "nothing", _ends(c)) for c in tenant.connections.values()],
        )
        if tenant.flows:
            table(
                ("Flow", "Mode", "On", "Cases in", "Sends", "Withholds"),
                [
                    (f.use, f"{f.mode}: {_MEANING[f.mode]}", ", ".join(f.on), f.cases or "", *map(", ".join, _sends(f)))
                    for f in tenant.flows
                ],
            )
        else:
            say("no flows: what arrives is kept, nothing is decided")
        for warning in overlaps(tenant):
            say(f"warning: {warning}")
    for problem in found.problems:
        say(str(problem))


def _changed_caps(found: TenantSet, journal: Path) -> list[tuple[CapChange, Decimal | None]] | None:
    """What people changed of the caps; None where there is no journal to ask."""
    if not journal.exists():
        return None
    from caseconnect.host.caps_seen import changed_caps

    try:
        return changed_caps(found.tenants, journal)
    except ConnectError as error:
        remark(f"caps that people changed are not shown: {error}")
        return None


def _show_caps(changed: list[tuple[CapChange, Decimal | None]]) -> None:
    if not changed:
        return
    say("People changed these caps; what they say holds, not the file (`connect caps` shows how much is used):")
    heads = ("Tenant", "Cap", "Per", "Of", "Holds", "In the file", "Changed by")
    table(heads, [_cap_row(change, file) for change, file in changed])


def _cap_row(change: CapChange, file: Decimal | None) -> tuple[str, ...]:
    until = f"until {change.until:%Y-%m-%d %H:%M} UTC" if change.until else "until it is taken back"
    holds = "nothing: without effect" if file is None else f"{change.limit:f}"
    said = "no such limit" if file is None else f"{file:f}" + (", the same" if file == change.limit else "")
    return (change.tenant, change.cap, change.per, change.what, holds, said, f"{change.by}, {until}: {change.reason}")


def _cap_data(change: CapChange, file: Decimal | None) -> dict[str, Any]:
    said = None if file is None else f"{file:f}"
    return asdict(change) | {"limit": f"{change.limit:f}", "file": said, "differs": file != change.limit}


def _try(found: TenantSet) -> list[Tried]:
    from caseconnect.host.trial import try_tenant

    def now() -> datetime:
        return datetime.now(UTC)

    async def all_of_them() -> list[Tried]:
        return [one for tenant in found.tenants.values() for one in await try_tenant(tenant, now)]

    return asyncio.run(all_of_them())


def _show_tried(tried: list[Tried]) -> None:
    rows = [
        (f"{t.tenant}/{t.connection}", step.step, "ok" if step.ok else "FAILED", step.note)
        for t in tried
        for step in t.steps
    ]
    if rows:
        table(("Connection", "Step", "", "Note"), rows)


def _unlike(tenant: Tenant, tried: list[Tried]) -> list[ConfigProblem]:
    """Where the outcomes of flows are not those that were found on the platform."""
    theirs = [t for t in tried if t.tenant == tenant.name]
    found = {t.connection: [step.choices for step in t.steps if step.choices is not None] for t in theirs}
    if not any(found.values()):
        return []
    from caseconnect.host.tenants.outcomes import unlike_outcomes

    return unlike_outcomes(tenant, found)


def _tried_data(tried: Tried) -> dict[str, Any]:
    steps = [step.model_dump(mode="json") for step in tried.steps]
    return {"tenant": tried.tenant, "connection": tried.connection, "steps": steps}


def _wakes(connection: Connection) -> list[str]:
    pushed = ["webhook"] * bool(connection.webhook) + ["queue"] * bool(connection.listeners)
    return pushed + ([str(connection.schedule)] if connection.schedule else [])


def _ends(connection: Connection) -> str:
    return ", ".join(f"{place} {last_day}" for place, last_day in ends_of(connection.settings))


def _sends(flow: Flow) -> tuple[list[str], list[str]]:
    """Kinds of commands that the flow's mode lets out, and those that it keeps back."""
    let_out = {"observe": set(), "cases": {"case"}, "live": {"case", "order"}}[flow.mode]
    uses = sorted(flow.transform.uses, key=lambda c: c.kind)
    return [c.kind for c in uses if c.side in let_out], [c.kind for c in uses if c.side not in let_out]


def _data(found: TenantSet, tried: list[Tried]) -> dict[str, Any]:
    return {
        "tenants": [_tenant_data(t, tried) for t in found.tenants.values()],
        "problems": [p.as_json() for p in found.problems],
    }


def _tenant_data(tenant: Tenant, tried: list[Tried]) -> dict[str, Any]:
    return {
        "name": tenant.name,
        "environment": tenant.environment,
        "go_live": tenant.go_live,
        "file": str(tenant.file),
        "warnings": [w.as_json() for w in (*overlaps(tenant), *_unlike(tenant, tried))],
        "connections": [
            {"name": c.name, "platform": c.platform, "woken_by": _wakes(c), "secrets_end": dict(ends_of(c.settings))}
            for c in tenant.connections.values()
        ],
        "flows": [
            {"use": f.use, "mode": f.mode, "on": f.on, "cases": f.cases, "sends": s, "withholds": w}
            for f in tenant.flows
            for s, w in [_sends(f)]
        ],
    }
