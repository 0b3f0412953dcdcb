"""What the power is cut from: a journal at work, as `connect serve` works on it. `FOLDER SYNCHRONOUS ROUNDS`.

Each `ack` on standard output says that something was acknowledged. Run under strace by `powerloss`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: a run can be repeated
from typing import Any

import journal_desk
from journal_desk import START, Desk, case_of, delivery

from caseconnect.host.journal import SqliteJournal, writer
from caseconnect.sdk.commands import HoldOrder
from caseconnect.sdk.subjects import Subject

WORKERS = 4


def ack(what: str, name: str) -> None:
    os.write(1, f"ack {what} {name}\n".encode())


def waited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


async def crowd(desk: Desk, turn: int) -> None:
    """Deliveries that come in together."""

    async def one(worker: int) -> None:
        name = f"{turn}-{worker}"
        body = Random(name).randbytes(200 + 1500 * (worker + turn % 3))
        await desk.journal.receive([delivery(name, body)], None, START)
        ack("delivery", name)

    await asyncio.gather(*(one(worker) for worker in range(WORKERS)))


def main(folder: Path, synchronous: str, rounds: int) -> None:
    """Some rounds of intake, decisions and intents, with checkpoints between them."""
    journal_desk.now_of = waited  # the desk's words, on a journal with a thread of its own
    writer._CHECKPOINT_BATCHES = 4
    journal_desk.opened = partial(SqliteJournal.open)  # what makes a journal is to be seen, too
    desk = Desk(folder, threaded=True, synchronous=synchronous)
    for turn in range(rounds):
        asyncio.run(crowd(desk, turn))
        order = Subject("shop", "order", str(turn))
        event = desk.event(order)
        matter = desk.matter(subject=order)
        keys = desk.decide(
            desk.ask(matter, case_of()), desk.ask(matter, HoldOrder()), matters=(matter,), lane=order, events=(event,)
        )
        for key in keys:
            ack("planned", key)
        desk.began(keys[1])
        ack("sending", keys[1])
        desk.settle(keys[1], "done")
        ack("done", keys[1])
    desk.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
