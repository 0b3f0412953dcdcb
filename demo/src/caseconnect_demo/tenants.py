"""The demo's tenant files: the example files with the addresses of this machine, and the file of the shop's day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from string import Template
from typing import Any

import yaml

from caseconnect.host.tenants.document import read_document
from caseconnect.host.tenants.problems import Report

DAY = "demo"
"""The tenant of the shop's day."""

EXAMPLES = ("smallest", "shopify", "sfcc", "both")
"""The example files that are played, each as a tenant of its own."""

SHOP_DOMAIN = "demo-shop.myshopify.com"
CLIENT = "connect-demo"
SERVICE = "connect.service@core-case.example"
DEFINITION, CONFIG = "7a51c9f0-52c4-4f0b-8f2e-3d7f4b1f9e01", "2f7d1d0a-6f1b-4b52-9b6c-8e7e9a4c5d02"
INSTANCES: Mapping[str, str] = {"sfcc": "zzxy_prd", "both": "zzyy_prd"}
"""The instance of SFCC that a tenant works with."""

SECRETS = (
    "SHOPIFY_CLIENT_SECRET",
    "SFCC_SCAPI_SECRET",
    "SFCC_OCAPI_SECRET",
    "CORE_CASE_SECRET",
    "DESK_SECRET",
    "BOTH_DESK_SECRET",
)
"""Environment variables that the example files take their secrets from."""

_PAST = timedelta(days=60)
_TIMING = {"quiet": "2s", "look_again": "1s", "backoff_first": "500ms", "backoff_max": "5s"}
_DAY_FILE = Template("""\
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
      client_secret: {env: SHOPIFY_CLIENT_SECRET}
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
        client_secret: {env: CORE_CASE_SECRET}
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


@dataclass(frozen=True)
class Places:
    """Where the three simulators are."""

    shopify: str
    sfcc: str
    cases: str

    def shop(self, tenant: str) -> str:
        """The address of a tenant's Shopify shop."""
        return f"{self.shopify}/shops/{domain(tenant)}"


def domain(tenant: str) -> str:
    """The domain of a tenant's Shopify shop."""
    return SHOP_DOMAIN if tenant == DAY else f"{tenant}.myshopify.com"


def tenant_file(shop: str, cases: str) -> str:
    """The file of the shop's day, with the addresses of its shop and of case management."""
    return _DAY_FILE.substitute(
        go_live=(datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds"),
        domain=SHOP_DOMAIN,
        client=CLIENT,
        shop=shop,
        cases=cases,
        definition=DEFINITION,
        config=CONFIG,
        service=SERVICE,
    )


def written(name: str) -> str:
    """An example file as it stands. The folder is a link to that of the project, so that a distribution holds it."""
    return (files("caseconnect_demo") / "examples" / f"{name}.yaml").read_text("utf-8")


def data_of(name: str) -> dict[str, Any]:
    """An example file as plain data."""
    data: dict[str, Any] = read_document(written(name).encode(), Report(f"{name}.yaml")).data
    return data


def played(name: str, places: Places) -> str:
    """An example file as the demo plays it: the same policy; accounts, poll intervals and waits are this machine's."""
    data = data_of(name)
    for part in data["connections"].values():
        overlay = _OVERLAYS.get(part["platform"])
        if overlay:
            part |= {"poll": {"every": "2s"}}
            overlay(part["settings"], name, places)
    head = {"tenant": data.pop("tenant"), "environment": data.pop("environment")}
    head["go_live"] = (datetime.now(UTC) - _PAST).isoformat(timespec="seconds")
    text = yaml.safe_dump({**head, **data, "timing": _TIMING}, sort_keys=False, allow_unicode=True)
    return f"# examples/tenants/{name}.yaml with the accounts of the demo's simulators.\n{text}"


def _shopify(settings: dict[str, Any], name: str, places: Places) -> None:
    settings |= {"shop": domain(name), "client_id": CLIENT, "base_url": places.shop(name)}


def _sfcc(settings: dict[str, Any], name: str, places: Places) -> None:
    instance = INSTANCES[name]
    settings["account_manager_url"] = places.sfcc
    settings["scapi"] |= {"organization_id": f"f_ecom_{instance}", "client_id": "scapi-client", "base_url": places.sfcc}
    settings["ocapi"] |= {"client_id": "ocapi-client", "base_url": f"{places.sfcc}/instances/{instance}"}


def _cases(settings: dict[str, Any], name: str, places: Places) -> None:
    secret = settings["auth"]["client_secret"]
    token = f"{places.cases}/tenants/{name}/oauth2/token"
    settings["auth"] = {"token_url": token, "client_id": CLIENT, "client_secret": secret}
    settings |= {"base_url": f"{places.cases}/case", "case_url": f"{places.cases}/cases/{{id}}"}
    settings.setdefault("service_account", [SERVICE])


_OVERLAYS: Mapping[str, Callable[[dict[str, Any], str, Places], None]] = {
    "shopify": _shopify,
    "sfcc": _sfcc,
    "opentext_case": _cases,
}
