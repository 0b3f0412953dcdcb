"""Holds, statuses, cancelling, notes and attributes of orders, and what becomes of them when an answer is lost."""

from collections.abc import Callable
from typing import Any

import pytest

from caseconnect.sdk.commands import (
    AnnotateOrder,
    AssessRisk,
    CancelOrder,
    HoldOrder,
    NoteOrder,
    ReleaseOrder,
    SetOrderStatus,
)
from caseconnect.sdk.errors import AuthError, PermanentError, PluginError, TransientError, UnknownOutcome
from caseconnect.sdk.subjects import Subject
from caseconnect_sfcc.faults import OwnedElsewhere

HELD = ("not_confirmed", "not_exported")


def test_a_hold_takes_off_export_and_confirmation_and_the_order_tells_what_was(stage: Callable[..., Any]) -> None:
    play = stage()
    order = play.order()
    hold = HoldOrder(target=play.about(order), cause="fraud")
    assert play.before(hold) == {"confirmation": "confirmed", "export": "ready"}
    assert play.see(hold).seen is False
    assert play.do(hold).data == {"before": {"confirmation": "confirmed", "export": "ready"}}
    assert (order.confirmation, order.export) == HELD
    assert order.custom["caseconnectHold"] == "confirmed/ready"
    assert play.see(hold).seen is True
    # Looked at again, it is what was there before the hold that is told, not the hold.
    assert play.before(hold) == {"confirmation": "confirmed", "export": "ready"}
    assert play.do(hold, "another").note == "it was held already"
    assert play.changes() == ["order.custom", "order.confirmation", "order.export"]


@pytest.mark.parametrize("told", [True, False], ids=["by the host", "by the order"])
def test_release_restores_what_was_there(stage: Callable[..., Any], told: bool) -> None:
    play = stage()
    order = play.order(confirmation="confirmed", export="failed")
    hold = HoldOrder(target=play.about(order))
    before = play.do(hold).data["before"]
    release = ReleaseOrder(target=play.about(order), receipt={"before": before} if told else {})
    assert play.see(release).seen is False
    assert play.do(release).state == "done"
    assert (order.confirmation, order.export) == ("confirmed", "failed")
    assert "caseconnectHold" not in order.custom
    assert play.see(release).seen is True
    assert play.do(release).note == "there was no hold of ours"


def test_what_was_held_back_before_us_stays_so(stage: Callable[..., Any]) -> None:
    play = stage()
    order = play.order(situation="fraud_review", export="not_exported")
    play.do(HoldOrder(target=play.about(order)))
    play.do(ReleaseOrder(target=play.about(order)))
    assert (order.confirmation, order.export) == HELD
    assert play.changes() == ["order.custom", "order.custom"]


def test_release_leaves_what_a_person_changed_meanwhile(stage: Callable[..., Any]) -> None:
    play = stage()
    order = play.order()
    play.do(HoldOrder(target=play.about(order)))
    order.export, order.confirmation = "exported", "confirmed"
    play.do(ReleaseOrder(target=play.about(order)))
    assert (order.confirmation, order.export) == ("confirmed", "exported")


def test_release_of_a_cancelled_order_only_forgets(stage: Callable[..., Any]) -> None:
    play = stage()
    order = play.order()
    play.do(HoldOrder(target=play.about(order)))
    order.status = "cancelled"
    play.do(ReleaseOrder(target=play.about(order)))
    assert (order.confirmation, order.export) == HELD
    assert "caseconnectHold" not in order.custom


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"export": "exported"}, "too late: already exported"),
        ({"shipping": "shipped"}, "too late: already shipped"),
        ({"status": "cancelled"}, "already cancelled"),
        ({"status": "failed"}, "the order has failed"),
        ({"status": "created"}, "not placed yet"),
    ],
)
def test_what_cannot_be_held_is_refused_untouched(stage: Callable[..., Any], spec: Any, reason: str) -> None:
    play = stage()
    refused = play.do(HoldOrder(target=play.about(play.order(**spec))))
    assert refused.state == "refused"
    assert reason in refused.note
    assert play.changes() == []


