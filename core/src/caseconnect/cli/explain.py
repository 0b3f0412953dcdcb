"""`connect explain`: what happened with an order or a case, and why, and why not."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from caseconnect.cli import Exit, completing
from caseconnect.cli.audit_trail import trail, write_trail
from caseconnect.cli.output import complain, emit_json, say, table
from caseconnect.cli.places import data_option, journal_path, json_option
from caseconnect.sdk.subjects import Subject


@click.command("explain")
@click.argument("subject")
@click.option("--tenant", help="Only this tenant.", shell_complete=completing.tenants)
@data_option
@json_option
@click.option(
    "--export",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the audit trail to this new file, .json or .html; of one case or item alone if SUBJECT names it.",
)
@click.option("--personal", is_flag=True, help="With --export: records, texts and bodies too, with personal data.")
@click.pass_context
def explain(
    ctx: click.Context,
    subject: str,
    tenant: str | None,
    data: Path,
    as_json: bool,
    export: Path | None,
    personal: bool,
) -> None:
    """Tell everything about an order or a case: deliveries, events, verdicts with reasons, commands, outcomes.

    SUBJECT is connection/kind/id, or the id alone, the number of an order or a case, or the reference on a case.
    With a connection's name it lists what came last and what became of it, also of which no event was made: ignored,
    parked, waiting. With the id that the platform gave a delivery, or delivery:NUMBER, that one.

    \b
    connect explain shop/order/820982911946154508
    connect explain CASE-1
    connect explain shop
    connect explain CASE-1 --export trail.html
    """
    if personal and not export:
        raise click.UsageError("--personal is for --export")
    from caseconnect.host.journal import SqliteJournal

    journal = SqliteJournal.read(journal_path(data))
    found = [(t, s) for t, s in journal.find(subject) if tenant in (None, t)]
    came = [row for row in journal.deliveries(subject) if tenant in (None, row["tenant"])]
    if not found and not came:
        complain(
            f"nothing is known of {subject!r}: no event of it was made since this journal began; deliveries that were"
            " parked are in `connect errors`, and `connect explain CONNECTION` lists the last, the ignored too"
        )
        ctx.exit(Exit.WRONG)
    told = [journal.explain(t, Subject.parse(s), facts=export is not None) for t, s in found]
    for one in told:
        keys = (command["key"] for matter in one["matters"] for command in matter["commands"])
        names = (one["subject"], *one["aliases"], *keys)
        one["clicks"] = [asdict(click) for click in journal.clicks(one["tenant"], names)]
    journal.close()
    if export:
        write_trail(export, [trail(one, subject, personal=personal) for one in told])
        say(f"{export}: {len(told)} audit trails, {'with' if personal else 'without'} personal data")
        return
    if as_json:
        emit_json(told + ([{"deliveries": came}] if came else []))
        return
    for one in told:
        _show(one)
    if came:
        columns = ("When (UTC)", "Delivery", "What", "Its id", "What became of it", "Why, or of what")
        table(columns, [_arrived(row) for row in came])


def _arrived(row: dict[str, Any]) -> tuple[str, ...]:
    where = f"{row['tenant']}/{row['connection']}"
    what = f"{row['topic']} ({'polled from' if row['polled'] else 'sent by'} {where})"
    at = row["received_at"][:23].replace("T", " ")
    number, told = f"delivery:{row['seq']}", row["reason"] or ", ".join(row["subjects"])
    return at, number, what, row["delivery_id"], row["state"], told


def _show(one: dict[str, Any]) -> None:
    from caseconnect.host.timeline import time_line

    say(f"{one['tenant']}: {one['subject']}")
    if one["aliases"]:
        say(f"  also {', '.join(one['aliases'])}")
    for matter in one["matters"]:
        case = matter["case_number"] or matter["case_subject"] or _joined(matter["incident"])
        say(f"  matter {matter['topic']} #{matter['episode']} ({matter['mode']}, {matter['state']}): {case}")
        say(f"    reference {matter['reference']}, owned by {matter['owner']}, stage {matter['stage'] or '-'}")
        if matter["members"]:
            waiting = sum(member["state"] == "parked" for member in matter["members"])
            say(f"    {len(matter['members'])} joined it, {waiting} of them wait (--json lists them)")
        for finding in matter["findings"]:
            say(f"    {finding['exception']} ({finding['by']}): {finding['summary']}")
    lines = [
        (line.at[:23].replace("T", " "), line.what, line.how + (f" (by {line.by})" if line.by else ""), line.why)
        for line in time_line(one)
    ]
    table(("When (UTC)", "What", "How it went", "Why"), lines)
    for done in reversed(one["clicks"]):
        say(f"  {done['at']:%Y-%m-%d %H:%M:%S} {done['who']}: {done['action']}, {done['reason']} ({done['result']})")


def _joined(incident: dict[str, Any] | None) -> str:
    """Where a matter is listed that has no case of its own."""
    if incident is None:
        return "no case"
    case = incident["case_number"] or incident["case_subject"] or "not opened yet"
    return f"no case of its own, it joined {incident['subject']} (case {case})"
