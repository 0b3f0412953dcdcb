"""The worst night: a wrong mapping, Core Case down, a full disk, a revoked token, and one person who has to mend it.

All in one process on virtual time, with the real plugins over both simulators and their own ledgers.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx  # noqa: TID251 - who asks is any client
import orjson
from click.testing import CliRunner
from house import SECRET, TENANT, House
from pigeon import Pigeon
from stories import AGENT, alerts, overtakings, rows

from caseconnect.cli import main
from caseconnect.host.alerting.causes import SEVERITIES
from caseconnect.host.alerting.channels import Channel
from caseconnect.host.alerting.telling import Links, Teller
from caseconnect.host.journal.errors import JournalBusy, JournalFull
from caseconnect.host.web.control import Verbs
from caseconnect.sdk.testing import run
from caseconnect_opentext_case.simulator import CoreCaseSimulatorSettings
from caseconnect_opentext_case.simulator import create_app as create_case_app
from caseconnect_shopify.simulator import create_order
from caseconnect_shopify.simulator.oauth import expire_tokens

MANY = 500 if os.environ.get("CONNECT_SEEDS") else 28
HOUR = 3600.0
CAP = 20
"""Refunds an hour that a flow may give without a cap of its own (`tenants/caps.py`)."""

CAPPED = "cap:approvals:RefundPayment:hour"
REPEAT = timedelta(hours=4)
LET_GO = 5
WHY = "the night of the wrong mapping"
MUGS: dict[str, Any] = {
    "lines": [{"title": "Mug", "sku": "MUG", "price": "20.00", "quantity": 2}],
    "customer": {"first_name": "Ann", "last_name": "Lee", "email": "ann@shop.test"},
    "payment": {"kind": "sale", "status": "success"},
}
MIA = "mia@core-case.example"
FLOWS = """
  desk:
    platform: inbound
    settings:
      secret: {env: CASE_SECRET}
      scheme: secret
      header: X-Desk
      orders: shop
      kinds: {approval_request: {}}
flows:
  - use: approvals
    mode: live
    storm: {cases: 1000}
    settings:
      outcomes: {approved: as_requested, rejected: $rejected}
      people: {mia: MIA, boss: BOSS}
"""


class Door:
    """Before a platform: each request takes its time, and while it is shut nobody answers."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.shut = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.2)
        if self.shut:
            raise ConnectionResetError("nobody is there")
        await self._app(scope, receive, send)


class Night(House):
    """The house with doors before both platforms, and a disk that can be full."""

    def __init__(self, folder: Path) -> None:
        store = next(iter(create_case_app(CoreCaseSimulatorSettings.from_dict({})).stores.values()))
        people = FLOWS.replace("MIA", store.person(MIA).id).replace("BOSS", store.person(AGENT).id)
        head = TENANT.partition("flows:\n")[0].rstrip().replace("every: 2m}", "every: 5m}")
        self._text = head + people
        super().__init__(folder, tenant=self._text.replace("$rejected", "as_requested"))
        shop: Any = Door(self.shop_app)
        cases: Any = Door(self.case_app)
        self.shop_app, self.case_app, self.core_case = shop, cases, cases
        self.ops = Pigeon()
        self._looked = self.now()

    async def start(self) -> None:
        """With a channel to who is on call, of which another process knows what it told."""
        await super().start()
        channel = Channel("ops", self.ops, severities=frozenset(SEVERITIES))
        self.teller = Teller(self.journal, [channel], REPEAT, self.now, self.log, Links("night"))

    async def settle(self) -> None:
        """As the daemon's rooms do: a full disk stops nothing for good."""
        try:
            await super().settle()
            if self.now() >= self._looked + timedelta(minutes=1):
                self._looked = self.now()
                await self.teller.turn()
        except (JournalFull, JournalBusy):
            await asyncio.sleep(30)
        if self.runner.context.rests():
            await asyncio.sleep(5)

    async def mended(self) -> None:
        """The mapping as it should have been, and another start."""
        self._template = self._text.replace("$rejected", "close")
        await self.restart()

    def disk(self, *, full: bool) -> None:
        """The journal can grow no more, or again."""
        db = self.journal._writing
        assert db is not None
        if full:
            db.execute("CREATE TABLE padding (x BLOB)")
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count={pages if full else 1073741823}")
        if not full:
            db.execute("DROP TABLE padding")
            return
        with suppress(sqlite3.OperationalError):
            while True:
                db.execute("INSERT INTO padding VALUES (zeroblob(2000))")

    async def ask(self, order: Any, number: str, amount: str) -> int:
        """Mia asks for a refund."""
        body = {
            "id": number, "order_number": order.name.strip("#"), "action": "refund", "requested_by": "mia",
            "reason": "late", "amount": {"amount": amount, "currency": "USD"},
        }  # fmt: skip
        headers = {"X-Desk": SECRET, "Idempotency-Key": number}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self.hooks)) as client:
            url = "https://connect.test/in/acme/approval_request"
            return (await client.post(url, headers=headers, json=body)).status_code

    async def do(self, verb: str, **ask: Any) -> dict[str, Any]:
        """What a person does, as the commands and the console do it."""
        return await Verbs(self.journal, self.now).do(verb, {"by": "ops", "reason": WHY, **ask})

    def refunds(self) -> list[tuple[datetime, str, Decimal]]:
        """The shop's own ledger: when, of which order, how much."""
        found = [(t.created_at, str(o.id), t.amount) for o in self.shop.orders.values() for t in o.transactions
                 if t.kind == "REFUND"]  # fmt: skip
        return sorted(found)

    def told(self, *command: str) -> Any:
        """What a command that reads prints, as JSON."""
        answer = CliRunner().invoke(main, [*command, "--data", str(self.folder), "--json"])
        assert answer.exit_code in (0, 1), answer.output
        return orjson.loads(answer.stdout)


