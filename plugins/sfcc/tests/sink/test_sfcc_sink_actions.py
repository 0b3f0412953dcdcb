"""What moves value: actions for the cartridge's job, and gift certificates; then profiles and returns."""

from collections.abc import Callable
from typing import Any

import pytest

from caseconnect.models import Money
from caseconnect.sdk.commands import (
    AdjustLoyalty,
    AnnotateCustomer,
    ApproveReturn,
    CorrectProfile,
    CreateReplacement,
    DeclineReturn,
    ExchangeReturn,
    IssueCredit,
    Item,
    LineQuantity,
    NotifyCustomer,
    RefundPayment,
)
from caseconnect.sdk.errors import PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.subjects import Subject
from caseconnect_sfcc.simulator.scenarios import create_customer, hand_in

JANE = Subject("shop", "customer", "RefArch/00042")
ITEMS = (Item(sku="mug", quantity=1),)


def dollars(amount: str) -> Money:
    return Money(amount=amount, currency="USD")


def paid(play: Any, **spec: Any) -> Any:
    return play.order(**{"payment": "paid", **spec})


def test_a_refund_is_accepted_until_the_cartridge_has_answered(stage: Callable[..., Any]) -> None:
    play = stage()
    order = paid(play)
    line = LineQuantity(line="1", quantity=1, restock="return")
    refund = RefundPayment(
        target=play.about(order), amount=dollars("10.50"), lines=(line,), shipping=dollars("5"), note="Late"
    )
    assert play.see(refund).seen is False
    accepted = play.do(refund)
    assert (accepted.state, accepted.data["site"]) == ("accepted", "RefArch")
    assert play.see(refund).seen is False
    play.clock.forward(5)
    seen = play.see(refund)
    assert seen.seen is True
    assert "reference M-" in seen.note
    assert play.merchant("refund") == [
        {
            "amount": "10.50",
            "currency": "USD",
            "lines": [{"line": "1", "quantity": 1, "restock": "return"}],
            "shipping": "5.00",
            "to": "original",
            "note": "Late",
            "notify": False,
        }
    ]
    assert play.do(refund).state == "done"
    assert play.changes() == ["object.create"]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_refund_whose_answer_was_lost_is_one_refund(stage: Callable[..., Any], kind: str) -> None:
    play = stage()
    refund = RefundPayment(target=play.about(paid(play)), amount=dollars("10"))
    play.fault("data.put_site_custom_object", kind)
    with pytest.raises(UnknownOutcome):
        play.do(refund)
    play.clock.forward(300)
    assert play.see(refund).seen is (kind == "drop_after")
    assert play.do(refund).state == ("done" if kind == "drop_after" else "accepted")
    play.clock.forward(300)
    assert play.see(refund).seen is True
    assert len(play.merchant("refund")) == 1


def test_a_request_that_lands_after_its_repeat_was_carried_out_refunds_nothing(stage: Callable[..., Any]) -> None:
    play = stage()
    refund = RefundPayment(target=play.about(paid(play)), amount=dollars("10"))
    play.do(refund)
    play.clock.forward(5)
    (late,) = [sent for sent in play.desk.wire.sent if sent.headers.get("x-dw-http-method-override") == "PUT"]
    assert play.see(refund).seen is True
    (key,) = [key for kind, _, key in play.instance.objects if kind == "CaseConnectAction"]
    values = {**play.instance.objects["CaseConnectAction", "RefArch", key].values, "status": "requested"}
    assert str(key) in late.path
    play.instance.put_object("CaseConnectAction", key, "RefArch", values, "ocapi-client")
    play.clock.forward(5)
    assert play.see(refund).seen is True
    assert len(play.merchant("refund")) == 1


@pytest.mark.parametrize(
    ("outcome", "seen", "failed"), [("error", False, True), ("unknown", None, False), ("never", False, False)]
)
def test_what_the_cartridge_answers(stage: Callable[..., Any], outcome: str, seen: Any, failed: bool) -> None:
    play = stage({"instances": [{"tenant": "zzxy_prd", "cartridge": {"outcome": outcome}}]})
    refund = RefundPayment(target=play.about(paid(play)), amount=dollars("10"))
    play.do(refund)
    play.clock.forward(3600)
    found = play.see(refund)
    assert (found.seen, found.failed) == (seen, failed)
    again = play.do(refund)
    assert again.state == ("refused" if outcome == "error" else "accepted")
    if outcome == "error":
        assert again.note == "The payment provider refused."


