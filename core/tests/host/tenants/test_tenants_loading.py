"""Tenant files from text to validated tenants, and all that can be wrong with them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from caseconnect.host.plugins import Installed
from caseconnect.host.tenants import Tenant, TenantSet, load_files, load_tenants
from caseconnect.sdk.components import SinkSpec, TriggerSpec, Webhook

Read = Callable[..., TenantSet]


def only(found: TenantSet) -> Tenant:
    assert [str(p) for p in found.problems] == []
    (tenant,) = found.tenants.values()
    return tenant


def lines(found: TenantSet) -> list[tuple[int, str, str]]:
    assert found.tenants == {}
    return [(p.line, p.path, p.message) for p in found.problems]


def test_a_good_file(read: Read, good: str, tmp_path: Path) -> None:
    tenant = only(read(good))
    assert (tenant.name, tenant.environment, tenant.go_live) == ("acme", "production", None)
    assert tenant.digest == sha256(good.encode()).hexdigest()
    assert tenant.file == tmp_path / "acme.yaml"
    shop, cases = tenant.connections["shop"], tenant.connections["cases"]
    assert shop.settings.model_dump(include={"shop", "page_size"}) == {"shop": "acme.example", "page_size": 50}
    assert shop.webhook is not None
    assert shop.webhook.id_header == "x-id"
    assert str(shop.schedule) == "every 10m"
    assert (cases.schedule, cases.webhook, cases.trigger) == (None, None, None)
    (flow,) = tenant.flows
    assert (flow.use, flow.mode, flow.on, flow.cases) == ("review", "observe", ("shop",), "cases")
    assert flow.settings.model_dump()["hold"] is True
    assert (tenant.limits.state_changes_per_hour, tenant.limits.attempts) == (6, 8)


def test_everything_can_be_given(read: Read, good: str) -> None:
    text = good.replace("flows:\n  - use: review", "").replace(
        "platform: toyshop", "platform: toyshop\n    poll: {every: 2m}"
    )
    text += """
go_live: 2026-11-01T01:00:00+01:00
flows:
  - {use: follow, mode: live}
  - use: review
    mode: cases
    on: [shop]
    cases: cases
    settings: {thresholds: {EUR: 500.10}, limit: {amount: 12.50, currency: EUR}, exceptions: [high_risk]}
timing: {lateness: 5s, look_again: 1s}
limits: {attempts: 3}
"""
    tenant = only(read(text))
    assert tenant.go_live == datetime(2026, 11, 1, tzinfo=UTC)
    assert [f.use for f in tenant.flows] == ["follow", "review"]
    assert str(tenant.flows[1].settings.model_dump()["thresholds"]["EUR"]) == "500.10"
    assert str(tenant.flows[1].settings.model_dump()["limit"]["amount"]) == "12.50"
    assert str(tenant.connections["shop"].schedule) == "every 2m"
    assert (tenant.limits.attempts, tenant.timing.look_again) == (3, timedelta(seconds=1))


def test_timing_lies_over_the_sinks_own(read: Read, good: str, installed: Installed) -> None:
    spec: SinkSpec = installed.sinks["toyshop"]
    plain = only(read(good)).timing.for_sink(spec)
    assert (plain.deadline, plain.lateness) == (spec.deadline, spec.lateness)
    assert plain.quiet == spec.deadline + spec.lateness + spec.index_lag
    other = only(read(good + "timing: {lateness: 5s, deadline: 1s, index_lag: 2s}")).timing.for_sink(spec)
    assert (other.quiet, other.key_window) == (timedelta(seconds=8), spec.key_window)
    assert only(read(good + "timing: {quiet: 1s}")).timing.for_sink(spec).quiet == timedelta(seconds=1)


def test_all_errors_at_once_each_with_its_line(read: Read) -> None:
    text = """\
tenant: acme
environmnt: production
go_live: 2026-11-01T00:00:00
connections:
  shop:
    platform: toyshop
    settings:
      shop: 5
      login: {user: me, password: hunter22, pin: 1}
      page_siz: 3
      regions:
        eu: {user: [me], password: {env: X, file: y}}
    poll: {every: 10x}
  Cases: {platform: toycas}
