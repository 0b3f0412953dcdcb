"""A journal with something of everything, and ways to damage its file: for tests of storage."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: a run can be repeated
from typing import Any

from journal_desk import ORDER, START, TENANT, Desk, case_of, delivery, now_of

from caseconnect.host.journal.records import Brake, CursorMove, NewAlert
from caseconnect.models import Money
from caseconnect.sdk.commands import AnnotateOrder, HoldOrder, RefundPayment
from caseconnect.sdk.subjects import Subject


def worked(folder: Path, orders: int = 12) -> Path:
    """A closed journal in which orders came in, were held, refunded and annotated; some wait."""
    desk = Desk(folder)
    for number in range(orders):
        order = Subject("shop", "order", f"{1000 + number}")
        body = f'{{"id": {1000 + number}, "note": "{number * 7919}"}}'.encode() * (1 + number % 5)
        now_of(desk.journal.receive([delivery(f"d{number}", body)], CursorMove(TENANT, "shop", f"c{number}"), START))
        event = desk.event(order)
        refund = RefundPayment(amount=Money(amount=Decimal(f"{10 + number}.50"), currency="EUR"), target=order)
        matter = desk.matter(subject=order)
        asks = (case_of(), HoldOrder(), refund, AnnotateOrder(add_tags=("held",)))
        keys = desk.decide(*(desk.ask(matter, ask) for ask in asks), matters=(matter,), lane=order, events=(event,))
        for key, ends in zip(keys, ("done", "done", "unknown", "refused"), strict=True):
            if number % 3 or ends == "done":
                desk.send(key, ends, data={"id": f"C{number}"}, note="as told")
    now_of(desk.journal.alert(NewAlert(TENANT, "odd", "something is odd", str(ORDER)), START))
    now_of(desk.journal.pause(Brake(TENANT, "command", "CancelOrder", "wrong mapping", "ann", START)))
    now_of(desk.journal.schedule(TENANT, "shop", START + timedelta(minutes=5)))
    desk.close()
    return desk.path


def content(file: Path) -> dict[str, list[Any]] | None:
    """Every value of every table; None if it cannot be read."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
            names = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")]
            return {n: sorted(map(repr, db.execute(f'SELECT * FROM "{n}"'))) for n in names}
    except (sqlite3.Error, UnicodeError):
        return None


def own_check(file: Path) -> bool:
    """SQLite's own check finds something."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
            return db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]
    except (sqlite3.Error, UnicodeError):
        return True


def flip(data: bytearray, random: Random) -> None:
    """Turn one bit."""
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def zero(data: bytearray, random: Random) -> None:
    """Zero one page."""
    page = random.randrange(len(data) // 4096)
    data[page * 4096 : (page + 1) * 4096] = bytes(4096)


def cut(data: bytearray, random: Random) -> None:
    """Cut the end off, at any byte."""
    del data[random.randrange(len(data)) :]


DAMAGES: dict[str, tuple[Callable[[bytearray, Random], None], int]] = {
    "bits": (flip, 1000),
    "pages": (zero, 200),
    "cuts": (cut, 200),
}
"""What is done to the file, and how often in a full run."""
