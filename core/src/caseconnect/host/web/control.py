"""The local control socket: what writes beside a running daemon goes through it.

A unix socket in the data folder, mode 0600: whoever may write the journal's file may use it. Where the data folder's
path is too long for a socket's address, it is in a folder that only its user may enter.
"""

from __future__ import annotations

import os
import stat
from base64 import b64decode
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from caseconnect.host.journal import Journal, states
from caseconnect.host.journal.api_tokens import ApiToken
from caseconnect.host.journal.cap_changes import CapChange
from caseconnect.host.journal.records import Brake, CursorMove, NewDelivery, StoredCommand
from caseconnect.host.journal.rules import CapRule
from caseconnect.host.reloading import Reloaded
from caseconnect.host.tenants.problems import one_of
from caseconnect.host.undoing import Fetch, undo
from caseconnect.sdk.commands import COMMANDS
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.http import Http, unix_transport
from caseconnect.sdk.pace import Pace

# Not TMPDIR: that may be as long as the path that was too long.
SHORT_PLACE = Path("/tmp")  # noqa: S108 - owner and mode of what we make there are checked
_LONGEST_PATH = 100  # a unix socket's address holds 108 bytes


class Compare(Protocol):
    """Has the daemon compare tenants with their platforms, and tells for which ones that is on."""

    async def __call__(self, tenants: Collection[str], *, begin: bool) -> list[str]:
        """Begin it, or only tell."""


Names = Mapping[str, Mapping[str, Collection[str]]]
"""By tenant the names under 'flow' and 'connection'."""


def socket_path(data: Path) -> Path:
    """Where the daemon of a data folder listens. `ConnectError` if there is no safe place for it."""
    path = data.resolve() / "control.sock"
    if len(str(path)) <= _LONGEST_PATH:
        return path
    return _private_folder() / f"connect-{sha256(str(path).encode()).hexdigest()[:24]}.sock"


