"""One story over four ways in which Core Case may speak."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from caseconnect.models import Document
from caseconnect.sdk.commands import CommentCase, OpenCase, UpdateCase
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import UnknownOutcome
from caseconnect.sdk.testing.virtual import run

AGENT = "agent.one@core-case.example"
REFERENCE = "test/shop/order/1001/order_review/1"
SNAPSHOT = Document(name="order.json", media_type="application/json", content=b'{"id": 1001}')


@pytest.mark.parametrize("profile", ["default", "workflow-like", "no-listing", "attribute-list"])
def test_from_order_to_decision(make_rig: Any, read_on: Any, profile: Any) -> None:
    async def story() -> None:
        rig = make_rig(profile)
        assert all(step.ok for step in [*await rig.source.check(), *await rig.sink.check()])
        _, cursor = await read_on(rig, None)

        opening = OpenCase(
            title="Order #1001: address mismatch",
            description="Billing is not shipping.",
            priority="high",
            attributes={"orderNumber": "1001"},
            documents=(SNAPSHOT,),
            reference=REFERENCE,
        )
        opened = await rig.sink.execute(opening, "open")
        (case,) = rig.store.cases.values()
        assert opened.data["id"] == case.id
        assert case.custom["externalReference"] == REFERENCE
        assert [a.content for a in case.attachments] == [SNAPSHOT.content]
        target = rig.subject(case.id)

        comment = CommentCase(name="why", text="The order is held.", target=target)
        rig.fault("drop_after", "add_comment")
        with pytest.raises(UnknownOutcome):
            await rig.sink.execute(comment, "comment")
        assert (await rig.sink.verify(comment, "comment")).seen is True

        update = UpdateCase(name="hold", priority="urgent", attributes={"holdState": "held"}, target=target)
        await asyncio.sleep(1)
        await rig.sink.execute(update, "update")
        assert (await rig.sink.verify(update, "update")).seen is True
        assert case.fields.priority == "Urgent"
        assert (case.custom["holdState"], case.custom["orderNumber"]) == ("held", "1001")

        items, cursor = await read_on(rig, cursor, [case.id])
        assert items == []

        await asyncio.sleep(1)
        rig.store.decide(case.id, "approved", AGENT)
        rig.restart()
        items, cursor = await read_on(rig, cursor, [case.id])
        assert items == [case.id]
        need = Need(fact="case", subject=target)
        first = await rig.source.fetch(need)
        assert (first.outcome, first.closed, first.updated_by_us) == ("approved", False, False)
        assert first.priority == "urgent"
        assert first.attributes["orderNumber"] == "1001"
        assert [c.ours for c in first.comments] == [True]

        await asyncio.sleep(1)
        again = UpdateCase(name="hold", attributes={"holdState": "released"}, target=target)
        await rig.sink.execute(again, "update-2")
        items, cursor = await read_on(rig, cursor, [case.id])
        assert items == []
        second = await rig.source.fetch(need)
        assert (second.outcome, second.revision, second.updated_by_us) == ("approved", first.revision, True)

        await asyncio.sleep(1)
        rig.store.close(case.id, AGENT)
        items, cursor = await read_on(rig, cursor, [case.id])
        assert items == [case.id]
        assert (await rig.source.fetch(need)).closed is True

    run(story())


@pytest.mark.parametrize("profile", ["default", "workflow-like", "no-listing", "attribute-list"])
def test_lost_create_is_found_or_told_to_be_unfindable(make_rig: Any, profile: Any) -> None:
    async def story() -> None:
        rig = make_rig(profile)
        opening = OpenCase(title="t", description="d", reference=REFERENCE)
        for number in range(4):
            other = opening.model_copy(update={"reference": f"test/shop/order/{number}/order_review/1"})
            await rig.sink.execute(other, str(number))
            await asyncio.sleep(1)
        finds = rig.settings.listing.find != "none"
        assert (await rig.sink.verify(opening, "k")).seen is (False if finds else None)
        rig.fault("drop_after", "create_case")
        with pytest.raises(UnknownOutcome):
            await rig.sink.execute(opening, "k")
        sighting = await rig.sink.verify(opening, "k")
        assert sighting.seen is (True if finds else None)
        assert sighting.data.get("id") == (rig.effects("create_case")[-1].case_id if finds else None)

    run(story())


@pytest.mark.parametrize("profile", ["default", "workflow-like"])
def test_outcome_set_again_is_another_revision(make_rig: Any, profile: Any) -> None:
    async def story() -> None:
        rig = make_rig(profile)
        done = await rig.sink.execute(OpenCase(title="t", description="d", reference=REFERENCE), "k")
        need = Need(fact="case", subject=rig.subject(done.data["id"]))
        revisions = []
        for outcome in ("approved", "rejected", "approved"):
            rig.store.decide(done.data["id"], outcome, AGENT)
            revisions.append((await rig.source.fetch(need)).revision)
            await asyncio.sleep(1)
        assert len(set(revisions)) == 3

    run(story())