def exporting_before(play: Any, order: Any, request: int) -> list[str]:
    """The export job runs before our request of this number; it takes what is confirmed and ready. What it took."""
    ask, asked, taken = play.sink._desk.client._call, [], []

    async def and_export(*given: Any) -> Any:
        asked.append(given)
        if len(asked) == request and (order.confirmation, order.export) == ("confirmed", "ready"):
            order.export = "exported"
            taken.append(order.number)
        return await ask(*given)

    play.sink._desk.client._call = and_export
    return taken


@pytest.mark.parametrize("request_number", [1, 2, 3, 4, 5, 6])
def test_an_export_at_any_moment_of_a_hold_is_never_hidden(stage: Callable[..., Any], request_number: int) -> None:
    play = stage()
    order = play.order()
    taken = exporting_before(play, order, request_number)
    held = play.do(HoldOrder(target=play.about(order)))
    if not taken:
        assert (held.state, order.confirmation, order.export) == ("done", *HELD)
        return
    assert (held.state, held.note.partition(";")[0]) == ("refused", "too late: already exported")
    assert (order.confirmation, order.export) == ("confirmed", "exported")
    assert "caseconnectHold" not in order.custom


@pytest.mark.parametrize("operation", ["updateOrder", "updateOrderConfirmationStatus"])
def test_a_hold_that_was_begun_and_came_too_late_leaves_nothing(stage: Callable[..., Any], operation: str) -> None:
    play = stage()
    order = play.order()
    play.fault(operation, "drop_after")
    with pytest.raises(UnknownOutcome):
        play.do(HoldOrder(target=play.about(order)))
    order.export = "exported"
    assert play.do(HoldOrder(target=play.about(order))).state == "refused"
    assert (order.confirmation, order.export) == ("confirmed", "exported")
    assert "caseconnectHold" not in order.custom


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
@pytest.mark.parametrize("operation", ["updateOrder", "updateOrderExportStatus", "updateOrderConfirmationStatus"])
def test_a_hold_whose_answer_was_lost_is_found_or_finished(
    stage: Callable[..., Any], kind: str, operation: str
) -> None:
    play = stage()
    order = play.order()
    hold = HoldOrder(target=play.about(order))
    play.fault(operation, kind)
    with pytest.raises(UnknownOutcome):
        play.do(hold)
    assert play.see(hold).seen is (kind == "drop_after" and operation.endswith("ExportStatus"))
    assert play.do(hold).data["before"] == {"confirmation": "confirmed", "export": "ready"}
    assert (order.confirmation, order.export, order.custom["caseconnectHold"]) == (*HELD, "confirmed/ready")
    assert play.changes() == ["order.custom", "order.confirmation", "order.export"]


def test_after_a_first_write_no_error_says_surely_no_effect(stage: Callable[..., Any]) -> None:
    for kind, more in (("throttle", {}), ("shed", {}), ("status", {"status": 409}), ("status", {"status": 401})):
        play = stage()
        play.fault("updateOrderExportStatus", kind, count=0, **more)
        with pytest.raises(UnknownOutcome, match="a part was done"):
            play.do(HoldOrder(target=play.about(play.order())))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "throttle", "retry_after": "7"}, TransientError),
        ({"kind": "shed"}, TransientError),
        ({"kind": "status", "status": 500}, UnknownOutcome),
        ({"kind": "status", "status": 504}, UnknownOutcome),
        ({"kind": "html", "status": 200}, UnknownOutcome),
        ({"kind": "redirect"}, PermanentError),
        ({"kind": "status", "status": 403}, PermanentError),
        ({"kind": "status", "status": 401, "count": 0}, AuthError),
    ],
    ids=lambda each: "-".join(map(str, each.values())) if isinstance(each, dict) else "",
)
def test_bad_answers_to_a_write(stage: Callable[..., Any], fault: Any, error: type[Exception]) -> None:
    play = stage()
    play.fault("updateOrderExternalStatus", **fault)
    with pytest.raises(error) as caught:
        play.do(SetOrderStatus(target=play.about(play.order()), status="external", value="resolved"))
    assert play.changes() == []
    if fault.get("retry_after"):
        assert caught.value.retry_after == 7  # type: ignore[attr-defined] # the class says so