def _private_folder() -> Path:
    """A folder that nobody else may enter: what lies at a known place in /tmp, anybody could have put there."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(given) if given else SHORT_PLACE / f"connect-{os.geteuid()}"
    try:
        if not given:
            folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise ConnectError(
            f"{folder}, where the control socket is to be, cannot be used ({error}): {_SHORTER}"
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise ConnectError(f"{folder}, where the control socket is to be, is not a folder of yours alone: {_SHORTER}")
    return folder


_SHORTER = "give a data folder with a shorter path, or set XDG_RUNTIME_DIR to a folder of yours with mode 0700"


class Verbs:
    """What a person may do, the same through the socket and with the daemon down.

    `ring` wakes the pipeline; None: none runs. `known`: the names that can be paused, as the daemon runs them; without
    it those that the journal's rows have. `fetch`: reads a fact from a platform, as the daemon can. `caps`: those
    in force for a command; without it they are looked at when it is sent.
    """

    def __init__(
        self,
        journal: Journal,
        now: Callable[[], datetime],
        ring: Callable[[], None] | None = None,
        known: Callable[[], Names] | None = None,
        fetch: Fetch | None = None,
        compare: Compare | None = None,
        reload: Callable[[str], Awaitable[Sequence[Reloaded]]] | None = None,
        caps: Callable[[StoredCommand], Sequence[CapRule] | None] | None = None,
    ) -> None:
        self._journal, self._now, self._ring, self._fetch, self._compare_now = journal, now, ring, fetch, compare
        self._known, self._reload_now, self._caps = known or journal.names, reload, caps
        self.link: Callable[[str, str], str] | None = None

    async def do(self, verb: str, ask: dict[str, Any]) -> dict[str, Any]:
        """Carry out `verb`; its result as JSON. Raises what the journal raises."""
        result: dict[str, Any] = await getattr(self, f"_{verb}")(ask)
        if self._ring:
            self._ring()
        return result

    async def _pause(self, ask: dict[str, Any]) -> dict[str, Any]:
        if not ask.get("force"):
            hint = "; --force pauses a name that is not known"
            need_name(self.names(), ask["tenant"], ask["scope"], ask["name"], hint)
        brake = Brake(ask["tenant"], ask["scope"], ask["name"], ask["reason"], ask["by"], self._now())
        return {"changed": await self._journal.pause(brake)}

    def names(self) -> Names:
        """What can be paused."""
        return self._known()

    async def _resume(self, ask: dict[str, Any]) -> dict[str, Any]:
        names = (ask["tenant"], ask["scope"], ask["name"], ask["reason"], ask["by"])
        return {"changed": await self._journal.resume(*names, self._now())}

    async def _answer(self, ask: dict[str, Any]) -> dict[str, Any]:
        """A refused command that is to be tried again goes on under a new key."""
        key, answer, why = ask["key"], ask["answer"], (ask["reason"], ask["by"], self._now())
        stored = self._journal.command(key)
        if answer == "retry" and stored and stored.state == states.REFUSED:
            key = await self._journal.again(key, *why, self._caps(stored) if self._caps else None)
            again = self._journal.command(key)
            told = {"key": key, "state": again.state if again else ""}
            return told | ({"note": again.note} if again and again.state == states.PARKED else {})
        return {"key": key, "state": await self._journal.answer(key, answer, *why)}

    async def _let_go(self, ask: dict[str, Any]) -> dict[str, Any]:
        given = (ask["cause"], ask["tenant"], ask["answer"], ask["limit"], ask["reason"], ask["by"], self._now())
        answered, left = await self._journal.let_go(*given, only=ask.get("keys"))
        return {"answered": answered, "left": left}

    async def _open_members(self, ask: dict[str, Any]) -> dict[str, Any]:
        given = (ask["incident"], ask["tenant"], ask["subjects"], ask["reason"], ask["by"], self._now())
        opened, left = await self._journal.open_members(*given)
        return {"opened": opened, "left": left}

    async def _close_incident(self, ask: dict[str, Any]) -> dict[str, Any]:
        given = (ask["incident"], ask["tenant"], ask["reason"], ask["by"], self._now())
        return {"ended": await self._journal.close_incident(*given)}

    async def _undo(self, ask: dict[str, Any]) -> dict[str, Any]:
        if self._fetch is None:
            raise ConnectError("its case has to be read first, which the daemon does: start `connect serve`")
        return await undo(self._journal, self._fetch, ask, self._now)

    async def _drop(self, ask: dict[str, Any]) -> dict[str, Any]:
        became = await self._journal.drop(ask["what"], ask["seq"], ask["reason"], ask["by"], self._now())
        return {"state": became}

    async def _dismiss(self, ask: dict[str, Any]) -> dict[str, Any]:
        why = (ask["reason"], ask["by"], self._now())
        return {"state": "closed", "tenant": await self._journal.dismiss(ask["cause"], ask["tenant"], *why)}

    async def _replay(self, ask: dict[str, Any]) -> dict[str, Any]:
        return {"replayed": await self._journal.replay(ask["what"], ask["seqs"], self._now())}

    async def _store(self, ask: dict[str, Any]) -> dict[str, Any]:
        """Items that a command read, as a poll would have stored them, with the place that covers them.

        `waiting`: how much the pipeline has to work off now, with what is live.
        """
        tenant, now = ask["tenant"], self._now()
        connection, seen = ask["connection"], bool(ask.get("seen"))
        items = [
            NewDelivery(tenant, connection, kind, delivery, now, b64decode(body), polled=True, seen=seen)
            for kind, delivery, body in ask["items"]
        ]
        receipts = await self._journal.receive(items, CursorMove(tenant, ask["place"], ask["cursor"]), now)
        # With the daemon down nobody works it off, and nothing that is live waits.
        waiting = self._journal.backlog(tenant, now) if self._ring else 0
        return {"new": sum(receipt.status != "duplicate" for receipt in receipts), "waiting": waiting}

    async def _erase(self, ask: dict[str, Any]) -> dict[str, Any]:
        """Erase once more what a receipt was about."""
        found = next((r for r in self._journal.receipts() if r.seq == ask["receipt"]), None)
        if found is None or found.action != "erase":
            raise ConnectError(f"there is no receipt {ask['receipt']} of an erasure (`connect privacy` lists them)")
        receipt = await self._journal.erase(found.whom, (), self._now())
        return {"receipt": receipt.seq, "rows": receipt.rows, "cases": receipt.cases, "kept": receipt.kept}

    async def _compare(self, ask: dict[str, Any]) -> dict[str, Any]:
        """Begin the comparison of one tenant, or of all, or tell which ones are on."""
        if self._compare_now is None:
            raise ConnectError("the platforms have to be read, which the daemon does: start `connect serve`")
        names, tenant = self._known(), ask["tenant"]
        if tenant is not None and tenant not in names:
            raise ConnectError(f"there is no tenant {tenant!r} (known: {', '.join(sorted(names)) or 'none'})")
        chosen = sorted(names) if tenant is None else [tenant]
        return {"on": await self._compare_now(chosen, begin=ask["begin"])}

    async def _reload(self, ask: dict[str, Any]) -> dict[str, Any]:
        """Let every tenant, and the daemon, be as its file says; what became of each."""
        if self._reload_now is None:
            raise ConnectError("no daemon runs here: `connect serve` reads the files when it starts")
        done = [asdict(each) for each in await self._reload_now(ask["by"])]
        return {"daemon": done[0], "tenants": done[1:]}

    async def _console_link(self, ask: dict[str, Any]) -> dict[str, Any]:
        """A link that signs somebody in to the console, once."""
        if self.link is None:
            raise ConnectError("the console is the daemon's: start `connect serve`")
        return {"link": self.link(ask["name"], ask["role"])}

    async def _console_token(self, ask: dict[str, Any]) -> dict[str, Any]:
        """A new token of the console's API. It is told this once; the journal keeps its hash."""
        token, now = token_urlsafe(32), self._now()
        until = now + timedelta(seconds=ask["seconds"])
        new = ApiToken(ask["name"], ask["role"], ask["by"], now, until)
        await self._journal.add_token(sha256(token.encode()).hexdigest(), new)
        return {"token": token, "until": until.isoformat()}

    async def _revoke_token(self, ask: dict[str, Any]) -> dict[str, Any]:
        await self._journal.revoke_token(ask["name"], ask["by"], self._now())
        return {"state": "revoked"}

    async def _change_cap(self, ask: dict[str, Any]) -> dict[str, Any]:
        """Override a limit for a while or until it is taken back."""
        now = self._now()
        until = now + timedelta(seconds=ask["seconds"]) if ask["seconds"] else None
        place = (ask["tenant"], ask["cap"], ask["per"], ask["what"], Decimal(ask["limit"]))
        await self._journal.change_cap(CapChange(*place, ask["reason"], ask["by"], now, until, ask.get("confirmed_by")))
        return {"state": "changed", "until": until.isoformat() if until else None}

    async def _take_back_cap(self, ask: dict[str, Any]) -> dict[str, Any]:
        place = (ask["tenant"], ask["cap"], ask["per"], ask["what"])
        await self._journal.take_back_cap(*place, ask["reason"], ask["by"], self._now())
        return {"state": "as in the tenant file"}

    async def _status(self, ask: dict[str, Any]) -> dict[str, Any]:
        return {"counts": self._journal.counts()}


