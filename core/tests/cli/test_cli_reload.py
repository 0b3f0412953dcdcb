"""`connect reload` tells what became of each file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from caseconnect.cli import Exit, main

OWN = {"tenant": "", "did": "reloaded", "changed": ["~ console.people"], "why": [], "restart": ["console.port"]}


@pytest.mark.parametrize(("did", "exit_code"), [("reloaded", Exit.OK), ("kept", Exit.WRONG)])
def test_it_says_what_of_the_daemons_file_takes_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, did: str, exit_code: int
) -> None:
    async def answered(*asked: Any, **more: Any) -> dict[str, Any]:
        return {
            "daemon": {**OWN, "did": did},
            "tenants": [{"tenant": "acme", "did": "unchanged", "changed": [], "why": []}],
        }

    monkeypatch.setattr("caseconnect.host.web.control.ask_daemon", answered)
    told = CliRunner().invoke(main, ["reload", "--data", str(tmp_path), "--by", "ann"])
    assert told.exit_code == exit_code, told.output
    assert "~ console.people" in told.output
    assert "needs a restart: console.port" in told.output
    plain = CliRunner().invoke(main, ["reload", "--data", str(tmp_path), "--by", "ann", "--json"])
    assert json.loads(plain.output)["daemon"]["restart"] == ["console.port"]
