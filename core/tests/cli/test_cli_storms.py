"""Incidents and `undo-cases` on the command line."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner, Result
from journal_desk import TENANT, Desk, case_of
from toys import Pipe, World, flow, opening

from caseconnect.cli import Exit, main
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.rules import StormRule
from caseconnect.host.pipeline_thread import PipelineThread
from caseconnect.host.web.control import Verbs, control_app, socket_path
from caseconnect.host.web.server import make_server
from caseconnect.sdk.commands import HoldOrder
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import run as virtually

RULE = StormRule("fraud", "fraud", 2, timedelta(minutes=10), "10m", "test")
SINCE = ("--since", "2025-12-31")


def order(number: int) -> Subject:
    return Subject("shop", "order", str(number))


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--data", str(data)])


def resolve(data: Path, *arguments: str) -> Result:
    return run(data, "resolve", *arguments, "--reason", "seen", "--by", "ann")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two cases, and three orders that joined an incident: the first of them is held."""
    desk = Desk(tmp_path)
    for number in range(5):
        matter = desk.matter(subject=order(number))
        held = [desk.ask(matter, HoldOrder())] if number == 2 else []
        desk.decide(desk.ask(matter, case_of(), storm=RULE), *held, matters=(matter,))
    desk.close()
    return tmp_path


@pytest.fixture
def incident(data: Path) -> str:
    (alert,) = json.loads(run(data, "errors", "--json").stdout)["alerts"]
    return str(alert["cause"])


def test_a_storm_is_one_alert_with_its_way_out(data: Path, incident: str) -> None:
    shown = " ".join(run(data, "errors").stdout.split())
    assert f"3 wait: connect resolve {incident} --open SUBJECT, --all or --close" in shown
    told = run(data, "explain", "shop/order/3").stdout
    assert f"no case of its own, it joined connect/incident/{incident.partition(':')[2]} (case not opened yet)" in told


def test_explain_of_an_incident_says_how_many_joined(data: Path, incident: str) -> None:
    id_ = incident.partition(":")[2]
    desk = Desk(data)
    (key,) = [key for (key,) in desk.sql("SELECT c.key FROM commands c JOIN matters m ON m.id = c.matter"
                                         " WHERE m.topic='incident'")]  # fmt: skip
    desk.send(key, data={"id": "77", "number": "CASE-77"})
    desk.close()
    told = run(data, "explain", f"connect/incident/{id_}")
    assert "matter incident #1 (live, open): CASE-77" in told.stdout
    assert "3 joined it, 3 of them wait (--json lists them)" in told.stdout
    assert "(case CASE-77)" in run(data, "explain", "shop/order/3", "--tenant", TENANT).stdout
    (one,) = json.loads(run(data, "explain", "CASE-77", "--json").stdout)
    assert [m["subject"] for m in one["matters"][0]["members"]] == [f"shop/order/{n}" for n in (2, 3, 4)]


def test_some_are_opened_then_all(data: Path, incident: str) -> None:
    told = resolve(data, incident, "--open", "shop/order/4", "--open", "shop/order/2")
    assert (told.exit_code, told.stdout) == (Exit.OK, "2 get cases of their own, 1 still wait\n")
    twice = resolve(data, incident, "--open", "shop/order/4")
    assert (twice.exit_code, "shop/order/4 does not wait" in twice.stderr) == (Exit.WRONG, True)
    assert json.loads(resolve(data, incident, "--all", "--json").stdout) == {"opened": 1, "left": 0}
    assert run(data, "errors").stdout == "nothing waits for a person\n"


def test_all_end_with_the_incident(data: Path, incident: str) -> None:
    told = resolve(data, incident, "--close", "--tenant", TENANT)
    assert (told.exit_code, told.stdout) == (Exit.OK, f"{incident} is closed, and with it 3 that waited in it\n")
    desk = Desk(data)
    assert desk.claims() == set()
    assert desk.sql("SELECT count(*) FROM matters WHERE state='open'") == [(2,)]
    desk.close()
    assert resolve(data, incident, "--close").exit_code == Exit.WRONG


