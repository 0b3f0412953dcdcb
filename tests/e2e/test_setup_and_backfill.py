"""`connect setup` and `connect backfill` as processes, against a shop with a past, with the daemon up and down."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from serving import SECRET, SHOP, Served, connect, environment, serving, simulating, write_tenant

from caseconnect.cli import Exit, main

OLD = [
    {"created_at": f"2025-{n % 9 + 1:02d}-01T00:00:00Z", "lines": [{"title": "Mug", "price": "5"}]} for n in range(12)
]


@dataclass
class Stage:
    folder: Path
    shop: int
    stack: ExitStack

    def serve(self) -> Served:
        return self.stack.enter_context(serving(self.folder))

    def run(self, command: str, *arguments: object, data: bool = False) -> Any:
        places: list[object] = ["--tenants", self.folder / "tenants"]
        done = connect(command, *arguments, *places, *(["--data", self.folder / "data"] if data else []))
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    def backfill(self, *more: str) -> Any:
        return self.run("backfill", "acme/shop", "--since", "2025-01-01", "--json", *more, data=True)

    def reasons(self) -> list[str]:
        db = sqlite3.connect(f"file:{self.folder / 'data' / 'journal.db'}?mode=ro", uri=True)
        try:
            return [json.loads(answers)[0]["reason"] for (answers,) in db.execute("SELECT answers FROM decisions")]
        finally:
            db.close()

    def stored(self) -> int:
        db = sqlite3.connect(f"file:{self.folder / 'data' / 'journal.db'}?mode=ro", uri=True)
        try:
            return int(db.execute("SELECT count(*) FROM deliveries WHERE topic='orders/poll' AND polled").fetchone()[0])
        finally:
            db.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        shops = [{"domain": SHOP, "client_secret": SECRET, "bulk_seconds": 0.2, "orders": OLD}]
        port = stack.enter_context(simulating("shopify", tmp_path, shops=shops))
        write_tenant(tmp_path, shop_port=port)
        yield Stage(tmp_path, port, stack)


def test_setup_makes_what_is_missing_and_a_repeat_nothing(stage: Stage) -> None:
    ask = ("acme/shop", "--address", "http://127.0.0.1:8480", "--json")
    told = stage.run("setup", *ask)
    assert all(step["ok"] for step in told["steps"]), told
    assert told["connection"] == "acme/shop"
    (hooks,) = [s["note"] for s in told["steps"] if s["step"] == "webhooks"]
    assert hooks.startswith("0 were there, ")
    (hooks,) = [s["note"] for s in stage.run("setup", *ask)["steps"] if s["step"] == "webhooks"]
    assert hooks.endswith(", 0 made")
    assert "metafield connect.case_link" in stage.run("setup", "acme/shop")


def test_a_past_is_filled_in_with_the_daemon_up_and_is_known_with_it_down(stage: Stage) -> None:
    daemon = stage.serve()
    plan = stage.backfill()
    assert (plan["done"], plan["goes_on"], plan["read"], plan["expected"]) == (False, False, 0, 12)
    assert stage.stored() == 0
    told = stage.backfill("--yes")
    assert (told["read"], told["new"]) == (12, 12)
    daemon.until(lambda: stage.stored() == 12, "they are stored")
    assert daemon.stop() == 0
    again = stage.backfill("--yes")
    assert (again["read"], again["new"]) == (12, 0)
    assert stage.stored() == 12


def test_a_past_is_marked_as_seen(stage: Stage) -> None:
    daemon = stage.serve()
    told = stage.run("backfill", "acme/shop", "--since", "2025-01-01", "--mark-seen", data=True)
    assert "all of it is marked as seen" in told
    assert "nothing is done without --yes" in told
    assert stage.backfill("--mark-seen", "--yes")["new"] == 12
    daemon.until(lambda: len(stage.reasons()) == 12, "they are decided")
    assert all(reason.startswith("marked as seen: ") for reason in stage.reasons())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("setup", "acme/shopp"), "known: shop, cases"),
        (("setup", "nobody/shop"), "there is no tenant 'nobody'"),
        (("setup", "acme/cases"), "nothing to set up"),
        (("backfill", "acme/cases", "--since", "2025-01-01"), "cannot read what is older"),
    ],
)
def test_what_cannot_be_done_is_told(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    write_tenant(tmp_path)
    done = CliRunner().invoke(main, [*arguments, "--tenants", str(tmp_path / "tenants")], env=environment())
    assert done.exit_code == Exit.WRONG
    assert says in done.stderr
