"""Flows that would open two cases for one thing: the file is right, and a person is warned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from caseconnect.host.plugins import Installed
from caseconnect.host.tenants import TenantSet
from caseconnect.host.tenants.overlaps import overlaps

SHOP = "{platform: toyshop, settings: {shop: a.example, login: {user: me, password: {env: X}}}}"
FILE = """tenant: acme
environment: test
connections:
  shop: %s
  cases: {platform: toycases}
flows:
  - {use: review, mode: live}
  - {use: again, mode: MODE}
"""


def _looks_at(settings: Any) -> dict[str, str]:
    return {"a late order": "exceptions"} if settings.hold else {}


@pytest.mark.parametrize(
    ("mode", "changes", "settings", "warns"),
    [
        ("cases", {}, "", True),
        ("observe", {}, "", False),
        ("live", {"topic": "toys"}, "", False),
        ("live", {"looks_at": None}, "", False),
        ("live", {}, ", settings: {hold: false}", False),
        ("live", {"looks_at": lambda _: {"an early order": "exceptions"}}, "", False),
    ],
)
def test_two_use_cases_of_different_topics_that_look_at_one_thing_are_warned_of(
    read: Callable[..., TenantSet], installed: Installed, mode: str, changes: Any, settings: str, warns: bool
) -> None:
    review = replace(installed.transforms["review"], looks_at=_looks_at)
    other = {"name": "again", "topic": "others", **changes}
    installed.transforms.update(review=review, again=replace(review, **other))
    found = read((FILE % SHOP).replace("MODE}", f"{mode}{settings}}}"))
    assert found.problems == []
    warnings = [str(w) for w in overlaps(found.tenants["acme"])]
    assert bool(warnings) is warns
    if warns:
        assert "review and again each open a case for a late order on shop: two cases for one thing" in warnings[0]
        assert "change exceptions of review, or exceptions of again" in warnings[0]
