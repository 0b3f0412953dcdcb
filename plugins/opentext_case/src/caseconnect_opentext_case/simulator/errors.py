"""Refusals of the simulated API and the two error bodies seen in public material.

`{"exception": text}` is what OpenText's Content Metadata and Workflow services answer; `{"fault": {...}}` is what the
gateway in front of them answers. That Core Case uses both is inferred.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse


class ConnectionDropped(Exception):
    """The simulated network lost the request (`drop_before`) or the answer (`drop_after`).

    Raised out of the ASGI app when it is called in-process; under uvicorn the connection is closed instead.
    """


class Refused(Exception):
    """The API refuses a request: HTTP status and the text a person reads."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class GatewayFault(Exception):
    """The gateway refuses a request before the API sees it (Apigee shape: faultstring, errorcode)."""

    def __init__(self, status: int, faultstring: str, errorcode: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(faultstring)
        self.status = status
        self.faultstring = faultstring
        self.errorcode = errorcode
        self.headers = dict(headers or {})


class GrantRefused(Exception):
    """The token endpoint refuses a grant (RFC 6749 section 5.2: error, error_description)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description


def answer_for(error: Refused | GatewayFault | GrantRefused) -> JSONResponse:
    """The HTTP answer that tells this error."""
    if isinstance(error, Refused):
        return JSONResponse({"exception": error.message}, error.status)
    if isinstance(error, GrantRefused):
        return JSONResponse({"error": error.error, "error_description": error.description}, error.status)
    fault = {"faultstring": error.faultstring, "detail": {"errorcode": error.errorcode}}
    return JSONResponse({"fault": fault}, error.status, headers=error.headers)
