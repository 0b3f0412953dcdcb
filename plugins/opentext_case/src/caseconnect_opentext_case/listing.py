"""Changes by reading the list of cases by last change, newest first, one page a call."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from hashlib import sha256
from itertools import pairwise

import orjson

from caseconnect.models import Case
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.deliveries import Page, Polled
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.resources import Resources

from .casetypes import CaseType, CaseTypes
from .client import Json
from .dotted import get
from .mapping import case_of, comment_of, id_of, text_of, time_text
from .polling import Cursor, Cursors, seen_of, stamp_of, time_of, verdict
from .references import environment_of

KIND = "case"
"""Kind of subject, fact and polled item."""


class ChangeReader:
    """What list and one-by-one reading have in common: whether a case that was read is news."""

    def __init__(self, types: CaseTypes, resources: Resources) -> None:
        self.types, self.resources = types, resources

    async def item(
        self, cursor: Cursor, kind: CaseType, row: Json, watch: Collection[str], *, whole: bool
    ) -> Polled | None:
        """The row as news, or None. What happened before the connection began counts for our cases only.

        Those that carry our reference too, though the journal does not know them: an opening's answer may be lost.
        """
        case = case_of(row, kind.settings)
        former = cursor.seen.get(case.id)
        if not whole:
            if former and former[1] == stamp_of(case.updated_at):
                return None
            row, _ = await kind.client.read_case(str(id_of(row, kind.settings)))
            case = case_of(row, kind.settings)
        found = verdict(former, case)
        ours = case.id in watch or self._is_ours(case)
        if former is None and stamp_of(case.updated_at) < cursor.start and not ours:
            found = "same"
        news = found == "news" or (found == "ours" and await self._commented(kind, row, former[1] if former else 0))
        cursor.seen[case.id] = seen_of(case)
        if self._is_ours(case):
            cursor.refs[case.id] = digest_of(case.reference)[:12]
        return polled(case, row, cursor.seen[case.id][0]) if news else None

    def _is_ours(self, case: Case) -> bool:
        return environment_of(case.reference) == self.resources.environment

    async def _commented(self, kind: CaseType, row: Json, since: int) -> bool:
        """Whether somebody else commented after `since`: our own later change would hide it."""
        if not kind.client.dialect.offers("list_comments"):
            return False
        rows = await kind.client.comments(str(id_of(row, kind.settings)))
        comments = [comment_of(row, kind.settings) for row in rows]
        return any(not comment.ours and stamp_of(comment.created_at) > since for comment in comments)


def polled(case: Case, row: Json, digest: str, why: str = "") -> Polled:
    """A case as the journal stores it; `why` makes another version of the same state."""
    version = str(stamp_of(case.updated_at)) if case.updated_at else digest
    return Polled(KIND, case.id, version + why, orjson.dumps(row))


class ListReader(ChangeReader):
    """Reads the lists of all case definitions, one after another."""

    @property
    def lists(self) -> tuple[CaseType, ...]:
        """The definitions whose list is read: all, or only the first where one list holds the cases of all."""
        path = self.types.first.client.dialect.target("list_cases")[1]
        others = (kind.client.dialect.target("list_cases")[1] for kind in self.types.all[1:])
        return self.types.all if all(other != path for other in others) else (self.types.first,)

    async def read(self, text: str | None, watch: Sequence[str]) -> Page:
        """The next page; what is not known yet (a new connection, a new definition) begins at now."""
        cursors = Cursors.parse(text) if text else Cursors()
        names = [kind.name for kind in self.lists]
        new = [kind for kind in self.lists if kind.name not in cursors.of]
        for kind in new:
            cursors.of[kind.name] = await self._begin(kind, watch)
        cursors.of = {name: cursors.of[name] for name in names}
        if text is None:
            return Page((), str(cursors))
        turn = cursors.turn if cursors.turn in names else names[0]
        kind = self.types.named(turn)
        items, last = await self._page(kind, cursors.of[turn], watch)
        after = names[names.index(turn) + 1 :] if last else [turn]
        cursors.turn = after[0] if after else ""
        return Page(tuple(items), str(cursors), more=bool(after))

    def stamps(self, kind: CaseType, rows: Sequence[Json]) -> list[int]:
        """Change stamps of a page. A list that is not as the settings say would hide changes: an error."""
        settings = kind.settings
        stamps = [stamp_of(case_of(row, settings).updated_at) for row in rows]
        if not all(stamps):
            raise PermanentError(
                f"the list's cases carry no time at `fields.updated_on` = {settings.fields.updated_on!r}: "
                "correct it, or set `listing.changes` to watch"
            )
        if settings.listing.sort and any(later > earlier for earlier, later in pairwise(stamps)):
            raise PermanentError(
                "the list is not sorted by last change, newest first: correct `listing.sort`, or make it empty"
            )
        return stamps

    async def _begin(self, kind: CaseType, watch: Sequence[str]) -> Cursor:
        """The mark is the newest stamp on the platform: its clock counts, not ours, and nothing before it is told.

        Only a case of ours may have been decided before this first look, even while it waited for its turn: such
        cases are left for the next one, which knows what is open by then, and the mark goes back to them.
        """
        cursor, listing = Cursor(), kind.settings.listing
        rows = await kind.client.page_of_cases(listing.sort)
        cursor.top = max(self.stamps(kind, rows), default=0)
        cases = [case_of(row, own.settings) for row in rows if (own := self._type_of(kind, row))]
        ours = {case.id: stamp_of(case.updated_at) for case in cases if case.id in watch or self._is_ours(case)}
        if listing.rows == "full":
            cursor.seen = {case.id: seen_of(case) for case in cases if case.id not in ours}
        if not listing.sort:
            cursor.top = stamp_of(self.resources.now())
        cursor.finish((), listing.overlap, stamp_of(self.resources.now()))
        cursor.start = cursor.since
        cursor.since = min([cursor.since, *ours.values()])
        return cursor

    async def _page(self, kind: CaseType, cursor: Cursor, watch: Sequence[str]) -> tuple[list[Polled], bool]:
        listing = kind.settings.listing
        bound = cursor.since - int(listing.overlap * 1000)
        query = dict(listing.sort)
        if listing.since_param:
            query[listing.since_param] = time_text(time_of(max(bound, 0)), kind.settings)
        rows = await kind.client.page_of_cases(query, pages=cursor.pages, rows=cursor.rows)
        digest = sha256(orjson.dumps([id_of(row, kind.settings) for row in rows])).hexdigest()[:12]
        last = not rows or digest == cursor.page
        items: list[Polled] = []
        news = [] if digest == cursor.page else list(zip(rows, self.stamps(kind, rows), strict=True))
        for row, stamp in news:
            if stamp < bound:
                # Sorted newest first: everything after this row was read before.
                last = last or bool(listing.sort)
                continue
            cursor.top = max(cursor.top, stamp)
            own = self._type_of(kind, row)
            if own and (item := await self.item(cursor, own, row, watch, whole=listing.rows == "full")):
                items.append(item)
        cursor.pages, cursor.rows, cursor.page = cursor.pages + 1, cursor.rows + len(rows), digest
        if last:
            items += await self._second_cases(cursor, watch)
            cursor.finish(watch, listing.overlap, stamp_of(self.resources.now()))
        return items, last

    def _type_of(self, kind: CaseType, row: Json) -> CaseType | None:
        """The definition of a row; None for a case of a definition that is none of ours, in a list over all."""
        if len(self.lists) == len(self.types.all):
            return kind
        found = text_of(get(row, kind.settings.fields.definition))
        return next((own for own in self.types.all if own.settings.definition_id == found), None)

    async def _second_cases(self, cursor: Cursor, watch: Sequence[str]) -> list[Polled]:
        """A second case with the reference of one that the journal knows is told once, though it is our own doing."""
        items = []
        for case_id in cursor.second_cases(watch):
            kind, own = self.types.of(case_id)
            cursor.doubles.append(case_id)
            try:
                row, _ = await kind.client.read_case(own)
            except PermanentError as error:
                self.resources.log.warning("second case cannot be read", case=case_id, error=str(error))
                continue
            self.resources.log.warning("two cases carry one reference", case=case_id)
            case = case_of(row, kind.settings)
            items.append(polled(case, row, cursor.seen[case_id][0], "+second"))
        return items


class OneByOneReader(ChangeReader):
    """Reads the open cases one by one, within a share of the account's rate."""

    async def read(self, text: str | None, watch: Sequence[str]) -> Page:
        """The next batch of the open cases."""
        now = stamp_of(self.resources.now())
        cursor = Cursor.parse(text) if text else None
        listing = self.types.first.settings.listing
        if cursor is None:
            return Page((), str(Cursor()))
        cursor.allow(now, listing.watch_share * self.types.first.settings.requests_per_second)
        items: list[Polled] = []
        batch = cursor.due(watch, now, listing.watch_batch)
        for case in batch:
            kind, own = self.types.of(case)
            cursor.read[case] = now
            cursor.done.append(case)
            cursor.allowance -= 1
            try:
                document, _ = await kind.client.read_case(own)
                item = await self.item(cursor, kind, document, watch, whole=True)
            except PermanentError as error:
                self.resources.log.warning("open case cannot be read", case=case, error=str(error))
                continue
            if item:
                items.append(item)
        more = bool(cursor.due(watch, now, 1))
        if not more:
            cursor.done = []
            open_now = set(watch)
            cursor.seen = {case: seen for case, seen in cursor.seen.items() if case in open_now}
            cursor.refs = {}
        return Page(tuple(items), str(cursor), more=more)
