"""The time line of an order or a case, from what the journal tells of it: for `connect explain` and for the console."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from caseconnect.host.journal.people import OURSELVES
from caseconnect.host.journal.states import DONE

Sort = Literal["event", "verdict", "command"]
_ORDER: dict[Sort, int] = {"event": 0, "verdict": 1, "command": 2}


@dataclass(frozen=True)
class Line:
    """One thing that happened: what came, what was decided, or what became of a command.

    `at` is UTC text as it is kept; `by` a person, if one did it; `use` the flow; `delivery` the number of what
    it came by; `key` the command's.
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
        )
        for event in one["events"]
    ]
    for decision in one["decisions"]:
        for answer in decision["answers"]:
            asked = ", ".join(answer.get("decision", {}).get("commands", [])) or "nothing"
            use, acts = answer["use"], (answer.get("decision") or {}).get("acted_on")
            by = decision["decided_by"] or "" if acts else ""
            lines.append(Line(decision["at"], "verdict", f"verdict of {use}", asked, answer["reason"], by, use=use))
    for matter in one["matters"]:
        for command in matter["commands"]:
            name = " ".join(filter(None, (command["kind"], _worth(command), command["name"])))
            for outcome in command["outcomes"]:
                by = "" if outcome["by"] == OURSELVES else outcome["by"]
                there = _there(command) if outcome["became"] == DONE else ""
                told = (outcome["became"], "; ".join(filter(None, (outcome["note"], there))), by, command["use"])
                lines.append(Line(outcome["at"], "command", name, *told, key=command["key"]))
    return sorted(lines, key=lambda line: (line.at, _ORDER[line.sort]))


def _worth(command: dict[str, Any]) -> str:
    """How much value it gives away, as it was asked for."""
    amount = command["body"].get("amount")
    return f"{amount['amount']} {amount['currency']}" if isinstance(amount, dict) else ""


def _there(command: dict[str, Any]) -> str:
    """What the platform calls a refund: by that it is found there."""
    refund = command["data"].get("refund")
    return f"refund {refund}" if isinstance(refund, str) else ""
