from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st
from pydantic import BaseModel

from caseconnect.models import (
    Address,
    Customer,
    LineItem,
    Money,
    Order,
    OrderHistory,
    OrderSummary,
    Payment,
    Risk,
    RiskFact,
    Shipment,
    personal_fields,
)
from caseconnect.sdk.casework import (
    PLACEHOLDERS,
    case_text,
    fill,
    snapshot,
)
from caseconnect.sdk.casework.text import without_gaps
from caseconnect.sdk.decisions import (
    Finding,
    Missing,
)
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import sample_order

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ORDER = Subject("shop", "order", "1001")
CASE = Subject("cases", "case", "c-1")
EUR = Money(amount=Decimal("120.00"), currency="EUR")
LATE = Finding(exception="late", ground="g1", summary="too late", arose_at=NOW)
ODD = Finding(exception="odd", ground="g2", summary="looks odd", arose_at=NOW)

SECRETS = {
    "name": "Jane Roe",
    "email": "jane@example.com",
    "phone": "+49 30 123",
    "street": "1 First St",
    "ip": "203.0.113.9",
    "note": "call me at noon",
    "digits": "4242",
    "place": "2 Elm Rd, Kiel",
}


def full_order() -> Order:
    address = Address(
        name=SECRETS["name"],
        line1=SECRETS["street"],
        city="Bonn",
        country="DE",
        phone=SECRETS["phone"],
        validation="ok",
    )
    return sample_order(
        email=SECRETS["email"],
        phone=SECRETS["phone"],
        client_ip=SECRETS["ip"],
        customer_name=SECRETS["name"],
        note=SECRETS["note"],
        billing_address=address,
        shipping_address=address,
        payments=(
            Payment(
                id="t1",
                kind="sale",
                status="failure",
                amount=EUR,
                created_at=NOW,
                error_code="card_declined",
                avs_result="N",
                cvv_result="M",
                card_brand="Visa",
                card_last_digits=SECRETS["digits"],
            ),
        ),
        risk=Risk(level="high", recommendation="cancel", provider="Guard", facts=(RiskFact(description="VPN in use"),)),
        shipments=(
            Shipment(
                id="s1",
                status="success",
                created_at=NOW,
                carrier="DHL",
                tracking_numbers=("JD01",),
                delivered_at=NOW + timedelta(days=2),
            ),
        ),
        cancelled_at=NOW,
        presentment_total=Money(amount=Decimal("130.00"), currency="USD"),
        admin_url="https://shop.example/orders/1001",
    )


def full_history() -> OrderHistory:
    return OrderHistory(
        key="customer",
        orders=(
            OrderSummary(id="9", number="#900", created_at=NOW, total=EUR, ship_to=SECRETS["place"], risk_level="high"),
            OrderSummary(id="8", number="#800", created_at=NOW, total=EUR, ship_to="3 Oak Rd", cancelled_at=NOW),
        ),
        complete=False,
    )


CUSTOMER = Customer(
    id="77",
    name=SECRETS["name"],
    email=SECRETS["email"],
    orders_count=3,
    total_spent=EUR,
    tags=("vip",),
    created_at=NOW,
)


def test_text_covers_every_placeholder_and_tells_what_was_read() -> None:
    texts = case_text(full_order(), [LATE, ODD], shop="shop", customer=CUSTOMER, history=full_history())
    assert set(texts) == set(PLACEHOLDERS)
    everything = "\n".join(texts.values())
    for told in (
        "late, odd",
        "- Late: too late",
        "120.00 EUR (130.00 USD for the shopper)",
        "2 x Mug [MUG]",
        "code card_declined",
        "Visa …4242",
        "AVS N",
        "VPN in use",
        "by Guard",
        "1 First St, Bonn, DE (address check: ok)",
        "3 orders, spent 120.00 EUR",
        "203.0.113.9",
        "#900",
        "there are more",
        "Shipped to 2 different places",
        "DHL, JD01",
        "delivered 2026-11-04",
        "Cancelled: 2026-11-02 09:00 UTC",
        "https://shop.example/orders/1001",
    ):
        assert told in everything, told