@pytest.mark.parametrize(
    ("spec", "amount", "reason"),
    [
        ({}, dollars("100000"), "is left of the order: 100000.00 USD is more"),
        ({"custom": {"refundAmount": 1e6}}, dollars("1"), "only 0.00 USD is left"),
        ({}, Money(amount="10", currency="EUR"), "the order was paid in USD, not in EUR"),
        ({}, dollars("0"), "0.00 USD is nothing to refund"),
        ({"payment": "not_paid"}, dollars("1"), "no money of the order was taken: its payment status is not_paid"),
        ({"payment": "part_paid"}, dollars("1"), "nobody says how much of the order was paid"),
        ({"status": "created"}, dollars("1"), "the order is created: it was never placed"),
        ({"status": "failed"}, dollars("1"), "the order is failed: it was never placed"),
    ],
)
def test_an_amount_is_refused_never_lowered(stage: Callable[..., Any], spec: Any, amount: Money, reason: str) -> None:
    play = stage()
    refused = play.do(RefundPayment(target=play.about(paid(play, **spec)), amount=amount))
    assert refused.state == "refused"
    assert reason in refused.note
    assert play.changes() == []


@pytest.mark.parametrize(
    ("amount", "shipping", "reason"),
    [
        (dollars("1.005"), None, "1.005 USD is finer than the smallest unit of USD"),
        (dollars("10"), dollars("1.005"), "1.005 USD is finer than the smallest unit of USD"),
        (dollars("10"), Money(amount="5", currency="EUR"), "the part for shipping, 5.00 EUR, is no part of 10.00 USD"),
        (dollars("10"), dollars("10.01"), "the part for shipping, 10.01 USD, is no part of 10.00 USD"),
        (dollars("10"), dollars("-1"), "the part for shipping, -1.00 USD, is no part of 10.00 USD"),
    ],
)
def test_an_amount_that_no_refund_can_have_is_refused(
    stage: Callable[..., Any], amount: Money, shipping: Money | None, reason: str
) -> None:
    play = stage()
    refused = play.do(RefundPayment(target=play.about(paid(play)), amount=amount, shipping=shipping))
    assert (refused.state, refused.note) == ("refused", reason)
    assert play.changes() == []


def test_yen_have_no_hundredths(stage: Callable[..., Any]) -> None:
    play = stage()
    order = paid(play, currency="JPY")
    refund = RefundPayment(target=play.about(order), amount=Money(amount="10.5", currency="JPY"))
    assert play.do(refund).note == "10.5 JPY is finer than the smallest unit of JPY"
    assert play.do(refund.model_copy(update={"amount": Money(amount="10", currency="JPY")})).state == "accepted"


@pytest.mark.parametrize("outcome", ["done", "unknown", "never", "error"])
@pytest.mark.parametrize("later", [0, 10])
@pytest.mark.parametrize("remembers", [True, False])
def test_two_refunds_of_an_order_give_no_more_than_it_cost(
    stage: Callable[..., Any], outcome: str, later: float, remembers: bool
) -> None:
    play = stage({"instances": [{"tenant": "zzxy_prd", "cartridge": {"outcome": outcome}}]})
    order = paid(play)
    cents = dollars("0.01")
    most = RefundPayment(target=play.about(order), amount=dollars(str(order.total)))
    first = most.model_copy(update={"amount": most.amount - cents - cents})
    assert play.do(first, "first").state == "accepted"
    play.clock.forward(later)
    if not remembers:
        play.sink = type(play.sink)(play.desk.settings, play.desk.resources)
    second = play.do(most, "second")
    failed = outcome == "error" and later
    assert second.state == ("accepted" if failed else "refused")
    if not failed:
        assert "is left of the order" in second.note
    rest = play.do(most.model_copy(update={"amount": cents}), "third")
    assert rest.state == ("refused" if failed or (outcome, later) == ("unknown", 10) else "accepted")
    play.clock.forward(3600)
    assert sum(float(each["amount"]) for each in play.merchant("refund")) <= float(order.total)


BY_JOB = {"instances": [{"tenant": "zzxy_prd", "cartridge": {"by_job_only": True, "job_seconds": 3}}]}


