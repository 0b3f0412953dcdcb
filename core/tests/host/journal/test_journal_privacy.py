"""Erasing a shopper: what is personal is gone, what proves and prevents stays, and what is being worked is left."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from journal_desk import ORDER, TENANT, Desk, case_of, delivery, finished, look, now_of

from caseconnect.host.journal import SqliteJournal, privacy
from caseconnect.host.journal.codec import expand
from caseconnect.host.journal.privacy import ERASED, Whom
from caseconnect.host.journal.records import DeliveryResult, NewDelivery, Resolved
from caseconnect.models import Complaint, Money
from caseconnect.sdk.commands import COMMANDS, AnnotateOrder, HoldOrder, RefundPayment
from caseconnect.sdk.events import ComplaintChanged
from caseconnect.sdk.subjects import Subject

START = datetime(2026, 11, 22, tzinfo=UTC)
JANE = "jane@shopper.example"
WHOM = Whom(TENANT, "shop", "7", ("1001",))


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    made = Desk(tmp_path)
    yield made
    made.close()


def worked(desk: Desk, *, closed: bool = True) -> str:
    """An order of Jane's that came in, was decided, acted on, and (perhaps) closed; the key of its command."""
    item = Subject("shop", "complaint", "c1")
    told = ComplaintChanged(
        source="shop", subject=ORDER, item=item, time=desk.now, record=Complaint(id="c1", email=JANE, text="I am Jane")
    )
    (receipt,) = desk.receive(delivery("d1", b'{"email": "jane@shopper.example"}', headers={"x": JANE}))
    desk.parsed(receipt.seq, Resolved(told, ORDER))
    matter = desk.matter()
    command = AnnotateOrder(add_tags=("case-open",), attributes={"shopper": JANE}, target=ORDER)
    (key,) = desk.plan(matter, command)
    desk.send(key, "done")
    if closed:
        desk.sql("SELECT 1")
        writing = desk.journal._writing
        assert writing is not None
        writing.execute("UPDATE matters SET state='closed' WHERE id=?", (matter.id,))
    return key


def everything(path: Path) -> str:
    """All that the file's rows hold, blobs unpacked."""
    db = sqlite3.connect(path)
    found = []
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
        for row in db.execute(f"SELECT * FROM {table}"):
            for value in row:
                if isinstance(value, bytes) and value[:4] == b"\x28\xb5\x2f\xfd":
                    value = expand(value)
                found.append(str(value))
    db.close()
    return "\n".join(found)


def erase(desk: Desk, whom: Whom = WHOM, *texts: str) -> privacy.Receipt:
    return finished(desk.journal.erase(whom, texts, desk.now))


def test_nothing_personal_is_left_and_everything_that_proves_is(desk: Desk) -> None:
    key = worked(desk)
    before = desk.journal.command(key)
    assert before is not None
    assert JANE in everything(desk.path)
    receipt = erase(desk)
    assert "jane" not in everything(desk.path).lower()
    assert receipt.rows["deliveries"] == 1
    assert receipt.rows["events"] == 1
    assert receipt.rows["commands"] == 1
    after = desk.journal.command(key)
    assert after is not None
    assert (after.key, after.kind, after.state, after.target) == (before.key, before.kind, "done", before.target)
    assert desk.journal.explain(TENANT, ORDER)["matters"][0]["findings"][0]["summary"] == ERASED
    assert desk.journal.receipts() == [receipt]
    assert desk.journal.receipts("other") == []


def test_the_file_itself_holds_nothing_after_a_checkpoint(desk: Desk) -> None:
    worked(desk)
    erase(desk)
    desk.close()
    assert JANE.encode() not in desk.path.read_bytes()
    desk.__init__(desk.path.parent)  # type: ignore[misc] # for the fixture's close


def test_the_log_beside_the_file_holds_nothing_either(tmp_path: Path) -> None:
    async def story() -> None:
        journal = SqliteJournal.open(tmp_path / "journal.db", threaded=True)
        new = NewDelivery("acme", "shop", "x", "1", START, JANE.encode())
        (receipt,) = await journal.receive([new], None, START)
        await journal.parsed([("acme", DeliveryResult(receipt.seq, "ignored", "no use"))], START)
        await journal.erase(Whom("acme", "shop", None, ()), [], START)
        files = [tmp_path / "journal.db", tmp_path / "journal.db-wal"]
        for _ in range(100):
            if not any(JANE.encode() in file.read_bytes() for file in files):
                break
            await asyncio.sleep(0.05)  # a real thread empties it, once no reader is on
        assert not any(JANE.encode() in file.read_bytes() for file in files)
        journal.close()

    asyncio.run(story())


