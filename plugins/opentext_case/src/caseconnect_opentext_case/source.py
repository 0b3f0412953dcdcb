"""The source: cases that changed, by polling, and a case as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise

import orjson

from caseconnect.models import Case, Record
from caseconnect.sdk.components import Check, Pacing, SourceSpec
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Ignored, Page, Parsed, Polled
from caseconnect.sdk.errors import PermanentError, TransientError
from caseconnect.sdk.events import CaseChanged
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject

from .checks import check_account
from .client import CoreCaseClient, Json
from .config import CoreCaseSettings
from .connection import client_of
from .example import EXAMPLE
from .mapping import case_of, comment_of, id_of, reference_of, time_text
from .polling import Cursor, seen_of, stamp_of, time_of, verdict

KIND = "case"
"""Kind of subject, fact and polled item."""


class CoreCaseSource:
    """Reads the cases of one case definition."""

    def __init__(self, settings: CoreCaseSettings, resources: Resources) -> None:
        self.settings, self.resources = settings, resources
        self.client: CoreCaseClient = client_of(settings, resources)

    async def check(self) -> Sequence[Check]:
        """Sign in, read the definition, read a page of the list."""
        steps = await check_account(self.client, self.settings)
        if self.settings.listing.changes == "listing":
            steps.append(await self._check_listing())
        if not self.settings.service_account:
            note = "none is named: our own changes will be taken for other people's (nothing is done twice for that)"
            steps.append(Check(step="service account", ok=True, note=note))
        return steps

    async def read(self, cursor: str | None, watch: Sequence[str]) -> Page:
        """The next changed cases: a page of the list, or a batch of the open cases. None begins at now.

        Changes that only our own service account made are not told.
        """
        if self.settings.listing.changes == "watch":
            return await self._read_watched(Cursor.parse(cursor) if cursor else None, watch)
        if cursor is None:
            return await self._begin()
        return await self._read_list(Cursor.parse(cursor), watch)

    def parse(self, delivery: Delivery) -> Parsed | Ignored:
        """One `CaseChanged`. A case of another environment that shares this Core Case is ignored."""
        if delivery.topic != KIND:
            return Ignored(reason=f"{delivery.topic!r} is not a topic this version knows; it reads cases by polling")
        try:
            document = orjson.loads(delivery.body)
        except orjson.JSONDecodeError as error:
            raise PermanentError(f"the case is no JSON: {error.msg} at character {error.pos}") from None
        if not isinstance(document, dict):
            raise PermanentError("the case is no JSON object")
        case = case_of(document, self.settings)
        environment = _environment_of(case.reference)
        if environment is not None and environment != self.resources.environment:
            return Ignored(reason=f"the case belongs to environment {environment!r}, not to this one")
        event = CaseChanged(
            source=delivery.connection,
            subject=Subject(delivery.connection, KIND, case.id),
            time=case.updated_at or delivery.received_at,
            reference=case.reference,
        )
        return Parsed(events=(event,))

    async def root(self, alias: Subject) -> Subject | None:
        """The case itself if it carries no reference of this environment; None if it does, or cannot be read now."""
        if alias.kind != KIND:
            return None
        try:
            document, _ = await self.client.read_case(alias.id)
        except TransientError:
            return None
        ours = _environment_of(reference_of(document, self.settings)) == self.resources.environment
        return None if ours else alias

    async def fetch(self, need: Need) -> Record:
        """The case as it is now, with its comments."""
        if (need.fact, need.subject.kind) != (KIND, KIND):
            raise PermanentError(f"OpenText Core Case has no fact {need.fact!r} of a {need.subject.kind!r}")
        document, _ = await self.client.read_case(need.subject.id)
        offered = self.client.dialect.offers("list_comments")
        rows = await self.client.comments(need.subject.id) if offered else []
        return case_of(document, self.settings, (comment_of(row, self.settings) for row in rows))

    async def _begin(self) -> Page:
        """The mark is the newest stamp on the platform: its clock counts, not ours, and nothing before it is told."""
        cursor = Cursor()
        rows = await self.client.page_of_cases(self.settings.listing.sort)
        cursor.top = max(self._stamps(rows), default=0)
        if self.settings.listing.rows == "full":
            cases = [case_of(row, self.settings) for row in rows]
            cursor.seen = {case.id: seen_of(case) for case in cases}
        if not self.settings.listing.sort:
            cursor.top = stamp_of(self.resources.now())
        cursor.finish((), self.settings.listing.overlap, stamp_of(self.resources.now()))
        cursor.start = cursor.since
        return Page((), str(cursor))

    async def _read_list(self, cursor: Cursor, watch: Sequence[str]) -> Page:
        listing = self.settings.listing
        bound = cursor.since - int(listing.overlap * 1000)
        query = dict(listing.sort)
        if listing.since_param:
            query[listing.since_param] = time_text(time_of(max(bound, 0)), self.settings)
        rows = await self.client.page_of_cases(query, pages=cursor.pages, rows=cursor.rows)
        digest = sha256(orjson.dumps([id_of(row, self.settings) for row in rows])).hexdigest()[:12]
        last = not rows or digest == cursor.page
        items: list[Polled] = []
        news = [] if digest == cursor.page else list(zip(rows, self._stamps(rows), strict=True))
        for row, stamp in news:
            if stamp < bound:
                # Sorted newest first: everything after this row was read before.
                last = last or bool(listing.sort)
                continue
            cursor.top = max(cursor.top, stamp)
            if item := await self._item(cursor, row, whole=listing.rows == "full"):
                items.append(item)
        cursor.pages, cursor.rows, cursor.page = cursor.pages + 1, cursor.rows + len(rows), digest
        if last:
            cursor.finish(watch, listing.overlap, stamp_of(self.resources.now()))
        return Page(tuple(items), str(cursor), more=not last)

    def _stamps(self, rows: Sequence[Json]) -> list[int]:
        """Change stamps of a page. A list that is not as the settings say would hide changes: an error."""
        stamps = [stamp_of(case_of(row, self.settings).updated_at) for row in rows]
        if not all(stamps):
            raise PermanentError(
                f"the list's cases carry no time at `fields.updated_on` = {self.settings.fields.updated_on!r}: "
                "correct it, or set `listing.changes` to watch"
            )
        if self.settings.listing.sort and any(later > earlier for earlier, later in pairwise(stamps)):
            raise PermanentError(
                "the list is not sorted by last change, newest first: correct `listing.sort`, or make it empty"
            )
        return stamps

    async def _item(self, cursor: Cursor, row: Json, *, whole: bool) -> Polled | None:
        """The row as news, or None."""
        case = case_of(row, self.settings)
        former = cursor.seen.get(case.id)
        if not whole:
            if former and former[1] == stamp_of(case.updated_at):
                return None
            row, _ = await self.client.read_case(case.id)
            case = case_of(row, self.settings)
        found = verdict(former, case)
        if former is None and stamp_of(case.updated_at) < cursor.start:
            found = "same"
        news = found == "news" or (found == "ours" and await self._commented(case, former[1] if former else 0))
        cursor.seen[case.id] = seen_of(case)
        if not news:
            return None
        version = str(stamp_of(case.updated_at)) if case.updated_at else cursor.seen[case.id][0]
        return Polled(KIND, case.id, version, orjson.dumps(row))

    async def _commented(self, case: Case, since: int) -> bool:
        """Whether somebody else commented after `since`: our own later change would hide it."""
        if not self.client.dialect.offers("list_comments"):
            return False
        rows = await self.client.comments(case.id)
        comments = [comment_of(row, self.settings) for row in rows]
        return any(not comment.ours and stamp_of(comment.created_at) > since for comment in comments)

    async def _read_watched(self, cursor: Cursor | None, watch: Sequence[str]) -> Page:
        if cursor is None:
            return Page((), str(Cursor()))
        open_now = set(watch)
        waiting = sorted(case for case in open_now if case > cursor.after)
        batch = waiting[: self.settings.listing.watch_batch]
        items: list[Polled] = []
        for case in batch:
            try:
                document, _ = await self.client.read_case(case)
                item = await self._item(cursor, document, whole=True)
            except PermanentError as error:
                self.resources.log.warning("open case cannot be read", case=case, error=str(error))
                continue
            if item:
                items.append(item)
        more = len(waiting) > len(batch)
        cursor.after = batch[-1] if more else ""
        if not more:
            cursor.seen = {case: seen for case, seen in cursor.seen.items() if case in open_now}
        return Page(tuple(items), str(cursor), more=more)

    async def _check_listing(self) -> Check:
        try:
            rows = await self.client.page_of_cases(self.settings.listing.sort)
            self._stamps(rows)
        except PermanentError as error:
            return Check(step="case list", ok=False, note=str(error))
        return Check(step="case list", ok=True, note="" if rows else "empty")


def _environment_of(reference: str | None) -> str | None:
    """Environment of a reference of ours (environment/shop/kind/id/topic/episode); None for any other text."""
    parts = (reference or "").split("/")
    return parts[0] if len(parts) >= 6 and all(parts) and parts[-1].isdigit() else None


SOURCE = SourceSpec(
    name="opentext_case",
    summary="Cases of OpenText Core Case: changes by polling, a case with its comments",
    settings=CoreCaseSettings,
    example=EXAMPLE,
    build=CoreCaseSource,
    account=lambda settings: settings.account,
    emits=frozenset({CaseChanged}),
    facts={KIND: Case},
    roots=frozenset(),
    # 5 a second is what the neighbouring Content Metadata Service announced in 2023; Core Case's own limit is
    # unknown. No burst and a little less, so that no window of a second ever sees a sixth.
    pacing=Pacing(rate=4.7, burst=1.0),
)
"""The source as the host is told it."""
