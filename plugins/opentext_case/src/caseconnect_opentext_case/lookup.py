"""Finding a case by our own reference. "Not there" is said only when there is reason to believe it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from caseconnect.sdk.errors import PermanentError

from .client import CoreCaseClient, Json
from .config import CoreCaseSettings
from .dotted import get
from .mapping import id_of, parse_time, reference_of

_UNMATCHED = 20
_READ_ONE_BY_ONE = 100


@dataclass(frozen=True)
class Found:
    """The answer of a search: the cases that carry the reference, or None and why it cannot be told."""

    cases: tuple[Json, ...] | None
    why: str = ""


async def find(client: CoreCaseClient, settings: CoreCaseSettings, reference: str) -> Found:
    """The cases that carry `reference`, oldest first. A row counts only if the reference in it is the same."""
    listing = settings.listing
    if listing.find == "none":
        return Found(None, "`listing.find` is none: cases cannot be found by our reference")
    if not reference:
        return Found(None, "the command carries no reference")
    query = search_query(settings, reference) if listing.find == "attribute" else dict(listing.sort)
    matches: list[Json] = []
    pages = others = 0
    try:
        async for page in client.pages_of_cases(query):
            for row in page:
                case = await _whole(client, settings, row)
                if reference_of(case, settings) == reference:
                    matches.append(case)
                else:
                    others += 1
                if why := _hopeless(settings, others):
                    return _sorted(matches, settings) or Found(None, why)
            pages += 1
            if pages >= listing.find_pages:
                return _sorted(matches, settings) or Found(None, f"not in the {pages} pages read; there are more")
            if matches and listing.find == "listing":
                break
    except PermanentError as error:
        return Found(None, f"the search is refused: {error}")
    return _sorted(matches, settings) or Found(())


async def find_surely(client: CoreCaseClient, settings: CoreCaseSettings, reference: str) -> Found:
    """As `find`, but a search that finds nothing must prove itself, because a create will rely on it.

    Many services answer an empty list to a search by a name that they do not know. So the newest cases are looked
    through by eye, and a reference that is seen there must be found by the same search.
    """
    found = await find(client, settings, reference)
    if settings.listing.find != "attribute" or found.cases is None or found.cases:
        return found
    try:
        rows = await client.page_of_cases(settings.listing.sort)
        cases = [await _whole(client, settings, row) for row in rows[:_UNMATCHED]]
    except PermanentError as error:
        return Found(None, f"the search finds nothing, and the list, read to make sure, is refused: {error}")
    matches = [case for case in cases if reference_of(case, settings) == reference]
    if matches:
        return _sorted(matches, settings) or Found(())
    known = next((other for case in reversed(cases) if (other := reference_of(case, settings))), None)
    if known and not (await find(client, settings, known)).cases:
        return Found(None, "the search does not even find a case that is there; it does not search by our reference")
    return found


def search_query(settings: CoreCaseSettings, reference: str) -> dict[str, str]:
    """The parameters that ask for one reference."""
    name = settings.listing.search_name or settings.fields.reference.rsplit(".", 1)[-1]
    if settings.listing.search == "parameter":
        return {name: reference}
    quoted = reference.replace("'", "''")
    return {settings.listing.search_param: f"{name} eq '{quoted}'"}


def _hopeless(settings: CoreCaseSettings, others: int) -> str:
    if settings.listing.find == "attribute" and others > _UNMATCHED:
        return "the search ignores the reference and answers other cases"
    if settings.listing.rows == "summary" and others > _READ_ONE_BY_ONE:
        return f"not among {others} cases that were read one by one; there are more"
    return ""


async def _whole(client: CoreCaseClient, settings: CoreCaseSettings, row: Json) -> Json:
    if settings.listing.rows == "full" or reference_of(row, settings) is not None:
        return row
    case = id_of(row, settings)
    return row if case is None else (await client.read_case(case))[0]


def _sorted(matches: list[Json], settings: CoreCaseSettings) -> Found | None:
    def made(case: Json) -> tuple[datetime, Any]:
        at = parse_time(get(case, settings.fields.created_on))
        return at or datetime.max.replace(tzinfo=UTC), id_of(case, settings)

    # The same case on two pages, because the list moved, is one case.
    unique = {id_of(case, settings): case for case in matches}
    return Found(tuple(sorted(unique.values(), key=made))) if unique else None
