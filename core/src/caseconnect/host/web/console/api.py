"""The JSON API at `/api/v1/`: the console's reads and actions for programs, by bearer token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Protocol

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from caseconnect.host.journal import Journal
from caseconnect.host.journal.clicks import Click
from caseconnect.host.pipeline.capping import all_caps
from caseconnect.host.web.console import api_models as m
from caseconnect.host.web.console.acting import Actor, LookAgain, NotAllowed
from caseconnect.host.web.console.actions import Fields, NotPossible
from caseconnect.host.web.console.guard import Asked, Caller, Door
from caseconnect.host.web.console.people import Role
from caseconnect.host.web.console.plans import ACTIONS
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.subjects import Subject

PREFIX = "/api/v1"


@dataclass(frozen=True)
class Call:
    """One request: who, what was given in the address or the body, and the parts of the path."""

    caller: Caller
    given: Any
    path: Mapping[str, Any]


class _Do(Protocol):
    __name__: str

    def __call__(self, api: Api, call: Call, /) -> Awaitable[Any]: ...


@dataclass(frozen=True)
class Endpoint:
    """One way to ask. `given`: the model of the query (GET) or of the body (POST)."""

    method: str
    path: str
    do: _Do
    role: Role
    answer: Any
    given: type[BaseModel] | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.do.__name__

    @property
    def summary(self) -> str:
        """What it is for."""
        return self.do.__doc__ or ""


class Api:
    """Answers the API's requests."""

    def __init__(self, actor: Actor, reading: Journal) -> None:
        self.actor, self.reading = actor, reading

    def doors(self) -> list[Door]:
        """All endpoints, and the document that describes them."""
        doors = [Door(PREFIX + e.path, self._answer(e), e.role, e.method, bearer=True) for e in ENDPOINTS]
        return [*doors, Door(f"{PREFIX}/openapi.json", self._document, Role.VIEWER, bearer=True)]

    async def read(self, reading: Callable[[], Any]) -> Any:
        """In a thread of the console's own."""
        return await self.actor.read(reading)

    async def _document(self, asked: Asked) -> Response:
        from caseconnect.host.web.console.openapi import document

        return JSONResponse(document())

    def _answer(self, endpoint: Endpoint) -> Callable[[Asked], Awaitable[Response]]:
        adapter = TypeAdapter(endpoint.answer)

        async def answer(asked: Asked) -> Response:
            try:
                given = await _given(endpoint, asked.request)
            except (ValidationError, ValueError) as error:
                return JSONResponse({"error": _told(error)}, 400)
            try:
                found = await endpoint.do(self, Call(asked.who, given, asked.request.path_params))
            except NotAllowed as error:
                return JSONResponse({"error": str(error)}, 403)
            except LookAgain as error:
                return JSONResponse({"error": str(error)}, 409)
            except NotPossible as error:
                return JSONResponse({"error": str(error)}, 404 if str(error).startswith("there is no ") else 409)
            except ConnectError as error:
                return JSONResponse({"error": str(error)}, 409)
            body = adapter.dump_json(adapter.validate_python(found, from_attributes=True))
            return Response(body, media_type="application/json")

        return answer


async def _given(endpoint: Endpoint, request: Request) -> BaseModel | None:
    if endpoint.given is None:
        return None
    if endpoint.method == "GET":
        return endpoint.given.model_validate(dict(request.query_params))
    body = await request.body()
    return endpoint.given.model_validate(orjson.loads(body) if body else {})


def _told(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "the body is no JSON"
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}"


def _fields(given: m.PlanAsked) -> Fields:
    return {name: [value] if isinstance(value, str) else value for name, value in given.fields.items()}


async def waiting(api: Api, call: Call) -> Any:
    """What waits for a person, as `connect errors`."""
    found = await api.read(api.reading.stuck)
    tenant = call.given.tenant
    return {what: [row for row in rows if tenant in ("", row["tenant"])] for what, rows in found.items()}


async def explain(api: Api, call: Call) -> Any:
    """Everything about a subject, as `connect explain`; bodies for operators only, whose look is kept."""
    try:
        subject = Subject.parse(call.given.subject)
    except ValueError as error:
        raise NotPossible(str(error)) from None
    tenant, person = call.given.tenant, call.caller.person
    found: dict[str, Any] = await api.read(lambda: api.reading.explain(tenant, subject))
    if person.may(Role.OPERATOR):
        now, journal = api.actor.now(), api.actor.journal
        about = (found["subject"],)
        click = Click(now, person.name, person.role.word, "look_body", "api", tenant=tenant, about=about)
        await journal.click_ended(await journal.clicked(click), "done", now)
        return found
    for one in (*found["events"], *(command for matter in found["matters"] for command in matter["commands"])):
        del one["body"]
    return found


