"""The page of an order, a case, or whatever else decisions are made about: all that is known, in one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from caseconnect.host.journal import states
from caseconnect.host.journal.caps import CAUSE
from caseconnect.host.journal.people import OURSELVES
from caseconnect.host.timeline import Line, in_short, time_line
from caseconnect.host.web.console.asking import Ask, Shown
from caseconnect.host.web.console.pages.causes import Way
from caseconnect.host.web.console.pages.showing import (
    link,
    many,
    missing,
    number,
    safe_url,
    shown,
    spelled,
    sums_of,
    thing,
)
from caseconnect.host.web.console.people import Role
from caseconnect.models.money import Money
from caseconnect.sdk.commands import COMMANDS
from caseconnect.sdk.subjects import Subject

_LINES = 300
_DELIVERIES = 60
_SHOWN_FACTS = ("number", "placed_at", "total", "payment_state", "fulfilment", "state", "cancelled_at", "read_at")
_OPEN = (*states.OPEN, states.PARKED)

Json = dict[str, Any]


@dataclass(frozen=True)
class Paid:
    """One command that gives value away: what was asked, what became of it, and who decided."""

    kind: str
    use: str
    worth: Money | None
    state: str
    note: str
    asked_at: str
    ended_at: str
    by: str
    key: str


def show(ask: Ask) -> Shown:
    """Everything of one subject."""
    tenant, text = ask.path["tenant"], ask.path["subject"]
    told = _told(ask, tenant, text)
    if told is None:
        hint = "No event of it was made since this journal began. What was parked or ignored is listed by connection."
        return missing(ask, f"{text} of {tenant}", hint)
    subject, record = told["subject"], ask.journal.views.record(tenant, told["subject"])
    every = time_line(told)
    whole = ask.query.get("all") == "1"
    lines = every if whole else in_short(every, told)
    older = number(ask.query.get("lines")) or _LINES
    commands = [command for matter in told["matters"] for command in matter["commands"]]
    deciders = _deciders(told)
    paid = list(_paid(told["matters"], deciders))
    return shown(
        ask,
        "order.html",
        _title(subject, record),
        tenant=tenant,
        told=told,
        subject=subject,
        record=record,
        facts=_facts(record),
        order_url=safe_url((record or {}).get("admin_url")),
        lines=lines[-older:],
        left_out=max(len(lines) - older, 0),
        more=link("", lines=older + 1000, all="1" if whole else None),
        steps=len(every),
        whole=whole,
        paid=paid,
        sums=_sums(paid),
        documents=list(_documents(commands)),
        waits=[command for command in commands if command["state"] == states.PARKED],
        running=[command for command in commands if command["state"] in states.OPEN],
        answer=_answer(told, every),
        why_not=_why_not(told),
        deciders=deciders,
        by_people=[line for line in every if line.by],
        ways={matter["id"]: _undo(matter) for matter in told["matters"]},
        command_ways={c["key"]: _ways(c) for c in commands if c["state"] in (states.PARKED, states.REFUSED)},
        arrivals=ask.journal.views.arrived(tenant, subject, _DELIVERIES),
        clicks=ask.journal.clicks(tenant, _names(told), None, 50),
    )


def _told(ask: Ask, tenant: str, text: str) -> Json | None:
    if tenant not in {*ask.journal.views.tenants(), *ask.tenants}:
        return None
    try:
        told = ask.journal.explain(tenant, Subject.parse(text))
    except ValueError:
        return None
    return told if told["events"] or told["matters"] or told["decisions"] else None


def _title(subject: str, record: Json | None) -> str:
    connection, kind, id_ = (*subject.split("/", 2), "", "")[:3]
    named = (record or {}).get("number")
    return f"{spelled(kind).capitalize()} {named or id_} of {connection}"


def _facts(record: Json | None) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for name in _SHOWN_FACTS:
        value = (record or {}).get(name)
        if isinstance(value, dict) and set(value) == {"amount", "currency"}:
            value = Money(**value)
        if value not in (None, "", [], {}) and not isinstance(value, dict | list):
            found.append((name, value))
    return found


def _names(told: Json) -> list[str]:
    ids = [matter["id"] for matter in told["matters"]]
    return [told["subject"], *told["aliases"], *ids, *(c["key"] for m in told["matters"] for c in m["commands"])]


def _deciders(told: Json) -> dict[str, str]:
    """By matter who had set the outcome that was acted on last, as the case named them."""
    return {
        answer["matter"]: decision["decided_by"] or "an agent"
        for decision in told["decisions"]
        for answer in decision["answers"]
        if answer.get("matter") and (answer.get("decision") or {}).get("acted_on")
    }


def _paid(matters: Iterable[Json], deciders: Mapping[str, str]) -> Iterable[Paid]:
    for matter in matters:
        for command in matter["commands"]:
            known = COMMANDS.get(command["kind"])
            if known is None or not known.money:
                continue
            by = next((o["by"] for o in reversed(command["outcomes"]) if o["by"] != OURSELVES), "")
            try:
                worth = known.model_validate(command["body"]).worth()
            except ValueError:
                worth = None
            who = by or _who(matter, command["use"], deciders)
            row = (command["state"], command["note"], command["created_at"], command["updated_at"], who, command["key"])
            yield Paid(command["kind"], command["use"], worth, *row)


def _who(matter: Json, use: str, deciders: Mapping[str, str]) -> str:
    case = matter["case_number"] or matter["case_subject"]
    if matter["acted_on"] and case:
        return f"{deciders.get(matter['id'], 'an agent')}, in case {case}"
    return f"the rules of {use}: nobody was asked"


def _sums(paid: list[Paid]) -> list[tuple[str, tuple[Money, ...], int]]:
    """What was asked, of it done, refused, and open."""
    groups = (
        ("asked", paid),
        ("done", [one for one in paid if one.state == states.DONE]),
        ("not done", [one for one in paid if one.state in (states.REFUSED, states.SUPERSEDED, states.WITHHELD)]),
        ("open", [one for one in paid if one.state in _OPEN]),
    )
    return [(word, sums_of(one.worth for one in those), len(those)) for word, those in groups]


def _documents(commands: Iterable[Json]) -> Iterable[Json]:
    for command in commands:
        if command["kind"] == "AttachDocument":
            document = command["body"].get("document") or {}
            name = document.get("name") or command["body"].get("filename") or command["name"]
            yield {"name": name, "state": command["state"], "note": command["note"], "at": command["updated_at"]}


def _answer(told: Json, lines: list[Line]) -> str:
    """The short answer: is there a case, and what happens next."""
    opened = [matter for matter in told["matters"] if matter["state"] == "open"]
    if not told["matters"]:
        reasons = [line for line in lines if line.sort == "verdict"]
        return "There is no case: no flow found anything." if reasons else "There is no case: nothing was decided yet."
    parked = sum(c["state"] == states.PARKED for m in told["matters"] for c in m["commands"])
    if parked:
        who = f"{many(parked, 'command')} {'waits' if parked == 1 else 'wait'} for a person"
        return f"{who}. See below what each answer would do."
    if opened:
        stage = opened[-1]["stage"]
        return f"A case is being worked on{f', stage: {spelled(stage)}' if stage else ''}."
    return "Everything about it is closed."


def _why_not(told: Json) -> list[tuple[str, str, str]]:
    """By flow its newest verdict: when, and why; the reason also tells why nothing was done."""
    newest: dict[str, tuple[str, str, str]] = {}
    for decision in told["decisions"]:
        for answer in decision["answers"]:
            newest[answer["use"]] = (answer["use"], decision["at"], answer["reason"])
    return list(newest.values())


def _undo(matter: Json) -> tuple[Way, ...]:
    if matter["state"] != "open" or matter["topic"] == "incident":
        return ()
    effect = (
        "If nobody has touched its case: the case is closed, holds and marks of this matter are taken off, and what is"
        " planned for it is not sent. Else nothing happens, and you are told so."
    )
    return (Way("undo", "Undo this case", effect, (("matter", matter["id"]),)),)


def _ways(command: Json) -> tuple[Way, ...]:
    known = COMMANDS.get(command["kind"])
    money = bool(known and known.money)
    role, what = Role.APPROVER if money else Role.OPERATOR, thing(command["kind"])
    key = ("key", command["key"])
    again = "It is looked for first where the platform can tell, then sent once more."
    retry = Way("answer", "Try again", f"The {what} is planned once more. {again}", (key, ("answer", "retry")), role)
    if command["state"] == states.REFUSED:
        return (retry,)
    done = Way("answer", "It is done", f"Nothing is sent: the {what} counts as done.", (key, ("answer", "done")), role)
    refuse = Way(
        "answer",
        "It shall not happen",
        f"Nothing is sent: the {what} ends as refused, and the case is told so.",
        (key, ("answer", "refuse")),
        role,
    )
    if command["cap"].startswith(CAUSE):  # let go under its cap, by two: "What needs me" has that
        return (done, refuse)
    return (retry, refuse) if command["kind"] == "OpenCase" else (retry, done, refuse)
