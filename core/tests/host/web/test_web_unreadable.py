"""Well-signed bodies that nobody can read: acknowledged, kept byte for byte, and parked with a reason."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from house import House, house
from serving import signed

from caseconnect.sdk.testing import run

HOOK = "https://connect.test/hooks/acme/shop"
UNREADABLE: dict[str, bytes] = {
    "empty": b"",
    "words": b"hello there",
    "half an object": b'{"id": 1',
    "two objects": b'{"id": 1}{"id": 2}',
    "a list": b'[{"id": 1}]',
    "a number": b"1",
    "null": b"null",
    "100,000 deep": b'{"id":' * 100_000 + b"1" + b"}" * 100_000,
    "100,000 deep in a list": b'{"id": 1, "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a number of a million digits": b'{"id": ' + b"9" * 1_000_000 + b"}",
    "NaN": b'{"id": NaN}',
    "byte order mark": b'\xef\xbb\xbf{"id": 1}',
    "UTF-16": '{"id": 1}'.encode("utf-16"),
    "latin-1": b'{"id": 1, "name": "Ren\xe9"}',
    "lone surrogate": b'{"id": 1, "name": "\\ud800"}',
    "zero bytes": b'{"id": 1}\0\0',
    "no id": b'{"name": "#1001"}',
    "id of text": b'{"id": "one"}',
    "id of an object": b'{"id": {"id": 1}}',
    "negative id": b'{"id": -1}',
    "id with a fraction": b'{"id": 1.5}',
    "XML": b"<order><id>1</id></order>",
    "a form": b"id=1&name=%231001",
}
READABLE: dict[str, bytes] = {
    "100,000 keys": b'{"id": 7, ' + b", ".join(b'"k%d": 0' % n for n in range(100_000)) + b"}",
    "the same key twice": b'{"id": 6, "id": 7}',
    "an escaped zero byte": b'{"id": 7, "name": "\\u0000"}',
    "white space around": b' \r\n\t{"id": 7}\n\n',
    "an id beyond 2^53": b'{"id": 9007199254740993}',
}


def play(folder: Path, topic: str, body: bytes) -> tuple[dict[str, Any], bytes, list[dict[str, Any]]]:
    """Post, work off: what is stuck, the body as it is kept, and the events of the order."""

    async def story() -> tuple[dict[str, Any], bytes, list[dict[str, Any]]]:
        async with house(folder) as h:
            assert await h._deliver(HOOK, signed(topic, body, "d1"), body) == 200
            assert await h._deliver(HOOK, signed(topic, body, "d1"), body) == 200
            kept = _kept(h)
            await h.runner.intake.turn()
            await h.runner.intake.idle()
            number = "9007199254740993" if b"9007199254740993" in body else "7"
            return h.journal.stuck(), kept, h.explain(f"shop/order/{number}")["events"]

    return run(story())


def _kept(h: House) -> bytes:
    (stored,) = h.journal.unparsed("acme", h.now(), 9)
    return stored.delivery.body


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_body_is_parked_with_its_reason(name: str, tmp_path: Path) -> None:
    stuck, kept, events = play(tmp_path, "orders/create", UNREADABLE[name])
    assert kept == UNREADABLE[name]
    assert events == []
    (parked,) = stuck["deliveries"]
    assert parked["reason"].startswith("orders/create: the body")
    assert len(parked["reason"]) < 200
    assert [alert["cause"] for alert in stuck["alerts"]] == ["parked:delivery"]


@pytest.mark.parametrize("name", READABLE)
def test_an_odd_body_that_can_be_read_becomes_an_event(name: str, tmp_path: Path) -> None:
    stuck, kept, events = play(tmp_path, "orders/create", READABLE[name])
    assert kept == READABLE[name]
    assert [event["type"] for event in events] == ["OrderChanged"]
    assert stuck["deliveries"] == []


@pytest.mark.parametrize("topic", ["", "orders/unheard_of", "t" * 5_000, "../../etc/passwd"])
def test_an_unknown_topic_is_ignored_with_its_reason(topic: str, tmp_path: Path) -> None:
    async def story() -> dict[str, dict[str, int]]:
        async with house(tmp_path) as h:
            headers = signed(topic, b"{}", "d1")
            assert await asyncio.wait_for(h._deliver(HOOK, headers, b"{}"), 5) == 200
            await h.runner.intake.turn()
            return h.journal.counts()

    assert run(story())["deliveries"] == {"ignored": 1}
