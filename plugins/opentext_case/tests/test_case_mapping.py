from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseconnect.models import Case
from caseconnect.sdk.commands import OpenCase, UpdateCase
from caseconnect.sdk.errors import PermanentError
from caseconnect_opentext_case import composing, mapping
from caseconnect_opentext_case.dotted import drop, get, members, put

SERVICE = "c30ae6fb-928e-48c3-a558-081b58f619e5"

TIMES: list[tuple[Any, datetime | None]] = [
    ("2021-01-12T16:09:09.193+0000", datetime(2021, 1, 12, 16, 9, 9, 193000, UTC)),
    ("2003-08-04T03:37:26.578Z", datetime(2003, 8, 4, 3, 37, 26, 578000, UTC)),
    ("2021-01-12T16:09:09+02:00", datetime(2021, 1, 12, 14, 9, 9, tzinfo=UTC)),
    ("2021-01-12T16:09:09-0530", datetime(2021, 1, 12, 21, 39, 9, tzinfo=UTC)),
    ("2021-01-12T16:09:09.123456789Z", datetime(2021, 1, 12, 16, 9, 9, 123456, UTC)),
    ("2021-01-12 16:09:09", datetime(2021, 1, 12, 16, 9, 9, tzinfo=UTC)),
    (" 2021-01-12T16:09:09Z ", datetime(2021, 1, 12, 16, 9, 9, tzinfo=UTC)),
    ("0001-01-01T00:00:00+05:00", None),
    ("yesterday", None),
    ("", None),
    (None, None),
    (1610467749193, None),
    ({}, None),
]


@pytest.mark.parametrize(("text", "at"), TIMES)
def test_both_spellings_of_a_time(text: Any, at: Any) -> None:
    assert mapping.parse_time(text) == at


@pytest.mark.parametrize(("spelling", "end"), [("zulu", "Z"), ("offset", "+0000")])
def test_time_that_is_sent(settings_of: Any, spelling: Any, end: Any) -> None:
    settings = settings_of(timestamps=spelling)
    text = mapping.time_text(datetime(2021, 1, 12, 16, 9, 9, 193999, UTC), settings)
    assert text == f"2021-01-12T16:09:09.193{end}"
    assert mapping.parse_time(text) == datetime(2021, 1, 12, 16, 9, 9, 193000, UTC)


TEXTS = [
    ("x", "x"),
    ("", None),
    (None, None),
    (3, "3"),
    (1.5, "1.5"),
    (True, "true"),
    (False, "false"),
    ([], None),
    (["x"], None),
    ({}, None),
    ({"id": "u1", "email": "a@example.com"}, "a@example.com"),
    ({"id": "u1", "name": "Open"}, "Open"),
    ({"name": {"name": "deep"}}, None),
]


@pytest.mark.parametrize(("value", "text"), TEXTS)
def test_values_as_text(value: Any, text: Any) -> None:
    assert mapping.text_of(value) == text


def document(default: Any = None, custom: Any = None, **top: Any) -> Any:
    return {"id": "c1", **top, "caseProperties": {"defaultAttributes": default or {}, "customAttributes": custom or {}}}


CASES = [
    (document(), {"id": "c1", "status": None, "outcome": None, "closed": False, "updated_at": None}),
    ({"caseProperties": {"defaultAttributes": {"id": "d1"}}}, {"id": "d1"}),
    (document({"caseTitle": "T", "caseNumber": "CASE-7"}), {"title": "T", "number": "CASE-7"}),
    (document({"status": "CLOSED"}), {"status": "CLOSED", "closed": True}),
    (document({"status": {"name": "Closed"}}), {"status": "Closed", "closed": True}),
    (document({"status": " Closed "}), {"status": " Closed ", "closed": True}),
    (document({"priority": "medium"}), {"priority": "normal"}),
    (document({"priority": "P1"}), {"priority": "P1"}),
    (document({"assignee": {"email": "a@example.com"}}), {"assignee": "a@example.com"}),
    (document(custom={"outcome": "approved", "decidedBy": "u9"}), {"outcome": "approved", "decided_by": "u9"}),
    (document(custom={"outcome": ""}), {"outcome": None}),
    (document(custom={"outcome": None}), {"outcome": None}),
    (document(custom={"outcome": "  "}), {"outcome": None}),
    (document(custom={"externalReference": "t/s/o/1/r/1"}), {"reference": "t/s/o/1/r/1", "attributes": {}}),
    (
        document(custom={"total": 12.5, "vip": True, "empty": "", "list": []}),
        {"attributes": {"total": "12.5", "vip": "true"}},
    ),
    (document({"lastUpdatedBy": "u1"}), {"updated_by": "u1", "updated_by_us": False}),
    (document({"lastUpdatedBy": SERVICE}), {"updated_by": SERVICE, "updated_by_us": True}),
    (document({"lastUpdatedBy": "u1", "lastUpdatedByUser": {"etsUuid": SERVICE}}), {"updated_by_us": True}),
    (document({"lastUpdatedByUser": {"email": "SVC@example.com"}}), {"updated_by_us": True}),
    (
        document({"lastUpdatedOn": "2021-01-12T16:09:09.193+0000"}),
        {"updated_at": datetime(2021, 1, 12, 16, 9, 9, 193000, UTC)},
    ),
]


