"""What waits for a person, grouped by cause: how much, since when, what it blocks, and what each answer would do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from caseconnect.host.journal import caps
from caseconnect.host.web.console.pages.showing import link, many, order_path, said, sums_of, thing
from caseconnect.host.web.console.people import Role
from caseconnect.models.money import Money

SHOWN = 6
"""So many items of a cause are named; a page of its own lists all."""

AT_ONCE = 500
"""So many are answered by one form."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Way:
    """One answer: what is posted to which action, what it says on the button, and what would happen."""

    action: str
    label: str
    effect: str
    fields: tuple[tuple[str, str], ...]
    role: Role = Role.OPERATOR
    limit: int | None = None
    """Where a person says how many: at most so many."""


@dataclass(frozen=True)
class Item:
    """One of those that wait: its name, its page, a word beside it, and the subject whose number is a better name."""

    name: str
    href: str
    note: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Cause:
    """One reason why something waits, with all that wait for it. `sort` is the section; `sign` names it in links."""

    sort: str
    sign: str
    title: str
    tenant: str
    why: str
    count: int
    oldest: datetime | str | None
    sums: tuple[Money, ...] = ()
    blocks: str = ""
    items: tuple[Item, ...] = ()
    ways: tuple[Way, ...] = ()
    more: str = ""
    unsummed: int = 0
    """So many of them tell no amount."""
    link: str = ""
    runbook: str = ""
    """The page that says what it means and what to do: an address, or its path in the documentation."""


