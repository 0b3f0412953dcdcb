"""Part 1, intake: 8 KB deliveries, signature and durable commit, against the same server without storage."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench.body import template
from bench.processes import Running, call, plain_server, serve
from bench.sizes import Size

VARIANTS = ("nothing", "journal", "serve")
"""No storage; commit alone; the whole daemon, whose pipeline parses each delivery beside it and ignores it."""


def measure(size: Size) -> dict[str, Any]:
    """Rounds of all variants in turn, each round in another order; medians, and the ratio within each round."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        servers: dict[str, Running] = {
            "nothing": stack.enter_context(plain_server("nothing")),
            "journal": stack.enter_context(plain_server("journal")),
            "serve": stack.enter_context(serve(Path(name))),
        }
        idle = {variant: server.memory_mb() for variant, server in servers.items()}
        first, body = 0, template()
        for number in range(-size.warm_up, size.rounds):
            for variant in VARIANTS if number % 2 else reversed(VARIANTS):
                seconds = size.intake_seconds if number >= 0 else min(1.0, size.intake_seconds)
                cpu = servers[variant].cpu_seconds()
                result = _round(servers[variant].port, body, size.intake_connections, seconds, first)
                result["cpu_us"] = 1e6 * (servers[variant].cpu_seconds() - cpu) / max(result["answered"], 1)
                first += result["used"]
                if number >= 0:
                    found[variant].append(result)
        memory = {variant: server.memory_mb() for variant, server in servers.items()}
    return {
        variant: {
            **{key: _median(r[key] for r in rounds) for key in ("per_second", "p50_ms", "p99_ms", "cpu_us")},
            "answered": sum(r["answered"] for r in rounds),
            "refused": sum(r["refused"] for r in rounds),
            "memory_idle_mb": idle[variant],
            "memory_after_mb": memory[variant],
            "rounds": [r["per_second"] for r in rounds],
        }
        for variant, rounds in found.items()
    } | {
        "connections": size.intake_connections,
        "body_bytes": found["serve"][0]["body_bytes"],
        "ratio": _ratio(found["serve"], found["nothing"]),
        "ratio_journal_alone": _ratio(found["journal"], found["nothing"]),
        "generator_ran_out": any(r["ran_out"] for rounds in found.values() for r in rounds),
    }


def _round(port: int, body: bytes, connections: int, seconds: float, first: int) -> dict[str, Any]:
    words = ("--port", str(port), "--connections", str(connections), "--seconds", str(seconds), "--first", str(first))
    return call("bench.load", *words, given=body)


def _median(values: Iterable[float | None]) -> float:
    """Of those that are there: a round in which nothing was answered has no times."""
    found = [value for value in values if value is not None]
    return median(found) if found else float("nan")


def _ratio(of: list[dict[str, Any]], to: list[dict[str, Any]]) -> float:
    return float(median(a["per_second"] / max(b["per_second"], 1.0) for a, b in zip(of, to, strict=True)))
