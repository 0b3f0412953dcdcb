"""A shop that is another one than it was, or than its file says, is asked nothing until a person has looked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toy_world import ToySettings, ToySource
from toys import Pipe, World, flow, opening

from caseconnect.sdk.commands import HoldOrder
from caseconnect.sdk.errors import AuthError, PermanentError, TransientError
from caseconnect.sdk.testing import run


class Knowing(ToySource):
    """Its platform tells whose it is."""

    def __init__(self, world: World, connection: str, says: list[Any]) -> None:
        super().__init__(world, connection)
        self.says = says

    async def identity(self) -> str:
        said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if isinstance(said, Exception):
            raise said
        return str(said)


def knowing(p: Pipe, *says: Any) -> list[Any]:
    """The shop's platform answers these from now on, the last for ever."""
    left = list(says)
    shop = p.tenant.connections["shop"]
    assert shop.source
    source = replace(shop.source, build=lambda s, r: Knowing(p.world, r.connection, left))
    p.tenant = replace(p.tenant, connections={**p.tenant.connections, "shop": replace(shop, source=source)})
    return left


def account(p: Pipe, name: str) -> dict[str, Any]:
    shop = replace(p.tenant.connections["shop"], settings=ToySettings(account=name))
    return {"connections": {**p.tenant.connections, "shop": shop}}


async def resume(p: Pipe) -> None:
    assert await p.journal.resume("acme", "access", "shop", "it moved", "ann", p.now())


def test_a_file_that_names_another_shop_is_cut_off_until_a_person_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(HoldOrder()))]) as p:
            assert p.alerts() == []
            await p.reload(**account(p, "other-shop"))
            await p.look()
            (alert,) = p.journal.stuck()["alerts"]
            assert alert["title"] == (
                "nothing is asked of shop any more: it was the account shop and the file says other-shop. If that is"
                " meant: connect resume --tenant acme --access shop --yes --reason WHY"
            )
            assert (world.of("HoldOrder"), world.fetched) == ([], [])
            await p.restart()
            await p.pass_time(3600)
            assert world.of("HoldOrder") == []
            await resume(p)
            assert p.alerts() == []
            await p.pass_time(3600)
            assert world.of("HoldOrder") == ["HoldOrder"]
            await p.restart()
            assert p.alerts() == [], "it was said once"

    run(story())


def test_a_shop_that_says_another_name_than_the_file_gets_nothing_and_its_cases_wait(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        p = Pipe(tmp_path, world, [flow("review", opening(HoldOrder()))])
        knowing(p, "foreign-shop")
        async with p:
            await p.look()
            await p.pass_time(600)
            assert world.of() == [], "neither a hold nor a case"
            (alert,) = p.journal.stuck()["alerts"]
            assert alert["cause"] == "account:shop"
            assert "the platform says that it is foreign-shop, the file says shop" in alert["title"]
            assert "the file says shop" in p.notes()["OpenCase"]
            await p.reload(**account(p, "foreign-shop"))
            await resume(p)
            await p.pass_time(3600)
            assert sorted(world.of()) == ["HoldOrder", "OpenCase"]

    run(story())


def test_one_that_cannot_be_asked_now_is_asked_again_and_one_that_is_right_once(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        p = Pipe(tmp_path, world, [flow("review", opening(HoldOrder()))])
        left = knowing(p, TransientError("down"), TransientError("down"), "shop", "never asked")
        async with p:
            await p.look()
            assert world.of() == []
            await p.pass_time(3600)
            assert sorted(world.of()) == ["HoldOrder", "OpenCase"]
            assert left == ["never asked"]
            assert p.alerts() == []

    run(story())


@pytest.mark.parametrize(("error", "alerts"), [(AuthError("revoked"), ["auth:shop"]), (PermanentError("gone"), [])])
def test_a_shop_that_cannot_be_asked_stops_no_other_connection(
    tmp_path: Path, error: Exception, alerts: list[str]
) -> None:
    async def story() -> None:
        world = World()
        p = Pipe(tmp_path, world, [flow("review", opening(HoldOrder()))], poll={"shop": "10m"})
        knowing(p, error, error, "shop")
        async with p:
            await p.look()
            assert p.alerts() == alerts, "not of the cases, whose command it was that asked"
            assert {brake.name for brake in p.journal.brakes()} == ({"shop"} if alerts else set())
            assert set(p.journal.counts()["commands"]) == {"planned"}, "nothing is refused for it"
            await p.pass_time(3600)
            assert sorted(world.of()) == ["HoldOrder", "OpenCase"]
            assert p.alerts() == []

    run(story())
