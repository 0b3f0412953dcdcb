"""Where the demo lives: a temporary folder, two simulators, `connect serve`, and the addresses of all of them."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from typing import Any

import orjson

from caseconnect.sdk.errors import ConnectError
from caseconnect_demo.control import Control, subscribe
from caseconnect_demo.processes import Process, end

TENANT = "demo"
SHOP_DOMAIN = "demo-shop.myshopify.com"
CLIENT = "connect-demo"
SERVICE = "connect.service@core-case.example"
AGENTS = ("agent.one@core-case.example", "agent.two@core-case.example")
DEFINITION, CONFIG = "7a51c9f0-52c4-4f0b-8f2e-3d7f4b1f9e01", "2f7d1d0a-6f1b-4b52-9b6c-8e7e9a4c5d02"

_TENANT_FILE = Template("""\
tenant: demo
environment: demo
go_live: $go_live

connections:
  shop:
    platform: shopify
    poll: {every: 2s}            # so that the day is short; the default is 10m, as the net under the webhooks
    settings:
      shop: $domain
      client_id: $client
      client_secret: {file: ../secrets/shop}
      base_url: $shop
  cases:
    platform: opentext_case
    poll: {every: 2s}            # the default is 1m
    settings:
      base_url: $cases/case
      definition_id: $definition
      config_id: $config
      auth:
        token_url: $cases/tenants/demo/oauth2/token
        client_id: $client
        client_secret: {file: ../secrets/cases}
      service_account: [$service]
      case_url: $cases/cases/{id}
      comments: {paged: false}   # a handful on each case: one request instead of two
      attachments: {paged: false}

flows:
  - use: fraud_review
    mode: live
    settings:
      high_value: {USD: "1000"}
  - use: order_exceptions
    mode: live
    settings:
      exceptions: [payment_failure, address_mismatch, duplicate_order, partial_fulfillment]
      partial_hours: 0           # late at once; the default is 48
  - use: status_updates
    mode: live

timing:                          # seconds instead of minutes
  quiet: 2s
  look_again: 1s
  backoff_first: 500ms
  backoff_max: 5s
""")


@dataclass
class House:
    """Everything that runs, and how it is reached."""

    folder: Path
    processes: list[Process] = field(default_factory=list)
    shop: Control = field(init=False)
    cases: Control = field(init=False)
    hook: str = ""
    shop_secret: str = field(default="", repr=False)

    @property
    def data(self) -> Path:
        """The folder of the journal."""
        return self.folder / "data"

    def check(self) -> None:
        """`ConnectError` when a process has ended by itself."""
        for process in self.processes:
            process.check()

    async def start(self) -> None:
        """Start both simulators, then the daemon, then subscribe to the shop's webhooks."""
        self.shop_secret, case_secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        for name in ("tenants", "secrets", "logs"):
            (self.folder / name).mkdir(mode=0o700)
        self._write("secrets/shop", self.shop_secret)
        self._write("secrets/cases", case_secret)
        shop, cases = await asyncio.gather(
            self._simulate("shopify", _shop_options(self.shop_secret)),
            self._simulate("opentext_case", _case_options(case_secret)),
        )
        self.shop, self.cases = Control("the shop", shop), Control("case management", cases)
        self._write("tenants/demo.yaml", tenant_file(shop, cases))
        arguments = ["serve", "--port", "0", "--log", "json"]
        arguments += ["--tenants", str(self.folder / "tenants"), "--data", str(self.data)]
        daemon = self._process("connect serve", arguments, "serve")
        await asyncio.gather(self.shop.ready("/_sim/state"), self.cases.ready("/_sim/state"))
        port = await daemon.says(r'"port": (\d+)[^\n]*"event": "serving"')
        self.hook = f"http://127.0.0.1:{port}/hooks/{TENANT}/shop"
        await subscribe(self.shop, CLIENT, self.shop_secret, self.hook)

    async def close(self) -> None:
        """End all that runs."""
        for name in ("shop", "cases"):
            if (control := getattr(self, name, None)) is not None:
                await control.close()
        end(self.processes)

    async def _simulate(self, platform: str, options: dict[str, Any]) -> str:
        config = self._write(f"secrets/{platform}.json", orjson.dumps(options).decode())
        process = self._process(
            f"the simulator of {platform}", ["simulate", platform, "--config", str(config)], platform
        )
        return await process.says(r"(http://127\.0\.0\.1:\d+)\n")

    def _process(self, name: str, arguments: list[str], log: str) -> Process:
        process = Process.start(name, arguments, self.folder / "logs" / f"{log}.log")
        self.processes.append(process)
        return process

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")
        return path


def _shop_options(secret: str) -> dict[str, Any]:
    shop = {"domain": SHOP_DOMAIN, "client_id": CLIENT, "client_secret": secret, "currency": "USD"}
    return {"shops": [shop | {"restore_rate": 1000, "cancel_seconds": 0.5}]}


def _case_options(secret: str) -> dict[str, Any]:
    definition = {"id": DEFINITION, "config_id": CONFIG, "outcomes": ["approved", "rejected", "verify"]}
    # The simulator's own limit stays: five requests in any second, then 429.
    tenant = {"id": "demo", "client_id": CLIENT, "client_secret": secret, "definitions": [definition]}
    return {"tenants": [tenant]}


def tenant_file(shop: str, cases: str) -> str:
    """The demo's tenant file, with the addresses of both platforms."""
    return _TENANT_FILE.substitute(
        go_live=(datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds"),
        domain=SHOP_DOMAIN,
        client=CLIENT,
        shop=shop,
        cases=cases,
        definition=DEFINITION,
        config=CONFIG,
        service=SERVICE,
    )


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    """A house that is started, and ended whatever happens. On a failure the logs' ends are part of the error."""
    folder = Path(tempfile.mkdtemp(prefix="connect-demo-"))
    built = House(folder)
    try:
        try:
            await built.start()
            yield built
        except Exception as error:
            told = "\n".join(f"--- {p.name}, the end of its log ---\n{p.last_words()}" for p in built.processes)
            if isinstance(error, ConnectError):
                raise ConnectError(f"{error}\n{told}") from error
            error.add_note(told)
            raise
        finally:
            await built.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
