"""What a run found, as JSON values, as a table for people, and as docs/bench.md."""

from __future__ import annotations

import os
import platform
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from bench import safety
from bench.tables import number, table
from caseconnect import __version__

_LIBRARIES = ("httpx", "aiohttp", "orjson", "pydantic", "starlette", "uvicorn", "uvloop", "zstandard")
TARGETS = (
    ("intake", "Intake, `connect serve` against no storage", 0.35),
    ("drain", "Drain with a full journal against an empty one", 0.8),
)
"""Part, what its `ratio` says, and the least it may be (issue 2)."""

_HEAD = """\
# Measurements

Made by `make bench` (`python -m bench`; `SIZE=small` for a quick look). Everything runs on one machine and on loopback:
servers, load generator and simulators share its cores, so the figures are a floor. Each ratio is the median over rounds
in which the compared variants took turns.
"""


def collect(size: str, parts: dict[str, Any], load_before: float) -> dict[str, Any]:
    """The whole result of a run."""
    targets = [
        {"part": part, "name": name, "wanted": wanted, "found": parts[part]["ratio"]}
        for part, name, wanted in TARGETS
        if part in parts
    ]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "size": size,
        "versions": {
            "connect": __version__,
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            **{name: version(name) for name in _LIBRARIES},
        },
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "cpus": os.cpu_count(),
            "load_before": load_before,
        },
        "parts": parts,
        "targets": [{**target, "met": target["found"] >= target["wanted"]} for target in targets],
    }


def text(result: dict[str, Any]) -> str:
    """The tables, as Markdown that also reads well on a terminal."""
    machine = result["machine"]
    versions = ", ".join(f"{name} {found}" for name, found in result["versions"].items())
    lines = [
        f"{result['date']}, size {result['size']}; {machine['system']}, {machine['cpus']} CPUs, load average"
        f" {machine['load_before']:.1f} before the run; {versions}.",
        "",
    ]
    if result["targets"]:
        rows = [
            (t["name"], f"at least {t['wanted']}", f"{t['found']:.2f}", "met" if t["met"] else "**not met**")
            for t in result["targets"]
        ]
        lines += table(("target", "wanted", "found", ""), rows)
    for part, shown in _PARTS.items():
        if part in result["parts"]:
            lines += shown(result["parts"][part])
    return "\n".join(lines)


def page(result: dict[str, Any]) -> str:
    """docs/bench.md."""
    return f"{_HEAD}\n{text(result).rstrip()}\n"


def _intake(part: dict[str, Any]) -> list[str]:
    names = {
        "nothing": "signature, no storage",
        "journal": "signature and durable commit",
        "serve": "`connect serve`",
    }
    rows = [
        (
            name,
            *(f"{part[key][value]:,.{digits}f}" for value, digits in _INTAKE_COLUMNS),
            f"{part[key]['memory_idle_mb']:.0f} / {part[key]['memory_after_mb']:.0f}",
        )
        for key, name in names.items()
    ]
    return [
        "## Intake",
        "",
        f"Deliveries of {part['body_bytes']:,} bytes with ids of their own over {part['connections']} connections, as"
        " fast as they are answered; SQLite `synchronous=FULL`. In `connect serve` the pipeline works beside it: it"
        " reads each delivery and ignores its topic (`orders/delete`), so nothing is asked of a platform. The commit"
        f" without a pipeline beside it reaches {part['ratio_journal_alone']:.2f} of no storage.",
        "",
        *table(("server", "requests/s", "p50 ms", "p99 ms", "CPU µs/request", "memory MB idle / after"), rows),
    ]


_INTAKE_COLUMNS = (("per_second", 0), ("p50_ms", 1), ("p99_ms", 1), ("cpu_us", 0))


def _drain(part: dict[str, Any]) -> list[str]:
    names = {"empty": "empty", "full": f"{part['history_events']:,} events ({part['history_mb']:,.0f} MB)"}
    rows = [
        (
            name,
            f"{part[key]['orders_per_second']:,.0f}",
            f"{part[key]['events_per_second']:,.0f}",
            f"{1000 * part[key]['cpu_seconds'] / part['orders']:.2f}",
            f"{part[key]['cases']:,.0f}",
            f"{part[key]['parked']:,.0f}",
            f"{part[key]['memory_peak_mb']:.0f}",
        )
        for key, name in names.items()
    ]
    return [
        "## Draining",
        "",
        f"{part['orders']:,} journaled orders, 2 % of them exceptions that are held and become a case; pacing off."
        " Both platforms are in the process and without latency: the simulators answer for the exceptions, recorded"
        " answers for the others, so that the pipeline is measured (with HTTP client and mapping), not a simulator's"
        " GraphQL engine.",
        "",
        *table(("journal before", "orders/s", "events/s", "CPU ms/order", "cases", "parked", "memory peak MB"), rows),
    ]


