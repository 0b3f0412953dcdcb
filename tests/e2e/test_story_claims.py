"""Disputes and warranty claims on Shopify: from the bank or the shopper to the case, and back to the shop's ledger."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx  # noqa: TID251 - a sender of requests is any client
from click.testing import CliRunner
from house import SECRET, TENANT, TOPICS, House, house
from stories import AGENT, HOME, PLAIN, alerts, comments, done, only_case, placed, told

from caseconnect.cli import Exit, main
from caseconnect.models import Money
from caseconnect.sdk.testing import run
from caseconnect_shopify.simulator.world import disputes, payments
from caseconnect_shopify.simulator.world.shop import SCOPES

EVIDENCE = f"{SCOPES} write_shopify_payments_dispute_evidences write_shopify_payments_dispute_file_uploads"
PDF = b"%PDF-1.7\n%receipt"
DESK = """  desk:
    platform: inbound
    settings:
      secret: {env: SHOP_SECRET}
      scheme: secret
      header: X-Desk
      orders: shop
      kinds: {warranty_claim: {}, dispute: {}}
flows:
  - use: warranty_claims
    mode: $mode
    settings:
      outcomes: {approved: as_requested, rejected: close, more_information: ask_verification}
  - use: disputes
    mode: $mode
    settings:
      warn_hours: 71
      outcomes: {approved: [as_requested], rejected: [close], more_information: [submit_evidence]}
"""
FILE = TENANT.partition("flows:")[0] + DESK


async def post(h: House, kind: str, /, **body: Any) -> None:
    """A shopper's form is sent on by the desk."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=h.hooks)) as client:
        headers = {"X-Desk": SECRET, "Content-Type": "application/json"}
        answer = await client.post(f"https://connect.test/in/acme/{kind}", headers=headers, json=body)
    assert answer.status_code == 200
    await h.settle()


async def decided(h: House, outcome: str, **custom: str) -> None:
    """An agent decides on the one case, and it is carried out."""
    case = only_case(h)
    if custom:
        h.cases.change(case.id, AGENT, custom=custom)
    h.cases.decide(case.id, outcome, AGENT)
    await h.pass_time(180)


def exported(h: House, number: str, *hidden: str) -> None:
    """The trail of one case stands alone, tells who did what on which facts, and who the shopper is only when asked."""
    files = {name: h.folder / name for name in ("trail.json", "trail.html", "whole.json")}
    for name, file in files.items():
        more = ["--personal"] if name == "whole.json" else []
        asked = ["explain", number, "--data", str(h.folder), "--export", str(file), *more]
        assert CliRunner().invoke(main, asked).exit_code == Exit.OK
        assert CliRunner().invoke(main, asked).exit_code == Exit.USAGE
        text = file.read_text()
        assert [words in text for words in hidden] == [name == "whole.json"] * len(hidden)
        for words in ("RefundPayment", "confirmed_by_transactions", "settings.outcomes", "approved"):
            assert words in text
    (trail,) = json.loads(files["trail.json"].read_text())["trails"]
    (refund,) = [c for m in trail["matters"] for c in m["commands"] if c["kind"] == "RefundPayment"]
    assert Money.model_validate(refund["what"]["amount"]) == Money(amount=Decimal(20), currency="USD")
    assert [o["became"] for o in refund["outcomes"]][-1] == "done"
    acted = [d["decided_by"] for d in trail["decisions"] for v in d["verdicts"] if v["acted_on"]]
    assert acted == [only_case(h).fields.decided_by]
    facts = [fact for decision in trail["decisions"] for fact in decision["facts"]]
    assert {"case", "dispute", "order"} <= {fact["fact"] for fact in facts}
    assert all(set(fact) == {"fact", "subject", "sha256"} for fact in facts)


def description(h: House) -> str:
    """What the one case says."""
    return str(only_case(h).default)


async def bought(h: House) -> Any:
    """An order, paid by card."""
    h.subscribe([*TOPICS, "disputes/create", "disputes/update"])
    await h.settle()
    return await placed(h, PLAIN | {"shipping_address": HOME})


