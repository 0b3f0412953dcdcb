"""A part of the daemon that dies ends the daemon, as a failure that people are told of; telling begins again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from caseconnect.host.alerting.desk import PAUSE, tell_anew
from caseconnect.host.daemon import Daemon, Options
from caseconnect.host.parts import until_stopped
from caseconnect.host.watchdog import Watchdog
from caseconnect.host.web.server import Server
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.testing.resources import RecordingLog
from caseconnect.sdk.testing.rig import in_virtual_time


async def dies(*_: object, **__: object) -> None:
    """End by an error of its own."""
    raise OSError(5, "the disk does not answer")


async def ends(*_: object) -> None:
    """End as if all were done."""


async def lasts() -> None:
    """Go on."""
    await asyncio.Event().wait()


@in_virtual_time
@pytest.mark.parametrize(
    ("part", "why"), [(dies, "OSError at "), (ends, "without an error"), (asyncio.Event().wait, "")]
)
async def test_what_ends_by_itself_ends_all_unless_it_is_to_stop(part: Callable[[], Any], why: str) -> None:
    for stopped in (False, True):
        stop = asyncio.Event()
        if stopped or not why:
            asyncio.get_running_loop().call_later(5, stop.set)
        tasks = [asyncio.create_task(lasts()), asyncio.create_task(part(), name="watchdog")]
        if stopped:
            await asyncio.sleep(10)
        if why and not stopped:
            with pytest.raises(ConnectError, match=rf"ended \(watchdog: {why}"):
                await until_stopped(stop, tasks)
        else:
            await until_stopped(stop, tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(
    ("name", "where", "what"),
    [
        ("watchdog", Watchdog, "run"),
        ("reload", Daemon, "_hear"),
        ("webhooks", Server, "main_loop"),
    ],
)
def test_a_daemon_of_which_a_part_dies_fails_and_the_next_one_tells_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, where: type, what: str
) -> None:
    async def soon(each: object, *_: object) -> None:
        await asyncio.sleep(0.1)
        if isinstance(each, Server):
            await each.shutdown()
        raise OSError(5, "the disk does not answer")

    monkeypatch.setattr(where, what, soon)
    daemon = Daemon(Options(tmp_path, port=0), {}, RecordingLog())
    with pytest.raises(ConnectError, match=rf"a part of the daemon has ended \({name}: "):
        asyncio.run(daemon.run())
    (end,) = json.loads((tmp_path / "journal.ended").read_text())["ends"]
    assert f"a part of the daemon has ended ({name}: " in end


@in_virtual_time
async def test_telling_that_ends_is_logged_and_begun_again() -> None:
    began, log, changed = [], RecordingLog(), asyncio.Event()
    now = asyncio.get_running_loop().time

    async def telling() -> None:
        began.append(now())
        await (dies() if len(began) < 3 else lasts())

    running = asyncio.create_task(tell_anew(telling, changed, log))
    await asyncio.sleep(10 * PAUSE)
    assert [at - began[0] for at in began] == [0, PAUSE, 2 * PAUSE]
    assert [(level, event) for level, event, _ in log.lines] == [("error", "alerts not told")] * 2
    changed.set()
    await asyncio.sleep(1)
    assert len(began) == 4
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
