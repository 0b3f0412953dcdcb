"""Search: by order, order number, case, reference or delivery at once; by what is known of a customer on request."""

from __future__ import annotations

from caseconnect.host.web.console.asking import Ask, Shown
from caseconnect.host.web.console.pages.showing import number, shown
from caseconnect.host.web.console.people import Role

_LONGEST = 200
_SHORTEST = 3


def show(ask: Ask) -> Shown:
    """What a text may mean."""
    text = ask.query.get("q", "").strip()[:_LONGEST]
    tried = [text, *([f"#{text}"] if text.isdigit() else []), *([text[1:]] if text.startswith("#") else [])]
    found = list(dict.fromkeys(pair for one in tried if one for pair in ask.journal.find(one)))
    persons = ask.query.get("persons") == "1" and ask.person.may(Role.OPERATOR) and len(text) >= _SHORTEST
    named = ask.journal.views.naming(text, number(ask.query.get("before"))) if persons else None
    came = ask.journal.deliveries(text) if text and not found and not persons and "/" not in text else []
    return shown(
        ask,
        "search.html",
        "Search",
        text=text,
        found=[_line(ask, tenant, subject) for tenant, subject in found],
        came=came[-20:],
        persons=persons,
        still=persons,
        named=named,
        too_short=0 < len(text) < _SHORTEST,
    )


def _line(ask: Ask, tenant: str, subject: str) -> dict[str, object]:
    record = ask.journal.views.record(tenant, subject) or {}
    told = ask.journal.views.matters(tenant, subject)
    return {"tenant": tenant, "subject": subject, "number": record.get("number"), "matters": told}
