"""Tenants see nothing of each other, and a guard that breaks lets nothing through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from toys import ORDER, PLACED, Pipe, World, acting, flow

from caseconnect.host.journal.codec import expand
from caseconnect.host.journal.records import NewDelivery
from caseconnect.host.pipeline.live import Accounts, build
from caseconnect.models import Money
from caseconnect.sdk.commands import HoldOrder, RefundPayment
from caseconnect.sdk.decisions import Decision, Need, Needs
from caseconnect.sdk.testing import run
from caseconnect.sdk.testing.resources import MemorySecrets

REFUND = RefundPayment(amount=Money(amount=Decimal(5), currency="USD"), reason="fits", target=ORDER)


def canary(tenant: str) -> str:
    return f"canary-of-{tenant}"


def noting(tenant: str) -> Callable[..., Any]:
    """A use case that writes what it reads into a case and an order."""

    def decide(event: Any, matter: Any, facts: Any, settings: Any, now: Any) -> Any:
        lacking = facts.lacking((Need(fact="order", subject=matter.subject),))
        if lacking:
            return Needs(needs=lacking)
        hold = HoldOrder(cause="fraud", note=canary(tenant), target=matter.subject)
        return acting(hold)(event, matter, facts, settings, now)

    return decide


def rows_by_tenant(path: Path) -> dict[str, str]:
    """All that the journal's rows hold, blobs unpacked, by the tenant that they are of."""
    import sqlite3

    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    whose = dict(db.execute("SELECT key, tenant FROM commands").fetchall())
    found: dict[str, str] = {}
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
        for row in db.execute(f"SELECT * FROM {table}"):
            named = dict(zip(row.keys(), row, strict=True))
            tenant = named.get("tenant") or (whose.get(named["key"], "") if table == "outcomes" else "")
            values = [expand(v).decode() if isinstance(v, bytes) and v[:4] == b"\x28\xb5\x2f\xfd" else v for v in row]
            found[tenant] = found.get(tenant, "") + repr(values)
    db.close()
    return found


def test_three_tenants_with_the_same_names_for_everything_stay_apart(tmp_path: Path) -> None:
    names = ("acme", "bolt", "coda")
    worlds = {name: World() for name in names}

    async def story() -> dict[str, str]:
        pipes = {name: Pipe(tmp_path, worlds[name], [flow("review", noting(name))]) for name in names}
        async with pipes["acme"] as p:
            accounts, lives = Accounts(), []
            for name in names[1:]:
                tenant = replace(pipes[name].tenant, name=name)
                live = await build(
                    tenant, accounts=accounts, secrets=MemorySecrets(), now=p.now, log=p.log, go_live=PLACED
                )
                p.runner.context.tenants[name] = live
                lives.append(live)
            for number in range(3):
                for name in names:
                    body = b'{"events": [{}], "note": "%s"}' % canary(name).encode()
                    new = NewDelivery(name, "shop", "changes", f"d{number}", p.now(), body)
                    await p.journal.receive([new], None, p.now())
                await p.pass_time(60)
            for live in lives:
                await live.close()
            return rows_by_tenant(tmp_path / "journal.db")

    rows = run(story())
    for name in names:
        others = [canary(other) for other in names if other != name]
        assert worlds[name].of("HoldOrder") == ["HoldOrder"]
        assert canary(name) in rows[name]
        assert [other for other in others if other in rows[name]] == []
        assert [other for other in others if other in repr(vars(worlds[name]))] == []


GUARDS = (
    "",
    "caseconnect.host.pipeline.deliver.Deliverer._paused",
    "caseconnect.host.pipeline.deliver.Deliverer._kept_back",
    "caseconnect.host.pipeline.deliver.caps_of",
    "caseconnect.host.pipeline.deliver.withholds",
    "caseconnect.host.journal.settling.began",
    "caseconnect.host.journal.sqlite.SqliteJournal.brakes",
    "caseconnect.host.pipeline.looking.Looker.ready",
)


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_that_breaks_lets_no_money_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guard: str) -> None:
    asked: list[str] = []

    def broken(*_: Any, **__: Any) -> Any:
        asked.append(guard)
        raise RuntimeError("the guard is broken")

    async def story() -> list[str]:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", acting(REFUND))]) as p:
            if guard:
                monkeypatch.setattr(guard, broken)
            await p.send()
            for _ in range(3):
                try:
                    await p.settle()
                except RuntimeError:
                    break
            return world.of("RefundPayment")

    assert run(story()) == ([] if guard else ["RefundPayment"])
    assert asked or not guard, "the guard was never asked: this shows nothing"


def test_a_use_case_that_breaks_decides_nothing(tmp_path: Path) -> None:
    def decide(*_: Any) -> Decision:
        raise RuntimeError("the rule is broken")

    async def story() -> list[str]:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", decide)]) as p:
            await p.look()
            await p.pass_time(60)
            return world.of()

    assert run(story()) == []
