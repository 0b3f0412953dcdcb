"""The strings behind the stage, under `/_sim/`: agents act, faults are ordered, state and ledger are read.

Not part of Core Case. Bodies are JSON, or a form from the case's page (then the answer leads back to that page).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from .api import Tenant
from .bodies import json_body, media_type
from .casedata import progress_json
from .errors import Refused, answer_for
from .faults import Fault, FaultPlan
from .loading import SettingsError
from .model import Case, CaseInput, JsonObject
from .store import CaseStore
from .wire import parse_stamp

Endpoint = Callable[[Request], Awaitable[Response]]
"""An HTTP endpoint."""


@dataclass(frozen=True, slots=True)
class Orders:
    """Fields of a control request, with the complaint for a field of the wrong kind."""

    fields: JsonObject

    def text(self, name: str) -> str:
        """A required text."""
        found = self.fields.get(name)
        if not isinstance(found, str) or not found:
            raise Refused(400, f"{name} is required, as a text.")
        return found

    def maybe(self, name: str) -> str | None:
        """An optional text; empty counts as absent."""
        return self.text(name) if self.fields.get(name) else None

    def mapping(self, name: str) -> JsonObject:
        """An optional object."""
        found = self.fields.get(name) or {}
        if not isinstance(found, dict):
            raise Refused(400, f"{name} must be an object.")
        return found

    def flag(self, name: str) -> bool:
        """An optional truth value; a form sends `on`."""
        return self.fields.get(name) in (True, "true", "on")


class Control:
    """The endpoints of `/_sim/` over all tenants."""

    def __init__(self, tenants: Mapping[str, Tenant], faults: FaultPlan) -> None:
        self._tenants = tenants
        self._faults = faults

    def routes(self) -> list[Route]:
        """The routes, for the app."""
        return [
            Route("/_sim/cases", _guarded(self.create), methods=["POST"]),
            Route("/_sim/cases/{case}/{action}", _guarded(self.act), methods=["POST"]),
            Route("/_sim/faults", _guarded(self.faults), methods=["GET", "POST", "DELETE"]),
            Route("/_sim/expire-tokens", _guarded(self.expire), methods=["POST"]),
            Route("/_sim/state", _guarded(self.state), methods=["GET"]),
            Route("/_sim/ledger", _guarded(self.ledger), methods=["GET"]),
        ]

    def store(self, name: str | None) -> CaseStore:
        """The store of a tenant; the name may be left out when there is only one."""
        if name is None and len(self._tenants) == 1:
            return next(iter(self._tenants.values())).store
        if name is None or name not in self._tenants:
            raise Refused(404, f"Tenant {name!r} does not exist; known: {', '.join(self._tenants)}.")
        return self._tenants[name].store

    def find(self, case_id: str, name: str | None = None) -> tuple[CaseStore, Case]:
        """A case by uuid or display number, in one tenant or, unnamed, in the first that has it."""
        stores = [self.store(name)] if name else [tenant.store for tenant in self._tenants.values()]
        for store in stores:
            try:
                return store, store.case(case_id)
            except Refused:
                continue
        raise Refused(404, f"Case {case_id} does not exist.")

    async def create(self, request: Request) -> Response:
        """An agent opens a case by hand."""
        orders = Orders(await json_body(request))
        store = self.store(orders.maybe("tenant"))
        definition = orders.maybe("definition") or next(iter(store.definitions))
        wanted = CaseInput(orders.mapping("default"), orders.mapping("custom"), orders.mapping("forms"))
        case = store.create_case(definition, wanted, orders.maybe("by"))
        return JSONResponse(case_state(store, case), 201)

    async def act(self, request: Request) -> Response:
        """An agent decides, comments, attaches, changes, closes or reopens."""
        from_page = media_type(request) == "application/x-www-form-urlencoded"
        orders = Orders(dict(await request.form()) if from_page else await _optional_json(request))
        store, case = self.find(request.path_params["case"], orders.maybe("tenant"))
        action = request.path_params["action"]
        if action not in ACTIONS:
            raise Refused(404, f"No action {action!r}; known: {', '.join(ACTIONS)}.")
        ACTIONS[action](store, case, orders)
        if from_page:
            return RedirectResponse(f"/cases/{case.id}", 303)
        return JSONResponse(case_state(store, case))

    async def faults(self, request: Request) -> Response:
        """Order one fault (POST), see those to come (GET), forget them (DELETE)."""
        if request.method == "POST":
            try:
                self._faults.schedule(Fault.from_dict(await json_body(request)))
            except SettingsError as error:
                raise Refused(400, str(error)) from None
        if request.method == "DELETE":
            self._faults.clear()
        return JSONResponse({"faults": self._faults.pending()})

    async def expire(self, request: Request) -> Response:
        """End the access tokens of one tenant or of all."""
        name = Orders(await _optional_json(request)).maybe("tenant")
        names = [self.store(name).tenant] if name else list(self._tenants)
        return JSONResponse({"expired": sum(self._tenants[each].tokens.expire_all() for each in names)})

    async def state(self, request: Request) -> Response:
        """Everything remembered, by tenant or of one, without secrets and tokens."""
        only = request.query_params.get("tenant")
        wanted = {only: self._tenants[self.store(only).tenant]} if only else self._tenants
        found = {
            name: {
                "definitions": [asdict(item) for item in tenant.store.definitions.values()],
                "people": [asdict(person) for person in tenant.store.people],
                "cases": [case_state(tenant.store, case) for case in tenant.store.cases.values()],
                "tokens_issued": tenant.tokens.issued,
                "grants": tenant.tokens.grants(),
                "calls": list(tenant.store.calls),
            }
            for name, tenant in wanted.items()
        }
        return JSONResponse(_plain({"tenants": found, "faults": self._faults.pending()}))

    async def ledger(self, request: Request) -> Response:
        """The effects, in order, of one tenant or of all."""
        name = request.query_params.get("tenant")
        stores = [self.store(name)] if name else [tenant.store for tenant in self._tenants.values()]
        return JSONResponse({"ledger": [_plain(asdict(entry)) for store in stores for entry in store.ledger]})


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refused as error:
            return answer_for(error)

    return guarded


async def _optional_json(request: Request) -> JsonObject:
    return await json_body(request) if await request.body() else {}


def _decide(store: CaseStore, case: Case, orders: Orders) -> None:
    comment, by = orders.maybe("comment"), orders.maybe("by")
    store.decide(case.id, orders.text("outcome"), by, comment, close=orders.flag("close"))


def _comment(store: CaseStore, case: Case, orders: Orders) -> None:
    name = "text" if orders.fields.get("text") else "comment"
    store.comment(case.id, orders.text(name), orders.maybe("by"))


def _attach(store: CaseStore, case: Case, orders: Orders) -> None:
    try:
        content = base64.b64decode(orders.text("base64"), validate=True)
    except binascii.Error:
        raise Refused(400, "base64 is not valid base64.") from None
    kind = orders.maybe("type") or "application/octet-stream"
    store.attach(case.id, orders.text("name"), content, kind, orders.maybe("by"))


def _change(store: CaseStore, case: Case, orders: Orders) -> None:
    progress = dict(orders.mapping("progress"))
    for name in ("due_on", "decided_on"):
        if progress.get(name):
            progress[name] = parse_stamp(progress[name], name)
    sections = {name: orders.mapping(name) for name in ("default", "custom", "forms")}
    store.change(case.id, orders.maybe("by"), **sections, **progress)


def _close(store: CaseStore, case: Case, orders: Orders) -> None:
    store.close(case.id, orders.maybe("by"))


def _reopen(store: CaseStore, case: Case, orders: Orders) -> None:
    store.reopen(case.id, orders.maybe("by"))


ACTIONS: Mapping[str, Callable[[CaseStore, Case, Orders], None]] = {
    "decide": _decide,
    "comment": _comment,
    "attach": _attach,
    "change": _change,
    "close": _close,
    "reopen": _reopen,
}
"""What an agent can do to a case over HTTP."""


def case_state(store: CaseStore, case: Case) -> JsonObject:
    """A case in the simulator's own words, whatever the profile; documents without their bytes."""
    return {
        "id": case.id,
        "definition": case.definition_id,
        "number": case.number,
        "created_on": case.created_on.isoformat(),
        "created_by": case.created_by.email,
        "updated_on": case.updated_on.isoformat(),
        "updated_by": case.updated_by.email,
        **progress_json(case.fields),
        "assignee": store.people.shown(case.fields.assignee),
        "decided_by": store.people.shown(case.fields.decided_by),
        "default": dict(case.default),
        "custom": dict(case.custom),
        "forms": dict(case.forms),
        "comments": [
            {"id": item.id, "text": item.text, "by": item.by.email, "at": item.at.isoformat()} for item in case.comments
        ],
        "attachments": [
            {
                "id": item.id,
                "name": item.name,
                "type": item.media_type,
                "size": len(item.content),
                "sha256": item.sha256,
                "by": item.by.email,
                "at": item.at.isoformat(),
            }
            for item in case.attachments
        ],
        "history": [
            {"at": item.at.isoformat(), "by": item.by.email, "what": item.what, "detail": item.detail}
            for item in case.history
        ],
    }


def _plain(value: Any) -> Any:
    """JSON-ready: times in ISO form, all the way down."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
