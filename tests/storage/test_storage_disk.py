"""A disk that fails or is full, under a daemon that is really hurt (faults.md, B2-B4). `make storage`: all of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: a run can be repeated

import pytest
from hurting import Load, can_trace, children, doubled, injecting, lost, order
from serving import connect, rows, serving, signed, write_tenant

from caseconnect.cli import Exit
from caseconnect.host.journal.backups import check

FULL = os.environ.get("CONNECT_STORAGE") == "full"
UNTIL = 3
SPREAD = (1, 2, 5, 10, 20, 40)
"""Writes that fail; of the syncs each does."""
slow = pytest.mark.skipif(not FULL, reason="`make storage` plays it: it takes processes and minutes")
traced = pytest.mark.skipif(not can_trace(), reason="strace is not there, or may not trace here")


def hurt(folder: Path, fault: str) -> tuple[list[str], int, str]:
    """Post deliveries to a daemon with that fault until it ends: what it acknowledged, its exit code, what was hit."""
    acknowledged = []
    trace = folder / "strace.txt"
    with serving(folder, command=injecting(fault, trace), wait=False) as daemon:
        daemon.until(lambda: daemon.lines("serving") or daemon.process.poll() is not None, "it serves or has ended")
        if daemon.process.poll() is None:
            daemon.port = daemon.lines("serving")[0]["port"]
            for number in range(UNTIL):
                try:
                    if daemon.post("orders/create", order(number), f"d{number}") != 200:
                        break
                except Exception:  # noqa: BLE001 - nobody answers any more, or the answer was cut in the middle
                    break
                acknowledged.append(f"d{number}")
            for child in children(daemon.process.pid):
                os.kill(child, signal.SIGTERM)
        code = daemon.process.wait(60)
    return acknowledged, code, "".join(line for line in trace.read_text().splitlines() if "(INJECTED)" in line)


@slow
@traced
@pytest.mark.parametrize(("call", "numbers"), [("fdatasync:error=EIO", count(1)), ("pwrite64:error=EIO", SPREAD)])
def test_a_failed_write_or_sync_ends_the_process_before_it_is_acknowledged(
    tmp_path: Path, call: str, numbers: Iterable[int]
) -> None:
    write_tenant(tmp_path)
    with serving(tmp_path) as daemon:
        assert daemon.stop() == Exit.OK
    shutil.copytree(tmp_path / "data", tmp_path / "fresh")
    ended = number = 0
    for number in numbers:
        shutil.rmtree(tmp_path / "data")
        shutil.copytree(tmp_path / "fresh", tmp_path / "data")
        acknowledged, code, hit = hurt(tmp_path, f"{call}:when={number}")
        if not hit:
            break
        assert code in (Exit.OK, Exit.JOURNAL), f"at {number}: {code}, {(tmp_path / 'serve.log').read_text()[-2000:]}"
        if code == Exit.OK and call.startswith("fdatasync"):
            assert "journal.db" not in hit, "SQLite overlooks a folder that cannot be synced; a file it must not"
        ended += code == Exit.JOURNAL
        with serving(tmp_path) as daemon:
            assert lost(daemon.data, acknowledged) == set()
            assert daemon.post("orders/create", order(len(acknowledged)), f"d{len(acknowledged)}") == 200
            assert doubled(daemon.data) == []
            assert daemon.stop() == Exit.OK
        assert check(tmp_path / "data" / "journal.db") == []
    print(f"{call}: {ended} of {number} ended the process")  # noqa: T201 - for `make storage`
    assert ended >= 3


def small_disk(folder: Path) -> list[str]:
    """A program: the daemon in a namespace of its own, with a small disk for its data."""
    program = str(Path(sys.executable).with_name("connect"))
    script = 'mount -t tmpfs -o size=24m none "$0" && exec "$@"'
    return ["unshare", "-rm", "sh", "-c", script, str(folder), program]


def may_mount(folder: Path) -> bool:
    try:
        subprocess.run([*small_disk(folder)[:-1], "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@slow
def test_a_full_disk_is_told_and_gone_when_there_is_room(tmp_path: Path) -> None:
    write_tenant(tmp_path)
    (tmp_path / "data").mkdir()
    if not may_mount(tmp_path / "data"):
        pytest.skip("this machine lets nobody mount a small disk")
    with serving(tmp_path, command=small_disk(tmp_path / "data")) as daemon:
        inside = Path(f"/proc/{daemon.process.pid}/root{tmp_path}/data")
        assert daemon.post("orders/create", order(0), "d0") == 200
        with (inside / "padding").open("wb") as padding:
            while True:
                try:
                    os.write(padding.fileno(), bytes(65536))
                except OSError:
                    break
        acknowledged, number = [], 0
        while (answer := daemon.ask("POST", "/hooks/acme/shop", *posted(number := number + 1)))[0] == 200:
            acknowledged.append(f"d{number}")
            assert number < 2000
        assert (answer[0], answer[1]["retry-after"]) == (503, "30")
        daemon.until(lambda: daemon.ask("GET", "/readyz")[0] == 503, "it is not ready", 5)
        (inside / "padding").unlink()
        daemon.until(lambda: daemon.ask("GET", "/readyz")[0] == 200, "it is ready again without a restart", 10)
        assert daemon.post("orders/create", posted(number)[0], f"d{number}") == 200
        (tmp_path / "seen").mkdir()
        for part in ("journal.db", "journal.db-wal"):  # its disk goes with it
            shutil.copy(inside / part, tmp_path / "seen" / part)
        assert lost(tmp_path / "seen", [*acknowledged, f"d{number}", "d0"]) == set()
        assert check(tmp_path / "seen" / "journal.db") == []
        assert daemon.stop() == Exit.OK


def posted(number: int) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a delivery that compresses badly."""
    body = order(number)[:-1] + b', "pad": "' + Random(number).randbytes(20_000).hex().encode() + b'"}'
    return body, signed("orders/create", body, f"d{number}")


@slow
def test_a_data_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    write_tenant(tmp_path)
    (tmp_path / "data").write_text("in the way")
    ended = connect("serve", "--tenants", tmp_path / "tenants", "--data", tmp_path / "data", "--port", 0)
    assert ended.returncode in (Exit.USAGE, Exit.JOURNAL)
    assert "Traceback" not in ended.stderr


@slow
def test_a_damaged_journal_is_refused_and_nothing_is_done(tmp_path: Path) -> None:
    write_tenant(tmp_path)
    with serving(tmp_path) as daemon:
        load = Load(daemon, "a", clients=1)
        daemon.until(lambda: len(load.acknowledged) > 20, "deliveries come in")
        load.end()
        assert daemon.stop() == Exit.OK
    path = tmp_path / "data" / "journal.db"
    data = bytearray(path.read_bytes())
    place = data.rindex(b"orders/create")
    data[place] ^= 1
    path.write_bytes(data)
    ended = connect("serve", "--tenants", tmp_path / "tenants", "--data", tmp_path / "data", "--port", 0)
    assert ended.returncode == Exit.JOURNAL
    assert "is damaged" in ended.stderr
    assert "connect restore FILE" in ended.stderr
    told = connect("verify", "--data", tmp_path / "data")
    assert told.returncode == Exit.JOURNAL
    assert rows(tmp_path / "data", "SELECT count(*) FROM commands") == [(0,)]
