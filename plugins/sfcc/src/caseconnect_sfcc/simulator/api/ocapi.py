"""The door of OCAPI: address, version, method override, token, permissions, then the operation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from caseconnect_sfcc.simulator.world.instance import Instance
from caseconnect_sfcc.simulator.world.refusals import Refused

from .bodies import json_body
from .calls import Answer, Call, Table
from .errors import fault
from .select import check_selector, selected
from .tokens import Tokens

DATA = Table()
"""The operations of the Data API; templates start after the version."""

SHOP = Table()
"""The operations of the Shop API."""

VERSIONS = ("20_4", "21_3", "23_2", "24_5", "25_6")
OVERRIDES = ("PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_ADDRESS = re.compile(r"/s/(?P<site>[^/]+)/dw/(?P<api>data|shop)/v(?P<version>[^/]+)(?P<rest>/.*)")
_GLOBAL_QUERY = frozenset({"client_id", "method", "select", "expand", "format", "locale"})


class Permissions:
    """The Business Manager permission documents of an instance; a new one is in force after the cache time."""

    def __init__(self, instance: Instance) -> None:
        settings = instance.settings
        self._instance = instance
        self._documents = {"data": settings.data_permissions, "shop": settings.shop_permissions}
        self._coming: dict[str, tuple[datetime, Mapping[str, Any]]] = {}

    def replace(self, api: str, document: Mapping[str, Any]) -> None:
        """Save a new document; it counts some minutes later."""
        due = self._instance.now() + timedelta(seconds=self._instance.settings.permission_delay)
        self._coming[api] = (due, document)

    def resource(self, api: str, client: str, path: str, method: str) -> Mapping[str, Any] | None:
        """The entry that allows a call, or `None`."""
        if api in self._coming and self._coming[api][0] <= self._instance.now():
            self._documents[api] = self._coming.pop(api)[1]
        for entry in self._documents[api].get("clients", []):
            if entry.get("client_id") != client:
                continue
            for resource in entry.get("resources", []):
                if _covers(resource["resource_id"], path) and method.lower() in resource.get("methods", []):
                    found: Mapping[str, Any] = resource
                    return found
        return None


def _covers(resource_id: str, path: str) -> bool:
    pattern = re.escape(resource_id).replace(r"\*\*", ".+").replace(r"\*", "[^/]+")
    return re.fullmatch(pattern, path) is not None


class OcapiDoor:
    """Answers requests to `/s/{site or -}/dw/{data or shop}/v{version}/…` of one instance."""

    def __init__(self, instances: Mapping[str, Instance], tokens: Tokens) -> None:
        self._tokens = tokens
        self.permissions = {tenant: Permissions(each) for tenant, each in instances.items()}

    def operation(self, request: Request, path: str) -> str:
        """The name of the operation that a request means, for faults; empty when there is none."""
        found = _ADDRESS.fullmatch(path)
        try:
            return _table(found["api"]).find(_method(request), found["rest"])[0].name if found else ""
        except Refused:
            return ""

    async def answer(self, request: Request, path: str, instance: Instance) -> Response:
        """Carry a request out, or refuse it."""
        found = _ADDRESS.fullmatch(path)
        version = (found["version"] if found else "25_6").replace("_", ".")
        try:
            if found is None:
                raise Refused("resource-path-not-found", f"The resource path '{path}' could not be found.", path=path)
            return await self._answer(request, instance, found, version)
        except Refused as refused:
            if refused.code == "site-not-found" and found is not None and found["api"] == "shop":
                refused.code = "unknown-site"
            return fault(refused, version)

    async def _answer(self, request: Request, instance: Instance, found: re.Match[str], version: str) -> Response:
        if found["version"] not in VERSIONS:
            raise Refused(
                "version-not-found", f"The version '{found['version']}' is unknown.", version=found["version"]
            )
        api, rest, method = found["api"], found["rest"], _method(request)
        if request.method == "PUT" and not instance.settings.takes_put:
            raise Refused("method-not-allowed", "The HTTP method 'PUT' isn't allowed.", method="PUT")
        operation, parameters = _table(api).find(method, rest)
        site = _site(instance, api, found["site"])
        grant = self._tokens.check(request)
        if grant.tenant is not None or grant.instance not in {None, instance.settings.tenant}:
            raise _forbidden(method, rest)
        resource = self.permissions[instance.settings.tenant].resource(api, grant.client, rest, method)
        if resource is None:
            raise _forbidden(method, rest)
        if api == "shop" and grant.user is None and instance.settings.shop_needs_user:
            raise Refused("access-without-user-forbidden", "To access the resource an authenticated user is required.")
        call = Call(instance, grant.client, parameters, request.query_params, request.headers, None, site, version)
        call.user, call.base = grant.user, str(request.base_url).rstrip("/")
        selector = check_selector(request.query_params.get("select"))
        if method in {"POST", "PUT", "PATCH"}:
            call.body = await json_body(request)
            _check_version(call)
        answer = operation.handler(call)
        return _response(answer, version, selector)


def _response(answer: Answer, version: str, selector: str | None) -> Response:
    headers = dict(answer.headers)
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    body = {"_v": version, **(answer.body if selector is None else selected(answer.body, selector))}
    return JSONResponse(body, answer.status, headers=headers, media_type="application/json;charset=UTF-8")


def _table(api: str) -> Table:
    return DATA if api == "data" else SHOP


def _method(request: Request) -> str:
    override = request.headers.get("x-dw-http-method-override") or request.query_params.get("method")
    if request.method != "POST" or override is None:
        return request.method
    if override.upper() not in OVERRIDES:
        text = f"The HTTP method '{override}' isn't allowed as an override. Supported: {', '.join(OVERRIDES)}."
        raise Refused("illegal-http-method-override", text, method=override)
    return override.upper()


def _site(instance: Instance, api: str, name: str) -> str:
    if api == "data":
        if name != "-":
            text = f"The resource can't be found below the site '{name}': the Data API is called with /s/-/."
            raise Refused("resource-path-not-found", text, path=name)
        return ""
    instance.check_site(name)
    if name in instance.settings.offline_sites:
        raise Refused("site-offline", f"Access to the offline site '{name}' is forbidden.", siteId=name)
    return name


def _forbidden(method: str, path: str) -> Refused:
    text = f"Access to resource '{path}' with method '{method}' isn't allowed for the current client."
    return Refused("client-access-forbidden", text, method=method, path=path)


def _check_version(call: Call) -> None:
    if isinstance(call.body, dict) and call.body.get("_v", call.version) != call.version:
        said = str(call.body["_v"])
        text = (
            f"The version '{said}' of the request document is invalid: it has to be the URL version '{call.version}'."
        )
        raise Refused("unexpected-version", text, version=said)


def resource_state(revision: int, key: str) -> str:
    """The `_resource_state` of a record."""
    return f"{key}-{revision}"


def check_state(call: Call, revision: int, key: str) -> None:
    """Compare the state token of a request, if it has one, with the record's."""
    sent = call.headers.get("x-dw-resource-state")
    if sent is None and isinstance(call.body, dict):
        sent = call.body.get("_resource_state")
    server = resource_state(revision, key)
    if sent is not None and sent != server:
        text = "The resource was changed: the state that was sent doesn't match the state on the server."
        raise Refused("resource-state-conflict", text, client=str(sent), server=server)