def test_a_chargeback_is_answered_with_the_cases_documents_and_ends_with_the_banks_decision(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=FILE) as h:
            h.shop.scopes = frozenset(EVIDENCE.split())
            order = await bought(h)
            dispute = disputes.open_(h.shop, order, {"reason": "PRODUCT_NOT_RECEIVED", "evidence_due_days": 3})
            await h.settle()
            assert "product not received" in description(h)
            assert "evidence is due by" in description(h)
            (matter,) = told(h, order)["matters"]
            assert (matter["topic"], matter["item"]) == ("dispute", f"dispute/{dispute.id}")
            await h.pass_time(2 * 3600)
            assert [text for text in comments(h) if text.startswith("Nothing was handed in yet")]
            assert any("is due by" in cause for cause in (a["title"] for a in h.journal.stuck()["alerts"]))
            h.cases.attach(only_case(h).id, "delivery-proof.pdf", PDF, "application/pdf", AGENT)
            await decided(h, "more_information", customer_reason="It was delivered on Monday.")
            (effect,) = [e for e in h.shop.ledger if e.what == "dispute_evidence"]
            assert "shippingDocumentationFile" in effect.args["changed"]
            assert dispute.evidence["uncategorizedText"] == "It was delivered on Monday."
            assert not dispute.submitted
            assert "The evidence was handed in." in comments(h)
            disputes.change(h.shop, dispute, {"status": "won"})
            await h.pass_time(60)
            assert comments(h)[-1] == "The evidence was handed in, and the bank decided: won."
            (matter,) = told(h, order)["matters"]
            assert (matter["state"], matter["stage"]) == ("closed", "resolved")

    run(story())


def test_a_duplicate_charge_is_confirmed_by_transactions_and_given_back(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=FILE) as h:
            order = await bought(h)
            payments.add(h.shop, order, {"kind": "sale", "amount": "20.00"})
            await h.settle()
            asked = {"kind": "duplicate_charge", "order_number": order.name, "email": "ann@shop.test", "text": "Twice!"}
            await post(h, "dispute", id="d-1", **asked)
            await post(h, "dispute", id="d-1", **asked)
            assert "was charged twice to the same" in description(h)
            await decided(h, "approved")
            assert done(h) == ["refund"]
            assert "The money was given back." in "".join(comments(h))
            (matter,) = told(h, order)["matters"]
            assert (matter["state"], matter["case_number"]) == ("closed", only_case(h).number)
            exported(h, only_case(h).number, "Twice!", "ann@shop.test")
            await post(h, "dispute", id="d-1", **asked)
            assert (len(h.cases.cases), done(h), alerts(h)) == (1, ["refund"], [])

    run(story())


def test_what_no_data_confirms_opens_as_unverified_and_is_declined(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=FILE) as h:
            order = await bought(h)
            asked = {"kind": "duplicate_charge", "order_number": order.name, "email": "ann@shop.test"}
            await post(h, "dispute", id="d-1", **asked)
            assert "Unverified: the order's transactions show no charge that was made twice" in description(h)
            await decided(h, "rejected")
            assert done(h) == []
            assert told(h, order)["matters"][0]["state"] == "closed"

    run(story())


def test_a_warranty_claim_is_replaced_as_the_shopper_wishes_and_claimed_twice_is_said(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=FILE) as h:
            order = await bought(h)
            claim = {"order_number": order.name, "email": "ann@shop.test", "sku": "MUG", "wish": "replacement"}
            await post(h, "warranty_claim", id="c-1", defect="The handle broke.", **claim)
            assert "In warranty: bought" in description(h)
            assert "The handle broke." in description(h)
            await decided(h, "approved")
            assert done(h) == ["draft_create", "draft_complete"]
            assert "The replacement is ordered." in "".join(comments(h))
            await post(h, "warranty_claim", id="c-2", defect="Again.", **claim)
            (second,) = [c for c in h.cases.cases.values() if c.id != next(iter(h.cases.cases))]
            assert "the same piece is in claim c-1" in str(second.default)
            items = {m["item"]: m["state"] for m in told(h, order)["matters"]}
            assert items == {"desk:claim/c-1": "closed", "desk:claim/c-2": "open"}

    run(story())
