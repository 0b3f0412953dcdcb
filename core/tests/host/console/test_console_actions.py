"""What people do in the console: shown first, done only if it is still that, money by two, and every click kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from console_desk import Browser, ConsoleDesk, digest, look, refund, tenant_with
from journal_desk import TENANT, case_of, now_of

from caseconnect.host.journal.cap_changes import CapChange
from caseconnect.host.journal.clicks import Click
from caseconnect.host.journal.planning import base_of
from caseconnect.host.journal.queueing import FIRST
from caseconnect.host.journal.records import Brake
from caseconnect.host.journal.rules import CapRule, CapWindow
from caseconnect.host.web.console.guard import Caller
from caseconnect.host.web.console.people import Person, Role
from caseconnect.host.web.console.settings import ConsoleSettings
from caseconnect.models import Money
from caseconnect.sdk.subjects import Subject

FOUR_EYES = ConsoleSettings(four_eyes={"EUR": Decimal(100)})
PAUSE = {"tenant": TENANT, "scope": "command", "name": "RefundPayment"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ConsoleDesk]:
    made = ConsoleDesk(
        tmp_path, FOUR_EYES, tenants={TENANT: tenant_with({"RefundPayment": {"hour": {"count": 2, "EUR": "50"}}})}
    )
    yield made
    made.close()


def parked(desk: ConsoleDesk, amount: str = "20", name: str = "") -> str:
    (key,) = desk.plan(desk.matter(), refund(amount, name=name))
    desk.send(key, "unknown")
    desk.settle(key, "parked", note="nobody knows whether it happened")
    return key


def test_an_answer_is_shown_then_done_and_kept(desk: ConsoleDesk) -> None:
    key, ann = parked(desk), desk.browser("ann", "approver")
    form = look(ann, "answer", key=key, answer="retry")
    assert "20.00 EUR" in ann.post("/plan/answer", {"key": key, "answer": "retry"}).text
    assert desk.state(key) == "parked"
    assert ann.post("/do/answer", form).status_code == 200
    assert (desk.state(key), desk.note(key)) == ("planned", "ann: ticket 812")
    click = desk.journal.clicks(names=[key])[0]
    assert (click.who, click.role, click.action, click.reason, click.result) == (
        "ann",
        "approver",
        "answer",
        "ticket 812",
        "done",
    )
    assert "shop/order/1001" in click.about


def test_what_has_changed_since_is_not_done(desk: ConsoleDesk) -> None:
    key, ann = parked(desk), desk.browser("ann", "approver")
    form = look(ann, "answer", key=key, answer="retry")
    desk.answer(key, "retry")
    desk.send(key, "unknown")
    desk.settle(key, "parked", note="again nobody knows")
    told = ann.post("/do/answer", form)
    assert told.status_code == 409
    assert "look again" in told.text
    assert desk.state(key) == "parked"
    assert ann.post("/do/answer", {**form, "digest": digest(told)}).status_code == 200


@pytest.mark.parametrize(
    ("change", "said"),
    [({"answer": "done"}, "look again"), ({"reason": "  "}, "Say why"), ({"reason": "x" * 501}, "at most 500")],
)
def test_another_answer_than_shown_or_none_is_refused(desk: ConsoleDesk, change: dict[str, str], said: str) -> None:
    key, ann = parked(desk), desk.browser("ann", "approver")
    told = ann.post("/do/answer", look(ann, "answer", key=key, answer="retry") | change)
    assert told.status_code == 409
    assert said in told.text
    assert desk.state(key) == "parked"


def test_an_operator_answers_no_money(desk: ConsoleDesk) -> None:
    key, bob = parked(desk), desk.browser("bob", "operator")
    told = bob.post("/plan/answer", {"key": key, "answer": "refuse"})
    assert "digest" not in told.text
    ann = desk.browser("ann", "approver")
    form = look(ann, "answer", key=key, answer="refuse")
    assert bob.post("/do/answer", form).status_code == 403
    assert desk.state(key) == "parked"
    matter = desk.matter("other")
    (case,) = desk.plan(matter, case_of())
    desk.send(case, "unknown")
    desk.settle(case, "parked")
    assert bob.post("/do/answer", look(bob, "answer", key=case, answer="retry")).status_code == 200


def test_who_signed_in_long_ago_answers_no_money(desk: ConsoleDesk) -> None:
    key, ann = parked(desk), desk.browser("ann", "approver")
    desk.pass_time(minutes=20)
    ann.get("/proposals")
    desk.pass_time(minutes=20)
    form = look(ann, "answer", key=key, answer="retry")
    told = ann.post("/do/answer", form)
    assert (told.status_code, desk.state(key)) == (403, "parked")
    assert "sign in again" in told.text
    refuse = look(ann, "answer", key=key, answer="refuse")
    assert ann.post("/do/answer", refuse).status_code == 200


def proposed(desk: ConsoleDesk, ann: Browser, amount: str = "150") -> str:
    key = parked(desk, amount)
    told = ann.post("/do/answer", look(ann, "answer", key=key, answer="retry"))
    assert (told.status_code, told.headers["location"]) == (303, "/proposals")
    assert desk.state(key) == "parked"
    return key


def test_above_the_amount_another_approver_confirms(desk: ConsoleDesk) -> None:
    ann, eve = desk.browser("ann", "approver"), desk.browser("eve", "approver")
    key = proposed(desk, ann)
    assert "150.00 EUR" in eve.get("/proposals").text
    own = ann.post("/proposals/1/confirm")
    assert own.status_code == 409
    assert "your own" in own.text
    assert desk.state(key) == "parked"
    assert desk.browser("bob", "operator").post("/proposals/1/confirm").status_code == 403
    assert eve.post("/proposals/1/confirm", {"reason": "seen"}).status_code == 200
    assert desk.state(key) == "planned"
    assert "proposed by ann, confirmed by eve: seen" in desk.note(key)
    assert eve.post("/proposals/1/confirm").status_code == 409
    told = [(c.who, c.action, c.proposal, c.result) for c in desk.journal.clicks(names=[key])]
    assert told[0] == ("eve", "confirm:answer", 1, "done")
    assert told[1][:3] == ("ann", "confirm:answer", 1)
    assert "your own" in told[1][3]
    assert told[2] == ("ann", "answer", None, "proposed as number 1")


def test_many_small_amounts_are_one_large_one(desk: ConsoleDesk) -> None:
    ann = desk.browser("ann", "approver")
    matter = desk.matter()
    keys = desk.plan(matter, refund("60", name="a"), refund("60", name="b"))
    for key in keys:
        desk.send(key, "unknown")
        desk.settle(key, "parked")
    assert ann.post("/do/answer", look(ann, "answer", key=keys, answer="retry")).status_code == 303
    assert ann.post("/do/answer", look(ann, "answer", key=keys[0], answer="retry")).status_code == 200


def test_clicks_of_a_day_count_together(desk: ConsoleDesk) -> None:
    ann, eve = desk.browser("ann", "approver"), desk.browser("eve", "approver")
    keys = desk.plan(desk.matter(), *(refund("40", name=str(n)) for n in range(6)))
    for key in keys:
        desk.send(key, "unknown")
        desk.settle(key, "parked")
    first, second, third, fourth, *rest = keys
    unshown = look(ann, "answer", key=third, answer="retry")
    for key in (first, second):
        desk.pass_time(minutes=1)
        assert ann.post("/do/answer", look(ann, "answer", key=key, answer="retry")).status_code == 200
    told = ann.post("/do/answer", unshown)
    assert (told.status_code, desk.state(third)) == (409, "parked")
    why = "with the 80.00 EUR that ann let go since 2026-"
    assert why in told.text
    assert "it is more than 100.00 EUR" in told.text
    refuse = look(ann, "answer", key=fourth, answer="refuse")
    assert ann.post("/do/answer", refuse).status_code == 200
    assert ann.post("/do/answer", look(ann, "answer", key=third, answer="retry")).status_code == 303
    assert eve.post("/do/answer", look(eve, "answer", key=rest[0], answer="retry")).status_code == 200
    desk.pass_time(hours=23, minutes=58, seconds=59)
    ann.sign_in("ann", "approver")
    assert "/do/answer" in ann.post("/plan/answer", {"key": rest[1], "answer": "retry"}).text
    assert why in ann.post("/plan/answer", {"key": rest[1], "answer": "retry"}).text
    eve.sign_in("eve", "approver")
    desk.pass_time(seconds=1)
    assert why not in ann.post("/plan/answer", {"key": rest[1], "answer": "retry"}).text
    eve.get("/proposals")
    assert eve.post("/proposals/1/confirm").status_code == 200
    assert desk.state(third) == "planned"
    assert ann.post("/do/answer", look(ann, "answer", key=rest[1], answer="retry")).status_code == 200


def test_money_that_a_person_clicks_twice_counts_once(desk: ConsoleDesk) -> None:
    ann = desk.browser("ann", "approver")
    one, other = desk.plan(desk.matter(), refund("60", name="a"), refund("30", name="b"))
    for key in (one, other):
        desk.send(key, "unknown")
        desk.settle(key, "parked")
    assert ann.post("/do/answer", look(ann, "answer", key=one, answer="retry")).status_code == 200
    desk.pass_time(minutes=1)
    desk.send(one, "refused")
    assert ann.post("/do/answer", look(ann, "answer", key=one, answer="retry")).status_code == 200
    now_of(desk.journal.pause(Brake(TENANT, "command", "RefundPayment", "why", "eve", desk.now)))
    resume = {"tenant": TENANT, "scope": "command", "name": "RefundPayment"}
    assert (desk.state(f"{one}~2"), desk.state(other)) == ("planned", "parked")
    resumed = desk.now
    assert ann.post("/do/resume", look(ann, "resume", **resume)).status_code == 200
    desk.send(f"{one}~2")
    assert ann.post("/do/answer", look(ann, "answer", key=other, answer="retry")).status_code == 200
    gone = desk.journal.given_away("ANN", desk.now - timedelta(days=1), desk.now)
    assert gone.beside(()) == {"EUR": (Decimal(90), resumed)}
    assert gone.beside([other]) == {"EUR": (Decimal(60), resumed)}


def test_what_older_clicks_gave_away_counts_each_by_itself(desk: ConsoleDesk) -> None:
    for amount in ("60", "30"):
        worth = {"worth": {"EUR": amount}}
        now_of(desk.journal.clicked(Click(desk.now, "ann", "approver", "answer", about=("k",), fields=worth)))
    gone = desk.journal.given_away("ann", desk.now - timedelta(days=1), desk.now)
    assert gone.beside(["k"]) == {"EUR": (Decimal(90), desk.now)}


@pytest.mark.parametrize(("key", "base"), [("m:K:n", "m:K:n"), ("m:K:n~12", "m:K:n"), ("m:K:n~~2", "m:K:n~~2")])
def test_generations_of_a_command_are_one(key: str, base: str) -> None:
    assert base_of(key) == base


def test_since_when_is_told_by_currency(desk: ConsoleDesk) -> None:
    desk.settings = ConsoleSettings(four_eyes={"EUR": Decimal(100), "USD": Decimal(100)})
    ann, dollars = desk.browser("ann", "approver"), {"amount": Money(amount=Decimal(60), currency="USD")}
    asked = [refund("60", name="a"), *(refund(name=name).model_copy(update=dollars) for name in "bc")]
    keys = desk.plan(desk.matter(), *asked)
    for key in keys:
        desk.send(key, "unknown")
        desk.settle(key, "parked")
    for key in keys[:2]:
        desk.pass_time(minutes=1)
        assert ann.post("/do/answer", look(ann, "answer", key=key, answer="retry")).status_code == 200
    when = desk.now
    desk.pass_time(minutes=1)
    told = ann.post("/plan/answer", {"key": keys[2], "answer": "retry"}).text
    assert f"with the 60.00 USD that ann let go since {when:%Y-%m-%d %H:%M} UTC" in told


def test_the_same_person_at_two_windows_at_once(desk: ConsoleDesk) -> None:
    ann, also = desk.browser("ann", "approver"), desk.browser("Ann", "approver")
    keys = desk.plan(desk.matter(), refund("60", name="a"), refund("60", name="b"))
    for key in keys:
        desk.send(key, "unknown")
        desk.settle(key, "parked")
    forms = [look(each, "answer", key=key, answer="retry") for each, key in zip((ann, also), keys, strict=True)]
    actor, caller = desk.console.actor, Caller(Person("ann", Role.APPROVER))

    async def both() -> list[Any]:
        doing = (
            actor.do("answer", {"key": [f["key"]], "answer": ["retry"]}, f["digest"], "why", caller) for f in forms
        )
        return await asyncio.gather(*doing, return_exceptions=True)

    assert sorted(type(each).__name__ for each in asyncio.run(both())) == ["Ended", "LookAgain"]


@pytest.mark.parametrize("way", ["late", "changed", "taken back", "refused", "answered elsewhere"])
def test_a_proposal_that_is_over_does_nothing(desk: ConsoleDesk, way: str) -> None:
    ann, eve = desk.browser("ann", "approver"), desk.browser("eve", "approver")
    key = proposed(desk, ann)
    if way == "late":
        desk.pass_time(hours=24)
        eve.sign_in("eve", "approver")
    elif way == "changed":
        desk.answer(key, "retry")
        desk.send(key, "unknown")
        desk.settle(key, "parked", note="another reason")
    elif way == "answered elsewhere":
        desk.answer(key, "refuse")
    else:
        assert (ann if way == "taken back" else eve).post("/proposals/1/decline").status_code == 303
    was = desk.state(key)
    assert eve.post("/proposals/1/confirm").status_code == 409
    assert desk.state(key) == was
    states = {"late": "expired", "taken back": "withdrawn", "refused": "refused"}
    found = desk.journal.proposal(1, desk.now)
    assert found
    assert found.state == states.get(way, "changed")


def test_the_same_is_proposed_once(desk: ConsoleDesk) -> None:
    ann = desk.browser("ann", "approver")
    key = proposed(desk, ann)
    told = ann.post("/do/answer", look(ann, "answer", key=key, answer="retry"))
    assert told.status_code == 409
    assert "proposed already" in told.text


def test_a_resume_shows_the_queue_in_order_with_amounts(desk: ConsoleDesk) -> None:
    now_of(desk.journal.pause(Brake(TENANT, "command", "RefundPayment", "wrong mapping", "ann", desk.now)))
    now_of(desk.journal.pause(Brake(TENANT, "flow", "other", "wrong rule", "ann", desk.now)))
    first, second = desk.plan(desk.matter(), refund("20", name="a"), refund("30", name="b"))
    (braked_twice,) = desk.plan(desk.matter("second"), refund("40"), use="other")
    desk.plan(desk.matter("third"), case_of())
    assert [(q.key, str(q.worth)) for q in desk.journal.held_back(TENANT, "command", "RefundPayment").first] == [
        (first, "20.00 EUR"),
        (second, "30.00 EUR"),
    ]
    ann = desk.browser("ann", "approver")
    told = ann.post("/plan/resume", PAUSE).text
    assert "50.00 EUR" in told
    assert told.index("20.00 EUR") < told.index("30.00 EUR")
    assert braked_twice not in told
    form = look(ann, "resume", **PAUSE)
    desk.plan(desk.matter("fourth", Subject("shop", "order", "1004")), refund("5"))
    assert ann.post("/do/resume", form).status_code == 409
    assert ann.post("/do/resume", look(ann, "resume", **PAUSE)).status_code == 200
    assert [brake.name for brake in desk.journal.brakes()] == ["other"]
    assert ann.post("/plan/resume", PAUSE).status_code == 409


def test_what_is_not_shown_of_a_long_queue_counts_all_the_same(desk: ConsoleDesk) -> None:
    now_of(desk.journal.pause(Brake(TENANT, "command", "RefundPayment", "wrong mapping", "ann", desk.now)))
    keys = desk.plan(desk.matter(), *(refund("1", name=str(n)) for n in range(FIRST + 3)))
    queue = desk.journal.held_back(TENANT, "command", "RefundPayment")
    assert [one.key for one in queue.first] == [*keys[:FIRST]]
    assert (queue.count, [str(money) for money in queue.sums]) == (FIRST + 3, [f"{FIRST + 3}.00 EUR"])
    desk.settings = ConsoleSettings(four_eyes={"EUR": Decimal(FIRST + 2)})
    ann, eve = desk.browser("ann", "approver"), desk.browser("eve", "approver")
    told = ann.post("/plan/resume", PAUSE).text
    assert f"{FIRST + 3}.00 EUR" in told
    assert "And 3 more after these" in told
    assert told.count("RefundPayment of") == FIRST
    assert ann.post("/do/resume", look(ann, "resume", **PAUSE)).status_code == 303
    assert desk.journal.clicks(names=[keys[-1]])[0].action == "resume"
    assert f"{FIRST + 3} steps, the first {FIRST} of them" in eve.get("/proposals").text
    desk.send(keys[-1])
    assert eve.post("/proposals/1/confirm").status_code == 409


def test_a_pause_by_an_operator(desk: ConsoleDesk) -> None:
    bob = desk.browser("bob", "operator")
    desk.plan(desk.matter(), refund("20"))
    now_of(desk.journal.first(TENANT, "start", desk.now))
    assert bob.post("/do/pause", look(bob, "pause", **PAUSE)).status_code == 200
    assert [(b.name, b.by, b.reason) for b in desk.journal.brakes()] == [("RefundPayment", "bob", "ticket 812")]
    assert bob.post("/plan/pause", PAUSE | {"scope": "world"}).status_code == 409


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        ({"tenant": "acne"}, "there is no tenant 'acne' (did you mean acme? known: acme)"),
        ({"scope": "flow", "name": "frauds"}, "no flow of acme 'frauds' (did you mean fraud? known: fraud)"),
        ({"scope": "access", "name": "till"}, "no connection of acme 'till' (known: "),
        ({"name": "RefundOrder"}, "no kind of command 'RefundOrder'"),
    ],
)
def test_a_pause_of_what_does_not_exist_is_refused_in_the_plan(
    desk: ConsoleDesk, ask: dict[str, str], why: str
) -> None:
    bob = desk.browser("bob", "operator")
    desk.plan(desk.matter(), refund("20"))
    now_of(desk.journal.first(TENANT, "start", desk.now))
    told = bob.post("/plan/pause", PAUSE | ask)
    assert told.status_code == 409
    assert why in unescape(told.text)
    assert "--force" not in told.text
    assert bob.post("/plan/resume", PAUSE | ask).status_code == 409


def test_a_resume_of_what_is_not_paused_says_what_is(desk: ConsoleDesk) -> None:
    bob = desk.browser("bob", "operator")
    asked = PAUSE | {"scope": "flow", "name": "frauds"}
    assert "flow frauds of acme is not paused (what is: nothing)" in bob.post("/plan/resume", asked).text
    now_of(desk.journal.pause(Brake(TENANT, "flow", "fraud", "wrong rule", "ann", desk.now)))
    assert "(what is: flow fraud)" in bob.post("/plan/resume", asked).text


CAP: dict[str, str] = {"tenant": TENANT, "cap": "tenant:RefundPayment", "per": "hour", "what": "EUR"}
RULE = CapRule("tenant:RefundPayment", (CapWindow("hour", timedelta(hours=1), 2, {"EUR": Decimal(50)}),))


def test_a_cap_is_changed_by_two_for_a_while(desk: ConsoleDesk) -> None:
    ann, eve = desk.browser("ann", "approver"), desk.browser("eve", "approver")
    assert desk.browser("bob", "operator").post("/do/change_cap", {**CAP, "limit": "90"}).status_code == 403
    assert ann.post("/do/change_cap", look(ann, "change_cap", **CAP, limit="90", **{"for": "2h"})).status_code == 303
    limits = [u.limit for u in desk.journal.cap_uses(TENANT, [RULE], desk.now) if u.what == "EUR"]
    assert limits == [Decimal(50)]
    assert eve.post("/proposals/1/confirm").status_code == 200
    (change,) = desk.journal.cap_changes(TENANT, desk.now)
    assert (change.limit, change.by, change.confirmed_by) == (Decimal(90), "ann", "eve")
    page = eve.get("/caps").text
    assert "by ann and eve" in page
    assert "The file says 50" in page
    desk.pass_time(hours=2)
    assert desk.journal.cap_changes(TENANT, desk.now) == []


@pytest.mark.parametrize(
    "wrong", [{"limit": "much"}, {"limit": "-1"}, {"what": "USD"}, {"for": "soon"}, {"tenant": "x"}]
)
def test_a_limit_that_is_none_is_refused(desk: ConsoleDesk, wrong: dict[str, str]) -> None:
    ann = desk.browser("ann", "approver")
    assert ann.post("/plan/change_cap", {**CAP, "limit": "90", **wrong}).status_code == 409


def test_a_changed_cap_holds_when_commands_are_decided(desk: ConsoleDesk) -> None:
    def state(topic: str, amount: str) -> str:
        matter = desk.matter(topic, Subject("shop", "order", topic))
        ask = replace(desk.ask(matter, refund(amount)), caps=(RULE,))
        (key,) = desk.decide(ask, matters=(matter,))
        return desk.state(key)

    assert [state("a", "40"), state("b", "20")] == ["planned", "parked"]
    change = CapChange(TENANT, CAP["cap"], "hour", "EUR", Decimal(65), "sale", "ann", desk.now)
    now_of(desk.journal.change_cap(change))
    assert state("c", "20") == "planned"
    assert state("d", "6") == "parked"
    now_of(desk.journal.change_cap(replace(change, what="count", limit=Decimal(0))))
    assert state("e", "1") == "parked"
    for what in ("EUR", "count"):
        now_of(desk.journal.take_back_cap(TENANT, CAP["cap"], "hour", what, "over", "ann", desk.now))
    desk.pass_time(hours=2)
    assert state("f", "50") == "planned"


def test_what_a_cap_parked_goes_by_two_and_only_what_they_saw(desk: ConsoleDesk) -> None:
    def ask(topic: str) -> str:
        matter = desk.matter(topic, Subject("shop", "order", topic))
        (key,) = desk.decide(replace(desk.ask(matter, refund("30")), caps=(RULE,)), matters=(matter,))
        return key

    keys = [ask(topic) for topic in "abc"]
    ann, eve = desk.browser("ann", "approver"), desk.browser("eve", "approver")
    fields = {"cause": "cap:fraud:RefundPayment:hour", "tenant": TENANT, "answer": "retry", "limit": "1"}
    assert ann.post("/do/let_go", look(ann, "let_go", **fields)).status_code == 303
    assert eve.post("/proposals/1/confirm").status_code == 200
    assert [desk.state(key) for key in keys] == ["planned", "planned", "parked"]


def test_getting_pages_changes_nothing(desk: ConsoleDesk) -> None:
    key, ann = parked(desk), desk.browser("ann", "approver")
    tables = [t for (t,) in desk.sql("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite%'")]

    def everything() -> list[Any]:
        return [desk.sql(f"SELECT * FROM {table} ORDER BY 1") for table in tables]

    was = everything()
    for path in ("/", "/proposals", "/caps", f"/clicks?about={key}", "/sign-in", "/do/answer", "/plan/answer"):
        ann.get(path)
    assert everything() == was


def test_values_are_text_on_every_page(desk: ConsoleDesk) -> None:
    evil = '"><script>alert(1)</script>{{7*7}}'
    ann = desk.browser(evil, "approver")
    key = parked(desk, "150")
    form = look(ann, "answer", key=key, answer="retry") | {"reason": evil}
    ann.post("/do/answer", form)
    for path in ("/proposals", "/caps", "/clicks", f"/clicks?about={evil}"):
        text = ann.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text
