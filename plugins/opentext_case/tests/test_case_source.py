from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest

from caseconnect.models import Case
from caseconnect.sdk.commands import CommentCase, OpenCase, UpdateCase
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Ignored, Page, Parsed
from caseconnect.sdk.errors import AuthError, PermanentError, TransientError
from caseconnect.sdk.events import CaseChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.virtual import START, run
from caseconnect_opentext_case.polling import Cursor
from caseconnect_opentext_case.simulator import CaseInput

AGENT = "agent.one@core-case.example"
REFERENCE = "test/shop/order/1001/order_review/1"
WAYS = ["listing", "watch"]


def agents_case(rig: Any, title: Any = "Recall", **custom: Any) -> Any:
    wanted = CaseInput(default={"caseTitle": title, "summary": "s"}, custom=custom)
    return rig.store.create_case(rig.settings.definition_id, wanted, AGENT).id


async def our_case(rig: Any, reference: Any = REFERENCE) -> Any:
    command = OpenCase(title="Order #1001", description="d", reference=reference)
    return (await rig.sink.execute(command, reference)).data["id"]


def delivery(body: Any, topic: Any = "case") -> Any:
    return Delivery("cases", topic, "d1", START, body if isinstance(body, bytes) else orjson.dumps(body), polled=True)


@pytest.mark.parametrize("changes", WAYS)
def test_first_read_begins_now(make_rig: Any, read_on: Any, changes: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"changes": changes, "page_size": 1, "overlap": 3600})
        for number in range(3):
            agents_case(rig, f"old {number}")
            await asyncio.sleep(1)
        items, cursor = await read_on(rig, None)
        assert items == []
        items, cursor = await read_on(rig, cursor)
        assert items == []
        await asyncio.sleep(7200)
        assert (await read_on(rig, cursor))[0] == []

    run(story())


def test_clock_that_is_wrong_here_hides_nothing(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        for wrong in (-7200, 7200):
            rig = make_rig()
            ours = rig.resources.now
            rig.resources.now = lambda ours=ours, wrong=wrong: ours() + timedelta(seconds=wrong)
            agents_case(rig)
            _, cursor = await read_on(rig, None)
            await asyncio.sleep(1)
            case = agents_case(rig)
            items, cursor = await read_on(rig, cursor)
            assert items == [case]
            await asyncio.sleep(1)
            rig.store.decide(case, "approved")
            items, cursor = await read_on(rig, cursor)
            assert items == [case]
            assert (await read_on(rig, cursor))[0] == []

    run(story())


@pytest.mark.parametrize("changes", WAYS)
def test_what_an_agent_does_is_told_once(make_rig: Any, read_on: Any, changes: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"changes": changes, "watch_batch": 1})
        _, cursor = await read_on(rig, None)
        case, other = await our_case(rig), await our_case(rig, "test/shop/order/2/order_review/1")
        watch = [case, other]
        items, cursor = await read_on(rig, cursor, watch)
        assert items == []
        steps: list[Callable[[], Any]] = [
            lambda: rig.store.decide(case, "approved", AGENT),
            lambda: rig.store.comment(case, "Looks fine.", AGENT),
            lambda: rig.store.change(case, AGENT, stage="Resolved"),
            lambda: rig.store.change(case, AGENT, custom={"colour": "red"}),
            lambda: rig.store.decide(case, "rejected", AGENT),
            lambda: rig.store.close(case, AGENT),
        ]
        for step in steps:
            await asyncio.sleep(1)
            step()
            rig.restart()
            items, cursor = await read_on(rig, cursor, watch)
            assert items == [case]
            items, cursor = await read_on(rig, cursor, watch)
            assert items == []

    run(story())


@pytest.mark.parametrize("changes", WAYS)
def test_our_own_changes_wake_nobody(make_rig: Any, read_on: Any, changes: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"changes": changes})
        _, cursor = await read_on(rig, None)
        case = await our_case(rig)
        items, cursor = await read_on(rig, cursor, [case])
        assert items == []
        target = rig.subject(case)
        for command in (
            CommentCase(name="a", text="Held.", target=target),
            UpdateCase(name="b", priority="high", attributes={"note": "x"}, target=target),
            CommentCase(name="c", text="Released.", target=target),
        ):
            await asyncio.sleep(1)
            await rig.sink.execute(command, command.name)
            items, cursor = await read_on(rig, cursor, [case])
            assert items == []

    run(story())


