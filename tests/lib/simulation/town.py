"""Two tenants and their simulated platforms: what Connect can see of the world, through wires that fail.

`acme` sells on Shopify, `birch` on SFCC; their cases are two accounts of one Core Case. Every shopper of a tenant
bears its canary, a word that nothing of the other tenant may ever hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random  # noqa: TID251 - a seeded stream: a run can be repeated
from string import Template
from typing import Any
from uuid import UUID

from house import CONFIG, DEFINITION, TOPICS
from seeded_wire import Chances, SeededWire

from caseconnect.sdk.testing.wire import Sent
from caseconnect_opentext_case.simulator import CaseStore, TenantSettings
from caseconnect_opentext_case.simulator import create_app as create_case_app
from caseconnect_sfcc.simulator import SfccSettings
from caseconnect_sfcc.simulator import create_app as create_sfcc_app
from caseconnect_sfcc.simulator.settings import CartridgeSettings, InstanceSettings
from caseconnect_shopify.simulator import Shop
from caseconnect_shopify.simulator import create_app as create_shop_app
from simulation.swarm import Plan, Swarm

MIA, BOSS = "mia@core-case.example", "agent.one@core-case.example"

_HEAD = """tenant: $tenant
environment: test
go_live: 2025-12-01T00:00:00Z
connections:
  shop:"""
_SHOPS = {
    "acme": """
    platform: shopify
    poll: {every: $poll}
    settings:
      shop: acme.myshopify.com
      client_id: sim-client
      client_secret: {env: ACME_SHOP}
      base_url: http://127.0.0.1:1""",
    "birch": """
    platform: sfcc
    poll: {every: $poll}
    settings:
      sites: [RefArch]
      account_manager_url: http://127.0.0.1:1
      scapi:
        short_code: kv7kzm78
        organization_id: f_ecom_zzxy_prd
        client_id: scapi-client
        client_secret: {env: BIRCH_SCAPI}
        base_url: http://127.0.0.1:1
      ocapi:
        host: www.brand.example
        client_id: ocapi-client
        client_secret: {env: BIRCH_OCAPI}
        base_url: http://127.0.0.1:1/instances/zzxy_prd""",
}
_REST = """
  cases:
    platform: opentext_case
    poll: {every: $poll}
    settings:
      base_url: http://127.0.0.1:2/case
      definition_id: $definition
      config_id: $config
      auth:
        token_url: http://127.0.0.1:2/tenants/$tenant/oauth2/token
        client_id: $tenant-client
        client_secret: {env: ${env}_CASES}
      service_account: [connect.service@core-case.example]
  desk:
    platform: inbound
    settings:
      secret: {env: ${env}_DESK}
      scheme: secret
      header: X-Desk
      orders: shop
      kinds: {approval_request: {}}
flows:
  - use: fraud_review
    mode: live
    settings:
      high_value: {USD: "$high"}
  - use: order_exceptions
    mode: live
  - use: approvals
    mode: live$caps
    settings:
      free_up_to: {USD: "5"}
      four_eyes: true
      people: {mia: $mia, boss: $boss}
  - use: status_updates
    mode: live
"""


@dataclass
class Tenancy:
    """One tenant's side of the world. `world` is its shop's simulator; `wires` lead there and to its cases."""

    name: str
    canary: str
    secrets: dict[str, str] = field(repr=False)
    world: Any
    cases: CaseStore
    apps: dict[str, Any]
    wires: dict[str, Wire] = field(default_factory=dict)
    capped: bool = False

    def file(self, high: str, poll: str) -> str:
        """Its tenant file."""
        mia, boss = (self.cases.person(who).id for who in (MIA, BOSS))
        given = {"definition": DEFINITION, "config": CONFIG, "tenant": self.name, "env": self.name.upper()}
        given |= {"caps": "\n    caps: {RefundPayment: {hour: {count: 1}}}" if self.capped else ""}
        given |= {"high": high, "poll": poll, "mia": mia, "boss": boss}
        return Template(_HEAD + _SHOPS[self.name] + _REST).substitute(given)


class Wire(SeededWire):
    """A wire that tells the judge of every request. `watch(wire, request, moves)`."""

    def __init__(self, tenant: str, connection: str, app: Any, swarm: Swarm, plan: Plan) -> None:
        self.tenant, self.connection = tenant, connection
        chances = Chances(swarm.hit if swarm.weights() else 0.0, swarm.weights() or {"": 1.0})
        super().__init__(app, _MOVES[_kind(tenant, connection)], plan.stream(f"wire {tenant} {connection}"),
                         swarm.seen, chances)  # fmt: skip
        self.watch: Callable[[Wire, Sent, bool], None] = lambda wire, sent, moves: None

    def sees(self, sent: Sent, *, moves: bool) -> None:
        """See `SeededWire`."""
        self.watch(self, sent, moves)


