"""Agents, by calls and over HTTP; state, ledger and pages."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from caseconnect_opentext_case.simulator import (
    CaseInput,
    CaseStore,
    CoreCaseSimulatorSettings,
    DefinitionSettings,
    Profile,
    Refused,
    SettingsError,
    TenantSettings,
    create_app,
)

AGENT = "agent.two@core-case.example"
EVIL = "<script>alert(1)</script>\"'&"


def act(world: Any, case: str, action: str, **body: Any) -> Any:
    return world.raw("POST", f"/_sim/cases/{case}/{action}", json=body)


def test_decide_tells_who_and_when(world: Any) -> None:
    case = world.created()
    world.later(60)
    answer = act(world, case, "decide", outcome="approved", by=AGENT, comment="checked by phone", close=True)
    assert answer.status_code == 200
    state = answer.json()
    wanted = {"outcome": "approved", "decided_by": AGENT, "decided_on": "2026-10-05T12:01:00.250000+00:00"}
    assert (wanted | {"status": "Closed", "updated_by": AGENT}).items() <= state.items()
    assert [(item["by"], item["text"]) for item in state["comments"]] == [(AGENT, "checked by phone")]
    assert [item["what"] for item in state["history"]] == ["create_case", "decide", "add_comment", "close_case"]
    assert [entry.via for entry in world.store.ledger] == ["api", "agent", "agent", "agent"]


def test_a_decision_can_be_changed_until_closed(world: Any) -> None:
    case = world.created()
    act(world, case, "decide", outcome="approved")
    act(world, case, "decide", outcome="rejected", by=AGENT)
    assert world.store.cases[case].fields.outcome == "rejected"
    act(world, case, "close")
    assert act(world, case, "decide", outcome="approved").status_code == 409
    assert act(world, case, "reopen").json()["status"] == "Open"
    assert act(world, case, "reopen").status_code == 409
    assert act(world, case, "decide", outcome="approved").json()["outcome"] == "approved"


def test_other_acts(world: Any) -> None:
    number = world.store.cases[world.created({"risk": "high"})].number
    assert act(world, number, "comment", text="hello", by=AGENT).status_code == 200
    content = base64.b64encode(b"proof").decode()
    assert act(world, number, "attach", name="a.txt", type="text/plain", base64=content).status_code == 200
    progress = {"stage": "In review", "priority": "High", "assignee": AGENT, "due_on": "2026-10-09T00:00:00Z"}
    changed = act(
        world, number, "change", progress=progress, custom={"risk": None, "note": "n"}, default={"summary": "s"}
    )
    state = changed.json()
    assert (progress | {"due_on": "2026-10-09T00:00:00+00:00"}).items() <= state.items()
    assert (state["custom"], state["default"]["summary"]) == ({"note": "n"}, "s")
    assert world.store.case(number).attachments[0].content == b"proof"


def test_a_case_opened_by_an_agent_is_seen_by_the_api(world: Any) -> None:
    answer = world.raw("POST", "/_sim/cases", json={"default": {"caseTitle": "Recall"}, "custom": {"sku": "A-1"}})
    assert answer.status_code == 201
    case = world.read(answer.json()["id"])
    assert case["caseProperties"]["customAttributes"] == {"sku": "A-1"}
    assert case["caseProperties"]["defaultAttributes"]["createdByUser"]["email"] == "agent.one@core-case.example"


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("decide", {"outcome": "maybe"}, 400),
        ("decide", {}, 400),
        ("decide", {"outcome": "approved", "by": "nobody"}, 400),
        ("comment", {"text": "  "}, 400),
        ("attach", {"name": "a", "base64": "?"}, 400),
        ("change", {"progress": {"colour": "red"}}, 400),
        ("change", {"progress": {"stage": "Nowhere"}}, 400),
        ("change", {"custom": []}, 200),
        ("change", {"custom": [1]}, 400),
        ("dance", {}, 404),
        ("close", {"tenant": "nobody"}, 404),
    ],
)
def test_acts_refused(world: Any, action: str, body: dict[str, Any], status: int) -> None:
    case = world.created()
    answer = act(world, case, action, **body)
    assert answer.status_code == status
    if status != 200:
        assert list(answer.json()) == ["exception"]
        assert world.effects() == ["create_case"]


def test_unknown_case_is_refused(world: Any) -> None:
    assert act(world, "CASE-99", "close").status_code == 404
    assert world.raw("GET", "/cases/CASE-99").status_code == 404


def test_store_without_http() -> None:
    store = CaseStore(TenantSettings(agents=()))
    definition = next(iter(store.definitions))
    case = store.create_case(definition, CaseInput(default={"caseTitle": "t"}), "new.person@x.example")
    assert (case.created_by.first_name, case.created_by.last_name) == ("New", "Person")
    store.decide(case.id, "approved", by="new.person@x.example")
    assert [entry.by for entry in store.ledger] == ["new.person@x.example"] * 2
    assert store.person(None) is not store.service
    with pytest.raises(Refused, match="does not exist"):
        store.case("nope")


def test_free_outcomes_where_the_definition_lists_none(make_world: Any) -> None:
    definition = DefinitionSettings("d", "c", outcomes=(), stages=())
    world = make_world(TenantSettings(rate_limit=0, definitions=(definition,)))
    assert act(world, world.created(), "decide", outcome="as you like").status_code == 200
    assert 'name="outcome" required' in world.raw("GET", "/cases/CASE-1").text


def test_ledger_holds_effects_not_refusals(world: Any) -> None:
    case = world.created()
    world.ask("add_comment", case=case, json={})
    world.ask("add_comment", case=case, json={"message": "m"})
    ledger = world.raw("GET", "/_sim/ledger").json()["ledger"]
    assert [(entry["sequence"], entry["operation"], entry["case_id"]) for entry in ledger] == [
        (1, "create_case", case),
        (2, "add_comment", case),
    ]
    calls = world.raw("GET", "/_sim/state").json()["tenants"]["demo"]["calls"]
    assert [call["status"] for call in calls] == [200, 201, 400, 201]


def test_pages_show_and_escape_everything(world: Any) -> None:
    body = world.body({f"k{EVIL}": EVIL}, caseTitle=EVIL, clientName=EVIL)
    answer = world.create(body, (f"{EVIL[:20]}.txt", b"x", "text/plain"))
    case = answer.json()["id"]
    world.store.comment(case, EVIL, by=f"{EVIL}@x.example")
    world.store.change(case, assignee=EVIL, priority=EVIL)
    for path in ("/", f"/cases/{case}", "/cases/CASE-1"):
        page = world.raw("GET", path)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;" in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    shown = world.raw("GET", f"/cases/{case}").text
    for text in ("Comments", "Documents", "History", "add_attachment", "not OpenText"):
        assert text in shown
    bad = world.raw("GET", "/cases/%3Cscript%3E")
    assert (bad.status_code, "<script" in bad.text) == (404, False)


def test_documents_are_downloads(world: Any) -> None:
    case = world.create(None, ("x.html", b"<script>", "text/html")).json()["id"]
    document = world.store.cases[case].attachments[0]
    answer = world.raw("GET", f"/cases/{case}/attachments/{document.id}")
    assert answer.content == b"<script>"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert world.raw("GET", f"/cases/{case}/attachments/none").status_code == 404


def test_buttons_of_the_page(world: Any) -> None:
    case = world.created()
    form = {"outcome": "approved", "by": AGENT, "comment": "", "close": "on"}
    answer = world.raw("POST", f"/_sim/cases/{case}/decide", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{case}")
    assert world.store.cases[case].fields.status == "Closed"
    assert "/reopen" in world.raw("GET", f"/cases/{case}").text


def test_app_over_ready_stores_and_its_prefix() -> None:
    store = CaseStore(TenantSettings(profile=Profile()))
    assert create_app([store]).stores == {"demo": store}
    for wrong in ("case", "/case/"):
        with pytest.raises(SettingsError, match="prefix"):
            create_app([store], prefix=wrong)
    with pytest.raises(SettingsError, match="id of its own"):
        create_app([store, store])
    with pytest.raises(SettingsError, match="at least one"):
        create_app(CoreCaseSimulatorSettings(tenants=()))
