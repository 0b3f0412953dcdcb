"""Claims and disputes from forms of an SFCC storefront, through `connect serve`, and back to its profiles and job."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import serving
import sfcc_instance
from serving import Served, play, simulating

AGENT = "agent.one@core-case.example"
FLOWS = """\
  - use: warranty_claims
    mode: live
    settings:
      outcomes: {approved: as_requested, rejected: notify, more_information: ask_verification}
      messages: {rejected: claim_declined}
  - use: disputes
    mode: live
    settings:
      outcomes: {approved: as_requested, rejected: close, points: points, corrected: correct_profile}
"""
FILE = "src/caseconnect/claim/receipt.pdf"


@dataclass
class World:
    """Both simulators and the daemon."""

    shop: str
    cases: str
    daemon: Served

    def hand_in(self, kind: str, /, **spec: Any) -> str:
        """A shopper sends a form; the key of what it becomes."""
        return str(play(f"{self.shop}/_sim/requests/{kind}", {"customerEmail": "jane@shopper.example", **spec})["key"])

    def order(self, **spec: Any) -> str:
        """A shopper orders; the number."""
        customer = {"customerName": "Jane Shopper", "email": "jane@shopper.example"}
        made = play(f"{self.shop}/_sim/orders", {"customer": customer, "export": "exported", "payment": "paid", **spec})
        return str(made["orderNo"])

    def case_of(self, key: str) -> dict[str, Any]:
        """The only case that mentions what was handed in under this key; empty before there is one."""
        cases = play(f"{self.cases}/_sim/state")["tenants"]["demo"]["cases"]
        found = [c for c in cases if key in json.dumps(c)]
        assert len(found) <= 1
        return dict(found[0]) if found else {}

    def decide(self, key: str, outcome: str) -> None:
        """An agent decides, as soon as there is a case."""
        case = self.daemon.until(lambda: self.case_of(key), "the case is open")
        play(f"{self.cases}/_sim/cases/{case['id']}/decide", {"outcome": outcome, "by": AGENT})

    def said(self, key: str) -> str:
        """All that we commented on a case."""
        return "\n".join(each["text"] for each in self.case_of(key).get("comments", ()))

    def until_said(self, key: str, text: str) -> None:
        """Wait until it is on the case."""
        self.daemon.until(lambda: text in self.said(key), text)

    def until(self, so: Callable[[], Any], why: str) -> Any:
        """Wait for what the daemon does."""
        return self.daemon.until(so, why)

    def merchant(self, action: str) -> list[Any]:
        """What the cartridge's job did, newest last."""
        ledger = play(f"{self.shop}/_sim/ledger")["ledger"]
        return [e["args"]["payload"] for e in ledger if e["what"] == f"merchant.{action}"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("sfcc-claims")
    head, _, rest = serving.TENANT.partition("  shop:\n")
    text = head + sfcc_instance.connection("http://127.0.0.1:$shop_port", "300ms") + rest[rest.index("  cases:\n") :]
    instance = {"tenant": "zzxy_prd", "sites": ["RefArch"], "index_lag": 0, "cartridge": {"delay": 0.2}}
    with ExitStack() as stack:
        shop = stack.enter_context(simulating("sfcc", folder, instances=[instance]))
        cases = stack.enter_context(simulating("opentext_case", folder, tenants=[{"rate_limit": 0}]))
        serving.write_tenant(
            folder, text, shop_port=shop, case_port=cases, case_poll="300ms", backoff="200ms", flows=FLOWS
        )
        daemon = stack.enter_context(serving.serving(folder, env=sfcc_instance.SECRETS))
        yield World(f"http://127.0.0.1:{shop}", f"http://127.0.0.1:{cases}", daemon)
        assert daemon.stop() == 0
        log = daemon.log.read_text()
        assert "Traceback" not in log
        assert "jane@shopper.example" not in log


def test_a_claim_comes_with_purchase_and_papers_and_is_replaced_by_the_cartridges_job(world: World) -> None:
    number = world.order()
    play(f"{world.shop}/_sim/files", {"path": f"Impex/{FILE}", "content": base64.b64encode(b"%PDF-1.7").decode()})
    papers = json.dumps([{"name": "receipt.pdf", "path": FILE, "type": "application/pdf"}])
    spec = {"orderNo": number, "productId": "sku-1", "serialNumber": "SN-77", "wish": "replacement"}
    world.hand_in("claim", defect="The handle broke.", documents=papers, **spec)
    case = world.until(lambda: world.case_of("SN-77"), "the case is open")
    text = json.dumps(case)
    for told in ("In warranty: bought", f"Order {number}", "The handle broke.", "receipt.pdf"):
        assert told in text
    world.decide("SN-77", "more_information")
    world.until_said("SN-77", "must be asked for verification")
    world.decide("SN-77", "approved")
    world.until_said("SN-77", "The replacement is ordered.")
    assert [item["sku"] for item in world.merchant("replacement")[-1]["items"]] == ["sku-1"]


def test_a_declined_claim_tells_the_shopper_why(world: World) -> None:
    number = world.order()
    world.hand_in("claim", orderNo=number, productId="sku-1", serialNumber="SN-78", purchasedAt="2020-01-05")
    case = world.until(lambda: world.case_of("SN-78"), "the case is open")
    custom = {"customer_reason": "It was dropped."}
    play(f"{world.cases}/_sim/cases/{case['id']}/change", {"custom": custom, "by": AGENT})
    world.decide("SN-78", "rejected")
    world.until_said("SN-78", "The customer was written to.")
    (notice,) = [n for n in world.merchant("notice") if n["values"].get("order") == number]
    assert (notice["template"], notice["values"]["reason"]) == ("claim_declined", "It was dropped.")


def test_points_and_a_profile_are_put_right_without_an_order_and_confirmed_on_the_case(world: World) -> None:
    person = {"number": "C-9", "lastName": "Sum", "email": "jane@shopper.example"}
    play(f"{world.shop}/_sim/customers", person)
    world.hand_in("dispute", kind="loyalty", points=300, comment="Where are my points? P-1", customerNo="C-9")
    world.decide("P-1", "approved")
    world.until_said("P-1", "The points are booked.")
    (booked,) = world.merchant("loyalty")
    assert (booked["points"], booked["customer"]) == (300, "C-9")
    wanted = json.dumps({"lastName": "Sun"})
    world.hand_in("dispute", kind="profile", comment="My name is wrong. P-2", corrections=wanted, customerNo="C-9")
    case = world.until(lambda: world.case_of("P-2"), "the case is open")
    assert "Should be, lastName: Sun" in json.dumps(case)
    world.decide("P-2", "approved")
    world.until_said("P-2", "The profile is corrected.")
    names = [c["profile"]["lastName"] for c in play(f"{world.shop}/_sim/state")["customers"] if c["number"] == "C-9"]
    assert names == ["Sun"]


def test_a_charge_that_the_platform_cannot_confirm_opens_as_unverified_and_is_given_back_by_the_job(
    world: World,
) -> None:
    number = world.order()
    world.hand_in("dispute", kind="duplicate_charge", orderNo=number, amount=20.0, currency="USD", comment="Twice! D-1")
    case = world.until(lambda: world.case_of("D-1"), "the case is open")
    assert "Unverified: the order's transactions show no charge that was made twice" in json.dumps(case)
    world.decide("D-1", "approved")
    world.until_said("D-1", "The money was given back.")
    assert [each["amount"] for each in world.merchant("refund")] == ["20.00"]
