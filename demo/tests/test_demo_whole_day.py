"""The demo itself, with all its processes; its report with a tampered ledger; and its end in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from caseconnect.cli import Exit, main
from caseconnect.sdk.errors import ConnectError
from caseconnect_demo import command
from caseconnect_demo.command import insist
from caseconnect_demo.day import DAY
from caseconnect_demo.house import House, house
from caseconnect_demo.whole import Whole, play_all


def test_the_whole_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept: list[Whole] = []

    async def keeping(*of: Any) -> Whole:
        kept.append(await play_all(*of))
        return kept[0]

    monkeypatch.setattr(command, "play_all", keeping)
    result = CliRunner().invoke(main, ["demo", "--json"])
    assert result.exit_code == Exit.OK, result.output
    told = json.loads(result.stdout)
    assert told["ok"]
    _all_flows_happened(told)
    _the_day_came_out(told)
    assert "everything has come to rest" in result.stderr

    async def again(parts: object, tell: object, show: Callable[[House, Whole], Awaitable[None]]) -> None:
        await show(House(tmp_path), kept[0])

    monkeypatch.setattr(command, "play", again)
    shown = CliRunner().invoke(main, ["demo"])
    assert shown.exit_code == Exit.OK
    assert [line for line in shown.stdout.splitlines() if len(line) > 100] == []
    assert "15 of 15 flows happened on both sides" in shown.stdout
    evidence = kept[0].evidence
    assert evidence is not None
    evidence.shop_ledger.append(next(e for e in evidence.shop_ledger if e["what"] == "hold"))
    tampered = CliRunner().invoke(main, ["demo"])
    assert tampered.exit_code == Exit.WRONG
    assert "DIFFERS: holds, releases and cancellations" in tampered.stdout
    assert "1 by the journal, 2 in the ledger" in tampered.stdout


def _all_flows_happened(told: Any) -> None:
    assert [row["row"] for row in told["rows"]] == [f"S{n}" for n in range(1, 9)] + [f"P{n}" for n in range(1, 8)]
    for row in told["rows"]:
        assert not row["problem"]
        assert all(row[name] for name in ("trigger", "case", "decisions", "effect", "ledger", "tenant")), row["row"]
        assert 0 <= row["seconds"]["to_case"] <= row["seconds"]["to_decision"] <= row["seconds"]["to_effect"]
    assert len({row["case"] for row in told["rows"]}) == 15
    assert told["storm"]["counts"] == {"declines": 300, "own_cases": 30, "incidents": 1, "joined": 270}
    assert {one["row"]: one["tenant"] for one in told["others"]} == {"smallest": "smallest", "both": "both"}


def _the_day_came_out(told: Any) -> None:
    rows = {row["key"]: row for row in told["orders"]}
    assert list(rows) == [scenario.key for scenario in DAY]
    for scenario in DAY:
        row = rows[scenario.key]
        assert set(row["exceptions"]) == scenario.expected.exceptions
        assert tuple(row["effects"]) == scenario.expected.effects
        assert bool(row["case"]) == bool(scenario.expected.exceptions)
        assert row["decisions"] == [turn.outcome for turn in scenario.agent]
        assert row["why"] or row["case"]
        assert not row["problems"]
    assert len({row["case"] for row in rows.values() if row["case"]}) == told["totals"]["cases_opened"] == 9
    assert all(check["ok"] and check["looked_at"] for check in told["checks"])


def test_a_failure_shows_the_logs_and_leaves_nothing() -> None:
    kept: list[House] = []

    async def fail() -> None:
        async with house() as running:
            kept.append(running)
            raise ConnectError("something broke")

    with pytest.raises(ConnectError, match="something broke") as caught:
        asyncio.run(fail())
    ended, text = kept[0], str(caught.value)
    assert "--- connect serve, the end of its log ---" in text
    assert '"event": "serving"' in text
    assert ended.shop_secret not in text
    assert ended.desk_secret not in text
    assert len(ended.processes) == 4
    assert all(process.popen.poll() is not None for process in ended.processes)
    assert not ended.folder.exists()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    code = "from caseconnect.cli import main; main(prog_name='connect')"
    demo = subprocess.Popen(
        [sys.executable, "-c", code, "demo", "--rows", "P1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )
    assert demo.stderr is not None
    try:
        for line in demo.stderr:
            if "#1001" in line:
                break
        assert len(_processes_at(tmp_path)) == 4
        demo.send_signal(signal.SIGINT)
        _, errors = demo.communicate(timeout=90)  # a starved machine takes its time to end three processes
    finally:
        demo.kill()
        demo.wait()
        demo.stderr.close()
    assert demo.returncode == Exit.INTERRUPTED
    assert "Traceback" not in errors
    assert _processes_at(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def _processes_at(folder: Path) -> list[str]:
    """Command lines that name the folder, given a moment for those that are just ending."""
    found: list[str] = []
    for _ in range(20):
        found = [line for line in map(_command_line, Path("/proc").glob("[0-9]*/cmdline")) if str(folder) in line]
        if not found:
            break
        time.sleep(0.05)
    return found


def _command_line(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace").replace("\0", " ")
    except OSError:
        return ""


def test_a_cancellation_that_was_lost_is_asked_for_again() -> None:
    async def deaf() -> str:
        insisting = asyncio.ensure_future(insist(asyncio.current_task(), pause=0.01))
        try:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            await asyncio.sleep(60)
        finally:
            insisting.cancel()
        return "the day went on"

    async def story() -> None:
        task = asyncio.ensure_future(deaf())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(task), 10)

    asyncio.run(story())
