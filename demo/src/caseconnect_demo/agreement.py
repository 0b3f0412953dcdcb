"""Whether the journal and both ledgers tell the same story, effect by effect.

A ledger is kept by its simulator, apart from the answers it gave; the journal is ours. Every effect must have its
command, and every command that is done must have exactly its effect.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from caseconnect_demo.evidence import Evidence, Json

SET_UP = frozenset({"webhook_subscribe"})
"""Effects of the demo's own set-up, before the day began."""

_ON_ORDERS = {"HoldOrder": "hold", "ReleaseOrder": "release", "CancelOrder": "cancel"}
_NOTES = frozenset({"tags_add", "tags_remove", "metafields_set", "metafields_delete"})
_ON_CASES = {"CommentCase": "add_comment", "UpdateCase": "edit_case_data"}
_OPEN_STATES = ("planned", "sending", "accepted", "unknown", "new", "waiting", "ready", "parked")


@dataclass(frozen=True)
class Check:
    """One thing that had to be so, how much was looked at, and what was not so."""

    what: str
    looked_at: int
    problems: tuple[str, ...] = ()


def agreement(evidence: Evidence, expected_alerts: int) -> tuple[Check, ...]:
    """Every check, in the order in which people read them."""
    return (
        _one_case_a_matter(evidence),
        _order_effects(evidence),
        _annotations(evidence),
        _case_effects(evidence),
        _nothing_left(evidence, expected_alerts),
    )


def order_of(effect: Json) -> str:
    """The number of the order that an effect in the shop's ledger is about."""
    return str(effect["args"].get("order") or effect["target"]).rpartition("/")[2]


def matters(evidence: Evidence) -> Iterator[tuple[str, Json]]:
    """Every matter of the day, with the number of its order."""
    for key, told in evidence.told.items():
        for matter in told["matters"]:
            yield evidence.placed[key].id, matter


def _sent(matter: Json, kind: str) -> list[Json]:
    """Commands of a kind that are done and were sent: not those that found nothing to send."""
    return [c for c in matter["commands"] if c["kind"] == kind and c["state"] == "done" and c["attempt"]]


def _by_us(evidence: Evidence, operation: str) -> list[Json]:
    return [e for e in evidence.case_ledger if e["operation"] == operation and e["via"] == "api"]


def _one_case_a_matter(evidence: Evidence) -> Check:
    made: dict[str, list[str]] = {}
    for effect in _by_us(evidence, "create_case"):
        made.setdefault(str(effect["detail"]["custom"].get("externalReference")), []).append(effect["case_id"])
    problems, known = [], set()
    for _, matter in matters(evidence):
        known.add(matter["reference"])
        cases = made.get(matter["reference"], [])
        if len(cases) != 1:
            problems.append(f"matter {matter['reference']} has {len(cases)} cases")
        elif matter["case_subject"] != f"cases/case/{cases[0]}":
            problems.append(f"matter {matter['reference']} has another case in the journal than in the ledger")
    problems += [f"a case was opened for {reference}, which no matter asked for" for reference in made.keys() - known]
    return Check("one case for each matter", len(known), tuple(problems))


def _order_effects(evidence: Evidence) -> Check:
    wanted: Counter[tuple[str, str]] = Counter()
    for order, matter in matters(evidence):
        for kind, what in _ON_ORDERS.items():
            wanted[order, what] += len(_sent(matter, kind))
    found = Counter(
        (order_of(e), e["what"]) for e in evidence.shop_ledger if e["what"] not in _NOTES and e["what"] not in SET_UP
    )
    names = {p.id: p.name for p in evidence.placed.values()}
    problems = _differences(wanted, found, lambda key: f"{key[1]} of order {names.get(key[0], key[0])}")
    return Check("holds, releases and cancellations", sum(wanted.values()), problems)


def _annotations(evidence: Evidence) -> Check:
    """The commands are played again from the order as it was placed: what each must have changed is known then."""
    problems, count = [], 0
    for key, placed in evidence.placed.items():
        tags: list[str] = []
        values: dict[str, str] = {}
        wanted: list[str] = []
        for command in sorted(_annotating(evidence.told[key]["matters"]), key=_done_at):
            count += 1
            wanted += _changes(command["body"], tags, values)
        ledger = [e for e in evidence.shop_ledger if e["what"] in _NOTES and order_of(e) == placed.id]
        found = [text for effect in ledger for text in _written(effect)]
        if Counter(wanted) != Counter(found):
            problems.append(f"annotations of {placed.name}: commands ask for {wanted}, the ledger has {found}")
        standing = evidence.shop_orders.get(placed.id, {"tags": [], "metafields": {}})
        shown = {name.partition(".")[2]: value for name, value in standing["metafields"].items()}
        if sorted(standing["tags"]) != sorted(tags) or shown != values:
            problems.append(f"annotations of {placed.name}: it shows {standing['tags']} {shown}, not {tags} {values}")
    strangers = {order_of(e) for e in evidence.shop_ledger if e["what"] in _NOTES}
    strangers -= {p.id for p in evidence.placed.values()}
    problems += [f"order {order} was annotated, which is none of the day" for order in sorted(strangers)]
    return Check("annotations of orders", count, tuple(problems))


