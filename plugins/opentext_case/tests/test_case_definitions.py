"""Several case definitions on one connection: each case belongs to one, and its id says which."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from caseconnect.models import Case, Document
from caseconnect.sdk.commands import AttachDocument, CloseCase, CommentCase, OpenCase, UpdateCase
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Parsed
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.testing.virtual import START, run
from caseconnect_opentext_case.simulator import Attribute, CaseInput, DefinitionSettings

RECALL = DefinitionSettings(
    id="9c0f6d0e-2222-4f0b-8f2e-3d7f4b1f9e02",
    config_id="9c0f6d0e-3333-4f0b-8f2e-3d7f4b1f9e02",
    name="Recall",
    prefix="REC-",
    outcomes=("Suppress", "Dismiss"),
    attributes=(Attribute("batch", required=True, max_length=10), Attribute("externalReference")),
)
CUSTOM = "caseProperties.customAttributes"
RECALL_SETTINGS = {
    "definition_id": RECALL.id,
    "config_id": RECALL.config_id,
    "fields": {"client_name": ""},
    "attributes": {
        "batch": {"path": f"{CUSTOM}.batch", "max_length": 10, "too_long": "refuse"},
        "vin": "caseProperties.inputForms.product.vin",
    },
    "required": [f"{CUSTOM}.batch"],
    "outcomes": {"suppress": "approved"},
    "constants": {f"{CUSTOM}.origin": "connect"},
}
AGENT = "agent.one@core-case.example"


def two(make_rig: Any, recall: dict[str, Any] | None = None, **settings: Any) -> Any:
    """A connection with the default definition and one for recalls."""
    first = DefinitionSettings(id="11111111-52c4-4f0b-8f2e-3d7f4b1f9e01", config_id="22222222-6f1b", outcomes=("ok",))
    return make_rig(
        tenant={"definitions": (first, RECALL)},
        definitions={"recall": {**RECALL_SETTINGS, **(recall or {})}},
        **settings,
    )


def recall(**more: Any) -> OpenCase:
    given: dict[str, Any] = {
        "title": "Batch 7",
        "description": "d",
        "definition": "recall",
        "reference": "test/shop/product/7/recall/1",
        "attributes": {"batch": "B-7", "vin": "W0L"},
    }
    return OpenCase(**{**given, **more})


@pytest.mark.parametrize("changes", ["listing", "watch"])
def test_a_case_of_a_further_definition(make_rig: Any, read_on: Any, changes: Any) -> None:
    async def story() -> None:
        rig = two(make_rig, listing={"changes": changes, "page_size": 1})
        _, cursor = await read_on(rig, None)
        opened = await rig.sink.execute(recall(), "k")
        (case,) = rig.store.cases.values()
        assert (opened.data["id"], opened.data["number"]) == (f"recall/{case.id}", "REC-1")
        assert case.definition_id == RECALL.id
        assert opened.aliases == (rig.subject(f"recall/{case.id}"),)
        assert case.custom == {"batch": "B-7", "origin": "connect", "externalReference": recall().reference}
        assert case.forms == {"product": {"vin": "W0L"}}
        assert (await rig.sink.verify(recall(), "k")).data["id"] == f"recall/{case.id}"
        assert (await rig.sink.execute(recall(), "k")).note.startswith("it was there")

        target = rig.subject(f"recall/{case.id}")
        document = Document(name="batch.pdf", media_type="application/pdf", content=b"%PDF")
        for command in (
            CommentCase(text="x", target=target),
            UpdateCase(priority="high", target=target),
            AttachDocument(document=document, target=target),
        ):
            assert (await rig.sink.execute(command, "k")).state == "done"
        assert [len(case.comments), len(case.attachments), case.fields.priority] == [1, 1, "High"]

        await asyncio.sleep(1)
        rig.store.decide(case.id, "Suppress", AGENT)
        items, cursor = await read_on(rig, cursor, [f"recall/{case.id}"])
        assert items == [f"recall/{case.id}"]
        found = await rig.source.fetch(Need(fact="case", subject=target))
        assert isinstance(found, Case)
        assert (found.definition, found.id, found.outcome) == ("recall", f"recall/{case.id}", "approved")
        assert found.attributes["vin"] == "W0L"
        file = target._replace(kind="document", id=found.files[0].id)
        assert (await rig.source.fetch(Need(fact="document", subject=file))).content == b"%PDF"
        assert await rig.source.root(target) is None

        await rig.sink.execute(CloseCase(note="over", target=target), "k")
        assert case.fields.status == "Closed"

    run(story())


def test_changes_of_all_lists_are_told_page_by_page(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        rig = two(make_rig, listing={"page_size": 1})
        one = rig.store.create_case(rig.settings.definition_id, CaseInput(default={"caseTitle": "old"}), AGENT)
        _, cursor = await read_on(rig, None)
        assert (await read_on(rig, cursor))[0] == []
        await asyncio.sleep(1)
        two_ = rig.store.create_case(RECALL.id, CaseInput(default={"caseTitle": "r"}, custom={"batch": "1"}), AGENT)
        rig.store.change(one.id, AGENT, custom={"a": "b"})
        rig.restart()
        items, cursor = await read_on(rig, cursor)
        assert sorted(items) == sorted([one.id, f"recall/{two_.id}"])
        assert (await read_on(rig, cursor))[0] == []
        page = await rig.source.read((await rig.source.read(None, [])).cursor, [])
        assert page.more

    run(story())


def test_one_list_over_all_definitions(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        everywhere = "GET /api/v1/case-definitions/{definition}/cases"
        rig = two(make_rig, recall={"definition_id": "some-other"}, paths={"list_cases": everywhere})
        # Both paths are the same only when the definition is no part of it: the platform's word is the row's.
        for kind in rig.source.types.all:
            object.__setattr__(kind.client.dialect, "definition", RECALL.id)
        object.__setattr__(rig.source.types.named("recall").settings, "definition_id", RECALL.id)
        _, cursor = await read_on(rig, None)
        await asyncio.sleep(1)
        made = rig.store.create_case(RECALL.id, CaseInput(default={"caseTitle": "r"}, custom={"batch": "1"}), AGENT)
        items, _ = await read_on(rig, cursor)
        assert items == [f"recall/{made.id}"]

    run(story())


def test_a_definition_that_is_new_begins_at_now(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        alone = make_rig()
        _, cursor = await read_on(alone, None)
        rig = two(make_rig)
        old = rig.store.create_case(RECALL.id, CaseInput(default={"caseTitle": "old"}, custom={"batch": "1"}), AGENT)
        await asyncio.sleep(1)
        items, cursor = await read_on(rig, cursor)
        assert items == []
        await asyncio.sleep(1)
        rig.store.change(old.id, AGENT, custom={"a": "b"})
        assert (await read_on(rig, cursor))[0] == [f"recall/{old.id}"]

    run(story())


def test_what_the_definition_requires_is_refused_before_anything_is_sent(make_rig: Any) -> None:
    async def story() -> None:
        rig = two(make_rig)
        wrong = [
            (recall(attributes={"vin": "W0L"}), "requires caseProperties.customAttributes.batch"),
            (recall(attributes={"batch": "B-1234567890"}), "at most 10"),
            (recall(definition="warranty"), "'recall'"),
        ]
        for command, text in wrong:
            with pytest.raises(PermanentError, match=text):
                await rig.sink.execute(command, "k")
        assert not rig.store.cases

    run(story())


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, ""),
        ({"config_id": "another"}, "config_id"),
        ({"attributes": {}, "required": []}, "'batch' is required"),
        ({"attributes": {"batch": f"{CUSTOM}.batch"}}, "takes 10 characters"),
        ({"attributes": {"batch": f"{CUSTOM}.batch", "x": f"{CUSTOM}.gone"}}, "declares no such attribute"),
        ({"outcomes": {"withdraw": "approved"}}, "'withdraw'"),
        ({"definition_id": "unknown"}, "404"),
    ],
)
def test_check_compares_the_definition_with_the_settings(make_rig: Any, changes: Any, wrong: Any) -> None:
    async def story() -> None:
        rig = two(make_rig, recall=changes)
        (step,) = (s for s in await rig.source.check() if s.step == "case definition recall")
        assert step.ok is (wrong == "")
        assert wrong in step.note
        if not wrong:
            assert "batch" in step.note
            assert "Suppress" in step.note
            assert step.choices is not None
            assert (step.choices.definition, step.choices.outcomes) == ("recall", ("approved", "Dismiss"))

    run(story())


def test_check_finds_a_required_path_that_nothing_fills(make_rig: Any) -> None:
    async def story() -> None:
        rig = two(make_rig, recall={"required": [f"{CUSTOM}.batch", f"{CUSTOM}.plant"]})
        (step,) = (s for s in await rig.sink.check() if s.step == "required attributes recall")
        assert not step.ok
        assert "plant" in step.note

    run(story())


def test_a_changed_definition_has_another_state(make_rig: Any) -> None:
    async def story() -> None:
        rig = two(make_rig)

        async def state() -> str:
            (step,) = (s for s in await rig.source.check() if s.step == "case definition recall")
            return str(step.state)

        first = await state()
        definition = rig.store.definitions[RECALL.id]
        definition.outcomes.reverse()
        assert await state() == first
        definition.outcomes.append("Postpone")
        second = await state()
        definition.attributes.append(Attribute("plant"))
        assert len({first, second, await state()}) == 3

    run(story())


def test_a_delivery_is_read_as_its_definition_says(make_rig: Any) -> None:
    async def story() -> None:
        rig = two(make_rig, recall={"fields": {"id": "caseId"}})
        body = b'{"caseId": "c1", "caseProperties": {}}'
        parsed = rig.source.parse(Delivery("cases", "case", "recall/c1@1", START, body, polled=True))
        assert isinstance(parsed, Parsed)
        assert parsed.events[0].subject == rig.subject("recall/c1")

    run(story())


def test_what_the_definition_does_not_declare_is_not_compared(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(declares={"attributes": "", "outcomes": ""}, outcomes={"nowhere": "x"})
        (step,) = (s for s in await rig.source.check() if s.step == "case definition")
        assert (step.ok, step.note) == (True, "attributes: not declared; outcomes: not declared")

    run(story())