@pytest.mark.parametrize("start", [False, True])
def test_the_job_is_started_where_the_settings_say_so(stage: Callable[..., Any], start: bool) -> None:
    play = stage(BY_JOB, writing={"start_job": start})
    refund = RefundPayment(target=play.about(paid(play)), amount=dollars("10"))
    assert play.do(refund).note == "the cartridge's job has not answered yet"
    assert play.changes() == ["object.create", *(["job.start"] if start else [])]
    play.clock.forward(3)
    assert play.see(refund).seen is start
    assert play.do(refund).state == ("done" if start else "accepted")
    assert play.changes().count("job.start") == start


@pytest.mark.parametrize(("waited", "state"), [(3500, "done"), (3700, "refused")])
def test_an_action_that_waited_while_the_job_was_off_is_not_done_beside_what_a_person_did(
    stage: Callable[..., Any], waited: int, state: str
) -> None:
    play = stage()
    play.instance.cartridge.configure(enabled=False)
    refund = RefundPayment(target=play.about(paid(play)), amount=dollars("10"))
    assert play.do(refund).state == "accepted"
    play.clock.forward(waited)
    assert play.see(refund).seen is False
    play.instance.cartridge.configure(enabled=True)
    play.clock.forward(5)
    assert (play.see(refund).seen, play.see(refund).failed) == (state == "done", state == "refused")
    assert play.do(refund).state == state
    assert len(play.merchant("refund")) == (state == "done")


def test_an_action_that_comes_while_the_job_runs_waits_for_it(stage: Callable[..., Any]) -> None:
    play = stage(BY_JOB, writing={"start_job": True})
    first, second = (RefundPayment(target=play.about(paid(play)), amount=dollars("10")) for _ in range(2))
    play.do(first, "first")
    accepted = play.do(second, "second")
    assert accepted.state == "accepted"
    assert "it was not started, and comes by its schedule" in accepted.note
    assert "JobAlreadyRunning" in accepted.note
    assert play.changes().count("job.start") == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"kind": "drop_before"}, "without an answer"),
        ({"kind": "drop_after"}, "without an answer"),
        ({"kind": "status", "status": 403}, "HTTP 403"),
        ({"kind": "status", "status": 500}, "HTTP 500"),
    ],
)
def test_a_job_that_cannot_be_started_undoes_no_action(stage: Callable[..., Any], fault: Any, told: str) -> None:
    play = stage(writing={"start_job": True})
    refund = RefundPayment(target=play.about(paid(play)), amount=dollars("10"))
    play.fault("data.start_job", **fault)
    accepted = play.do(refund)
    assert accepted.state == "accepted"
    assert "it was not started" in accepted.note
    play.clock.forward(5)
    assert play.see(refund).seen is True
    assert len(play.merchant("refund")) == 1


def test_another_refund_that_the_search_does_not_show_yet_is_counted(stage: Callable[..., Any]) -> None:
    play = stage()
    order = paid(play)
    whole = RefundPayment(target=play.about(order), amount=dollars(str(order.total)))
    empty = '{"_v":"25.6","_type":"custom_object_search_result","count":0,"hits":[],"start":0,"total":0}'
    for _ in range(2):
        play.fault("data.search_custom_objects", "status", status=200, body=empty)
    assert play.do(whole, "first").state == "accepted"
    refused = play.do(whole, "second")
    assert "are not settled" in refused.note


def test_a_refund_by_hand_before_ours_leaves_less(stage: Callable[..., Any]) -> None:
    play = stage()
    order = paid(play)
    refund = RefundPayment(target=play.about(order), amount=dollars(str(order.total)))
    order.custom["refundAmount"] = 1.0
    assert play.do(refund).state == "refused"


def test_each_action_reaches_its_hook(stage: Callable[..., Any]) -> None:
    play = stage()
    order = play.order()
    target, returned = play.about(order), Subject("shop", "return", "RefArch/R-1")
    create_customer(play.instance, {"number": "00042", "email": "jane@shopper.example"})
    for command in (
        CreateReplacement(target=target, items=ITEMS, note="Broken"),
        ExchangeReturn(target=target, returned=returned, items=ITEMS),
        AdjustLoyalty(target=JANE, points=-50, program="gold"),
        NotifyCustomer(target=target, template="message", locale="de-CH", values={"text": "Hello"}),
    ):
        assert play.do(command, command.kind).state == "accepted"
    play.clock.forward(5)
    item = {"variant": "", "sku": "mug", "quantity": 1}
    assert play.see(NotifyCustomer(target=target, template="message"), "NotifyCustomer").seen is True
    assert play.merchant("replacement") == [{"items": [item], "note": "Broken"}]
    assert play.merchant("exchange") == [{"returned": "RefArch/R-1", "items": [item]}]
    assert play.merchant("loyalty") == [{"points": -50, "program": "gold", "note": "", "customer": "00042"}]
    assert play.merchant("notice") == [
        {"template": "message", "email": "", "locale": "de-CH", "values": {"text": "Hello"}}
    ]


