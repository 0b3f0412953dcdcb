from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx  # noqa: TID251 - tests may
import orjson
import pytest

from caseconnect.sdk.errors import PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.http import Response
from caseconnect.sdk.testing.resources import make_resources
from caseconnect.sdk.testing.virtual import run
from caseconnect_opentext_case.connection import client_of
from caseconnect_opentext_case.dialect import rows_of
from caseconnect_opentext_case.refusals import Asked, explain, judge

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FAULT = {"fault": {"faultstring": "Rate limit", "detail": {"errorcode": "policies.ratelimit.QuotaViolation"}}}


def answer(status: Any, body: Any = b"", **headers: Any) -> Any:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Response(status, {"content-type": "application/json", **headers}, raw)


TEXTS = [
    (FAULT, "Rate limit (policies.ratelimit.QuotaViolation)"),
    ({"fault": {"faultstring": "x"}, "exception": "y"}, "x"),
    ({"exception": "Case 7 does not exist.", "message": "m"}, "Case 7 does not exist."),
    ({"message": "m", "error": "e"}, "m"),
    ({"error": "invalid_scope", "error_description": "No such scope."}, "invalid_scope: No such scope."),
    ({"error_description": "Only this."}, "Only this."),
    ({"error": {"message": "inner"}}, "inner"),
    ({"unknown": 1}, ""),
    ([1, 2], ""),
    (b"plain text", "plain text"),
    (b"two\n  lines\x00", "two lines"),
    (b"<html><h1>Bad Gateway</h1></html>", "an HTML page instead of an API answer (a proxy's or a sign-in page)"),
    (b"", ""),
    (b"\xff\xfe", "��"),
]


@pytest.mark.parametrize(("body", "text"), TEXTS)
def test_error_text_is_found(body: Any, text: Any) -> None:
    assert explain(answer(400, body)) == text


@pytest.mark.parametrize(
    ("told", "hidden"),
    [
        ("assignee kim.mustermann@example.com is unknown", "kim.mustermann@example.com"),
        ("call +49 (30) 1234-5678 first", "1234-5678"),
        ("clientName 'Kim Mustermann' is too long", "Kim Mustermann"),
    ],
)
def test_personal_data_is_masked(told: Any, hidden: Any) -> None:
    text = explain(answer(400, {"exception": told}), sent=("Kim Mustermann", "xy", ""))
    assert hidden not in text
    assert text


def test_ids_stay_readable_and_texts_short() -> None:
    case = "7a51c9f0-52c4-4f0b-8f2e-3d7f4b1f9e01"
    assert (
        explain(answer(404, {"exception": f"Case {case} does not exist"}), sent=(case,))
        == f"Case {case} does not exist"
    )
    assert len(explain(answer(400, b"x" * 5000))) == 240


STATUSES = [
    (200, {}, None, None, None),
    (204, {}, None, None, None),
    (301, {}, PermanentError, PermanentError, None),
    (302, {}, TransientError, UnknownOutcome, None),
    (308, {}, PermanentError, PermanentError, None),
    (400, {}, PermanentError, PermanentError, None),
    (403, {}, PermanentError, PermanentError, None),
    (404, {}, PermanentError, PermanentError, None),
    (408, {}, TransientError, TransientError, None),
    (409, {}, PermanentError, PermanentError, None),
    (413, {}, PermanentError, PermanentError, None),
    (429, {}, TransientError, TransientError, None),
    (429, {"retry-after": "7"}, TransientError, TransientError, 7.0),
    (500, {}, TransientError, UnknownOutcome, None),
    (502, {"retry-after": "7"}, TransientError, UnknownOutcome, 7.0),
    (503, {}, TransientError, UnknownOutcome, None),
    (503, {"retry-after": "7"}, TransientError, TransientError, 7.0),
    (503, {"retry-after": "Sun, 01 Nov 2026 00:01:00 GMT"}, TransientError, TransientError, 60.0),
    (504, {}, TransientError, UnknownOutcome, None),
]


