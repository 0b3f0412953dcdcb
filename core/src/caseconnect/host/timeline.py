"""The time line of an order or a case, from what the journal tells of it: for `connect explain` and for the console."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from caseconnect.host.journal.people import OURSELVES

Sort = Literal["event", "verdict", "command"]
_ORDER: dict[Sort, int] = {"event": 0, "verdict": 1, "command": 2}


@dataclass(frozen=True)
class Line:
    """One thing that happened: what came, what was decided, or what became of a command.

    `at` is UTC text as it is kept; `by` a person, if one did it; `use` the flow; `delivery` the number of what it came
    by; `key` the command's.
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
            use = answer["use"]
            lines.append(Line(decision["at"], "verdict", f"verdict of {use}", asked, answer["reason"], use=use))
    for matter in one["matters"]:
        for command in matter["commands"]:
            name = f"{command['kind']} {command['name']}".strip()
            for outcome in command["outcomes"]:
                by = "" if outcome["by"] == OURSELVES else outcome["by"]
                told = (outcome["became"], outcome["note"], by, command["use"])
                lines.append(Line(outcome["at"], "command", name, *told, key=command["key"]))
    return sorted(lines, key=lambda line: (line.at, _ORDER[line.sort]))
