"""`connect reload` tells what it does not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from caseconnect.cli import main


def test_it_says_that_the_daemons_own_file_takes_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answered(*asked: Any, **more: Any) -> dict[str, Any]:
        return {"tenants": [{"tenant": "acme", "did": "unchanged", "changed": [], "why": []}]}

    monkeypatch.setattr("caseconnect.host.web.control.ask_daemon", answered)
    told = CliRunner().invoke(main, ["reload", "--data", str(tmp_path), "--by", "ann"])
    assert told.exit_code == 0, told.output
    assert "read at a restart only" in " ".join(told.output.split())
    plain = CliRunner().invoke(main, ["reload", "--data", str(tmp_path), "--by", "ann", "--json"])
    assert "restart" not in plain.output
