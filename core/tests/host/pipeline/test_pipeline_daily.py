"""The daily check: what turns wrong, or is another than before, is told once, and closes by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toys import Pipe, World

from caseconnect.sdk.components import Check
from caseconnect.sdk.errors import AuthError, TransientError
from caseconnect.sdk.testing import run

DAY, HOUR = 86_400, 3_600


def answering(pipe: Pipe, *answers: Any) -> list[float]:
    """Have the toy shop's check answer these, the last one for ever; when it was asked."""
    source: Any = pipe.runner.context.tenants["acme"].connections["shop"].source
    left, asked = list(answers), list[float]()

    async def check() -> list[Check]:
        asked.append(pipe.now().timestamp())
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return [answer]

    source.check = check
    return asked


def titles(pipe: Pipe) -> list[str]:
    return [a["title"] for a in pipe.journal.stuck()["alerts"]]


def test_what_turns_wrong_is_told_and_closes_when_it_is_right_again(tmp_path: Path) -> None:
    async def story() -> None:
        right, wrong = Check(step="scopes", ok=True), Check(step="scopes", ok=False, note="read_orders is missing")
        async with Pipe(tmp_path, World(), []) as p:
            asked = answering(p, right, wrong, wrong, right)
            await p.pass_time(2 * HOUR)
            assert (len(asked), p.alerts()) == (1, [])
            await p.pass_time(DAY)
            assert titles(p) == ["shop: scopes: read_orders is missing"]
            await p.pass_time(DAY)
            (alert,) = p.journal.stuck()["alerts"]
            assert alert["count"] == 2
            await p.pass_time(DAY)
            assert (len(asked), p.alerts()) == (4, [])

    run(story())


def test_a_state_that_was_never_seen_is_told_once_also_after_a_restart(tmp_path: Path) -> None:
    def seen(state: str) -> Check:
        return Check(step="definition", ok=True, note=f"outcomes: {state}", state=state)

    async def story() -> None:
        p = await Pipe(tmp_path, World(), []).start()
        answering(p, seen("a"))
        await p.pass_time(2 * HOUR)
        assert p.alerts() == []
        await p.restart()
        answering(p, seen("b"), seen("a"), seen("b"))
        await p.pass_time(2 * HOUR)
        (title,) = titles(p)
        assert "definition is another than before" in title
        assert "outcomes: b" in title
        await p.pass_time(2 * DAY)
        (alert,) = p.journal.stuck()["alerts"]
        assert alert["count"] == 1
        await p.stop()

    run(story())


def test_a_platform_that_does_not_answer_is_no_news_and_credentials_are(tmp_path: Path) -> None:
    async def story() -> None:
        async with Pipe(tmp_path, World(), []) as p:
            answering(p, TransientError("down"), AuthError("no"))
            await p.pass_time(2 * HOUR)
            assert p.alerts() == []
            await p.pass_time(DAY)
            assert p.alerts() == ["auth:shop"]

    run(story())