def _through(part: dict[str, Any]) -> list[str]:
    row = (
        f"{part['orders']:,}",
        f"{part['cases']:,}",
        *(number(part[key]) for key in ("p50_ms", "p99_ms", "max_ms")),
        f"{part['cpu_ms_per_order']:.1f}",
        f"{part['memory_idle_mb']:.0f} / {part['memory_after_mb']:.0f}",
    )
    return [
        "## Webhook to open case",
        "",
        f"Exceptions at {part['per_second']:g} a second, pacing off; the daemon and both simulators are processes. From"
        " posting the webhook to the case in Core Case's ledger; on the way the order is read and held.",
        "",
        *table(("orders", "cases", "p50 ms", "p99 ms", "max ms", "CPU ms/order", "memory MB idle / after"), [row]),
    ]


def _poll(part: dict[str, Any]) -> list[str]:
    names = {"connect": "Connect, journal in SQLite", "dlt": f"{part.get('dlt', {}).get('version')}"}
    rows = [
        (
            name,
            *(f"{part[key][value]:,.{digits}f}" for value, digits in _POLL_COLUMNS),
            f"{part[key]['requests']:,.0f} / {part['ideal_requests']:,}",
        )
        for key, name in names.items()
        if key in part
    ]
    beside = f"dlt was not measured: {part['absent']}." if part["absent"] else _BESIDE_DLT.format(part["ratio"])
    return [
        "## Polling",
        "",
        f"One poll of {part['orders']:,} changed orders from SFCC's simulator, a process of its own, over HTTP; pacing"
        " off, start-up left out. The simulator makes up most of the seconds. Both ask OCAPI's `order_search` for the"
        f" same fields, 200 orders a page, sorted by last change. {_OURS} {beside}",
        "",
        *table(
            ("reader", "orders/s", "seconds", "CPU s", "simulator CPU s", "memory peak MB", "requests / ideal"), rows
        ),
    ]


_POLL_COLUMNS = (
    ("orders_per_second", 0),
    ("seconds", 1),
    ("cpu_seconds", 1),
    ("simulator_cpu_seconds", 1),
    ("memory_peak_mb", 0),
)
_OURS = (
    "Connect finds its way from one point in time on, and commits each page with its cursor (`synchronous=FULL`): after"
    " a crash it goes on at the next page."
)
_BESIDE_DLT = (
    "dlt (`rest_api` source, its own offset paginator) is told windows of time of 10,000 orders each, because no"
    " search reaches further; it appends to a DuckDB file through JSON lines, once, at the end. Connect reads {:.2f}"
    " times as many orders a second."
)


def _start(part: dict[str, Any]) -> list[str]:
    row = (f"{part['ready_seconds']:.2f}", f"{part['memory_idle_mb']:.0f}", f"{part['help_seconds']:.2f}")
    return [
        "## Start-up",
        "",
        f"Median of {part['starts']}: from process start until `/readyz` answers 200 on a new journal; memory then.",
        "",
        *table(("ready s", "memory MB", "`connect --help` s"), [row]),
    ]


def _backlog(part: dict[str, Any]) -> list[str]:
    names = {"coalesced": "newest of each case", "each": "each by itself"}
    rows = [
        (name, f"{part[key]['seconds']:,.0f}", f"{part[key]['requests']:,}", f"{part[key]['edits']:,}")
        for key, name in names.items()
    ]
    return [
        "## Backlog of case updates",
        "",
        f"{part['updates']:,} updates of {part['cases']:,} cases that waited while case management was paused, then at"
        " its pace of five requests a second (ours is 4.7); virtual time, so the figures are the same on every"
        " machine. An update reads the case and writes it.",
        "",
        *table(("updates", "seconds", "requests", "writes"), rows),
    ]


_PARTS = {
    "intake": _intake,
    "drain": _drain,
    "seals": safety.seals,
    "syncs": safety.syncs,
    "recovery": safety.recovery,
    "pile": safety.pile,
    "noisy": safety.noisy,
    "poll": _poll,
    "through": _through,
    "backlog": _backlog,
    "start": _start,
}
