"""The Core Case API over HTTP: who is asking, which operation is meant, which fault hits it, what is answered."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .auth import RateLimit, TokenDesk
from .bodies import token_fields
from .errors import GatewayFault, GrantRefused, Refused, answer_for
from .faults import Answer, FaultPlan, Sleep, answer_with
from .handlers import HANDLERS, Call
from .model import JsonObject
from .profile import OPERATION_LEVELS, Profile
from .store import CaseStore

MARKER = "X-Simulator"
"""Header of every answer whose operation is inferred or guessed; its value is `assumed`."""


class Tenant:
    """One tenant at the door: its store, tokens, pace and the routes of its profile."""

    def __init__(self, store: CaseStore) -> None:
        self.store = store
        self.tokens = TokenDesk(store)
        self.pace = RateLimit(store.settings.rate_limit, store.settings.retry_after, store.now)
        self._routes = _routes(store.profile)

    def operation(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        """The operation meant and its path parameters; empty, with the offered methods, when there is none."""
        offered = []
        for name, verb, pattern in self._routes:
            match = pattern.fullmatch(path)
            if match and verb == method:
                return name, match.groupdict()
            if match:
                offered.append(verb)
        return "", {"allow": ", ".join(offered)} if offered else {}


def _routes(profile: Profile) -> list[tuple[str, str, re.Pattern[str]]]:
    routes = []
    for name in HANDLERS:
        verb, _, template = str(getattr(profile, name)).partition(" ")
        if template:
            parts = re.split(r"(\{\w+\})", template)
            pattern = "".join(f"(?P<{part[1:-1]}>[^/]+)" if part[:1] == "{" else re.escape(part) for part in parts)
            routes.append((name, verb, re.compile(pattern)))
    return routes


class Door:
    """The endpoints of token, discovery and API for all tenants of one simulator."""

    def __init__(self, tenants: Mapping[str, Tenant], faults: FaultPlan, sleep: Sleep) -> None:
        self.tenants = tenants
        self.faults = faults
        self._sleep = sleep

    async def token(self, request: Request) -> Response:
        """`POST /tenants/{tenant}/oauth2/token`, and the subscription-scoped address of the same."""
        tenant = self.tenants.get(request.path_params["tenant"])

        async def answer() -> Response:
            try:
                if tenant is None:
                    raise _no_tenant(request)
                fields = await token_fields(request, tenant.store.settings.token_bodies)
                return JSONResponse(tenant.tokens.issue(fields, request.headers.get("authorization")))
            except (GatewayFault, GrantRefused, Refused) as error:
                return answer_for(error)

        return await self._run("token", request, tenant, answer)

    async def discovery(self, request: Request) -> Response:
        """`GET /tenants/{tenant}/.well-known/openid-configuration`."""
        tenant = self.tenants.get(request.path_params["tenant"])

        async def answer() -> Response:
            if tenant is None:
                return answer_for(_no_tenant(request))
            issuer = f"{request.base_url}tenants/{tenant.store.tenant}"
            forms = {"basic": "client_secret_basic", "body": "client_secret_post"}
            found = {
                "issuer": issuer,
                "token_endpoint": f"{issuer}/oauth2/token",
                "grant_types_supported": list(tenant.store.settings.grants),
                "token_endpoint_auth_methods_supported": [forms[form] for form in tenant.store.settings.client_forms],
            }
            return JSONResponse(found)

        return await self._run("discovery", request, tenant, answer)

    async def api(self, request: Request) -> Response:
        """Everything below the API's prefix; the tenant is the token's."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
        tenant = next((item for item in self.tenants.values() if item.tokens.knows(token)), None)
        path = "/" + request.path_params["path"]
        operation, params = tenant.operation(request.method, path) if tenant else ("", {})

        async def answer() -> Response:
            try:
                return await _answer(request, tenant, token, operation, params)
            except (Refused, GatewayFault) as error:
                return answer_for(error)

        return await self._run(operation, request, tenant, answer)

    async def _run(self, operation: str, request: Request, tenant: Tenant | None, answer: Answer) -> Response:
        name = tenant.store.tenant if tenant else ""
        fault = self.faults.take(operation, request.url.path, name)
        record: JsonObject = {"operation": operation, "method": request.method, "path": request.url.path}
        record |= {"fault": fault.kind if fault else None, "status": None}
        if tenant:
            tenant.store.calls.append({"at": tenant.store.now().isoformat(), **record})
            record = tenant.store.calls[-1]
        response = await answer_with(fault, request, answer, self._sleep) if fault else await answer()
        if fault is None or not fault.kind.startswith("drop"):
            record["status"] = response.status_code
        if OPERATION_LEVELS.get(operation) != "S":
            response.headers[MARKER] = "assumed"
        return response


def _no_tenant(request: Request) -> GatewayFault:
    name = request.path_params["tenant"]
    return GatewayFault(404, f"Tenant {name} does not exist", "simulator.UnknownTenant")


async def _answer(
    request: Request, tenant: Tenant | None, token: str, operation: str, params: dict[str, str]
) -> Response:
    if tenant is None:
        raise GatewayFault(401, "Invalid Access Token", "keymanagement.service.invalid_access_token")
    grant = tenant.tokens.check(token)
    tenant.pace.take()
    profile = tenant.store.profile
    if not operation:
        if "allow" in params:
            text = f"{request.method} is not offered here; offered: {params['allow']}."
            raise Refused(profile.method_not_allowed, text)
        raise Refused(404, f"No such resource: {request.url.path}")
    return await HANDLERS[operation](Call(request, tenant.store, grant.identity, params))