def test_personal_data_stands_only_in_the_placeholders_that_say_so() -> None:
    texts = case_text(full_order(), [LATE], shop="shop", customer=CUSTOMER, history=full_history())
    silent = {name: text for name, text in texts.items() if "(personal)" not in PLACEHOLDERS[name]}
    assert len(silent) == len(texts) - 6
    for name, text in silent.items():
        leaked = [key for key, secret in SECRETS.items() if secret in text]
        assert not leaked, (name, leaked)


def test_text_of_bare_facts_says_what_is_not_known() -> None:
    bare = sample_order(
        customer_name=None,
        email=None,
        customer_id=None,
        billing_address=None,
        shipping_address=Address(),
        captured=None,
        lines=(),
        channel=None,
    )
    texts = case_text(bare, [LATE], shop="shop", customer=None, history=None)
    assert "A guest" in texts["customer"]
    assert "not known" in texts["addresses"]
    assert "withheld by the platform" in texts["addresses"]
    assert "captured amount unknown" in texts["facts"]
    assert texts["lines"] == "Items: none"
    assert texts["history"] == "Other orders: not read"
    missing = case_text(bare, [LATE], shop="shop", customer=Missing(why="a"), history=Missing(why="b"))
    assert "could not be read (a)" in missing["customer"]
    assert "could not be read (b)" in missing["history"]
    unknown = case_text(bare, [LATE], shop="shop", history=OrderHistory(key="none"))
    assert "cannot be told from others" in unknown["history"]


def test_long_lists_are_cut_and_say_so() -> None:
    lines = tuple(LineItem(id=str(n), title=f"Thing {n}", quantity=1) for n in range(40))
    text = case_text(sample_order(lines=lines), [LATE], shop="shop")["lines"]
    assert "Thing 24" in text
    assert "Thing 25" not in text
    assert text.endswith("- and 15 more")


@checked(deadline=None)
@given(st.text(max_size=300))
def test_strangers_text_stays_on_its_line(title: str) -> None:
    lines = (LineItem(id="1", title=title, quantity=1),)
    text = case_text(sample_order(lines=lines), [LATE], shop="shop")["lines"]
    assert len(text.splitlines()) == 2


@checked(deadline=None)
@given(st.text(max_size=80), st.dictionaries(st.sampled_from(["order", "total"]), st.text(max_size=20)))
def test_fill_replaces_once_and_runs_nothing(template: str, values: dict[str, str]) -> None:
    assert fill("{order.__class__}" + template, {}) == "{order.__class__}" + template
    assert fill("{a}", {"a": "{b}", "b": "x"}) == "{b}"
    for name, value in values.items():
        assert fill(f"<{{{name}}}>", values) == f"<{value}>"


def personal_names(model: type[BaseModel]) -> set[str]:
    return set(personal_fields(model))


def test_snapshot_without_personal_data_holds_none_at_any_depth() -> None:
    document = snapshot(full_order(), CUSTOMER, full_history(), personal=False)
    text = document.content.decode()
    assert [key for key, secret in SECRETS.items() if secret in text] == []
    content = json.loads(text)
    assert content["personal_data"] is False
    assert personal_names(Order).isdisjoint(content["order"])
    assert personal_names(Address).isdisjoint(content["order"]["shipping_address"])
    assert content["order"]["shipping_address"]["country"] == "DE"
    assert content["order"]["total"] == {"amount": "120.00", "currency": "EUR"}
    assert content["order_history"]["orders"][0]["number"] == "#900"
    assert content["customer"]["orders_count"] == 3


def test_full_snapshot_is_the_record_itself_and_the_same_bytes_each_time() -> None:
    order = full_order()
    document = snapshot(order, personal=True)
    content = json.loads(document.content)
    assert Order.model_validate(content["order"]) == order
    assert content["customer"] is None
    assert document.name == "order-1001.json"
    assert snapshot(order, personal=True).digest == document.digest


@pytest.mark.parametrize(
    ("number", "name"),
    [("#1001", "order-1001.json"), ("../A/7", "order-A7.json"), ("№", "order-1001.json"), ("9" * 300, None)],
)
def test_snapshot_names_are_file_names(number: str, name: str | None) -> None:
    document = snapshot(sample_order(number=number), personal=False)
    assert name is None or document.name == name


def test_only_a_description_loses_its_empty_paragraphs() -> None:
    assert fill("{a}\n", {"b": "x"}) == "{a}\n"
    assert without_gaps(fill("{a}\n\n{b}\n\n{c}", {"a": "x", "b": "", "c": "z"})) == "x\n\nz"