def _annotating(of: Iterable[Json]) -> Iterator[Json]:
    for matter in of:
        yield from _sent(matter, "AnnotateOrder")


def _done_at(command: Json) -> str:
    return str(command["outcomes"][-1]["at"])


def _changes(body: Json, tags: list[str], values: dict[str, str]) -> list[str]:
    """What the command changes in `tags` and `values`, and changes it."""
    added = [t for t in body["add_tags"] if t not in tags]
    removed = [t for t in body["remove_tags"] if t in tags]
    changed = {k: v for k, v in body["attributes"].items() if values.get(k, "") != v}
    tags[:] = [t for t in tags if t not in removed] + added
    values.update(changed)
    return [f"+{t}" for t in added] + [f"-{t}" for t in removed] + [f"{k}={v}" for k, v in changed.items()]


def _written(effect: Json) -> list[str]:
    args = effect["args"]
    if effect["what"] == "tags_add":
        return [f"+{t}" for t in args["tags"]]
    if effect["what"] == "tags_remove":
        return [f"-{t}" for t in args["tags"]]
    return [f"{args['key']}={args.get('value', '')}"]


def _case_effects(evidence: Evidence) -> Check:
    wanted: Counter[tuple[str, str, str]] = Counter()
    for _, matter in matters(evidence):
        case = str(matter["case_subject"]).rpartition("/")[2]
        for kind, operation in _ON_CASES.items():
            for command in _sent(matter, kind):
                wanted[case, operation, str(command["body"].get("text", ""))] += 1
        # The order as it was decided on goes along as a document.
        wanted[case, "add_attachment", ""] += 1
    found = Counter(
        _case_effect(effect, wanted) for o in (*_ON_CASES.values(), "add_attachment") for effect in _by_us(evidence, o)
    )
    numbers = {case: shown["number"] for case, shown in evidence.cases.items()}
    problems = _differences(wanted, found, lambda key: f"{key[1]} on {numbers.get(key[0], key[0])} {key[2][:60]!r}")
    return Check("comments, changes and documents of cases", sum(wanted.values()), problems)


def _case_effect(effect: Json, wanted: Counter[tuple[str, str, str]]) -> tuple[str, str, str]:
    """The effect as its command names it: of a comment the text without the mark that the platform's plugin adds."""
    case, operation = effect["case_id"], effect["operation"]
    text = str(effect["detail"].get("text", ""))
    same = (key for key in wanted if key[:2] == (case, operation) and text.startswith(key[2]))
    return next(same, (case, operation, text))


def _nothing_left(evidence: Evidence, expected_alerts: int) -> Check:
    problems = [] if evidence.came_to_rest else ["the day did not come to rest in time"]
    for what in ("deliveries", "events", "commands"):
        left = {s: n for s, n in evidence.counts[what].items() if s in _OPEN_STATES and n}
        problems += [f"{count} {what} are {state}" for state, count in left.items()]
    told = [matter for _, matter in matters(evidence)]
    for what, number in (("matters", len(told)), ("commands", sum(len(m["commands"]) for m in told))):
        there = sum(evidence.counts[what].values())
        if there != number:
            problems.append(f"the journal has {there} {what}, the orders of the day account for {number}")
    problems += [f"{b['scope']} {b['name']} is paused: {b['reason']}" for b in evidence.stuck["brakes"]]
    alerts = evidence.stuck["alerts"]
    if len(alerts) != expected_alerts:
        problems.append(f"{len(alerts)} alerts instead of {expected_alerts}: {'; '.join(a['title'] for a in alerts)}")
    return Check(
        "every row of the journal has come to its end, and nobody was alerted without cause",
        sum(map(_total, evidence.counts.values())),
        tuple(problems),
    )


def _total(states: dict[str, int]) -> int:
    return sum(states.values())


def _differences(wanted: Counter[Any], found: Counter[Any], name: Any) -> tuple[str, ...]:
    """What the ledger has too little or too much of."""
    return tuple(
        f"{name(key)}: {wanted[key]} by the journal, {found[key]} in the ledger"
        for key in sorted({*wanted, *found}, key=str)
        if wanted[key] != found[key]
    )