@pytest.mark.parametrize(
    "arguments",
    [
        ("incident:x",),
        ("incident:x", "--all", "--close"),
        ("incident:x", "--answer", "retry"),
        ("m:OpenCase",),
        ("m:OpenCase", "--answer", "retry", "--all"),
    ],
)
def test_what_does_not_fit_is_usage(data: Path, arguments: tuple[str, ...]) -> None:
    assert resolve(data, *arguments).exit_code == Exit.USAGE


def test_undoing_reads_the_cases_so_the_daemon_must_run(data: Path) -> None:
    told = run(data, "undo-cases", "--rule", "fraud", *SINCE)
    assert (told.exit_code, "start `connect serve`" in told.stderr) == (Exit.WRONG, True)
    none = run(data, "undo-cases", "--rule", "fraud:odd", *SINCE)
    assert (none.exit_code, none.stdout) == (Exit.OK, "nothing that fraud:odd opened since then is open\n")
    assert run(data, "undo-cases", "--rule", "fraud", "--since", "yesterday").exit_code == Exit.USAGE


@contextmanager
def daemon(data: Path, pipe: Pipe) -> Iterator[None]:
    """The pipeline's thread and the control socket, as `serve` has them."""
    journal = SqliteJournal.open(data / "journal.db", threaded=True, synchronous="OFF")
    pipeline = PipelineThread(journal, {"acme": pipe.tenant}, pipe.now, pipe.log, pacing=False)
    server = make_server(control_app(Verbs(journal, pipe.now, pipeline.ring, fetch=pipeline.fetch)), uds=_place(data))
    serving = threading.Thread(target=lambda: asyncio.run(server.serve()))
    pipeline.start()
    serving.start()
    try:
        while not server.started:
            serving.join(0.01)
        yield
    finally:
        server.should_exit = True
        serving.join()
        pipeline.stop()
        journal.close()


def _place(data: Path) -> str:
    return str(socket_path(data))


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose socket has room for its path."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def test_cases_that_nobody_touched_are_shown_then_closed(short: Path) -> None:
    world = World()
    pipes: list[Pipe] = []

    async def story() -> None:
        async with Pipe(short, world, [flow("review", opening(HoldOrder()))]) as p:
            pipes.append(p)
            for number in range(3):
                await p.look({"id": str(number)})

    virtually(story())
    for case in world.cases.values():
        case["updated_by_us"] = True
    world.cases["c2"]["outcome"] = "approved"
    pipes[0].now = lambda at=pipes[0].tenant.go_live: at  # the clock of its loop is gone
    with daemon(short, pipes[0]):
        undo = ("undo-cases", "--rule", "review:odd", *SINCE)
        shown = run(short, *undo)
        assert shown.exit_code == Exit.OK, shown.stderr
        rows = [line.split() for line in shown.stdout.splitlines()]
        assert ["acme", "shop/order/0", "desk/case/c1", "2026-01-01", "00:00:00", "would", "close"] in rows
        assert [
            *[
                "acme",
                "shop/order/1",
                "desk/case/c2",
                "2026-01-01",
                "00:00:00",
                "kept",
                "a",
                "person",
                "worked",
                "on",
                "its",
                "case",
            ]
        ] in rows
        assert "2 of 3 would be undone, 1 kept\n  add --yes to do it\n" in shown.stdout
        assert world.of("CloseCase") == []
        done = json.loads(run(short, *undo, "--yes", "--reason", "ticket 812", "--by", "ann", "--json").stdout)
        assert sorted((one["subject"], one["state"]) for one in done["matters"]) == [
            ("shop/order/0", "closing"),
            ("shop/order/1", "kept"),
            ("shop/order/2", "closing"),
        ]
        waited = threading.Event()
        while len(world.of("ReleaseOrder")) < 2:
            waited.wait(0.01)
    assert world.held == {"shop/order/1"}
    assert world.of("CloseCase") == ["CloseCase"] * 2
    reader = SqliteJournal.read(short / "journal.db")
    assert [one["subject"] for one in reader.opened("acme", "review", "odd", pipes[0].now())] == ["shop/order/1"]
    reader.close()
