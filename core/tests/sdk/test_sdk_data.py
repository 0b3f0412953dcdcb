"""What is kept in the journal is the same when it is read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from caseconnect import models
from caseconnect.models import (
    ApprovalRequest,
    Complaint,
    CustomerReply,
    Dispute,
    Document,
    Money,
    PrivacyRequest,
    Record,
    ReturnRequest,
    ShipmentReport,
    WarrantyClaim,
    personal_fields,
)
from caseconnect.sdk.commands import (
    CASE,
    COMMANDS,
    AdjustLoyalty,
    AnnotateCustomer,
    AnnotateOrder,
    ApproveReturn,
    AssessRisk,
    AttachDocument,
    CancelOrder,
    CloseCase,
    Command,
    CommentCase,
    CorrectProfile,
    Counter,
    CreateReplacement,
    DeclineReturn,
    DeleteDraft,
    ExchangeReturn,
    Expect,
    HoldOrder,
    IssueCredit,
    Item,
    LineQuantity,
    NoteOrder,
    NotifyCustomer,
    OpenCase,
    RefundPayment,
    ReleaseOrder,
    RemoveNotice,
    RestoreProduct,
    SetOrderStatus,
    ShowNotice,
    SubmitEvidence,
    SuppressProduct,
    UpdateCase,
    digest_of,
)
from caseconnect.sdk.components import Settings
from caseconnect.sdk.decisions import Decision, Facts, Finding, Matter, Missing, Need
from caseconnect.sdk.deliveries import Ignored, Parsed
from caseconnect.sdk.events import (
    EVENTS,
    ApprovalRequested,
    CaseChanged,
    ClaimChanged,
    CommandSettled,
    ComplaintChanged,
    ConnectionEnded,
    CustomerChanged,
    CustomerReplied,
    DisputeChanged,
    Event,
    ItemEvent,
    OrderChanged,
    PrivacyRequested,
    ReturnChanged,
    ShipmentReported,
    TimerFired,
)
from caseconnect.sdk.secrets import Secret
from caseconnect.sdk.subjects import Subject

AT = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
ORDER = Subject("shop", "order", "820982911946154508")
RETURN = Subject("shop", "return", "7")
DISPUTE = Subject("shop", "dispute", "8")
COMPLAINT = Subject("in", "complaint", "9")
TWENTY = Money(amount=Decimal("20.00"), currency="USD")
CASE_ID = Subject("cases", "case", "7a51c9f0-52c4-4f0b-8f2e-3d7f4b1f9e01")

EVENT_SAMPLES = [
    OrderChanged(subject=ORDER, refs=(Subject("shop", "refund", "1"),), time=AT, hint="orders/updated", id="e1"),
    CaseChanged(subject=CASE_ID, time=AT, reference="production/shop/order/1/order_review/1", source="cases"),
    CommandSettled(
        subject=ORDER, time=AT, matter="m", key="k", kind="OpenCase", state="done", data={"id": "9007199254740993"}
    ),
    TimerFired(subject=ORDER, time=AT, matter="m", use="fraud_review", name="late", due=AT + timedelta(hours=1)),
    ReturnChanged(subject=ORDER, time=AT, item=RETURN, record=ReturnRequest(id="7", status="open", note="Jane")),
    DisputeChanged(subject=ORDER, time=AT, item=DISPUTE, record=Dispute(id="8", kind="loyalty")),
    ComplaintChanged(subject=ORDER, time=AT, item=COMPLAINT, record=Complaint(id="9", text="Jane")),
    ClaimChanged(subject=ORDER, time=AT, item=Subject("in", "claim", "10"), record=WarrantyClaim(id="10")),
    ApprovalRequested(
        subject=ORDER, time=AT, item=Subject("in", "approval", "11"), record=ApprovalRequest(id="11", action="credit")
    ),
    ShipmentReported(subject=ORDER, time=AT, item=Subject("in", "shipment", "12"), record=ShipmentReport(id="12")),
    CustomerReplied(subject=ORDER, time=AT, item=Subject("in", "reply", "13"), record=CustomerReply(id="13")),
    CustomerChanged(subject=Subject("shop", "customer", "14"), time=AT),
    PrivacyRequested(
        subject=Subject("shop", "customer", "14"), time=AT, record=PrivacyRequest(id="15", action="erase", email="Jane")
    ),
    ConnectionEnded(subject=Subject("shop", "shop", "16"), time=AT, hint="app/uninstalled"),
]

COMMAND_SAMPLES = [
    OpenCase(
        title="Ünusual",
        description="x",
        client_name="Jane",
        documents=(Document(name="a.bin", media_type="application/octet-stream", content=bytes(range(256))),),
        counter=Counter(name="cases", amount=Decimal("1"), limit=Decimal("2.50")),
    ),
    CommentCase(name="c", text="hello", after=(CASE, "HoldOrder"), even_if_failed=True),
    UpdateCase(name="u", priority="high", attributes={"a": "b"}),
    AnnotateOrder(target=ORDER, add_tags=("a",), remove_tags=("b",), attributes={"n": "1"}),
    HoldOrder(target=ORDER, cause="fraud", note="n"),
    ReleaseOrder(target=ORDER, expects=(Expect(fact="case", subject=CASE_ID, field="outcome", value="approved"),)),
    CancelOrder(target=ORDER, cause="fraud", note="secret note", restock=False),
    AttachDocument(document=Document(name="a.txt", media_type="text/plain", content=b"hello")),
    CloseCase(note="hello"),
    RefundPayment(
        target=ORDER,
        amount=TWENTY,
        lines=(LineQuantity(line="1", quantity=1, restock="return"),),
        expects=(Expect(fact="order", subject=ORDER, field="refundable", value="20", test="at_least"),),
    ),
    IssueCredit(target=ORDER, amount=TWENTY, note="secret note"),
    CreateReplacement(target=ORDER, items=(Item(sku="A", quantity=1),)),
    DeleteDraft(target=ORDER, draft="7"),
    ExchangeReturn(target=ORDER, returned=RETURN, items=(Item(variant="5", quantity=2),), price=TWENTY),
    AdjustLoyalty(target=ORDER, points=-5),
    ApproveReturn(target=ORDER, returned=RETURN),
    DeclineReturn(target=ORDER, returned=RETURN, note="secret note"),
    NoteOrder(target=ORDER, text="hello"),
    SetOrderStatus(target=ORDER, status="shipping", value="SHIPPED"),
    AssessRisk(target=ORDER, level="high", facts=("f",)),
    SubmitEvidence(target=ORDER, dispute=Subject("shop", "dispute", "8"), text="hello"),
    AnnotateCustomer(target=ORDER, add_tags=("vip",)),
    CorrectProfile(target=ORDER, fields={"lastName": "Jane"}),
    NotifyCustomer(target=ORDER, template="verify", values={"name": "Jane"}, upload=True),
    SuppressProduct(target=Subject("shop", "product", "17")),
    RestoreProduct(target=Subject("shop", "product", "17")),
    ShowNotice(target=Subject("shop", "product", "17"), place="product", texts={"default": "Recalled"}),
    RemoveNotice(target=Subject("shop", "product", "17"), place="product"),
]

words = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=20)


@given(words, words, st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_subject_is_the_same_as_text(connection: Any, kind: Any, id: Any) -> None:  # noqa: A002 - as the field
    subject = Subject(connection, kind, id)
    assert Subject.parse(str(subject)) == subject


@pytest.mark.parametrize("text", ["", "shop", "shop/order", "shop/order/", "/order/1", "shop//1", "//"])
def test_what_is_no_subject_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="connection/kind/id"):
        Subject.parse(text)


def test_subject_is_text_in_json_and_ids_beyond_float_survive() -> None:
    event = OrderChanged(subject=Subject("shop", "order", "9007199254740993"), time=AT)
    assert orjson.loads(event.model_dump_json())["subject"] == "shop/order/9007199254740993"
    assert OrderChanged.model_validate_json(event.model_dump_json()).subject.id == "9007199254740993"


def test_every_event_and_command_has_a_sample() -> None:
    known = {*Event.__subclasses__(), *ItemEvent.__subclasses__()} - {ItemEvent}
    assert {type(e) for e in EVENT_SAMPLES} == set(EVENTS.values()) == known
    assert {type(c) for c in COMMAND_SAMPLES} == set(COMMANDS.values()) == set(Command.__subclasses__())
    assert all(name == event.model_fields["type"].default for name, event in EVENTS.items())


@pytest.mark.parametrize("sample", [*EVENT_SAMPLES, *COMMAND_SAMPLES], ids=lambda s: type(s).__name__)
def test_events_and_commands_survive_json(sample: Any) -> None:
    assert type(sample).model_validate_json(sample.model_dump_json()) == sample
    with_more = {**orjson.loads(sample.model_dump_json()), "from_a_newer_version": 1}
    assert type(sample).model_validate(with_more) == sample


def test_records_of_records_keep_the_subclass() -> None:
    decision = Decision(reason="r", commands=tuple(COMMAND_SAMPLES))
    dumped = orjson.loads(decision.model_dump_json())["commands"]
    assert [COMMANDS[c.kind].model_validate(d) for c, d in zip(COMMAND_SAMPLES, dumped, strict=True)] == COMMAND_SAMPLES
    parsed = orjson.loads(Parsed(events=tuple(EVENT_SAMPLES)).model_dump_json())["events"]
    assert [EVENTS[d["type"]].model_validate(d) for d in parsed] == EVENT_SAMPLES


def test_personal_and_free_text_is_not_in_reprs() -> None:
    shown = repr(COMMAND_SAMPLES)
    assert not [w for w in ("Jane", "hello", "secret note") if w in shown]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (HoldOrder(cause="fraud"), HoldOrder(cause="other"), True),
        (HoldOrder(), ReleaseOrder(), False),
        (AnnotateOrder(add_tags=("a",)), AnnotateOrder(add_tags=("a",)), True),
        (AnnotateOrder(add_tags=("a",)), AnnotateOrder(add_tags=("b",)), False),
        (AnnotateOrder(name="x"), AnnotateOrder(name="y"), False),
        (UpdateCase(priority="low"), UpdateCase(priority="high"), False),
        (UpdateCase(attributes={"a": "1", "b": "2"}), UpdateCase(attributes={"b": "2", "a": "1"}), True),
        (CancelOrder(cause="fraud"), CancelOrder(), True),
    ],
)
def test_slots(first: Any, second: Any, same: Any) -> None:
    assert (first.slot() == second.slot()) is same
    assert all(len(c.slot()) == 2 for c in (first, second))


def test_hold_and_release_share_their_field() -> None:
    assert HoldOrder().slot()[0] == ReleaseOrder().slot()[0]
    assert CommentCase(text="x").slot() is None is OpenCase(title="t", description="d").slot()


@pytest.mark.parametrize("command", [c for c in COMMAND_SAMPLES if c.money], ids=lambda c: c.kind)
def test_an_approval_binds_what_is_given_away_and_nothing_else(command: Any) -> None:
    assert command.approval()
    assert command.side == "order"
    told = command.model_copy(update={"name": "other", "expects": (), "receipt": {"a": "b"}})
    assert told.approval() == command.approval()
    bound = {
        "amount": Money(amount=Decimal("20.01"), currency="USD"),
        "points": 6,
        "items": (Item(sku="B", quantity=1),),
    }
    changes = {name: value for name, value in bound.items() if name in type(command).model_fields}
    changed = [command.model_copy(update={name: value}).approval() for name, value in changes.items()]
    assert changed
    assert command.approval() not in changed


def test_an_amount_is_the_same_with_any_zeros_and_is_not_the_same_in_another_currency() -> None:
    def approval(amount: str, currency: str) -> str:
        return RefundPayment(amount=Money(amount=Decimal(amount), currency=currency)).approval()

    assert approval("20", "USD") == approval("20.00", "USD") == approval("2E+1", "USD")
    assert approval("20", "USD") != approval("20", "EUR")


def test_only_what_moves_value_has_an_approval() -> None:
    assert [c.kind for c in COMMAND_SAMPLES if bool(c.approval()) is not c.money] == []
    assert RefundPayment(amount=TWENTY).worth() == TWENTY


def test_an_event_tells_the_record_that_it_brings() -> None:
    told = {type(e).__name__ for e in EVENT_SAMPLES if isinstance(e, ItemEvent) and e.told() is not None}
    assert told == {e.__name__ for e in ItemEvent.__subclasses__()}
    assert ReturnChanged(subject=ORDER, time=AT, item=RETURN).told() is None


def test_conflicts_are_mutual_and_known() -> None:
    for kind, command in COMMANDS.items():
        assert command.conflicts <= set(COMMANDS)
        assert all(kind in COMMANDS[other].conflicts for other in command.conflicts)


def test_digest_is_the_same_in_every_run_and_in_any_order_of_keys() -> None:
    assert digest_of("risk", {"b": 1, "a": (Decimal("1.0"), AT)}) == digest_of(
        "risk", {"a": [Decimal("1.0"), AT], "b": 1}
    )
    assert digest_of("high", "none") == "46ea40049f18d899"
    assert len({digest_of(), digest_of(None), digest_of(""), digest_of("a", "b"), digest_of("ab")}) == 5


amounts = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**12), max_value=10**12)


@pytest.mark.parametrize(("currency", "unit"), [("EUR", "0.01"), ("JPY", "1"), ("KWD", "0.001")])
def test_the_smallest_unit_of_a_currency(currency: str, unit: str) -> None:
    assert Money(amount=Decimal(5), currency=currency).unit == Decimal(unit)


@given(amounts, amounts)
def test_money_is_exact(first: Any, second: Any) -> None:
    one, two = Money(amount=first, currency="EUR"), Money(amount=second, currency="EUR")
    assert (one + two) - two == one
    assert (one < two, one <= two) == (first < second, first <= second)
    back = Money.model_validate_json(one.model_dump_json())
    assert (back, str(back.amount)) == (one, str(one.amount))
    shown, currency = str(one).split()
    assert (Decimal(shown), currency) == (first, "EUR")


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("20.0", "USD", "20.00 USD"),
        ("20", "JPY", "20 JPY"),
        ("5", "KWD", "5.000 KWD"),
        ("0.125", "USD", "0.125 USD"),
        ("1E+3", "EUR", "1000.00 EUR"),
    ],
)
def test_money_is_shown_with_the_digits_of_its_currency(amount: str, currency: str, shown: str) -> None:
    assert str(Money(amount=Decimal(amount), currency=currency)) == shown


def test_money_of_equal_value_is_equal() -> None:
    assert Money(amount=Decimal("1.0"), currency="EUR") == Money(amount=Decimal("1.00"), currency="EUR")
    assert len({Money(amount=Decimal("1.0"), currency="EUR"), Money(amount=Decimal("1.00"), currency="EUR")}) == 1
    assert Money(amount=Decimal(1), currency="EUR") != Money(amount=Decimal(1), currency="USD")


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(1.1, "EUR"), ("NaN", "EUR"), ("Infinity", "EUR"), ("1,5", "EUR"), ("1", "eur"), ("1", "EURO")],
)
def test_what_is_no_money_is_refused(amount: Any, currency: Any) -> None:
    with pytest.raises(ValidationError):
        Money(amount=amount, currency=currency)


def test_money_in_json_must_not_be_a_float() -> None:
    with pytest.raises(ValidationError, match="float"):
        Money.model_validate_json('{"amount": 19.99, "currency": "EUR"}')
    assert Money.model_validate_json('{"amount": "19.99", "currency": "EUR"}').amount == Decimal("19.99")


def test_currencies_do_not_mix() -> None:
    euro, dollar = (Money(amount=Decimal(1), currency=c) for c in ("EUR", "USD"))
    for combine in (euro.__add__, euro.__sub__, euro.__lt__, euro.__le__, euro.__gt__, euro.__ge__):
        with pytest.raises(ValueError, match="stated rate"):
            combine(dollar)


def test_times_are_aware_and_kept_in_utc() -> None:
    event = OrderChanged(subject=ORDER, time=datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))))
    assert event.time == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert event.time.utcoffset() == timedelta(0)
    with pytest.raises(ValidationError):
        OrderChanged(subject=ORDER, time=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_records_are_frozen_and_tell_what_is_personal() -> None:
    address = models.Address(name="Jane", city="Bonn", country="DE")
    with pytest.raises(ValidationError):
        setattr(address, "name", "Bob")  # noqa: B010 - a type checker would not let it pass
    assert {"name", "city", "postal_code", "phone"} <= personal_fields(models.Address)
    assert "country" not in personal_fields(models.Address)
    assert repr(address) == "Address(province=None, country='DE', validation=None)"


def test_every_field_named_like_personal_data_is_marked() -> None:
    for name in models.__all__:
        model = getattr(models, name)
        if isinstance(model, type) and issubclass(model, BaseModel):
            likely = {f for f in model.model_fields if f in {"email", "phone", "line1", "line2", "client_ip", "note"}}
            unmarked = likely - personal_fields(model)
            assert not unmarked or name == "Refund", f"{name}: {unmarked}"


@pytest.mark.parametrize("name", ["", "../x", "a b", ".hidden", "a/b", "x" * 121])
def test_document_names_are_file_names(name: Any) -> None:
    with pytest.raises(ValidationError):
        Document(name=name, media_type="text/plain", content=b"")


def test_document_digest_is_of_its_bytes() -> None:
    document = Document(name="a.txt", media_type="text/plain", content=b"abc")
    assert document.digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert "abc" not in repr(document)


def test_facts_know_what_was_not_asked_for_yet() -> None:
    need, other = Need(fact="customer", subject=ORDER), Need(fact="case", subject=CASE_ID)
    facts = Facts({("customer", ORDER): models.Customer(id="1"), ("case", ORDER): Missing(why="gone")})
    assert facts.get("customer", ORDER, models.Customer) == models.Customer(id="1")
    assert facts.get("case", ORDER, models.Case) == Missing(why="gone")
    assert facts.get("case", CASE_ID, models.Case) is None
    assert facts.lacking([need, other]) == (other,)
    with pytest.raises(TypeError, match="Customer, not a Case"):
        facts.get("customer", ORDER, models.Case)


def test_matter_opens_again_only_on_new_grounds() -> None:
    finding = Finding(exception="risk", ground="g1", summary="s", arose_at=AT)
    fresh = Matter(ORDER, "t")
    opened = Matter(ORDER, "t", state="open", findings=(finding,), seen_grounds=frozenset({"g1"}))
    closed = Matter(ORDER, "t", state="closed", seen_grounds=frozenset({"g1"}))
    assert [m.may_open(finding) for m in (fresh, opened, closed)] == [True, False, False]
    assert closed.may_open(finding.model_copy(update={"ground": "g2"}))
    assert (opened.has("risk", "g1"), opened.has("risk", "g2"), opened.is_open()) == (True, False, True)


@pytest.mark.parametrize("empty", [lambda: Decision(reason=""), lambda: Ignored(reason=""), lambda: Parsed(events=())])
def test_nothing_is_left_unsaid(empty: Any) -> None:
    with pytest.raises(ValidationError):
        empty()


@pytest.mark.parametrize("given", ["plain-text", {}, {"env": "A", "file": "b"}, {"env": ""}, {"value": "x"}])
def test_secrets_are_references(given: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Secret.model_validate(given)
    if given == "plain-text":
        assert "{env: NAME}" in str(caught.value)


def test_secret_shows_where_it_is_kept() -> None:
    assert [str(Secret(env="A")), str(Secret(file="/run/b"))] == ["{env: A}", "{file: /run/b}"]


def test_records_ignore_what_a_newer_version_wrote() -> None:
    class Thing(Record):
        id: str

    assert Thing.model_validate({"id": "1", "new": 2}) == Thing(id="1")


class Shopper(Record):
    """A record that holds personal data."""

    born: int


class Access(Settings):
    """Settings in which somebody wrote a secret in the wrong place."""

    retries: int


@pytest.mark.parametrize(("model", "field"), [(Shopper, "born"), (Access, "retries")])
def test_what_could_not_be_read_is_not_in_the_error(model: type[BaseModel], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate({field: "Kim Mustermann"})
    assert "Mustermann" not in str(caught.value) + repr(caught.value)
    assert field in str(caught.value)
