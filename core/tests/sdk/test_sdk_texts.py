from __future__ import annotations

import pytest

from caseconnect.sdk.texts import leaves, mask, shorten, without_credentials


@pytest.mark.parametrize(
    ("told", "masked"),
    [
        ("kim@example.com is unknown", "<e-mail> is unknown"),
        ("call +49 (30) 1234-5678 first", "call <number> first"),
        ("'Kim Mustermann' is too long", "'…' is too long"),
        ("case 7a51c9f0-52c4-4f0b-8f2e-3d7f4b1f9e01", "case 7a51c9f0-52c4-4f0b-8f2e-3d7f4b1f9e01"),
        ("xy stays, at most 255 characters", "xy stays, at most 255 characters"),
    ],
)
def test_personal_data_and_what_was_sent_are_masked(told: str, masked: str) -> None:
    sent = ("Kim", "Kim Mustermann", "xy", "", "7a51c9f0-52c4-4f0b-8f2e-3d7f4b1f9e01")
    assert mask(told, sent) == masked


def test_one_short_line() -> None:
    assert shorten("two\n  lines\x00") == "two lines"
    assert shorten("x" * 240) == "x" * 240
    assert shorten("x" * 241) == "x" * 239 + "…"


def test_every_text_of_a_value() -> None:
    assert list(leaves({"a": "x", "b": [1, "y", {"c": ("z", None)}]})) == ["x", "y", "z"]


def test_a_body_is_without_the_credentials_of_its_request() -> None:
    sent = ({"authorization": "Bearer abc/def==", "x-shop": "visible"}, {"client_secret": "the-secret"}, None, ["x"])
    body = rb'{"message": "abc/def== (abc\/def==) of visible, the-secret"}'
    assert without_credentials(body, sent) == rb'{"message": "*** (***) of visible, ***"}'
    assert without_credentials(b"a pin of 12345", ({"password": "12345"},)) == b"a pin of 12345", "too short to be one"
