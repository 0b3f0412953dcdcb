"""Catalog and content on their way from staging to production, whole or item by item."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .catalog import ContentAsset, Product
from .refusals import Refused

if TYPE_CHECKING:
    from .instance import Instance

QUEUE_LIMIT = 50
"""Items of one publish operation (Granular Replications 1.0)."""


@dataclass(slots=True)
class Process:
    """One queued item: a product, a content asset or a price table."""

    id: str
    by: str
    started: datetime
    ends: datetime
    item: dict[str, Any]
    status: str = "pending"
    fails: bool = False


class Replication:
    """The way out of an instance; `target` is set where the realm has a production instance."""

    def __init__(self, instance: Instance) -> None:
        self.target: Instance | None = None
        self.processes: dict[str, Process] = {}
        self.running_until: datetime | None = None
        self.next_fails = False
        self._instance = instance

    def queue(self, by: str, item: dict[str, Any]) -> Process:
        """Queue an item for publishing, or refuse."""
        settings, now = self._instance.settings, self._instance.now()
        if not settings.granular_replication:
            text = "The Granular Replication feature is not enabled in your staging and production environments."
            raise Refused("granular-replication-feature-not-enabled", text)
        if settings.kind != "stg":
            raise Refused("not-on-staging", "This operation must be performed from a staging instance.")
        if self.running_until is not None and now < self.running_until:
            raise Refused("replication-running", "Granular Replication is not possible during a running replication.")
        self._find(item)
        waiting = [each for each in self.processes.values() if each.status in {"pending", "in_progress"}]
        if any(each.item == item for each in waiting):
            raise Refused("published-twice", "The item has already been queued for publishing in this operation.")
        if len(waiting) >= QUEUE_LIMIT:
            raise Refused("too-many-queued", f"Maximum of {QUEUE_LIMIT} items can be queued per publish operation.")
        ends = now + timedelta(seconds=settings.replication_seconds)
        made = Process(self._instance.fresh_id("process", 28), by, now, ends, item, fails=self.next_fails)
        self.next_fails = False
        self.processes[made.id] = made
        self._instance.note(by, "replication.queue", made.id, item)
        return made

    def run_due(self) -> None:
        """Bring the processes that are due to their end."""
        now = self._instance.now()
        for process in self.processes.values():
            if process.status in {"completed", "failed"}:
                continue
            if process.ends > now:
                half = process.started + (process.ends - process.started) / 2
                process.status = "in_progress" if half <= now else "pending"
                continue
            process.status = "failed" if process.fails else "completed"
            if not process.fails:
                self._copy(self._find(process.item))

    def run_whole(self, seconds: float = 0) -> int:
        """A full replication of catalog and content, as merchants run it at night; tells how many items changed."""
        self.running_until = self._instance.now() + timedelta(seconds=seconds)
        everything: list[Product | ContentAsset] = [*self._instance.products.values(), *self._instance.content.values()]
        return sum(self._copy(each) for each in everything)

    def _find(self, item: dict[str, Any]) -> Product | ContentAsset:
        found: Product | ContentAsset | None = None
        if "productId" in item:
            found = self._instance.products.get(item["productId"])
        elif "contentId" in item:
            library = item.get("libraryId") or item.get("siteId")
            found = self._instance.content.get((str(library), item["contentId"]))
        if found is None:
            raise Refused("item-not-found", "The item specified was not found on the staging instance.")
        return found

    def _copy(self, found: Product | ContentAsset) -> bool:
        if self.target is None:
            return False
        now = self.target.now()
        there: Product | ContentAsset | None
        if isinstance(found, Product):
            there = self.target.products.setdefault(found.id, Product(found.id, now, now))
        else:
            key = (found.library, found.id)
            there = self.target.content.setdefault(key, ContentAsset(found.id, found.library, now, now))
        changed = there.content() != found.content()
        if changed:
            for name, value in found.content().items():
                setattr(there, name, value)
            there.modified = now
            there.revision += 1
            kind = "product" if isinstance(found, Product) else "content"
            self.target.note("replication", f"{kind}.replicate", found.id)
        return changed
