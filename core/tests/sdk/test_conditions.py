from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, field_validator

from caseconnect.models import (
    Complaint,
    Customer,
    LineItem,
    Money,
    Order,
    Record,
    ReturnRequest,
    Shipment,
)
from caseconnect.sdk.cel import environment, fields, reachable
from caseconnect.sdk.components import Settings
from caseconnect.sdk.conditions import LONGEST, Condition, Records, about
from caseconnect.sdk.testing.story import sample_order

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
EUR = Money(amount=Decimal("1200.00"), currency="EUR")
ORDER = sample_order(
    total=EUR,
    channel="web",
    created_at=NOW - timedelta(hours=30),
    tags=("vip", "gift"),
    statuses={"export": "ready"},
    captured=None,
    addresses_match=None,
    lines=(LineItem(id="l1", title="Mug", quantity=3, sku="MUG"), LineItem(id="l2", title="Cup", quantity=1)),
    shipments=(Shipment(id="s1", status="success", created_at=NOW, delivered_at=NOW - timedelta(hours=2)),),
)
RETURN = ReturnRequest(id="r1", status="requested", value=EUR)


def records(**changes: Any) -> Records:
    return Records(**{"now": NOW, "order": ORDER, **changes})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("true", True),
        ("order.total.minor >= 120000 && order.total.currency == 'EUR'", True),
        ("order.total.minor > 120000", False),
        ("order.channel in ['web', 'app']", True),
        ("'vip' in order.tags", True),
        ("order.tags.exists(t, t.startsWith('vi'))", True),
        ("order.lines.exists(l, l.sku == 'MUG' && l.quantity > 2)", True),
        ("order.lines.all(l, l.sku != null)", False),
        ("now - order.created_at > duration('24h')", True),
        ("now - order.created_at > duration('31h')", False),
        ("order.created_at < timestamp('2026-11-02T00:00:00Z')", True),
        ("order.statuses['export'] == 'ready'", True),
        ("'import' in order.statuses", False),
        ("order.test", False),
        ("!order.test", True),
        ("has(order.cancelled_at)", False),
        ("has(order.shipping_address) && has(order.captured)", False),
        ("order.site == null", True),
        ("order.site != 'DE'", True),
        ("order.captured.minor == null", True),
        ("order.shipments.exists(s, has(s.delivered_at) && now - s.delivered_at > duration('1h'))", True),
        ("order.shipments.exists(s, has(s.estimated_delivery_at) && s.estimated_delivery_at < now)", False),
        ("order.payment_status in ['paid', 'authorized'] || order.risk.level == 'none'", True),
        ("customer.orders_count == null", True),
        ("order.refundable.minor > 1 || 'vip' in order.tags", True),
    ],
)
def test_what_conditions_say(text: str, says: bool) -> None:
    assert Condition(text).holds(records()) is says


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("order.captured.minor > 5", "a value that it uses is absent"),
        ("order.note.startsWith('x')", "a value that it uses is absent"),
        ("customer.orders_count > 3", "a value that it uses is absent"),
        ("order.addresses_match", "a value that it uses is absent"),
        ("order.statuses['import'] == 'x'", "a name that it looks up is not there"),
        ("order.attributes[order.email] == 'x'", "a name that it looks up is not there"),
        ("order.total.minor / (order.total.minor - 120000) > 1", "it has no result"),
        ("order.channel.matches('(')", "it has no result"),
        ("order.total.minor * 9223372036854775807 > 1", "it has no result"),
        ("order.lines[9].quantity == 1", "it has no result"),
        ("order.total.minor > 120000", "does not hold"),
    ],
)
def test_what_cannot_be_told_does_not_hold_and_says_why_without_data(text: str, why: str) -> None:
    condition = Condition(text)
    assert condition.holds(records()) is False
    said = str(condition.why_not(records()))
    assert why in said
    assert "jane" not in said


