"""Whatever text comes to the journal is a value: none of it becomes a statement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_desk import ORDER, TENANT, Desk, delivery, finished, look

from caseconnect.host.journal.privacy import Whom
from caseconnect.host.journal.records import Resolved
from caseconnect.sdk.subjects import Subject

HOSTILE = [
    "'; DROP TABLE deliveries; --",
    "' OR '1'='1",
    '" OR 1=1 --',
    "1; UPDATE events SET state='done'",
    "') UNION SELECT value FROM meta --",
    "%",
    "_",
    "*",
    "$[0]",
    "\\",
    "[]",
    "null",
    "a\0b",
]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_a_statement(desk: Desk, text: str) -> None:
    (kept,) = desk.receive(delivery("kept", b"kept"))
    desk.parsed(kept.seq, Resolved(look(), ORDER))
    before = desk.sql("SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM deliveries)")
    assert desk.journal.find(text) == []
    assert [row["seq"] for row in desk.journal.deliveries(text)] == []
    assert desk.journal.explain(text, Subject(text, text, text))["events"] == []
    assert desk.journal.delivered(text, text, text) == []
    assert finished(desk.journal.erase(Whom(text, text, text, (text,)), (text,), desk.now)).rows["events"] == 0
    assert desk.sql("SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM deliveries)") == before
    (odd,) = desk.receive(delivery(text, text.encode(), topic=text))
    desk.parsed(odd.seq, state="parked", reason=text)
    (row,) = [r for r in desk.journal.stuck()["deliveries"] if r["seq"] == odd.seq]
    assert (row["delivery_id"], row["topic"]) == (text.replace("\0", "\ufffd"),) * 2
    assert row["reason"] == text
    assert desk.journal.explain(TENANT, ORDER)["events"]
