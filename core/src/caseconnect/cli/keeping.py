"""`connect backup`, `restore` and `verify`: keeping the journal whole."""

from __future__ import annotations

from pathlib import Path

import click

from caseconnect.cli import Exit
from caseconnect.cli.output import complain, emit_json, say, table
from caseconnect.cli.places import data_option, journal_path, json_option

_SHOWN = 20
_file = click.Path(path_type=Path, dir_okay=False)


@click.command("backup")
@click.argument("file", type=_file)
@data_option
@json_option
@click.pass_context
def backup(ctx: click.Context, file: Path, data: Path, as_json: bool) -> None:
    """Copy the journal into one new file, also while `connect serve` runs, and verify the copy.

    FILE has its name only when every row of the copy was found right and is on the disk. It holds personal data.

    \b
    connect backup /backups/connect-$(date +%F).db
    """
    from caseconnect.host.journal.backups import back_up
    from caseconnect.host.journal.errors import JournalDamaged, JournalError

    journal = journal_path(data)
    if not journal.exists():
        raise JournalError(f"there is no journal at {journal}: has `connect serve` run with this data folder?")
    try:
        size = back_up(journal, file)
    except JournalDamaged as error:
        complain(str(error))
        ctx.exit(Exit.JOURNAL)
    if as_json:
        emit_json({"file": str(file), "bytes": size, "verified": True})
        return
    say(f"{file}: {size:,} bytes, verified")


@click.command("restore")
@click.argument("file", type=_file)
@data_option
@json_option
@click.pass_context
def restore(ctx: click.Context, file: Path, data: Path, as_json: bool) -> None:
    """Put a backup in the journal's place; the next start asks the platforms about the money first.

    The daemon has to be down. The journal that was there is kept beside it, as `before-restore-...`. A backup does
    not know what was sent after it was made: so at the next start everything is paused (`connect errors` shows how to
    go on), and the platforms are asked about all open and recent money.

    \b
    connect restore /backups/connect-2026-01-05.db
    """
    from caseconnect.host.journal.errors import JournalDamaged, JournalLocked
    from caseconnect.host.journal.opening import put_back

    try:
        kept = put_back(file, journal_path(data))
    except JournalLocked as error:
        complain(str(error))
        ctx.exit(Exit.HELD)
    except JournalDamaged as error:
        complain(str(error))
        ctx.exit(Exit.JOURNAL)
    if as_json:
        emit_json({"restored": str(file), "kept": str(kept) if kept else None})
        return
    say(f"restored from {file}" + (f"; the former journal is kept as {kept}" if kept else ""))
    say("  start `connect serve`: all is paused and the money asked about; `connect errors` then shows how to go on")


@click.command("verify")
@click.argument("file", type=_file, required=False)
@data_option
@json_option
@click.pass_context
def verify(ctx: click.Context, file: Path | None, data: Path, as_json: bool) -> None:
    """Verify the journal, or a backup of it: every row, every link of the hash chains.

    Runs beside `connect serve`. A million rows take about half a minute. Exit code 4 if anything is damaged.

    \b
    connect verify
    connect verify /backups/connect-2026-01-05.db
    """
    from caseconnect.host.journal.backups import check
    from caseconnect.host.journal.errors import JournalError

    wanted = file or journal_path(data)
    if not wanted.exists():
        raise JournalError(f"there is no file {wanted}")
    found = check(wanted)
    if as_json:
        emit_json({"file": str(wanted), "damage": [vars(damage) for damage in found]})
    elif found:
        table(("Table", "Row", "What is wrong"), [(d.table, d.row, d.what) for d in found[:_SHOWN]], title="Damage")
        if len(found) > _SHOWN:
            say(f"  and {len(found) - _SHOWN} more; --json lists all")
    else:
        say(f"{wanted} is whole")
    if found:
        ctx.exit(Exit.JOURNAL)
