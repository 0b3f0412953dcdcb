"""Whatever is lost, late, killed or taken back: money moves once, by the right amount, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from money_seeds import WEATHERS, run_seeds, seeds_wanted
from toy_money import MoneySink, ToyMoneyWorld

from caseconnect.sdk.commands import Command, IssueCredit
from caseconnect.sdk.components import Repeat, Sighting

LOST = ("done", "parked", "unknown", "lost before", "lost after", "error after")
MET = {
    "answers": (*LOST, "busy", "503", "no connection"),
    "late": ("done", "parked", "unknown", "late", "landed late"),
    "crash": ("done", "unknown"),
    "revoked": ("done", "refused", "parked", "revoke", "by hand", "twice", "change"),
}


POINTS = ("decide", "decided:before", "decided:after", "began:before", "began:after", "sending", "answered")
KILLED = tuple(f"killed at {point}" for point in (*POINTS, "settled:before", "settled:after", "postpone:before"))
MANY = 500
"""So many seeds are killed at every point on the way of a command."""


@pytest.mark.parametrize("weather", WEATHERS)
def test_no_seed_moves_money_twice_or_by_a_wrong_amount(weather: str, tmp_path: Path) -> None:
    tally = run_seeds(ToyMoneyWorld, weather, tmp_path)
    tally.require(*MET[weather])
    if weather == "crash" and len(seeds_wanted()) >= MANY:
        tally.require(*KILLED)
    print(weather, dict(sorted(tally.seen.items())))  # noqa: T201 - `make simulate` shows it


class _Blind(MoneySink):
    async def verify(self, command: Command, key: str) -> Sighting:
        return Sighting(seen=False)


class Trusting(ToyMoneyWorld):
    """Its sink claims that credits honour a key, which they do not, and sees none."""

    sink = replace(ToyMoneyWorld.sink, build=_Blind, commands={**ToyMoneyWorld.sink.commands, IssueCredit: Repeat.KEY})


def test_a_sink_that_resends_without_a_key_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="IssueCredit happened 2 times"):
        run_seeds(Trusting, "answers", tmp_path, seeds=range(6))
