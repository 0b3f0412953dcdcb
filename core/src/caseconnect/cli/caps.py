"""`connect caps`: how much of each cap is used, and what people changed of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from caseconnect.cli.operate import do
from caseconnect.cli.output import emit_json, say, table
from caseconnect.cli.places import by_option, data_option, journal_path, json_option, reason_option, tenants_option


@click.group("caps", invoke_without_command=True)
@click.option("--tenant", help="Only this tenant.")
@tenants_option
@data_option
@json_option
@click.pass_context
def caps(ctx: click.Context, tenant: str | None, tenants: Path, data: Path, as_json: bool) -> None:
    """Show how much of each cap is used now, and what people changed of it.

    \b
    connect caps
    connect caps change --tenant acme --cap tenant:money --per hour --what EUR --limit 5000 --for 4h --reason "sale"
    """
    if ctx.invoked_subcommand is not None:
        return
    from caseconnect.host.caps_seen import caps_seen

    uses = [use for use in caps_seen(tenants, journal_path(data)) if tenant in (None, use.tenant)]
    if as_json:
        emit_json([asdict(use) | {name: str(getattr(use, name)) for name in ("used", "limit", "file")} for use in uses])
        return
    if not uses:
        say("no cap holds: no flow gives value away")
        return
    rows = []
    for use in uses:
        changed = ""
        if change := use.change:
            until = f"until {change.until:%Y-%m-%d %H:%M}" if change.until else "until it is taken back"
            changed = f"{use.file:f} in the file; {change.by}, {until}: {change.reason}"
        rows.append((use.tenant, use.cap, use.per, use.what, f"{use.used:f}", f"{use.limit:f}", changed))
    table(("Tenant", "Cap", "Per", "Of", "Used", "Limit", "Changed"), rows)


_PLACE = (
    click.option("--tenant", required=True, help="Name of the tenant."),
    click.option("--cap", required=True, help="The cap, as `connect caps` names it."),
    click.option("--per", type=click.Choice(["hour", "day"]), required=True, help="Its window."),
    click.option("--what", required=True, help="`count`, or a currency."),
)


def _place(function: click.decorators.FC) -> click.decorators.FC:
    for option in reversed(_PLACE):
        function = option(function)
    return function


@caps.command("change")
@_place
@click.option("--limit", required=True, help="The new limit.")
@click.option("--for", "lasting", default="", help="For so long, such as 4h.  [default: until it is taken back]")
@reason_option
@by_option
@tenants_option
@data_option
def change(
    tenant: str,
    cap: str,
    per: str,
    what: str,
    limit: str,
    lasting: str,
    reason: str,
    by: str,
    tenants: Path,
    data: Path,
) -> None:
    """Override a limit of a cap for a while, or until it is taken back. The tenant file stays as it is.

    In the console this takes two people; whoever may use the data folder does it alone, with name and reason.

    \b
    connect caps change --tenant acme --cap tenant:money --per day --what count --limit 200 --for 1d --reason "sale"
    """
    from caseconnect.host.caps_seen import caps_seen
    from caseconnect.host.web.console.actions import NotPossible, amount_of, seconds_of

    known = {(use.tenant, use.cap, use.per, use.what) for use in caps_seen(tenants, journal_path(data))}
    if (tenant, cap, per, what) not in known:
        raise click.UsageError(f"{tenant} has no limit of {what} an {per} of {cap} (`connect caps` lists them)")
    try:
        amount, seconds = amount_of(limit), seconds_of(lasting)
    except NotPossible as error:
        raise click.UsageError(str(error)) from None
    if what == "count" and amount % 1:
        raise click.UsageError("a count is a whole number")
    place = {"tenant": tenant, "cap": cap, "per": per, "what": what}
    do(data, "change_cap", {**place, "limit": str(amount), "seconds": seconds, "reason": reason, "by": by})
    say(f"{what} an {per} of {cap}: {amount:f} {f'for {lasting}' if seconds else 'until it is taken back'}")


@caps.command("take-back")
@_place
@reason_option
@by_option
@data_option
def take_back(tenant: str, cap: str, per: str, what: str, reason: str, by: str, data: Path) -> None:
    """End what people changed of a limit: the tenant file's holds again.

    \b
    connect caps take-back --tenant acme --cap tenant:money --per day --what count --reason "the sale is over"
    """
    place = {"tenant": tenant, "cap": cap, "per": per, "what": what}
    do(data, "take_back_cap", {**place, "reason": reason, "by": by})
    say(f"{what} an {per} of {cap} is as in the tenant file")
