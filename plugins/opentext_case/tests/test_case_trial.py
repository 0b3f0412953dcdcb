"""`check --live` on a test definition: a case is made and worked, and what does not fit is said with what would."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
import yaml

from caseconnect.sdk.deliveries import Delivery, Ignored
from caseconnect.sdk.errors import AuthError
from caseconnect.sdk.testing.virtual import START, run
from caseconnect_opentext_case.drafting import Written, draft
from caseconnect_opentext_case.simulator import ALTERNATIVE_PROFILES, DefinitionSettings, Profile, TenantSettings

FIRST = TenantSettings().definitions[0]
TRIAL = DefinitionSettings(id="0000aaaa-52c4-4f0b-8f2e-3d7f4b1f9e01", config_id="0000bbbb-6f1b", outcomes=("yes", "no"))
STEPS = ["create", "read", "comment", "document", "change", "outcome", "find", "close"]


def trial_rig(make_rig: Any, profile: Any = "default", tenant: dict[str, Any] | None = None, **settings: Any) -> Any:
    return make_rig(
        profile,
        tenant={"definitions": (FIRST, TRIAL), **(tenant or {})},
        definitions={"trial": {"definition_id": TRIAL.id, "config_id": TRIAL.config_id}},
        test_definition="trial",
        **settings,
    )


async def tried(rig: Any) -> dict[str, Any]:
    steps = await rig.sink.check()
    return {s.step.removeprefix("trial: "): s for s in steps if s.step.startswith("trial: ")}


@pytest.mark.parametrize("profile", ["default", *ALTERNATIVE_PROFILES])
def test_everything_fits(make_rig: Any, profile: Any) -> None:
    async def story() -> None:
        rig = trial_rig(make_rig, profile)
        steps = await tried(rig)
        assert [(name, step.ok, step.note if not step.ok else "") for name, step in steps.items()] == [
            (name, True, "") for name in STEPS
        ]
        (case,) = rig.store.cases.values()
        assert case.definition_id == TRIAL.id
        assert case.fields.status == rig.tenant.profile.status_closed
        assert (len(case.comments), len(case.attachments)) == (1, 1)
        assert (await rig.source.check())[0].ok
        assert len(rig.store.cases) == 1
        document, _ = await rig.source.types.named("trial").client.read_case(case.id)
        polled = Delivery("cases", "case", f"trial/{case.id}@1", START, orjson.dumps(document), polled=True)
        assert isinstance(rig.source.parse(polled), Ignored)

    run(story())


def test_nothing_is_made_without_a_test_definition(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        assert not await tried(rig)
        assert rig.store.ledger == []

    run(story())


@pytest.mark.parametrize(
    ("tenant", "settings", "step", "text"),
    [
        ({"profile": Profile(case_part="case")}, {}, "create", "Unknown part 'caseInstance'"),
        ({"profile": Profile(comment_key="text")}, {}, "comment", "needs a text in 'text'"),
        ({"profile": Profile(collection_key="rows")}, {}, "document", "_embedded.rows"),
        ({"profile": Profile(put="replace")}, {"edit": {"mode": "merge"}}, "change", "`edit.mode` to replace"),
        ({"listing_lag": 300.0}, {}, "find", "not found within 60 s"),
        ({"profile": Profile(status_closed="Done")}, {}, "close", "its status is 'Done'"),
        ({"profile": Profile()}, {"close": {"by": "status"}}, "close", "its status is 'Open'"),
        ({"profile": Profile()}, {"service_account": ["somebody"]}, "read", "`service_account`"),
    ],
)
def test_what_does_not_fit_is_said(make_rig: Any, tenant: Any, settings: Any, step: Any, text: Any) -> None:
    async def story() -> None:
        rig = trial_rig(make_rig, tenant=tenant, **settings)
        found = (await tried(rig))[step]
        assert not found.ok
        assert text in found.note

    run(story())


def test_settings_are_drafted_from_the_answer(make_rig: Any) -> None:
    async def story() -> None:
        moved = Profile(
            status_path="caseProperties.defaultAttributes.caseStatus",
            number_path="displayId",
            priority_path="caseProperties.customAttributes.casePriority",
        )
        rig = trial_rig(make_rig, tenant={"profile": moved}, fields={"title": "caseProperties.defaultAttributes.name"})
        note = (await tried(rig))["read"].note
        drafted = yaml.safe_load(note.partition("fit:\n")[2])["fields"]
        assert drafted["number"] == "displayId"
        assert drafted["status"] == "caseProperties.defaultAttributes.caseStatus"
        assert "title" not in drafted

    run(story())


def test_what_was_written_is_found_wherever_it_came_to_be(settings_of: Any) -> None:
    written = Written("The title", "d", "", "test/trial/none/x/none/1", "c1")
    answer = {
        "case": {"uuid": "c1", "subject": "The title", "text": "d", "lifecycleState": "New"},
        "extra": [{"name": "ref", "value": written.reference}],
        "audit": {"modifiedOn": "2026-01-01T00:00:00Z", "createdOn": "not a time"},
    }
    settings = settings_of(fields={"client_name": ""})
    drafted = yaml.safe_load(draft(answer, written, settings))["fields"]
    assert drafted == {
        "title": "case.subject",
        "summary": "case.text",
        "reference": "extra.ref",
        "id": "case.uuid",
        "status": "case.lifecycleState",
        "updated_on": "audit.modifiedOn",
        "custom": "extra",
        "custom_shape": "pairs",
    }
    right = settings.model_copy(update={"fields": settings.fields.model_copy(update=drafted)})
    assert draft(answer, written, right) == ""


def test_what_the_definition_has_no_place_for(settings_of: Any) -> None:
    written = Written("t", "d", "", "test/trial/none/x/none/1", "c1")
    answer = {"id": "c1", "caseProperties": {"defaultAttributes": {"caseTitle": "t", "summary": "d"}}}
    text = draft(answer, written, settings_of(fields={"client_name": ""}))
    assert "reference: # not in the answer" in text


def test_refused_credentials_end_the_trial(make_rig: Any) -> None:
    async def story() -> None:
        rig = trial_rig(make_rig)
        object.__setattr__(rig.app.tenants[rig.tenant.id].store, "settings", replace(rig.tenant, client_secret="other"))
        with pytest.raises(AuthError):
            await rig.sink.check()

    run(story())