def test_actions_that_cannot_be_are_refused(stage: Callable[..., Any]) -> None:
    play = stage()
    order = play.order()
    del order.customer["email"]
    target = play.about(order)
    notice = NotifyCustomer(target=target, template="message", email="jane@shopper.example")
    assert "no link for files" in play.do(notice.model_copy(update={"upload": True})).note
    assert "no e-mail address" in play.do(notice.model_copy(update={"email": ""})).note
    with pytest.raises(PermanentError, match="longer than 4000 characters"):
        play.do(notice.model_copy(update={"values": {"text": "x" * 4000}}))
    with pytest.raises(PermanentError, match="no site of the connection has the customer list Elsewhere"):
        play.do(AdjustLoyalty(target=Subject("shop", "customer", "Elsewhere/1"), points=1))
    assert "is about an order" in play.do(RefundPayment(target=JANE, amount=dollars("1"))).note
    assert play.changes() == []


def test_without_the_cartridges_metadata_the_way_is_told(stage: Callable[..., Any]) -> None:
    play = stage(actions={"type": "MissingType"})
    with pytest.raises(PermanentError, match="import the metadata of cartridges/int_caseconnect"):
        play.do(RefundPayment(target=play.about(paid(play)), amount=dollars("1")))
    without = stage(actions={"type": ""})
    with pytest.raises(PermanentError, match="no custom object type for actions: RefundPayment needs one"):
        without.do(RefundPayment(target=without.about(without.order()), amount=dollars("1")))


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_gift_certificate_is_made_once(stage: Callable[..., Any], kind: str) -> None:
    play = stage()
    order = play.order()
    credit = IssueCredit(target=play.about(order), amount=dollars("10.10"), note="Sorry")
    play.fault("createGiftCertificate", kind)
    with pytest.raises(UnknownOutcome):
        play.do(credit)
    assert play.see(credit).seen is (kind == "drop_after")
    done = play.do(credit)
    assert done.state == "done"
    ((_, merchant),) = play.instance.certificates
    assert done.data == {"gift_certificate": merchant}
    made = play.instance.certificates["RefArch", merchant]
    assert (str(made.amount), made.currency, made.status) == ("10.1", "USD", "issued")
    assert made.details["recipientEmail"] == "jane@shopper.example"
    assert made.details["orderNo"] == order.number
    assert play.changes() == ["certificate.create"]


def test_a_gift_certificate_that_another_attempt_made_meanwhile_is_taken_as_done(stage: Callable[..., Any]) -> None:
    play = stage()
    credit = IssueCredit(target=play.about(play.order()), amount=dollars("10"))
    play.do(credit)
    play.fault("getGiftCertificate", "status", status=404, body='{"type":"x/not-found","title":"","detail":""}')
    assert play.do(credit).state == "done"
    play.fault("getGiftCertificate", "status", status=404, body="{}")
    with pytest.raises(TransientError, match="nothing is taken as absent"):
        play.do(credit)
    with pytest.raises(UnknownOutcome, match=r"no gift certificate over 20\.00 USD"):
        play.do(credit.model_copy(update={"amount": dollars("20")}))
    assert play.changes() == ["certificate.create"]


def test_credit_goes_to_the_customer_that_is_named(stage: Callable[..., Any]) -> None:
    play = stage()
    create_customer(play.instance, {"number": "00042", "firstName": "J", "lastName": "S", "email": "j@s.example"})
    play.do(IssueCredit(target=play.about(play.order()), amount=dollars("5"), customer=JANE))
    (made,) = play.instance.certificates.values()
    assert (made.details["recipientEmail"], made.details["recipientName"]) == ("j@s.example", "J S")


