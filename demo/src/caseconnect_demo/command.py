"""`connect demo`."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import click

from caseconnect.cli import Exit
from caseconnect.cli.output import emit_json, remark
from caseconnect.cli.places import journal_path
from caseconnect.host.journal import SqliteJournal
from caseconnect_demo import report
from caseconnect_demo.day import DAY
from caseconnect_demo.house import House, house
from caseconnect_demo.judging import judge
from caseconnect_demo.stage import Tell
from caseconnect_demo.whole import PARTS, Whole, play_all

Show = Callable[[House, Whole], Awaitable[None]]


def _chosen(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """The parts that `--rows` names, in their order; all without it."""
    wanted = {part.strip().casefold() for part in value.split(",")} if value is not None else None
    known = {part.casefold() for part in PARTS}
    if wanted is not None and not (wanted and wanted <= known):
        unknown = ", ".join(sorted(wanted - known)) or "nothing"
        raise click.BadParameter(f"there is no {unknown}; allowed are {', '.join(PARTS)}", ctx, param)
    return tuple(part for part in PARTS if wanted is None or part.casefold() in wanted)


@click.command("demo")
@click.option("--rows", "parts", metavar="IDS", callback=_chosen, help="Play only these, such as S1,P4,storm,day.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--keep", is_flag=True, help="Leave everything running afterwards, to look around, until Ctrl-C.")
@click.pass_context
def demo(ctx: click.Context, parts: tuple[str, ...], as_json: bool, keep: bool) -> None:
    """Play all fifteen flows, a storm and a shop's day against simulators.

    Starts three simulators and `connect serve` on this machine, with the example tenant files; shoppers, staff and
    banks act, simulated agents decide, and tables tell what came of it. Exit code 0 only if everything happened, and
    the platforms' ledgers and the journal agree. Takes about a minute; needs no account, key or network, and leaves
    nothing behind.

    \b
    connect demo --rows S1,P4
    """
    began = time.monotonic()
    problems: list[str] = []

    def tell(text: str) -> None:
        remark(f"{time.monotonic() - began:5.1f} s  {text}")

    async def show(running: House, whole: Whole) -> None:
        judgement = judge(DAY, whole.evidence) if whole.evidence else None
        problems.extend(report.problems(whole.played, judgement))
        seconds = time.monotonic() - began
        if as_json:
            emit_json(report.document(whole.played, judgement, seconds))
        else:
            report.show(whole.played, judgement, seconds)
        for process in running.processes if problems else ():
            remark(f"--- {process.name}, the end of its log ---\n{process.last_words()}")
        if keep:
            await _stay(running, whole)
        elif not as_json:
            report.show_more(whole.played)

    asyncio.run(_until_told(play(parts, tell, show)))
    ctx.exit(Exit.WRONG if problems else Exit.OK)


async def play(parts: Sequence[str], tell: Tell, show: Show) -> None:
    """Start everything, play these parts, `show` what is left, and end everything."""
    tell("starting the simulators of Shopify, SFCC and Core Case, and the daemon")
    async with house() as running:
        journal = SqliteJournal.read(journal_path(running.data))
        insisting = asyncio.ensure_future(insist(asyncio.current_task()))
        try:
            await show(running, await play_all(running, journal, parts, tell))
        finally:
            insisting.cancel()
            journal.close()


async def insist(task: asyncio.Task[None] | None, pause: float = 1.0) -> None:
    """Cancel `task` again each `pause` seconds once it was: one cancellation can be lost in what it was waiting for."""
    while task is not None and not task.done():
        await asyncio.sleep(pause)
        if task.cancelling():
            task.cancel()


async def _until_told(work: Awaitable[None]) -> None:
    """Await `work`. SIGTERM and a closed terminal end it as Ctrl-C does, so that what it started is ended too."""
    task = asyncio.ensure_future(work)
    with suppress(NotImplementedError, ValueError, RuntimeError):  # not this system, or not the main thread
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _stay(running: House, whole: Whole) -> None:
    """Tell where everything is, and wait to be told to end."""
    remark("")
    for tenant, shop in running.shops.items():
        remark(f"{f'Shopify, {tenant}':<18}{shop.address}/")
    remark(f"{'SFCC':<18}{running.sfcc.address}/")
    remark(f"{'case management':<18}{running.cases.address}/")
    remark(f"{'data folder':<18}{running.data}")
    remark(f"{'tenant files':<18}{running.folder / 'tenants'}")
    remark("in another terminal, for example:")
    for subject in report.subjects(whole.played):
        remark(f"  connect explain {subject} --data {running.data}")
    remark(f"  connect errors --data {running.data}")
    remark(f"  connect console --data {running.data}   (a link that signs you in to the console)")
    remark("Ctrl-C ends all of it and removes the folder")
    with suppress(asyncio.CancelledError):
        while True:
            running.check()
            await asyncio.sleep(1)
