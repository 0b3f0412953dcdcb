"""The alert that a plugin blocks the pipeline closes, also if the journal was busy when it was over."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.errors import JournalBusy
from caseconnect.host.systemd import Supervisor
from caseconnect.host.watchdog import Watchdog
from caseconnect.sdk.testing.resources import RecordingLog
from caseconnect.sdk.testing.rig import in_virtual_time


@in_virtual_time
async def test_that_it_is_over_is_written_as_soon_as_it_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = SqliteJournal.open(tmp_path / "journal.db", synchronous="OFF")
    pipeline = SimpleNamespace(alive=lambda: True, silent_for=lambda: 60.0, where=lambda: "plugin:1")
    now = asyncio.get_running_loop().now  # type: ignore[attr-defined] # the virtual loop's
    watchdog = Watchdog(pipeline, Supervisor({}), lambda: None, now)  # type: ignore[arg-type] # what is asked of it
    watching = asyncio.create_task(watchdog.run(journal, RecordingLog()))
    await asyncio.sleep(3)
    assert set(journal.open_alerts("")) == {"pipeline:blocked"}
    close, busy = journal.close_alert, True

    async def refuse(*what: object) -> bool:
        if busy:
            raise JournalBusy("another program has it locked")
        return await close(*what)  # type: ignore[arg-type] # as it was called

    monkeypatch.setattr(journal, "close_alert", refuse)
    pipeline.silent_for = lambda: 0.0
    await asyncio.sleep(3)
    busy = False
    await asyncio.sleep(3)
    assert journal.open_alerts("") == {}
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    journal.close()
