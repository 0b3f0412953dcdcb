"""How one Core Case is spoken to: operations, parts, keys, paging. Plain data, usable without the framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from caseconnect.sdk.errors import PermanentError, TransientError

_TELLS = frozenset({"error", "errors", "exception", "fault", "message"})


@dataclass(frozen=True)
class Paging:
    """How a list is asked for in parts. `size` is rows a page; which style Core Case has is not documented."""

    style: Literal["page", "offset"] = "page"
    size: int = 50
    page_param: str = "page"
    size_param: str = "items-per-page"
    first_page: int = 1
    offset_param: str = "offset"
    count_param: str = "count"

    def query(self, pages: int, rows: int) -> dict[str, str]:
        """The parameters of the page after `pages` pages with `rows` rows in all."""
        if self.style == "page":
            return {self.page_param: str(self.first_page + pages), self.size_param: str(self.size)}
        return {self.offset_param: str(rows), self.count_param: str(self.size)}


@dataclass(frozen=True)
class Dialect:
    """What a client must be told. `operations` maps a name to `METHOD /path`; an empty one is not offered.

    `definition` fills `{definition}` of the paths; `{case}` is filled per call. `*_items` are dotted keys of the rows.
    `retry_statuses` are statuses beyond the usual ones that surely had no effect.
    """

    definition: str
    operations: Mapping[str, str]
    paging: Paging = Paging()
    encoding: Literal["multipart", "json"] = "multipart"
    case_part: str = "caseInstance"
    case_filename: str = "caseinstance.json"
    case_media_type: str = "application/json"
    file_part: str = "files"
    attachment_part: str = "file"
    cases_items: str = "_embedded.cases"
    comments_items: str = "_embedded.comments"
    comments_paged: bool = True
    comment_body: Mapping[str, Any] = field(default_factory=dict)
    comment_key: str = "message"
    attachments_items: str = "_embedded.attachments"
    attachments_paged: bool = True
    tasks_items: str = "_embedded.tasks"
    retry_statuses: frozenset[int] = frozenset()

    def target(self, operation: str, case: str = "", attachment: str = "") -> tuple[str, str]:
        """Method and path of an operation, ids quoted. `PermanentError` when it is not offered."""
        method, _, path = self.operations.get(operation, "").partition(" ")
        if not path:
            raise PermanentError(
                f"this Core Case offers no {operation!r}: give `settings.paths.{operation}` as 'METHOD /path', "
                "or leave out what needs it"
            )
        path = path.replace("{definition}", quote(self.definition, safe=""))
        path = path.replace("{attachment}", quote(attachment, safe=""))
        return method, path.replace("{case}", quote(case, safe=""))

    def offers(self, operation: str) -> bool:
        """Whether the operation has a path."""
        return bool(self.operations.get(operation))


def rows_of(answer: Any, items: str, what: str) -> list[dict[str, Any]]:
    """The rows of a list's answer. An absent `_embedded` is an empty page, as neighbouring services send it.

    `PermanentError` when rows seem to be there under another key, `TransientError` when an error is told instead:
    "nothing found" would then be a guess.
    """
    found: Any = answer
    for key in items.split(".") if items and not isinstance(answer, list) else ():
        found = found.get(key) if isinstance(found, dict) else None
    if isinstance(found, list):
        return [row for row in found if isinstance(row, dict)]
    others = sorted(_lists(answer, ""))
    if found is not None or others:
        there = f"; lists are at: {', '.join(others)}" if others else ""
        raise PermanentError(f"{what}: no list at {items!r} of the answer{there}. Set its `items` to the right key.")
    if _TELLS.intersection(answer):
        raise TransientError(f"{what}: the answer is no list, but tells an error")
    return []


def _lists(node: Any, place: str) -> list[str]:
    if isinstance(node, dict):
        return [spot for key, value in node.items() for spot in _lists(value, f"{place}.{key}" if place else key)]
    return [place] if isinstance(node, list) and any(isinstance(row, dict) for row in node) else []
