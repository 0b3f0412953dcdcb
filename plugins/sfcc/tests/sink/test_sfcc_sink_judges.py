"""What the sink sends, and what it is answered, is held against the official files."""

from collections.abc import Callable
from typing import Any

from sfcc_judges import Recorder, judges, verdicts

from caseconnect.models import Money
from caseconnect.sdk.commands import (
    AnnotateCustomer,
    AnnotateOrder,
    ApproveReturn,
    CancelOrder,
    CorrectProfile,
    DeclineReturn,
    HoldOrder,
    IssueCredit,
    NoteOrder,
    RefundPayment,
    ReleaseOrder,
    RemoveNotice,
    RestoreProduct,
    SetOrderStatus,
    ShowNotice,
    SuppressProduct,
)
from caseconnect.sdk.subjects import Subject
from caseconnect_sfcc.simulator.scenarios import create_customer, create_product, hand_in

STAGING = {
    "staging": {
        "organization_id": "f_ecom_zzxy_stg",
        "host": "staging.brand.example",
        "ocapi_base_url": "https://sim.test/instances/zzxy_stg",
    }
}
STATUSES = (
    ("order", "completed"),
    ("confirmation", "confirmed"),
    ("payment", "part_paid"),
    ("shipping", "part_shipped"),
    ("export", "failed"),
    ("external", "resolved"),
)


def test_what_the_sink_sends_conforms_to_the_official_files(stage: Callable[..., Any]) -> None:
    play = stage(writing={**STAGING, "start_job": True})
    play.desk.wire = Recorder(play.desk.app)
    play.desk.resources = play.desk.fresh()
    play = type(play)(play.desk)
    create_customer(play.instance, {"number": "42", "lastName": "S", "email": "jane@shopper.example"})
    for instance in play.desk.app.instances.values():
        create_product(instance, {"id": "mug", "online_flag": {"RefArch": True}})
    order = play.order(customer={"customerNo": "42", "email": "jane@shopper.example"})
    first, second = (
        Subject("shop", "return", f"RefArch/{hand_in(play.instance, 'return', {'orderNo': order.number})['key']}")
        for _ in range(2)
    )
    target, mug, site = play.about(order), Subject("shop", "product", "mug"), Subject("shop", "site", "RefArch")
    profile, ten = Subject("shop", "customer", "RefArch/42"), Money(amount="10.10", currency="USD")
    commands = [
        HoldOrder(target=target),
        ReleaseOrder(target=target),
        *(SetOrderStatus(target=target, status=status, value=value) for status, value in STATUSES),
        AnnotateOrder(target=target, attributes={"case_number": "1"}, add_tags=("case-open",)),
        NoteOrder(target=target, title="Case", text="Text"),
        AnnotateCustomer(target=profile, attributes={"case_number": "1"}, add_tags=("watched",)),
        CorrectProfile(target=profile, fields={"firstName": "Jane"}),
        IssueCredit(target=target, amount=ten),
        RefundPayment(target=play.about(play.order(payment="paid")), amount=ten),
        ApproveReturn(target=target, returned=first),
        DeclineReturn(target=target, returned=second),
        SuppressProduct(target=mug),
        RestoreProduct(target=mug),
        ShowNotice(target=mug, place="product", texts={"default": "Stop.", "de-CH": "Halt."}),
        RemoveNotice(target=mug, place="product"),
        ShowNotice(target=site, place="checkout", texts={"default": "Stop."}),
        RemoveNotice(target=site, place="checkout"),
    ]
    for number, command in enumerate(commands):
        assert play.do(command, f"k-{number}").state in {"done", "accepted"}
        play.clock.forward(30)
        assert play.see(command, f"k-{number}").seen is True, command.kind
    order.shipping, order.payment = "not_shipped", "not_paid"
    assert play.do(CancelOrder(target=target)).state == "done"
    play.check()
    wrong, judged, unjudged = verdicts(judges(), play.desk.wire.seen)
    assert wrong == [], "\n".join(wrong)
    assert {name for _, name in judged} >= {
        *("updateOrder", "updateOrderStatus", "updateOrderExternalStatus", "updateOrderExportStatus"),
        *("updateProduct", "createGiftCertificate", "publishItems"),
    }
    assert all("/dw/shop/" in each for each in unjudged)
