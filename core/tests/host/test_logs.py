"""Logs: one line an event, known names only, and nothing of people in it, whoever logs it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from caseconnect.host.logs import configure, plain


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = []
    made = io.StringIO()
    yield made
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("as_json", [True, False])
def test_what_is_logged_is_one_line_without_people(out: io.StringIO, as_json: bool) -> None:
    configure(json=as_json, out=out)
    why = 'Jane <jane@shopper.example>\r\n{"level": "error"}\x1b[31m 4111 1111 1111 1111'
    structlog.get_logger().warning("poll failed", tenant="acme", why=why, name="Jane", record={"email": "x"}, count=3)
    (line,) = out.getvalue().splitlines()
    for text in ("jane@", "\x1b[31m 4111", "4111 1111", 'Jane"', "name=", "record"):
        assert text not in line
    assert "acme" in line
    if as_json:
        told = json.loads(line)
        assert set(told) == {"event", "level", "timestamp", "tenant", "why", "count", "other"}
        assert told["timestamp"].endswith("Z")
        assert told["count"] == 3


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("order 5678901234567 of shop", "order 5678901234567 of shop"),
        ("for jane.doe+x@mail.example: no", "for [e-mail]: no"),
        ("a\r\nb\u2028c", "a b c"),
        ("=cmd()", "=cmd()"),
    ],
)
def test_a_text_stays_but_for_people_and_lines(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_a_long_text_is_cut() -> None:
    assert len(plain("x" * 10_000)) < 2100


def test_an_error_of_a_library_is_told_by_kind_and_place(out: io.StringIO) -> None:
    logging.getLogger().handlers[:] = []  # pytest's own
    configure(json=True, out=out)
    try:
        raise ValueError("the secret of jane")
    except ValueError:
        logging.getLogger("some.library").exception("it broke for jane@shopper.example\nmore")
    (line,) = out.getvalue().splitlines()
    assert line.startswith("ERROR some.library it broke for [e-mail] more (ValueError at ")
    assert "secret" not in line