def test_the_same_delivery_is_still_known(desk: Desk) -> None:
    worked(desk)
    erase(desk)
    body = b'{"email": "jane@shopper.example"}'
    assert [r.status for r in desk.receive(delivery("d1", body))] == ["duplicate"]
    (again,) = desk.receive(delivery("d2", body))
    assert again.status == "stored"  # not a reference to a body that is gone
    (waiting,) = desk.journal.unparsed(TENANT, desk.now, 10)
    assert waiting.delivery.body == body


def test_an_order_that_is_being_worked_is_left_whole_and_told(desk: Desk) -> None:
    worked(desk, closed=False)
    receipt = erase(desk)
    assert receipt.kept == ("ref/1001-review-1",)
    assert JANE in everything(desk.path)
    writing = desk.journal._writing
    assert writing is not None
    writing.execute("UPDATE matters SET state='closed'")
    assert erase(desk).kept == ()
    assert "jane" not in everything(desk.path).lower()


@pytest.mark.parametrize("state", ["planned", "sending", "unknown", "accepted", "parked"])
def test_a_closed_matter_is_left_whole_while_a_command_of_it_is_open(desk: Desk, state: str) -> None:
    """Its answer was lost: what it says is still needed to look for what became of it."""
    worked(desk)
    writing = desk.journal._writing
    assert writing is not None
    (key,) = desk.sql("SELECT key FROM commands LIMIT 1")[0]
    writing.execute("UPDATE commands SET state=? WHERE key=?", (state, key))
    assert erase(desk).kept == ("ref/1001-review-1",)
    writing.execute("UPDATE commands SET state='done' WHERE key=?", (key,))
    assert erase(desk).kept == ()
    assert "jane" not in everything(desk.path).lower()


def test_deliveries_that_nobody_could_use_are_searched(desk: Desk) -> None:
    bodies = [b'{"email": "Jane@Shopper.example"}', b'{"email": "joe@shopper.example"}', b"jane@shopper.example {"]
    for number, (body, state) in enumerate(zip(bodies, ("parked", "parked", "parked"), strict=True)):
        (receipt,) = desk.receive(delivery(f"d{number}", body))
        desk.parsed(receipt.seq, state=state, reason="no flow uses it")
    assert erase(desk, WHOM, JANE).rows["deliveries"] == 2
    text = everything(desk.path)
    assert "joe@" in text
    assert "jane" not in text.lower()
    assert [row["delivery_id"] for row in desk.journal.stuck()["deliveries"]] == [
        "d1"
    ]  # a parked one cannot be read again: there is nothing to read


def test_a_body_that_another_delivery_still_waits_for_stays(desk: Desk) -> None:
    body = b'{"email": "jane@shopper.example"}'
    first, _ = desk.receive(delivery("d1", body), delivery("d2", body))
    desk.parsed(first.seq, Resolved(look(), ORDER))
    erase(desk)
    (waiting,) = desk.journal.unparsed(TENANT, desk.now, 10)
    assert waiting.delivery.body == body


def test_a_whole_shop(desk: Desk) -> None:
    worked(desk)
    other = Subject("outlet", "order", "1")
    desk.event(other)
    (mine,) = desk.receive(delivery("d9", b"secret of the shop"))
    desk.parsed(mine.seq, state="parked", reason="it cannot be read")
    (theirs,) = desk.receive(delivery("d9", b"theirs", connection="outlet"))
    desk.parsed(theirs.seq, state="parked", reason="it cannot be read")
    erase(desk, Whom(TENANT, "shop", None))
    text = everything(desk.path)
    assert "jane" not in text.lower()
    assert "secret of the shop" not in text
    assert "theirs" in text


def test_what_is_held_is_counted_and_its_cases_named(desk: Desk) -> None:
    desk.plan(desk.matter(), case_of())
    writing = desk.journal._writing
    assert writing is not None
    writing.execute("UPDATE matters SET case_subject='cases/case/9', case_number='C-1'")
    desk.event(ORDER)
    receipt = now_of(desk.journal.held(WHOM, (), desk.now))
    assert receipt.action == "access"
    assert receipt.rows["events"] >= 1
    assert receipt.rows["matters"] == 1
    assert receipt.cases == ("C-1",)


@pytest.mark.parametrize(
    "command",
    [
        RefundPayment(
            amount=Money(amount=Decimal("12.50"), currency="EUR"), reason="Jane says so", note="Jane", target=ORDER
        ),
        HoldOrder(cause="fraud", note="for Jane", target=ORDER),
        case_of(),
    ],
)
def test_a_command_without_its_texts_can_still_be_read(command: Any) -> None:
    body = command.model_dump(mode="json")
    blank = privacy.blanked(command.kind, body)
    assert "Jane" not in str(blank)
    read = COMMANDS[command.kind].model_validate(blank)
    assert getattr(read, "amount", None) == getattr(command, "amount", None)
    assert read.target == command.target