@pytest.mark.parametrize(("body", "expected"), CASES)
def test_case_read(settings_of: Any, body: Any, expected: Any) -> None:
    settings = settings_of(service_account=[SERVICE, "svc@example.com"])
    case = mapping.case_of(body, settings)
    assert {name: getattr(case, name) for name in expected} == expected
    assert Case.model_validate_json(case.model_dump_json()) == case


@pytest.mark.parametrize(
    "written",
    [
        "Generell genehmigt: für Müller",
        "GENERELL GENEHMIGT:  FÜR MÜLLER ",
        "Generell genehmigt: fu\u0308r Mu\u0308ller\u00a0",
    ],
)
def test_an_outcome_is_told_however_it_is_written(settings_of: Any, written: str) -> None:
    settings = settings_of(outcomes={"Generell genehmigt: für Müller": "approved"})
    assert mapping.case_of(document(custom={"outcome": written}), settings).outcome == "approved"


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": []}, {"id": ""}, {"caseProperties": "x"}])
def test_case_without_an_id_is_no_case(settings_of: Any, body: Any) -> None:
    with pytest.raises(PermanentError, match=r"fields\.id"):
        mapping.case_of(body, settings_of())


BASE = {"status": "Open", "stage": "Review"}
DECIDED = {"outcome": "approved", "decidedBy": "u1", "decidedOn": "2026-01-01T00:00:00Z"}
REVISIONS = [
    (BASE, DECIDED, True),
    (BASE | {"caseTitle": "other", "priority": "High", "lastUpdatedOn": "2026-01-02T00:00:00Z"}, DECIDED, True),
    (BASE, DECIDED | {"note": "x"}, True),
    (BASE, DECIDED | {"decidedOn": "2026-01-01T00:00:00.000+0000"}, True),
    (BASE | {"status": "Closed"}, DECIDED, False),
    (BASE | {"stage": "Done"}, DECIDED, False),
    (BASE, DECIDED | {"outcome": "rejected"}, False),
    (BASE, DECIDED | {"decidedBy": "u2"}, False),
    (BASE, DECIDED | {"decidedOn": "2026-01-01T00:00:01Z"}, False),
    (BASE, {}, False),
]


@pytest.mark.parametrize(("default", "custom", "same"), REVISIONS)
def test_revision_moves_with_the_decision_only(settings_of: Any, default: Any, custom: Any, same: Any) -> None:
    settings = settings_of()
    first = mapping.revision_of(document(BASE, DECIDED), settings)
    assert (mapping.revision_of(document(default, custom), settings) == first) is same


def test_comments_are_ours_by_author_or_mark(settings_of: Any) -> None:
    marked = {"id": "k1", "message": composing.marked("Held.", "key", 1000), "createdBy": "u1"}
    known, unknown = settings_of(service_account=[SERVICE]), settings_of()
    assert mapping.comment_of({"id": "k", "createdBy": SERVICE}, known).ours
    assert not mapping.comment_of(marked, known).ours
    assert mapping.comment_of(marked, unknown).ours
    assert not mapping.comment_of({"id": "k", "message": "Held.", "createdBy": "u1"}, unknown).ours
    read = mapping.comment_of({"message": "x", "createdOn": "2026-01-01T00:00:00.000+0000"}, known)
    assert (read.text, read.created_at, read.id) == ("x", datetime(2026, 1, 1, tzinfo=UTC), "")


