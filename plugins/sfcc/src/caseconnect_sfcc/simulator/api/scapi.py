"""The door of SCAPI Admin: organization, token, scope, query parameters, then the operation."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from caseconnect_sfcc.simulator.world.instance import Instance
from caseconnect_sfcc.simulator.world.refusals import Refused

from .bodies import json_body
from .calls import Call, Table
from .errors import problem
from .tokens import Grant, Tokens

SCAPI = Table()
"""All SCAPI operations, by address without host and version."""

_ADDRESS = re.compile(r"/(?P<api>[a-z]+/[a-z-]+)/v1/organizations/(?P<organization>[^/]+)(?P<rest>/.*)")
_PLAIN = re.compile("/(orders|gift-certificates)/v1/")
"""The APIs that send their problems as application/json; the others send application/problem+json."""

_ORGANIZATION = re.compile(r"f_ecom_[a-z]{4}_(prd|stg|dev|s[0-9]{2}|[0-9]{3})")


class ScapiDoor:
    """Answers requests to `/{family}/{api}/v1/organizations/{organizationId}/…`."""

    def __init__(self, instances: Mapping[str, Instance], tokens: Tokens) -> None:
        self._instances = {each.settings.organization: each for each in instances.values()}
        self._tokens = tokens

    def instance(self, path: str) -> Instance | None:
        """The instance that an address means, if it is known."""
        found = _ADDRESS.fullmatch(path)
        return self._instances.get(found["organization"]) if found else None

    def operation(self, method: str, path: str) -> str:
        """The name of the operation that an address means, for faults; empty when there is none."""
        found = _ADDRESS.fullmatch(path)
        try:
            return SCAPI.find(method, f"/{found['api']}{found['rest']}")[0].name if found else ""
        except Refused:
            return ""

    async def answer(self, request: Request, path: str) -> Response:
        """Carry a request out, or refuse it."""
        try:
            return await self._answer(request, path)
        except Refused as refused:
            plain = _PLAIN.search(path) or refused.code == "granular-replication-feature-not-enabled"
            return problem(refused, "application/json" if plain else "application/problem+json")

    async def _answer(self, request: Request, path: str) -> Response:
        found = _ADDRESS.fullmatch(path)
        if found is None:
            raise Refused("resource-path-not-found", f"The resource path '{path}' could not be found.")
        grant = self._tokens.check(request)
        if not _ORGANIZATION.fullmatch(found["organization"]):
            text = f"The value '{found['organization']}' of the path parameter 'organizationId' is malformed."
            raise Refused("value-constraint-violation", text, parameter="organizationId")
        operation, parameters = SCAPI.find(request.method, f"/{found['api']}{found['rest']}")
        instance = self._instances.get(found["organization"])
        if instance is None or grant.tenant != instance.settings.tenant:
            raise Refused("forbidden", "The access token is not valid for this organization.")
        _check_scope(grant, operation.scope)
        for name in request.query_params:
            if name not in operation.query:
                raise Refused(
                    "undefined-query-parameter", f"The query parameter '{name}' is not defined.", parameter=name
                )
        site = request.query_params.get("siteId", "")
        if not site and operation.site_required:
            raise Refused("missing-query-parameter", "The query parameter 'siteId' is missing.", parameter="siteId")
        if site:
            instance.check_site(site)
        call = Call(instance, grant.client, parameters, request.query_params, request.headers, site=site)
        call.base = str(request.base_url).rstrip("/")
        if operation.method in {"POST", "PUT", "PATCH"}:
            call.body = await json_body(request)
        answer = operation.handler(call)
        if answer.body is None:
            return Response(status_code=answer.status, headers=dict(answer.headers))
        return JSONResponse(answer.body, answer.status, headers=dict(answer.headers))


def _check_scope(grant: Grant, scope: str) -> None:
    accepted = {scope} if scope.endswith(".rw") else {scope, f"{scope}.rw"}
    if not accepted & grant.scopes:
        text = "The access token doesn't have the scope that this operation requires."
        raise Refused("forbidden", text, requiredScope=scope)
