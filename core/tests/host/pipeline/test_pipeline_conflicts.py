"""A conflict that is no race: told to a person instead of being decided again for ever."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toys import Pipe, World, flow, opening

from caseconnect.host.journal.errors import Conflict
from caseconnect.sdk.testing import run


def test_a_renamed_connection_parks_with_the_way_out_and_the_other_orders_go_on(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening())]) as p:
            await p.look()
        p = Pipe(tmp_path, world, [flow("review", opening(), on=("store",))])
        shop, desk = p.tenant.connections["shop"], p.tenant.connections["desk"]
        p.tenant = replace(p.tenant, connections={"store": replace(shop, name="store"), "desk": desk})
        async with p:
            await p.look(connection="store", id="after")
            assert sum(line[1] == "decided again" for line in p.log.lines) == 2
            await p.look({"id": "2"}, connection="store", id="other")
            assert world.of() == ["OpenCase"] * 2
            await p.pass_time(3 * 3600)
            (alert,) = p.journal.stuck()["alerts"]
            assert alert["cause"] == "parked:event"
            assert "the connection was renamed" in alert["title"]
            assert "connect replay events" in alert["title"]
            assert [e["lane"] for e in p.journal.stuck()["events"]] == ["store/order/1"]

    run(story())


@pytest.mark.parametrize(("conflicts", "waits"), [(2, False), (3, True)])
def test_a_real_race_is_decided_again_at_once(tmp_path: Path, conflicts: int, waits: bool) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening())]) as p:
            real, left = p.journal.decided, conflicts

            async def decided(verdict: Any) -> list[str]:
                nonlocal left
                left -= 1
                if left >= 0:
                    raise Conflict("somebody was faster")
                return await real(verdict)

            p.journal.decided = decided  # type: ignore[method-assign] # another writer
            await p.look()
            assert world.of() == ([] if waits else ["OpenCase"])
            await p.pass_time(120)
            assert (world.of(), p.alerts()) == (["OpenCase"], [])

    run(story())
