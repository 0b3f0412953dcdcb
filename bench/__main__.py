"""`python -m bench`: measure, print a table, and perhaps write JSON or docs/bench.md."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import orjson

from bench import backlog, drain, intake, noisy, pile, poll, recovery, report, seals, start, syncs, through
from bench.sizes import SIZES, Size

PARTS: dict[str, Callable[[Size], dict[str, Any]]] = {
    "start": start.measure,
    "intake": intake.measure,
    "through": through.measure,
    "drain": drain.measure,
    "seals": seals.measure,
    "syncs": syncs.measure,
    "recovery": recovery.measure,
    "pile": pile.measure,
    "noisy": noisy.measure,
    "poll": poll.measure,
    "backlog": backlog.measure,
}
"""What can be measured, in the order in which it is."""


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="full", show_default=True, help="How much.")
@click.option(
    "--part", "chosen", type=click.Choice(list(PARTS)), multiple=True, help="Only this part; may be repeated."
)
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the result as JSON.")
@click.option("--write", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write it as a Markdown page.")
@click.option("--strict", is_flag=True, help="Exit with 1 when a target is not met.")
@click.pass_context
def main(
    ctx: click.Context, size: str, chosen: tuple[str, ...], json_file: Path | None, page: Path | None, strict: bool
) -> None:
    """Measure Connect on this machine. A full run takes about half an hour and 8 GB of temporary space."""
    load = os.getloadavg()[0]
    os.environ.setdefault("CONNECT_ENVIRONMENT", "bench")  # a journal copied to another folder is in no doubt
    found: dict[str, Any] = {}
    for name, measure in PARTS.items():
        if not chosen or name in chosen:
            click.echo(f"measuring: {name}", err=True)
            found[name] = measure(SIZES[size])
            if json_file:  # after each part: a run that is broken off has measured something
                _keep(json_file, report.collect(size, found, load))
    result = report.collect(size, found, load)
    if page:
        page.write_text(report.page(result))
    click.echo(report.text(result))
    if strict and not all(target["met"] for target in result["targets"]):
        ctx.exit(1)


def _keep(file: Path, result: dict[str, Any]) -> None:
    file.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    main()
