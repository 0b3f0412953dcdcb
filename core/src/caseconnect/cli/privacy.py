"""`connect privacy`: what became of requests about personal data."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from caseconnect.cli import completing
from caseconnect.cli.operate import do
from caseconnect.cli.output import emit_json, moment, say, table
from caseconnect.cli.places import data_option, journal_path, json_option


@click.command("privacy")
@click.option("--tenant", help="Only this tenant.", shell_complete=completing.tenants)
@click.option("--again", type=int, metavar="RECEIPT", help="Erase once more: when matters that were left are closed.")
@data_option
@json_option
def privacy(tenant: str | None, again: int | None, data: Path, as_json: bool) -> None:
    """Show what became of requests about personal data: a receipt for each.

    A platform passes on that a shopper wants to know what is stored, or wants it erased. Where data is: `connect
    explain SUBJECT --json` prints all that is held of each order or customer that a receipt names. The texts of cases
    are in case management: a person clears them there.

    \b
    connect privacy --tenant acme
    connect privacy --again 3
    """
    from caseconnect.host.journal import SqliteJournal

    if again is not None:
        told = do(data, "erase", {"receipt": again})
        emit_json(told) if as_json else say(f"receipt {told['receipt']}: {_counted(told['rows'])}")
        return
    journal = SqliteJournal.read(journal_path(data))
    found = journal.receipts(tenant)
    journal.close()
    if as_json:
        emit_json([asdict(receipt) for receipt in found])
        return
    if not found:
        say("there were no requests about personal data")
        return
    rows = [
        (
            r.seq,
            r.whom.tenant,
            moment(r.at),
            r.action,
            r.whom.title(),
            ", ".join(f"{r.whom.connection}/order/{n}" for n in r.whom.orders),
            _counted(r.rows),
            ", ".join(r.cases),
            ", ".join(r.kept),
        )
        for r in found
    ]
    table(("Receipt", "Tenant", "At (UTC)", "Asked", "Of", "Orders", "Rows", "Cases", "Left"), rows)


def _counted(rows: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in rows.items() if count) or "nothing was there"
