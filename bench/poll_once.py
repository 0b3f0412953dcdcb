"""Poll changed orders into a journal, in a process of its own: `python -m bench.poll_once < asked.json`.

The poller, the connection and the journal (a thread of its own, FULL) are the daemon's, with pacing off; the pipeline
behind them does not run. `asked` names the simulator, from when on, and a folder. It prints one JSON line.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from datetime import datetime
from pathlib import Path
from string import Template
from typing import Any

import orjson
import structlog
import uvloop

from bench.dlt_once import peak_mb
from bench.platforms import utc_now
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.records import CursorMove
from caseconnect.host.logs import configure
from caseconnect.host.pipeline.context import Context
from caseconnect.host.pipeline.live import Accounts, LiveTenant, build
from caseconnect.host.pipeline.poll import Poller
from caseconnect.host.plugins import load
from caseconnect.host.tenants import load_tenants
from caseconnect_sfcc.source import SfccSource

NAME, SHOP = "bench", "shop"
_FILE = Template("""\
tenant: $name
environment: bench
go_live: 2020-01-01T00:00:00Z
connections:
  $shop:
    platform: sfcc
    poll: {every: 6h}
    settings:
      sites: [$site]
      account_manager_url: $url
      scapi:
        short_code: kv7kzm78
        organization_id: f_ecom_zzxy_prd
        client_id: scapi-client
        client_secret: {env: BENCH_SCAPI_SECRET}
        base_url: $url
      ocapi:
        host: www.brand.example
        client_id: ocapi-client
        client_secret: {env: BENCH_OCAPI_SECRET}
        base_url: $url
      page_size: $page
      late: []
      returns: {type: ""}
      complaints: {type: ""}
      claims: {type: ""}
      disputes: {type: ""}
      actions: {type: ""}
""")


async def poll(asked: dict[str, Any]) -> dict[str, Any]:
    """One poll, from its due time to the last commit."""
    folder = Path(asked["folder"])
    configure(json=True, level="warning")
    journal = SqliteJournal.open(folder / "journal.db", threaded=True)
    live = await _tenant(folder / "tenants", asked)
    source = live.connections[SHOP].source
    if not isinstance(source, SfccSource):
        raise RuntimeError("the connection's source is not the one that is measured")
    since = datetime.fromisoformat(asked["since"])
    place = CursorMove(NAME, SHOP, source.begin(int(since.timestamp() * 1000)))
    await journal.receive([], place, utc_now())
    poller = Poller(Context(journal, utc_now, structlog.get_logger(), {NAME: live}))
    await poller.prepare(live)
    began, cpu = time.perf_counter(), time.process_time()
    poller.tick(utc_now())
    await poller.idle()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    await live.close()
    journal.close()
    with sqlite3.connect(folder / "journal.db") as db:
        stored = db.execute("SELECT count(DISTINCT delivery_id) FROM deliveries").fetchone()[0]
    db.close()
    return {"stored": stored, "seconds": took, "cpu_seconds": cpu, "memory_peak_mb": peak_mb()}


def _write(folder: Path, asked: dict[str, Any]) -> Path:
    folder.mkdir()
    text = _FILE.substitute(name=NAME, shop=SHOP, site=asked["site"], url=asked["url"], page=asked["page"])
    (folder / f"{NAME}.yaml").write_text(text)
    return folder


async def _tenant(folder: Path, asked: dict[str, Any]) -> LiveTenant:
    (found,) = load_tenants(_write(folder, asked), load()).tenants.values()
    log = structlog.get_logger()
    return await build(
        found, accounts=Accounts(off=True), secrets=found.secrets(), now=utc_now, log=log, go_live=utc_now()
    )


def main() -> None:
    """The command line."""
    result = uvloop.run(poll(orjson.loads(sys.stdin.buffer.read())))
    sys.stdout.buffer.write(orjson.dumps(result) + b"\n")


if __name__ == "__main__":
    main()