def need_name(names: Names, tenant: str, scope: str, name: str, hint: str = "") -> None:
    """Raise `ConnectError` for a name that pauses nothing, with those that there are."""
    kind = "connection" if scope == "access" else scope
    what, wanted, known = f"{kind} of {tenant}", name, names.get(tenant, {}).get(kind, ())
    if tenant not in names:
        what, wanted, known = "tenant", tenant, names
    elif scope == "tenant":
        known = (tenant,)
    elif scope == "command":
        what, known = "kind of command", COMMANDS
    if wanted not in known:
        raise ConnectError(f"there is no {what} {wanted!r} ({one_of(wanted, known, 'known')}{hint})")


VERBS = (
    *("pause", "resume", "answer", "let_go", "open_members", "close_incident", "undo"),
    *("drop", "dismiss", "replay", "store", "erase", "compare", "reload", "status"),
    *("console_link", "console_token", "revoke_token", "change_cap", "take_back_cap"),
)


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


async def ask_daemon(data: Path, verb: str, ask: dict[str, Any], *, deadline: float = 30.0) -> dict[str, Any]:
    """Send a verb to the running daemon. `TransientError` when none runs, `ConnectError` with its refusal."""
    http = Http(
        "http://connect.local",
        pace=Pace(float("inf"), 1),
        deadline=deadline,
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