def test_a_concurrent_change_is_tried_again(stage: Callable[..., Any]) -> None:
    play = stage()
    order = play.order()
    order.locked = 1
    with pytest.raises(TransientError, match="ConcurrentModification"):
        play.do(SetOrderStatus(target=play.about(order), status="external", value="resolved"))
    assert play.do(SetOrderStatus(target=play.about(order), status="external", value="resolved")).state == "done"


@pytest.mark.parametrize("mode", ["integrated", "previously"])
def test_an_order_management_system_owns_the_order(stage: Callable[..., Any], mode: str) -> None:
    play = stage({"instances": [{"tenant": "zzxy_prd", "order_management": mode}]})
    with pytest.raises(OwnedElsewhere, match="an order management system owns this order"):
        play.do(CancelOrder(target=play.about(play.order())))


def test_cancelling_is_seen_and_not_repeated(stage: Callable[..., Any]) -> None:
    play = stage()
    order = play.order()
    cancel = CancelOrder(target=play.about(order), cause="fraud", notify_customer=True)
    play.fault("updateOrderStatus")
    with pytest.raises(UnknownOutcome):
        play.do(cancel)
    assert order.status == "cancelled"
    assert play.see(cancel).seen is True
    assert play.do(cancel).note == "it was cancelled already"
    assert play.changes() == ["order.status"]


def test_an_order_that_was_never_placed_is_failed(stage: Callable[..., Any]) -> None:
    play = stage()
    order = play.order(situation="payment_stuck")
    cancel = CancelOrder(target=play.about(order))
    done = play.do(cancel)
    assert (done.state, order.status) == ("done", "failed")
    assert done.note.startswith("no money was moved")
    assert play.see(cancel).seen is True


@pytest.mark.parametrize(
    ("spec", "more", "reason"),
    [
        ({"payment": "paid"}, {}, "its money was captured (paid)"),
        ({"payment": "part_paid"}, {}, "its money was captured (part_paid)"),
        ({"payment": "paid", "custom": {"refundAmount": 1.0}}, {}, "its money was captured"),
        ({"shipping": "part_shipped"}, {}, "too late: already shipped"),
        ({"export": "exported"}, {}, "too late: already exported"),
        ({}, {"restock": False}, "gives the stock back"),
    ],
)
def test_cancelling_never_means_money_nor_goods_on_their_way(
    stage: Callable[..., Any], spec: Any, more: Any, reason: str
) -> None:
    play = stage()
    refused = play.do(CancelOrder(target=play.about(play.order(**spec)), **more))
    assert refused.state == "refused"
    assert reason in refused.note
    assert play.changes() == []


def test_an_order_whose_money_was_given_back_can_be_cancelled(stage: Callable[..., Any]) -> None:
    play = stage()
    order = play.order(payment="paid")
    order.custom["refundAmount"] = float(order.total)
    assert play.do(CancelOrder(target=play.about(order))).state == "done"


@pytest.mark.parametrize(
    ("status", "value", "attribute"),
    [
        ("order", "completed", "status"),
        ("confirmation", "not_confirmed", "confirmation"),
        ("payment", "part_paid", "payment"),
        ("shipping", "shipped", "shipping"),
        ("export", "failed", "export"),
        ("external", "Resolved by the case", "external_status"),
    ],
)
def test_each_status_is_set_once(stage: Callable[..., Any], status: Any, value: str, attribute: str) -> None:
    play = stage()
    order = play.order()
    command = SetOrderStatus(target=play.about(order), status=status, value=value)
    assert play.see(command).seen is False
    assert play.do(command).state == "done"
    assert getattr(order, attribute) == value
    assert play.see(command).seen is True
    assert play.do(command).note == "it was so already"
    assert len(play.changes()) == 1


