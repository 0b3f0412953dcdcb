"""The plugin keeps the SDK's contract, against the simulated instance."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from caseconnect.sdk.decisions import Need
from caseconnect.sdk.order_names import NAMED_ORDERS, named
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, SourceContract, SourceWorld
from caseconnect_sfcc import plugin
from caseconnect_sfcc.simulator import SfccSettings, create_app
from caseconnect_sfcc.simulator.scenarios import create_customer, create_order, create_product, hand_in

FILES = '["src/caseconnect/RefArch/R-1/file1"]'
SHOPPER = {"customerNo": "00042", "customerName": "Jane Shopper", "email": "jane@shopper.example"}


class InstanceWorld(SourceWorld):
    """A production instance with one old order of a registered shopper, who handed in one form of each kind."""

    personal = ("jane@shopper.example", "Elm Street 5")
    index_lag = timedelta(seconds=20)
    overlap = timedelta(minutes=5)

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.secrets = {"SCAPI": "scapi-secret", "OCAPI": "ocapi-secret"}
        self.settings = {
            "sites": ["RefArch", "RefArchGlobal"],
            "account_manager_url": "https://sim.test",
            "page_size": 2,
            # What only time reveals is news without any change: it has tests of its own.
            "late": [],
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
        }
        lag = {"tenant": "zzxy_prd", "index_lag": self.index_lag.total_seconds()}
        self.app = create_app(SfccSettings.from_dict({"instances": [lag]}), now=now)
        self.instance = self.app.instances["zzxy_prd"]
        create_customer(self.instance, {"number": "00042", "firstName": "Jane", "email": "jane@shopper.example"})
        create_product(self.instance, {"id": "sku-1", "name": "Mug", "categories": ["mugs"]})
        self.made = {-1: self._create()}
        self.items = {kind: self._hand_in(kind) for kind in ("return", "complaint", "claim", "dispute")}
        self.instance.files["Impex/src/caseconnect/RefArch/R-1/file1"] = b"%PDF-1.7 receipt"

    def _create(self) -> str:
        spec = {"customer": SHOPPER, "billing": {"address1": "Elm Street 5"}, "situation": "fraud_review"}
        order = create_order(self.instance, spec)
        return order.number

    def _hand_in(self, kind: str) -> str:
        spec = {
            "orderNo": self.made[-1],
            "customerEmail": SHOPPER["email"],
            "documents": FILES,
        }
        made = hand_in(self.instance, kind, spec)
        return f"{made['site']}/{made['key']}"

    def end_tokens(self) -> bool:
        return bool(self.app.tokens.expire_all())

    async def change(self, n: int) -> str:
        if n in self.made:
            order = self.instance.orders[self.made[n]]
            self.instance.write_order(order, "merchant", "order.touch", lambda: False)
        else:
            self.made[n] = self._create()
        return self.made[n]

    def needs(self) -> Sequence[Need]:
        order = Subject("shop", "order", self.made[-1])
        items = [Need(fact=kind, subject=Subject("shop", kind, place)) for kind, place in self.items.items()]
        return [
            Need(fact="order", subject=order),
            Need(fact="order_history", subject=order),
            Need(fact=NAMED_ORDERS, subject=named("shop", self.made[-1], None)),
            Need(fact="customer", subject=Subject("shop", "customer", "RefArch/00042")),
            Need(fact="product", subject=Subject("shop", "product", "sku-1")),
            Need(fact="products", subject=Subject("shop", "category", "mugs")),
            Need(fact="product_orders", subject=Subject("shop", "product", "sku-1")),
            Need(fact="document", subject=Subject("shop", "document", "src/caseconnect/RefArch/R-1/file1")),
            *items,
        ]


class TestPlugin(PluginContract):
    plugin = plugin


class TestSource(SourceContract):
    plugin = plugin

    def world(self, now: Callable[[], datetime]) -> Any:
        return InstanceWorld(now)
