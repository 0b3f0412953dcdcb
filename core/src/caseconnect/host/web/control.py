"""The local control socket: what writes beside a running daemon goes through it.

A unix socket in the data folder, mode 0600: whoever may write the journal's file may use it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from caseconnect.host.journal import Journal
from caseconnect.host.journal.records import Brake
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.http import Http, unix_transport
from caseconnect.sdk.pace import Pace

_LONGEST_PATH = 100  # a unix socket's address holds 108 bytes


def socket_path(data: Path) -> Path:
    """Where the daemon of a data folder listens."""
    path = data.resolve() / "control.sock"
    if len(str(path)) <= _LONGEST_PATH:
        return path
    return Path(tempfile.gettempdir()) / f"connect-{sha256(str(path).encode()).hexdigest()[:24]}.sock"


class Verbs:
    """What a person may do, the same through the socket and with the daemon down."""

    def __init__(self, journal: Journal, now: Callable[[], datetime], ring: Callable[[], None] = lambda: None) -> None:
        self._journal, self._now, self._ring = journal, now, ring

    async def do(self, verb: str, ask: dict[str, Any]) -> dict[str, Any]:
        """Carry out `verb`; its result as JSON. Raises what the journal raises."""
        result: dict[str, Any] = await getattr(self, f"_{verb}")(ask)
        self._ring()
        return result

    async def _pause(self, ask: dict[str, Any]) -> dict[str, Any]:
        brake = Brake(ask["tenant"], ask["scope"], ask["name"], ask["reason"], ask["by"], self._now())
        return {"changed": await self._journal.pause(brake)}

    async def _resume(self, ask: dict[str, Any]) -> dict[str, Any]:
        names = (ask["tenant"], ask["scope"], ask["name"], ask["reason"], ask["by"])
        return {"changed": await self._journal.resume(*names, self._now())}

    async def _answer(self, ask: dict[str, Any]) -> dict[str, Any]:
        became = await self._journal.answer(ask["key"], ask["answer"], ask["reason"], ask["by"], self._now())
        return {"state": became}

    async def _replay(self, ask: dict[str, Any]) -> dict[str, Any]:
        count = await self._journal.replay(ask["what"], ask["seqs"], self._now())
        if not self._journal.parked_ids(ask["what"], None):
            for tenant in {row["tenant"] for row in self._journal.stuck()["alerts"]}:
                await self._journal.close_alert(tenant, _CAUSES[ask["what"]], self._now())
        return {"replayed": count}

    async def _status(self, ask: dict[str, Any]) -> dict[str, Any]:
        return {"counts": self._journal.counts()}


_CAUSES = {"deliveries": "parked:delivery", "events": "parked:event"}
VERBS = ("pause", "resume", "answer", "replay", "status")


def control_app(verbs: Verbs) -> Starlette:
    """The application behind the socket."""

    def endpoint(verb: str) -> Route:
        async def handle(request: Request) -> JSONResponse:
            try:
                return JSONResponse(await verbs.do(verb, await request.json()))
            except ConnectError as error:
                return JSONResponse({"error": str(error)}, 409)

        return Route(f"/{verb}", handle, methods=["POST"])

    return Starlette(routes=[endpoint(verb) for verb in VERBS])


async def ask_daemon(data: Path, verb: str, ask: dict[str, Any]) -> dict[str, Any]:
    """Send a verb to the running daemon. `TransientError` when none runs, `ConnectError` with its refusal."""
    http = Http(
        "http://connect.local",
        pace=Pace(float("inf"), 1),
        deadline=30,
        transport=unix_transport(str(socket_path(data))),
    )
    try:
        response = await http.request("POST", f"/{verb}", json=ask)
    finally:
        await http.close()
    told: dict[str, Any] = response.json()
    if response.status != 200:
        raise ConnectError(told.get("error", f"the daemon answered {response.status}"))
    return told
