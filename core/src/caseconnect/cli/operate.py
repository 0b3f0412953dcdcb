"""`connect errors` and `replay`: with `resolve`, `pause` and `resume` the way out of what waits for a person.

They go to the running daemon over its local socket; with the daemon down they take the journal's lock.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caseconnect.cli import Exit, completing
from caseconnect.cli.output import complain, emit_json, moment, remark, say, table
from caseconnect.cli.places import data_option, journal_path, json_option
from caseconnect.sdk.errors import TransientError

if TYPE_CHECKING:
    from caseconnect.host.journal import SqliteJournal


def do(data: Path, verb: str, ask: dict[str, Any]) -> dict[str, Any]:
    """Carry out a verb through the daemon, or by ourselves when none runs."""
    from caseconnect.host.journal import SqliteJournal
    from caseconnect.host.web.control import Verbs, ask_daemon, socket_path

    if socket_path(data).exists():
        try:
            return asyncio.run(ask_daemon(data, verb, ask))
        except TransientError:
            pass  # a socket left over by a daemon that was killed: the lock decides
    SqliteJournal.read(journal_path(data)).close()
    journal = SqliteJournal.open(journal_path(data))
    try:
        return asyncio.run(Verbs(journal, lambda: datetime.now(UTC)).do(verb, ask))
    finally:
        journal.close()


def _is_served(data: Path) -> bool:
    """A daemon answers at its local socket; one that was killed leaves the socket behind."""
    from caseconnect.host.web.control import socket_path

    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(socket_path(data)))
        except OSError:
            return False
    return True


@click.command("errors")
@data_option
@json_option
def errors(data: Path, as_json: bool) -> None:
    """Show what waits for a person: alerts, parked items with what each blocks, and pauses.

    Grouped by cause. Each line says how to get out of it.

    \b
    connect errors
    connect errors --json
    """
    from caseconnect.host.alerting.causes import PAGES, cause_of, page_of
    from caseconnect.host.journal import SqliteJournal

    journal = SqliteJournal.read(journal_path(data))
    stuck = journal.stuck() | _by_people(journal)
    journal.close()
    causes = {a["cause"]: cause_of(a["cause"]) for a in stuck["alerts"]}
    for alert in stuck["alerts"]:
        alert |= {"severity": causes[alert["cause"]].severity, "runbook": page_of(alert["cause"])}
    if not _is_served(data):
        remark("no daemon works on this journal, so nothing goes on: start `connect serve`")
    if as_json:
        emit_json(stuck)
        return
    if not any(stuck.values()):
        say("nothing waits for a person")
        return
    if stuck["alerts"]:
        rows = [
            (a["tenant"], a["cause"], a["severity"], a["title"], a["count"], moment(a["last_at"]), a["link"])
            + (causes[a["cause"]].page,)
            for a in stuck["alerts"]
        ]
        columns = ("Tenant", "Cause", "How bad", "Alert", "Times", "Last (UTC)", "See", "Runbook")
        table(columns, rows, title="Alerts")
        say(f"  what each means and what to do: {PAGES}/RUNBOOK.md")
        say("  one that does not close by itself: connect resolve alert:CAUSE --answer close --reason WHY")
    if stuck["refused"]:
        title = "Cases that could not be opened"
        _show_commands(stuck["refused"], "held", "Orders held", title)
        say("  when the cause is gone: connect resolve COMMAND --answer retry --reason WHY")
    if stuck["commands"]:
        _show_commands(stuck["commands"], "blocks", "Blocks", "Parked commands")
        say("  look at each, then: connect resolve COMMAND --answer retry|done|refuse --reason WHY")
    _show_parked(stuck)
    if stuck["brakes"]:
        brakes = [(b["tenant"], b["scope"], b["name"], b["reason"], b["by"], moment(b["at"])) for b in stuck["brakes"]]
        table(("Tenant", "Paused", "Name", "Why", "By", "Since (UTC)"), brakes, title="Pauses")
        say("  connect resume --tenant TENANT [--flow|--connection|--command|--access NAME] shows what waits")
        say("  the same with --yes --reason WHY ends the pause")
    _show_by_people(stuck)


def _by_people(journal: SqliteJournal) -> dict[str, list[dict[str, Any]]]:
    """What people changed of caps, and what they proposed."""
    now = datetime.now(UTC)
    names = ("seq", "tenant", "who", "reason", "until")
    return {
        "caps": [{**vars(change), "limit": str(change.limit)} for change in journal.cap_changes(None, now)],
        "proposals": [
            {name: getattr(one, name) for name in names} | {"what": one.plan["title"]}
            for one in journal.proposals(now)
            if one.state == "open"
        ],
    }


def _show_by_people(stuck: dict[str, Any]) -> None:
    if stuck["caps"]:
        changed = [
            (
                c["tenant"],
                c["cap"],
                c["per"],
                c["what"],
                c["limit"],
                c["by"],
                c["reason"],
                moment(str(c["until"] or "taken back")),
            )
            for c in stuck["caps"]
        ]
        table(("Tenant", "Cap", "Per", "Of", "Limit", "By", "Why", "Until"), changed, title="Caps that people changed")
        say("  connect caps take-back --tenant TENANT --cap CAP --per WINDOW --what WHAT --reason WHY")
    if stuck["proposals"]:
        waiting = [(p["seq"], p["tenant"], p["what"], p["who"], p["reason"]) for p in stuck["proposals"]]
        table(
            ("No.", "Tenant", "What", "Proposed by", "Why"), waiting, title="Proposals that wait for a second approver"
        )
        say("  another approver confirms them in the console")


def _show_commands(commands: list[dict[str, Any]], counted: str, column: str, title: str) -> None:
    """One line for each cause, with how many, the sum of what is `counted`, and the keys to answer."""
    causes: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for command in commands:
        causes.setdefault((command["tenant"], command["kind"], command["note"]), []).append(command)
    rows = [
        (*cause, len(those), sum(c[counted] for c in those), _some([c["reference"] for c in those]))
        + (_some([c["key"] for c in those]),)
        for cause, those in causes.items()
    ]
    table(("Tenant", "Kind", "Why", "How many", column, "Matters", "Commands"), rows, title=title)
    if any(len(those) > _SHOWN for those in causes.values()):
        say("  `connect errors --json` lists all of them")


def _show_parked(stuck: dict[str, Any]) -> None:
    for what, column in (("deliveries", "topic"), ("events", "type")):
        causes: dict[tuple[str, str, str], list[int]] = {}
        for row in stuck[what]:
            causes.setdefault((row["tenant"], row[column], row["reason"]), []).append(row["seq"])
        if causes:
            rows = [(*cause, len(seqs), _some(seqs)) for cause, seqs in causes.items()]
            table(("Tenant", column.title(), "Why", "How many", "Numbers"), rows, title=f"Parked {what}")
            say(f"  when the cause is gone: connect replay {what} --yes")
            one = ONE_OF[what]
            say(f"  if nothing can be made of one: connect resolve {one}:NUMBER --answer drop --reason WHY")


ONE_OF = {"deliveries": "delivery", "events": "event"}
"""What one of these is called."""

_SHOWN = 8


def _some(items: Sequence[object]) -> str:
    return ", ".join(map(str, items[:_SHOWN])) + (", ..." if len(items) > _SHOWN else "")


@click.command("replay")
@click.argument("what", type=click.Choice(["deliveries", "events"]))
@click.argument("numbers", nargs=-1, type=int)
@click.option("--tenant", help="Only this tenant.", shell_complete=completing.tenants)
@click.option("--yes", is_flag=True, help="Do it; without this the plan is shown and nothing is done.")
@data_option
@json_option
@click.pass_context
def replay(
    ctx: click.Context,
    what: str,
    numbers: tuple[int, ...],
    tenant: str | None,
    yes: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Take parked deliveries or events up again: all, or those with the given numbers.

    Shows the plan first. Effects are keyed by matter, so nothing that was done is done again, and no money moves. Ends
    with 1 if it was given numbers of which none is parked.

    \b
    connect replay deliveries
    connect replay events 7 9 --yes
    """
    from caseconnect.host.journal import SqliteJournal

    journal = SqliteJournal.read(journal_path(data))
    parked = {row["seq"]: row for row in journal.stuck()[what] if tenant in (None, row["tenant"])}
    journal.close()
    seqs = [seq for seq in parked if not numbers or seq in numbers]
    absent = sorted(set(numbers) - set(parked))
    told: dict[str, Any] = {"replayed": 0}
    if yes and seqs:
        told = do(data, "replay", {"what": what, "seqs": seqs})
    told |= {"planned": seqs, "not_parked": absent, "parked": [parked[seq] for seq in seqs]}
    if as_json:
        emit_json(told)
    else:
        _show_replay(what, told, seqs, absent, yes=yes)
    if numbers and not (told["replayed"] if yes else seqs):
        complain(f"nothing was done: no parked {what} of these numbers (`connect errors` lists those that are)")
        ctx.exit(Exit.WRONG)


def _show_replay(what: str, told: dict[str, Any], seqs: list[int], absent: list[int], *, yes: bool) -> None:
    if absent:
        say(f"not parked: {_some(absent)}")
    if not yes and seqs:
        kind, where = ("topic", "connection") if what == "deliveries" else ("type", "lane")
        rows = [[row[name] for name in ("seq", "tenant", kind, where, "reason")] for row in told["parked"]]
        table(("Number", "Tenant", kind.title(), where.title(), "Why it parked"), rows)
    if not seqs and not absent:
        say(f"nothing to take up: no parked {what}")
    elif yes and seqs:
        say(f"{told['replayed']} {what} taken up again")
    elif seqs:
        say(f"would take up {len(seqs)} {what}: {_some(seqs)}\n  add --yes to do it")
