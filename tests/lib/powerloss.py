"""Power loss: images of the disk, built from the writes and syncs of a real run, cut at every point.

strace tells what SQLite, as it ships with this Python, wrote and synced. What was not synced when the power went is
dropped, kept or torn at sectors by a seed, in any order; a file that was made or removed may be there or not until its
folder is synced. That is more than a disk may do, and less than some do: one that lies about a sync is not simulated.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: a run can be repeated
from typing import Literal

from serving import environment

from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.errors import JournalError

STRACE = shutil.which("strace")
_FILES = ("journal.db", "journal.db-journal", "journal.db-wal", "journal.instance")
NAME = "power loss"
"""$CONNECT_ENVIRONMENT of the run and of whoever opens an image: these lie in another folder."""

_SECTOR = 512
_CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?P<rest>.*)$")
_RESUMED = re.compile(r"^(?P<pid>\d+) +<\.\.\. (?P<name>\w+) resumed>")
_HEX = re.compile(r"\\x([0-9a-f]{2})")


@dataclass(frozen=True)
class Op:
    """One thing that the run did to a file: 'write' at `at`, 'truncate' to `at`, 'sync', 'unlink'; or an 'ack'."""

    what: Literal["write", "truncate", "sync", "unlink", "ack"]
    file: str
    at: int = 0
    data: bytes = b""


def record(folder: Path, synchronous: str, rounds: int) -> list[Op]:
    """Run the work under strace in an empty folder; what it did, in order."""
    folder.mkdir()
    trace, work = folder.with_suffix(".trace"), Path(__file__).with_name("powerloss_work.py")
    calls = "trace=pwrite64,write,fdatasync,fsync,ftruncate,unlink"
    command = [str(STRACE), "-f", "--seccomp-bpf", "-y", "-xx", "-s", "200000", "-e", calls, "-o", str(trace)]
    subprocess.run(
        [*command, sys.executable, str(work), str(folder), synchronous, str(rounds)],
        check=True,
        capture_output=True,
        env=environment(PYTHONPATH=str(work.parent), CONNECT_ENVIRONMENT=NAME),
    )
    with trace.open() as lines:
        return list(_ops(lines, folder))


def _ops(lines: Iterator[str], folder: Path) -> Iterator[Op]:
    syncing: dict[str, Op] = {}
    for line in lines:
        resumed = _RESUMED.match(line)
        if resumed:  # a sync counts from its end, a write from its beginning
            if op := syncing.pop(resumed["pid"], None):
                yield op
            continue
        call = _CALL.match(line)
        op = _op(call["name"], call["rest"], folder) if call else None
        if op is None:
            continue
        if op.what == "sync" and line.rstrip().endswith("<unfinished ...>"):
            syncing[line.split()[0]] = op
        else:
            yield op


def _op(name: str, rest: str, folder: Path) -> Op | None:
    named = re.match(r"(\d+)<([^>]*)>", rest)
    if named and named[1] == "1" and name == "write":
        return Op("ack", "", data=_text(rest.split('"')[1]))
    path = Path(_text(named[2] if named else rest.split('"')[1]).decode())
    if path == folder and name in ("fsync", "fdatasync"):
        return Op("sync", "")
    return _of_file(name, rest, path.name) if path.parent == folder and path.name in _FILES else None


def _of_file(name: str, rest: str, file: str) -> Op:
    if name == "unlink":
        return Op("unlink", file)
    if name in ("fsync", "fdatasync"):
        return Op("sync", file)
    if name == "ftruncate":
        return Op("truncate", file, int(re.split(r"[ )]", rest.split(", ")[1])[0]))
    data = _text(rest.split('"')[1])
    at = int(re.split(r"[ ,)]+", rest.rsplit('"', 1)[1])[2]) if name == "pwrite64" else 0
    return Op("write", file, at, data)


def _text(escaped: str) -> bytes:
    return bytes.fromhex("".join(_HEX.findall(escaped)))


@dataclass
class Disk:
    """What is on the disk for sure, and what was not synced yet."""

    durable: dict[str, bytearray] = field(default_factory=dict)
    pending: dict[str, list[Op]] = field(default_factory=dict)
    entries: dict[str, bool] = field(default_factory=dict)
    acked: list[tuple[str, str]] = field(default_factory=list)

    def take(self, op: Op) -> None:
        """The run goes on by one step."""
        if op.what == "ack":
            for line in op.data.decode().splitlines():
                _, what, name = line.split(" ", 2)
                self.acked.append((what, name))
        elif op.what == "sync" and not op.file:
            for name, there in self.entries.items():
                if not there:
                    self.durable.pop(name, None)
                    self.pending.pop(name, None)
            self.entries.clear()
        elif op.what == "sync":
            for old in self.pending.pop(op.file, ()):
                _apply(self.durable.setdefault(op.file, bytearray()), old)
        elif op.what == "unlink":
            self.entries[op.file] = False
        else:
            if op.file not in self.durable and op.file not in self.pending:
                self.entries[op.file] = True
            self.pending.setdefault(op.file, []).append(op)

    def image(self, random: Random) -> dict[str, bytes]:
        """The files after the power went now."""
        way = random.randrange(4)
        files = {}
        for name in sorted(self.durable.keys() | self.pending.keys()):
            if name in self.entries and random.randrange(2):
                if self.entries[name]:
                    continue  # it was made, and its folder does not know of it yet
                if way != 0:
                    continue  # it was removed
            data = bytearray(self.durable.get(name, b""))
            pending = self.pending.get(name, [])
            until = {0: 0, 1: len(pending)}.get(way, random.randint(0, len(pending)))
            for place, op in enumerate(pending):
                if way < 3 and place < until:
                    _apply(data, op)
                elif (way == 2 and place == until) or (way == 3 and random.randrange(2)):
                    _apply(data, op, random)
            files[name] = bytes(data)
        return files


def _apply(data: bytearray, op: Op, torn: Random | None = None) -> None:
    """Do a write; torn: each of its sectors may have come to the disk or not."""
    if op.what == "truncate":
        del data[op.at :]
        data.extend(bytes(op.at - len(data)))
        return
    if len(data) < op.at + len(op.data):
        data.extend(bytes(op.at + len(op.data) - len(data)))
    begin = 0
    while begin < len(op.data):
        end = min(len(op.data), begin + _SECTOR - (op.at + begin) % _SECTOR)
        if torn is None or torn.randrange(2):
            data[op.at + begin : op.at + end] = op.data[begin:end]
        begin = end


_HAS = {
    "delivery": "SELECT delivery_id FROM deliveries",
    "planned": "SELECT key FROM commands",
    "sending": "SELECT key FROM outcomes WHERE became='sending'",
    "done": "SELECT key FROM outcomes WHERE became='done'",
}


def problem(files: dict[str, bytes], acked: Sequence[tuple[str, str]], folder: Path, *, opened: bool) -> str | None:
    """What is wrong after such a power loss; None: nothing. `opened`: open it as the daemon does, too."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    path = folder / "journal.db"
    try:
        if opened or not acked:
            journal = SqliteJournal.open(path, synchronous="OFF")
            doubt = journal.in_doubt()
            journal.close()
            if doubt:
                return f"in doubt: {doubt}"
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA synchronous=OFF")
            if (found := db.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
                return f"damaged: {found}"
            for what, query in _HAS.items():
                lost = {name for kind, name in acked if kind == what} - {name for (name,) in db.execute(query)}
                if lost:
                    return f"lost what was acknowledged: {what} {sorted(lost)[0]}"
    except (sqlite3.Error, JournalError) as error:
        return f"cannot be opened: {error}"
    return None


def images(ops: Sequence[Op], wanted: int) -> Iterator[tuple[int, int, dict[str, bytes], list[tuple[str, str]]]]:
    """About `wanted` images all over the run: (cut, seed, files, what was acknowledged)."""
    disk = Disk()
    made = 0.0
    for cut, op in enumerate(ops):
        disk.take(op)
        due = int(wanted * (cut + 1) / len(ops)) - int(made)
        for seed in range(due):
            yield cut, seed, disk.image(Random(f"{cut}|{seed}")), list(disk.acked)
        made += due
