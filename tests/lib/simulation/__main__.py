"""`python -m simulation`: see `--help`."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import click

from simulation.play import play
from simulation.run import play_all, smaller
from simulation.swarm import KINDS, Plan


@click.command(help=__doc__)
@click.option("--seeds", type=int, default=None, help="How many seeds; default: as many as the time allows.")
@click.option("--first", type=int, default=0, help="The first seed.")
@click.option("--seconds", type=float, default=None, help="How long to play.")
@click.option("--jobs", type=int, default=1, help="In how many processes.")
@click.option("--complete", is_flag=True, help="A kind of fault that never struck is a failure.")
@click.option("--replay", type=int, default=None, help="Play this seed alone.")
@click.option("--without", multiple=True, type=click.Choice(KINDS), help="With --replay: this kind is switched off.")
@click.option("--orders", type=int, default=None, help="With --replay: only the first orders.")
@click.option("--keep", type=click.Path(path_type=Path), default=None, help="With --replay: leave the journal here.")
@click.option("--trace", is_flag=True, help="With --replay: print what happened, in order.")
@click.option("--shrink/--no-shrink", default=True, help="Look for fewer kinds and orders that break the same promise.")
def main(
    seeds: int | None,
    first: int,
    seconds: float | None,
    jobs: int,
    complete: bool,
    replay: int | None,
    without: tuple[str, ...],
    orders: int | None,
    keep: Path | None,
    trace: bool,
    shrink: bool,
) -> None:
    """Play seeds, or replay one."""
    if replay is not None:
        if keep and keep.exists() and any(keep.iterdir()):
            raise click.UsageError(f"{keep} is not empty: a journal that is there would be played on")
        result = play(Plan(replay, frozenset(without), orders), keep=keep)
        if trace:
            click.echo("\n".join(result.lines))
        click.echo(f"{result}\n  trace {result.trace}")
        for problem in result.problems:
            click.echo(f"  {problem}")
        raise SystemExit(bool(result.problems))
    if seeds is None and seconds is None:
        seeds = 100
    numbers = count(first) if seeds is None else iter(range(first, first + seeds))
    met = play_all(numbers, seconds=seconds, jobs=jobs)
    click.echo(str(met))
    for broken in met.broken:
        click.echo(f"\n{broken}")
        if shrink:
            click.echo(f"made smaller: {smaller(broken)}")
    never = met.never() if complete else []
    if never:
        click.echo(f"never struck: {', '.join(never)}: the run was too short, or the seeds do not draw it")
    raise SystemExit(bool(met.broken or never))


if __name__ == "__main__":
    main()
