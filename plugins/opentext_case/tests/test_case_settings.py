from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from caseconnect.sdk.commands import AttachDocument, CloseCase, CommentCase, OpenCase, UpdateCase
from caseconnect.sdk.components import Every, Repeat, Settings
from caseconnect.sdk.errors import PermanentError, TransientError
from caseconnect.sdk.events import CaseChanged
from caseconnect.sdk.pace import Pace
from caseconnect.sdk.testing.plugin import offered
from caseconnect.sdk.testing.virtual import run
from caseconnect_opentext_case import plugin
from caseconnect_opentext_case.config import CoreCaseSettings
from caseconnect_opentext_case.connection import client_of
from caseconnect_opentext_case.example import EXAMPLE

WRONG = [
    ({"base_url": "http://us.example.com/case"}, "https"),
    ({"base_url": "https://user:pw@us.example.com"}, "credentials"),
    ({"base_url": "us.example.com"}, "https"),
    ({"auth": {"tenant_id": None}}, "tenant_id"),
    ({"auth": {"client_secret": "plain"}}, "env"),
    ({"auth": {"client_secret": None}}, "client_secret"),
    ({"auth": {"form": "password_form"}}, "username"),
    ({"auth": {"form": "refresh_token"}}, "refresh_token"),
    ({"auth": {"tenant_id": None, "token_url": "https://a.example/t", "discovery": True}}, "discovery"),
    ({"auth": {"token_url": "http://a.example/t"}}, "https"),
    ({"paths": {"read_case": "/api"}}, "METHOD /path"),
    ({"paths": {"read_case": "GET /cases/{id}"}}, "definition"),
    ({"paths": {"read_case": ""}}, "read_case"),
    ({"paths": {"list_cases": ""}}, "list_cases"),
    ({"fields": {"reference": ""}}, "reference"),
    ({"fields": {"status": "a..b"}}, "dotted"),
    ({"attributes": {"x": {"path": "a."}}}, "dotted"),
    ({"edit": {"mode": "merge", "leave_out": ["a"]}}, "leave_out"),
    ({"listing": {"page_sise": 3}}, "page_sise"),
    ({"priorities": {"critical": "P1"}}, "critical"),
]


@pytest.mark.parametrize(("settings", "text"), WRONG)
def test_wrong_settings_are_refused(settings_of: Any, settings: Any, text: Any) -> None:
    with pytest.raises(ValidationError, match=text):
        settings_of(**settings)


@pytest.mark.parametrize("missing", ["base_url", "definition_id", "config_id", "auth"])
def test_what_no_default_can_be_right_for_is_required(missing: Any) -> None:
    settings = yaml.safe_load(EXAMPLE)
    del settings[missing]
    with pytest.raises(ValidationError, match=missing):
        CoreCaseSettings.model_validate(settings)


@pytest.mark.parametrize("base", ["http://127.0.0.1:8123/case", "http://localhost:1", "http://[::1]:8080/x"])
def test_plain_http_only_on_this_machine(settings_of: Any, base: Any) -> None:
    assert settings_of(base_url=base).base_url == base


def test_account_is_where_and_whose(settings_of: Any) -> None:
    one, other = settings_of(), settings_of(auth={"tenant_id": "other"})
    assert one.account == settings_of(listing={"page_size": 7}).account
    assert one.account != other.account


def test_the_rate_is_the_account_s(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        pace = rig.resources.pace = Pace(4.7, 1.0)
        settings = rig.settings.model_copy(update={"requests_per_second": 2.0})
        rig.resources._shared.clear()
        client = client_of(settings, rig.resources)
        assert pace.rate == 2
        began = rig.clock.now()
        for _ in range(3):
            await client.read_definition()
        # A token and three reads, the first at once.
        assert (rig.clock.now() - began).total_seconds() == pytest.approx(1.5, abs=0.01)

    run(story())


def test_further_statuses_that_had_no_effect(make_rig: Any) -> None:
    async def story() -> None:
        for statuses, error in ([423], TransientError), ([], PermanentError):
            rig = make_rig(retry_statuses=statuses, look_first=False)
            rig.fault("status", "create_case", code=423)
            with pytest.raises(error):
                await rig.sink.execute(OpenCase(title="t", description="d", reference="test/s/o/1/t/1"), "k")

    run(story())


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"test_definition": "trial"}, "test_definition"),
        ({"definitions": {"a/b": {"definition_id": "d", "config_id": "c"}}}, "no slash"),
        ({"decider": "task"}, "list_tasks"),
        ({"decider": "comment", "paths": {"list_comments": ""}}, "list_comments"),
        ({"definitions": {"a": {"definition_id": "d", "config_id": "c", "sections": {}}}}, "sections"),
    ],
)
def test_further_settings_that_are_refused(settings_of: Any, settings: Any, text: Any) -> None:
    with pytest.raises(ValidationError, match=text):
        settings_of(**settings)


def test_what_the_plugin_offers() -> None:
    found = offered(plugin)
    (source,), (sink,), (trigger,), (simulator,) = (
        found[kind] for kind in ("sources", "sinks", "triggers", "simulators")
    )
    assert {spec.name for spec in (source, sink, trigger, simulator)} == {"opentext_case"}
    assert sink.commands == {
        OpenCase: Repeat.READ,
        CommentCase: Repeat.READ,
        AttachDocument: Repeat.READ,
        UpdateCase: Repeat.STATE,
        CloseCase: Repeat.STATE,
    }
    assert source.emits == {CaseChanged}
    assert source.roots == frozenset()
    assert source.pacing.rate < 5
    assert source.pacing.burst == 1
    (every,) = trigger.wakes(CoreCaseSettings.model_validate(yaml.safe_load(EXAMPLE)))
    assert isinstance(every, Every)
    assert every.interval.total_seconds() == 60
    assert callable(simulator.app({"prefix": "/case"}))


def test_secrets_are_not_in_the_repr_of_anything(make_rig: Any) -> None:
    rig = make_rig()
    shown = repr(rig.settings) + repr(rig.resources.secrets) + repr(vars(rig.sink.client))
    assert "connect-secret" not in shown


def test_readme_names_every_setting(request: Any) -> None:
    readme = (request.path.parent.parent / "README.md").read_text()

    def names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
        for name, field in model.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, Settings):
                yield from names(inner, f"{prefix}{name}.")
            else:
                yield prefix + name

    missing = [name for name in names(CoreCaseSettings) if f"| `{name}` |" not in readme]
    assert missing == []
    table = readme.split("<!-- settings -->")[1]
    assert table.count("\n| `") == len(list(names(CoreCaseSettings)))
