from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from caseconnect.sdk.errors import TransientError
from caseconnect.sdk.testing import LoopClock, run
from caseconnect.sdk.tokens import Token, TokenCache


class Desk:
    """Issues tokens that live `life` seconds, a second late."""

    def __init__(self, life: float) -> None:
        self.clock, self.life, self.issued, self.failing = LoopClock(), life, 0, False
        self.cache = TokenCache(self.fetch, self.clock.now)

    async def fetch(self) -> Token:
        await asyncio.sleep(1)
        if self.failing:
            raise TransientError("the desk is closed")
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
        desk.failing = True
        with pytest.raises(TransientError):
            await desk.cache.get()
        desk.failing = False
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
