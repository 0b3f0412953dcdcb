"""What systemd is told, and that telling it never stops us."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from caseconnect.host.systemd import Supervisor


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        yield listening


def supervisor(tmp_path: Path, **more: str) -> Supervisor:
    return Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify"), **more})


def heard(listening: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(listening.recv(1000, socket.MSG_DONTWAIT).decode())
        except BlockingIOError:
            return found


def test_it_hears_of_the_start_the_reload_and_the_end(tmp_path: Path, listening: socket.socket) -> None:
    told = supervisor(tmp_path)
    told.ready()
    told.reloading()
    told.ready()
    told.stopping()
    first, reloading, again, last = heard(listening)
    assert (first, again, last) == ("READY=1", "READY=1", "STOPPING=1")
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", reloading)


@pytest.mark.parametrize(
    ("more", "beats"),
    [
        ({}, []),
        ({"WATCHDOG_USEC": "60000000"}, ["WATCHDOG=1"]),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, ["WATCHDOG=1"]),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, []),
        ({"WATCHDOG_USEC": "0"}, []),
    ],
)
def test_the_watchdog_is_beaten_where_there_is_one_for_us(
    tmp_path: Path, listening: socket.socket, more: dict[str, str], beats: list[str]
) -> None:
    supervisor(tmp_path, **more).alive()
    assert heard(listening) == beats


def test_one_that_does_not_listen_is_not_waited_for_and_hears_of_readiness_later(
    tmp_path: Path, listening: socket.socket
) -> None:
    told = supervisor(tmp_path, WATCHDOG_USEC="60000000")
    for _ in range(3000):
        told.alive()
    told.ready()
    assert set(heard(listening)) == {"WATCHDOG=1"}
    told.alive()
    assert heard(listening) == ["READY=1", "WATCHDOG=1"]


def test_without_a_supervisor_and_with_one_that_is_gone_nothing_happens(tmp_path: Path) -> None:
    for told in (Supervisor({}), supervisor(tmp_path), Supervisor({"NOTIFY_SOCKET": "@nobody-here"})):
        told.ready()
        told.alive()
        told.stopping()
