"""Owner, deadline, closing, comments, and who decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from caseconnect.sdk.commands import CloseCase, OpenCase, UpdateCase
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import PermanentError, UnknownOutcome
from caseconnect.sdk.testing.virtual import run
from caseconnect_opentext_case.client import Reply
from caseconnect_opentext_case.simulator import CaseInput

AGENT, OTHER = "agent.one@core-case.example", "agent.two@core-case.example"
DUE = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
CUSTOM = "caseProperties.customAttributes"


def opening(**more: Any) -> OpenCase:
    given: dict[str, Any] = {"title": "t", "description": "d", "reference": "test/shop/order/1/review/1"}
    return OpenCase(**{**given, **more})


async def read(rig: Any, case: Any) -> Any:
    return await rig.source.fetch(Need(fact="case", subject=rig.subject(case.id)))


@pytest.mark.parametrize("timestamps", ["zulu", "offset"])
def test_owner_and_deadline(make_rig: Any, timestamps: Any) -> None:
    async def story() -> None:
        rig = make_rig(timestamps=timestamps)
        one, two = (person.id for person in rig.store.people.agents)
        await rig.sink.execute(opening(owner=one, due=DUE), "k")
        (case,) = rig.store.cases.values()
        found = await read(rig, case)
        assert (found.assignee, found.due_at) == (one, DUE)
        assert found.created_at == case.created_on.replace(microsecond=case.created_on.microsecond // 1000 * 1000)
        later = UpdateCase(owner=two, due=DUE + timedelta(days=1), target=rig.subject(case.id))
        assert (await rig.sink.verify(later, "k2")).seen is False
        await rig.sink.execute(later, "k2")
        assert (await rig.sink.verify(later, "k2")).seen is True
        found = await read(rig, case)
        assert (found.assignee, found.due_at) == (two, DUE + timedelta(days=1))

    run(story())


def test_owner_and_deadline_as_mapped_attributes(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(fields={"assignee": f"{CUSTOM}.queue", "due": f"{CUSTOM}.dueBy"})
        await rig.sink.execute(opening(owner="Fraud team", due=DUE), "k")
        (case,) = rig.store.cases.values()
        assert (case.custom["queue"], case.custom["dueBy"]) == ("Fraud team", "2026-02-03T04:05:00.000Z")
        found = await read(rig, case)
        assert (found.assignee, found.due_at) == ("Fraud team", DUE)
        notes = {s.step: s.note for s in await rig.sink.check()}
        assert notes["owner"] == "mapped to the custom attribute queue"
        assert notes["priority"].startswith("native")

    run(story())


def test_what_has_no_place_is_in_the_description_and_told_at_an_update(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(fields={"assignee": "", "due": ""})
        await rig.sink.execute(opening(owner="Fraud team", due=DUE), "k")
        (case,) = rig.store.cases.values()
        assert case.default["summary"] == "d\nOwner: Fraud team\nDue: 2026-02-03 04:05 UTC"
        update = UpdateCase(owner="x", priority="high", target=rig.subject(case.id))
        assert (await rig.sink.execute(update, "k2")).note == "no place in this case type: owner"
        with pytest.raises(PermanentError, match=r"fields\.assignee"):
            await rig.sink.execute(UpdateCase(owner="x", target=rig.subject(case.id)), "k3")
        notes = {s.step: s.note for s in await rig.sink.check()}
        assert "description" in notes["owner"]
        assert "description" in notes["deadline"]

    run(story())


@pytest.mark.parametrize(
    ("form", "roles", "sent"),
    [
        ("text", [], "u1"),
        ("id", [], {"id": "u1", "caseIdentityType": "User"}),
        ("email", ["u1"], {"email": "u1", "caseIdentityType": "FunctionalRole"}),
        ("etsUuid", [], {"etsUuid": "u1", "caseIdentityType": "User"}),
    ],
)
def test_forms_of_an_owner(settings_of: Any, form: Any, roles: Any, sent: Any) -> None:
    from caseconnect_opentext_case.composing import holds, update_of

    settings = settings_of(owner_form=form, functional_roles=roles)
    values, _ = update_of(UpdateCase(owner="u1"), settings)
    assert values == {settings.fields.assignee: sent}
    shown = {"caseProperties": {"defaultAttributes": {"assignee": {"id": "u1", "email": "U1", "etsUuid": "u1"}}}}
    assert holds(shown, values)
    assert not holds({"caseProperties": {"defaultAttributes": {"assignee": {"id": "u2"}}}}, values)


def close(rig: Any, case: Any) -> CloseCase:
    return CloseCase(note="It resolved itself.", target=rig.subject(case.id))


@pytest.mark.parametrize("profile", ["default", "workflow-like", "no-listing", "attribute-list"])
def test_closing_once(make_rig: Any, profile: Any) -> None:
    async def story() -> None:
        rig = make_rig(profile)
        await rig.sink.execute(opening(), "k")
        (case,) = rig.store.cases.values()
        operation = "edit_case_data" if profile == "no-listing" else "close_case"
        assert (await rig.sink.verify(close(rig, case), "k2")).seen is False
        rig.fault("drop_after", operation)
        with pytest.raises(UnknownOutcome):
            await rig.sink.execute(close(rig, case), "k2")
        assert (await rig.sink.verify(close(rig, case), "k2")).seen is True
        assert (await rig.sink.execute(close(rig, case), "k2")).note == "it was closed already"
        assert len(rig.effects(operation)) == 1
        assert (await read(rig, case)).closed

    run(story())


def test_closing_says_why_where_there_is_a_place_for_it(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig("no-listing", close={"note": f"{CUSTOM}.closedBecause"})
        await rig.sink.execute(opening(), "k")
        (case,) = rig.store.cases.values()
        await rig.sink.execute(close(rig, case), "k2")
        assert case.custom["closedBecause"] == "It resolved itself."
        sent: list[Any] = []
        other = make_rig(close={"body": {"reason": {"code": 7}}, "note": "reason.text"})
        await other.sink.execute(opening(), "k")
        (case,) = other.store.cases.values()

        async def remember(_: str, body: Any) -> None:
            sent.append(body)

        other.sink.client.close_case = remember
        await other.sink.execute(close(other, case), "k2")
        assert sent == [{"reason": {"code": 7, "text": "It resolved itself."}}]
        assert other.settings.close.body == {"reason": {"code": 7}}

    run(story())


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"close": {"by": "none"}}, "set `close.by`"),
        ({"close": {"by": "status"}, "fields": {"status": ""}}, r"fields\.status"),
        ({"close": {"by": "status"}, "closed_statuses": []}, r"close\.status"),
        ({"paths": {"close_case": ""}}, r"paths\.close_case"),
        ({"paths": {"close_case": "POST /api/v1/close/{case}"}}, "404"),
    ],
)
def test_closing_is_refused_with_the_way(make_rig: Any, settings: Any, text: Any) -> None:
    async def story() -> None:
        rig = make_rig(**settings)
        await rig.sink.execute(opening(), "k")
        (case,) = rig.store.cases.values()
        with pytest.raises(PermanentError, match=text):
            await rig.sink.execute(close(rig, case), "k2")
        assert case.fields.status == "Open"

    run(story())


def test_our_own_account_never_decides(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        await rig.sink.execute(opening(), "k")
        (case,) = rig.store.cases.values()
        rig.store.decide(case.id, "approved", rig.store.service)
        found = await read(rig, case)
        assert (found.outcome, found.decided_by) == (None, None)
        rig.store.decide(case.id, "approved", AGENT)
        assert (await read(rig, case)).outcome == "approved"

    run(story())


def test_the_author_of_the_last_comment_decided(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(decider="comment", fields={"decided_by": ""})
        case = rig.store.create_case(rig.settings.definition_id, CaseInput(default={"caseTitle": "x"}), AGENT)
        assert (await read(rig, case)).decided_by is None
        for who in (AGENT, OTHER, rig.store.service):
            rig.store.comment(case.id, "yes", who)
        rig.store.change(case.id, OTHER, outcome="approved")
        found = await read(rig, case)
        assert (found.outcome, found.decided_by) == ("approved", rig.store.person(OTHER).id)

    run(story())


def test_who_finished_the_last_task_decided(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(decider="task", paths={"list_tasks": "GET /workflow/v1/historic-task-instances"})
        case = rig.store.create_case(rig.settings.definition_id, CaseInput(default={"caseTitle": "x"}), AGENT)
        rig.store.change(case.id, AGENT, outcome="approved")
        service = rig.store.service.id
        tasks = [
            {"assignee": "ann", "endTime": "2026-01-01T10:00:00.000+0000"},
            {"assignee": "bob", "endTime": "2026-01-01T12:00:00.000+0000"},
            {"assignee": "cid", "endTime": None},
            {"assignee": service, "endTime": "2026-01-02T12:00:00.000+0000"},
        ]
        asked: list[Any] = []

        async def listed(*of: Any) -> Any:
            asked.append(of)
            return tasks

        rig.source.client.tasks = listed
        assert (await read(rig, case)).decided_by == "bob"
        assert asked == [(case.id, {"processBusinessKey": case.id, "finished": "true"})]

    run(story())


@pytest.mark.parametrize("size", [2, 100], ids=["newest first", "all on each page"])
def test_a_comment_that_comes_between_two_pages_is_one_comment(make_rig: Any, size: int) -> None:
    async def story() -> None:
        rig = make_rig(listing={"page_size": 2})
        rows = [{"id": "3"}, {"id": "2"}, {"id": "1"}]

        async def call(operation: str, case: str, *, query: dict[str, str]) -> Reply:
            start = 0 if size > 2 else 2 * (int(query["page"]) - 1)
            found = rows[start : start + size]
            if len(rows) < 5:
                rows.insert(0, {"id": str(len(rows) + 1)})
            return Reply({"_embedded": {"comments": found}})

        rig.source.client._call = call
        found = [row["id"] for row in await rig.source.client.comments("c1")]
        assert len(found) == len(set(found))
        assert {"1", "2", "3"} <= set(found)

    run(story())
