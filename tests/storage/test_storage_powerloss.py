"""After a power loss nothing acknowledged is missing and nothing is damaged (faults.md, B1).

`make powerloss` looks at 20,000 images and at the controls; a run of all tests at fifty images.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from powerloss import NAME, STRACE, images, problem, record

IMAGES = int(os.environ.get("CONNECT_POWERLOSS", "0"))
ROUNDS = 24 if IMAGES else 1
OPENED_EVERY = 20


def can_trace() -> bool:
    return bool(STRACE) and not subprocess.run([str(STRACE), "-o", os.devnull, "true"], capture_output=True).returncode


pytestmark = pytest.mark.skipif(not can_trace(), reason="strace is not there, or may not trace here")


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECT_ENVIRONMENT", NAME)


def problems(tmp_path: Path, synchronous: str, wanted: int) -> tuple[int, list[str]]:
    """How many images were looked at, and what was wrong with which."""
    ops = record(tmp_path / synchronous, synchronous, ROUNDS)
    assert sum(op.what == "ack" for op in ops) >= 6 * ROUNDS
    count, wrong = 0, []
    for cut, seed, files, acked in images(ops, wanted):
        count += 1
        told = problem(files, acked, tmp_path / "image", opened=count % OPENED_EVERY == 0)
        if told:
            wrong.append(f"cut {cut} of {len(ops)}, seed {seed}: {told}")
    print(f"{synchronous}: {count} images of {len(ops)} steps, {len(wrong)} wrong")  # noqa: T201 - for `make powerloss`
    return count, wrong


def test_a_power_loss_loses_nothing_acknowledged(tmp_path: Path) -> None:
    count, wrong = problems(tmp_path, "FULL", IMAGES or 50)
    assert count >= (IMAGES or 50)
    assert wrong == []


@pytest.mark.skipif(not IMAGES, reason="`make powerloss` plays it")
@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_the_control_is_found(tmp_path: Path, synchronous: str) -> None:
    _, wrong = problems(tmp_path, synchronous, IMAGES // 10)
    assert any("lost what was acknowledged" in told for told in wrong)
    if synchronous == "OFF":
        assert any("damaged" in told or "cannot be opened" in told for told in wrong)
