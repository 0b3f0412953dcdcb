"""How the figures about safety are shown: seals, fsync, recovery, a backlog, a noisy neighbour."""

from __future__ import annotations

from typing import Any

from bench.tables import number, table


def seals(part: dict[str, Any]) -> list[str]:
    """With and without checksums and chain, and what is done to a journal as a whole."""
    rows = [
        (
            name,
            f"{part[key]['intake_per_second']:,.0f}",
            f"{part[key]['intake_cpu_us']:,.0f}",
            f"{part[key]['intake_mb']:,.1f}",
            f"{part[key]['drain_per_second']:,.0f}",
            f"{part[key]['drain_cpu_ms']:.2f}",
        )
        for key, name in {"sealed": "with seals", "plain": "without"}.items()
    ]
    past = part["past"]
    took = tuple(f"{past[step]:,.1f}" for step in ("seal", "open", "verify", "backup"))
    return [
        "## What safety costs",
        "",
        "Seals are a checksum of every row, a hash chain per tenant, and the marker beside the journal, written in the"
        " same commits. Intake is the journal alone, 64 deliveries of 8 KB at a time; draining is the whole pipeline."
        f" With seals intake reaches {part['ratio_intake']:.2f} and draining {part['ratio_drain']:.2f} of without.",
        "",
        *table(("journal", "deliveries/s", "CPU µs/delivery", "MB", "orders/s drained", "CPU ms/order"), rows),
        "Seconds for a journal as a whole: to seal it anew (only a migration does), to open it, to verify it"
        " (`connect verify`), to back it up with a verified copy.",
        "",
        *table(
            ("events", "MB", "seal", "open", "verify", "backup"),
            [(f"{past['events']:,}", f"{past['mb']:,.0f}", *took)],
        ),
    ]


def syncs(part: dict[str, Any]) -> list[str]:
    """The share of time in fsync."""
    head = ["## Time in fsync", ""]
    if "absent" in part:
        return [*head, f"Not measured: {part['absent']}.", ""]
    names = {"intake": "intake, journal alone", "drain": "the whole pipeline"}
    rows = [
        (
            name,
            f"{part[key]['items']:,}",
            f"{part[key]['seconds']:.1f}",
            f"{part[key]['syncs']:,}",
            f"{part[key]['sync_seconds']:.1f}",
            f"{100 * part[key]['sync_seconds'] / part[key]['seconds']:.0f} %",
        )
        for key, name in names.items()
    ]
    return [
        *head,
        "Every commit is synced (`synchronous=FULL`), and many deliveries share one commit. Counted by strace, as wall"
        " time inside the calls; the journal's thread waits in them, the others go on.",
        "",
        *table(("run", "deliveries or orders", "seconds", "syncs", "seconds in them", "share"), rows),
    ]


def recovery(part: dict[str, Any]) -> list[str]:
    """After kill -9."""
    row = (
        f"{part['events']:,} ({part['mb']:,.0f} MB)",
        f"{part['commands']:,}",
        f"{part['sending']:,} / {part['still_sending']:,}",
        f"{part['ready_seconds']:.1f}",
        f"{part['recovered_seconds']:.1f}",
        f"{part['memory_mb']:.0f}",
    )
    return [
        "## Recovery after kill -9",
        "",
        "A process that planned commands, and had begun to send a part of them, is killed; then `connect serve` starts"
        " on its journal. Recovered: every command that was being sent is `unknown`, and will be looked after.",
        "",
        *table(("events", "open commands", "sending before / after", "ready s", "recovered s", "memory MB"), [row]),
    ]


def pile(part: dict[str, Any]) -> list[str]:
    """Under a backlog."""
    names = {"none": "none", "piled": f"{part['waiting']:,} deliveries"}
    rows = [
        (
            name,
            f"{part[key]['ready_seconds']:.2f}",
            number(part[key]["per_second"]),
            number(part[key]["p50_ms"]),
            number(part[key]["p99_ms"]),
            number(part[key]["worked_off_per_second"]),
            f"{part[key]['memory_peak_mb']:.0f}",
        )
        for key, name in names.items()
    ]
    return [
        "## Under a backlog",
        "",
        "`connect serve` starts on a journal in which deliveries wait to be read, and takes new ones over 8 connections"
        " meanwhile.",
        "",
        *table(("backlog", "ready s", "taken/s", "p50 ms", "p99 ms", "worked off/s", "memory peak MB"), rows),
    ]


def noisy(part: dict[str, Any]) -> list[str]:
    """A quiet tenant beside a noisy one."""
    names = {"alone": "alone", "beside": "beside the noisy one"}
    rows = [
        (name, f"{part[key]['cases']:,}", *(number(part[key][each]) for each in ("p50_ms", "p99_ms", "max_ms")))
        for key, name in names.items()
    ]
    return [
        "## A noisy neighbour",
        "",
        f"A quiet tenant has {part['per_second']:g} exceptions a second; a noisy one on the same daemon has"
        f" {part['noise_per_second']:g}. From posting the quiet one's webhook to its case; both simulators share the"
        " machine.",
        "",
        *table(("quiet tenant", "cases", "p50 ms", "p99 ms", "max ms"), rows),
    ]
