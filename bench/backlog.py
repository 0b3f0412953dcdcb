"""A backlog of case updates at Core Case's pace, on virtual time: as they are coalesced, and as if each counted.

Updates pile up while the connection is paused; then it is resumed. Everything but the clock is real: journal,
pipeline, plugin, pace, and the simulator with its limit of five requests in any second.
"""

from __future__ import annotations

import asyncio
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from bench import tenant
from bench.sizes import Size
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.records import Ask, Brake, DecidedBy, MatterKey, MatterRow, Verdict
from caseconnect.host.pipeline.live import Accounts, build
from caseconnect.host.pipeline.runner import Runner
from caseconnect.host.plugins import load
from caseconnect.host.tenants import load_tenants
from caseconnect.sdk.commands import UpdateCase
from caseconnect.sdk.http import asgi_transport
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.resources import MemorySecrets, RecordingLog
from caseconnect.sdk.testing.virtual import VirtualTimeLoop, run
from caseconnect_opentext_case.simulator import CaseInput, CaseStore, CoreCaseSimulatorSettings, create_app

UPDATES_OF_A_CASE = 10


def measure(size: Size) -> dict[str, Any]:
    """Seconds and requests until the backlog is worked off, both ways."""
    ways = {"coalesced": True, "each": False}
    found = {name: run(_work_off(size.backlog, coalesced=coalesced)) for name, coalesced in ways.items()}
    return {"updates": size.backlog, "cases": size.backlog // UPDATES_OF_A_CASE, **found}


async def _work_off(updates: int, *, coalesced: bool) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)  # noqa: S101 - `run` gives one
    app = create_app(CoreCaseSimulatorSettings.from_dict({}), now=loop.now)
    store: CaseStore = next(iter(app.stores.values()))
    with tempfile.TemporaryDirectory() as folder:
        journal = SqliteJournal.open(Path(folder) / "journal.db", synchronous="OFF")
        found = load_tenants(tenant.write(Path(folder) / "tenants"), load()).tenants[tenant.NAME]
        live = await build(
            found,
            accounts=Accounts(),
            secrets=MemorySecrets(tenant.SECRETS),
            now=loop.now,
            log=RecordingLog(),
            go_live=loop.now(),
            transport=lambda *_: asgi_transport(app=app),
        )
        live.connections["shop"].identified = True  # nobody plays it here, so it cannot be asked whose it is
        runner = Runner(journal, loop.now, RecordingLog())
        runner.context.tenants = {tenant.NAME: live}
        await journal.pause(Brake(tenant.NAME, "connection", "cases", "a backlog", "bench", loop.now()))
        for number in range(updates // UPDATES_OF_A_CASE):
            await journal.decided(_updates(store, number, loop.now(), coalesced=coalesced))
        await journal.resume(tenant.NAME, "connection", "cases", "go", "bench", loop.now())
        began, asked = loop.time(), len(store.calls)
        while journal.counts()["commands"].get("planned", 0):
            await runner.deliverer.turn()
            await runner.deliverer.idle()
            await asyncio.sleep(0.001)
        seconds, states = loop.time() - began, journal.counts()["commands"]
        await live.close()
        journal.close()
    edits = sum(entry.operation == "edit_case_data" for entry in store.ledger)
    return {"seconds": seconds, "requests": len(store.calls) - asked, "edits": edits, **_ended(states)}


def _ended(states: dict[str, int]) -> dict[str, float]:
    return {state: states.get(state, 0) for state in ("done", "superseded", "parked", "refused")}


def _updates(store: CaseStore, number: int, now: datetime, *, coalesced: bool) -> Verdict:
    """One matter with its case and the updates that a busy day makes of it."""
    case = store.create_case(next(iter(store.definitions)), CaseInput(default={"caseTitle": f"Case {number}"}))
    order = Subject("shop", "order", str(number))
    key = MatterKey(tenant.NAME, order, "order_review", "", False)
    matter = MatterRow(
        f"m{number}", key, 1, "live", "open", "bench", f"bench/{number}", ("bench",), (), "cases",
        case=Subject("cases", "case", case.id), opened_at=now,
    )  # fmt: skip
    asks = tuple(
        Ask(matter.id, "bench", _update(turn, "" if coalesced else str(turn)), "cases", "planned", f"g{turn}")
        for turn in range(UPDATES_OF_A_CASE)
    )
    return Verdict(tenant.NAME, order, (), now, (DecidedBy("bench", "a backlog"),), (matter,), asks)


def _update(turn: int, name: str) -> UpdateCase:
    return UpdateCase(name=name, attributes={"progress": f"step {turn}"})
