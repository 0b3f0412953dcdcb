"""A client of the Core Case API. It knows no canonical model and repeats nothing but a request refused with 401."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from caseconnect.sdk.errors import AuthError, ConnectError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.http import Http, Part, Response
from caseconnect.sdk.texts import leaves
from caseconnect.sdk.tokens import TokenCache

from .dialect import Dialect, rows_of
from .refusals import Asked, explain, judge

Json = dict[str, Any]
"""A JSON object."""


@dataclass(frozen=True)
class Reply:
    """A usable answer: its JSON (None when empty) and the record's `ETag` if the server has one."""

    data: Any
    etag: str | None = None


@dataclass(frozen=True)
class Download:
    """A document's bytes and the content type that came with them."""

    content: bytes
    media_type: str


class CoreCaseClient:
    """Calls one tenant's Core Case for one case definition. Safe to share between tasks."""

    def __init__(self, http: Http, tokens: TokenCache, dialect: Dialect, now: Callable[[], datetime]) -> None:
        self.http, self.tokens, self.dialect, self._now = http, tokens, dialect, now

    def of(self, definition: str) -> CoreCaseClient:
        """The same client for another case definition of the account."""
        return CoreCaseClient(self.http, self.tokens, replace(self.dialect, definition=definition), self._now)

    async def sign_in(self) -> None:
        """Get a token, or the error of not getting one."""
        await self.tokens.get()

    async def read_definition(self) -> Json:
        """The case definition."""
        return _object((await self._call("read_definition")).data, "read_definition")

    async def create_case(self, document: Mapping[str, Any], files: Sequence[Part] = ()) -> Json:
        """Make a case; the answer as it came. With JSON encoding `files` must be attached afterwards."""
        if self.dialect.encoding == "json":
            if files:
                raise PermanentError("a create in JSON takes no files: attach them to the case afterwards")
            answer = (await self._call("create_case", json=document)).data
        else:
            spoken = self.dialect
            content = orjson.dumps(document)
            part = Part(spoken.case_part, content, spoken.case_filename or None, spoken.case_media_type)
            # A file part is named by the dialect, whatever the caller called it.
            parts = [part, *(Part(spoken.file_part, f.content, f.filename or f.name, f.media_type) for f in files)]
            answer = (await self._call("create_case", parts=parts, sent=tuple(leaves(document)))).data
        if not isinstance(answer, dict):
            raise UnknownOutcome("create_case: the case was taken, but the answer is no JSON object with its id")
        return answer

    async def read_case(self, case: str) -> tuple[Json, str | None]:
        """A case and its `ETag`."""
        reply = await self._call("read_case", case)
        return _object(reply.data, "read_case"), reply.etag

    async def edit_case(self, case: str, body: Mapping[str, Any], etag: str | None = None) -> None:
        """PUT the case's data. With `etag` a case that changed meanwhile is a `TransientError`."""
        await self._call("edit_case_data", case, json=body, if_match=etag)

    async def add_comment(self, case: str, text: str) -> Any:
        """Add a comment; the answer as it came."""
        body = {**self.dialect.comment_body, self.dialect.comment_key: text}
        return (await self._call("add_comment", case, json=body)).data

    async def attach(self, case: str, file: Part) -> None:
        """Add a document to a case."""
        part = Part(self.dialect.attachment_part, file.content, file.filename or file.name, file.media_type)
        await self._call("add_attachment", case, parts=[part])

    async def page_of_cases(self, query: Mapping[str, str], *, pages: int = 0, rows: int = 0) -> list[Json]:
        """The page of the case list that follows `pages` pages with `rows` rows."""
        asked = {**query, **self.dialect.paging.query(pages, rows)}
        answer = (await self._call("list_cases", query=asked)).data
        return _listed(answer, self.dialect.cases_items, "list_cases")

    async def pages_of_cases(self, query: Mapping[str, str]) -> AsyncIterator[list[Json]]:
        """All pages until an empty one, or one that repeats the former (a server that does not page)."""
        pages, rows = 0, 0
        former: list[Json] = []
        while page := await self.page_of_cases(query, pages=pages, rows=rows):
            if page == former:
                return
            yield page
            former, pages, rows = page, pages + 1, rows + len(page)

    async def comments(self, case: str, most: int = 2000) -> list[Json]:
        """A case's comments, at most about `most`."""
        spoken = self.dialect
        return await self._rows("list_comments", case, spoken.comments_items, most, paged=spoken.comments_paged)

    async def attachments(self, case: str, most: int = 500) -> list[Json]:
        """What is said of a case's documents, at most about `most`."""
        spoken = self.dialect
        return await self._rows(
            "list_attachments", case, spoken.attachments_items, most, paged=spoken.attachments_paged
        )

    async def download(self, case: str, attachment: str) -> Download:
        """A document's bytes."""
        response, _ = await self._sent("read_attachment", case, attachment=attachment, accept="*/*")
        media_type = response.headers.get("content-type", "").partition(";")[0].strip()
        return Download(response.body, media_type)

    async def tasks(self, case: str, query: Mapping[str, str]) -> list[Json]:
        """A page of a case's tasks."""
        answer = (await self._call("list_tasks", case, query=query)).data
        return _listed(answer, self.dialect.tasks_items, "list_tasks")

    async def close_case(self, case: str, body: Mapping[str, Any]) -> None:
        """Close a case by the operation for it."""
        await self._call("close_case", case, json=body)

    async def _rows(self, operation: str, case: str, items: str, most: int, *, paged: bool) -> list[Json]:
        # A row that was added meanwhile moves others to the next page: each counts once, and a page without a new one
        # is the end, which is also how a server that does not page answers.
        found: dict[bytes, Json] = {}
        pages = rows = 0
        while len(found) < most:
            query = self.dialect.paging.query(pages, rows) if paged else {}
            page = _listed((await self._call(operation, case, query=query)).data, items, operation)
            known = len(found)
            found |= {orjson.dumps(row, option=orjson.OPT_SORT_KEYS): row for row in page}
            pages, rows = pages + 1, rows + len(page)
            if len(found) == known or not paged:
                break
        return list(found.values())

    async def _call(
        self,
        operation: str,
        case: str = "",
        *,
        query: Mapping[str, str] | None = None,
        json: Any = None,
        parts: Sequence[Part] | None = None,
        if_match: str | None = None,
        sent: tuple[str, ...] = (),
    ) -> Reply:
        sent = sent or (*leaves(json), *leaves(query or {}))
        response, asked = await self._sent(
            operation, case, query=query, json=json, parts=parts, if_match=if_match, sent=sent
        )
        if not response.body.strip():
            return Reply(None, response.headers.get("etag"))
        try:
            return Reply(orjson.loads(response.body), response.headers.get("etag"))
        except orjson.JSONDecodeError:
            kind = response.headers.get("content-type", "no content type")
            text = f"{asked.what}: HTTP {response.status}: expected JSON, got {len(response.body)} bytes of {kind}"
            raise self._lost(UnknownOutcome(text), not asked.writes) from None

    async def _sent(
        self,
        operation: str,
        case: str = "",
        *,
        attachment: str = "",
        accept: str = "application/json",
        query: Mapping[str, str] | None = None,
        json: Any = None,
        parts: Sequence[Part] | None = None,
        if_match: str | None = None,
        sent: tuple[str, ...] = (),
    ) -> tuple[Response, Asked]:
        method, path = self.dialect.target(operation, case, attachment)
        reads = method in {"GET", "HEAD"}
        asked = Asked(f"{operation} ({method} {path})", not reads, if_match is not None, sent)
        told = ""
        for _ in range(2):
            token = await self.tokens.get()
            headers = {"accept": accept, "authorization": f"Bearer {token}"}
            if if_match:
                headers["if-match"] = if_match
            try:
                response = await self.http.request(
                    method, path, headers=headers, query=query or None, json=json, parts=parts
                )
            except UnknownOutcome as error:
                raise self._lost(error, reads) from error
            if response.status != 401:
                if refused := judge(response, asked, self._now(), self.dialect.retry_statuses):
                    raise refused
                return response, asked
            # Refused before anything was done: the one repeat outside the journal, with a new token.
            self.tokens.drop(token)
            told = explain(response, sent)
        raise AuthError(f"{asked.what}: HTTP 401 also with a new token" + (f": {told}" if told else ""))

    @staticmethod
    def _lost(error: UnknownOutcome, reads: bool) -> ConnectError:
        return TransientError(str(error)) if reads else error


def _listed(data: Any, items: str, what: str) -> list[Json]:
    if not isinstance(data, dict | list):
        raise TransientError(f"{what}: the answer is no list")
    return rows_of(data, items, what)


def _object(data: Any, what: str) -> Json:
    if not isinstance(data, dict):
        raise TransientError(f"{what}: the answer is no JSON object")
    return data