def _kind(tenant: str, connection: str) -> str:
    return "cases" if connection == "cases" else tenant


def _shopify_moves(sent: Sent) -> bool:
    return b'"query":"mutation' in sent.body and b"webhookSubscription" not in sent.body


def _sfcc_moves(sent: Sent) -> bool:
    return sent.method != "GET" and "search" not in sent.path and not sent.path.endswith("access_token")


def _case_moves(sent: Sent) -> bool:
    return sent.method != "GET" and "oauth2" not in sent.path and not sent.path.endswith(("search", "list"))


_MOVES = {"acme": _shopify_moves, "birch": _sfcc_moves, "cases": _case_moves}


class Town:
    """The world of one seed."""

    def __init__(self, plan: Plan, swarm: Swarm, now: Callable[[], datetime], deliver: Any) -> None:
        self.swarm, self.now = swarm, now
        rng = plan.stream("town")
        lag = rng.uniform(5, 60) if swarm.strikes("search lag", rng) else 0.0
        ids = plan.stream("case ids")
        stores = {name: _cases(name, ids, lag, now) for name in ("acme", "birch")}
        desk = create_case_app(list(stores.values()), now=now)
        self.shop = _shop(rng, swarm, lag, now)
        self.shop.outbox.deliver = deliver
        for topic in (*TOPICS, "customers/redact"):
            self.shop.subscribe(topic, "https://connect.test/hooks/acme/shop")
        sfcc = _sfcc(rng, swarm, lag, now)
        self.instance = sfcc.instances["zzxy_prd"]
        acme = {"ACME_SHOP": "the-shops-secret-4711", **_secrets("ACME")}
        birch = {"BIRCH_SCAPI": "scapi-secret", "BIRCH_OCAPI": "ocapi-secret", **_secrets("BIRCH")}
        shops = {"acme": (self.shop, create_shop_app([self.shop])), "birch": (self.instance, sfcc)}
        self.tenants = {
            name: Tenancy(name, f"quill{name}", secrets, world, stores[name], {"shop": app, "cases": desk})
            for (name, (world, app)), secrets in zip(shops.items(), (acme, birch), strict=True)
        }
        for tenant in self.tenants.values():
            tenant.capped = swarm.strikes("cap", plan.stream(f"cap {tenant.name}"))
            tenant.wires = {c: Wire(tenant.name, c, app, swarm, plan) for c, app in tenant.apps.items()}

    @property
    def wires(self) -> list[Wire]:
        """All wires."""
        return [wire for tenant in self.tenants.values() for wire in tenant.wires.values()]

    @property
    def secrets(self) -> dict[str, str]:
        """All secrets by name of environment variable."""
        return {name: value for tenant in self.tenants.values() for name, value in tenant.secrets.items()}


def _secrets(name: str) -> dict[str, str]:
    return {f"{name}_CASES": f"{name.lower()}-cases-secret", f"{name}_DESK": f"{name.lower()}-desk-secret"}


def _cases(name: str, ids: Random, lag: float, now: Callable[[], datetime]) -> CaseStore:
    settings = TenantSettings(
        id=name, client_id=f"{name}-client", client_secret=f"{name}-cases-secret", listing_lag=lag
    )
    return CaseStore(settings, now=now, new_id=lambda: str(UUID(int=ids.getrandbits(128), version=4)))


def _shop(rng: Random, swarm: Swarm, lag: float, now: Callable[[], datetime]) -> Shop:
    slow = swarm.strikes("slow refund", rng)
    return Shop(
        domain="acme.myshopify.com",
        client_id="sim-client",
        client_secret="the-shops-secret-4711",
        now=now,
        index_lag=lag,
        cancel_seconds=rng.uniform(1, 120) if slow else 2.0,
        slow_refunds={"shopify_payments": {"seconds": rng.uniform(1, 900), "outcome": "success"}} if slow else None,
        idempotency_errors=rng.choice(("user_errors", "top_level")),
    )


def _sfcc(rng: Random, swarm: Swarm, lag: float, now: Callable[[], datetime]) -> Any:
    slow = swarm.strikes("slow job", rng)
    job = CartridgeSettings(delay=rng.uniform(5, 300) if slow else 5.0)
    settings = SfccSettings(instances=(InstanceSettings(index_lag=max(lag, 3.0), cartridge=job),))
    return create_sfcc_app(settings, now=now)
