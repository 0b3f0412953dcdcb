from __future__ import annotations

import pytest

from caseconnect.sdk.addresses import checked_url


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com:8443/base/", "https://api.example.com:8443/base"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]", "http://[::1]"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
    ],
)
def test_good_addresses(given: str, kept: str) -> None:
    assert checked_url(given, "base_url") == kept


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("http://api.example.com", "must use https"),
        ("http://127.0.0.1.example.com", "must use https"),
        ("http://localhost.example.com:80", "must use https"),
        ("http://10.0.0.1", "must use https"),
        ("http://localhost@evil.example", "without credentials"),
        ("https://user:pass-word@api.example.com", "without credentials"),
        ("https://api.example.com?x=1", "without credentials"),
        ("https://:443", "https://host"),
        ("ftp://api.example.com", "https://host"),
        ("api.example.com", "https://host"),
        ("", "https://host"),
    ],
)
def test_bad_addresses(given: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        checked_url(given, "base_url")
    assert str(caught.value).startswith("base_url must")
    assert "pass-word" not in str(caught.value)
