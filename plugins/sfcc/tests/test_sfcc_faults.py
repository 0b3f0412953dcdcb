"""Bad answers while facts and changes are read: each ends as a clear error, and nothing is lost by it."""

import asyncio
from typing import Any

import pytest

from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import AuthError, TransientError
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.virtual import run
from caseconnect_sfcc.simulator.faults import Fault
from caseconnect_sfcc.simulator.scenarios import create_order
from caseconnect_sfcc.source import SfccSource


def source_of(made: Any) -> SfccSource:
    return SfccSource(made.settings, made.fresh())


def order(source: SfccSource, number: Any = "1") -> Any:
    return source.fetch(Need(fact="order", subject=Subject("shop", "order", number)))


def fault(made: Any, kind: Any, operation: Any, **more: Any) -> None:
    made.app.faults.schedule(Fault.from_dict({"kind": kind, "operation": operation, **more}))


async def sweep(source: SfccSource, cursor: Any) -> Any:
    items: list[Any] = []
    more = True
    while more:
        page = await source.read(cursor, ())
        items, cursor, more = [*items, *page.items], page.cursor, page.more
    return items, cursor


@pytest.mark.parametrize("operation", ["getOrder", "shop.get_notes", "data.search_custom_objects"])
@pytest.mark.parametrize(
    "kind", ["endless", "truncate", "html", "redirect", "drop_before", "drop_after", "shed", "throttle", "status"]
)
def test_a_fact_whose_answer_is_bad_is_read_the_next_time(desk: Any, operation: Any, kind: Any) -> None:
    made = desk()
    create_order(made.instance, {"number": "1"})
    fault(made, kind, operation, megabytes=40)

    async def story() -> Any:
        source = source_of(made)
        with pytest.raises((TransientError, Exception)) as caught:
            await order(source)
        return caught.value, await order(source)

    error, found = asyncio.run(story())
    # A redirect is refused for good, all others may pass.
    assert isinstance(error, TransientError) == (kind != "redirect"), error
    assert "elsewhere" not in str(error)
    assert found.id == "1"
    assert all("sim.test" in sent.url for sent in made.wire.sent)


def test_an_answer_that_trickles_ends_at_the_deadline(desk: Any) -> None:
    made = desk()
    create_order(made.instance, {"number": "1"})
    fault(made, "slow", "getOrder", seconds=5)

    async def story() -> Any:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(TransientError, match="no answer within 30 s"):
            await order(source_of(made))
        return loop.time() - began

    assert 30 <= run(story()) < 31


def test_a_token_that_ends_between_two_pages_loses_nothing(desk: Any) -> None:
    made = desk(late=[], page_size=2)

    async def story() -> Any:
        source = source_of(made)
        cursor = (await source.read(None, ())).cursor
        numbers = {create_order(made.instance, {}).number for _ in range(6)}
        made.clock.forward(60)
        page = await source.read(cursor, ())
        made.app.tokens.expire_all()
        items, _ = await sweep(source, page.cursor)
        return numbers, {item.id for item in [*page.items, *items]}

    numbers, seen = asyncio.run(story())
    assert numbers == seen


def test_a_new_token_that_is_refused_pauses_and_the_page_comes_again(desk: Any) -> None:
    made = desk(late=[], page_size=2)

    async def story() -> Any:
        source = source_of(made)
        cursor = (await source.read(None, ())).cursor
        numbers = {create_order(made.instance, {}).number for _ in range(6)}
        made.clock.forward(60)
        page = await source.read(cursor, ())
        made.app.tokens.expire_all()
        fault(made, "status", "token", status=401, body='{"error":"invalid_client"}')
        with pytest.raises(AuthError):
            await source.read(page.cursor, ())
        made.clock.forward(60)
        items, _ = await sweep(source, page.cursor)
        return numbers, {item.id for item in [*page.items, *items]}

    numbers, seen = asyncio.run(story())
    assert numbers == seen


@pytest.mark.parametrize("kind", ["truncate", "html", "drop_after", "shed", "throttle", "status"])
@pytest.mark.parametrize("skip", [0, 1, 2])
def test_a_bad_page_is_asked_for_again_from_the_same_place(desk: Any, kind: Any, skip: Any) -> None:
    made = desk(late=[], page_size=2)

    async def story() -> Any:
        source = source_of(made)
        cursor = (await source.read(None, ())).cursor
        numbers = {create_order(made.instance, {}).number for _ in range(6)}
        made.clock.forward(3600)
        fault(made, kind, "shop.order_search", skip=skip)
        seen: list[Any] = []
        failures, more = 0, True
        while more:
            try:
                page = await source.read(cursor, ())
            except TransientError:
                failures += 1
                continue
            seen, cursor, more = [*seen, *page.items], page.cursor, page.more
        return numbers, sorted(item.id for item in seen), failures

    numbers, seen, failures = asyncio.run(story())
    assert (sorted(numbers), failures) == (seen, 1)


def test_the_sign_in_may_be_out_of_order_for_a_while(desk: Any) -> None:
    made = desk()
    create_order(made.instance, {"number": "1"})

    async def story() -> Any:
        source = source_of(made)
        for kind in ("html", "throttle", "truncate", "drop_before", "status"):
            fault(made, kind, "token")
            with pytest.raises(TransientError):
                await order(source)
        return await order(source)

    assert asyncio.run(story()).id == "1"


def test_a_note_with_a_nul_is_taken_without_it(desk: Any) -> None:
    made = desk(orders={"shown": ["orderNote"]})
    create_order(made.instance, {"number": "1", "situation": "null_in_note"})
    found = asyncio.run(order(source_of(made)))
    assert found.attributes == {"orderNote": "left at thedoor"}
