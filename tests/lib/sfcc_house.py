"""The house with SFCC in the place of Shopify: its simulator, Core Case's and the pipeline on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from house import House

from caseconnect.sdk.testing.resources import MemorySecrets
from caseconnect_sfcc.simulator import SfccSettings, create_app

CONNECTIONS = """
tenant: acme
environment: test
go_live: 2025-12-01T00:00:00Z
connections:
  shop:
    platform: sfcc
    poll: {every: 1m}
    settings:
      sites: [RefArch]
      account_manager_url: http://127.0.0.1:1
      scapi:
        short_code: kv7kzm78
        organization_id: f_ecom_zzxy_prd
        client_id: scapi-client
        client_secret: {env: SCAPI_SECRET}
        base_url: http://127.0.0.1:1
      ocapi:
        host: www.brand.example
        client_id: ocapi-client
        client_secret: {env: OCAPI_SECRET}
        base_url: http://127.0.0.1:1/instances/zzxy_prd
  cases:
    platform: opentext_case
    poll: {every: 1m}
    settings:
      base_url: http://127.0.0.1:2/case
      definition_id: $DEFINITION
      config_id: $CONFIG
      auth:
        token_url: http://127.0.0.1:2/tenants/demo/oauth2/token
        client_id: connect-client
        client_secret: {env: CASE_SECRET}
      service_account: [connect.service@core-case.example]
"""


class SfccHouse(House):
    """`sfcc` is the simulator, `instance` its production instance."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self.sfcc = create_app(SfccSettings.from_dict({}), now=self.now, sleep=asyncio.sleep)
        self.shop_app, self.instance = self.sfcc, self.sfcc.instances["zzxy_prd"]
        secrets = {"SCAPI_SECRET": "scapi-secret", "OCAPI_SECRET": "ocapi-secret", "CASE_SECRET": "connect-secret"}
        self.secrets = MemorySecrets(secrets)


@asynccontextmanager
async def sfcc_house(folder: Path, **options: Any) -> AsyncIterator[SfccHouse]:
    """A house that is started and stopped."""
    built = SfccHouse(folder, **options)
    await built.start()
    try:
        yield built
    finally:
        await built.stop()