flows:
  - use: reviw
    mode: livee
  - use: review
    on: shop
    settings: {exceptions: [hi_risk], hold: maybe}
  - use: review
  - 7
timing: {latenes: 5s, look_again: 7}
limits: {attempts: 0}
"""
    found = read(text)
    assert lines(found) == [
        (1, "environment", "is missing"),
        (2, "environmnt", "is no known key"),
        (3, "go_live", "a time with its offset, such as 2026-11-01T00:00:00Z is needed here, not this text"),
        (8, "connections.shop.settings.shop", "text is needed here, not a number"),
        (
            9,
            "connections.shop.settings.login.password",
            "a secret is never written into the file: give {env: NAME} or {file: path}",
        ),
        (9, "connections.shop.settings.login.pin", "is no known key"),
        (10, "connections.shop.settings.page_siz", "is no known key"),
        (12, "connections.shop.settings.regions.eu.password", "give either {env: NAME} or {file: path}"),
        (12, "connections.shop.settings.regions.eu.user", "text is needed here, not a list"),
        (13, "connections.shop.poll.every", "a duration is written like 45s, 10m, 1h30m, 2d, the larger unit first"),
        (14, "connections.Cases", "this is no name for a connection"),
        (14, "connections.Cases.platform", "no installed plugin offers the platform 'toycas'"),
        (16, "flows[0].use", "no installed plugin offers the use case 'reviw'"),
        (17, "flows[0].mode", "this value is not allowed"),
        (19, "flows[1].on", "a list is needed here, not text"),
        (20, "flows[1].settings.exceptions[0]", "this value is not allowed"),
        (20, "flows[1].settings.hold", "true or false is needed here, not this text"),
        (21, "flows[2].use", "'review' is used twice, first in line 18"),
        (22, "flows[3]", "a mapping (key: value) is needed here, not a number"),
        (23, "timing.latenes", "is no known key"),
        (23, "timing.look_again", "a duration is written like 45s, 10m, 1h30m, 2d, the larger unit first"),
        (24, "limits.attempts", "it must be greater than or equal to 1"),
    ]
    hints = {p.path: p.hint for p in found.problems}
    assert hints["environmnt"].startswith("did you mean environment?")
    assert (
        hints["connections.shop.settings.page_siz"]
        == "did you mean page_size? allowed: login, page_size, regions, shop"
    )
    assert hints["connections.shop.settings.login.pin"] == "allowed: old_passwords, password, user"
    assert hints["connections.Cases.platform"] == "did you mean toycases? installed: plainshop, toycases, toyshop"
    assert hints["flows[0].mode"] == "did you mean live? allowed: cases, live, observe"
    assert hints["flows[1].settings.exceptions[0]"].startswith("did you mean high_risk?")
    assert hints["connections.shop.settings.shop"] == "put it in quotes"
    assert "hunter22" not in "".join(map(str, found.problems))


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        (("acme\n", "other\n"), "tenant", "differs from the file's"),
        (("tenant: acme", "tenant: Ac/me"), "tenant", "these characters are not allowed"),
        (("environment: production", "environment: a/b"), "environment", "these characters are not allowed"),
        (("  shop:", "  connect:"), "connections.connect", "no name for a connection"),
        (("acme.example", "acme"), "connections.shop.settings.shop", "write the whole domain, such as acme.example"),
        (("acme.example", "crash"), "connections.shop.settings", "check of ToyShop failed: ZeroDivisionError"),
        (
            ("acme.example,", "acme.example, page_size: 9999,"),
            "connections.shop.settings.page_size",
            "less than or equal to 250",
        ),
        (
            ("platform: toyshop", "platform: sick"),
            "connections.shop.platform",
            "'sick' is broken: connect_register_sinks",
        ),
        (("platform: toyshop", "platform: asleep"), "connections.shop.platform", "switched off by CONNECT_DISABLED"),
        (("- use: review", "- use: sick"), "flows[0].use", "the plugin 'sick' is broken"),
        (
            ("{user: me, password: {env: TOY_PASSWORD}}", "{user: me}"),
            "connections.shop.settings.login.password",
            "is missing",
        ),
        (("flows:\n  - use: review", "flows: review"), "flows", "a list is needed here"),
        (("- use: review", "- {use: review, on: [shop, shop]}"), "flows[0].on[1]", "listed twice"),
        (("- use: review", "- {use: review, on: []}"), "flows[0].on", "at least 1 needed here, not 0"),
        (("- use: review", "- {use: review, on: [shp]}"), "flows[0].on[0]", "no connection 'shp'"),
        (("- use: review", "- {use: review, on: [cases]}"), "flows[0].on[0]", "needs no mention"),
        (("- use: review", "- {use: review, cases: casses}"), "flows[0].cases", "no connection 'casses'"),
        (("- use: review", "- {use: review, cases: shop}"), "flows[0]", "waits for OrderChanged, which no connection"),
    ],
)
def test_one_thing_wrong(read: Read, good: str, change: tuple[str, str], path: str, said: str) -> None:
    text = good.replace(*change)
    assert text != good
    (problem,) = read(text).problems
    assert problem.path == path
    assert said in problem.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tenant: acme\nenvironment: x\n", "connections: is missing"),
        ("tenant: acme\nenvironment: x\nconnections: {}\n", "at least one connection"),
        ("tenant: acme\nenvironment: x\nconnections: [a]\n", "at least one connection"),
        ("tenant: acme\nenvironment: x\nconnections: {a: }\n", "connections.a.platform: is missing"),
        ("- a\n- b\n", "a tenant file is a mapping"),
        ("", "the file is empty"),
        ("tenant: [acme\n", "not valid YAML"),
    ],
)
def test_not_much_of_a_file(read: Read, text: str, said: str) -> None:
    (problem,) = read(text).problems
    assert said in str(problem)
    assert str(problem).startswith(f"{problem.file}")


def test_one_bad_file_stops_one_tenant(read: Read, good: str) -> None:
    found = read(good, other=good.replace("tenant: acme", "tenant: other"), bad="tenant: [")
    assert found.tenants.keys() == {"acme", "other"}
    assert [Path(p.file).name for p in found.problems] == ["bad.yaml"]


def test_which_files_count(read: Read, good: str, tmp_path: Path, installed: Installed) -> None:
    read(good)
    (tmp_path / ".hidden.yaml").write_text("[")
    (tmp_path / "notes.txt").write_text("[")
    (tmp_path / "folder.yaml").mkdir()
    assert load_tenants(tmp_path, installed).problems == []
    (tmp_path / "acme.yml").write_text(good)
    assert "acme.yaml has the same name" in str(load_tenants(tmp_path, installed).problems[0])


def test_places_that_cannot_be_read(tmp_path: Path, installed: Installed) -> None:
    assert "no such folder" in str(load_tenants(tmp_path / "nowhere", installed).problems[0])
    assert "cannot be read" in str(load_files([tmp_path / "nowhere.yaml"], installed).problems[0])


def test_nothing_is_shown_of_secrets(read: Read, good: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_PASSWORD", "sesame-open")
    tenant = only(read(good))
    assert "sesame" not in repr(tenant)
    assert os.environ["TOY_PASSWORD"] not in tenant.connections["shop"].settings.model_dump_json()


def _raise(_: Any) -> Any:
    raise KeyError("oops")


def _two(settings: Any) -> list[Webhook]:
    return [Webhook(header, ("login",), "x-topic", "x-id") for header in ("x-sign", "x-other-sign")]


@pytest.mark.parametrize(
    ("wakes", "said"),
    [
        (_raise, "failed: KeyError"),
        (None, "names no setting with 'nothing'"),
        (_two, "has 2 webhooks, but a connection has one address"),
    ],
)
def test_a_trigger_that_breaks_its_contract(read: Read, good: str, installed: Installed, wakes: Any, said: str) -> None:
    old = installed.triggers["toyshop"]
    other = wakes or (lambda _: [Webhook("s", ("nothing",), "t", "i")])
    installed.triggers["toyshop"] = TriggerSpec("toyshop", "s", old.settings, wakes=other)
    assert said in str(read(good).problems[0])
