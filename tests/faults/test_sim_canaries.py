"""The judge of the simulation finds a secret or a shopper wherever one may be read, in whatever form."""

from __future__ import annotations

import logging
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from journal_desk import TENANT, Desk, delivery, now_of
from simulation.canaries import Canaries

from caseconnect.host.journal.records import NewAlert
from caseconnect.sdk.testing.resources import RecordingLog
from caseconnect.sdk.testing.wire import Sent

SECRET, TOKEN, SHOPPER = 'pass"word/+4711', "shpat_0123456789", "quillacme"
AT = datetime(2026, 1, 1, tzinfo=UTC)
Place = Callable[[Desk, RecordingLog, Canaries, str], None]


def in_a_body(desk: Desk, log: RecordingLog, canaries: Canaries, text: str) -> None:
    desk.receive(delivery("d1", text.encode()))


def in_a_note(desk: Desk, log: RecordingLog, canaries: Canaries, text: str) -> None:
    now_of(desk.journal.alert(NewAlert(TENANT, "auth:shop", f"refused for {text}", "shop"), AT))


def in_our_log(desk: Desk, log: RecordingLog, canaries: Canaries, text: str) -> None:
    log.error("poll", error={"why": [text]})


def in_a_traceback(desk: Desk, log: RecordingLog, canaries: Canaries, text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        logging.getLogger("a library").exception("it failed")


def in_an_address(desk: Desk, log: RecordingLog, canaries: Canaries, text: str) -> None:
    canaries.asked(Sent("GET", f"https://shop.test/orders?q={text}", {}, b""))


def in_the_metrics(desk: Desk, log: RecordingLog, canaries: Canaries, text: str) -> None:
    now_of(desk.journal.alert(NewAlert(TENANT, f"{text}:shop", "late", "shop"), AT))


PLACES: dict[Place, str] = {
    in_a_body: "a row of deliveries",
    in_a_note: "a row of alerts",
    in_our_log: "the log",
    in_a_traceback: "Python's log",
    in_an_address: "the address of a request",
    in_the_metrics: "the metrics",
}
FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "base64": lambda s: b64encode(s.encode()).decode(),
    "base64 in a pair": lambda s: b64encode(f"i:{s}".encode()).decode(),
    "base64 in an object": lambda s: b64encode(f'{{"secret":{s}}}\n'.encode()).decode(),
    "base64 for an address": lambda s: urlsafe_b64encode(f"shops:{s}?>?>".encode()).decode(),
    "hex": lambda s: s.encode().hex(),
    "address": lambda s: quote(s, safe=""),
    "json": lambda s: s.replace('"', '\\"'),
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def found(desk: Desk, place: Place, text: str) -> list[str]:
    log = RecordingLog()
    with Canaries({"SHOP_SECRET": SECRET}, [SHOPPER]) as canaries:
        canaries.asked(Sent("GET", "https://shop.test/orders", {"Authorization": f"Bearer {TOKEN}"}, b""))
        place(desk, log, canaries, text)
        canaries.look(desk.journal, log, lambda: AT)
    return canaries.found


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_a_secret_is_found_in_every_place(desk: Desk, place: Place) -> None:
    assert f"SHOP_SECRET is in {PLACES[place]}" in found(desk, place, SECRET)


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_in_every_form(desk: Desk, form: str) -> None:
    assert found(desk, in_our_log, f"x{FORMS[form](SECRET)}y") == ["SHOP_SECRET is in the log"]


def test_what_a_client_was_let_in_with_is_a_secret(desk: Desk) -> None:
    assert found(desk, in_our_log, TOKEN) == ["credential 0 is in the log"]


def test_a_shopper_is_found_but_in_a_row_of_its_own(desk: Desk) -> None:
    assert found(desk, in_a_body, SHOPPER) == []
    assert found(desk, in_our_log, SHOPPER) == ["a shopper is in the log"]
    assert "a shopper is in what alerts, notes and reasons say" in found(desk, in_a_note, SHOPPER)
