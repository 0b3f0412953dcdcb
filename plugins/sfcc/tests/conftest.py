"""A client and a source on the simulator, in this process and on virtual time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from caseconnect.sdk.resources import Resources
from caseconnect.sdk.testing.resources import make_resources
from caseconnect.sdk.testing.wire import Wire
from caseconnect_sfcc.config import SfccSettings
from caseconnect_sfcc.simulator import SfccSettings as SimulatorSettings
from caseconnect_sfcc.simulator import create_app

START = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)
SECRETS = {"SCAPI": "scapi-secret", "OCAPI": "ocapi-secret", "AGENT": "agent@shop.example", "KEY": "agent-access-key"}
SETTINGS: dict[str, Any] = {
    "sites": ["RefArch"],
    "account_manager_url": "https://sim.test",
    "scapi": {
        "short_code": "kv7kzm78",
        "organization_id": "f_ecom_zzxy_prd",
        "client_id": "scapi-client",
        "client_secret": {"env": "SCAPI"},
        "base_url": "https://sim.test",
    },
    "ocapi": {
        "host": "www.brand.example",
        "client_id": "ocapi-client",
        "client_secret": {"env": "OCAPI"},
        "base_url": "https://sim.test/instances/zzxy_prd",
    },
}


class Clock:
    """Virtual time, moved by hand."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Desk:
    """A simulated instance, the wire to it, and what a connection is built from."""

    def __init__(self, simulator: Any, settings: Any) -> None:
        self.clock = Clock()
        self.app = create_app(SimulatorSettings.from_dict(simulator), now=self.clock)
        self.instance = self.app.instances["zzxy_prd"]
        self.wire = Wire(self.app)
        self.settings = SfccSettings.model_validate({**SETTINGS, **settings})
        self.resources = self.fresh()

    def fresh(self) -> Resources:
        return make_resources(secrets=SECRETS, transport=self.wire, now=self.clock, connection="shop")

    def asked(self) -> list[str]:
        """The requests so far, without those for tokens: method and path."""
        return [f"{s.method} {s.path}" for s in self.wire.sent if not s.path.endswith("access_token")]


@pytest.fixture
def desk() -> Callable[..., Desk]:
    def make(simulator: Any = None, **settings: Any) -> Desk:
        return Desk(simulator or {}, settings)

    return make
