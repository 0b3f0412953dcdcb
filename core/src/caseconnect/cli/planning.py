"""`connect plan`: what a tenant file would have done with what came in the last days."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caseconnect.cli.output import emit_json, progress, remark, say, table
from caseconnect.cli.places import data_option, journal_path, json_option, tenants_option
from caseconnect.host.tenants.durations import parse_duration
from caseconnect.sdk.errors import ConfigError

if TYPE_CHECKING:
    from caseconnect.host.journal import Journal
    from caseconnect.host.rehearsal.plan import Played, Sources
    from caseconnect.host.rehearsal.tally import Change, Tally
    from caseconnect.host.tenants import Tenant

_SHOWN = 15
_STATES = {
    "planned": "would go out",
    "withheld": "kept back by the mode",
    "parked": "parked for a person",
    "done": "nothing to send",
    "superseded": "overtaken by a later one",
}


def _span(ctx: click.Context, param: click.Parameter, value: str) -> timedelta:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("plan")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--since", callback=_span, default="7d", show_default=True, help="How far back, such as 12h or 7d.")
@click.option("--offline", is_flag=True, help="Read no platform: facts that were not kept are missing.")
@tenants_option
@data_option
@json_option
def plan(file: Path, since: timedelta, offline: bool, tenants: Path, data: Path, as_json: bool) -> None:
    """Tell what a tenant file would have done with the events that the journal has, without a single write.

    The rules decide again on each event, in order, on the facts that were kept with the decision of that time. Facts
    that were not kept (no case was opened then) are read from the platforms as they are now; all that is no read is
    refused. What goes out is taken as done; agents' decisions are taken as they were where the case is the same.

    FILE is compared with the file of that name in --tenants, which is in force, if it is another one.

    \b
    connect plan drafts/acme.yaml --since 7d
    """
    from caseconnect.host.journal import SqliteJournal
    from caseconnect.host.rehearsal.plan import Sources

    tenant = read_tenant(file)
    force = _in_force(tenant, tenants)
    if not offline:
        _need_secrets(tenant)
    now, sources = datetime.now(UTC), Sources(offline=offline)
    journal = SqliteJournal.read(journal_path(data))
    try:
        played = _play(tenant, journal, now - since, now, sources)
        was = _play(force, journal, now - since, now, sources) if force else None
    finally:
        journal.close()
    told = _Told(tenant, played, force, was, now - since)
    if as_json:
        emit_json(told.as_json())
    else:
        told.show()


def _play(tenant: Tenant, journal: Journal, since: datetime, now: datetime, sources: Sources) -> Played:
    from caseconnect.host.rehearsal.plan import play

    with progress(f"deciding again with {tenant.file}") as told:
        return asyncio.run(play(tenant, journal, since, now, sources, told))


def read_tenant(file: Path) -> Tenant:
    """The tenant of a file; `ConfigError` with all that is wrong with it."""
    from caseconnect.host.plugins import load
    from caseconnect.host.tenants import load_files

    found = load_files([file], load())
    if found.problems:
        raise ConfigError("\n".join(map(str, found.problems)))
    (tenant,) = found.tenants.values()
    return tenant


def _in_force(tenant: Tenant, folder: Path) -> Tenant | None:
    """The same tenant as the daemon runs it; None if it has none, or its file is wrong or the same."""
    from caseconnect.host.plugins import load
    from caseconnect.host.tenants import load_tenants

    if not folder.is_dir():
        return None
    read = load_tenants(folder, load())
    for problem in read.problems:
        if Path(problem.file).stem == tenant.name:
            remark(f"not compared with it: {problem}")
    found = read.tenants.get(tenant.name)
    return found if found and found.digest != tenant.digest else None


def _need_secrets(tenant: Tenant) -> None:
    from caseconnect.host.tenants import missing_secrets

    if missing := missing_secrets(tenant):
        raise ConfigError("\n".join([*map(str, missing), "or give --offline: then no platform is read"]))


class _Told:
    """What is shown of a plan, as tables and as data."""

    def __init__(
        self, tenant: Tenant, played: Played, force: Tenant | None, was: Played | None, since: datetime
    ) -> None:
        from caseconnect.host.rehearsal.tally import changes

        self.tenant, self.played, self.force, self.since = tenant, played, force, since
        self.tally: Tally = played.tally
        self.changes: list[Change] | None = changes(was.tally, played.tally) if was else None

    def as_json(self) -> dict[str, Any]:
        tally, played = self.tally, self.played
        shares = [(use, exception, len(s), self._share(len(s))) for (use, exception), s in sorted(tally.hits.items())]
        return {
            "tenant": self.tenant.name,
            "file": str(self.tenant.file),
            "since": self.since.isoformat(),
            "decided": played.turns,
            "subjects": len(tally.subjects),
            "cases": [asked.as_json() for asked in tally.cases()],
            "not_opened": [{"use": u, "why": why, "subjects": n} for (u, why), n in tally.not_opened().most_common()],
            "commands": [
                {"kind": kind, "state": state, "count": n, "sums": [_money(m) for m in tally.sums(kind, state)]}
                for (kind, state), n in sorted(tally.commands().items())
            ],
            "rules": [{"use": u, "exception": e, "subjects": n, "share": share} for u, e, n, share in shares],
            "alerts": [{"use": u, "alert": text, "count": n} for (u, text), n in tally.alerts.most_common()],
            "undecided": [{"why": why, "events": n} for why, n in tally.undecided.most_common()],
            "facts": {"read_now": dict(played.fetched), "missing": dict(played.missing)},
            "in_force": str(self.force.file) if self.force else None,
            "differences": None
            if self.changes is None
            else [{"what": c.what, **c.asked.as_json()} for c in self.changes],
        }

    def show(self) -> None:
        tally, played = self.tally, self.played
        say(
            f"{self.tenant.name} with {self.tenant.file}: decided {played.turns} times on {len(tally.subjects)} orders"
            f" and other subjects since {self.since:%Y-%m-%d %H:%M} UTC; nothing was written"
        )
        if not played.turns:
            say("nothing came in that time")
            return
        rows: list[Sequence[object]]
        rows = [(u, e, len(s), f"{self._share(len(s)):.1%}") for (u, e), s in sorted(tally.hits.items())]
        _table("What the rules found", ("Use case", "Exception", "Orders", "Share"), rows=rows)
        rows = [(*key, n) for key, n in self._cases()]
        _table("Cases", ("Use case", "Exceptions", "What becomes of it", "How many"), rows=rows)
        why = [(u, text, n) for (u, text), n in tally.not_opened().most_common()]
        _table("No case", ("Use case", "Why (# is a number)", "Orders"), rows=why)
        rows = [
            (kind, _STATES.get(state, state), n, ", ".join(map(str, tally.sums(kind, state))))
            for (kind, state), n in sorted(tally.commands().items())
        ]
        _table("Commands", ("Kind", "What becomes of it", "How many", "Sum"), rows=rows)
        _table("Alerts", ("Use case", "Alert", "How often"), rows=[(*k, n) for k, n in tally.alerts.most_common()])
        _table("Not decided", ("Why", "Events"), rows=[*tally.undecided.most_common()])
        self._show_facts()
        self._show_changes()

    def _cases(self) -> list[tuple[tuple[str, str, str], int]]:
        from collections import Counter

        said = Counter((c.use, ", ".join(c.exceptions), _STATES.get(c.state, c.state)) for c in self.tally.cases())
        return sorted(said.items())

    def _show_facts(self) -> None:
        for what, counted in (
            ("as they are now, because they were not kept", self.played.fetched),
            ("not to be had: what needs them was not decided, or without them", self.played.missing),
        ):
            if counted:
                say(f"facts {what}: {', '.join(f'{n} {fact}' for fact, n in sorted(counted.items()))}")

    def _show_changes(self) -> None:
        if self.changes is None:
            say("compared with nothing: there is no other file of this tenant in force (--tenants)")
            return
        say(f"compared with {self.force.file if self.force else ''}: {len(self.changes) or 'no'} differences")
        rows = [
            (c.what, c.asked.kind, c.asked.use, str(c.asked.subject), c.asked.worth or "", f"{c.asked.at:%m-%d %H:%M}")
            for c in self.changes
        ]
        _table("Differences", ("What", "Kind", "Use case", "Subject", "Worth", "When (UTC)"), rows=rows)

    def _share(self, hit: int) -> float:
        return hit / len(self.tally.subjects) if self.tally.subjects else 0.0


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if not rows:
        return
    table(columns, rows[:_SHOWN], title=title)
    if len(rows) > _SHOWN:
        say(f"  and {len(rows) - _SHOWN} more: --json lists all")


def _money(money: Any) -> dict[str, str]:
    return {"amount": str(money.amount), "currency": money.currency}