@pytest.mark.parametrize(("status", "headers", "reading", "writing", "wait"), STATUSES)
def test_status_says_what_the_host_must_do(status: Any, headers: Any, reading: Any, writing: Any, wait: Any) -> None:
    for writes, error in ((False, reading), (True, writing)):
        found = judge(answer(status, {"exception": "why"}, **headers), Asked("create_case", writes), NOW)
        assert type(found) is (error or type(None))
        if found is not None:
            assert f"HTTP {status}" in str(found)
            assert "why" in str(found)
        if isinstance(found, TransientError):
            assert found.retry_after == wait


def test_stale_etag_is_tried_again() -> None:
    for status in (409, 412):
        asked = Asked("edit_case_data", writes=True, conditional=True)
        assert isinstance(judge(answer(status), asked, NOW), TransientError)


ROWS = [
    ({}, "_embedded.cases", []),
    ({"total": 0}, "_embedded.cases", []),
    ({"_embedded": {}}, "_embedded.cases", []),
    ({"_embedded": {"cases": []}}, "_embedded.cases", []),
    ({"_embedded": {"cases": [{"id": 1}, None, 7]}}, "_embedded.cases", [{"id": 1}]),
    ([{"id": 1}], "_embedded.cases", [{"id": 1}]),
    ({"items": [{"id": 1}]}, "items", [{"id": 1}]),
    ({"_links": {"self": [{"href": "x"}]}, "items": [{"id": 1}]}, "items", [{"id": 1}]),
]


@pytest.mark.parametrize(("body", "items", "rows"), ROWS)
def test_rows_of_a_list(body: Any, items: Any, rows: Any) -> None:
    assert rows_of(body, items, "list_cases") == rows


@pytest.mark.parametrize("body", [{"items": [{"id": 1}]}, {"_embedded": {"cases": {"id": 1}}}])
def test_rows_elsewhere_are_not_taken_for_none(body: Any) -> None:
    with pytest.raises(PermanentError, match="items"):
        rows_of(body, "_embedded.cases", "list_cases")


@pytest.mark.parametrize("name", ["error", "errors", "exception", "fault", "message"])
def test_an_error_told_with_200_is_no_empty_list(name: str) -> None:
    """Else a page of changes would be passed over, and a case that is there not be found."""
    with pytest.raises(TransientError, match="tells an error"):
        rows_of({name: "the search is being rebuilt"}, "_embedded.cases", "list_cases")


@pytest.mark.parametrize("body", [b"", b"null", b"7", b"<html></html>", b'{"_embedded":'])
@pytest.mark.parametrize("operation", ["page_of_cases", "comments", "read_case"])
def test_answers_that_cannot_be_used(settings_of: Any, body: Any, operation: Any) -> None:
    async def story() -> None:
        def handle(request: Any) -> Any:
            token = request.url.path.endswith("/token")
            return httpx.Response(200, json={"access_token": "t"}) if token else httpx.Response(200, content=body)

        resources = make_resources(transport=httpx.MockTransport(handle), secrets={"CC_SECRET": "connect-secret"})
        asking = client_of(settings_of(), resources)
        with pytest.raises(TransientError):
            await getattr(asking, operation)({} if operation == "page_of_cases" else "c1")

    run(story())


def test_operation_that_is_not_offered_is_named(settings_of: Any) -> None:
    async def story() -> None:
        resources = make_resources(secrets={"CC_SECRET": "connect-secret"})
        settings = settings_of(paths={"add_comment": ""})
        with pytest.raises(PermanentError, match=r"paths\.add_comment"):
            await client_of(settings, resources).add_comment("c1", "x")

    run(story())


def test_ids_are_quoted_in_paths(settings_of: Any) -> None:
    method, path = settings_of(definition_id="a/b?c").dialect().target("read_case", "../x")
    assert (method, path) == ("GET", "/api/v1/case-definitions/a%2Fb%3Fc/cases/..%2Fx")
