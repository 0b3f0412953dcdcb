from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from caseconnect.sdk.errors import AuthError, TransientError
from caseconnect.sdk.testing import LoopClock, run
from caseconnect.sdk.tokens import Token, TokenCache


class Desk:
    """Issues tokens that live `life` seconds, a second late."""

    def __init__(self, life: float) -> None:
        self.clock, self.life, self.issued, self.asked = LoopClock(), life, 0, 0
        self.error: Exception | None = None
        self.cache = TokenCache(self.fetch, self.clock.now)

    async def fetch(self) -> Token:
        self.asked += 1
        await asyncio.sleep(1)
        if self.error is not None:
            raise self.error
        self.issued += 1
        return Token(f"token-{self.issued}", self.clock.now() + timedelta(seconds=self.life))


def test_two_callers_make_one_request() -> None:
    async def story() -> Any:
        desk = Desk(3600)
        return await asyncio.gather(*(desk.cache.get() for _ in range(20))), desk.issued

    assert run(story()) == (["token-1"] * 20, 1)


@pytest.mark.parametrize(("life", "good", "renewed"), [(1000, 895, 906), (86_400, 86_090, 86_110)])
def test_renewed_before_it_ends(life: Any, good: Any, renewed: Any) -> None:
    async def story() -> Any:
        desk = Desk(life)
        await desk.cache.get()
        await asyncio.sleep(good - asyncio.get_running_loop().time())
        before = await desk.cache.get()
        await asyncio.sleep(renewed - asyncio.get_running_loop().time())
        return before, await desk.cache.get()

    assert run(story()) == ("token-1", "token-2")


def test_refused_token_is_dropped_once() -> None:
    async def story() -> Any:
        desk = Desk(3600)
        old = await desk.cache.get()
        desk.cache.drop(old)
        new = await desk.cache.get()
        desk.cache.drop(old)
        return old, new, await desk.cache.get(), desk.issued

    assert run(story()) == ("token-1", "token-2", "token-2", 2)


def test_failure_is_not_kept() -> None:
    async def story() -> Any:
        desk = Desk(3600)
        desk.error = TransientError("the desk is closed")
        with pytest.raises(TransientError):
            await desk.cache.get()
        desk.error = None
        return await desk.cache.get()

    assert run(story()) == "token-1"


def test_cancelled_caller_does_not_harm_the_next() -> None:
    async def story() -> Any:
        desk = Desk(3600)
        gone = asyncio.create_task(desk.cache.get())
        await asyncio.sleep(0.5)
        gone.cancel()
        await asyncio.wait({gone})
        return await desk.cache.get()

    assert run(story()) == "token-1"


def test_value_is_not_shown() -> None:
    async def story() -> Any:
        desk = Desk(3600)
        value = await desk.cache.get()
        return value in repr(desk.cache) or value in repr(vars(desk.cache))

    assert run(story()) is False


@pytest.mark.parametrize("error", [TransientError("closed", retry_after=7), AuthError("refused")])
def test_who_waited_for_a_failed_request_is_told_the_same(error: Exception) -> None:
    async def story() -> Any:
        desk = Desk(3600)
        desk.error = error
        told = await asyncio.gather(*(desk.cache.get() for _ in range(20)), return_exceptions=True)
        return told, desk.asked

    assert run(story()) == ([error] * 20, 1)


def test_a_refusal_is_remembered_for_half_a_minute() -> None:
    async def story() -> Any:
        desk = Desk(3600)
        desk.error = AuthError("the secret is wrong")
        for wait in (0, 10, 19):
            await asyncio.sleep(wait)
            with pytest.raises(AuthError, match="the secret is wrong"):
                await desk.cache.get()
        asked, desk.error = desk.asked, None
        await asyncio.sleep(1)
        return asked, await desk.cache.get(), desk.asked

    assert run(story()) == (1, "token-1", 2)


def test_a_success_and_a_dropped_token_clear_the_refusal() -> None:
    async def story() -> Any:
        desk = Desk(1000)
        old = await desk.cache.get()
        await asyncio.sleep(950)
        desk.error = AuthError("the secret is wrong")
        with pytest.raises(AuthError):
            await desk.cache.get()
        desk.error = None
        desk.cache.drop("another")
        with pytest.raises(AuthError):
            await desk.cache.get()
        desk.cache.drop(old)
        new = await desk.cache.get()
        desk.cache.drop(new)
        return old, new, await desk.cache.get()

    assert run(story()) == ("token-1", "token-2", "token-3")


def test_a_clock_set_back_does_not_prolong_a_refusal() -> None:
    async def story() -> Any:
        desk = Desk(3600)
        start, back = desk.clock.now(), timedelta(0)
        desk.cache = TokenCache(desk.fetch, lambda: start - back)
        desk.error = AuthError("the secret is wrong")
        with pytest.raises(AuthError):
            await desk.cache.get()
        desk.error, back = None, timedelta(hours=1)
        return await desk.cache.get()

    assert run(story()) == "token-1"
