"""Every command with its answer lost before or after the effect: it ends right, with exactly one effect."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from house import House, house
from stories import decided, ended, placed

from caseconnect.sdk.testing import run
from caseconnect_opentext_case.simulator import Fault as CaseFault
from caseconnect_shopify.simulator import Fault

SHOP = {
    "HoldOrder": "fulfillmentOrderHold",
    "ReleaseOrder": "fulfillmentOrderReleaseHold",
    "CancelOrder": "orderCancel",
    "AnnotateOrder tags": "tagsAdd",
    "AnnotateOrder untags": "tagsRemove",
    "AnnotateOrder fields": "metafieldsSet",
}
DESK = {"OpenCase": "create_case", "CommentCase": "add_comment"}
KINDS = ("drop_before", "drop_after", "truncate")


async def _played(h: House, outcome: str) -> dict[str, Any]:
    """Held, reviewed, decided; with waits long enough for every look."""
    order = await placed(h)
    await h.pass_time(1200)
    await decided(h, outcome, seconds=1800)
    return ended(h, order)


@cache
def undisturbed(outcome: str) -> dict[str, Any]:
    """How it ends when nothing is lost."""

    async def story(folder: Path) -> dict[str, Any]:
        async with house(folder) as h:
            return await _played(h, outcome)

    with TemporaryDirectory() as folder:
        return run(story(Path(folder)))


def test_undisturbed_it_ends_as_it_should() -> None:
    for outcome, effect in (("approved", "release"), ("rejected", "cancel")):
        end = undisturbed(outcome)
        assert end["shop"] == ["hold", effect]
        assert end["case"].count("create_case") == 1
        assert {state for _, _, state in end["commands"]} <= {"done", "superseded"}
        assert (end["matters"][0][2], end["alerts"]) == ("closed", [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", [*DESK, *SHOP])
def test_a_lost_answer(tmp_path: Path, command: str, kind: str) -> None:
    outcome = "rejected" if command == "CancelOrder" else "approved"

    async def story() -> dict[str, Any]:
        async with house(tmp_path) as h:
            if command in DESK:
                h.case_app.faults.schedule(CaseFault(kind=kind, operation=DESK[command]))  # type: ignore[arg-type]
            else:
                h.shop.faults.add(Fault(kind, operation=SHOP[command]))
            end = await _played(h, outcome)
            used = h.case_app.faults.pending() if command in DESK else h.shop.faults.faults
            assert not used, "the fault has hit nothing"
            return end

    end, wanted = run(story()), undisturbed(outcome)
    assert {**end, "commands": None} == {**wanted, "commands": None}
    assert {c for c in end["commands"] if c[2] != "superseded"} == {
        c for c in wanted["commands"] if c[2] != "superseded"
    }


def test_every_first_answer_of_both_platforms_is_lost(tmp_path: Path) -> None:
    async def story() -> dict[str, Any]:
        async with house(tmp_path) as h:
            for operation in SHOP.values():
                h.shop.faults.add(Fault("drop_after", operation=operation))
            for operation in DESK.values():
                h.case_app.faults.schedule(CaseFault(kind="drop_after", operation=operation))
            order = await placed(h)
            await h.pass_time(3600)
            await decided(h, "rejected", seconds=3600)
            return ended(h, order)

    end, wanted = run(story()), undisturbed("rejected")
    kept = ("shop", "case", "holds", "cancelled", "alerts", "tags", "metafields")
    assert {k: end[k] for k in kept} == {k: wanted[k] for k in kept}