def by_cause(rows: Iterable[Row], *names: str) -> list[list[Row]]:
    """Rows that agree in these columns, in the order of the first of each."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return list(found.values())


def of_commands(rows: Sequence[Row]) -> list[Cause]:
    """Parked commands, by what parked them."""
    causes = []
    for those in by_cause(rows, "tenant", "kind", "cap", "note"):
        first = those[0]
        if first["cap"].startswith(caps.INCIDENT):
            continue  # told by its incident
        causes.append(_parked(those))
    return causes


def _parked(those: Sequence[Row]) -> Cause:
    first, what = those[0], thing(those[0]["kind"])
    sums, count = sums_of(row["worth"] for row in those), len(those)
    money, blocked = bool(first["money"]), sum(row["blocks"] for row in those)
    worth = f" ({said(sums)})" if sums else ""
    role = Role.APPROVER if money else Role.OPERATOR
    if first["cap"]:
        ways = _cap_ways(first, count, what, worth, role)
    else:
        ways = _answers(those[:AT_ONCE], what, worth, role, first["kind"])
    return Cause(
        "money" if money else "parked",
        f"{first['kind']}:{first['cap'] or first['note']}",
        f"{many(count, what)} {'wait' if count > 1 else 'waits'} for an answer",
        first["tenant"],
        first["note"] or "no reason was given",
        count,
        min(row["updated_at"] for row in those),
        sums,
        f"{many(blocked, 'further step')} of the same cases {'wait' if blocked != 1 else 'waits'} for this"
        if blocked
        else "",
        items_of(those[:SHOWN]),
        ways,
        link(
            "/waiting", sort="commands", tenant=first["tenant"], kind=first["kind"], sign=first["cap"] or first["note"]
        ),
        sum(money and row["worth"] is None for row in those),
    )


def _cap_ways(first: Row, count: int, what: str, worth: str, role: Role) -> tuple[Way, ...]:
    base = (("cause", first["cap"]), ("tenant", first["tenant"]))
    return (
        Way(
            "let_go",
            "Let some go",
            f"As many as you say, of {count}{worth}, go out, the oldest first, beyond the cap. Each is checked once"
            " more against its order right before it is sent. The others stay. A second approver confirms it.",
            (*base, ("answer", "retry")),
            role,
            count,
        ),
        Way(
            "let_go",
            "Refuse",
            f"As many as you say, of {count}{worth}, are not sent, the oldest first. Their cases are told so.",
            (*base, ("answer", "refuse")),
            role,
            count,
        ),
    )


def _answers(those: Sequence[Row], what: str, worth: str, role: Role, kind: str) -> tuple[Way, ...]:
    keys = tuple(("key", row["key"]) for row in those)
    number = many(len(those), what)
    retry = Way(
        "answer",
        "Try again",
        f"{number}{worth} {'is' if len(those) == 1 else 'are'} planned once more and sent. Choose it when it surely did"
        " not happen: what was done already is found before it is sent, where the platform can tell.",
        (*keys, ("answer", "retry")),
        role,
    )
    done = Way(
        "answer",
        "It is done",
        f"Nothing is sent. Connect takes {number}{worth} as done, and goes on with what waits for it.",
        (*keys, ("answer", "done")),
        role,
    )
    refuse = Way(
        "answer",
        "It shall not happen",
        f"Nothing is sent. {number}{worth} {'ends' if len(those) == 1 else 'end'} as refused, and the case is told so.",
        (*keys, ("answer", "refuse")),
        role,
    )
    return (retry, refuse) if kind == "OpenCase" else (retry, done, refuse)


def of_refused(rows: Sequence[Row]) -> list[Cause]:
    """Cases that could not be opened."""
    causes = []
    for those in by_cause(rows, "tenant", "note"):
        first, held = those[0], sum(row["blocks"] for row in those)
        again = Way(
            "answer",
            "Open them again" if len(those) > 1 else "Open it again",
            f"{many(len(those), 'case')} asked for once more. Choose it when the cause is gone.",
            (*(("key", row["key"]) for row in those[:AT_ONCE]), ("answer", "retry")),
        )
        causes.append(
            Cause(
                "refused",
                f"refused:{first['note']}",
                f"{many(len(those), 'case')} could not be opened",
                first["tenant"],
                first["note"],
                len(those),
                min(row["created_at"] for row in those),
                (),
                f"{many(held, 'order')} held without a case" if held else "",
                items_of(those[:SHOWN]),
                (again,),
            )
        )
    return causes


def of_unknown(rows: Sequence[Row]) -> list[Cause]:
    """Money of which it is not known whether it went out, or that the platform has taken and not shown yet."""
    causes = []
    for those in by_cause(rows, "tenant", "kind", "state"):
        first, what = those[0], thing(those[0]["kind"])
        sums = sums_of(row["worth"] for row in those)
        doubt = first["state"] == "unknown"
        why = (
            "the answer was lost: Connect looks whether it happened, and never sends it again on a look alone"
            if doubt
            else "the platform has taken it, and its effect is not seen yet: Connect looks again by itself"
        )
        causes.append(
            Cause(
                "money" if doubt else "underway",
                f"{first['state']}:{first['kind']}",
                f"{many(len(those), what)} {'of unknown outcome' if doubt else 'under way'}",
                first["tenant"],
                why,
                len(those),
                min(row["updated_at"] for row in those),
                sums,
                "nothing to answer: it becomes done, or waits here for a person" if doubt else "",
                items_of(those[:SHOWN]),
            )
        )
    return causes


def of_arrivals(what: str, rows: Sequence[Row]) -> list[Cause]:
    """Deliveries that could not be read, or events that could not be decided on."""
    one, named, at = ("delivery", "topic", "received_at") if what == "deliveries" else ("event", "type", "at")
    causes = []
    for those in by_cause(rows, "tenant", named, "reason"):
        first, seqs = those[0], tuple(("seq", str(row["seq"])) for row in those[:AT_ONCE])
        number = many(len(those), one, what)
        replay = Way(
            "replay",
            "Take up again",
            f"{number} read and decided on anew. What was done is not done again, and no money moves by it. Choose it"
            " when the cause is gone.",
            (("what", what), *seqs),
        )
        drop = Way(
            "drop",
            "Drop",
            f"{number} ended without effect. Choose it if nothing can be made of {'it' if len(those) == 1 else 'them'}:"
            " the order is read again when it changes next.",
            (("what", what), *seqs),
        )
        items = tuple(
            Item(f"{one} {row['seq']}", f"/deliveries/{row['seq']}", row["delivery_id"])
            if what == "deliveries"
            else Item(row["lane"], order_path(row["tenant"], row["lane"]), subject=row["lane"])
            for row in those[:SHOWN]
        )
        causes.append(
            Cause(
                "parked",
                f"{what}:{first[named]}:{first['reason']}",
                f"{number} of {first[named]} could not be {'read' if one == 'delivery' else 'decided on'}",
                first["tenant"],
                first["reason"],
                len(those),
                first[at],
                (),
                "their orders are not looked at until then" if one == "event" else "",
                items,
                (replay, drop),
                link("/waiting", sort=what, tenant=first["tenant"], kind=first[named], sign=first["reason"]),
            )
        )
    return causes


def items_of(rows: Sequence[Row]) -> tuple[Item, ...]:
    """Commands by what they are about."""
    return tuple(
        Item(row["case_number"], order_path(row["tenant"], row["subject"]), _worth(row["worth"]))
        if row["case_number"]
        else Item(row["subject"], order_path(row["tenant"], row["subject"]), _worth(row["worth"]), row["subject"])
        for row in rows
    )


def _worth(worth: Money | None) -> str:
    return said([worth]) if worth else ""
