"""What Shopify asks of the host itself: erase a shopper, tell what is stored, and that the app was removed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from house import House, everything_held, house

from caseconnect.cli import main
from caseconnect.sdk.testing import run
from caseconnect_shopify.simulator import create_order
from caseconnect_shopify.simulator.world import people, staff

COMPLIANCE = ["customers/data_request", "customers/redact", "shop/redact", "app/uninstalled", "customers/update"]
JANE = {"email": "jane@shopper.example", "first_name": "Janefirst", "last_name": "Janelast"}
ADDRESS = {"first_name": "Janefirst", "address1": "Janestreet 5", "city": "Bonn", "country_code": "DE"}
PERSONAL = ("jane@shopper.example", "janefirst", "janelast", "janestreet")


def order_of_jane(h: House) -> Any:
    return create_order(
        h.shop,
        {
            "lines": [{"title": "Watch", "price": "2500.00"}],
            "customer": JANE,
            "email": JANE["email"],
            "shipping_address": ADDRESS,
            "payment": {"kind": "authorization", "status": "success"},
            "risk": {"level": "HIGH", "facts": ["proxy"]},
        },
    )


def test_a_shopper_is_erased_when_the_work_is_over(tmp_path: Path) -> None:
    async def play() -> str:
        async with house(tmp_path) as h:
            h.subscribe()
            h.subscribe(COMPLIANCE)
            order = order_of_jane(h)
            await h.settle()
            (matter,) = [m for m in h.explain(f"shop/order/{order.id}")["matters"] if m["topic"] != "status"][:1]
            assert all(text in everything_held(tmp_path) for text in PERSONAL)
            people.compliance(h.shop, "redact", {"customer": JANE["email"]})
            await h.settle()
            (receipt,) = h.journal.receipts("acme")
            assert receipt.kept == (matter["reference"],)
            (alert,) = [a for a in h.journal.stuck()["alerts"] if a["cause"].startswith("privacy:")]
            assert matter["case_number"] in alert["title"]
            assert "connect privacy --again 1" in alert["title"]
            assert "jane" not in alert["title"].lower()
            db = h.journal._writing
            assert db is not None
            db.execute("UPDATE matters SET state='closed'")
            await h.journal.close_alert("acme", "none", h.now())  # a commit, which seals it
        return str(order.id)

    number = run(play())
    told = CliRunner().invoke(main, ["privacy", "--again", "1", "--data", str(tmp_path), "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["rows"]["commands"] > 0
    shown = CliRunner().invoke(main, ["privacy", "--data", str(tmp_path)]).stdout
    assert f"shop/order/{number}" in shown
    assert [text for text in PERSONAL if text in everything_held(tmp_path)] == []


def test_what_is_stored_is_counted_for_a_shopper_who_asks(tmp_path: Path) -> None:
    async def play() -> None:
        async with house(tmp_path) as h:
            h.subscribe()
            h.subscribe(COMPLIANCE)
            order_of_jane(h)
            await h.settle()
            people.compliance(h.shop, "data_request", {"customer": JANE["email"]})
            await h.settle()
            (receipt,) = h.journal.receipts("acme")
            assert receipt.action == "access"
            assert receipt.rows["matters"] >= 1
            (alert,) = [a for a in h.journal.stuck()["alerts"] if a["cause"].startswith("privacy:")]
            assert "within 30 days" in alert["title"]
            (delivery,) = (
                h.journal._db().execute("SELECT body FROM deliveries WHERE topic='customers/data_request'").fetchall()
            )
            assert delivery == (None,)  # the request itself names the shopper's address: it is not kept either

    run(play())


def test_a_removed_app_pauses_the_connection_until_it_is_back(tmp_path: Path) -> None:
    async def play() -> None:
        async with house(tmp_path) as h:
            h.subscribe(COMPLIANCE)
            await h.settle()
            staff.uninstall(h.shop)
            await h.settle()
            assert [(b.scope, b.name) for b in h.journal.brakes()] == [("connection", "shop")]
            (alert,) = [a for a in h.journal.stuck()["alerts"] if a["cause"] == "auth:shop"]
            assert "app/uninstalled" in alert["title"]
            h.shop.installed = True
            await h.pass_time(1800)
            assert h.journal.brakes() == []
            assert not [a for a in h.journal.stuck()["alerts"] if a["cause"] == "auth:shop"]

    run(play())


@pytest.mark.parametrize("arguments", [["privacy"], ["privacy", "--json"]])
def test_without_requests_there_is_nothing(arguments: list[str], tmp_path: Path) -> None:
    async def play() -> None:
        async with house(tmp_path):
            pass

    run(play())
    told = CliRunner().invoke(main, [*arguments, "--data", str(tmp_path)])
    assert told.exit_code == 0
    assert "no requests" in told.stdout or json.loads(told.stdout) == []
