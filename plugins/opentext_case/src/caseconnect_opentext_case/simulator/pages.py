"""Plain pages that show what happened. Every text is escaped unless it was built here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from .api import Tenant
from .casedata import progress_json
from .control import Control
from .errors import Refused
from .handlers import document_answer, find_attachment
from .model import Case
from .store import CaseStore

_STYLE = """
body { font: 16px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 1.5rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #bbb; }
td { overflow-wrap: anywhere; white-space: pre-wrap; }
.note { background: #fff3cd; color: #333; padding: .4rem .6rem; }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #eee; } a { color: #8bc0ff; } }
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
}
_VOID = {"input", "meta"}


class Html(str):
    """Text that is markup already; everything else is escaped when it becomes part of an element."""

    __slots__ = ()


def element(tag: str, *children: object, **attributes: str) -> Html:
    """An element with escaped children and attributes; a trailing underscore of a name is dropped."""
    inside = "".join(child if isinstance(child, Html) else escape(str(child)) for child in children)
    named = "".join(f' {name.rstrip("_")}="{escape(value)}"' for name, value in attributes.items())
    return Html(f"<{tag}{named}>" if tag in _VOID else f"<{tag}{named}>{inside}</{tag}>")


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> Html:
    """A table; says so when it is empty."""
    body = [element("tr", *(element("td", "" if cell is None else cell) for cell in row)) for row in rows]
    if not body:
        return element("p", "None.")
    head = element("tr", *(element("th", name, scope="col") for name in heads))
    return element("table", element("thead", head), element("tbody", *body))


class Pages:
    """The pages over all tenants."""

    def __init__(self, tenants: Mapping[str, Tenant], control: Control) -> None:
        self._tenants = tenants
        self._control = control

    def routes(self) -> list[Route]:
        """The routes, for the app."""
        return [
            Route("/", self.index, methods=["GET"]),
            Route("/cases/{case}", self.case, methods=["GET"]),
            Route("/cases/{case}/attachments/{attachment}", self.attachment, methods=["GET"]),
        ]

    async def index(self, request: Request) -> Response:
        """All cases, newest change first."""
        del request
        parts: list[Html] = []
        for name, tenant in self._tenants.items():
            cases = sorted(tenant.store.cases.values(), key=lambda case: case.updated_on, reverse=True)
            parts += [element("h2", f"Tenant {name}"), table(_HEADS, map(_row, cases))]
        links = [element("a", text, href=f"/_sim/{text}") for text in ("state", "ledger", "faults")]
        parts.append(element("p", "As JSON: ", links[0], ", ", links[1], ", ", links[2]))
        return page("Cases", *parts)

    async def case(self, request: Request) -> Response:
        """One case with its comments, documents and history, and the agent's buttons."""
        try:
            store, case = self._control.find(request.path_params["case"])
        except Refused as error:
            return page("Not found", element("p", error.message), status=404)
        return page(f"{case.number}: {_title(case)}", *_case_parts(store, case))

    async def attachment(self, request: Request) -> Response:
        """A document as a download."""
        try:
            _, case = self._control.find(request.path_params["case"])
            return document_answer(find_attachment(case, request.path_params["attachment"]))
        except Refused as error:
            return page("Not found", element("p", error.message), status=404)


_HEADS = ("Case", "Title", "Status", "Stage", "Outcome", "Comments", "Documents", "Changed")


def _title(case: Case) -> str:
    return str(case.default.get("caseTitle", "without a title"))


def _row(case: Case) -> tuple[object, ...]:
    link = element("a", case.number, href=f"/cases/{case.id}")
    progress = case.fields
    counts = len(case.comments), len(case.attachments)
    return link, _title(case), progress.status, progress.stage, progress.outcome, *counts, case.updated_on.isoformat()


def _case_parts(store: CaseStore, case: Case) -> list[Html]:
    progress = progress_json(case.fields)
    progress |= {name: store.people.shown(progress[name]) for name in ("assignee", "decided_by")}
    about = {"tenant": store.tenant, "id": case.id, "created by": case.created_by.email, **progress}
    attributes = [("default", case.default), ("custom", case.custom), ("form", case.forms)]
    rows = [(kind, name, value) for kind, section in attributes for name, value in section.items()]
    documents = [
        (
            element("a", item.name, href=f"/cases/{case.id}/attachments/{item.id}"),
            item.media_type,
            len(item.content),
            item.by.email,
            item.at.isoformat(),
        )
        for item in case.attachments
    ]
    comments = [(item.at.isoformat(), item.by.email, item.text) for item in case.comments]
    history = [
        (item.at.isoformat(), item.by.email, item.what, json.dumps(item.detail, ensure_ascii=False, default=str))
        for item in case.history
    ]
    return [
        element("p", element("a", "All cases", href="/")),
        table(("What", "Value"), about.items()),
        *_forms(store, case),
        element("h2", "Attributes"),
        table(("Part", "Name", "Value"), rows),
        element("h2", "Comments"),
        table(("When", "Who", "Text"), comments),
        element("h2", "Documents"),
        table(("Name", "Type", "Bytes", "Who", "When"), documents),
        element("h2", "History"),
        table(("When", "Who", "What", "Detail"), history),
    ]


def _forms(store: CaseStore, case: Case) -> list[Html]:
    agents = [element("option", person.email, value=person.email) for person in store.people.agents]
    who = element("label", "as ", element("select", *agents, name="by"))
    note = element("label", " comment ", element("input", name="comment", size="40"))
    action = f"/_sim/cases/{case.id}/"
    outcomes = store.definition(case.definition_id).outcomes
    choices = element("select", *(element("option", name, value=name) for name in outcomes), name="outcome")
    if not outcomes:
        choices = element("input", name="outcome", required="required")
    close = element("label", element("input", type="checkbox", name="close"), " and close ")
    decide = element("label", "Decide ", choices), " ", who, note, " ", close, element("button", "Decide")
    speak = who, note, " ", element("button", "Comment")
    closed = case.fields.status == store.profile.status_closed
    other = "reopen" if closed else "close"
    return [
        element("h2", "Act as an agent"),
        element("form", *decide, method="post", action=action + "decide"),
        element("form", *speak, method="post", action=action + "comment"),
        element("form", who, " ", element("button", other.title()), method="post", action=action + other),
    ]


def page(title: str, *parts: Html, status: int = 200) -> Response:
    """A whole page that says what it is."""
    note = "Simulated. An assumed Core Case API, not OpenText's; nothing here reaches a real system."
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("title", f"{title} - Core Case simulator"),
        element("style", Html(_STYLE)),
    )
    body = element("body", element("h1", title), element("p", note, class_="note"), *parts)
    return HTMLResponse("<!DOCTYPE html>" + element("html", head, body, lang="en"), status, headers=_HEADERS)
