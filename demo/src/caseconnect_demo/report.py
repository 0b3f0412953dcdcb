"""The end of the day: tables for people, one document for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from caseconnect.cli.output import say, table
from caseconnect_demo.judging import Judgement, Row


def document(judgement: Judgement, seconds: float) -> dict[str, Any]:
    """Everything as plain data."""
    return {
        "ok": not judgement.problems,
        "seconds": round(seconds, 1),
        "totals": judgement.totals(),
        "orders": [asdict(row) for row in judgement.rows],
        "checks": [{"ok": not check.problems, **asdict(check)} for check in judgement.checks],
    }


def show(judgement: Judgement, seconds: float) -> None:
    """The tables on standard output."""
    columns = ("Order", "What happened", "Exceptions", "Case", "Decided", "The order was", "Flows")
    opened = [row for row in judgement.rows if row.case]
    quiet = [row for row in judgement.rows if not row.case]
    table(columns, map(_opened, opened), title="Cases of the day")
    for row in opened:
        if row.why:
            say(f"  {row.order}: {row.why}")
    say("")
    table(("Order", "What happened", "Why no case"), map(_quiet, quiet), title="What was not opened, and why")
    counts = judgement.totals()
    say(
        f"{counts['orders']} orders: {counts['exceptions_raised']} exceptions raised, "
        f"{counts['cases_opened']} cases opened, {counts['decisions_carried_out']} of {counts['decisions']} decisions "
        f"carried out and {counts['decisions_left_to_people']} left to a person, {counts['nothing_opened']} orders "
        f"without a case; {seconds:.0f} seconds"
    )
    for check in judgement.checks:
        say(f"  {'agrees' if not check.problems else 'DIFFERS'}: {check.what} ({check.looked_at})")
    for problem in judgement.problems:
        say(f"  ! {problem}")
    say("the ledgers and the journal agree" if not judgement.problems else "NOT as it must be: see the lines with !")


def _opened(row: Row) -> tuple[str, ...]:
    done = ", ".join(row.effects) or "left as it was"
    words = ", ".join(e.replace("_", " ") for e in row.exceptions)
    return row.order, row.story, words, row.case, ", then ".join(row.decisions), done, " ".join(row.flows)


def _quiet(row: Row) -> tuple[str, ...]:
    return row.order, row.story, row.why