def test_an_answer_below_a_comment_of_ours_is_somebody_elses(settings_of: Any) -> None:
    quoted = composing.marked("Held.", "key", 1000)
    assert mapping.comment_of({"message": quoted + "\r\n"}, settings_of()).ours
    assert not mapping.comment_of({"message": f"{quoted}\n\nRelease it, the bank called."}, settings_of()).ours


@pytest.mark.parametrize(
    ("there", "same"), [(25, True), (25.0, True), ("25.0", True), (26, False), (True, False), (None, False)]
)
def test_a_number_is_there_however_it_is_spelled(settings_of: Any, there: Any, same: bool) -> None:
    settings = settings_of(attributes={"total": {"path": "caseProperties.customAttributes.total", "type": "number"}})
    command = UpdateCase(name="n", attributes={"total": "25.00"})
    values, _ = composing.update_of(command, settings)
    assert composing.holds(document(custom={"total": there}), values) is same


def test_marks_differ_and_stay_on_the_last_line() -> None:
    text = composing.marked("Line one\nLine two", "key-1", 1000)
    assert text.splitlines()[-1] == composing.marker("key-1")
    assert composing.marker("key-1") != composing.marker("key-2")


def test_new_case_is_the_documented_body(settings_of: Any) -> None:
    settings = settings_of(
        fields={"priority": ""}, create={"constants": {"caseProperties.customAttributes.queue": "Fraud"}}
    )
    command = OpenCase(title="T", description="S", client_name="Bob", reference="t/s/o/1/r/1")
    assert composing.new_case(command, settings) == {
        "caseType": {"id": "def-1"},
        "caseConfigId": "conf-1",
        "caseProperties": {
            "defaultAttributes": {"caseTitle": "T", "summary": "S", "clientName": "Bob"},
            "customAttributes": {"queue": "Fraud", "externalReference": "t/s/o/1/r/1"},
        },
    }


def test_edit_does_not_change_what_was_read(settings_of: Any) -> None:
    current = document({"caseTitle": "T", "lastUpdatedOn": "x"}, {"a": "1"})
    settings = settings_of(edit={"leave_out": ["caseProperties.defaultAttributes.lastUpdatedOn"]})
    body = composing.edit_of(current, {"caseProperties.customAttributes.a": "2", "priority": "High"}, settings)
    assert body == {
        "caseProperties": {"defaultAttributes": {"caseTitle": "T"}, "customAttributes": {"a": "2"}},
        "priority": "High",
    }
    assert current == document({"caseTitle": "T", "lastUpdatedOn": "x"}, {"a": "1"})


NAMES = st.text(alphabet="abcXYZ_", min_size=1, max_size=4)


@given(st.dictionaries(NAMES, st.one_of(st.text(), st.integers(), st.none())), NAMES, st.text(), st.booleans())
def test_what_is_put_can_be_got_and_dropped(there: Any, name: Any, value: Any, pairs: Any) -> None:
    holder = [{"name": k, "value": v} for k, v in there.items()] if pairs else dict(there)
    document = {"properties": {"custom": holder, "other": 1}}
    path = f"properties.custom.{name}"
    put(document, path, value)
    assert get(document, path) == value
    assert members(document["properties"]["custom"]) == there | {name: value}
    drop(document, path)
    assert get(document, path) is None
    assert members(document["properties"]["custom"]) == {k: v for k, v in there.items() if k != name}
    assert document["properties"]["other"] == 1


@pytest.mark.parametrize(
    ("start", "pairs", "result"),
    [
        ({}, "", {"a": {"b": {"c": 1}}}),
        ({}, "a.b", {"a": {"b": [{"name": "c", "value": 1}]}}),
        ({"a": None}, "", {"a": {"b": {"c": 1}}}),
        ({"a": {"b": [{"name": "c", "value": 0}]}}, "", {"a": {"b": [{"name": "c", "value": 1}]}}),
        ({"a": {"b": {"d": 2}}}, "a.b", {"a": {"b": {"d": 2, "c": 1}}}),
    ],
)
def test_put_makes_the_way(start: Any, pairs: Any, result: Any) -> None:
    put(start, "a.b.c", 1, pairs=pairs)
    assert start == result


@given(st.text(), st.integers(0, 30))
def test_cut_keeps_to_the_limit(text: Any, limit: Any) -> None:
    assert len(composing.cut(text, limit)) <= limit or len(text) <= limit
    assert composing.cut(text, None) == text