async def find(api: Api, call: Call) -> Any:
    """The subjects that a text may mean."""
    found = await api.read(lambda: api.reading.find(call.given.text))
    return [{"tenant": tenant, "subject": subject} for tenant, subject in found]


async def counts(api: Api, call: Call) -> Any:
    """How much is in which state."""
    return await api.read(lambda: api.reading.counts(call.given.tenant))


async def numbers(api: Api, call: Call) -> Any:
    """How much came and went, by tenant and day."""
    since = api.actor.now() - timedelta(days=call.given.days)
    return await api.read(lambda: api.reading.numbers(since))


async def pauses(api: Api, call: Call) -> Any:
    """What is paused."""
    found = await api.read(api.reading.brakes)
    return [asdict(brake) for brake in found if call.given.tenant in ("", brake.tenant)]


async def queue(api: Api, call: Call) -> Any:
    """What goes out when a pause ends, in order: the first one by one, and the sums of all."""
    given = call.given
    found = await api.read(lambda: api.reading.held_back(given.tenant, given.scope, given.name, given.limit))
    names = m.QueuedGiven.model_fields
    first = [
        {name: getattr(q, name) for name in names} | {"worth": str(q.worth) if q.worth else None} for q in found.first
    ]
    return {"count": found.count, "sums": [str(money) for money in found.sums], "first": first}


async def caps(api: Api, call: Call) -> Any:
    """How much of each cap is used."""
    tenants, now = api.actor.tenants(), api.actor.now()
    chosen = [tenant for name, tenant in sorted(tenants.items()) if call.given.tenant in ("", name)]
    return await api.read(
        lambda: [use for tenant in chosen for use in api.reading.cap_uses(tenant.name, all_caps(tenant), now)]
    )


async def clicks(api: Api, call: Call) -> Any:
    """Who did what."""
    given = call.given
    names = [given.about] if given.about else []
    return await api.read(lambda: api.reading.clicks(given.tenant or None, names, given.before, given.limit))


async def proposals(api: Api, call: Call) -> Any:
    """What waits for a second approver, and the last that ended."""
    now = api.actor.now()
    return await api.read(lambda: api.reading.proposals(now, ended=50))


async def plan(api: Api, call: Call) -> Any:
    """What an action would do."""
    return (await api.actor.plan(call.path["action"], _fields(call.given), call.caller)).plain()


async def do(api: Api, call: Call) -> Any:
    """Do it, if it is what the plan said; or propose it."""
    given = call.given
    action = call.path["action"]
    return (await api.actor.do(action, _fields(given), given.digest, given.reason, call.caller, "api")).plain()


async def confirm(api: Api, call: Call) -> Any:
    """Confirm what another proposed."""
    return (await api.actor.confirm(int(call.path["number"]), call.given.reason, call.caller, "api")).plain()


async def decline(api: Api, call: Call) -> Any:
    """Refuse it, or take your own back."""
    await api.actor.decline(int(call.path["number"]), call.given.reason, call.caller, "api")
    return {"result": "done"}


def _get(do: _Do, answer: Any, given: type[BaseModel] | None = None) -> Endpoint:
    return Endpoint("GET", f"/{do.__name__}", do, Role.VIEWER, answer, given)


def _post(path: str, do: _Do, role: Role, answer: Any, given: type[BaseModel]) -> Endpoint:
    return Endpoint("POST", path, do, role, answer, given)


_Rows = dict[str, list[dict[str, Any]]]
ENDPOINTS: tuple[Endpoint, ...] = (
    _get(waiting, _Rows, m.OfTenant),
    _get(explain, dict[str, Any], m.OfSubject),
    _get(find, list[m.FoundGiven], m.Sought),
    _get(counts, dict[str, dict[str, int]], m.OfTenant),
    _get(numbers, dict[str, dict[str, dict[str, Any]]], m.OfDays),
    _get(pauses, list[m.PauseGiven], m.OfTenant),
    _get(queue, m.QueueGiven, m.OfPause),
    _get(caps, list[m.CapGiven], m.OfTenant),
    _get(clicks, list[m.ClickGiven], m.OfClicks),
    _get(proposals, list[m.ProposalGiven]),
    _post("/plan/{action}", plan, Role.OPERATOR, m.PlanGiven, m.PlanAsked),
    _post("/do/{action}", do, Role.OPERATOR, m.EndedGiven, m.DoAsked),
    _post("/proposals/{number:int}/confirm", confirm, Role.APPROVER, m.EndedGiven, m.Remark),
    _post("/proposals/{number:int}/decline", decline, Role.APPROVER, m.DoneGiven, m.Remark),
)
"""All that can be asked."""

ACTION_NAMES = tuple(ACTIONS)
"""What `{action}` may be."""
