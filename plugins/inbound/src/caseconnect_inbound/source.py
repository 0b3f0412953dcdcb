"""The source: what a sender pushed becomes a canonical event that brings its record along."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from caseconnect.models import CustomerReply, Document, Record
from caseconnect.sdk.addresses import is_this_machine
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.components import Check, Pacing, SourceSpec
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Ignored, Page, Parsed
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.order_names import named
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.standard_webhooks import key_of
from caseconnect.sdk.subjects import Subject

from . import bodies
from .config import EXAMPLE, InboundSettings
from .kinds import KINDS
from .mapping import record_of


class InboundSource:
    """Reads nothing by itself: it is told. Files that came as addresses are fetched when a decision needs them."""

    def __init__(self, settings: InboundSettings, resources: Resources) -> None:
        self._settings, self._resources = settings, resources
        self._rules = settings.rules()

    async def check(self) -> Sequence[Check]:
        """That the secret is there. Nobody can be asked: the next delivery shows the rest."""
        secret = self._resources.secrets.reveal(self._settings.secret)
        if self._settings.scheme == "standard-webhooks":
            key_of(secret)
        kinds = ", ".join(self._settings.kinds)
        return (Check(step="secret", ok=True, note=f"set; taken are {kinds}"),)

    async def read(self, cursor: str | None, watch: Sequence[str]) -> Page:
        """Nothing: this source is pushed to."""
        return Page(items=(), cursor=cursor or "pushed")

    def parse(self, delivery: Delivery) -> Parsed | Ignored:
        """The event of a request, with its record."""
        kind, settings = KINDS.get(delivery.topic), self._settings.kinds.get(delivery.topic)  # type: ignore[call-overload] # any text may come
        if kind is None or settings is None:
            taken = ", ".join(self._settings.kinds)
            return Ignored(reason=f"{delivery.topic[:60]!r} is not taken on {delivery.connection}; taken are: {taken}")
        sent = bodies.read(delivery.body, delivery.headers.get("Content-Type", ""))
        record = record_of(kind, sent, settings, self._rules, delivery.delivery_id)
        if isinstance(record, CustomerReply) and not self._settings.trusts(kind.name):
            # Our references can be guessed: only a sender that knows the order may name the matter.
            record = record.model_copy(update={"reference": None})
        item = Subject(delivery.connection, kind.fact, str(getattr(record, "id")))  # noqa: B009 - every kind's record has one
        names = (*self._order(kind.name, record), item)
        time = getattr(record, "created_at", None) or delivery.received_at
        return Parsed(events=(kind.happened(names, time, item, record),))

    async def root(self, alias: Subject) -> Subject | None:
        """An item stands alone unless its order is known."""
        return alias if alias.kind in ROOTS else None

    async def fetch(self, need: Need) -> Record:
        """A file that came as an address, if its host is allowed."""
        if need.fact != "document" or need.subject.kind != "document":
            raise PermanentError(f"{need.subject.connection} supplies documents of files, and what it was told")
        return await self._document(need.subject.id)

    def _order(self, kind: str, record: Record) -> tuple[Subject, ...]:
        """The order that is meant, if one was named in a way that may be believed."""
        if self._settings.orders is None:
            return ()
        number = getattr(record, "order_number", None) or getattr(record, "order_id", None)
        email = getattr(record, "email", None)
        if not number:
            return ()
        if self._settings.trusts(kind):
            return (named(self._settings.orders, number, None),)
        return (named(self._settings.orders, number, email),) if email else ()

    async def _document(self, url: str) -> Document:
        parts = _place(url)
        ours = is_this_machine(parts.hostname)
        if parts.scheme != "https" and not ours:
            raise PermanentError("a file is fetched by https only")
        if (parts.hostname if parts.port in {None, 443} else parts.netloc) not in self._settings.file_hosts:
            raise PermanentError(f"files of host {str(parts.hostname)[:100]!r} are not fetched: see file_hosts")
        origin = f"{parts.scheme}://{parts.netloc}"
        http = self._resources.once(
            ("files", origin),
            lambda: self._resources.http(origin, max_body=self._settings.file_size, public=not ours),
        )
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        answer = await http.request("GET", path, shown="/...")  # who has the address has the file
        if answer.status != 200:
            raise PermanentError(f"the file is not there: HTTP {answer.status}")
        name = parts.path.rpartition("/")[2]
        taken = self._rules.take(name, answer.headers.get("content-type", ""), answer.body)
        if taken.document is None:
            raise PermanentError(f"a file of type {taken.media_type} is not taken: see file_types")
        return taken.document


def _place(url: str) -> SplitResult:
    """The parts of an address that a stranger gave."""
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.port != 0 and "@" not in parts.netloc and not _UNFIT.search(url):
            return parts
    except ValueError:
        pass
    raise PermanentError("the address of a file must be https://host[:port]/path, without credentials")


_UNFIT = re.compile(r"[\x00-\x20\x7f-\U0010ffff\\]")
ROOTS = frozenset(kind.fact for kind in KINDS.values())

SOURCE = SourceSpec(
    name="inbound",
    summary="Complaints, returns, warranty claims, disputes, approvals, shipments and replies, pushed by anyone.",
    settings=InboundSettings,
    example=EXAMPLE,
    build=InboundSource,
    account=lambda settings: f"inbound-{digest_of(str(settings.secret))[:8]}",
    emits=frozenset(kind.event for kind in KINDS.values()),
    facts={"document": Document},
    tells=ROOTS,
    roots=ROOTS,
    pacing=Pacing(rate=5, burst=10),
)
