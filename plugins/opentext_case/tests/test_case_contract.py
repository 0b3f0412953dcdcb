"""The plugin keeps the SDK's contract, against the simulated Core Case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from caseconnect.models import Document
from caseconnect.sdk.commands import AttachDocument, CloseCase, Command, CommentCase, OpenCase, UpdateCase
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, SinkContract, SinkWorld, SourceContract, SourceWorld
from caseconnect_opentext_case import plugin
from caseconnect_opentext_case.simulator import CaseInput, CoreCaseSimulatorSettings, TenantSettings, create_app

RECEIPT = Document(name="receipt.pdf", media_type="application/pdf", content=b"%PDF-1.7 paid")


class CaseWorld(SourceWorld, SinkWorld):
    """A Core Case with one old case, whose list lags by half a minute."""

    connection = "cases"
    personal = ("jane@shopper.example", "Jane Shopper")
    index_lag = timedelta(seconds=30)
    listing: ClassVar[dict[str, Any]] = {"page_size": 2}

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.secrets = {"CC_SECRET": "connect-secret"}
        tenant = TenantSettings(rate_limit=0, listing_lag=self.index_lag.total_seconds())
        simulator = create_app(CoreCaseSimulatorSettings(tenants=(tenant,)), now=now)
        self.app, self.store, self.tokens = simulator, simulator.stores[tenant.id], simulator.tenants[tenant.id].tokens
        definition = tenant.definitions[0]
        self.settings = {
            "base_url": "https://core-case.test/case",
            "definition_id": definition.id,
            "config_id": definition.config_id,
            "auth": {"tenant_id": tenant.id, "client_id": tenant.client_id, "client_secret": {"env": "CC_SECRET"}},
            "service_account": [self.store.service.id],
            "listing": self.listing,
        }
        self.made = {-1: self._create(-1)}
        self.changes = 0

    def _create(self, n: int) -> str:
        wanted = CaseInput(default={"caseTitle": f"Case {n}", "clientName": "Jane Shopper"})
        return self.store.create_case(self.store.settings.definitions[0].id, wanted).id

    def end_tokens(self) -> bool:
        return self.tokens.expire_all() > 0

    async def change(self, n: int) -> str:
        if n not in self.made:
            self.made[n] = self._create(n)
        self.changes += 1
        self.store.change(self.made[n], custom={"note": f"change {self.changes}"})
        return self.made[n]

    def watch(self) -> Sequence[str]:
        return list(self.made.values())

    def needs(self) -> Sequence[Need]:
        case = self.store.cases[self.made[-1]]
        if not case.attachments:
            self.store.attach(case.id, "claim.txt", b"It is broken.", "text/plain")
        document = Subject("cases", "document", f"{case.id}/{case.attachments[0].id}")
        return [Need(fact="case", subject=self._subject), Need(fact="document", subject=document)]

    def command(self, kind: type[Command]) -> Command:
        if kind is OpenCase:
            return OpenCase(
                target=Subject("cases", "case", "new"),
                title="Order #1001 looks odd",
                description="Please look.",
                client_name="Jane Shopper",
                attributes={"customerEmail": "jane@shopper.example"},
                documents=(Document(name="order.json", media_type="application/json", content=b"{}"),),
                reference="test/shop/order/1001/order_review/1",
            )
        if kind is CommentCase:
            return CommentCase(target=self._subject, text="jane@shopper.example wrote", name="mail")
        if kind is AttachDocument:
            return AttachDocument(target=self._subject, document=RECEIPT)
        if kind is CloseCase:
            return CloseCase(target=self._subject, note="It resolved itself.")
        return UpdateCase(
            target=self._subject,
            priority="urgent",
            owner=self.store.people.agents[0].id,
            due=datetime(2026, 2, 1, 12, tzinfo=UTC),
            attributes={"orderTotal": "20.00 EUR"},
        )

    def refused(self, kind: type[Command]) -> Command | None:
        if kind is OpenCase:
            return None
        return self.command(kind).model_copy(update={"target": Subject("cases", "case", self.absent)})

    def effects(self) -> Sequence[Any]:
        return [entry for entry in self.store.ledger if entry.via == "api"]

    @property
    def _subject(self) -> Subject:
        return Subject("cases", "case", self.made[-1])


class TestPlugin(PluginContract):
    plugin = plugin


class TestSource(SourceContract):
    plugin = plugin

    def world(self, now: Callable[[], datetime]) -> CaseWorld:
        return CaseWorld(now)


class TestSink(SinkContract):
    plugin = plugin

    def world(self, now: Callable[[], datetime]) -> CaseWorld:
        return CaseWorld(now)


class WatchedWorld(CaseWorld):
    """The same without a list that could be trusted: open cases are read one by one."""

    index_lag = timedelta(0)
    listing: ClassVar = {"changes": "watch", "find": "none", "watch_batch": 2}


class TestWatchingSource(TestSource):
    def world(self, now: Callable[[], datetime]) -> CaseWorld:
        return WatchedWorld(now)


class TestSinkThatCannotFind(TestSink):
    def world(self, now: Callable[[], datetime]) -> CaseWorld:
        return WatchedWorld(now)