def test_the_worst_night(tmp_path: Path) -> None:
    async def story() -> None:
        h = Night(tmp_path)
        await h.start()
        orders = [create_order(h.shop, MUGS) for _ in range(MANY)]
        for number, order in enumerate(orders):
            assert await h.ask(order, f"ask-{number}", _amount(number)) == 200
        await h.pass_time(MANY * 2)
        assert (len(h.cases.cases), h.refunds(), alerts(h)) == (MANY, [], [])

        # 22:00. Somebody rejects them all; the wrong mapping takes that for a yes, and who watches pulls the brake.
        for case in list(h.cases.cases):
            h.cases.decide(case, "rejected", AGENT)
        braking = asyncio.create_task(_brake_at_the_first(h))
        await h.pass_time(900)
        pulled = await braking
        assert 3 <= len(h.refunds()) < CAP, "some were out before anybody could look"
        assert max(at for at, *_ in h.refunds()) <= pulled + timedelta(seconds=2), "the brake holds within two seconds"

        # It is let go too early: the cap holds, all night, and says so once.
        await h.do("resume", tenant="acme", scope="command", name="RefundPayment")
        await h.pass_time(2 * HOUR)
        assert len(h.refunds()) == CAP
        assert alerts(h) == [CAPPED]
        assert h.journal.counts()["commands"]["parked"] == MANY - CAP

        # 00:10. Core Case is down. Finance lets five go on: their approval cannot be read again, so they wait.
        h.core_case.shut = True
        await h.do("let_go", cause=CAPPED, tenant=None, answer="retry", limit=LET_GO)
        late = [create_order(h.shop, MUGS)]
        assert await h.ask(late[0], "late-0", "2.00") == 200
        await h.pass_time(HOUR)
        assert len(h.refunds()) == CAP
        assert sorted(alerts(h)) == [CAPPED, "down:cases"]

        # 01:10. The disk is full: who asks is told to come again, nothing new begins, and pauses still take.
        h.disk(full=True)
        refused = False
        while not refused:
            late.append(create_order(h.shop, MUGS))
            refused = await h.ask(late[-1], f"late-{len(late)}", "2.00") != 200
        await h.pass_time(HOUR / 2)
        h.disk(full=False)
        assert await h.ask(late[-1], f"late-{len(late)}", "2.00") == 200, "it goes on by itself"

        # 01:40. The shop's token is revoked, and so is its secret.
        secret = h.secrets.values["SHOP_SECRET"]
        h.secrets.values["SHOP_SECRET"] = "revoked"
        expire_tokens(h.shop)
        await h.pass_time(2.5 * HOUR)
        assert sorted(alerts(h)) == ["auth:shop", CAPPED, "down:cases"]

        # 04:10. Core Case is back, and an hour later the token: what waited goes on, and what is over closes itself.
        h.core_case.shut = False
        await h.pass_time(HOUR)
        assert sorted(alerts(h)) == ["auth:shop", CAPPED]
        assert len(h.refunds()) == CAP
        h.secrets.values["SHOP_SECRET"] = secret
        await h.pass_time(HOUR)
        assert len(h.refunds()) == CAP + LET_GO, "what finance let go, and nothing else"
        assert len(h.cases.cases) == MANY + len(late), "one for each who asked"

        # 06:10. The mapping is mended, what is still parked is refused, and the late ones are approved.
        await h.mended()
        await h.do("let_go", cause=CAPPED, tenant=None, answer="refuse", limit=1000)
        for case in list(h.cases.cases)[MANY:]:
            h.cases.decide(case, "approved", AGENT)
        await h.pass_time(2 * HOUR)
        assert alerts(h) == [], "each alert closed itself when its cause was gone"
        assert rows(h, "SELECT cause, count(*) FROM alerts GROUP BY 1 HAVING count(*) > 1") == [], "one for each cause"
        _told(h.ops)
        _in_the_end(h, [str(order.id) for order in late])
        await h.stop()

    run(story())


