from __future__ import annotations

import pytest

from caseconnect.sdk.addresses import checked_url, is_public, is_this_machine


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


OURS = """
127.0.0.1 127.255.255.254 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1
100.127.255.255 192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255
::1 :: ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 fd00::1 fc00::1 fe80::1 fe80::1%eth0 fec0::1
ff02::1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 2002:7f00:1:: 2002:a00:1::1 2001:db8::1 100::1 2001:0:7f00:1::
localhost files.example 127.1 0x7f.1 2130706433 017700000001
"""


@pytest.mark.parametrize("address", ["", *OURS.split()])
def test_a_network_of_our_own_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101"]
)
def test_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("", False),
        (None, False),
    ],
)
def test_what_only_this_machine_reaches(host: str | None, ours: bool) -> None:
    assert is_this_machine(host) is ours
