"""A rehearsal reads and never writes: the transport refuses, whatever a plugin tries."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import toy_shop
import toy_world
from toys import PLACED, Pipe, World, flow, looking

from caseconnect.host.rehearsal import plan
from caseconnect.host.rehearsal.plan import Played, Sources
from caseconnect.host.rehearsal.transport import ReadingOnly
from caseconnect.models.base import Record
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.errors import PluginError
from caseconnect.sdk.http import asgi_transport
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.testing import run
from caseconnect.sdk.testing.resources import MemorySecrets

SECRETS = MemorySecrets({"SECRET": "the-app-secret", "KEY": toy_shop.KEY})
SETTINGS = toy_shop.ToySettings.model_validate(
    {"base_url": "http://127.0.0.1:9", "app_secret": {"env": "SECRET"}, "webhook_key": {"env": "KEY"}}
)


class Reader(toy_world.ToySource):
    """Reads an order by GET, having got a token by POST; does to it what `act` says first."""

    def __init__(self, resources: Resources, act: str) -> None:
        super().__init__(World(), resources.connection)
        self.client, self.act = toy_shop.Client(SETTINGS, resources), act

    async def fetch(self, need: Need) -> Record:
        """The order, after the act."""
        if self.act:
            await self.client.ask("POST", f"/orders/{need.subject.id}/{self.act}", json={"text": "seen"})
        return toy_shop.Thing.model_validate(await self.client.ask("GET", f"/orders/{need.subject.id}"))


def looks(event: Any, matter: Matter, facts: Facts, settings: Any, now: Any) -> Decision | Needs:
    order = facts.get("thing", matter.subject, toy_shop.Thing)
    if not isinstance(order, toy_shop.Thing):
        return Needs(needs=(Need(fact="thing", subject=matter.subject),))
    return Decision(reason=f"the order is {order.state}")


async def played(pipe: Pipe, platform: toy_shop.Platform, act: str) -> Played:
    shop = pipe.tenant.connections["shop"]
    assert shop.source is not None
    source = replace(
        shop.source, facts={"thing": toy_shop.Thing}, build=lambda settings, resources: Reader(resources, act)
    )
    connections = {**pipe.tenant.connections, "shop": replace(shop, source=source)}
    flows = (flow("review", looks, needs=frozenset({"thing"})),)
    tenant = replace(pipe.tenant, connections=connections, flows=flows)
    sources = Sources(secrets=SECRETS, transport=lambda tenant, name: asgi_transport(app=platform.app))
    return await plan.play(tenant, pipe.journal, PLACED, pipe.now(), sources)


async def tried(folder: Path, act: str) -> tuple[toy_shop.Platform, Played]:
    """A plan over one order, of which nothing was kept, with a plugin that does `act` while it reads."""
    async with Pipe(folder, World(), [flow("idle", looking())]) as pipe:
        platform = toy_shop.Platform(pipe.now)
        platform.put("1")
        await pipe.look({"id": "1"})
        return platform, await played(pipe, platform, act)


def test_reads_and_tokens_pass(tmp_path: Path) -> None:
    platform, told = run(tried(tmp_path, ""))
    assert list(told.tally.reasons.values()) == ["the order is open"]
    assert (platform.issued, told.fetched) == (1, {"thing": 1})


@pytest.mark.parametrize("act", ["hold", "note"])
def test_a_write_is_refused_before_it_goes_out(tmp_path: Path, act: str) -> None:
    platform, told = run(tried(tmp_path, act))
    assert platform.ledger == []
    assert told.tally.undecided == {f"POST /orders/#/{act}: refused, a rehearsal only reads": 1}


def test_without_the_transport_it_would_have_gone_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "ReadingOnly", lambda inner: inner)
    platform, _ = run(tried(tmp_path, "hold"))
    assert platform.ledger == [("hold", "1")]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_marked_safe_is_not_enough_for_what_changes_by_its_nature(tmp_path: Path, method: str) -> None:
    async def go() -> None:
        async with Pipe(tmp_path, World(), [flow("idle", looking())], go_live=PLACED - timedelta(days=1)) as pipe:
            platform = toy_shop.Platform(pipe.now)
            resources = pipe.live.connections["shop"].resources
            resources.transport = ReadingOnly(asgi_transport(app=platform.app))
            http = resources.http("http://127.0.0.1:9")
            with pytest.raises(PluginError, match="only reads"):
                await http.request(method, "/orders/1", safe=True)

    run(go())