@pytest.mark.parametrize("changes", WAYS)
@pytest.mark.parametrize("first_seen", [True, False])
def test_our_own_change_does_not_hide_an_agents(make_rig: Any, read_on: Any, changes: Any, first_seen: Any) -> None:
    async def story() -> None:
        doings: list[Callable[[Any, str], Any]] = [
            lambda rig, case: rig.store.decide(case, "approved", AGENT),
            lambda rig, case: rig.store.comment(case, "Evidence attached.", AGENT),
            lambda rig, case: rig.store.close(case, AGENT),
        ]
        for doing in doings:
            rig = make_rig(listing={"changes": changes})
            _, cursor = await read_on(rig, None)
            case = await our_case(rig)
            if first_seen:
                _, cursor = await read_on(rig, cursor, [case])
            await asyncio.sleep(1)
            doing(rig, case)
            await asyncio.sleep(1)
            comment = CommentCase(name="c", text="Still working on it.", target=rig.subject(case))
            await rig.sink.execute(comment, "c")
            items, cursor = await read_on(rig, cursor, [case])
            assert items == [case]
            assert (await read_on(rig, cursor, [case]))[0] == []

    run(story())


def test_without_service_account_changes_are_told(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        rig = make_rig(service_account=[])
        _, cursor = await read_on(rig, None)
        case = await our_case(rig)
        assert (await read_on(rig, cursor, [case]))[0] == [case]
        assert any(step.step == "service account" and step.note for step in await rig.source.check())

    run(story())


@pytest.mark.parametrize("page_size", [1, 2, 3, 50])
def test_pages_restarted_anywhere_lose_nothing(make_rig: Any, read_on: Any, page_size: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"page_size": page_size, "overlap": 60})
        agents_case(rig)
        _, start = await read_on(rig, None)
        await asyncio.sleep(100)
        made = set()
        for number in range(7):
            made.add(agents_case(rig, f"case {number}"))
            await asyncio.sleep(number % 3)
        pages: list[Page] = []
        cursor = start
        while not pages or pages[-1].more:
            pages.append(await rig.source.read(cursor, []))
            cursor = pages[-1].cursor
        assert {item.id for page in pages for item in page.items} == made
        for stop in range(len(pages)):
            before = {item.id for page in pages[: stop + 1] for item in page.items}
            rig.restart()
            after = set((await read_on(rig, pages[stop].cursor))[0])
            assert before | after == made

    run(story())


def test_change_while_paging_is_not_lost(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"page_size": 2})
        _, cursor = await read_on(rig, None)
        cases = []
        for number in range(6):
            cases.append(agents_case(rig, f"case {number}"))
            await asyncio.sleep(1)
        page = await rig.source.read(cursor, [])
        seen = {item.id for item in page.items}
        rig.store.decide(cases[0], "approved")
        rig.store.decide(cases[5], "rejected")
        new = agents_case(rig, "new")
        items, cursor = await read_on(rig, page.cursor)
        later, _ = await read_on(rig, cursor)
        assert seen | set(items) | set(later) == {*cases, new}
        assert {cases[0], cases[5], new} <= set(items) | set(later)

    run(story())


def test_list_that_lags_behind_loses_nothing(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        rig = make_rig(tenant={"listing_lag": 40.0}, listing={"overlap": 60})
        _, cursor = await read_on(rig, None)
        made, found = [], []
        for number in range(12):
            made.append(agents_case(rig, f"case {number}"))
            await asyncio.sleep(17)
            items, cursor = await read_on(rig, cursor)
            found += items
        await asyncio.sleep(41)
        found += (await read_on(rig, cursor))[0]
        assert sorted(found) == sorted(made)

    run(story())


def test_case_that_the_list_shows_late_is_not_lost(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"overlap": 60})
        _, cursor = await read_on(rig, None)
        late = agents_case(rig, "late")
        whole = rig.store.listed
        rig.store.listed = lambda: [case for case in whole() if case.id != late]
        await asyncio.sleep(20)
        early = agents_case(rig, "early")
        items, cursor = await read_on(rig, cursor)
        assert items == [early]
        await asyncio.sleep(20)
        rig.store.listed = whole
        items, cursor = await read_on(rig, cursor)
        assert items == [late]

    run(story())


