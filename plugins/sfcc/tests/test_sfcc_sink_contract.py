"""The sink keeps the SDK's contract, on one instance, and with catalog and content published from staging."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from caseconnect.models import Money
from caseconnect.sdk.commands import (
    HOLD,
    AdjustLoyalty,
    AnnotateCustomer,
    AnnotateOrder,
    ApproveReturn,
    CancelOrder,
    Command,
    CorrectProfile,
    CreateReplacement,
    DeclineReturn,
    ExchangeReturn,
    HoldOrder,
    IssueCredit,
    Item,
    NoteOrder,
    NotifyCustomer,
    RefundPayment,
    ReleaseOrder,
    RemoveNotice,
    RestoreProduct,
    SetOrderStatus,
    ShowNotice,
    SuppressProduct,
)
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import SinkContract, SinkWorld
from caseconnect_sfcc import plugin
from caseconnect_sfcc.simulator import SfccSettings, create_app
from caseconnect_sfcc.simulator.scenarios import create_customer, create_order, create_product, hand_in

SHOPPER = {"customerNo": "00042", "customerName": "Jane Shopper", "email": "jane@shopper.example"}
TEN = Money(amount="10.00", currency="USD")
MARK = '{"onlineFlag":{"RefArch":true},"searchable":{"RefArch":null}}'


class InstanceWorld(SinkWorld):
    """A production instance with an order of a registered shopper, a return, and a product on sale."""

    personal = ("jane@shopper.example", "Elm Street 5")
    staging: Any = None

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.secrets = {"SCAPI": "scapi-secret", "OCAPI": "ocapi-secret"}
        self.settings = {
            "sites": ["RefArch"],
            "account_manager_url": "https://sim.test",
            "scapi": {
                "short_code": "kv7kzm78",
                "organization_id": "f_ecom_zzxy_prd",
                "client_id": "scapi-client",
                "client_secret": {"env": "SCAPI"},
                "base_url": "https://sim.test",
            },
            "ocapi": {
                "host": "www.brand.example",
                "client_id": "ocapi-client",
                "client_secret": {"env": "OCAPI"},
                "base_url": "https://sim.test/instances/zzxy_prd",
            },
            "writing": {"staging": self.staging} if self.staging else {},
        }
        self.app = create_app(SfccSettings(), now=now)
        self.instance = self.app.instances["zzxy_prd"]
        create_customer(self.instance, {"number": "00042", "firstName": "Jane", "email": "jane@shopper.example"})
        for instance in self.app.instances.values():
            create_product(instance, {"id": "sku-1", "name": "Mug", "online_flag": {"RefArch": True}})
        billing = {"address1": "Elm Street 5"}
        self.order = create_order(self.instance, {"customer": SHOPPER, "billing": billing, "export": "ready"})
        made = hand_in(self.instance, "return", {"orderNo": self.order.number, "customerEmail": SHOPPER["email"]})
        self.returned = Subject("shop", "return", f"RefArch/{made['key']}")
        self.subject = Subject("shop", "order", self.order.number)

    def end_tokens(self) -> bool:
        return bool(self.app.tokens.expire_all())

    def command(self, kind: type[Command]) -> Command:
        if kind is ReleaseOrder:
            self.order.custom["caseconnectHold"] = "confirmed/ready"
            self.order.confirmation, self.order.export = "not_confirmed", "not_exported"
        if kind is RefundPayment:
            self.order.payment = "paid"
        if kind is RestoreProduct:
            for instance in self.app.instances.values():
                product = instance.products["sku-1"]
                product.custom["caseconnectRecall"] = MARK
                product.online_flag["RefArch"] = product.searchable["RefArch"] = False
        if kind is RemoveNotice:
            for instance in self.app.instances.values():
                instance.products["sku-1"].custom["caseconnectNotice"] = {"default": "Do not use it.", "de": "Halt."}
        return {each.kind: each for each in self._commands()}[kind.kind]

    def _commands(self) -> Sequence[Command]:
        order, profile = self.subject, Subject("shop", "customer", "RefArch/00042")
        product, items = Subject("shop", "product", "sku-1"), (Item(sku="sku-1", quantity=1),)
        number = {"case_number": "CASE-1"}
        return (
            AdjustLoyalty(target=profile, points=50),
            AnnotateCustomer(target=order, attributes=number, add_tags=("watched",)),
            AnnotateOrder(target=order, attributes=number, add_tags=("case-open",)),
            ApproveReturn(target=order, returned=self.returned),
            CancelOrder(target=order, cause="fraud"),
            CorrectProfile(target=profile, fields={"firstName": "Janet", "phoneHome": "+41 44 668 18 00"}),
            CreateReplacement(target=order, items=items),
            DeclineReturn(target=order, returned=self.returned, note="It was worn."),
            ExchangeReturn(target=order, returned=self.returned, items=items),
            HoldOrder(target=order, cause="fraud"),
            IssueCredit(target=order, amount=TEN),
            NoteOrder(target=order, title="Case 1", text="It was looked at."),
            NotifyCustomer(target=order, template="message", values={"text": "Hello"}),
            RefundPayment(target=order, amount=TEN),
            ReleaseOrder(target=order),
            RemoveNotice(target=product, place="product"),
            RestoreProduct(target=product),
            SetOrderStatus(target=order, status="external", value="resolved"),
            ShowNotice(
                target=product, place="product", texts={"default": "Do not use it.", "de-CH": "Nicht benutzen."}
            ),
            SuppressProduct(target=product, note="It breaks."),
        )

    def refused(self, kind: type[Command]) -> Command | None:
        command = self.command(kind)
        if kind in (HoldOrder, CancelOrder):
            self.order.export = "exported"
            return command
        assert command.target is not None
        place = {"order": "99999999", "customer": "RefArch/99999", "product": "sku-99"}[command.target.kind]
        if kind is AdjustLoyalty:
            # Its place is all that the platform is asked for; what the customer is, the merchant's hook knows.
            place = "NoSuchList/1"
        if kind in (ApproveReturn, DeclineReturn):
            return command.model_copy(update={"returned": Subject("shop", "return", "RefArch/R-99")})
        return command.model_copy(update={"target": command.target._replace(id=place)})

    def effects(self) -> Sequence[Any]:
        ledgers = [effect for instance in self.app.instances.values() for effect in instance.ledger]
        by_us = ("scapi-client", "ocapi-client")
        return [each for each in ledgers if each.who in by_us or each.what.startswith("merchant.")]


class StagingWorld(InstanceWorld):
    """The same, with a staging instance."""

    staging: Any = {  # noqa: RUF012 - plain data
        "organization_id": "f_ecom_zzxy_stg",
        "host": "staging.brand.example",
        "ocapi_base_url": "https://sim.test/instances/zzxy_stg",
    }


class TestSink(SinkContract):
    plugin = plugin

    def world(self, now: Callable[[], datetime]) -> Any:
        return InstanceWorld(now)


class TestSinkWithStaging(SinkContract):
    plugin = plugin

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Only what is published from there."""
        if "kind" in metafunc.fixturenames:
            kinds = (RemoveNotice, RestoreProduct, ShowNotice, SuppressProduct)
            metafunc.parametrize("kind", kinds, ids=[each.kind for each in kinds])

    def world(self, now: Callable[[], datetime]) -> Any:
        return StagingWorld(now)


def test_the_hold_is_the_slot_that_is_restored() -> None:
    assert ReleaseOrder().slot() == (HOLD, "released")
