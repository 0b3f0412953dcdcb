"""SFCC through `connect serve`: its simulator, Core Case's and the daemon are processes that meet over loopback."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import sfcc_instance
from serving import Served, connect, play, serving, simulating, stranger, write_tenant

AGENT = "agent.one@core-case.example"

TENANT = f"""
tenant: acme
environment: test
go_live: 2025-12-01T00:00:00Z
connections:
{sfcc_instance.connection("http://127.0.0.1:$shop_port", "500ms")}  cases:
    platform: opentext_case
    poll: {{every: 500ms}}
    settings:
      base_url: http://127.0.0.1:$case_port/case
      definition_id: $definition
      config_id: $config
      auth:
        token_url: http://127.0.0.1:$case_port/tenants/demo/oauth2/token
        client_id: connect-client
        client_secret: {{env: CASE_SECRET}}
      service_account: [connect.service@core-case.example]
flows:
  - use: fraud_review
    mode: live
    settings:
      high_value: {{USD: "1000"}}
  - use: toy_returns
    mode: live
timing: {{backoff_first: 200ms, quiet: 1s, look_again: 1s, deadline: 10s, settle_within: 1s}}
"""

RETURNS = '''
"""A use case of a stranger: who sends goods back and wants money gets ten dollars."""

from caseconnect.models import Money, ReturnRequest
from caseconnect.sdk import hookimpl
from caseconnect.sdk.commands import RefundPayment
from caseconnect.sdk.components import Settings, TransformSpec
from caseconnect.sdk.decisions import Decision, Finding, Need, Needs
from caseconnect.sdk.events import CommandSettled, ReturnChanged


class ReturnsSettings(Settings):
    """None."""


def decide(event, matter, facts, settings, now):
    if not isinstance(event, ReturnChanged) or matter.state != "none":
        return Decision(reason="nothing more is due")
    asked = facts.get("return", event.item, ReturnRequest)
    if asked is None:
        return Needs(needs=(Need(fact="return", subject=event.item),))
    goods = ", ".join(f"{line.quantity} of {line.sku} ({line.reason})" for line in asked.lines)
    found = Finding(exception="return", ground=asked.id, summary=goods, arose_at=now)
    refund = RefundPayment(target=event.subject, amount=Money(amount="10.00", currency="USD"))
    commands = (refund,) if asked.wish == "refund" else ()
    return Decision(reason=f"return of order {asked.order_number}: {goods}", findings=(found,), commands=commands)


@hookimpl
def connect_register_transforms(register):
    register.add(TransformSpec(
        name="toy_returns", summary="Refunds.", settings=ReturnsSettings, topic="toy_return", decide=decide,
        exceptions=("return",), handles=frozenset({ReturnChanged, CommandSettled}), needs=frozenset({"return"}),
        uses=frozenset({RefundPayment}),
    ))
'''


@dataclass
class World:
    """Both simulators and the daemon."""

    shop: str
    cases: str
    daemon: Served

    def order(self, **spec: Any) -> str:
        """A shopper orders; the number."""
        customer = {"customerName": "Jane Shopper", "email": "jane@shopper.example"}
        made = play(f"{self.shop}/_sim/orders", {"customer": customer, "export": "ready", **spec})
        return str(made["orderNo"])

    def send_back(self, number: str, wish: str) -> str:
        """Its shopper asks to send a product back; the key of the custom object."""
        items = json.dumps([{"productId": "sku-1", "quantity": 1, "reason": "broken"}])
        asked = {"orderNo": number, "customerEmail": "jane@shopper.example", "items": items, "wish": wish}
        return str(play(f"{self.shop}/_sim/requests/return", asked)["key"])

    def in_shop(self, number: str) -> tuple[str, str, str, bool]:
        """An order's status, confirmation and export, and whether it bears our hold."""
        (found,) = [each for each in play(f"{self.shop}/_sim/state")["orders"] if each["number"] == number]
        held = bool(found["custom"].get("caseconnectHold"))
        return found["status"], found["confirmation"], found["export"], held

    def merchant(self, number: str) -> list[Any]:
        """What the cartridge's job did with an order."""
        ledger = play(f"{self.shop}/_sim/ledger")["ledger"]
        return [e["args"]["payload"] for e in ledger if e["what"] == "merchant.refund" and e["target"] == number]

    def moved(self, number: str) -> list[str]:
        """Effects on an order that are about money."""
        ledger = play(f"{self.shop}/_sim/ledger")["ledger"]
        return [
            e["what"] for e in ledger if e["target"] == number and re.search("refund|payment|certificate", e["what"])
        ]

    def case_of(self, number: str) -> dict[str, Any]:
        """The only case about an order; empty before there is one."""
        cases = play(f"{self.cases}/_sim/state")["tenants"]["demo"]["cases"]
        found = [c for c in cases if f"/order/{number}/" in str(c["custom"].get("externalReference"))]
        assert len(found) <= 1
        return dict(found[0]) if found else {}

    def said(self, number: str) -> str:
        """All that we commented on the case of an order."""
        return "\n".join(each["text"] for each in self.case_of(number).get("comments", ()))

    def decide(self, number: str, outcome: str) -> None:
        """An agent decides on the case of an order."""
        play(f"{self.cases}/_sim/cases/{self.case_of(number)['id']}/decide", {"outcome": outcome, "by": AGENT})

    def until(self, so: Callable[[], Any], why: str) -> Any:
        """Wait for what the daemon does."""
        return self.daemon.until(so, why)

    def rows(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """Rows of the daemon's journal."""
        db = sqlite3.connect(f"file:{self.daemon.data / 'journal.db'}?mode=ro", uri=True)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def commands(self, number: str) -> dict[str, tuple[str, str]]:
        """State and note of an order's commands, by kind."""
        found = self.rows("SELECT kind, state, note FROM commands WHERE target=?", f"shop/order/{number}")
        return {kind: (state, note) for kind, state, note in found}

    def refund(self, number: str) -> tuple[str, str]:
        """State and note of an order's refund; empty before there is one."""
        return self.commands(number).get("RefundPayment", ("", ""))

    def job_ends(self, outcome: str) -> None:
        """What the cartridge's job makes of the triggers that come."""
        play(f"{self.shop}/_sim/switches", {"cartridge": {"outcome": outcome}})

    def explained(self, number: str) -> dict[str, Any]:
        """What `connect explain` tells of an order."""
        told = connect("explain", "--data", self.daemon.data, f"shop/order/{number}", "--json")
        assert told.returncode == 0, told.stderr
        (found,) = json.loads(told.stdout)
        return dict(found)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("sfcc")
    instance = {"tenant": "zzxy_prd", "sites": ["RefArch"], "index_lag": 0, "cartridge": {"delay": 0.2}}
    with ExitStack() as stack:
        shop = stack.enter_context(simulating("sfcc", folder, instances=[instance]))
        cases = stack.enter_context(simulating("opentext_case", folder, tenants=[{"rate_limit": 0}]))
        write_tenant(folder, TENANT, shop_port=shop, case_port=cases)
        env = {**sfcc_instance.SECRETS, "PYTHONPATH": stranger(folder, "toy_returns", RETURNS)}
        daemon = stack.enter_context(serving(folder, env=env))
        yield World(f"http://127.0.0.1:{shop}", f"http://127.0.0.1:{cases}", daemon)
        assert daemon.stop() == 0
        text = daemon.log.read_text()
        assert "Traceback" not in text
        assert "jane@shopper.example" not in text


HELD = ("new", "not_confirmed", "not_exported", True)


def test_a_high_value_order_is_held_reviewed_approved_and_as_it_was(world: World) -> None:
    number = world.order(lines=[{"price": "2400.00"}])
    assert world.in_shop(number) == ("new", "confirmed", "ready", False)
    world.until(lambda: world.in_shop(number) == HELD, "the order is held")
    world.until(lambda: "The order is held" in world.said(number), "the case tells it")
    world.decide(number, "approved")
    world.until(lambda: "The order is released" in world.said(number), "the release is told")
    assert world.in_shop(number) == ("new", "confirmed", "ready", False)
    assert {kind: state for kind, (state, _) in world.commands(number).items()} == {
        "HoldOrder": "done",
        "ReleaseOrder": "done",
    }


def test_a_high_risk_order_is_held_rejected_and_cancelled_and_no_money_moves(world: World) -> None:
    number = world.order(custom={"SignifydPolicy": "reject"})
    world.until(lambda: world.in_shop(number) == HELD, "the order is held")
    world.until(lambda: "The order is held" in world.said(number), "the case tells it")
    world.decide(number, "rejected")
    world.until(lambda: "The order is cancelled." in world.said(number), "the cancellation is told")
    assert world.in_shop(number)[0] == "cancelled"
    assert "No money was captured" in world.said(number)
    assert "no money was moved" in world.said(number)
    assert world.moved(number) == []


def test_an_exported_order_is_too_late_to_hold_and_the_case_says_so(world: World) -> None:
    number = world.order(lines=[{"price": "2400.00"}], export="exported")
    world.until(lambda: "too late: already exported" in world.said(number), "the refusal is told on the case")
    assert world.commands(number)["HoldOrder"][0] == "refused"
    assert world.in_shop(number) == ("new", "confirmed", "exported", False)
    assert "the goods may leave" in world.said(number)


def test_a_return_from_the_cartridges_form_arrives_with_what_it_says(world: World) -> None:
    number = world.order()
    key = world.send_back(number, "exchange")
    done = f"SELECT 1 FROM events WHERE type='ReturnChanged' AND lane='shop/order/{number}' AND state='done'"
    world.until(lambda: world.rows(done), "the return is decided on")
    told = world.explained(number)
    (event,) = [each for each in told["events"] if each["type"] == "ReturnChanged"]
    assert (event["topic"], event["body"]["item"]) == ("return", f"shop/return/RefArch/{key}")
    (matter,) = told["matters"]
    assert (matter["topic"], matter["commands"]) == ("toy_return", [])
    assert [(f["ground"], f["summary"]) for f in matter["findings"]] == [(f"RefArch/{key}", "1 of sku-1 (broken)")]
    reasons = [answer["reason"] for decision in told["decisions"] for answer in decision["answers"]]
    assert f"return of order {number}: 1 of sku-1 (broken)" in reasons


def test_a_refund_is_accepted_until_the_cartridges_job_has_answered(world: World) -> None:
    answered, never = (world.order(payment="paid", export="exported") for _ in range(2))
    world.job_ends("done")
    world.send_back(answered, "refund")
    world.until(lambda: world.merchant(answered), "the job has called the merchant's hook")
    world.job_ends("never")
    world.send_back(never, "refund")
    accepted = ("accepted", "the cartridge's job has not answered yet")
    world.until(lambda: world.refund(never) == accepted, "the trigger is accepted")
    world.until(lambda: world.refund(answered)[0] == "done", "the job's answer is read")
    assert "reference M-" in world.refund(answered)[1]
    assert [each["amount"] for each in world.merchant(answered)] == ["10.00"]
    world.until(lambda: world.refund(never)[0] == "parked", "nothing came within the deadline")
    assert world.merchant(never) == []
    stuck = json.loads(connect("errors", "--data", world.daemon.data, "--json").stdout)
    assert f"shop/order/{never}" in {each["target"] for each in stuck["commands"]}
    (alert,) = [each for each in stuck["alerts"] if each["cause"] == "parked:RefundPayment"]
    assert alert["title"] == "RefundPayment parked: it was taken, but its effect was not seen in time"
