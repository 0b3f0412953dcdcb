"""`connect demo`."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import click

from caseconnect.cli import Exit
from caseconnect.cli.output import emit_json, remark
from caseconnect.cli.places import journal_path
from caseconnect.host.journal import SqliteJournal
from caseconnect_demo import report
from caseconnect_demo.day import DAY
from caseconnect_demo.evidence import Evidence, gather
from caseconnect_demo.house import House, house
from caseconnect_demo.judging import judge
from caseconnect_demo.playing import Day, Tell

Show = Callable[[House, Evidence], Awaitable[None]]


@click.command("demo")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--keep", is_flag=True, help="Leave everything running afterwards, to look around, until Ctrl-C.")
@click.pass_context
def demo(ctx: click.Context, as_json: bool, keep: bool) -> None:
    """Play a shop's day against simulators of both platforms.

    Starts both simulators and `connect serve` on this machine, places orders, lets simulated agents decide, and ends
    with a table. Exit code 0 only if the platforms' ledgers and the journal agree. Takes less than a minute; needs no
    account, key or network, and leaves nothing behind.
    """
    began = time.monotonic()
    problems: list[str] = []

    def tell(text: str) -> None:
        remark(f"{time.monotonic() - began:5.1f} s  {text}")

    async def show(running: House, evidence: Evidence) -> None:
        judgement = judge(DAY, evidence)
        problems.extend(judgement.problems)
        seconds = time.monotonic() - began
        if as_json:
            emit_json(report.document(judgement, seconds))
        else:
            report.show(judgement, seconds)
        for process in running.processes if problems else ():
            remark(f"--- {process.name}, the end of its log ---\n{process.last_words()}")
        if keep:
            await _stay(running, next(iter(evidence.told.values()))["subject"])

    asyncio.run(_until_told(play(tell, show)))
    ctx.exit(Exit.WRONG if problems else Exit.OK)


async def play(tell: Tell, show: Show) -> None:
    """Start everything, play the day, `show` what is left of it, and end everything."""
    tell("starting both simulators and the daemon")
    async with house() as running:
        journal = SqliteJournal.read(journal_path(running.data))
        insisting = asyncio.ensure_future(insist(asyncio.current_task()))
        try:
            day = Day(running, DAY, journal, tell)
            await day.play()
            evidence = await gather(running, journal, day)
            await show(running, evidence)
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


async def _stay(running: House, subject: str) -> None:
    """Tell where everything is, and wait to be told to end."""
    remark("")
    remark(f"the shop:         {running.shop.address}/")
    remark(f"case management:  {running.cases.address}/")
    remark(f"data folder:      {running.data}")
    remark(f"tenant file:      {running.folder / 'tenants' / 'demo.yaml'}")
    remark("in another terminal, for example:")
    remark(f"  connect explain {subject} --data {running.data}")
    remark(f"  connect explain CASE-1 --data {running.data}")
    remark(f"  connect errors --data {running.data}")
    remark("Ctrl-C ends all of it and removes the folder")
    with suppress(asyncio.CancelledError):
        while True:
            running.check()
            await asyncio.sleep(1)
