"""What needs me: everything that waits for a person, by cause, with what each answer would do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from caseconnect.host.alerting.causes import cause_of
from caseconnect.host.alerting.watching import PROPOSAL
from caseconnect.host.journal.caps import CAUSE as CAP
from caseconnect.host.journal.caps import INCIDENT
from caseconnect.host.web.console.asking import Ask, Shown
from caseconnect.host.web.console.pages import causes
from caseconnect.host.web.console.pages.causes import Cause, Item, Row, Way
from caseconnect.host.web.console.pages.showing import link, many, number, order_path, said, shown, spelled, sums_of
from caseconnect.host.web.console.people import Role

SECTIONS = (
    ("money", "Money", "refunds, credits and replacements that wait for an approver"),
    ("proposed", "Proposed by somebody else", "what one person asked for and another has to confirm"),
    ("stopped", "Stopped", "what is paused, or could not be started"),
    ("storm", "Incidents", "many orders with one exception at once"),
    ("parked", "Parked", "what could not be read, decided on or carried out"),
    ("refused", "Cases that could not be opened", ""),
    ("alert", "Alerts", "what a person should look at"),
    ("underway", "Under way", "nothing to do: shown because it is money"),
)
_TOLD_ABOVE = ("parked:", "refused:", "unknown:", PROPOSAL, CAP, INCIDENT)


def show(ask: Ask) -> Shown:
    """All of it, by section."""
    found = [_named(ask, cause) for cause in every(ask)]
    sections = [
        (sign, title, about, [cause for cause in found if cause.sort == sign]) for sign, title, about in SECTIONS
    ]
    waiting = sum(1 for cause in found if cause.sort != "underway")
    return shown(
        ask,
        "needs.html",
        "What needs me",
        sections=[section for section in sections if section[3]],
        waiting=waiting,
        tenants=ask.tenants,
    )


def _named(ask: Ask, cause: Cause) -> Cause:
    """Orders by their numbers, as people know them."""
    items = []
    for item in cause.items:
        record = ask.journal.views.record(cause.tenant, item.subject) if item.subject else None
        items.append(replace(item, name=str(record["number"])) if record and record.get("number") else item)
    return replace(cause, items=tuple(items))


def every(ask: Ask) -> Iterable[Cause]:
    """Each cause that holds now."""
    rows = ask.journal.views.waiting()
    yield from causes.of_unknown(rows["unknown"])
    yield from causes.of_commands(rows["parked"])
    yield from _proposals(ask)
    yield from _stopped(ask, rows["brakes"])
    yield from _incidents(ask)
    yield from causes.of_arrivals("deliveries", rows["deliveries"])
    yield from causes.of_arrivals("events", rows["events"])
    yield from causes.of_refused(rows["refused"])
    yield from _alerts(ask, rows["brakes"])


def _proposals(ask: Ask) -> Iterable[Cause]:
    for one in ask.journal.proposals(ask.now):
        if one.state == "open":
            yield Cause(
                "proposed",
                f"proposal:{one.seq}",
                f"{one.who} proposes to {spelled(one.action)}",
                one.tenant,
                one.reason,
                1,
                one.at,
                link=f"/proposals#p{one.seq}",
                blocks="your own: another approver has to confirm it" if one.who == ask.person.name else "",
            )


def _stopped(ask: Ask, brakes: Iterable[Row]) -> Iterable[Cause]:
    for name, why in sorted(ask.live.refused.items()):
        yield Cause("stopped", f"refused:{name}", f"{name} could not be started", name, why, 1, None, link="/tenants")
    for (tenant, name), why in sorted(ask.live.unbuilt.items()):
        title = f"{name} could not be built"
        yield Cause("stopped", f"unbuilt:{tenant}/{name}", title, tenant, why, 1, None, link="/connections")
    for brake in brakes:
        yield _paused(ask, brake)


_PAUSED: dict[str, str] = {
    "tenant": "nothing of this tenant goes out",
    "flow": "nothing of this flow goes out",
    "connection": "nothing goes out to this connection",
    "command": "no command of this kind goes out",
    "access": "nothing is asked of this connection, and nothing sent",
}


def _paused(ask: Ask, brake: Row) -> Cause:
    queue = ask.journal.views.behind(brake["tenant"], brake["scope"], brake["name"])
    sums = sums_of(queue)
    worth = f", {said(sums)} among them" if sums else ""
    resume = Way(
        "resume",
        "Resume",
        f"{many(len(queue), 'command')} that wait behind it go out, in their order{worth}. You see the list first."
        if queue
        else "Nothing waits behind it now: what comes from then on goes out.",
        (("tenant", brake["tenant"]), ("scope", brake["scope"]), ("name", brake["name"])),
        Role.APPROVER if sums else Role.OPERATOR,
    )
    what = "" if brake["scope"] == "tenant" else f"{spelled(brake['scope'])} "
    return Cause(
        "stopped",
        f"pause:{brake['scope']}:{brake['name']}",
        f"{what}{brake['name']} is paused by {brake['by']}",
        brake["tenant"],
        brake["reason"],
        len(queue),
        brake["at"],
        sums,
        _PAUSED[brake["scope"]],
        ways=(resume,),
    )


def _incidents(ask: Ask) -> Iterable[Cause]:
    for tenant in ask.journal.views.tenants():
        for row in ask.journal.views.incidents(tenant):
            if row["state"] == "open" or row["waiting"]:
                yield of_incident(row)


def of_incident(row: Row) -> Cause:
    """An incident, with its ways out."""
    id_ = row["subject"].rpartition("/")[2]
    base = (("incident", id_), ("tenant", row["tenant"]))
    summary = row["findings"][0]["summary"] if row["findings"] else "storm"
    wait = many(row["waiting"], "order")
    ways = (
        Way(
            "open_members",
            "Open cases for all",
            f"{wait} that wait in it get a case each, and what else was decided for them goes on. The number of cases"
            " an hour is capped as ever.",
            base,
        ),
        Way(
            "close_incident",
            "Close it",
            f"The incident's case is closed, and {wait} that wait in it end without a case of their own. Holds of these"
            " orders are taken off as when a case is closed.",
            base,
        ),
    )
    return Cause(
        "storm",
        f"incident:{id_}",
        f"{many(row['joined'], 'order')} joined one incident",
        row["tenant"],
        summary,
        row["waiting"],
        row["opened_at"],
        (),
        f"{wait} {'waits' if row['waiting'] == 1 else 'wait'} in it without a case" if row["waiting"] else "",
        (Item(row["case_number"] or "its case", order_path(row["tenant"], row["subject"])),),
        ways if row["waiting"] or row["state"] == "open" else (),
        link=f"/incidents/{row['tenant']}/{id_}",
    )


def _alerts(ask: Ask, brakes: Iterable[Row]) -> Iterable[Cause]:
    paused = {f"auth:{brake['name']}" for brake in brakes if brake["scope"] == "connection"}
    rows = [
        alert
        for alert in ask.journal.views.open_alerts()
        if not alert["cause"].startswith(_TOLD_ABOVE) and alert["cause"] not in paused
    ]
    return of_alerts(ask, rows)


def of_alerts(ask: Ask, rows: Iterable[Row]) -> list[Cause]:
    """Alerts, those together that differ only in the order, or whatever else, that they name."""
    alike: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        alike.setdefault((row["tenant"], _NAME.sub("...", row["title"])), []).append(row)
    return [_alert(ask, title, those) for (_, title), those in alike.items()]


_NAME = re.compile(r"[\w-]+/[\w-]+/[^\s:,;()]+|#?\d+")


def _alert(ask: Ask, title: str, those: list[Row]) -> Cause:
    first, times = those[0], sum(row["count"] for row in those)
    names = [name for row in those for name in row["link"].split(", ") if name and name != "..."]
    items = tuple(
        Item(name, order_path(first["tenant"], name), subject=name)
        if name.count("/") >= 2
        else Item(name, link("/search", q=name))
        for name in dict.fromkeys(names[-causes.SHOWN :])
    )
    goes = "It closes by itself when its cause goes." if cause_of(first["cause"]).itself else "A person closes it."
    dismiss = Way(
        "dismiss",
        "Close the alert",
        f"Only the alert is closed: nothing is sent, and it opens again if the cause comes back. {goes}",
        (("cause", first["cause"]), ("tenant", first["tenant"])),
    )
    kind = cause_of(first["cause"])
    last = max(row["last_at"] for row in those)
    return Cause(
        "alert",
        f"alert:{first['cause']}",
        first["title"] if len(those) == 1 else f"{many(len(those), 'alert')}: {title}",
        first["tenant"],
        f"{kind.title} ({kind.severity}). Seen {many(times, 'time')}, last {last[:16].replace('T', ' ')} UTC",
        len(those),
        min(row["first_at"] for row in those),
        items=items,
        ways=(dismiss,) if len(those) == 1 else (),
        link=link("/alerts") if len(those) > 1 else "",
        runbook=ask.runbook(first["cause"]),
    )


def waiting(ask: Ask) -> Shown:
    """All that wait for one cause, to be answered one by one or together."""
    sort, tenant = ask.query.get("sort", ""), ask.query.get("tenant", "")
    kind, sign = ask.query.get("kind", ""), ask.query.get("sign", "")
    rows = ask.journal.views.waiting().get({"commands": "parked"}.get(sort, sort), [])
    those: list[Row] = [
        row for row in rows if (row["tenant"], *_NAMED.get(sort, _NOTHING)(row)) == (tenant, kind, sign)
    ]
    grouped: dict[str, Callable[[list[Row]], list[Cause]]] = {
        "commands": causes.of_commands,
        "deliveries": lambda chosen: causes.of_arrivals("deliveries", chosen),
        "events": lambda chosen: causes.of_arrivals("events", chosen),
    }
    found = grouped[sort](those) if sort in grouped and those else []
    page = number(ask.query.get("page")) or 0
    return shown(
        ask,
        "waiting.html",
        found[0].title if found else "Nothing waits for this any more",
        cause=found[0] if found else None,
        sort=sort,
        rows=those[page * _PAGE : (page + 1) * _PAGE],
        page=page,
        pages=(len(those) + _PAGE - 1) // _PAGE,
        here={"sort": sort, "tenant": tenant, "kind": kind, "sign": sign},
    )


_PAGE = 100
_NAMED: dict[str, Callable[[Row], tuple[Any, Any]]] = {
    "commands": lambda row: (row["kind"], row["cap"] or row["note"]),
    "deliveries": lambda row: (row["topic"], row["reason"]),
    "events": lambda row: (row["type"], row["reason"]),
}


def _NOTHING(row: Row) -> tuple[Any, Any]:  # noqa: N802 - stands where one of the table would
    return (None, None)
