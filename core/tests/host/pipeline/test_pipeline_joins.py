"""A new item may join an open matter of its subject, if its use case says so."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from toys import Pipe, World, case_command, flow, found

from caseconnect.sdk.decisions import Decision, Facts, Matter
from caseconnect.sdk.events import Event, ItemEvent
from caseconnect.sdk.testing import run


def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision:
    """Opens a matter, or adds to the open one; '9' ends it."""
    if not isinstance(event, ItemEvent):
        return Decision(reason="told")
    finding = found(event.item.id)
    commands = () if matter.is_open() else (case_command(),)
    return Decision(reason=event.item.id, findings=(finding,), commands=commands, close=event.item.id == "9")


def joins(event: ItemEvent, matter: Matter, settings: Any) -> bool:
    """All but '5', and none to the matter of '6'."""
    return event.item.id != "5" and matter.item != "return/6"


def returned(number: str, order: str = "1") -> dict[str, Any]:
    return {"item": "return", "number": number, "of": order}


def matters(p: Pipe) -> dict[str, list[str]]:
    """Grounds of the open matters, by item."""
    return {m.key.item: [f.finding.ground for f in m.findings] for m in p.matters() if m.state == "open"}


def test_a_new_item_goes_to_the_open_matter_and_an_old_one_to_its_own(tmp_path: Path) -> None:
    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("returns", decide, by_item=True, joins=joins)]) as p:
            for number in ("7", "5", "8", "7"):
                await p.look(returned(number))
                await p.pass_time(60)
            assert matters(p) == {"return/7": ["7", "8"], "return/5": ["5"]}
            await p.look(returned("9"))
            assert matters(p) == {"return/5": ["5"]}
            await p.look(returned("8"))
            assert matters(p) == {"return/5": ["5", "8"]}
            await p.look(returned("7"))
            assert matters(p) == {"return/5": ["5", "8"]}

    run(story())


def test_without_consent_of_the_use_case_nothing_is_joined(tmp_path: Path) -> None:
    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("returns", decide, by_item=True, joins=joins)]) as p:
            await p.look(returned("6"))
            await p.look(returned("7"))
            assert matters(p) == {"return/6": ["6"], "return/7": ["7"]}

    run(story())
