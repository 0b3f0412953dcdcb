"""From evidence to the table: what came of each order, and whether that is what must come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from caseconnect_demo.agreement import Check, agreement, order_of
from caseconnect_demo.day import CANCELLED, HELD, RELEASED, Scenario
from caseconnect_demo.evidence import Evidence, Json

_WORDS = {"hold": HELD, "release": RELEASED, "cancel": CANCELLED}
_FLOWS = {
    "payment_failure": ("S1", "P1"),
    "address_mismatch": ("S1", "P1"),
    "duplicate_order": ("P1",),
    "partial_fulfillment": ("S1",),
    "high_risk": ("S4", "P5"),
    "high_value": ("S4", "P5"),
}
_ANNOTATED = "P3"


@dataclass(frozen=True)
class Row:
    """One order of the day. `why` is the journal's own reason; `flows` are the flows of DESIGN that it went through."""

    key: str
    order: str
    subject: str
    story: str
    exceptions: tuple[str, ...]
    case: str
    decisions: tuple[str, ...]
    effects: tuple[str, ...]
    shown: tuple[str, ...]
    why: str
    alerts: tuple[str, ...]
    flows: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """The rows of the table, and the checks of the ledgers against the journal."""

    rows: tuple[Row, ...]
    checks: tuple[Check, ...]

    @property
    def problems(self) -> list[str]:
        """Everything that is not as it must be."""
        of_rows = [f"{row.order} ({row.key}): {problem}" for row in self.rows for problem in row.problems]
        return of_rows + [f"{check.what}: {problem}" for check in self.checks for problem in check.problems]

    def totals(self) -> dict[str, int]:
        """The day in numbers."""
        decided = sum(len(row.decisions) for row in self.rows)
        for_people = sum(len(row.alerts) for row in self.rows)
        return {
            "orders": len(self.rows),
            "exceptions_raised": sum(len(row.exceptions) for row in self.rows),
            "cases_opened": sum(1 for row in self.rows if row.case),
            "decisions": decided,
            "decisions_carried_out": decided - for_people,
            "decisions_left_to_people": for_people,
            "nothing_opened": sum(1 for row in self.rows if not row.case),
        }


def judge(scenarios: Sequence[Scenario], evidence: Evidence) -> Judgement:
    """Judge the day. Pure: the same evidence, the same judgement."""
    rows = tuple(_row(scenario, evidence) for scenario in scenarios if scenario.key in evidence.placed)
    absent = tuple(f"{s.key} was never placed" for s in scenarios if s.key not in evidence.placed)
    placed = Check("every order of the day was placed", len(scenarios), absent)
    wanted = sum(1 for s in scenarios if s.expected.alert)
    return Judgement(rows, (placed, *agreement(evidence, wanted)))


def _row(scenario: Scenario, evidence: Evidence) -> Row:
    placed, told = evidence.placed[scenario.key], evidence.told[scenario.key]
    matters = told["matters"]
    exceptions = tuple(sorted(f["exception"] for m in matters for f in m["findings"]))
    effects = tuple(_WORDS[e["what"]] for e in evidence.shop_ledger if e["what"] in _WORDS and order_of(e) == placed.id)
    alerts = tuple(a["title"] for a in evidence.stuck["alerts"] if a["link"] == told["subject"])
    lines = trail(told)
    found = [_find(lines, part) for part in scenario.expected.trail]
    reason = _clause(told, scenario.expected.because) if scenario.expected.because else ""
    shown = tuple(evidence.shop_orders.get(placed.id, {}).get("tags", ()))
    problems = _problems(scenario, matters, exceptions, effects, alerts)
    if scenario.expected.because and not reason:
        problems.append(f"no verdict says {scenario.expected.because!r}")
    if not _in_order(lines, scenario.expected.trail):
        problems.append(f"its story lacks, in this order: {', then '.join(scenario.expected.trail)}")
    if placed.repeated:
        stored = sum(e["delivery_id"] == placed.repeated for e in told["events"])
        if stored != 1:
            problems.append(f"the delivery that came twice was stored {stored} times")
        found.append(f"delivery {placed.repeated} was stored once")
    why = "; ".join(t.removeprefix(f"{told['subject']}: ") for t in alerts) or reason or "; ".join(filter(None, found))
    return Row(
        scenario.key,
        placed.name,
        told["subject"],
        scenario.story,
        exceptions,
        ", ".join(m["case_number"] or "?" for m in matters),
        _decisions(evidence, matters),
        effects,
        shown,
        why,
        alerts,
        _flows(exceptions, annotated=bool(shown)),
        tuple(problems),
    )


def _problems(
    scenario: Scenario,
    matters: Sequence[Json],
    exceptions: tuple[str, ...],
    effects: tuple[str, ...],
    alerts: tuple[str, ...],
) -> list[str]:
    expected = scenario.expected
    problems = []
    if exceptions != tuple(sorted(expected.exceptions)):
        problems.append(f"exceptions {_listed(exceptions)} instead of {_listed(sorted(expected.exceptions))}")
    if effects != expected.effects:
        problems.append(f"effects {_listed(effects)} instead of {_listed(expected.effects)}")
    left = tuple(m["state"] for m in matters)
    if left != ((expected.matter,) if expected.matter else ()):
        problems.append(f"matters {_listed(left)} instead of {expected.matter or 'none'}")
    if [expected.alert in title for title in alerts] != ([True] if expected.alert else []):
        problems.append(f"alerts {_listed(alerts)} instead of {expected.alert or 'none'}")
    return problems


def trail(told: Json) -> list[str]:
    """The story of an order, line by line: what came, what was said of it, what each command became."""
    lines: list[tuple[str, int, str]] = []
    for number, event in enumerate(told["events"], 1):
        lines.append((event["at"], 0, f"event {number}: {event['type']} by {event['topic'] or 'connect'}"))
    for decision in told["decisions"]:
        lines += [(decision["at"], 1, f"{a['use']}: {a['reason']}") for a in decision["answers"]]
    for matter in told["matters"]:
        for command in matter["commands"]:
            for outcome in command["outcomes"]:
                note = f": {outcome['note']}" if outcome["note"] else ""
                lines.append((outcome["at"], 2, f"{command['kind']}: {outcome['was']} -> {outcome['became']}{note}"))
    return [line for _, _, line in sorted(lines, key=lambda entry: entry[:2])]


def _find(lines: Sequence[str], part: str) -> str:
    return next((clause for line in lines for clause in line.split("; ") if part in clause), "")


def _in_order(lines: Sequence[str], parts: Sequence[str]) -> bool:
    left = iter(lines)
    return all(any(part in line for line in left) for part in parts)


def _clause(told: Json, because: str) -> str:
    """The part of a verdict's reason that holds `because`, newest verdict first."""
    for decision in reversed(told["decisions"]):
        for answer in decision["answers"]:
            for clause in answer["reason"].split("; "):
                if because in clause:
                    return str(clause)
    return ""


def _decisions(evidence: Evidence, matters: Sequence[Json]) -> tuple[str, ...]:
    cases = {str(m["case_subject"]).rpartition("/")[2] for m in matters}
    return tuple(
        e["detail"]["outcome"] for e in evidence.case_ledger if e["operation"] == "decide" and e["case_id"] in cases
    )


def _flows(exceptions: Sequence[str], *, annotated: bool) -> tuple[str, ...]:
    found = {flow for exception in exceptions for flow in _FLOWS.get(exception, ())}
    return tuple(sorted(found | ({_ANNOTATED} if annotated else set()), key=lambda f: (f[0] != "S", f)))


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values) or "none"