def _told(ops: Pigeon) -> None:
    """Who is on call heard of each cause when it began, every four hours that it lasted, and once that it was over."""
    told = [message for some in ops.sent for message in some]
    heard = {m.cause: [each.kind for each in told if each.cause == m.cause] for m in told}
    lasted = heard.pop(CAPPED)
    assert lasted == ["opened", "repeated", "repeated", "closed"]
    # Nothing is polled while the disk is full. Once the token is back a comparison may come before the next poll.
    assert heard.keys() - {"compared:shop:changes"} == {"down:cases", "late:shop", "auth:shop"}
    assert all(kinds == ["opened", "closed"] for kinds in heard.values()), heard
    assert [m.cause for m in told if m.kind == "opened"][:4] == [CAPPED, "down:cases", "late:shop", "auth:shop"]
    assert all(m.closed for m in told if m.kind == "closed")
    assert len({m.id for m in told}) == len(told)


def _in_the_end(h: Night, late: list[str]) -> None:
    """Everything has ended, the shop's ledger and ours agree to the cent, and each refund can tell its story."""
    counts = h.journal.counts()
    assert set(counts["events"]) == {"done"}
    assert set(counts["commands"]) == {"done", "refused"}
    assert counts["commands"]["refused"] == MANY - CAP - LET_GO
    theirs = [(order, amount) for _, order, amount in h.refunds()]
    began = datetime(2026, 1, 1, tzinfo=h.now().tzinfo)
    moved = [c for _, c in h.journal.moved("acme", began, h.now())]
    ours = [(c.target.id, worth.amount) for c in moved if c.target and (worth := c.command.worth())]
    assert Counter(theirs) == Counter(ours)
    assert len({order for order, _ in theirs}) == len(theirs) == CAP + LET_GO + len(late)
    assert {order for order, _ in theirs[-len(late) :]} == set(late), "those who asked in the night"
    assert overtakings(h) == [], "in order"
    audited = h.told("audit", "--days", "400")
    assert sum(Decimal(day["money"]["RefundPayment"]["USD"]) for day in audited["days"]["acme"].values()) == sum(
        amount for _, amount in theirs
    )
    assert [c for c in audited["compared"] if c["what"] == "money" and c["wrong"]] == []
    for number, order in enumerate(h.shop.orders.values()):
        _story(h, str(order.id), refunded=str(order.id) in dict(theirs), wrongly=number < MANY)


def _story(h: Night, order: str, *, refunded: bool, wrongly: bool) -> None:
    """Who asked, who decided what, what was done with which key, or who refused it and why."""
    (told,) = h.told("explain", f"shop/order/{order}")
    assert "ApprovalRequested" in {event["type"] for event in told["events"]}
    (matter,) = told["matters"]
    assert matter["acted_on"]["outcome"] == ("rejected" if wrongly else "approved")
    (refund,) = [c for c in matter["commands"] if c["kind"] == "RefundPayment"]
    assert (refund["state"] == "done") is refunded
    last = refund["outcomes"][-1]
    if not refunded:
        assert (last["by"], last["note"]) == ("ops", f"ops: {WHY}")
    assert matter["case_number"]
    assert any("rejected" in str(a) or "approved" in str(a) for d in told["decisions"] for a in d["answers"])


async def _brake_at_the_first(h: Night) -> datetime:
    while len(h.refunds()) < 3:  # noqa: ASYNC110 - the shop tells nobody
        await asyncio.sleep(0.1)
    await h.do("pause", tenant="acme", scope="command", name="RefundPayment")
    at: datetime = h.now()
    return at


def _amount(number: int) -> str:
    return f"{10 + number % 20}.{number % 100:02d}"
