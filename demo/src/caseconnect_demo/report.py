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
    """What `connect explain` can be asked about, a few of them: cases by their number, the storm by its incident."""
    wanted = ("P5", "S4", STORM.id)
    chosen = [one for one in played if one.row in wanted] or list(played[:3])
    return [one.explain if one.row == STORM.id else one.case for one in chosen if one.case]


def show(played: Sequence[Played], judgement: Judgement | None, seconds: float) -> None:
    """The tables on standard output."""
    _show_played([one for one in played if one.row in _FLOWS], "The fifteen flows")
    _show_played([one for one in played if one.row not in _FLOWS], "Beside them")
    if judgement:
        _show_day(judgement)
    wrong = problems(played, judgement)
    for problem in wrong:
        say(f"  ! {problem}")
    flows = [one for one in played if one.row in _FLOWS]
    say(
        f"{sum(not one.problem for one in flows)} of {len(flows)} flows happened on both sides; {seconds:.0f} seconds. "
        "All at once, and Core Case is asked\nfive times a second at most: that is where most of the time goes."
    )
    if judgement and not judgement.problems:
        say("the ledgers and the journal agree")
    if wrong:
        say("NOT as it must be: see the lines with !")


def show_more(played: Sequence[Played]) -> None:
    """How to look further, for people."""
    say("")
    say("To look around: `connect demo --keep` leaves all of it running and tells the addresses of the")
    say("simulators' pages. In another terminal `connect explain` then tells what came, what was decided")
    say("and why, and what was done, for example:")
    for subject in subjects(played):
        say(f"  connect explain {subject}")
    say("`connect demo --rows S1,P4` plays only some, `--json` prints everything.")


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
