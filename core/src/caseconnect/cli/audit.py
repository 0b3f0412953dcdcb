"""`connect audit`: the numbers of each tenant and day, and what the comparisons with the platforms found."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caseconnect.cli import Exit, completing
from caseconnect.cli.operate import do
from caseconnect.cli.output import emit_json, remark, say, table
from caseconnect.cli.places import data_option, journal_path, json_option

if TYPE_CHECKING:
    from caseconnect.host.journal import SqliteJournal
    from caseconnect.host.journal.auditing import Comparison
    from caseconnect.host.journal.clicks import Click

_LOOK = 1.0
_MOST_CLICKS = 10_000
_LONG = timedelta(minutes=30)

Days = dict[str, dict[str, dict[str, Any]]]


@click.command("audit")
@click.option("--tenant", help="Only this tenant.", shell_complete=completing.tenants)
@click.option("--days", default=2, show_default=True, type=click.IntRange(1, 400), help="How many days back.")
@click.option("--now", "at_once", is_flag=True, help="Have the daemon compare with the platforms now, and wait for it.")
@click.option("--clicks", is_flag=True, help="Instead: who did what in the console and through its API, and why.")
@data_option
@json_option
@click.pass_context
def audit(
    ctx: click.Context, tenant: str | None, days: int, at_once: bool, clicks: bool, data: Path, as_json: bool
) -> None:
    """Tell per tenant and day what came, what was done and what moved, and whether the platforms agree.

    `connect serve` compares every half hour: what the platforms changed in two days with what had come (what had not is
    taken up by itself), the cases of open matters, and money that is done with what its platform shows. Every row and
    link of the journal is verified as well. Ends with 1 where money or a case is not as it should be, with 4 where the
    journal is damaged.

    \b
    connect audit --days 7
    connect audit --tenant acme --now --json
    connect audit --clicks --days 30
    """
    from caseconnect.host.journal import SqliteJournal
    from caseconnect.host.journal.backups import check

    since = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    if clicks:
        _clicks(data, tenant, since, as_json)
        return
    if at_once:
        _compare(data, tenant)
    journal = SqliteJournal.read(journal_path(data))
    try:
        numbers = _numbers(journal, since, tenant)
        comparisons = [c for c in journal.comparisons(since) if tenant in (None, c.tenant)]
    finally:
        journal.close()
    damage = check(journal_path(data))
    if as_json:
        told = {"since": since, "days": numbers, "compared": [asdict(c) for c in comparisons]}
        emit_json({**told, "damage": [vars(each) for each in damage]})
    else:
        _show(numbers, comparisons)
        say(f"the journal is damaged: {damage[0]}; `connect verify` tells all" if damage else "the journal is whole")
    if damage:
        ctx.exit(Exit.JOURNAL)
    if any(c.wrong for c in comparisons if c.what != "changes"):
        ctx.exit(Exit.WRONG)


def _clicks(data: Path, tenant: str | None, since: datetime, as_json: bool) -> None:
    from caseconnect.host.journal import SqliteJournal

    journal = SqliteJournal.read(journal_path(data))
    found = [click for click in journal.clicks(tenant, limit=_MOST_CLICKS) if click.at >= since]
    journal.close()
    if as_json:
        emit_json([asdict(click) for click in found])
    elif found:
        show_clicks(found)
    else:
        say("nobody did anything in the console in that time")


def show_clicks(found: Sequence[Click]) -> None:
    """Who did what, newest first."""
    rows = [
        (f"{c.at:%Y-%m-%d %H:%M:%S}", f"{c.who} ({c.role})", c.action, c.tenant, ", ".join(c.about[:3]), c.reason)
        + (c.result or "not known: the daemon ended meanwhile",)
        for c in found
    ]
    table(("When (UTC)", "Who", "What", "Tenant", "About", "Why", "Result"), rows, title="Clicks")


def _compare(data: Path, tenant: str | None) -> None:
    ends = time.monotonic() + _LONG.total_seconds()
    on = do(data, "compare", {"tenant": tenant, "begin": True})["on"]
    while on and time.monotonic() < ends:
        time.sleep(_LOOK)
        on = do(data, "compare", {"tenant": tenant, "begin": False})["on"]
    if on:
        remark(f"still comparing: {', '.join(on)}; what is shown is what is there")


def _numbers(journal: SqliteJournal, since: datetime, tenant: str | None) -> Days:
    """The journal's numbers, with the money that was moved on each day, by kind and currency."""
    numbers = {name: days for name, days in journal.numbers(since).items() if tenant in (None, name)}
    for name, days in numbers.items():
        sums: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        for at, stored in journal.moved(name, since, datetime.max.replace(tzinfo=UTC)):
            worth = stored.command.worth()
            if worth is not None:
                sums[at.date().isoformat(), stored.kind, worth.currency] += worth.amount
        for (day, kind, currency), amount in sorted(sums.items()):
            money = days.setdefault(day, {}).setdefault("money", {})
            money.setdefault(kind, {})[currency] = str(amount)
    return numbers


def _show(numbers: Days, comparisons: Sequence[Comparison]) -> None:
    rows = [
        (name, day, _states(of["deliveries"]), _states(of["events"]), of["decisions"], of["cases"])
        + (_states(of["commands"]), _money(of["money"]))
        for name, days in sorted(numbers.items())
        for day, of in sorted((day, defaultdict(dict, found)) for day, found in days.items())
    ]
    if not rows:
        say("nothing came in that time")
    else:
        columns = ("Tenant", "Day (UTC)", "Deliveries", "Events", "Decided", "Cases opened", "Commands", "Money moved")
        table(columns, [[cell if cell != {} else 0 for cell in row] for row in rows], title="Days")
    if not comparisons:
        say("nothing was compared yet: `connect serve` does it every half hour, --now does it at once")
        return
    table(
        ("Tenant", "Connection", "Compared", "When (UTC)", "From", "Found", "Wrong", "Such as"),
        [
            (c.tenant, c.connection, c.what, f"{c.at:%Y-%m-%d %H:%M}", f"{c.since:%Y-%m-%d %H:%M}", c.found, c.wrong)
            + (", ".join(c.named[:3]),)
            for c in comparisons
        ],
        title="Compared with the platforms",
    )


def _states(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "0"


def _money(moved: dict[str, dict[str, str]]) -> str:
    sums = (f"{kind} {amount} {currency}" for kind, by in moved.items() for currency, amount in by.items())
    return ", ".join(sums) or "none"
