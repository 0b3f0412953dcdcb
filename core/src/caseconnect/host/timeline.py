"""The time line of an order or a case, from what the journal tells of it: for `connect explain` and for the console."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from caseconnect.host.journal import states
from caseconnect.host.journal.people import OURSELVES
from caseconnect.sdk.events import CommandSettled

Sort = Literal["event", "verdict", "command"]
_SETTLED = str(CommandSettled.model_fields["type"].default)
_ON_THE_WAY = (states.PLANNED, states.SENDING)
_ORDER: dict[Sort, int] = {"event": 0, "verdict": 1, "command": 2}


@dataclass(frozen=True)
class Line:
    """One thing that happened: what came, what was decided, or what became of a command.

    `at` is UTC text as it is kept; `by` a person, if one did it; `use` the flow; `delivery` the number of what it came
    by; `key` the command's; `decision` the number of the turn in which it was decided.
    """

    at: str
    sort: Sort
    what: str
    how: str
    why: str
    by: str = ""
    use: str = ""
    delivery: int | None = None
    key: str = ""
    decision: int | None = None


def time_line(one: dict[str, Any]) -> list[Line]:
    """What came, what was decided, what was done, in order."""
    lines = [
        Line(
            event["at"],
            "event",
            f"{event['type']} ({event['topic'] or event['type']})",
            event["state"],
            event["reason"],
            delivery=event["delivery"],
            decision=event["decision"],
        )
        for event in one["events"]
    ]
    for decision in one["decisions"]:
        for answer in decision["answers"]:
            asked = ", ".join(answer.get("decision", {}).get("commands", [])) or "nothing"
            use, acts = answer["use"], (answer.get("decision") or {}).get("acted_on")
            by = decision["decided_by"] or "" if acts else ""
            told = (f"verdict of {use}", asked, answer["reason"], by)
            lines.append(Line(decision["at"], "verdict", *told, use=use, decision=decision["seq"]))
    for matter in one["matters"]:
        for command in matter["commands"]:
            name = " ".join(filter(None, (command["kind"], _worth(command), command["name"])))
            for outcome in command["outcomes"]:
                by = "" if outcome["by"] == OURSELVES else outcome["by"]
                there = _there(command) if outcome["became"] == states.DONE else ""
                became = (outcome["became"], "; ".join(filter(None, (outcome["note"], there))), by, command["use"])
                lines.append(Line(outcome["at"], "command", name, *became, key=command["key"]))
    return sorted(lines, key=lambda line: (line.at, _ORDER[line.sort]))


def _worth(command: dict[str, Any]) -> str:
    """How much value it gives away, as it was asked for."""
    amount = command["body"].get("amount")
    return f"{amount['amount']} {amount['currency']}" if isinstance(amount, dict) else ""


def _there(command: dict[str, Any]) -> str:
    """What the platform calls a refund: by that it is found there."""
    refund = command["data"].get("refund")
    return f"refund {refund}" if isinstance(refund, str) else ""


def in_short(lines: Sequence[Line], one: dict[str, Any]) -> list[Line]:
    """The lines without what only repeats: steps of commands on their way, and verdicts that brought nothing new."""
    ours = {event["decision"]: True for event in one["events"]}
    for event in one["events"]:
        ours[event["decision"]] &= event["type"] == _SETTLED
    last = {line.key: line for line in lines if line.key}
    said: dict[str, str] = {}
    found = []
    for line in lines:
        if line.sort == "event" and line.what.startswith(_SETTLED):
            continue
        if line.sort == "command" and line.how in _ON_THE_WAY and line is not last[line.key] and not line.by:
            continue
        if line.sort == "verdict":
            again = said.get(line.use) == line.why
            if line.how == "nothing" and (again or ours.get(line.decision)):
                continue
            said[line.use] = line.why
        found.append(line)
    return found
