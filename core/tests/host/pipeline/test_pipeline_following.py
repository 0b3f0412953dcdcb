"""Followers: asked last, about every open matter of the subject; their timers come back to the matter they were for."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from toys import Pipe, World, case_command, flow, found, opening

from caseconnect.sdk.commands import CommentCase
from caseconnect.sdk.decisions import Decision, Facts, Matter, Timer
from caseconnect.sdk.events import Event, OrderChanged, TimerFired
from caseconnect.sdk.testing import run

Seen = list[tuple[str, str, str]]
LOOKS = frozenset({OrderChanged, TimerFired})


def watching(seen: Seen) -> Any:
    """Keeps what it was asked about (event, topic, state), and wakes every open matter once."""

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision:
        seen.append((event.type, matter.topic, matter.state))
        if isinstance(event, TimerFired):
            return Decision(reason="woken", commands=(CommentCase(name=event.name, text="late", after=("case",)),))
        timers = (Timer(name=f"wake:{matter.topic}", due=now + timedelta(hours=1)),) if matter.is_open() else ()
        return Decision(reason="seen", timers=timers)

    return decide


def follower(seen: Seen, **spec: Any) -> Any:
    """A flow that follows, and handles order events and timers."""
    return flow("follower", watching(seen), topic="own", follows=True, handles=LOOKS, **spec)


def test_it_is_asked_last_about_what_the_event_has_just_opened(tmp_path: Path) -> None:
    async def story() -> None:
        seen: Seen = []
        async with Pipe(tmp_path, World(), [follower(seen), flow("owner", opening())]) as p:
            await p.look()
            assert seen == [("OrderChanged", "review", "open")]
            assert [m.key.topic for m in p.matters()] == ["review"]

    run(story())


def test_with_nothing_open_it_is_asked_about_its_own_topic(tmp_path: Path) -> None:
    async def story() -> None:
        seen: Seen = []
        async with Pipe(tmp_path, World(), [follower(seen)]) as p:
            await p.look()
            assert seen == [("OrderChanged", "own", "none")]

    run(story())


def test_it_is_asked_about_each_open_matter_and_a_timer_comes_back_to_its_own(tmp_path: Path) -> None:
    async def story() -> None:
        seen: Seen = []
        flows = [flow(name, opening(), topic=name) for name in ("first", "second")]
        async with Pipe(tmp_path, World(), [*flows, follower(seen)]) as p:
            await p.look()
            assert sorted(topic for _, topic, _ in seen) == ["first", "second"]
            seen.clear()
            await p.restart()
            await p.pass_time(2 * 3600)
            assert sorted(seen) == [("TimerFired", "first", "open"), ("TimerFired", "second", "open")]
            said = {
                m["topic"]: [c["name"] for c in m["commands"] if c["kind"] == "CommentCase"]
                for m in p.told()["matters"]
            }
            assert said == {"first": ["wake:first"], "second": ["wake:second"]}

    run(story())


def test_a_follower_that_observes_sees_no_live_matter(tmp_path: Path) -> None:
    async def story() -> None:
        seen: Seen = []
        async with Pipe(tmp_path, World(), [flow("owner", opening()), follower(seen, mode="observe")]) as p:
            await p.look()
            assert seen == [("OrderChanged", "own", "none")]

    run(story())


def test_a_closed_matter_is_not_offered_again(tmp_path: Path) -> None:
    def brief(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision:
        if matter.state != "none":
            return Decision(reason="over", close=True)
        return Decision(reason="odd", findings=(found(),), commands=(case_command(),))

    async def story() -> None:
        seen: Seen = []
        async with Pipe(tmp_path, World(), [flow("owner", brief, handles=LOOKS), follower(seen)]) as p:
            await p.look()
            await p.look()
            assert seen == [("OrderChanged", "review", "open"), ("OrderChanged", "own", "none")]

    run(story())
