"""Ways around a role, a cap or the second person: each is closed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
from console_desk import ConsoleDesk, look, refund, tenant_with
from journal_desk import TENANT, case_of, now_of

from caseconnect.host.journal.records import Brake, StoredCommand
from caseconnect.host.journal.rules import CapRule, CapWindow
from caseconnect.host.pipeline.capping import all_caps
from caseconnect.host.web.console.acting import NotAllowed
from caseconnect.host.web.console.guard import Caller
from caseconnect.host.web.console.pages.orders import _ways
from caseconnect.host.web.console.people import Person, Role
from caseconnect.host.web.console.settings import ConsoleSettings
from caseconnect.sdk.commands import CancelOrder, Command
from caseconnect.sdk.subjects import Subject

Scope = Literal["tenant", "flow", "connection", "command", "access"]
FOUR_EYES = ConsoleSettings(four_eyes={"EUR": Decimal(100)})
WHOLE = {"tenant": TENANT, "scope": "tenant"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ConsoleDesk]:
    caps = {"RefundPayment": {"hour": {"count": 2, "EUR": "50"}}, "CancelOrder": {"hour": {"count": 1}}}
    acme = tenant_with(caps)

    def in_force(stored: StoredCommand) -> list[CapRule]:
        return [rule for rule in all_caps(acme) if rule.name == f"tenant:{stored.kind}"]

    made = ConsoleDesk(tmp_path, FOUR_EYES, tenants={TENANT: acme}, verbs={"caps": in_force})
    yield made
    made.close()


def planned(desk: ConsoleDesk, id_: str, amount: str) -> str:
    (key,) = desk.plan(desk.matter(subject=Subject("shop", "order", id_)), refund(amount))
    return key


def pause(desk: ConsoleDesk, scope: Scope, name: str, by: str) -> None:
    now_of(desk.journal.pause(Brake(TENANT, scope, name, "why", by, desk.now)))


def test_what_connect_lets_go_by_itself_is_in_the_queue_of_the_pause_before_it(desk: ConsoleDesk) -> None:
    pause(desk, "tenant", TENANT, "ann")
    pause(desk, "connection", "shop", "connect")
    keys = [planned(desk, id_, "80") for id_ in ("1", "2")]
    assert [(q.key, q.behind) for q in desk.journal.held_back(TENANT, "tenant", TENANT).first] == [
        (key, "shop") for key in keys
    ]
    bob, ann, eve = (desk.browser(*who) for who in (("bob", "operator"), ("ann", "approver"), ("eve", "approver")))
    assert "digest" not in bob.post("/plan/resume", WHOLE).text
    assert "when shop works again" in ann.post("/plan/resume", WHOLE).text
    assert ann.post("/do/resume", look(ann, "resume", **WHOLE)).status_code == 303
    assert len(desk.journal.brakes()) == 2
    assert eve.post("/proposals/1/confirm").status_code == 200
    assert [brake.scope for brake in desk.journal.brakes()] == ["connection"]


@pytest.mark.parametrize(("scope", "by"), [("connection", "eve"), ("access", "connect")])
def test_what_a_person_has_to_end_as_well_is_not(desk: ConsoleDesk, scope: Scope, by: str) -> None:
    pause(desk, "tenant", TENANT, "ann")
    pause(desk, scope, "shop", by)
    planned(desk, "1", "80")
    assert desk.journal.held_back(TENANT, "tenant", TENANT).count == 0


CAUSE = "cap:fraud:RefundPayment:hour"


def capped(desk: ConsoleDesk, command: Command, count: int, rule: CapRule) -> list[str]:
    """So many asked for, each of its own order; the keys of those that the cap has parked."""
    keys = []
    for n in range(count):
        matter = desk.matter(subject=Subject("shop", "order", f"9{n}"))
        ask = replace(desk.ask(matter, command), caps=(rule,))
        keys += desk.decide(ask, matters=(matter,), lane=matter.key.subject)
    return [key for key in keys if desk.state(key) == "parked"]


@pytest.mark.parametrize("command", [refund("30"), CancelOrder()], ids=["money", "no money"])
def test_an_answer_lets_nothing_past_a_cap_without_a_second(desk: ConsoleDesk, command: Command) -> None:
    desk.settings = ConsoleSettings()
    limits = {"EUR": Decimal(50)} if command.money else {}
    rule = CapRule(f"tenant:{command.kind}", (CapWindow("hour", timedelta(hours=1), 1, limits),))
    key = capped(desk, command, 2, rule)[0]
    bob, ann, eve = (desk.browser(*who) for who in (("bob", "operator"), ("ann", "approver"), ("eve", "approver")))
    again = {"key": key, "answer": "retry"}
    assert "digest" not in bob.post("/plan/answer", again).text
    assert ann.post("/do/answer", look(ann, "answer", **again)).status_code == 303
    assert desk.state(key) == "parked"
    assert eve.post("/proposals/1/confirm").status_code == 200
    assert desk.state(key) == "planned"


def test_what_was_refused_under_a_cap_is_asked_again_by_one_and_waits_under_it(desk: ConsoleDesk) -> None:
    rule = CapRule("tenant:RefundPayment", (CapWindow("hour", timedelta(hours=1), 2, {"EUR": Decimal(50)}),))
    key = capped(desk, refund("30"), 2, rule)[0]
    ann = desk.browser("ann", "approver")
    refuse = {"cause": CAUSE, "tenant": TENANT, "answer": "refuse"}
    assert ann.post("/do/let_go", look(ann, "let_go", **refuse)).status_code == 200
    assert desk.state(key) == "refused"
    again = {"key": key, "answer": "retry"}
    assert "if a cap is full then, it is parked under it" in ann.post("/plan/answer", again).text
    told = ann.post("/do/answer", look(ann, "answer", **again)).text
    assert desk.state(f"{key}~2") == "parked"
    why = f"it is parked as {key}~2: the cap of 50.00 EUR an hour is reached (tenant:RefundPayment)"
    assert f"<li>{key}: {why}</li>" in told
    assert desk.journal.clicks()[0].result == f"0 done, 1 not: {why}"


def test_of_several_asked_again_those_beyond_the_cap_wait_and_are_let_go_by_two(desk: ConsoleDesk) -> None:
    rule = CapRule("tenant:RefundPayment", (CapWindow("hour", timedelta(hours=1), 2, {"EUR": Decimal(50)}),))
    keys = capped(desk, refund("30"), 3, rule)
    ann = desk.browser("ann", "approver")
    ann.post("/do/answer", look(ann, "answer", key=keys, answer="refuse"))
    desk.pass_time(hours=1)
    ann.sign_in("ann", "approver")
    assert ann.post("/do/answer", look(ann, "answer", key=keys, answer="retry")).status_code == 200
    assert [desk.state(f"{key}~2") for key in keys] == ["planned", "parked"]
    go = {"cause": CAUSE, "tenant": TENANT, "answer": "retry", "limit": "1"}
    assert "Two people decide this" in ann.post("/plan/let_go", go).text


def test_an_orders_page_offers_no_retry_of_what_a_cap_has_parked(desk: ConsoleDesk) -> None:
    rule = CapRule("tenant:RefundPayment", (CapWindow("hour", timedelta(hours=1), 1, {}),))
    capped(desk, refund("30"), 2, rule)
    command = desk.journal.explain(TENANT, Subject("shop", "order", "91"))["matters"][0]["commands"][0]
    assert [dict(way.fields)["answer"] for way in _ways(command)] == ["done", "refuse"]
    assert [dict(way.fields)["answer"] for way in _ways({**command, "cap": ""})] == ["retry", "done", "refuse"]


def test_a_proposal_outlives_what_is_used_and_what_waits_and_gives_nothing_away(desk: ConsoleDesk) -> None:
    ann, eve = desk.browser("ann", "approver"), desk.browser("eve", "approver")
    assert ann.post("/do/change_cap", look(ann, "change_cap", **CHANGE)).status_code == 303
    rule = CapRule("tenant:RefundPayment", (CapWindow("hour", timedelta(hours=1), 2, {"EUR": Decimal(50)}),))
    capped(desk, refund("10"), 1, rule)
    assert "10 is used now" in ann.post("/plan/change_cap", CHANGE).text
    assert eve.post("/proposals/1/confirm").status_code == 200
    pause(desk, "tenant", TENANT, "ann")
    planned(desk, "1", "150")
    assert ann.post("/do/resume", look(ann, "resume", **WHOLE)).status_code == 303
    desk.plan(desk.matter(subject=Subject("shop", "order", "2")), case_of())
    assert eve.post("/proposals/2/confirm").status_code == 200


def test_another_pause_of_the_same_is_not_the_one_that_was_looked_at(desk: ConsoleDesk) -> None:
    pause(desk, "tenant", TENANT, "ann")
    bob = desk.browser("bob", "operator")
    form = look(bob, "resume", **WHOLE)
    now_of(desk.journal.resume(TENANT, "tenant", TENANT, "mended", "ann", desk.now))
    desk.pass_time(minutes=1)
    pause(desk, "tenant", TENANT, "eve")
    assert bob.post("/do/resume", form).status_code == 409


def test_what_was_done_less_than_asked_for_is_told_as_not_done(desk: ConsoleDesk) -> None:
    rule = CapRule("tenant:RefundPayment", (CapWindow("hour", timedelta(hours=1), 1, {}),))
    (key,) = capped(desk, refund("30"), 2, rule)
    ann, eve = desk.browser("ann", "approver"), desk.browser("eve", "approver")
    go = {"cause": CAUSE, "tenant": TENANT, "answer": "retry", "limit": "5"}
    assert ann.post("/do/let_go", look(ann, "let_go", **go)).status_code == 303
    with closing(sqlite3.connect(desk.path)) as db, db:
        db.execute("UPDATE matters SET state='closed' WHERE id=?", (desk.command(key).matter,))
    assert "0 of 1 were done" in eve.post("/proposals/1/confirm").text
    assert desk.state(key) == "parked"
    assert desk.journal.clicks()[0].result.startswith("0 done, 1 not")


def test_a_pause_that_was_there_already_is_told(desk: ConsoleDesk) -> None:
    bob = desk.browser("bob", "operator")
    now_of(desk.journal.first(TENANT, "start", desk.now))
    desk.plan(desk.matter(), refund("20"))
    assert bob.post("/do/pause", look(bob, "pause", **WHOLE)).status_code == 200
    assert "it was so already" in bob.post("/do/pause", look(bob, "pause", **WHOLE)).text


CHANGE = {"tenant": TENANT, "cap": "tenant:RefundPayment", "per": "hour", "what": "EUR", "limit": "500"}


def test_one_person_in_other_letters_is_no_second(desk: ConsoleDesk) -> None:
    ann, same = desk.browser("ann@example.com", "approver"), desk.browser("Ann@Example.com", "approver")
    assert ann.post("/do/change_cap", look(ann, "change_cap", **CHANGE)).status_code == 303
    assert "your own" in same.post("/proposals/1/confirm").text
    assert same.post("/proposals/1/decline").status_code == 303
    (proposal,) = desk.journal.proposals(desk.now, ended=1)
    assert proposal.state == "withdrawn"


def test_a_token_proposes_but_a_person_confirms(desk: ConsoleDesk) -> None:
    oidc = {"issuer": "https://login.example", "client_id": "connect"}
    desk.settings = ConsoleSettings.model_validate({"oidc": oidc, "people": {"ann@example.com": "approver"}})
    actor, token = desk.console.actor, Caller(Person("token:script", Role.APPROVER))
    fields = {name: [value] for name, value in CHANGE.items()}

    async def story() -> None:
        plan = await actor.plan("change_cap", fields)
        assert (await actor.do("change_cap", fields, plan.digest, "sale", token, "api")).proposal == 1
        for caller in (token, Caller(Person("token:another", Role.APPROVER))):
            with pytest.raises(NotAllowed, match="A token does not confirm"):
                await actor.confirm(1, "", caller, "api")

    asyncio.run(story())
    assert desk.browser("eve", "approver").post("/proposals/1/confirm").status_code == 200
