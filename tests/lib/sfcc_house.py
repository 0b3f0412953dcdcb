"""The house with SFCC in the place of Shopify: its simulator, Core Case's and the pipeline on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sfcc_instance
from house import House

from caseconnect.sdk.testing.resources import MemorySecrets
from caseconnect_sfcc.simulator import SfccSettings, create_app

HEAD = """
tenant: acme
environment: test
go_live: 2025-12-01T00:00:00Z
connections:
"""
CASES = """\
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
"""


def connections(every: str = "2m", sites: Sequence[str] = ("RefArch",), cases: str = "2m") -> str:
    """A tenant file up to its flows. Days of virtual time take long with a poll every minute."""
    shop = sfcc_instance.connection("http://127.0.0.1:1", every, sites)
    return HEAD + shop + CASES.replace("every: 2m", f"every: {cases}")


CONNECTIONS = connections()


class SfccHouse(House):
    """`sfcc` is the simulator, `instance` its production instance."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self.sfcc = create_app(SfccSettings.from_dict({}), now=self.now, sleep=asyncio.sleep)
        self.shop_app, self.instance = self.sfcc, self.sfcc.instances["zzxy_prd"]
        self.secrets = MemorySecrets({**sfcc_instance.SECRETS, "CASE_SECRET": "connect-secret"})


@asynccontextmanager
async def sfcc_house(folder: Path, **options: Any) -> AsyncIterator[SfccHouse]:
    """A house that is started and stopped."""
    built = SfccHouse(folder, **options)
    await built.start()
    try:
        yield built
    finally:
        await built.stop()
