"""The whole house in one process on virtual time: both simulators, the pipeline, and a tenant file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import httpx  # noqa: TID251 - the simulator's webhooks are posted as any client would
from journal_desk import opened

from caseconnect.host.journal.codec import expand
from caseconnect.host.journal.records import NewDelivery, Receipt
from caseconnect.host.pipeline.live import Accounts, build
from caseconnect.host.pipeline.runner import Runner
from caseconnect.host.plugins import Installed, load
from caseconnect.host.tenants import load_tenants
from caseconnect.host.web.hooks import Hooks
from caseconnect.host.web.registry import hooks_of
from caseconnect.sdk.http import asgi_transport
from caseconnect.sdk.testing.resources import MemorySecrets, RecordingLog
from caseconnect_opentext_case.simulator import CaseStore, CoreCaseSimulatorSettings
from caseconnect_opentext_case.simulator import create_app as create_case_app
from caseconnect_shopify.simulator import Shop
from caseconnect_shopify.simulator import create_app as create_shop_app

SHOP, SECRET = "demo-shop.myshopify.com", "shop-secret-0123456789"
CASE_SECRET = "connect-secret"
TOPICS = [
    "orders/create",
    "orders/updated",
    "orders/cancelled",
    "orders/paid",
    "order_transactions/create",
    "orders/risk_assessment_changed",
    "fulfillment_holds/added",
    "fulfillment_holds/released",
    "orders/partially_fulfilled",
    "orders/fulfilled",
    "fulfillments/create",
]
DEFINITION, CONFIG = "7a51c9f0-52c4-4f0b-8f2e-3d7f4b1f9e01", "2f7d1d0a-6f1b-4b52-9b6c-8e7e9a4c5d02"

TENANT = """
tenant: acme
environment: test
go_live: 2025-12-01T00:00:00Z
connections:
  shop:
    platform: shopify
    poll: {every: 10m}
    settings:
      shop: $SHOP
      client_id: sim-client
      client_secret: {env: SHOP_SECRET}
      base_url: http://127.0.0.1:1
  cases:
    platform: opentext_case
    poll: {every: 2m}
    settings:
      base_url: http://127.0.0.1:2/case
      definition_id: $DEFINITION
      config_id: $CONFIG
      auth:
        token_url: http://127.0.0.1:2/tenants/demo/oauth2/token
        client_id: connect-client
        client_secret: {env: CASE_SECRET}
      service_account: [connect.service@core-case.example]
flows:
  - use: fraud_review
    mode: $mode
    settings:
      high_value: {USD: "1000"}
  - use: order_exceptions
    mode: $mode
  - use: status_updates
    mode: $mode
