"""The daemon's web server without what is behind it, to compare with: `python -m bench.plain_server nothing|journal`.

`nothing` verifies the signature and keeps nothing; `journal` verifies and commits, with no pipeline beside it. Both
use the daemon's own `Hooks` and server settings. It prints its port.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bench import tenant
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.records import NewDelivery, Receipt
from caseconnect.host.plugins import load
from caseconnect.host.tenants import load_tenants
from caseconnect.host.web.app import make_app
from caseconnect.host.web.hooks import Hooks
from caseconnect.host.web.registry import hooks_of
from caseconnect.host.web.server import make_server

Store = Callable[[NewDelivery], Awaitable[Receipt]]


async def _nothing(new: NewDelivery) -> Receipt:
    return Receipt(1, "stored")


def _now() -> datetime:
    return datetime.now(UTC)


async def _serve(store: Store, folder: Path) -> None:
    hooks = Hooks(store, _now)
    hooks.registry = hooks_of(load_tenants(tenant.write(folder / "tenants"), load()).tenants)
    server = make_server(make_app(hooks, lambda: None), host="127.0.0.1", port=0)
    serving = asyncio.create_task(server.serve())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, setattr, server, "should_exit", True)
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    sys.stdout.write(f"{server.servers[0].sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await serving


def main() -> None:
    """The command line."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if sys.argv[1:] == ["nothing"]:
            uvloop.run(_serve(_nothing, folder))
            return
        journal = SqliteJournal.open(folder / "journal.db", threaded=True)

        async def store(new: NewDelivery) -> Receipt:
            return (await journal.receive([new], None, new.received_at))[0]

        uvloop.run(_serve(store, folder))
        journal.close()


if __name__ == "__main__":
    main()
