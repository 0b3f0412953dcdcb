"""One instance of a realm: its records, its ledger, and the rules that hold for all writes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from caseconnect_sfcc.simulator.search.index import LaggingIndex, Timeline
from caseconnect_sfcc.simulator.search.orders import order_document

from . import moments
from .attributes import Definitions
from .cartridge import Cartridge
from .catalog import ContentAsset, Product
from .ledger import Effect
from .making import make_order
from .orders import Order
from .people import Customer, CustomObject, GiftCertificate, ObjectType
from .refusals import Refused, SpecError
from .replication import Replication

if TYPE_CHECKING:
    from caseconnect_sfcc.simulator.settings import InstanceSettings

ObjectKey = tuple[str, str | None, str | int]


class Instance:
    """The state of an instance. `now` is its only clock; call `settle` before looking."""

    def __init__(self, settings: InstanceSettings, now: Callable[[], datetime]) -> None:
        self.settings = settings
        self._clock = now
        self.order_management = settings.order_management
        self.load = 0
        self.definitions = Definitions(settings.all_attributes())
        self.orders: dict[str, Order] = {}
        self.by_modified: dict[str, Timeline] = {site: Timeline() for site in settings.sites}
        self.by_created: dict[str, Timeline] = {site: Timeline() for site in settings.sites}
        self.indexes = {site: LaggingIndex(self.now, settings.index_lag, "last_modified") for site in settings.sites}
        self.products: dict[str, Product] = {}
        self.content: dict[tuple[str, str], ContentAsset] = {}
        self.customers: dict[tuple[str, str], Customer] = {}
        self.certificates: dict[tuple[str, str], GiftCertificate] = {}
        self.objects: dict[ObjectKey, CustomObject] = {}
        self.object_types: dict[str, ObjectType] = {each.id: each for each in settings.object_types}
        self.preferences: dict[tuple[str, str], dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.ledger: list[Effect] = []
        self.calls = 0
        self.cartridge = Cartridge(self, settings.cartridge)
        self.replication = Replication(self)
        self._numbers = count(1)

    def now(self) -> datetime:
        """The time, in the platform's precision."""
        return moments.whole_ms(self._clock())

    def settle(self) -> None:
        """Let everything happen that is due by now: cartridge job, replication, search index."""
        self.cartridge.run_due()
        self.replication.run_due()
        for index in self.indexes.values():
            index.settle()

    def fresh_id(self, kind: str, length: int = 26) -> str:
        """An id that looks random and is the same in every run."""
        text = f"{self.settings.tenant}/{kind}/{next(self._numbers)}"
        return hashlib.sha256(text.encode()).hexdigest()[:length]

    def note(
        self, who: str, what: str, target: str, args: Mapping[str, Any] | None = None, *, changed: bool = True
    ) -> Effect:
        """Write an effect down."""
        effect = Effect(len(self.ledger) + 1, self.now(), who, what, target, dict(args or {}), changed)
        self.ledger.append(effect)
        return effect

    def check_site(self, site: str) -> str:
        """The site, or a refusal."""
        if site not in self.settings.sites:
            raise Refused("site-not-found", f"No site with ID '{site}' could be found.", siteId=site)
        return site

    def order(self, site: str, number: str) -> Order:
        """An order of a site, or a refusal."""
        found = self.orders.get(number)
        if found is None or found.site != site:
            raise Refused("order-not-found", f"No order with number '{number}' was found.", orderNo=number)
        return found

    def add_order(self, spec: Mapping[str, Any], by: str = "shopper") -> Order:
        """Make an order from a specification (see `making.ALLOWED`) and take it in."""
        site = str(spec.get("site", self.settings.sites[0]))
        if site not in self.settings.sites:
            raise SpecError(f"order.site: no {site!r}. Allowed: {', '.join(self.settings.sites)}.")
        number = str(spec.get("number") or f"{next(self._numbers):08d}")
        if number in self.orders:
            raise SpecError(f"order.number: {number} exists already.")
        order = make_order({**spec, "site": site}, number, self.now())
        self.orders[number] = order
        self.by_created[site].put(number, order.created)
        self._indexed(order)
        self.note(by, "order.create", number, {"status": order.status, "total": str(order.total)})
        return order

    def write_order(
        self,
        order: Order,
        by: str,
        what: str,
        change: Callable[[], bool],
        args: Mapping[str, Any] | None = None,
    ) -> bool:
        """Carry a change of an order out and let time and index know. A locked order refuses, once per lock."""
        if order.locked:
            order.locked -= 1
            text = "The order was changed by another transaction at the same time. Read it again and repeat."
            raise Refused("concurrent-modification", text, orderNo=order.number)
        changed = change()
        order.revision += 1
        order.modified = self.now()
        self._indexed(order)
        self.note(by, what, order.number, args, changed=changed)
        return changed

    def _indexed(self, order: Order) -> None:
        self.by_modified[order.site].put(order.number, order.modified)
        self.indexes[order.site].put(order.number, order_document(order, self.definitions.of("Order")))

    def product(self, product_id: str) -> Product:
        """A product, or a refusal."""
        found = self.products.get(product_id)
        if found is None:
            raise Refused(
                "product-not-found", f"No product with ID '{product_id}' could be found.", productId=product_id
            )
        return found

    def site_keys(self) -> tuple[str, ...]:
        """The keys that site-specific maps may have here."""
        return ("default", *(self.settings.site_key.format(site=site) for site in self.settings.sites))

    def visible(self, product_id: str, site: str) -> bool:
        """Whether a shopper sees a product: itself and its master must be online for the site."""
        product, key = self.product(product_id), self.settings.site_key.format(site=site)
        master = self.products.get(product.master or "")
        return product.online(key, self.now()) and (master is None or master.online(key, self.now()))

    def customer_lists(self) -> tuple[str, ...]:
        """The customer lists: one per site, with the site's id."""
        return self.settings.sites

    def object_type(self, name: str) -> ObjectType:
        """A custom object type, or a refusal."""
        found = self.object_types.get(name)
        if found is None:
            raise Refused(
                "object-type-not-found", f"No custom object type with ID '{name}' was found.", objectType=name
            )
        return found

    def put_object(
        self, object_type: str, key: str | int, site: str | None, values: Mapping[str, Any], by: str
    ) -> None:
        """Write attributes of a custom object, which is made when absent. Values are checked already, without `c_`."""
        now = self.now()
        where = (object_type, site, key)
        found = self.objects.get(where)
        created = found is None
        if found is None:
            found = self.objects[where] = CustomObject(object_type, key, site, now, now)
        before = dict(found.values)
        found.values = {k: v for k, v in {**found.values, **values}.items() if v is not None}
        found.modified = now
        found.revision += 1
        self.cartridge.watch(found)
        what = "object.create" if created else "object.change"
        self.note(by, what, f"{object_type}/{key}", values, changed=created or before != found.values)
