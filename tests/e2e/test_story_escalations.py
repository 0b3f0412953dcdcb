"""From a VIP's order or a third failure to a case that somebody works on in time: priority, owner, deadline, steps."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx  # noqa: TID251 - who complains is any client
import pytest
from house import SECRET, TENANT, House, house
from stories import PLAIN, alerts, comments, decided, matter, only_case, operations, placed, told

from caseconnect.sdk.testing import run

ESCALATIONS = """
  - use: escalations
    mode: $mode
    settings:
      opens: [repeated_failures]
      owner: {"*": lead.agent@core-case.example}
      due_hours: {vip: 4, "*": 8}
      failures: {count: 2}
      calendar:
        time_zone: Europe/Oslo
        hours: {thu: "09:00-17:00", fri: "09:00-15:00", mon: "09:00-17:00"}
      steps:
        - {after_hours: 3, comment: The deadline is near.}
        - {after_hours: 4, priority: urgent, owner: head.agent@core-case.example, comment: The deadline is missed.}
"""
DESK = """
  desk:
    platform: inbound
    settings:
      secret: {env: CASE_SECRET}
      scheme: secret
      header: X-Desk
      orders: shop
      kinds: {complaint: {}}
"""
COMPLAINTS = "- {use: complaints, mode: $mode, settings: {outcomes: {more_information: ask_verification}}}"
DECLINED: dict[str, Any] = {
    "payment": {"kind": "sale", "status": "failure", "error_code": "CARD_DECLINED"},
    "risk": {"level": "LOW"},
}
VIP = {"first_name": "Ann", "last_name": "Lee", "email": "ann@shop.test", "tags": ["VIP"]}
RARELY = TENANT.replace("every: 10m", "every: 6h").replace("every: 2m", "every: 30m")
TENANT_WITH = RARELY.replace("  - use: status_updates", f"{ESCALATIONS.strip(chr(10))}\n  - use: status_updates")
SOON = 2000
"""Seconds in which a decision is seen."""


async def hours(h: House, count: float) -> None:
    """So many hours pass."""
    await h.pass_time(count * 3600)


def test_a_vips_open_case_is_raised_and_goes_up_step_by_step_until_somebody_decides(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=TENANT_WITH) as h:
            await hours(h, 11.5)  # Thursday, 12:30 in Oslo
            order = await placed(h, PLAIN | DECLINED | {"customer": VIP})
            await hours(h, 0.1)
            case = only_case(h)
            assert (case.fields.priority, case.fields.assignee) == ("High", "lead.agent@core-case.example")
            assert case.fields.due_on.replace(second=0, microsecond=0) == datetime(2026, 1, 1, 15, 30, tzinfo=UTC)
            assert [t for t in comments(h) if t.startswith("Escalated, vip: tag VIP of the customer.")]
            assert matter(h, order)["owner"] == "order_exceptions"
            await hours(h, 3)
            assert comments(h)[-1] == "The deadline is near. (3 working hours after the escalation.)"
            assert only_case(h).fields.priority == "High"
            await h.restart()
            await hours(h, 2)
            assert comments(h)[-1].startswith("The deadline is missed.")
            fields = only_case(h).fields
            assert (fields.priority, fields.assignee) == ("Urgent", "head.agent@core-case.example")
            assert (operations(h).count("create_case"), alerts(h)) == (1, [])

    run(story())


def test_no_step_is_taken_after_the_decision_nor_out_of_hours(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=TENANT_WITH) as h:
            await hours(h, 14)  # Thursday, 15:00 in Oslo: two hours are left of the day
            await placed(h, PLAIN | DECLINED | {"customer": VIP})
            await hours(h, 16)
            assert not [t for t in comments(h) if "deadline" in t]
            await hours(h, 3.5)  # Friday, half past ten
            assert len([t for t in comments(h) if "deadline is near" in t]) == 1
            await decided(h, "approved", SOON)
            await hours(h, 100)
            assert not [t for t in comments(h) if "missed" in t]
            assert only_case(h).fields.priority == "High"

    run(story())


@pytest.mark.parametrize(
    ("buyer", "found_by"),
    [({"customer": {"email": "bo@shop.test"}}, "customer"), ({"email": "guest@shop.test"}, "email")],
)
def test_a_shoppers_second_failure_opens_one_case_also_of_a_guest(tmp_path: Path, buyer: Any, found_by: str) -> None:
    async def story() -> None:
        tenant = TENANT_WITH.replace("  - use: order_exceptions\n    mode: $mode\n", "")
        async with house(tmp_path, tenant=tenant) as h:
            spec = {k: v for k, v in PLAIN.items() if k != "customer"} | DECLINED | buyer
            first = await placed(h, spec)
            await hours(h, 30)
            assert operations(h) == []
            reasons = [a["reason"] for d in told(h, first)["decisions"] for a in d["answers"]]
            assert any(f"1 orders with a failure in failures.days (90), found by {found_by}" in r for r in reasons)
            second = await placed(h, spec)
            await hours(h, 0.1)
            assert matter(h, second)["owner"] == "escalations"
            assert (
                f"2 orders went wrong in 90 days (found by {found_by})" in matter(h, second)["findings"][0]["summary"]
            )
            assert only_case(h).fields.due_on == datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
            await placed(h, PLAIN | {"risk": {"level": "LOW"}} | buyer)
            await decided(h, "approved", SOON)
            assert (matter(h, second)["state"], operations(h).count("create_case")) == ("closed", 1)
            assert alerts(h) == []

    run(story())


@pytest.mark.parametrize("mode", ["observe", "cases"])
def test_modes(tmp_path: Path, mode: str) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=TENANT_WITH, mode=mode) as h:
            await placed(h, PLAIN | DECLINED | {"customer": VIP})
            await hours(h, 0.1)
            assert bool([t for t in comments(h) if t.startswith("Escalated")]) == (mode == "cases")
            assert ("create_case" in operations(h)) == (mode == "cases")

    run(story())


def test_a_complaint_of_a_vip_is_raised_in_its_own_case_and_waits_for_the_customer(tmp_path: Path) -> None:
    async def story() -> None:
        tenant = TENANT_WITH.replace("flows:", f"{DESK.strip(chr(10))}\nflows:\n  {COMPLAINTS}")
        async with house(tmp_path, tenant=tenant) as h:
            await hours(h, 10)  # Thursday, 11:00 in Oslo
            order = await placed(h, PLAIN | {"customer": VIP, "risk": {"level": "LOW"}})
            assert operations(h) == []
            body = {"id": "c1", "order_number": "1001", "email": VIP["email"], "category": "damaged", "text": "Broken."}
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=h.hooks)) as client:
                url, headers = "https://connect.test/in/acme/complaint", {"X-Desk": SECRET}
                assert (await client.post(url, headers=headers, json=body)).status_code == 200
            await hours(h, 0.1)
            assert [(m["topic"], m["owner"]) for m in told(h, order)["matters"]] == [("complaint", "complaints")]
            assert only_case(h).fields.assignee == "lead.agent@core-case.example"
            assert (operations(h).count("create_case"), alerts(h)) == (1, [])
            await decided(h, "more_information", SOON)
            assert matter(h, order)["stage"] == "waiting_for_customer"
            await hours(h, 20)
            assert not [t for t in comments(h) if "deadline" in t]
            await decided(h, None, SOON)
            await hours(h, 8)  # Friday, until 15:00 in Oslo
            assert [t for t in comments(h) if "deadline is near" in t]

    run(story())