"""


@cache
def _installed() -> Installed:
    return load()


class House:
    """What a test plays with. `settle` works everything off that is due; `pass_time` lets virtual time go by."""

    def __init__(self, folder: Path, *, mode: str = "live", tenant: str | None = None) -> None:
        self.folder, self.mode, self._template = folder, mode, tenant or TENANT
        loop: Any = asyncio.get_running_loop()
        self.now = loop.now
        self.shop = Shop(domain=SHOP, client_id="sim-client", client_secret=SECRET, now=self.now, first_id=None)
        self.shop_app = create_shop_app([self.shop], deliver=self._deliver)
        self.case_app = create_case_app(CoreCaseSimulatorSettings.from_dict({}), now=self.now)
        self.cases: CaseStore = next(iter(self.case_app.stores.values()))
        self.log = RecordingLog()
        self.secrets = MemorySecrets({"SHOP_SECRET": SECRET, "CASE_SECRET": CASE_SECRET})
        self.answers: list[int] = []

    async def start(self) -> None:
        """Open the journal and take up the tenants, as `serve` does, in the mode `self.mode`."""
        (self.folder / "tenants").mkdir(parents=True, exist_ok=True)
        text = Template(self._template).substitute(mode=self.mode, SHOP=SHOP, DEFINITION=DEFINITION, CONFIG=CONFIG)
        (self.folder / "tenants" / "acme.yaml").write_text(text)
        found = load_tenants(self.folder / "tenants", _installed())
        assert not found.problems, [str(p) for p in found.problems]
        self.tenants = found.tenants
        self.journal = opened(self.folder / "journal.db")
        self.runner = Runner(self.journal, self.now, self.log)
        live = {}
        for name, tenant in self.tenants.items():
            live[name] = await build(
                tenant,
                accounts=Accounts(),
                secrets=self.secrets,
                now=self.now,
                log=self.log,
                go_live=await self.journal.first(name, "start", self.now()),
                transport=lambda _, c: asgi_transport(app=self.shop_app if c == "shop" else self.case_app),
            )
        self.live = live
        await self.runner.start(live)

        async def store(new: NewDelivery) -> Receipt:
            return (await self.journal.receive([new], None, new.received_at))[0]

        self.hooks = Hooks(store, self.now)
        self.hooks.registry = {
            key: type(h)(h.tenant, h.connection, h.webhook, lambda: [SECRET])
            for key, h in hooks_of(self.tenants).items()
        }

    async def stop(self) -> None:
        """End without a trace of grace: what is in the journal is what is left. The log has told no secret, nobody."""
        await self.runner.idle()
        for live in self.live.values():
            await live.close()
        self.journal.close()
        assert self.log.holding([SECRET, CASE_SECRET, "@shop.test"]) == []

    async def kill(self) -> None:
        """End as SIGKILL does: whatever is on goes no further, and nothing more is written."""
        rooms = self.runner.decider._lanes, self.runner.deliverer._running, self.runner.poller._running
        tasks = [t for room in (*rooms, self.runner.intake._asking) for t in room.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for live in self.live.values():
            await live.close()
        self.journal.close()

    async def restart(self) -> None:
        """Another process on the same journal; both platforms go on as they were."""
        await self.stop()
        await self.start()

    async def settle(self) -> None:
        """Deliver what the shop has to send and work off everything that is due."""
        await self.shop.run_due()
        await self.runner.settle()
        await self.shop.run_due()
        await self.runner.settle()

    async def pass_time(self, seconds: float) -> None:
        """Let virtual time go by, working off what comes due on the way."""
        end = self.now().timestamp() + seconds
        while True:
            await self.settle()
            due = min((d for d in (self.runner.next_due(), self.shop.next_due()) if d), default=None)
            left = end - self.now().timestamp()
            if left <= 0:
                return
            step = min(left, max((due - self.now()).total_seconds(), 0.001) if due else left)
            await asyncio.sleep(step)

    def subscribe(self, topics: list[str] = TOPICS) -> None:
        """Have the shop send webhooks to us."""
        for topic in topics:
            self.shop.subscribe(topic, "https://connect.test/hooks/acme/shop")

    async def _deliver(self, url: str, headers: dict[str, str], body: bytes) -> int:
        # Not by a client: each would load all certificates, for 20 ms.
        request = httpx.Request("POST", url, headers=headers, content=body)
        response = await httpx.ASGITransport(app=self.hooks).handle_async_request(request)
        self.answers.append(response.status_code)
        return response.status_code

    def explain(self, subject: str) -> dict[str, Any]:
        """The journal's account of a subject."""
        from caseconnect.sdk.subjects import Subject

        return self.journal.explain("acme", Subject.parse(subject))


@asynccontextmanager
async def house(folder: Path, **options: Any) -> AsyncIterator[House]:
    """A house that is started and stopped."""
    built = House(folder, **options)
    await built.start()
    try:
        yield built
    finally:
        await built.stop()


def everything_held(folder: Path) -> str:
    """All texts of the journal, blobs unpacked."""
    db = sqlite3.connect(f"file:{folder / 'journal.db'}?mode=ro", uri=True)
    found = []
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
        for row in db.execute(f"SELECT * FROM {table}"):
            found += [expand(v).decode(errors="replace") if _packed(v) else str(v) for v in row]
    db.close()
    return "\n".join(found).lower()


def _packed(value: Any) -> bool:
    return isinstance(value, bytes) and value[:4] == b"\x28\xb5\x2f\xfd"


START = datetime(2026, 1, 1, tzinfo=UTC)
