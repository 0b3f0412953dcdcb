"""Where the demo lives: a temporary folder, three simulators, `connect serve`, and the addresses of all of them."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from caseconnect.sdk.errors import ConnectError
from caseconnect_demo.control import Control, post_signed, subscribe
from caseconnect_demo.processes import Process, end
from caseconnect_demo.tenants import (
    CLIENT,
    CONFIG,
    DAY,
    DEFINITION,
    EXAMPLES,
    INSTANCES,
    SECRETS,
    Places,
    domain,
    played,
    tenant_file,
)

AGENTS = ("agent.one@core-case.example", "agent.two@core-case.example")
SHOPS = {DAY: "shop", "smallest": "shop", "shopify": "shop", "both": "shopify"}
"""The tenants with a Shopify shop, and its connection's name."""

_PREFIXES = {DAY: "CASE-", "smallest": "SMALL-", "shopify": "SHOP-", "sfcc": "SFCC-", "both": "BOTH-"}
_OUTCOMES = (
    *("approved", "rejected", "verify", "declined", "refund", "replacement", "replace"),
    *("credit", "resolved", "cancelled", "ended"),
)


@dataclass
class House:
    """Everything that runs, and how it is reached. `shop` is the one of the shop's day."""

    folder: Path
    processes: list[Process] = field(default_factory=list)
    shop: Control = field(init=False)
    shops: dict[str, Control] = field(default_factory=dict)
    sfcc: Control = field(init=False)
    cases: Control = field(init=False)
    daemon: str = ""
    shop_secret: str = field(default="", repr=False)
    desk_secret: str = field(default="", repr=False)

    @property
    def data(self) -> Path:
        """The folder of the journal."""
        return self.folder / "data"

    @property
    def hook(self) -> str:
        """Where the shop of the day sends its webhooks."""
        return f"{self.daemon}/hooks/{DAY}/{SHOPS[DAY]}"

    def check(self) -> None:
        """`ConnectError` when a process has ended by itself."""
        for process in self.processes:
            process.check()

    async def start(self) -> None:
        """Start the simulators, then the daemon, then subscribe to the shops' webhooks."""
        given = {name: secrets.token_urlsafe(32) for name in SECRETS}
        self.shop_secret, self.desk_secret = given["SHOPIFY_CLIENT_SECRET"], given["DESK_SECRET"]
        for name in ("tenants", "secrets", "logs"):
            (self.folder / name).mkdir(mode=0o700)
        shopify, sfcc, cases = await asyncio.gather(
            self._simulate("shopify", _shop_options(self.shop_secret)),
            self._simulate("sfcc", _sfcc_options(given["SFCC_SCAPI_SECRET"], given["SFCC_OCAPI_SECRET"])),
            self._simulate("opentext_case", _case_options(given["CORE_CASE_SECRET"])),
        )
        places = Places(shopify, sfcc, cases)
        self.shops = {tenant: Control(f"the shop of {tenant}", places.shop(tenant)) for tenant in SHOPS}
        self.shop, self.cases = self.shops[DAY], Control("case management", cases)
        self.sfcc = Control("the SFCC realm", sfcc)
        self._write(f"tenants/{DAY}.yaml", tenant_file(places.shop(DAY), cases))
        for name in EXAMPLES:
            self._write(f"tenants/{name}.yaml", played(name, places))
        await self._serve(given)
        for tenant, connection in SHOPS.items():
            hook = f"{self.daemon}/hooks/{tenant}/{connection}"
            await subscribe(self.shops[tenant], CLIENT, self.shop_secret, hook)

    async def _serve(self, environ: dict[str, str]) -> None:
        arguments = ["serve", "--port", "0", "--log", "json"]
        arguments += ["--tenants", str(self.folder / "tenants"), "--data", str(self.data)]
        daemon = self._process("connect serve", arguments, "serve", environ)
        await asyncio.gather(*(c.ready("/_sim/ledger") for c in (self.shop, self.sfcc, self.cases)))
        port = await daemon.says(r'"port": (\d+)[^\n]*"event": "serving"')
        self.daemon = f"http://127.0.0.1:{port}"

    async def close(self) -> None:
        """End all that runs."""
        controls = [*self.shops.values(), *(getattr(self, n) for n in ("sfcc", "cases") if hasattr(self, n))]
        for control in controls:
            await control.close()
        end(self.processes)

    async def tell(self, tenant: str, kind: str, body: dict[str, Any]) -> None:
        """Something comes in by the door of a tenant: a complaint, a request for approval."""
        await post_signed(f"{self.daemon}/in/{tenant}/{kind}", self.desk_secret, body)

    async def _simulate(self, platform: str, options: dict[str, Any]) -> str:
        config = self._write(f"secrets/{platform}.json", orjson.dumps(options).decode())
        process = self._process(
            f"the simulator of {platform}", ["simulate", platform, "--config", str(config)], platform
        )
        return await process.says(r"(http://127\.0\.0\.1:\d+)\n")

    def _process(self, name: str, arguments: list[str], log: str, environ: dict[str, str] | None = None) -> Process:
        process = Process.start(name, arguments, self.folder / "logs" / f"{log}.log", environ)
        self.processes.append(process)
        return process

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")
        return path


def _shop_options(secret: str) -> dict[str, Any]:
    shop = {"client_id": CLIENT, "client_secret": secret, "currency": "USD", "restore_rate": 1000}
    return {"shops": [shop | {"domain": domain(tenant), "cancel_seconds": 0.5} for tenant in SHOPS]}


def _sfcc_options(scapi: str, ocapi: str) -> dict[str, Any]:
    tenants = list(INSTANCES.values())
    clients = [
        {"id": "scapi-client", "secret": scapi, "tenants": tenants},
        {"id": "ocapi-client", "secret": ocapi, "kind": "ocapi", "scopes": []},
    ]
    habits = {"sites": ["RefArch"], "index_lag": 0.5, "cartridge": {"delay": 0.5}}
    return {"instances": [habits | {"tenant": tenant} for tenant in tenants], "clients": clients}


def _case_options(secret: str) -> dict[str, Any]:
    # The simulator's own limit stays: five requests in any second and tenant, then 429.
    definition = {"id": DEFINITION, "config_id": CONFIG, "outcomes": _OUTCOMES}
    tenant = {"client_id": CLIENT, "client_secret": secret}
    return {
        "tenants": [
            tenant | {"id": name, "definitions": [definition | {"prefix": prefix}]}
            for name, prefix in _PREFIXES.items()
        ]
    }


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
