"""The actions, and the plan of each: what would happen, in order, with amounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caseconnect.host.journal.cap_changes import COUNT
from caseconnect.host.journal.caps import INCIDENT
from caseconnect.host.journal.people import ANSWERS
from caseconnect.host.journal.records import StoredCommand
from caseconnect.host.journal.states import PARKED, REFUSED
from caseconnect.host.web.console.actions import (
    Action,
    Desk,
    Fields,
    NotPossible,
    Plan,
    Step,
    amount_of,
    cap_of,
    chosen,
    every,
    known_place,
    numbers,
    one,
    passes_a_cap,
    place_of,
    role_for,
    seconds_of,
    why_two,
)
from caseconnect.host.web.console.people import Role
from caseconnect.sdk.commands import COMMANDS

_ANSWERED = {
    "retry": "is planned once more: it surely did not happen",
    "done": "counts as done: it did happen",
    "refuse": "is refused: it shall not happen",
}
_AGAIN = "is asked for again; if a cap is full then, it is parked under it"
_GOES_OUT = {
    "planned": "goes out",
    "unknown": "is looked for, and goes out if it is not there",
    "accepted": "is followed",
}
_ALWAYS_TWO = "a cap is changed or passed by two people"


def _plan(
    action: str, title: str, fields: Fields, steps: Sequence[Step], asks: Sequence[Mapping[str, Any]], **more: Any
) -> Plan:
    tenants = {step.tenant for step in steps if step.tenant}
    tenant = one(fields, "tenant", optional=True) or (tenants.pop() if len(tenants) == 1 else "")
    more.setdefault("role", role_for(steps))
    return Plan(action, title, fields, tuple(steps), tuple(asks), tenant=tenant, **more)


def pause(desk: Desk, fields: Fields) -> Plan:
    """Stop sending."""
    tenant, scope, name = known_place(desk, fields)
    was = [b.reason for b in desk.journal.brakes() if (b.tenant, b.scope, b.name) == (tenant, scope, name)]
    effect = (
        "no call is made to it, not even to read" if scope == "access" else "nothing of it is sent until it is resumed"
    )
    step = Step(name, f"{scope} {name}", effect, tenant, mark=str(was))
    notes = ("Deliveries are still taken and decided on; what is being sent just now may end.",)
    ask = {"tenant": tenant, "scope": scope, "name": name}
    return _plan("pause", f"Pause {scope} {name}", fields, [step], [ask], notes=notes)


def resume(desk: Desk, fields: Fields) -> Plan:
    """End a pause: the queue behind it goes out."""
    tenant, scope, name = place_of(fields)
    brake = next((b for b in desk.journal.brakes() if (b.tenant, b.scope, b.name) == (tenant, scope, name)), None)
    if brake is None:
        paused = ", ".join(f"{b.scope} {b.name}" for b in desk.journal.brakes() if b.tenant == tenant)
        raise NotPossible(f"{scope} {name} of {tenant} is not paused (what is: {paused or 'nothing'})")
    queue, steps = desk.journal.held_back(tenant, scope, name), []
    for queued in queue.first:
        just_now = ", after what it waits for" if queued.after else ""
        if queued.behind:
            just_now += f", when {queued.behind} works again"
        if queued.due > desk.now:
            just_now += f", not before {queued.due:%Y-%m-%d %H:%M:%S} UTC"
        what, subject = f"{queued.kind} of {queued.use}", queued.target or queued.reference
        of = (queued.key, what, _GOES_OUT[queued.state], tenant, subject, queued.money, queued.worth, queued.state)
        steps.append(Step(*of, just_now))
    notes = ["They start in this order, as fast as each account allows; caps still hold."]
    if scope == "access":
        notes.append("Polling and reading begin again as well.")
    ask = {"tenant": tenant, "scope": scope, "name": name}
    money = bool(queue.rest.money) or any(step.money for step in steps)
    return _plan(
        "resume",
        f"Resume {scope} {name}",
        fields,
        steps,
        [ask],
        notes=notes,
        second=why_two(steps, desk, queue.rest),
        pays=money,
        role=Role.APPROVER if money else Role.OPERATOR,
        mark=f"{brake.by}|{brake.at}|{brake.reason}|{queue.digest}",
        marked=True,
        rest=queue.rest,
    )


def _command_step(stored: StoredCommand, effect: str) -> Step:
    known = COMMANDS.get(stored.kind)
    money = bool(known and known.money)
    worth = stored.command.worth() if money else None
    subject = str(stored.target) if stored.target else stored.reference
    mark = f"{stored.state}|{stored.attempt}|{stored.note}"
    return Step(stored.key, f"{stored.kind} of {stored.use}", effect, stored.tenant, subject, money, worth, mark)


def answer(desk: Desk, fields: Fields) -> Plan:
    """Answer parked commands, each by itself."""
    what, steps = chosen(fields, "answer", tuple(ANSWERS)), []
    for key in every(fields, "key"):
        stored = desk.journal.command(key)
        if stored is None:
            raise NotPossible(f"there is no command {key}")
        if stored.state != PARKED and not (stored.state == REFUSED and what == "retry"):
            raise NotPossible(f"command {key} is {stored.state}: it waits for nobody's answer")
        steps.append(_command_step(stored, _AGAIN if stored.state == REFUSED else _ANSWERED[what]))
    asks = [{"key": step.about, "answer": what} for step in steps]
    end = ("answer", f"Answer with {what}", fields, steps, asks)
    if what == "retry" and passes_a_cap(desk, steps):
        return _plan(*end, second=_ALWAYS_TWO, pays=True, role=Role.APPROVER)
    second = why_two(steps, desk) if what != "refuse" else ""
    return _plan(*end, second=second, pays=what != "refuse" and any(step.money for step in steps))


def let_go(desk: Desk, fields: Fields) -> Plan:
    """Let what a cap has parked go, or refuse it."""
    tenant, cause = one(fields, "tenant"), one(fields, "cause")
    what = chosen(fields, "answer", ("retry", "refuse"))
    limit = numbers(fields, "limit")[0] if one(fields, "limit", optional=True) else -1
    if what == "retry" and limit < 1:
        raise NotPossible("say how many may go")
    keys = desk.journal.under_cap(tenant, cause, limit)
    commands = [stored for key in keys if (stored := desk.journal.command(key))]
    if not commands:
        raise NotPossible(f"nothing is parked under {cause} of {tenant}")
    effect = "goes out, although the cap is reached" if what == "retry" else _ANSWERED[what]
    steps = [_command_step(stored, effect) for stored in commands]
    ask = {"cause": cause, "tenant": tenant, "answer": what, "limit": limit, "keys": keys}
    go = what == "retry"
    title = f"Let {len(steps)} go past the cap" if go else f"Refuse {len(steps)} that the cap has parked"
    role = Role.APPROVER if go else role_for(steps)
    return _plan("let_go", title, fields, steps, [ask], second=_ALWAYS_TWO if go else "", pays=go, role=role)


def open_members(desk: Desk, fields: Fields) -> Plan:
    """Open own cases for what waits in an incident."""
    tenant, incident = one(fields, "tenant"), one(fields, "incident")
    wanted = tuple(fields.get("subject", ()))
    steps = [s for s in _members(desk, tenant, incident, "gets a case of its own") if not wanted or s.subject in wanted]
    if not steps:
        raise NotPossible(f"nothing of that waits in incident {incident}")
    ask = {"incident": incident, "tenant": tenant, "subjects": [step.subject for step in steps]}
    return _plan("open_members", f"Open {len(steps)} cases", fields, steps, [ask])


def close_incident(desk: Desk, fields: Fields) -> Plan:
    """End an incident with all that waits in it."""
    tenant, incident = one(fields, "tenant"), one(fields, "incident")
    steps = _members(desk, tenant, incident, "ends with the incident: it gets no case")
    steps.append(Step(incident, "the incident", "its case is closed", tenant, mark=str(len(steps))))
    ask = {"incident": incident, "tenant": tenant}
    return _plan("close_incident", f"Close incident {incident}", fields, steps, [ask])


def _members(desk: Desk, tenant: str, incident: str, effect: str) -> list[Step]:
    steps = []
    for key in desk.journal.under_cap(tenant, f"{INCIDENT}{incident}"):
        stored = desk.journal.command(key)
        matter = desk.journal.matter(stored.matter) if stored else None
        if stored and matter:
            what = f"{stored.kind} of {stored.use}"
            steps.append(Step(key, what, effect, tenant, str(matter.key.subject), mark=stored.state))
    return steps


def undo(desk: Desk, fields: Fields) -> Plan:
    """Close cases that were opened by mistake."""
    steps = []
    for id_ in every(fields, "matter"):
        matter = desk.journal.matter(id_)
        if matter is None or matter.state != "open":
            raise NotPossible(f"matter {id_} is not open any more")
        effect = "its case is closed and its holds are given up, if no person has touched it"
        what = f"{matter.key.topic}, found by {', '.join(sorted({f.by for f in matter.findings}))}"
        mark = f"{matter.case}|{matter.acted_on}|{len(matter.findings)}"
        steps.append(Step(id_, what, effect, matter.key.tenant, str(matter.key.subject), mark=mark))
    asks = [{"matter": step.about, "yes": True} for step in steps]
    return _plan("undo", f"Undo {len(steps)}", fields, steps, asks)


_WAITING = ("deliveries", "events")


def _parked(desk: Desk, fields: Fields, effect: str) -> tuple[str, list[Step]]:
    what, steps = chosen(fields, "what", _WAITING), []
    rows = {row["seq"]: row for row in desk.journal.stuck()[what]}
    for number in numbers(fields, "seq"):
        row = rows.get(number)
        if row is None:
            raise NotPossible(f"number {number} is not among the parked {what}")
        kind, where = (row["topic"], row["connection"]) if what == "deliveries" else (row["type"], row["lane"])
        subject = "" if what == "deliveries" else row["lane"]
        steps.append(Step(str(number), f"{kind} of {where}", effect, row["tenant"], subject, mark=row["reason"]))
    return what, steps


def drop(desk: Desk, fields: Fields) -> Plan:
    """End what nothing can be made of."""
    what, steps = _parked(desk, fields, "is ended: nothing is made of it")
    asks = [{"what": what, "seq": int(step.about)} for step in steps]
    return _plan("drop", f"Drop {len(steps)} {what}", fields, steps, asks)


def replay(desk: Desk, fields: Fields) -> Plan:
    """Take parked deliveries or events up again."""
    what, steps = _parked(desk, fields, "is read and decided on anew; what was done is not done again")
    asks = [{"what": what, "seqs": [int(step.about) for step in steps]}]
    notes = ("No money moves by a replay itself.",)
    return _plan("replay", f"Take {len(steps)} {what} up again", fields, steps, asks, notes=notes)


def dismiss(desk: Desk, fields: Fields) -> Plan:
    """Close an alert that does not close by itself."""
    tenant, cause = one(fields, "tenant", optional=True), one(fields, "cause")
    found = [a for a in desk.journal.stuck()["alerts"] if (a["tenant"], a["cause"]) == (tenant, cause)]
    if not found:
        raise NotPossible(f"no alert is open for {cause}")
    step = Step(cause, found[0]["title"], "is closed; it opens again if its cause comes back", tenant)
    return _plan("dismiss", "Close the alert", fields, [step], [{"cause": cause, "tenant": tenant}])


def compare(desk: Desk, fields: Fields) -> Plan:
    """Compare a tenant with its platforms now."""
    tenant = one(fields, "tenant")
    step = Step(tenant, f"tenant {tenant}", "its platforms are asked for what they have, in the background", tenant)
    return _plan("compare", f"Compare {tenant} now", fields, [step], [{"tenant": tenant, "begin": True}])


def change_cap(desk: Desk, fields: Fields) -> Plan:
    """Override a limit for a while, or until it is taken back."""
    use, limit = cap_of(desk, fields), amount_of(one(fields, "limit"))
    if use.what == COUNT and limit % 1:
        raise NotPossible("a count is a whole number")
    lasting = one(fields, "for", optional=True)
    seconds = seconds_of(lasting)
    until = f"for {lasting}" if seconds else "until somebody takes it back"
    what, effect = f"{use.what} an {use.per} of {use.cap}", f"{limit:f} instead of {use.limit:f} {until}"
    mark, just_now = f"{use.limit}|{use.file}", f"; {use.used:f} is used now"
    step = Step(use.cap, what, effect, use.tenant, mark=mark, just_now=just_now)
    place = {"tenant": use.tenant, "cap": use.cap, "per": use.per, "what": use.what}
    ask = {**place, "limit": str(limit), "seconds": seconds}
    notes = ("What is parked already stays parked: let it go by itself.",)
    more = {"notes": notes, "second": _ALWAYS_TWO, "role": Role.APPROVER}
    return _plan("change_cap", "Change a cap", fields, [step], [ask], **more)


def take_back_cap(desk: Desk, fields: Fields) -> Plan:
    """What the tenant file says holds again."""
    use = cap_of(desk, fields)
    if use.change is None:
        raise NotPossible(f"nobody has changed {use.what} an {use.per} of {use.cap}")
    effect = f"{use.file:f} holds again instead of {use.limit:f}, as the tenant file says"
    step = Step(use.cap, f"{use.what} an {use.per} of {use.cap}", effect, use.tenant, mark=f"{use.limit}|{use.file}")
    ask = {"tenant": use.tenant, "cap": use.cap, "per": use.per, "what": use.what}
    more = {"second": _ALWAYS_TWO, "role": Role.APPROVER}
    return _plan("take_back_cap", "Take a change of a cap back", fields, [step], [ask], **more)


_PAUSED = ("tenant", "scope", "name")
_CAP = ("tenant", "cap", "per", "what")
ACTIONS: Mapping[str, Action] = {
    "pause": Action("pause", "Pause", _PAUSED, pause),
    "resume": Action("resume", "Resume", _PAUSED, resume),
    "answer": Action("answer", "Answer", ("key", "answer"), answer, many="key"),
    "let_go": Action("let_go", "Let go", ("cause", "tenant", "answer", "limit"), let_go),
    "open_members": Action(
        "open_members", "Open cases", ("incident", "tenant", "subject"), open_members, many="subject"
    ),
    "close_incident": Action("close_incident", "Close incident", ("incident", "tenant"), close_incident),
    "undo": Action("undo", "Undo", ("matter",), undo, many="matter"),
    "drop": Action("drop", "Drop", ("what", "seq"), drop, many="seq"),
    "dismiss": Action("dismiss", "Close alert", ("cause", "tenant"), dismiss),
    "replay": Action("replay", "Take up again", ("what", "seq"), replay, many="seq", reason=False),
    "compare": Action("compare", "Compare now", ("tenant",), compare, reason=False),
    "change_cap": Action("change_cap", "Change cap", (*_CAP, "limit", "for"), change_cap),
    "take_back_cap": Action("take_back_cap", "Take change back", _CAP, take_back_cap),
}
"""Every action by the name in its address."""
