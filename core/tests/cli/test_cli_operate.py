"""`errors`, `resolve`, `replay` and `pause` on a journal that no daemon holds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from journal_desk import ORDER, START, TENANT, Desk, case_of, delivery, look, now_of

from caseconnect.cli import Exit, main
from caseconnect.host.journal.records import NewAlert, Resolved
from caseconnect.host.journal.rules import CapRule, CapWindow
from caseconnect.sdk.commands import AnnotateOrder, HoldOrder
from caseconnect.sdk.subjects import Subject


@pytest.fixture
def data(tmp_path: Path) -> Path:
    Desk(tmp_path).close()
    return tmp_path


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--data", str(data)])


def why(*arguments: str) -> tuple[str, ...]:
    return (*arguments, "--reason", "seen", "--by", "ann")


def test_a_held_order_without_a_case_is_shown_with_its_way_out(data: Path) -> None:
    desk = Desk(data)
    keys = []
    for number in range(10):
        matter = desk.matter(subject=Subject("shop", "order", str(number)))
        case, hold = desk.plan(matter, case_of(), HoldOrder())
        desk.send(hold)
        desk.send(case, "refused", note="no right to")
        keys.append(case)
    desk.close()
    shown = run(data, "errors").stdout
    (line,) = [line.split() for line in shown.splitlines() if "no right to" in line and "ref/" in line]
    assert line[:7] == [TENANT, "OpenCase", "no", "right", "to", "10", "10"]
    assert line[-9:] == [*(f"{key}," for key in keys[:8]), "..."]
    assert "connect resolve COMMAND --answer retry" in shown
    assert "`connect errors --json` lists all" in shown
    told = run(data, *why("resolve", keys[0], "--answer", "retry"))
    assert (told.exit_code, told.stdout) == (Exit.OK, f"{keys[0]}~2 is planned now\n")
    assert [c["key"] for c in json.loads(run(data, "errors", "--json").stdout)["refused"]] == keys[1:]
    twice = run(data, *why("resolve", keys[0], "--answer", "retry"))
    assert twice.exit_code == Exit.WRONG
    assert "asked again already" in twice.stderr


def test_parked_commands_are_grouped_by_kind_and_cause(data: Path) -> None:
    desk = Desk(data)
    first, *_ = desk.plan(desk.matter(), AnnotateOrder(name="a"), AnnotateOrder(name="b", after=("AnnotateOrder:a",)))
    (second,) = desk.plan(desk.matter("other"), AnnotateOrder(name="c"))
    for key in (first, second):
        desk.settle(key, "parked", note="tried too often")
    desk.close()
    lines = run(data, "errors").stdout.splitlines()
    (line,) = [line.split() for line in lines if first in line and second in line and "ref/" in line]
    assert line[:7] == [TENANT, "AnnotateOrder", "tried", "too", "often", "2", "1"]


def test_what_cannot_be_read_is_dropped(data: Path) -> None:
    desk = Desk(data)
    seq = desk.receive(delivery())[0].seq
    desk.parsed(seq, state="parked", reason="unreadable")
    event = desk.event()
    now_of(desk.journal.put_off([event], "parked", "no such order", desk.now))
    desk.close()
    assert "connect resolve delivery:NUMBER --answer drop" in run(data, "errors").stdout
    told = run(data, *why("resolve", f"delivery:{seq}", "--answer", "drop"))
    assert (told.exit_code, told.stdout) == (Exit.OK, f"delivery:{seq} is ignored now\n")
    assert run(data, *why("resolve", f"event:{event}", "--answer", "drop")).stdout == f"event:{event} is done now\n"
    assert run(data, "errors").stdout == "nothing waits for a person\n"
    assert run(data, *why("resolve", f"event:{event}", "--answer", "drop")).exit_code == Exit.WRONG


def test_what_a_cap_has_parked_is_let_go_by_so_many(data: Path) -> None:
    desk = Desk(data)
    hour = CapRule("flow:fraud:HoldOrder", (CapWindow("hour", timedelta(hours=1), 1, {}),))
    for number in range(4):
        desk.plan(desk.matter(subject=Subject("shop", "order", str(number))), HoldOrder(), caps=(hour,))
    desk.close()
    cause = "cap:fraud:HoldOrder:hour"
    shown = " ".join(run(data, "errors").stdout.split())
    assert "3 HoldOrder of fraud parked" in shown
    unsaid = run(data, *why("resolve", cause, "--answer", "retry"))
    assert (unsaid.exit_code, "--limit N" in unsaid.stderr) == (Exit.USAGE, True)
    told = run(data, *why("resolve", cause, "--answer", "retry", "--limit", "2"))
    assert (told.exit_code, told.stdout) == (Exit.OK, "2 answered, 1 still parked\n")
    told = run(data, *why("resolve", cause, "--answer", "refuse", "--json"))
    assert json.loads(told.stdout) == {"answered": 1, "left": 0}
    gone = run(data, *why("resolve", cause, "--answer", "refuse"))
    assert (gone.exit_code, "nothing is parked under" in gone.stderr) == (Exit.WRONG, True)


@pytest.mark.parametrize(
    ("what", "answer"), [("cap:a:b:c", "done"), ("delivery:1", "retry"), ("alert:x", "done"), ("m:OpenCase", "drop")]
)
def test_an_answer_that_does_not_fit_is_usage(data: Path, what: str, answer: str) -> None:
    told = run(data, *why("resolve", what, "--answer", answer))
    assert told.exit_code == Exit.USAGE
    assert f"not {answer}" in told.stderr


def test_an_alert_is_closed_by_a_person(data: Path) -> None:
    desk = Desk(data)
    now_of(desk.journal.alert(NewAlert(TENANT, "close:held", "held"), desk.now))
    desk.close()
    assert "close:held" in run(data, "errors").stdout
    told = run(data, *why("resolve", "alert:close:held", "--answer", "close", "--tenant", TENANT))
    assert (told.exit_code, told.stdout) == (Exit.OK, "alert:close:held is closed now\n")
    assert run(data, "errors").stdout == "nothing waits for a person\n"


def test_the_plan_of_a_replay_says_what_each_is_and_why_it_parked(data: Path) -> None:
    desk = Desk(data)
    for number, tenant in ((1, TENANT), (2, TENANT), (3, "other")):
        new = replace(delivery(f"d{number}", f"{number}".encode(), topic=f"t{number}"), tenant=tenant)
        desk.parsed(desk.receive(new)[0].seq, state="parked", reason=f"because {number}")
    desk.close()
    planned = run(data, "replay", "deliveries", "--tenant", TENANT).stdout
    rows = [line.split() for line in planned.splitlines()]
    assert ["1", TENANT, "t1", "shop", "because", "1"] in rows
    assert ["2", TENANT, "t2", "shop", "because", "2"] in rows
    assert "because 3" not in planned
    told = json.loads(run(data, "replay", "deliveries", "2", "9", "--json").stdout)
    assert (told["replayed"], told["planned"], told["not_parked"]) == (0, [2], [9])
    assert [row["reason"] for row in told["parked"]] == ["because 2"]
    assert "2 deliveries taken up again" in run(data, "replay", "deliveries", "--yes", "--tenant", TENANT).stdout
    idle = run(data, "replay", "events", "--yes")
    assert (idle.exit_code, idle.stdout) == (Exit.OK, "nothing to take up: no parked events\n")


@pytest.mark.parametrize("more", [(), ("--yes",), ("--yes", "--json")])
def test_a_replay_of_numbers_that_are_not_parked_ends_with_1(data: Path, more: tuple[str, ...]) -> None:
    desk = Desk(data)
    desk.parsed(desk.receive(delivery())[0].seq, state="parked", reason="odd")
    desk.close()
    told = run(data, "replay", "deliveries", "7", *more)
    assert told.exit_code == Exit.WRONG
    assert "nothing was done: no parked deliveries of these numbers" in told.stderr
    assert run(data, "replay", "deliveries", "7", "1", *more).exit_code == Exit.OK, "one of them is"


def test_a_pause_of_a_name_that_is_not_there_is_refused(data: Path) -> None:
    desk = Desk(data)
    desk.plan(desk.matter(), case_of())
    desk.close()
    pause = why("pause", "--tenant", TENANT, "--command", "CancelOrdr")
    told = run(data, *pause)
    assert told.exit_code == Exit.WRONG
    assert "no kind of command 'CancelOrdr' (did you mean CancelOrder?" in told.stderr
    assert run(data, *pause, "--force").stdout == "paused: command CancelOrdr\n"
    assert "UpdateCase; --force pauses" in run(data, *why("pause", "--tenant", TENANT, "--command", "Zzz")).stderr


def test_explain_says_where_else_to_look(data: Path) -> None:
    told = run(data, "explain", "5001")
    assert told.exit_code == Exit.WRONG
    assert "no event of it was made" in told.stderr
    assert "`connect errors`" in told.stderr


@pytest.fixture
def arrived(data: Path) -> Path:
    """What came on a connection: an event, an ignored one, a parked one that names a return, and one that waits."""
    desk = Desk(data)
    now_of(desk.journal.first(TENANT, "start:shop", desk.now))
    (seen, ignored, parked, waits) = (
        desk.receive(delivery(f"id-{n}", b"%d" % n, f"topic{n}"))[0].seq for n in range(4)
    )
    desk.parsed(seen, Resolved(look(), ORDER))
    desk.parsed(ignored, state="ignored", reason="no flow uses it")
    desk.parsed(parked, state="parked", reason="shop/return/7: there is no such return")
    desk.parsed(
        waits, state="waiting", reason="what shop/return/77 belongs to is not known yet", due=START + timedelta(days=1)
    )
    desk.close()
    return data


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("shop", [0, 1, 2, 3]),
        ("id-1", [1]),
        ("delivery:2", [1]),
        ("shop/return/7", [2]),
        ("shop/return/77", [3]),
    ],
)
def test_explain_finds_what_became_no_event(arrived: Path, subject: str, shown: list[int]) -> None:
    states = ["events", "ignored", "parked", "waiting"]
    told = run(arrived, "explain", subject)
    assert told.exit_code == Exit.OK
    lines = [line for line in told.stdout.splitlines() if "delivery:" in line]
    assert [line.split()[-1] for line in lines if "topic0" in line] == ["shop/order/1001"] * (0 in shown)
    for line, number in zip(lines, shown, strict=True):
        assert all(word in line for word in (f"topic{number}", f"id-{number}", states[number], f"{TENANT}/shop"))
    assert ("no flow uses it" in told.stdout) is (1 in shown)
    (entry,) = json.loads(run(arrived, "explain", subject, "--json").stdout)
    assert [row["state"] for row in entry["deliveries"]] == [states[number] for number in shown]
    assert run(arrived, "explain", subject, "--tenant", "other").exit_code == Exit.WRONG


def test_explain_of_a_subject_shows_what_waits_for_it_beside_what_is_known(arrived: Path) -> None:
    desk = Desk(arrived)
    late = desk.receive(delivery("late", b"late", "refunds/create"))[0].seq
    desk.parsed(late, state="parked", reason=f"{ORDER}: it cannot be read")
    desk.close()
    told = run(arrived, "explain", str(ORDER)).stdout
    assert "OrderChanged (topic0)" in told
    assert "refunds/create" in told
    assert "no flow uses it" not in told


def test_explain_lists_only_the_last_of_a_busy_connection(data: Path) -> None:
    desk = Desk(data)
    now_of(desk.journal.first(TENANT, "start:shop", desk.now))
    for number in range(40):
        desk.receive(delivery(f"id-{number}", b"%d" % number))
    desk.close()
    (entry,) = json.loads(run(data, "explain", "shop", "--json").stdout)
    assert [row["delivery_id"] for row in entry["deliveries"]] == [f"id-{number}" for number in range(10, 40)]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--export", "trail.txt"), "ends in .json or .html"),
        (("--personal",), "--personal is for --export"),
    ],
)
def test_a_trail_goes_only_into_a_file_that_can_be_read(arrived: Path, more: tuple[str, ...], says: str) -> None:
    told = run(arrived, "explain", str(ORDER), *more)
    assert told.exit_code == Exit.USAGE
    assert says in told.stderr
    assert not Path("trail.txt").exists()


@pytest.mark.parametrize("ending", ["json", "html"])
def test_a_trail_is_for_its_owner_alone_and_overwrites_nothing(arrived: Path, ending: str) -> None:
    file = arrived / f"trail.{ending}"
    assert run(arrived, "explain", str(ORDER), "--export", str(file)).exit_code == Exit.OK
    assert file.stat().st_mode & 0o077 == 0
    assert str(ORDER) in file.read_text()
    file.write_text("kept")
    assert run(arrived, "explain", str(ORDER), "--export", str(file)).exit_code == Exit.USAGE
    assert file.read_text() == "kept"
