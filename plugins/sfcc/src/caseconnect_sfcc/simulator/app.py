"""The simulator as one ASGI app, for tests in-process and for a server."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from . import files
from .api.ocapi import OcapiDoor
from .api.operations import everything
from .api.scapi import ScapiDoor
from .api.tokens import Tokens
from .control import Control
from .faults import TRANSPORT, FaultPlan, Sleep, answer_with, shed
from .pages import Pages
from .settings import SfccSettings
from .world.instance import Instance

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
_PREFIX = re.compile(r"/instances/(?P<tenant>[a-z0-9_]+)(?P<rest>/.*)")


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


class Clock:
    """The clock that all instances share: the injected one, moved on by the control API."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.offset = timedelta()
        self._now = now

    def __call__(self) -> datetime:
        """The time."""
        return self._now() + self.offset

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.offset += timedelta(seconds=seconds)


class SfccSimulator(Starlette):
    """The app, with what tests look at: `instances` by tenant, `tokens`, `faults`, `clock`.

    Account Manager answers at `/dwsso/oauth2/access_token`, SCAPI where the organization is in the path, OCAPI by Host
    header or below `/instances/{tenant}`; with a single instance neither is needed.
    """

    def __init__(self, settings: SfccSettings, now: Callable[[], datetime], sleep: Sleep) -> None:
        self.clock = Clock(now)
        self.instances = {each.tenant: Instance(each, self.clock) for each in settings.instances}
        _join_realms(self.instances)
        self.tokens = Tokens(settings, self.clock)
        self.faults = FaultPlan()
        self.scapi = ScapiDoor(self.instances, self.tokens)
        self.ocapi = OcapiDoor(self.instances, self.tokens)
        self.operations = everything()
        self._sleep = sleep
        control = Control(self.instances, self.faults, self.tokens, self.clock, self.ocapi)
        super().__init__(
            routes=[
                *control.routes(),
                *Pages(self.instances, self.faults).routes(),
                Route("/{path:path}", self._api, methods=_METHODS),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the server's transport, if any, so that a lost connection can be played; then answer."""
        # uvicorn's `send` is a method of an object that holds the transport; ASGI itself has no way to hang up.
        scope[TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await super().__call__(scope, receive, send)

    async def _api(self, request: Request) -> Response:
        path, instance = self._whose(request)
        if path.startswith("/s/"):
            operation = self.ocapi.operation(request, path)
        elif path.endswith("/oauth2/access_token"):
            operation = "token"
        elif path.startswith(files.PREFIX):
            operation = "file"
        else:
            operation = self.scapi.operation(request.method, path)
        tenant = instance.settings.tenant if instance else ""
        planned = self.faults.take(operation, request.method, path, tenant)

        async def carry() -> Response:
            return await self._carry(request, path, instance)

        answer = await (carry() if planned is None else answer_with(planned, request, carry, self._sleep))
        given = request.headers.get("correlation-id") or request.headers.get("x-correlation-id")
        answer.headers.setdefault("x-correlation-id", given or str(uuid.uuid4()))
        return answer

    def _whose(self, request: Request) -> tuple[str, Instance | None]:
        path = request.url.path
        prefixed = _PREFIX.fullmatch(path)
        if prefixed and prefixed["tenant"] in self.instances:
            return prefixed["rest"], self.instances[prefixed["tenant"]]
        found = self.scapi.instance(path)
        if found is None:
            host = request.url.hostname
            found = next((each for each in self.instances.values() if each.settings.ocapi_host == host), None)
        if found is None and len(self.instances) == 1:
            found = next(iter(self.instances.values()))
        return path, found

    async def _carry(self, request: Request, path: str, instance: Instance | None) -> Response:
        if path == "/dwsso/oauth2/access_token" and request.method == "POST":
            return await self.tokens.account_manager(request)
        if instance is not None:
            instance.calls += 1
            if instance.load >= 100:
                return shed()
            # What is published on staging reaches production without anybody asking staging.
            for each in self.instances.values():
                each.settle()
        if path == "/dw/oauth2/access_token" and request.method == "POST" and instance is not None:
            return await self.tokens.business_manager(request, instance.settings.tenant)
        if instance is not None and path.startswith(files.PREFIX):
            return files.answer(request, path, instance, self.tokens)
        if not path.startswith("/s/"):
            answer = await self.scapi.answer(request, path)
        elif instance is None:
            return JSONResponse({"error": f"No instance has the host {request.url.hostname}."}, 404)
        else:
            answer = await self.ocapi.answer(request, path, instance)
        if instance is not None and instance.load:
            answer.headers["sfdc_load"] = str(instance.load)
            if instance.load >= 80:
                answer.headers["sfdc_load_status"] = "THROTTLE" if instance.load >= 90 else "WARN"
        return answer


def _join_realms(instances: dict[str, Instance]) -> None:
    """Staging replicates to the production instance of its realm."""
    for tenant, instance in instances.items():
        realm, _, name = tenant.partition("_")
        if name == "stg":
            instance.replication.target = instances.get(f"{realm}_prd")


def create_app(
    settings: SfccSettings | None = None,
    *,
    now: Callable[[], datetime] = utc_now,
    sleep: Sleep = asyncio.sleep,
) -> SfccSimulator:
    """The app with the clock `now`; the default settings make one realm with production and staging."""
    return SfccSimulator(settings or SfccSettings(), now, sleep)
