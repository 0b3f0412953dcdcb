"""`connect undo-cases`: close what a wrong rule opened, where no person has touched it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from caseconnect.cli import completing
from caseconnect.cli.operate import do
from caseconnect.cli.output import emit_json, moment, remark, say, table
from caseconnect.cli.places import by_option, data_option, journal_path, json_option


@click.command("undo-cases")
@click.option("--rule", required=True, metavar="USE[:EXCEPTION]", help="The use case, or one of its exceptions.")
@click.option(
    "--since",
    required=True,
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]),
    help="Matters that were opened since then. In UTC.",
)
@click.option("--tenant", help="Only this tenant.", shell_complete=completing.tenants)
@click.option("--yes", is_flag=True, help="Do it; without this it is shown and nothing is done.")
@click.option("--reason", default="it was opened by mistake", show_default=True, help="Why: the cases are told.")
@by_option
@data_option
@json_option
def undo_cases(
    rule: str, since: datetime, tenant: str | None, yes: bool, reason: str, by: str, data: Path, as_json: bool
) -> None:
    """Close the cases that a rule opened, but only those that no person touched.

    Shows them first. A case with an outcome, or with a comment, a file or a change that is not ours, is kept, and so is
    one in which another rule found something, too. The others are told why and closed, what they held is released, and
    their matters are closed; an incident takes with it what waits in it. It reads every case, so `connect serve` must
    run.

    \b
    connect undo-cases --rule order_exceptions:payment_failure --since 2026-01-05T08:00:00Z
    connect undo-cases --rule fraud_review --since 2026-01-05 --yes --reason "wrong threshold, see ticket 812"
    """
    from caseconnect.host.journal import SqliteJournal

    use, _, exception = rule.partition(":")
    journal = SqliteJournal.read(journal_path(data))
    found = journal.opened(tenant, use, exception, since.replace(tzinfo=UTC))
    journal.close()
    for number, one in enumerate(found, 1):
        if one["others"]:
            one |= {"state": "kept", "why": f"also found: {', '.join(one['others'])}"}
        else:
            one |= do(data, "undo", {"matter": one["id"], "yes": yes, "reason": reason, "by": by})
        if number % 25 == 0:
            remark(f"{number} of {len(found)} looked at")
    if as_json:
        emit_json({"rule": rule, "done": yes, "matters": found})
        return
    _show(rule, found, yes)


def _show(rule: str, found: list[dict[str, Any]], yes: bool) -> None:
    if not found:
        say(f"nothing that {rule} opened since then is open")
        return
    rows = [
        (one["tenant"], one["subject"], one["case_number"] or one["case_subject"] or "no case")
        + (moment(one["opened_at"]), one["state"], one["why"])
        for one in found
    ]
    table(("Tenant", "Subject", "Case", "Opened (UTC)", "What", "Why"), rows)
    kept = Counter(one["state"] for one in found)["kept"]
    say(f"{len(found) - kept} of {len(found)} {'are undone' if yes else 'would be undone'}, {kept} kept")
    if not yes and kept < len(found):
        say("  add --yes to do it")