def test_an_amount_beyond_64_bits_is_not_an_error() -> None:
    huge = sample_order(total=Money(amount=Decimal("1e30"), currency="EUR"))
    assert "beyond the range" in str(Condition("order.total.minor > 1").why_not(records(order=huge)))
    assert Condition("now > timestamp('2026-01-01T00:00:00Z')").holds(records(order=huge))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("order.chanel == 'pos'", "line 1, column 6: Order has no field 'chanel': did you mean 'channel'?"),
        (
            "order.lines.exists(l,\n l.skuu == 'x')",
            "line 2, column 3: LineItem has no field 'skuu': did you mean 'sku'",
        ),
        ("ordr.test", "there is no 'ordr': did you mean 'order'?; a condition knows order, customer, now"),
        ("item.value.minor > 3", "there is no 'item'"),
        ("order.total > 1000", "compare .minor (cents) and .currency"),
        ("order.total.minor > 1000.5", "numbers have no point"),
        ("order.created_at > '2026-11-01'", "timestamp('2026-11-01T00:00:00Z')"),
        ("order.channel == 3", "no matching overload for '_==_'"),
        ("order.total.minor", "not true or false"),
        ("order.channel =", "Syntax error"),
        ("order.payment_status == 'payed'", "order.payment_status is never 'payed': it is one of pending, authorized"),
        ("'x' != order.risk.level", "order.risk.level is never 'x'"),
        ("order.payments.exists(p, p.kind in ['sale', 'x'])", "p.kind is never 'x'"),
        ("now - order.cancelled_at > duration('1h')", "has(order.cancelled_at) && ..."),
        ("has(order.closed_at) && order.cancelled_at < now", "has(order.cancelled_at)"),
        ("order.shipments.exists(s, s.delivered_at < now)", "has(s.delivered_at)"),
        ("order.shipments[0].delivered_at < now", "has(order.shipments[0].delivered_at)"),
        ("order.shipping_address == null", "write !has(order.shipping_address)"),
        ("null != order.cancelled_at", "has(order.cancelled_at)"),
        ("  ", "a condition is empty"),
        ("true" + " " * LONGEST, f"at most {LONGEST} characters"),
        ("(" * 100 + "true" + ")" * 100, "recursion limit"),
        (
            "order.lines.exists(a, order.lines.exists(b, order.lines.exists(c, c.sku == b.sku && b.sku == a.sku)))",
            "more than 2 loops",
        ),
    ],
)
def test_what_is_wrong_is_told_when_the_file_is_read(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        Condition(text)
    assert says in str(error.value)


def test_an_item_is_known_where_the_use_case_has_one() -> None:
    dear = Condition("item.value.minor > 100000 && item.status == 'requested'", ReturnRequest)
    assert dear.holds(records(item=RETURN))
    assert not dear.holds(records())
    assert dear.holds(records(order=None, item=RETURN))
    with pytest.raises(ValueError, match="Complaint has no field 'value'"):
        Condition("item.value.minor > 1", Complaint)


def test_what_must_be_read_before_it_is_asked() -> None:
    assert Condition("'vip' in customer.tags && order.test").uses == {"customer", "order"}
    assert Condition("true").uses == frozenset()


class Policy(Settings):
    """Settings with conditions."""

    item: ClassVar[type[Record] | None] = ReturnRequest
    only_if: dict[str, Condition] = Field({}, description="Of items.")
    plain: Condition | None = Field(None, description="Of orders.")

    @field_validator("only_if", mode="before")
    @classmethod
    def _about(cls, found: Any) -> Any:
        return about(cls.item)(found)


def test_settings_take_texts_and_write_texts() -> None:
    policy = Policy.model_validate({"only_if": {"late": "item.value.minor > 1"}, "plain": "order.test"})
    assert policy.only_if["late"] == Condition("item.value.minor > 1", ReturnRequest)
    assert policy.plain == Condition("order.test")
    assert policy.model_dump(mode="json") == {"only_if": {"late": "item.value.minor > 1"}, "plain": "order.test"}
    assert Policy.model_validate(policy.model_dump()) == policy
    assert policy.model_copy(deep=True) == policy
    schema = Policy.model_json_schema()["properties"]
    assert schema["only_if"]["additionalProperties"] == {"type": "string", "format": "cel", "maxLength": LONGEST}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"only_if": {"late": "item.valu.minor > 1"}}, "late: line 1, column 5: ReturnRequest has no field 'valu'"),
        ({"plain": "order.tset"}, "Order has no field 'tset': did you mean 'test'?"),
        ({"plain": 3}, "string"),
        ({"only_if": ["x"]}, "dictionary"),
        ({"only_if": {"late": True}}, "string"),
    ],
)
def test_settings_refuse_what_is_no_condition(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match="validation error") as error:
        Policy.model_validate(wrong)
    assert says in str(error.value)


@pytest.mark.parametrize("model", reachable(Order, Customer, ReturnRequest, Complaint))
def test_every_field_of_a_record_is_known_but_raw_data_and_pairs(model: type[Record]) -> None:
    left_out = {"Money": {"amount"}, "Document": {"content"}, "Refund": {"lines"}}
    assert set(model.model_fields) - set(fields(model)) == left_out.get(model.__name__, set())


texts = st.text(st.characters(codec="utf-8"), max_size=12)
orders = st.builds(
    sample_order,
    total=st.decimals(-(10**12), 10**12, places=3).map(lambda a: Money(amount=a, currency="KWD")),
    channel=st.none() | texts,
    tags=st.lists(texts, max_size=3).map(tuple),
    attributes=st.dictionaries(texts, texts, max_size=3),
    cancelled_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    addresses_match=st.none() | st.booleans(),
)


@given(orders)
def test_an_order_says_in_cel_what_it_says_in_python(order: Order) -> None:
    minor = int(order.total.amount.scaleb(3))
    channel = order.channel or ""
    seen = records(order=order)
    for text, expected in [
        (f"order.total.minor == {minor}", True),
        ("has(order.cancelled_at)", order.cancelled_at is not None),
        ("has(order.cancelled_at) && order.cancelled_at < now", (order.cancelled_at or NOW) < NOW),
        ("order.addresses_match == false", order.addresses_match is False),
        ("order.channel == null", order.channel is None),
        ("size(order.channel) > 3", len(channel) > 3),
        ("order.tags.exists(t, t == order.channel)", order.channel in order.tags),
        ("size(order.attributes) == 2", len(order.attributes) == 2),
    ]:
        assert Condition(text).holds(seen) is expected, text


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["order.total", ".", "minor", ">", "1", "&&", "(", ")", "'", "null", "has", "["])).map(
        " ".join
    )
)
def test_any_text_is_a_condition_or_told_what_is_wrong(text: str) -> None:
    try:
        condition = Condition(text)
    except ValueError:
        return
    why = condition.why_not(records())
    assert condition.holds(records()) is (why is None)


def test_one_environment_for_all_conditions_of_a_kind() -> None:
    assert environment(ReturnRequest) is environment(ReturnRequest)
    seen = records()
    assert seen.bound(environment(None), "order") is seen.bound(environment(None), "order")
    assert "jane" not in repr(Condition("order.test")).lower()
