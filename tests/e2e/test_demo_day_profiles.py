"""Orders of the demo's day with Core Cases that speak in other ways than our defaults: each comes out as it must.

In one process on virtual time; the tenant file is the demo's, with what a tenant would say of such a Core Case.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from house import SECRET, SHOP, House

from caseconnect.host.journal import SqliteJournal
from caseconnect.sdk.http import Http, asgi_transport
from caseconnect.sdk.testing import run
from caseconnect_demo import control, evidence, playing
from caseconnect_demo.day import DAY
from caseconnect_demo.judging import judge
from caseconnect_demo.tenants import tenant_file
from caseconnect_opentext_case.simulator import ALTERNATIVE_PROFILES, SETTINGS_OF, CoreCaseSimulatorSettings, Profile
from caseconnect_opentext_case.simulator import create_app as create_case_app
from caseconnect_shopify.simulator import Shop
from caseconnect_shopify.simulator import create_app as create_shop_app

TENANT = "acme"
ORDERS = tuple(
    scenario
    for scenario in DAY
    if scenario.key in {"payment_failure", "partial", "changed_mind", "verified", "all_at_once", "captured"}
)
"""All that is done to a case: made though the answer was lost, told, changed, decided twice, left open."""
LIST_OF_V2 = "GET /v2/definitions/{definition}/case-instances"


def _variant(name: str, settings: Mapping[str, Mapping[str, str]], **changes: Any) -> tuple[Profile, Any]:
    spoken = SETTINGS_OF[name]
    said = {section: {**spoken.get(section, {}), **values} for section, values in settings.items()}
    return replace(ALTERNATIVE_PROFILES[name], **changes), {**spoken, **said}


PROFILES: Mapping[str, tuple[Profile, Any]] = {
    # Other part names, PUT replaces, offset paging, a search by parameter.
    "workflow-like": _variant("workflow-like", {}),
    # Attributes in a list, rows without data, no search, offset paging: a lost create is found by reading the list.
    "attribute-list": _variant("attribute-list", {"listing": {"paging": "offset"}}, paging="offset", put="replace"),
    # Other paths and keys, no search, nobody named as the one who decided, comments that move no stamp.
    "other-paths": _variant(
        "no-listing",
        {
            "listing": {"find": "listing", "changes": "listing"},
            "paths": {"list_cases": LIST_OF_V2},
            "create": {"encoding": "multipart"},
        },
        list_cases=LIST_OF_V2,
        search="none",
        create_encoding="multipart",
    ),
}


class DayHouse(House):
    """The house with the demo's tenant file and platforms as the demo starts them."""

    def __init__(self, folder: Path, profile: Profile, settings: Mapping[str, Any]) -> None:
        super().__init__(folder, tenant=_file(settings, self._time()))
        self.shop = Shop(domain=SHOP, client_id="connect-demo", client_secret=SECRET, now=self.now,
                         restore_rate=1000, cancel_seconds=0.5, first_id=None)  # fmt: skip
        self.shop_app = create_shop_app([self.shop], deliver=self._deliver)
        definition = next(iter(CoreCaseSimulatorSettings().tenants)).definitions[0]
        definition = replace(definition, outcomes=("approved", "rejected", "verify"))
        tenant = replace(next(iter(CoreCaseSimulatorSettings().tenants)), id=TENANT, client_id="connect-demo",
                         definitions=(definition,), profile=profile)  # fmt: skip
        self.case_app = create_case_app(CoreCaseSimulatorSettings(tenants=(tenant,)), now=self.now)
        self.cases = self.case_app.stores[TENANT]

    def _time(self) -> datetime:
        loop: Any = asyncio.get_running_loop()
        found: datetime = loop.now()
        return found

    async def work(self) -> None:
        """What the daemon and the platforms do by themselves."""
        while True:
            await self.settle()
            await asyncio.sleep(0.2)


def _file(settings: Mapping[str, Any], now: datetime) -> str:
    data = yaml.safe_load(tenant_file("http://127.0.0.1:1", "http://127.0.0.1:2"))
    data |= {"tenant": TENANT, "go_live": (now - timedelta(hours=1)).isoformat()}
    shop, cases = (data["connections"][name]["settings"] for name in ("shop", "cases"))
    shop["client_secret"], cases["auth"]["client_secret"] = {"env": "SHOP_SECRET"}, {"env": "CASE_SECRET"}
    cases["auth"]["token_url"] = f"http://127.0.0.1:2/tenants/{TENANT}/oauth2/token"
    for name, value in settings.items():
        both = isinstance(value, dict) and isinstance(cases.get(name), dict)
        cases[name] = {**cases[name], **value} if both else value
    return yaml.safe_dump(data)


@pytest.mark.parametrize("name", PROFILES)
def test_the_demo_day(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile, settings = PROFILES[name]

    async def story() -> None:
        h = DayHouse(tmp_path, profile, settings)

        class VirtualDatetime(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Any:
                return h.now()

        def http(address: str, **given: Any) -> Http:
            app: Any = {"shop": h.shop_app, "cases": h.case_app}.get(address.split("/")[2], h.hooks)
            return Http(address, **given, transport=asgi_transport(app=app))

        monkeypatch.setattr(control, "Http", http)
        for module in (playing, evidence):
            monkeypatch.setattr(module, "TENANT", TENANT)
        monkeypatch.setattr(playing, "datetime", VirtualDatetime)
        await h.start()
        h.subscribe()
        journal = SqliteJournal.read(tmp_path / "journal.db")
        place: Any = SimpleNamespace(
            shop=control.Control("the shop", "http://shop"),
            cases=control.Control("the cases", "http://cases"),
            hook="http://hooks/hooks/acme/shop",
            shop_secret=SECRET,
            check=lambda: None,
        )
        said: list[str] = []
        day = playing.Day(place, ORDERS, journal, said.append)
        working = asyncio.create_task(h.work())
        try:
            await day.play()
            judgement = judge(ORDERS, await evidence.gather(place, journal, day))
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            journal.close()
            await h.stop()
        assert judgement.problems == []
        assert judgement.totals()["cases_opened"] == len(ORDERS) == 6

    run(story(), start=datetime.now(UTC).replace(microsecond=0))
