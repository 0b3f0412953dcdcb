"""A person takes our hold off: the matter claims it no more, and holds again only on a new ground."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from toys import ORDER, Pipe, World, flow, found

from caseconnect.sdk.commands import HoldOrder
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.events import Event, OrderChanged
from caseconnect.sdk.testing import run


def test_a_hold_that_a_person_took_off_comes_back_only_on_a_new_ground(tmp_path: Path) -> None:
    grounds: list[str] = []

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        need = Need(fact="order", subject=ORDER)
        if facts.lacking((need,)):
            return Needs(needs=(need,))
        if not isinstance(event, OrderChanged):
            return Decision(reason="settled")
        return Decision(reason="odd", findings=tuple(found(g) for g in grounds), commands=(HoldOrder(),))

    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", decide)]) as p:
            for seen, holds in ((["1"], 1), (["1", "2"], 2), (["2"], 2), (["1", "2"], 2), (["2", "3"], 3)):
                grounds[:] = seen
                await p.look()
                await p.pass_time(60)
                assert len(world.of("HoldOrder")) == holds
                world.held.clear()
                await p.look()
                await p.look()
                assert p.told()["matters"][0]["claims"] == []
                assert len(world.of("HoldOrder")) == holds

    run(story())


def test_a_new_ground_in_the_look_that_shows_the_hold_gone_counts(tmp_path: Path) -> None:
    """The use case is asked before the journal believes what the order shows; both are one commit."""
    grounds = ["1"]

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        need = Need(fact="order", subject=ORDER)
        if facts.lacking((need,)):
            return Needs(needs=(need,))
        return Decision(reason="odd", findings=tuple(found(g) for g in grounds), commands=(HoldOrder(),))

    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", decide)]) as p:
            await p.look()
            await p.pass_time(60)
            world.held.clear()
            grounds.append("2")
            await p.look()
            assert world.of() == ["HoldOrder", "HoldOrder"]
            assert len(p.told()["matters"][0]["claims"]) == 1

    run(story())
