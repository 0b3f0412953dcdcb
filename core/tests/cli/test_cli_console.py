"""The commands beside the console: a look before a resume, caps, tokens, and who did what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result
from console_desk import refund
from journal_desk import START, TENANT, Desk, now_of
from serving import FLOWS, write_tenant
from serving import TENANT as SERVED

from caseconnect.cli import Exit, main
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.cap_changes import CapChange, CapUse
from caseconnect.host.journal.clicks import Click
from caseconnect.host.journal.records import Brake

PAUSED = ("--tenant", TENANT, "--command", "RefundPayment")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    now_of(made.journal.pause(Brake(TENANT, "command", "RefundPayment", "wrong mapping", "ann", START)))
    made.plan(made.matter(), refund("20", name="a"), refund("30", name="b"))
    made.close()
    return made


def connect(desk: Desk, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--data", str(desk.path.parent)])


def test_resume_shows_the_queue_and_does_nothing_without_yes(desk: Desk) -> None:
    told = connect(desk, "resume", *PAUSED)
    assert told.exit_code == Exit.SHOWN
    assert told.output.index("20.00 EUR") < told.output.index("30.00 EUR")
    assert "2 commands, 50.00 EUR in all" in told.output
    assert "nothing was done" in told.output
    assert connect(desk, "resume", *PAUSED, "--yes").exit_code == Exit.USAGE
    told = connect(desk, "resume", *PAUSED, "--yes", "--reason", "mended", "--json")
    assert told.exit_code == Exit.OK
    assert [one["worth"] for one in orjson.loads(told.stdout)["queue"]] == ["20.00 EUR", "30.00 EUR"]
    assert connect(desk, "resume", *PAUSED).exit_code == Exit.WRONG


def test_times_are_shown_as_people_read_them_and_one_is_one(desk: Desk, tmp_path: Path) -> None:
    shown = connect(desk, "errors").stdout
    assert START.strftime("%Y-%m-%d %H:%M:%S") in shown
    assert "|--access NAME] shows what waits\n  the same with --yes --reason WHY ends" in shown
    alone = Desk(tmp_path / "alone")
    now_of(alone.journal.pause(Brake(TENANT, "command", "RefundPayment", "wrong mapping", "ann", START)))
    alone.plan(alone.matter(), refund("20"))
    alone.close()
    assert "\n1 command, 20.00 EUR in all" in connect(alone, "resume", *PAUSED).output


def test_a_token_is_shown_once_and_revoked(desk: Desk) -> None:
    asked = ("console", "token", "--name", "reports", "--role", "viewer")
    told = connect(desk, *asked, "--for", "30d", "--json")
    token = orjson.loads(told.stdout)["token"]
    journal = SqliteJournal.read(desk.path)
    found = journal.token_of(sha256(token.encode()).hexdigest(), datetime.now(UTC))
    assert found
    assert (found.name, found.role) == ("reports", "viewer")
    assert token.encode() not in desk.path.read_bytes()
    assert connect(desk, *asked, "--for", "1d").exit_code == Exit.WRONG
    assert [row["state"] for row in orjson.loads(connect(desk, "console", "tokens", "--json").stdout)] == ["good"]
    assert connect(desk, "console", "revoke", "reports").exit_code == Exit.OK
    assert journal.token_of(sha256(token.encode()).hexdigest(), datetime.now(UTC)) is None
    assert connect(desk, "console", "revoke", "reports").exit_code == Exit.WRONG
    journal.close()


@pytest.mark.parametrize("lasting", ["401d", "0s", "soon"])
def test_a_token_for_ever_is_not_made(desk: Desk, lasting: str) -> None:
    told = connect(desk, "console", "token", "--name", "x", "--role", "viewer", "--for", lasting)
    assert told.exit_code == Exit.USAGE


def test_a_link_is_the_daemons(desk: Desk) -> None:
    told = connect(desk, "console")
    assert told.exit_code == Exit.WRONG
    assert "start `connect serve`" in told.stderr


def test_caps_are_seen_changed_and_taken_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def seen(folder: Path, file: Path) -> list[CapUse]:
        journal = SqliteJournal.read(file)
        changes = journal.cap_changes(None, datetime.now(UTC))
        journal.close()
        change = changes[0] if changes else None
        limit = change.limit if change else Decimal(50)
        return [CapUse(TENANT, "tenant:money", "hour", "EUR", Decimal(30), limit, Decimal(50), change)]

    monkeypatch.setattr("caseconnect.host.caps_seen.caps_seen", seen)
    place = ("--tenant", TENANT, "--cap", "tenant:money", "--per", "hour", "--what", "EUR")
    changing = ("caps", "change", *place, "--reason", "sale", "--by", "ann")
    assert connect(desk, *changing, "--limit", "much").exit_code == Exit.USAGE
    assert connect(desk, *changing[:-2], "--what", "USD", "--limit", "1").exit_code == Exit.USAGE
    assert connect(desk, *changing, "--limit", "90", "--for", "2h").exit_code == Exit.OK
    assert "90" in connect(desk, "errors").output
    assert orjson.loads(connect(desk, "errors", "--json").stdout)["caps"][0]["limit"] == "90"
    told = connect(desk, "caps")
    assert "50 in the file; ann, until" in told.output
    assert connect(desk, "caps", "take-back", *place, "--reason", "over").exit_code == Exit.OK
    assert connect(desk, "caps", "take-back", *place, "--reason", "over").exit_code == Exit.WRONG
    assert orjson.loads(connect(desk, "caps", "--json").stdout)[0]["limit"] == "50"


def test_check_shows_what_people_changed_of_caps(desk: Desk, tmp_path: Path) -> None:
    write_tenant(
        tmp_path, flows=FLOWS.replace("mode: live\n", "mode: live\n    caps: {HoldOrder: {hour: {count: 30}}}\n", 1)
    )
    check = ("check", "--tenants", str(tmp_path / "tenants"))
    assert "Holds" not in connect(desk, *check).stdout
    use = FLOWS.split("use: ")[1].split("\n")[0]
    journal, now = SqliteJournal.open(desk.path), datetime.now(UTC)
    for cap, limit, until in ((f"flow:{use}:HoldOrder", 90, timedelta(hours=2)), ("tenant:money", 7, None)):
        until_at = now + until if until else None
        now_of(
            journal.change_cap(CapChange("acme", cap, "hour", "count", Decimal(limit), "sale", "ann", now, until_at))
        )
    now_of(journal.change_cap(CapChange("gone", "tenant:money", "hour", "EUR", Decimal(1), "sale", "ann", now)))
    journal.close()
    told = connect(desk, *check)
    assert told.exit_code == Exit.OK
    rows = [line.split() for line in told.stdout.splitlines()]
    assert ["acme", f"flow:{use}:HoldOrder", "hour", "count", "90", "30", "ann,", "until"] in [row[:8] for row in rows]
    assert ["acme", "tenant:money", "hour", "count", "nothing:", "without", "effect"] in [row[:7] for row in rows]
    assert "gone" not in told.stdout
    caps = orjson.loads(connect(desk, *check, "--json").stdout)["caps"]
    assert [(c["limit"], c["file"], c["differs"]) for c in caps] == [("90", "30", True), ("7", None, True)]
    desk.path.unlink()
    assert "caps" not in orjson.loads(connect(desk, *check, "--json").stdout)


def test_check_shows_when_secrets_end(desk: Desk, tmp_path: Path) -> None:
    folder = write_tenant(tmp_path, template=SERVED.replace("SHOP_SECRET}", "SHOP_SECRET, expires: 2027-01-31}"))
    check = ("check", "--tenants", str(folder))
    assert "client_secret 2027-01-31" in connect(desk, *check).stdout
    (tenant,) = orjson.loads(connect(desk, *check, "--json").stdout)["tenants"]
    ends = {c["name"]: c["secrets_end"] for c in tenant["connections"]}
    assert (ends["shop"], ends["cases"]) == ({"client_secret": "2027-01-31"}, {})


def test_clicks_are_in_the_audit_and_beside_the_order(desk: Desk) -> None:
    journal = SqliteJournal.open(desk.path)
    now = datetime.now(UTC)
    about = ("shop/order/1001",)
    now_of(journal.clicked(Click(now, "ann", "approver", "answer", "console", TENANT, about, {}, "ticket 812")))
    now_of(journal.change_cap(CapChange(TENANT, "c", "hour", "EUR", Decimal(1), "sale", "ann", now)))
    journal.close()
    desk = Desk(desk.path.parent)
    desk.event()
    desk.close()
    told = connect(desk, "audit", "--clicks")
    assert "ticket 812" in told.output
    assert "the daemon ended meanwhile" in told.output
    assert "ann: answer, ticket 812" in connect(desk, "explain", "shop/order/1001").output
    assert orjson.loads(connect(desk, "audit", "--clicks", "--json").stdout)[0]["who"] == "ann"
