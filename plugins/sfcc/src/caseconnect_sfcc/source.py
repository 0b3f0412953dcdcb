"""The source: changes by polling two APIs, and facts as they are now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from caseconnect.models import (
    Complaint,
    Customer,
    Dispute,
    Document,
    Order,
    OrderHistory,
    Product,
    ProductList,
    ReturnRequest,
    WarrantyClaim,
)
from caseconnect.models.base import Record
from caseconnect.sdk.components import Check, Pacing, SourceSpec
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Ignored, Page, Parsed, Polled
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.events import ClaimChanged, ComplaintChanged, DisputeChanged, OrderChanged, ReturnChanged
from caseconnect.sdk.order_names import NAMED, NAMED_ORDERS
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject

from . import checks, deliveries
from .changes import Stream, following, streams
from .config import EXAMPLE, SfccSettings
from .connection import client_of, places_of
from .faults import Refused
from .polling import Cursor, millis
from .reading import Reader

ROOT_KINDS: Final = frozenset({"order", "customer", "product", "site"})
"""Kinds that stand alone."""

_REQUESTS_A_READ: Final = 20


class SfccSource:
    """Reads the orders and custom objects of some sites. Events only say *look*."""

    def __init__(self, settings: SfccSettings, resources: Resources) -> None:
        self._settings, self._resources = settings, resources
        self._client = client_of(settings, resources)
        self._reader = Reader(self._client, places_of(settings, resources), settings, resources.log)
        self._streams = tuple(streams(settings))
        self._told: set[str] = set()
        reader = self._reader
        self._fetchers: Mapping[str, tuple[str, Callable[[str], Awaitable[Record]]]] = {
            "order": ("order", reader.order),
            "order_history": ("order", reader.history),
            NAMED_ORDERS: (NAMED, reader.named),
            "customer": ("customer", reader.customer),
            "product": ("product", reader.product),
            "products": ("category", reader.category),
            "product_orders": ("product", reader.product_orders),
            "return": ("return", reader.returned),
            "complaint": ("complaint", reader.complaint),
            "claim": ("claim", reader.claim),
            "dispute": ("dispute", reader.dispute),
            "document": ("document", reader.document),
        }

    async def check(self) -> Sequence[Check]:
        """A token for each family and scope, an order, a search, and the custom objects with their attributes."""
        return await checks.run(self._client, self._settings)

    def parse(self, delivery: Delivery) -> Parsed | Ignored:
        """See `deliveries.parse`."""
        return deliveries.parse(delivery)

    async def read(self, cursor: str | None, watch: Sequence[str]) -> Page:
        """A page of the next stream that has something, oldest change first. None begins at now."""
        now = millis(self._resources.now())
        if cursor is None:
            return Page((), self.begin(now))
        at = Cursor.load(cursor)
        if not at.at:
            at.began = now
        at.walks = {each.name: at.walks.get(each.name) or each.begin(at.began) for each in self._streams}
        for asked, stream in enumerate(following(self._streams, at)):
            at.at = stream.name
            if asked >= _REQUESTS_A_READ:
                return Page((), at.dump(), more=True)
            items, last = await self._page(stream, at)
            if not last:
                return Page(items, at.dump(), more=True)
            if items:
                rest = following(self._streams, at)[1:]
                at.at = rest[0].name if rest else ""
                return Page(items, at.dump(), more=bool(rest))
        at.at = ""
        return Page((), at.dump())

    def begin(self, at: int) -> str:
        """A cursor that begins at a time."""
        return Cursor({each.name: each.begin(at) for each in self._streams}).dump()

    async def expected(self, since: int) -> int:
        """How much a sweep from that time on would find now."""
        now, found = millis(self._resources.now()), 0
        for stream in self._streams:
            walk = stream.begin(since)
            if not stream.start(walk, now, 0, 0):
                continue
            try:
                found += (await stream.page(self._client, walk, 1))[1]
            except Refused as refused:
                if stream.kind == deliveries.ORDER:
                    raise
                self._warn(stream, refused)
        return found

    async def _page(self, stream: Stream, at: Cursor) -> tuple[tuple[Polled, ...], bool]:
        """The next page of a stream, and whether it was the last one."""
        walk, overlap = at.walks[stream.name], self._settings.overlap_seconds * 1000
        if not stream.start(walk, at.began, overlap, int(self._settings.late_every * 60_000)):
            return (), True
        given = dict(walk.given)
        try:
            hits, total = await stream.page(self._client, walk, self._settings.page_size)
        except Refused as refused:
            if stream.kind == deliveries.ORDER:
                raise
            self._warn(stream, refused)
            walk.end(walk.since)
            return (), True
        places = [stream.place(hit) for hit in hits]
        last = walk.take(places, total, stream.settled(at.began, overlap))
        if stream.object is None:
            for name, _ in places:
                places_of(self._settings, self._resources).learn(name, stream.site)
        if last:
            walk.finish(at.began, overlap)
        new = [hit for hit, (name, when) in zip(hits, places, strict=True) if given.get(name) != when]
        return tuple(stream.item(hit) for hit in new), last

    def _warn(self, stream: Stream, refused: Refused) -> None:
        """Once in a process: a type that was never imported must not keep orders from being read."""
        if stream.name not in self._told:
            self._told.add(stream.name)
            self._resources.log.warning("not read", stream=stream.name, error=str(refused))

    async def root(self, alias: Subject) -> Subject | None:
        """The order of an item, if it names one that exists and the addresses agree; else the item itself."""
        if alias.kind in ROOT_KINDS:
            return alias
        found = await self._reader.order_meant(alias)
        if found is not None:
            return Subject(alias.connection, "order", found)
        return alias if alias.kind in deliveries.ITEMS else None

    async def fetch(self, need: Need) -> Record:
        """A fact as it is now."""
        if need.fact not in self._fetchers:
            raise PermanentError(
                f"SFCC supplies no fact {need.fact!r}; it supplies {', '.join(sorted(self._fetchers))}"
            )
        kind, fetch = self._fetchers[need.fact]
        if need.subject.kind != kind:
            raise PermanentError(f"the fact {need.fact!r} is asked of a {kind}, not of {need.subject}")
        try:
            return await fetch(need.subject.id)
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            # Not the error's text: it may quote personal data.
            raise PermanentError(
                f"SFCC's answer for {need.fact} of {need.subject} has a shape that this version cannot read"
                f" ({type(error).__name__})"
            ) from None


async def history(source: SfccSource, since: datetime, cursor: str | None) -> Page:
    """What changed since a time, and what was late then and is so still: the same walks, begun earlier."""
    return await source.read(source.begin(millis(since)) if cursor is None else cursor, ())


async def expected(source: SfccSource, since: datetime) -> int:
    """How many orders, forms and late orders `history` gives."""
    return await source.expected(millis(since))


SOURCE = SourceSpec(
    name="sfcc",
    summary="Orders of B2C Commerce sites and what shoppers' forms wrote: polled, with facts from SCAPI and OCAPI.",
    settings=SfccSettings,
    example=EXAMPLE,
    build=SfccSource,
    account=lambda settings: str(settings.scapi.organization_id),
    emits=frozenset({OrderChanged, ReturnChanged, ComplaintChanged, ClaimChanged, DisputeChanged}),
    facts={
        "order": Order,
        "order_history": OrderHistory,
        NAMED_ORDERS: OrderHistory,
        "customer": Customer,
        "product": Product,
        "products": ProductList,
        "product_orders": OrderHistory,
        "return": ReturnRequest,
        "complaint": Complaint,
        "claim": WarrantyClaim,
        "dispute": Dispute,
        "document": Document,
    },
    roots=ROOT_KINDS,
    history=history,
    expected=expected,
    # No number is published for SCAPI Admin and OCAPI; they answer 503 when they have had enough (sfcc.md §12).
    pacing=Pacing(rate=20, burst=40),
)
"""The source as the host is told it."""
