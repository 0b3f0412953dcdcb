"""The bench itself: each part runs at tiny size and says what it should. No figure is judged here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
_SAFETY = ("syncs", "recovery", "pile", "noisy")


pytestmark = pytest.mark.skipif(
    os.environ.get("CONNECT_BENCH") != "1", reason="CONNECT_BENCH is not 1: it takes a minute"
)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("bench")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bench",
            "--size",
            "tiny",
            "--json",
            str(folder / "r.json"),
            "--write",
            str(folder / "r.md"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads((folder / "r.json").read_text())
    found["page"], found["printed"] = (folder / "r.md").read_text(), done.stdout
    return found


def test_every_part_is_measured(result: dict[str, Any]) -> None:
    parts = result["parts"]
    assert set(parts) == {"start", "intake", "through", "drain", "seals", "backlog", "poll", *_SAFETY}
    for variant in ("nothing", "journal", "serve"):
        assert parts["intake"][variant]["answered"] > 0
        assert parts["intake"][variant]["refused"] == 0
    assert parts["intake"]["body_bytes"] == pytest.approx(8192, abs=100)
    assert parts["through"]["cases"] == parts["through"]["orders"] == 5
    assert parts["through"]["p50_ms"] <= parts["through"]["p99_ms"] <= parts["through"]["max_ms"]
    assert parts["start"]["help_seconds"] > 0
    assert parts["start"]["memory_idle_mb"] > 10


def test_a_backlog_is_worked_off_case_by_case(result: dict[str, Any]) -> None:
    backlog = result["parts"]["backlog"]
    coalesced, each = backlog["coalesced"], backlog["each"]
    assert (coalesced["done"], coalesced["superseded"], coalesced["edits"]) == (2, 18, 2)
    assert (each["done"], each["superseded"], each["edits"]) == (20, 0, 20)
    assert coalesced["seconds"] < each["seconds"]


def test_draining_does_the_same_work_on_both_journals(result: dict[str, Any]) -> None:
    drain = result["parts"]["drain"]
    for variant in ("empty", "full"):
        # One of 50 orders is an exception: held and opened, which tells its lane twice.
        assert (drain[variant]["cases"], drain[variant]["events"], drain[variant]["parked"]) == (1, 52, 0)
    assert drain["history_events"] == 500


def test_what_was_being_sent_is_found_after_a_kill(result: dict[str, Any]) -> None:
    recovery = result["parts"]["recovery"]
    assert (recovery["commands"], recovery["sending"], recovery["still_sending"]) == (40, 2, 0)


def test_a_backlog_is_worked_off_while_deliveries_are_taken(result: dict[str, Any]) -> None:
    piled = result["parts"]["pile"]["piled"]
    assert piled["per_second"] > 0
    assert piled["worked_off_per_second"] > 0


def test_a_quiet_tenant_gets_its_cases_beside_a_noisy_one(result: dict[str, Any]) -> None:
    noisy = result["parts"]["noisy"]
    assert (noisy["alone"]["cases"], noisy["beside"]["cases"]) == (2, 2)


def test_syncs_are_counted_where_strace_is(result: dict[str, Any]) -> None:
    syncs = result["parts"]["syncs"]
    assert "absent" in syncs or (syncs["intake"]["syncs"] > 0 and syncs["drain"]["sync_seconds"] > 0)


def test_polling_reads_every_order_with_the_fewest_requests(result: dict[str, Any]) -> None:
    poll = result["parts"]["poll"]
    assert (poll["orders"], poll["ideal_requests"]) == (450, 3)
    assert (poll["connect"]["stored"], poll["connect"]["requests"]) == (450, 3)
    assert poll["connect"]["simulator_cpu_seconds"] > 0
    assert "dlt" not in poll
    assert "size tiny leaves it out" in result["printed"]


def test_targets_and_versions_are_told(result: dict[str, Any]) -> None:
    assert [(t["part"], t["wanted"]) for t in result["targets"]] == [("intake", 0.35), ("drain", 0.8)]
    assert all(t["met"] == (t["found"] >= t["wanted"]) for t in result["targets"])
    assert {"python", "sqlite", "connect", "httpx"} <= set(result["versions"])
    sections = ("Intake", "Draining", "Webhook to open case", "Polling", "Start-up", "Recovery", "A noisy")
    for shown in (*(f"## {section}" for section in sections), result["date"]):
        assert shown in result["page"]
        assert shown in result["printed"]