def test_credit_that_cannot_be_is_refused(stage: Callable[..., Any]) -> None:
    play = stage()
    order = play.order()
    del order.customer["email"]
    credit = IssueCredit(target=play.about(order), amount=dollars("5"))
    assert "no e-mail address" in play.do(credit).note
    assert "no end date" in play.do(credit.model_copy(update={"expires_at": play.clock()})).note
    assert "no amount" in play.do(credit.model_copy(update={"amount": dollars("0")})).note
    assert play.changes() == []


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        (Money(amount="5", currency="EUR"), "the order was paid in USD, not in EUR"),
        (dollars("1.005"), "1.005 USD is finer than the smallest unit of USD"),
        (Money(amount="5.5", currency="JPY"), "5.5 JPY is finer than the smallest unit of JPY"),
    ],
)
def test_credit_is_in_the_orders_currency_and_whole_units(
    stage: Callable[..., Any], amount: Money, reason: str
) -> None:
    play = stage()
    refused = play.do(IssueCredit(target=play.about(play.order()), amount=amount))
    assert (refused.state, refused.note) == ("refused", reason)
    assert play.changes() == []


def test_a_profile_is_corrected_in_allowed_fields_only(stage: Callable[..., Any]) -> None:
    play = stage()
    made = create_customer(play.instance, {"number": "00042", "firstName": "Jan", "lastName": "S", "phoneHome": "1"})
    correct = CorrectProfile(target=JANE, fields={"firstName": "Jane", "phoneHome": ""})
    assert play.see(correct).seen is False
    assert play.do(correct).state == "done"
    assert (made.profile["firstName"], made.profile.get("phoneHome")) == ("Jane", None)
    assert play.see(correct).seen is True
    assert play.do(correct).note == "it was so already"
    for fields, reason in (
        ({"email": "evil@x.example"}, "email may not be corrected"),
        ({"lastName": ""}, "lastName cannot be empty"),
        ({"phoneHome": "1" * 33}, "too long: phoneHome"),
    ):
        refused = play.do(CorrectProfile(target=JANE, fields=fields))
        assert (refused.state, reason in refused.note) == ("refused", True)
        assert "evil" not in refused.note


def test_a_profile_bears_attributes_and_tags(stage: Callable[..., Any]) -> None:
    play = stage()
    made = create_customer(play.instance, {"number": "00042", "email": "jane@shopper.example"})
    order = play.order(customer={"customerNo": "00042", "email": "jane@shopper.example"})
    annotate = AnnotateCustomer(target=play.about(order), attributes={"case_number": "CASE-1"}, add_tags=("watched",))
    assert play.do(annotate).state == "done"
    assert (made.custom["caseconnectCase"], made.custom["caseconnectTags"]) == ("CASE-1", ["watched"])
    assert play.see(annotate).seen is True
    guest = play.order(customer={"email": "guest@shopper.example"})
    refused = play.do(annotate.model_copy(update={"target": play.about(guest)}))
    assert "as a guest" in refused.note


def test_a_return_is_answered_once(stage: Callable[..., Any]) -> None:
    play = stage()
    order = play.order()
    key = hand_in(play.instance, "return", {"orderNo": order.number})["key"]
    returned = Subject("shop", "return", f"RefArch/{key}")
    approve = ApproveReturn(target=play.about(order), returned=returned)
    decline = DeclineReturn(target=play.about(order), returned=returned, cause="final_sale")
    assert play.see(approve).seen is False
    assert "the platform tells the shopper nothing" in play.do(approve).note
    values = play.instance.objects["CaseConnectReturn", "RefArch", key].values
    assert values["status"] == "approved"
    assert play.see(approve).seen is True
    assert play.do(approve).note == "it was so already"
    assert play.do(decline).note == "the return is approved already"
    values["status"] = "new"
    assert play.do(decline).state == "done"
    declined = play.instance.objects["CaseConnectReturn", "RefArch", key].values
    assert (declined["status"], declined["declineReason"]) == ("declined", "final sale")
    assert play.do(approve).note == "the return is declined already"


def test_check_tells_what_is_missing_and_changes_nothing(stage: Callable[..., Any]) -> None:
    play = stage()
    found = play.check()
    assert [step for step, each in found.items() if not each.ok] == []
    assert found["checkout notice of RefArch"].note == "made at the first notice"
    assert play.changes() == []
    bare = stage(
        {"instances": [{"tenant": "zzxy_prd", "cartridge": {"enabled": False}}]}, writing={"recall": "unheard"}
    )
    failed = {step: each.note for step, each in bare.check().items() if not each.ok}
    assert set(failed) == {"attributes of Product", "job CaseConnectActions"}
    assert "unheard" in failed["attributes of Product"]
    assert "JobNotFound" in failed["job CaseConnectActions"]
