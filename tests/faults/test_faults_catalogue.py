"""Every fault of outbound HTTP on every operation: its class, the ledger, and nothing told that must not be.

`make test` plays a diagonal, each fault and each operation at least once; with `CONNECT_SEEDS` (`make simulate`, CI)
all cells are played. A cell is found again by its id: `pytest -k "shopify-refund-reply_dropped"` plays it alone there.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from faults_catalogue import CLASSES, FAULTS, OPERATIONS, Fault
from faults_cells import Operation, play

from caseconnect.sdk.errors import ConnectError, TransientError
from caseconnect.sdk.http import Http

COLUMNS = tuple(Operation(*each) for each in OPERATIONS)
ALL = [(column, fault) for column in COLUMNS for fault in FAULTS if not fault.why_not(column.platform, column.kind)]


def diagonal() -> list[tuple[Operation, Fault]]:
    """For each fault the next operation that it can befall; the operations in turn."""
    found, turn = [], 0
    for fault in FAULTS:
        while fault.why_not(COLUMNS[turn % len(COLUMNS)].platform, COLUMNS[turn % len(COLUMNS)].kind):
            turn += 1
        found.append((COLUMNS[turn % len(COLUMNS)], fault))
        turn += 1
    return found


def name(cell: tuple[Operation, Fault]) -> str:
    return "-".join((cell[0].platform, cell[0].name, cell[1].name)).replace(" ", "_")


@pytest.mark.parametrize("cell", ALL if os.environ.get("CONNECT_SEEDS") else diagonal(), ids=name)
def test_a_fault_is_called_what_it_is_and_ends_in_one_effect(cell: tuple[Operation, Fault]) -> None:
    wrong = play(*cell)
    assert not wrong, "\n".join(wrong)


def test_each_fault_and_each_operation_is_on_the_diagonal() -> None:
    played = diagonal()
    assert {fault.name for _, fault in played} == {fault.name for fault in FAULTS}
    assert {operation for operation, _ in played} == set(COLUMNS)


def test_each_class_is_met_and_what_is_not_played_says_why() -> None:
    met = Counter(fault.expected(column.platform, column.name, column.kind) for column, fault in ALL)
    assert set(met) == set(CLASSES)
    left = len(COLUMNS) * len(FAULTS) - len(ALL)
    why = Counter(fault.why_not(column.platform, column.kind) for column in COLUMNS for fault in FAULTS)
    assert sum(count for text, count in why.items() if text) == left
    print(len(ALL), "cells", dict(met), left, "not played", dict(why))  # noqa: T201 - `make simulate` shows it


@pytest.mark.parametrize("what", ["reply dropped", "silence", "effect after our deadline"])
def test_a_client_that_calls_a_lost_write_undone_is_found_out(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def undone(safe: bool, text: str) -> ConnectError:
        return TransientError(text)

    monkeypatch.setattr(Http, "_lost", staticmethod(undone))
    fault = next(each for each in FAULTS if each.name == what)
    refund = next(each for each in COLUMNS if (each.platform, each.name) == ("shopify", "refund"))
    assert any("is again instead of unknown" in text for text in play(refund, fault))


def test_a_client_that_tells_what_a_gateway_quotes_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caseconnect.sdk.http.without_credentials", lambda body, sent: body)
    fault = next(each for each in FAULTS if each.name == "400")
    token = next(each for each in COLUMNS if (each.platform, each.name) == ("sfcc", "token"))
    assert any("a secret or personal data is shown" in text for text in play(token, fault))
