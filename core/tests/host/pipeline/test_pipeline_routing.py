"""Where commands go: to the case, to the order's own connection, or to the one that the flow names."""

from __future__ import annotations

from pathlib import Path

from toys import ORDER, Pipe, World, flow, opening

from caseconnect.models import Document
from caseconnect.sdk.commands import AssessRisk, AttachDocument, CancelOrder, CloseCase, HoldOrder, OpenCase
from caseconnect.sdk.testing import run

PAPER = Document(name="a.txt", media_type="text/plain", content=b"proof")


def test_documents_and_the_closing_go_to_the_case_and_wait_for_it(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        more = (AttachDocument(name="a", document=PAPER), CloseCase(note="it was paid"))
        async with Pipe(tmp_path, world, [flow("review", opening(*more))]) as p:
            await p.look()
            targets = [(kind, target) for kind, target, _ in world.effects]
            assert targets == [("OpenCase", "c1"), ("AttachDocument", "desk/case/c1"), ("CloseCase", "desk/case/c1")]

    run(story())


def test_a_flow_names_who_carries_a_kind_out(tmp_path: Path) -> None:
    async def story() -> None:
        flows = [flow("review", opening(HoldOrder(), CancelOrder()), via={"CancelOrder": "desk"})]
        async with Pipe(tmp_path, World(), flows) as p:
            await p.look()
            (matter,) = p.told()["matters"]
            places = {c["kind"]: (c["connection"], c["target"]) for c in matter["commands"]}
            assert places["CancelOrder"] == ("desk", str(ORDER))
            assert places["HoldOrder"] == ("shop", str(ORDER))

    run(story())


def test_what_may_be_used_is_left_out_where_nobody_carries_it_out(tmp_path: Path) -> None:
    async def story() -> None:
        uses = frozenset({AssessRisk, HoldOrder, OpenCase})
        asked = opening(HoldOrder(), AssessRisk(level="high"))
        flows = [flow("review", asked, uses=uses, asks=lambda _: frozenset({OpenCase}))]
        async with Pipe(tmp_path, World(), flows) as p:
            await p.look()
            assert {c.partition(":")[0] for c in p.commands()} == {"OpenCase", "HoldOrder"}
            assert "no connection carries it out: AssessRisk" in str(p.told()["decisions"])

    run(story())
