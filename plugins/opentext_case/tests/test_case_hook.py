"""A workflow that calls us: it only says look, and our secret says that it is ours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from caseconnect.sdk.components import Every, Webhook
from caseconnect.sdk.deliveries import Delivery, Ignored
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.testing.virtual import START, run
from caseconnect_opentext_case.trigger import wakes

SECRET = {"env": "CC_SECRET"}
RECALL = {"definition_id": "d-2", "config_id": "c-2"}


def call(body: Any, topic: str = "cases") -> Delivery:
    return Delivery("cases", topic, "d1", START, body if isinstance(body, bytes) else orjson.dumps(body))


def test_nobody_may_call_without_a_secret(settings_of: Any) -> None:
    assert wakes(settings_of()) == (Every(timedelta(minutes=1)),)


def test_how_the_call_is_verified(settings_of: Any) -> None:
    hook = {"scheme": "hmac-sha256-hex", "header": "X-Signature", "prefix": "sha256="}
    webhook, _ = wakes(settings_of(hook_secret=SECRET, previous_hook_secret=SECRET, hook=hook))
    assert webhook == Webhook(
        signature_header="X-Signature",
        secrets=("hook_secret", "previous_hook_secret"),
        scheme="hmac-sha256-hex",
        prefix="sha256=",
    )
    plain, _ = wakes(settings_of(hook_secret=SECRET))
    assert isinstance(plain, Webhook)
    assert (plain.scheme, plain.secrets) == ("secret", ("hook_secret",))


@pytest.mark.parametrize("topic", ["cases", ""])
def test_a_call_says_look(make_rig: Any, topic: Any) -> None:
    async def story() -> None:
        rig = make_rig(hook_secret=SECRET, hook={"case": "payload.case.id"})
        (event,) = rig.source.parse(call({"payload": {"case": {"id": "c1"}, "outcome": "approved"}}, topic)).events
        assert (event.subject, event.refs, event.reference) == (rig.subject("c1"), (), None)
        assert event.time == START

    run(story())


def test_a_call_of_a_further_definition(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(hook_secret=SECRET, hook={"definition": "type"}, definitions={"recall": RECALL})
        (event,) = rig.source.parse(call({"caseId": "c1", "type": "d-2"})).events
        assert (event.subject, event.refs) == (rig.subject("recall/c1"), ())
        (event,) = rig.source.parse(call({"caseId": "c1"})).events
        assert (event.subject, event.refs) == (rig.subject("c1"), (rig.subject("recall/c1"),))
        with pytest.raises(PermanentError, match="no case definition"):
            rig.source.parse(call({"caseId": "c1", "type": "d-9"}))

    run(story())


@pytest.mark.parametrize("body", [b"{", b"[]", {"case": "c1"}, {"caseId": ""}, {"caseId": {}}])
def test_a_call_that_names_no_case_is_parked_with_the_reason(make_rig: Any, body: Any) -> None:
    async def story() -> None:
        rig = make_rig(hook_secret=SECRET)
        with pytest.raises(PermanentError, match=r"JSON|hook\.case"):
            rig.source.parse(call(body))
        assert isinstance(rig.source.parse(call({"caseId": "c1"}, "other/topic")), Ignored)

    run(story())


def test_a_case_of_an_unknown_definition_is_tried_with_each(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(definitions={"recall": RECALL})
        from caseconnect_opentext_case.simulator import CaseInput

        case = rig.store.create_case(rig.settings.definition_id, CaseInput(default={"caseTitle": "x"}))
        assert await rig.source.root(rig.subject(f"recall/{case.id}")) is None
        assert await rig.source.root(rig.subject(case.id)) == rig.subject(case.id)

    run(story())
