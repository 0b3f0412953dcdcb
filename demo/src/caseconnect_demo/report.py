"""The end of the demo: tables for people, one document for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from caseconnect.cli.output import say, table
from caseconnect_demo.judging import Judgement, Row
from caseconnect_demo.rows_more import STORM
from caseconnect_demo.stage import Played
from caseconnect_demo.whole import FLOWS

WIDTH = 100
"""Columns of a terminal that show everything."""

_FLOWS = frozenset(row.id for row in FLOWS)
_STEPS = ("to_case", "to_decision", "to_effect")


def problems(played: Sequence[Played], judgement: Judgement | None) -> list[str]:
    """Everything that is not as it must be."""
    return [f"{one.row}: {one.problem}" for one in played if one.problem] + (judgement.problems if judgement else [])


def document(played: Sequence[Played], judgement: Judgement | None, seconds: float) -> dict[str, Any]:
    """Everything as plain data."""
    told: dict[str, Any] = {
        "ok": not problems(played, judgement),
        "seconds": round(seconds, 1),
        "rows": [asdict(one) for one in played if one.row in _FLOWS],
        "storm": next((asdict(one) for one in played if one.row == STORM.id), None),
        "others": [asdict(one) for one in played if one.row not in _FLOWS and one.row != STORM.id],
    }
    if judgement:
        told["totals"] = judgement.totals()
        told["orders"] = [asdict(row) for row in judgement.rows]
        told["checks"] = [{"ok": not check.problems, **asdict(check)} for check in judgement.checks]
    return told


def subjects(played: Sequence[Played]) -> list[str]:
    """What `connect explain` can be asked about, a few of them."""
    wanted = ("P5", "S4", STORM.id)
    found = [one.explain for one in played if one.explain and one.row in wanted]
    return found or [one.explain for one in played if one.explain][:3]


def show(played: Sequence[Played], judgement: Judgement | None, seconds: float) -> None:
    """The tables on standard output."""
    _show_played([one for one in played if one.row in _FLOWS], "The fifteen flows")
    _show_played([one for one in played if one.row not in _FLOWS], "Beside them")
    if judgement:
        _show_day(judgement)
    wrong = problems(played, judgement)
    for problem in wrong:
        say(f"  ! {problem}")
    happened = sum(1 for one in played if not one.problem)
    say(f"{happened} of {len(played)} happened on both sides; {seconds:.0f} seconds")
    if judgement and not judgement.problems:
        say("the ledgers and the journal agree")
    if wrong:
        say("NOT as it must be: see the lines with !")


def show_more(played: Sequence[Played]) -> None:
    """How to look further, for people."""
    say("")
    say("To look around, `connect demo --keep`: it leaves everything running and tells the addresses of the")
    say("simulators' pages. `connect explain SUBJECT` then tells all about one of these: what came, what was")
    say(f"decided and why, what was done. `connect demo --rows {_sample(played)}` plays only some.")


def _sample(played: Sequence[Played]) -> str:
    return ",".join([one.row for one in played if one.row in _FLOWS][:2]) or "S1,P4"


def _show_played(played: Sequence[Played], title: str) -> None:
    if not played:
        return
    columns = ("Row", "What happened", "Case", "Decision", "On the other side", "Seconds")
    table(columns, map(_line, played), title=f"{title} (seconds to case, decision, effect)", width=WIDTH)


def _line(one: Played) -> tuple[str, ...]:
    times = " ".join(f"{one.seconds[step]:.0f}" if step in one.seconds else "-" for step in _STEPS)
    effect = one.effect if not one.problem else "DID NOT HAPPEN"
    return one.row, one.trigger, one.case or "none", ", ".join(one.decisions) or "none", effect, times


def _show_day(judgement: Judgement) -> None:
    columns = ("Order", "What happened", "Exceptions", "Case", "Decided", "The order was")
    opened = [row for row in judgement.rows if row.case]
    quiet = [row for row in judgement.rows if not row.case]
    table(columns, map(_opened, opened), title="A shop's day: what went wrong, and what came of it", width=WIDTH)
    table(
        ("Order", "What happened", "Why no case"),
        map(_quiet, quiet),
        title="What was not opened, and why",
        width=WIDTH,
    )
    counts = judgement.totals()
    say(
        f"{counts['orders']} orders: {counts['exceptions_raised']} exceptions raised, {counts['cases_opened']} cases, "
        f"{counts['decisions_carried_out']} of {counts['decisions']} decisions\ncarried out and "
        f"{counts['decisions_left_to_people']} left to a person, {counts['nothing_opened']} orders without a case"
    )
    for check in judgement.checks:
        say(f"  {'agrees' if not check.problems else 'DIFFERS'}: {check.what} ({check.looked_at})")


def _opened(row: Row) -> tuple[str, ...]:
    done = ", ".join(row.effects) or "left as it was"
    words = ", ".join(e.replace("_", " ") for e in row.exceptions)
    return row.order, row.story, words, row.case, ", then ".join(row.decisions), done


def _quiet(row: Row) -> tuple[str, ...]:
    return row.order, row.story, row.why