def test_one_case_of_the_far_future_does_not_hide_the_rest(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        _, cursor = await read_on(rig, None)
        odd = agents_case(rig, "odd")
        case = rig.store.cases[odd]
        case.updated_on = case.updated_on.replace(year=2200)
        _, cursor = await read_on(rig, cursor)
        await asyncio.sleep(1000)
        normal = agents_case(rig, "normal")
        assert normal in (await read_on(rig, cursor))[0]

    run(story())


@pytest.mark.parametrize(
    ("listing", "text"),
    [
        ({"sort": {"sortby": "lastUpdatedOn asc"}}, "not sorted"),
        ({"items": "_embedded.collection"}, "_embedded.cases"),
    ],
)
def test_list_that_is_not_as_set_up_is_an_error(make_rig: Any, listing: Any, text: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing=listing)
        page = await rig.source.read(None, [])
        for number in range(3):
            agents_case(rig, f"case {number}")
            await asyncio.sleep(1)
        with pytest.raises(PermanentError, match=text):
            await rig.source.read(page.cursor, [])
        bad = [step for step in await rig.source.check() if not step.ok]
        assert [step.step for step in bad] == ["case list"]

    run(story())


def test_unsorted_list_is_read_whole(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"sort": {}, "page_size": 2})
        for number in range(3):
            agents_case(rig, f"untouched {number}")
        old = agents_case(rig, "old")
        await asyncio.sleep(1000)
        _, cursor = await read_on(rig, None)
        await asyncio.sleep(1000)
        new = [agents_case(rig, f"case {number}") for number in range(4)]
        rig.store.decide(old, "approved")
        items, cursor = await read_on(rig, cursor)
        assert sorted(items) == sorted([*new, old])
        assert (await read_on(rig, cursor))[0] == []

    run(story())


def test_watched_case_that_is_gone_does_not_stop_the_others(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"changes": "watch", "watch_batch": 1})
        _, cursor = await read_on(rig, None)
        case = await our_case(rig)
        rig.store.decide(case, "approved")
        items, cursor = await read_on(rig, cursor, [case, "00000000-gone", "zzz-gone"])
        assert items == [case]
        assert len(rig.resources.log.lines) == 2
        _, cursor = await read_on(rig, cursor, [])
        assert Cursor.parse(cursor).seen == {}

    run(story())


def test_cursor_stays_small(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"overlap": 10})
        _, cursor = await read_on(rig, None)
        for number in range(30):
            agents_case(rig, f"case {number}")
            await asyncio.sleep(5)
            _, cursor = await read_on(rig, cursor)
        await asyncio.sleep(100)
        _, cursor = await read_on(rig, cursor)
        assert len(Cursor.parse(cursor).seen) <= 3
        assert str(Cursor.parse(cursor)) == cursor

    run(story())


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"seen":1}', '{"seen":{},"other":1}', '{"seen":{"a":[1]}}'])
def test_foreign_cursor_is_refused(text: Any) -> None:
    with pytest.raises(PermanentError, match="cursor"):
        Cursor.parse(text)


