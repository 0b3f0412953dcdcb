from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from caseconnect.host.tenants.durations import PATTERN, Duration, parse_duration, show_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("10m", 600), ("1h30m", 5400), ("2d", 172800), ("500ms", 0.5), ("1d2h3m4s5ms", 93784.005), ("0s", 0)],
)
def test_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)
    assert show_duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    "text", ["", "10", "m", "10 m", "-5s", "1.5h", "30m1h", "5s5s", "10M", "1h ", "9" * 30 + "d", 10, None]
)
def test_refused(text: object) -> None:
    with pytest.raises(ValueError, match="45s, 10m, 1h30m, 2d"):
        parse_duration(text)
    with pytest.raises(ValidationError):
        TypeAdapter(Duration).validate_python(text)


@given(st.integers(min_value=0, max_value=10**12))
def test_what_is_shown_is_read_back(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(show_duration(duration)) == duration


@given(st.text(alphabet="0123456789dhms.- ", max_size=8))
def test_the_schema_pattern_is_the_same_rule(text: str) -> None:
    try:
        parse_duration(text)
        accepted = True
    except ValueError:
        accepted = False
    assert accepted == bool(re.search(PATTERN, text))