@pytest.mark.parametrize(
    ("spec", "status", "value", "reason"),
    [
        ({}, "order", "cancelled", "cancelled by CancelOrder"),
        ({}, "order", "open", "'open' is none of created, new, completed, failed"),
        ({}, "order", "failed", "an order that is new can become new or completed, not failed"),
        ({"status": "failed"}, "order", "new", "an order that is failed can become created"),
        ({"export": "exported"}, "export", "ready", "already exported"),
        ({}, "payment", "refunded", "'refunded' is none of paid, part_paid, not_paid"),
        ({}, "external", "", "1 to 256 characters"),
        ({}, "external", "x" * 257, "1 to 256 characters"),
    ],
)
def test_statuses_that_cannot_be_are_refused(
    stage: Callable[..., Any], spec: Any, status: Any, value: str, reason: str
) -> None:
    play = stage()
    refused = play.do(SetOrderStatus(target=play.about(play.order(**spec)), status=status, value=value))
    assert refused.state == "refused"
    assert reason in refused.note
    assert play.changes() == []


def test_a_note_is_found_again_by_its_marker(stage: Callable[..., Any]) -> None:
    play = stage()
    order = play.order()
    note = NoteOrder(
        target=play.about(order), title="Case\n" + "1" * 300, text="Line\u0000 one\nline two " + "x" * 5000
    )
    play.fault("shop.post_note")
    with pytest.raises(UnknownOutcome):
        play.do(note)
    assert play.see(note).seen is True
    assert play.do(note).note == "it was there already"
    assert play.see(note, "another").seen is False
    assert play.do(note, "another").state == "done"
    assert len(order.notes) == 2
    assert len(order.notes[0].subject) <= 256
    assert order.notes[0].subject.startswith("Case 111")
    assert order.notes[0].text.startswith("Line one\nline two x")
    assert len(order.notes[0].text) == 4000


def test_attributes_go_under_their_mapped_names_and_tags_into_a_set_of_our_own(stage: Callable[..., Any]) -> None:
    play = stage()
    order = play.order(custom={"tags": ["theirs"], "caseconnectTags": ["case-open", "kept"]})
    command = AnnotateOrder(
        target=play.about(order),
        attributes={"case_number": "CASE-1", "caseconnectPriority": "high"},
        add_tags=("case-closed",),
        remove_tags=("case-open", "never"),
    )
    assert play.do(command).state == "done"
    assert order.custom["caseconnectCase"] == "CASE-1"
    assert order.custom["caseconnectPriority"] == "high"
    assert order.custom["caseconnectTags"] == ["kept", "case-closed"]
    assert order.custom["tags"] == ["theirs"]
    assert play.see(command).seen is True
    assert play.do(command).note == "it was so already"
    assert play.changes() == ["order.custom"]
    assert play.do(AnnotateOrder(target=play.about(order), attributes={"case_number": ""})).state == "done"
    assert "caseconnectCase" not in order.custom


def test_an_attribute_that_is_not_defined_says_what_to_do(stage: Callable[..., Any]) -> None:
    play = stage()
    with pytest.raises(PermanentError, match="define the attribute; one of orders must be defined for Basket, too"):
        play.do(AnnotateOrder(target=play.about(play.order()), attributes={"unheard": "x"}))
    with pytest.raises(PermanentError, match="is no attribute id"):
        play.do(AnnotateOrder(target=play.about(play.order()), attributes={"case-number": "x"}))


def test_orders_of_several_sites_are_found(stage: Callable[..., Any]) -> None:
    play = stage(sites=["RefArch", "RefArchGlobal"])
    order = play.order(site="RefArchGlobal")
    assert play.do(HoldOrder(target=play.about(order))).state == "done"
    assert (order.confirmation, order.export) == HELD


def test_what_the_sink_does_not_know_or_find_is_refused(stage: Callable[..., Any]) -> None:
    play = stage()
    with pytest.raises(PermanentError, match="OrderNotFound"):
        play.do(HoldOrder(target=Subject("shop", "order", "99")))
    with pytest.raises(PermanentError, match="is about order, not about shop/product/1"):
        play.do(HoldOrder(target=Subject("shop", "product", "1")))
    with pytest.raises(PluginError, match="no command AssessRisk"):
        play.do(AssessRisk(target=Subject("shop", "order", "99"), level="low"))