def test_polled_case_becomes_an_event(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        page = await rig.source.read(None, [])
        case = await our_case(rig)
        rig.store.decide(case, "approved", AGENT)
        (item,) = (await rig.source.read(page.cursor, [case])).items
        parsed = rig.source.parse(delivery(item.body))
        assert isinstance(parsed, Parsed)
        (event,) = parsed.events
        assert isinstance(event, CaseChanged)
        assert event.subject == rig.subject(case)
        assert event.reference == REFERENCE
        assert event.time == rig.store.cases[case].updated_on
        assert type(event).model_validate_json(event.model_dump_json()) == event

    run(story())


@pytest.mark.parametrize(
    ("reference", "environment"),
    [
        ("test/shop/order/1/order_review/1", None),
        ("staging/shop/order/1/order_review/1", "staging"),
        ("SAP/4711", None),
        ("a/b/c/d/e/not-a-number", None),
        ("", None),
    ],
)
def test_case_of_another_environment_is_ignored(make_rig: Any, reference: Any, environment: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        body = {"id": "c1", "caseProperties": {"customAttributes": {"externalReference": reference}}}
        got = rig.source.parse(delivery(body))
        if environment:
            assert isinstance(got, Ignored)
            assert environment in got.reason
        else:
            assert isinstance(got, Parsed)
            (event,) = got.events
            assert isinstance(event, CaseChanged)
            assert event.reference == (reference or None)

    run(story())


def test_bodies_that_are_no_case(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        for body in (b"", b"{", b"[]", b"null", b"7", b"{}", b'{"id":{}}', b'{"id":""}'):
            with pytest.raises(PermanentError):
                rig.source.parse(delivery(body))
        assert isinstance(rig.source.parse(delivery({"id": "c"}, topic="task")), Ignored)

    run(story())


def test_case_as_a_fact(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"page_size": 2}, case_url="https://cases.example/{number}")
        case = await our_case(rig)
        await rig.sink.execute(CommentCase(name="c", text="Opened.", target=rig.subject(case)), "c")
        for number in range(4):
            rig.store.comment(case, f"word {number}", AGENT)
        rig.store.decide(case, "approved", AGENT, close=True)
        fact = await rig.source.fetch(Need(fact="case", subject=rig.subject(case)))
        assert isinstance(fact, Case)
        assert (fact.id, fact.outcome, fact.status, fact.closed) == (case, "approved", "Closed", True)
        assert fact.decided_by == rig.store.person(AGENT).id
        assert fact.reference == REFERENCE
        assert [c.ours for c in fact.comments] == [True, False, False, False, False]
        assert fact.comments[4].text == "word 3"
        assert fact.url == f"https://cases.example/{fact.number}"
        assert Case.model_validate_json(fact.model_dump_json()) == fact
        with pytest.raises(PermanentError):
            await rig.source.fetch(Need(fact="order", subject=Subject("cases", "order", "1")))
        with pytest.raises(PermanentError):
            await rig.source.fetch(Need(fact="case", subject=rig.subject("nothing")))

    run(story())


def test_root_of_a_case(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        ours, agents = await our_case(rig), agents_case(rig)
        foreign = agents_case(rig, externalReference="SAP/4711")
        assert await rig.source.root(rig.subject(ours)) is None
        assert await rig.source.root(rig.subject(agents)) == rig.subject(agents)
        assert await rig.source.root(rig.subject(foreign)) == rig.subject(foreign)
        assert await rig.source.root(Subject("cases", "task", "1")) is None
        rig.fault("status", "read_case", code=503)
        assert await rig.source.root(rig.subject(agents)) is None

    run(story())


def test_check_tells_what_is_wrong(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        assert all(step.ok for step in await rig.source.check())
        assert [s.step for s in await make_rig(paths={"read_definition": ""}).source.check()][1] == "case definition"
        bad = [s for s in await make_rig(config_id="another").source.check() if not s.ok]
        assert "caseConfigId" in bad[0].note
        bad = [s for s in await make_rig(definition_id="another").source.check() if not s.ok]
        assert [s.step for s in bad] == ["case definition", "case list"]
        rig = make_rig()
        rig.resources.secrets.values["CC_SECRET"] = "wrong-secret"
        with pytest.raises(AuthError, match="InvalidApiKey"):
            await rig.source.check()

    run(story())


def test_reads_that_fail_are_tried_again(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        need = Need(fact="case", subject=rig.subject(await our_case(rig)))
        for kind, more in (
            ("drop_before", {}),
            ("drop_after", {}),
            ("truncate", {}),
            ("html", {"code": 200}),
            ("html", {"code": 502}),
            ("status", {"code": 500}),
            ("throttle", {"retry_after": 7}),
        ):
            rig.fault(kind, "read_case", **more)
            with pytest.raises(TransientError) as caught:
                await rig.source.fetch(need)
            assert caught.value.retry_after == more.get("retry_after")
        assert (await rig.source.fetch(need)).id == need.subject.id

    run(story())


@pytest.mark.parametrize(("decider", "asked"), [("attribute", 1), ("comment", 3)])
def test_what_is_not_looked_at_is_not_asked_for(make_rig: Any, decider: Any, asked: Any) -> None:
    async def story() -> None:
        rig = make_rig(decider=decider)
        case = await our_case(rig)
        rig.store.comment(case, "word", AGENT)
        before = len(rig.calls())
        fact = await rig.source.fetch(Need(fact="case", subject=rig.subject(case), fields=("outcome",)))
        assert isinstance(fact, Case)
        assert len(rig.calls()) - before == asked
        whole = await rig.source.fetch(Need(fact="case", subject=rig.subject(case), fields=("comments",)))
        assert isinstance(whole, Case)
        assert [c.text for c in whole.comments] == ["word"]

    run(story())
