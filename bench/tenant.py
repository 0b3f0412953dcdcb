"""The bench's one tenant file."""

from __future__ import annotations

from pathlib import Path
from string import Template

from bench.orders import BENCH, QUIET, SECRET, Sender

NAME = "bench"
SECRETS = {
    "BENCH_SHOP_SECRET": SECRET,
    "QUIET_SHOP_SECRET": QUIET.secret,
    "BENCH_CASE_SECRET": "connect-secret",
    "BENCH_SCAPI_SECRET": "scapi-secret",
    "BENCH_OCAPI_SECRET": "ocapi-secret",
}
"""The environment that the references in tenant files need; all but the first are the simulators' defaults."""

NOWHERE = "http://127.0.0.1:9"
"""An address where nobody answers: for runs in which no platform is asked."""

_FILE = Template("""\
tenant: $name
environment: bench
go_live: 2020-01-01T00:00:00Z
limits:
  storm: {cases: 100000}
connections:
  shop:
    platform: shopify
    poll: {every: 6h}
    settings:
      shop: $shop
      client_id: sim-client
      client_secret: {env: $secret}
      base_url: $shop_url
  cases:
    platform: opentext_case
    poll: {every: 6h}
    settings:
      base_url: $case_url/case
      definition_id: 7a51c9f0-52c4-4f0b-8f2e-3d7f4b1f9e01
      config_id: 2f7d1d0a-6f1b-4b52-9b6c-8e7e9a4c5d02
      auth:
        token_url: $case_url/tenants/demo/oauth2/token
        client_id: connect-client
        client_secret: {env: BENCH_CASE_SECRET}
      service_account: [connect.service@core-case.example]
flows:
  - use: fraud_review
    mode: live
  - use: order_exceptions
    mode: live
  - use: status_updates
    mode: live
""")


def write(folder: Path, *, shop_url: str = NOWHERE, case_url: str = NOWHERE, quiet: bool = False) -> Path:
    """Write the tenant file into `folder`, a folder of tenant files; with `quiet` that of its neighbour too.

    `$shop` in `shop_url` stands for the shop's domain.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for sender in (BENCH, QUIET) if quiet else (BENCH,):
        (folder / f"{sender.tenant}.yaml").write_text(_text(sender, shop_url, case_url))
    return folder


def _text(sender: Sender, shop_url: str, case_url: str) -> str:
    secret = f"{sender.tenant.upper()}_SHOP_SECRET"
    at = shop_url.replace("$shop", sender.shop)
    return _FILE.substitute(name=sender.tenant, shop=sender.shop, secret=secret, shop_url=at, case_url=case_url)
