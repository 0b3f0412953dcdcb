"""Whatever a file holds, reading it ends in a tenant or in problems with lines, never in an exception."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from caseconnect.host.plugins import Installed
from caseconnect.host.tenants import TenantSet, load_files

GOOD: dict[str, Any] = {
    "tenant": "acme",
    "environment": "test",
    "go_live": "2026-11-01T00:00:00Z",
    "connections": {
        "shop": {
            "platform": "toyshop",
            "settings": {"shop": "a.example", "login": {"user": "me", "password": {"env": "X"}}, "regions": {}},
            "poll": {"any": [{"every": "10m"}, {"cron": "0 3 * * *", "timezone": "UTC"}], "jitter": "5s"},
        },
        "cases": {"platform": "toycases", "settings": {}},
    },
    "flows": [{"use": "review", "mode": "live", "on": ["shop"], "cases": "cases", "settings": {"limit": None}}],
    "timing": {"lateness": "5s"},
    "limits": {"attempts": 3},
}
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    10**400,
    1.5,
    "",
    "x",
    "\u0000",
    "é" * 300,
    [],
    [None],
    [[1]],
    {},
    {"a": {"b": 1}},
    {"": None},
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


def loaded(raw: bytes, folder: Path, installed: Installed) -> TenantSet:
    file = folder / "acme.yaml"
    file.write_bytes(raw)
    found = load_files([file], installed)
    assert bool(found.tenants) != bool(found.problems)
    assert all(p.message and str(p).startswith(str(file)) for p in found.problems)
    return found


def test_the_good_one_is_good(read: Callable[..., TenantSet]) -> None:
    assert read(json.dumps(GOOD)).problems == []


@pytest.mark.parametrize("path", list(places(GOOD)), ids=lambda p: ".".join(map(str, p)))
def test_every_key_with_every_odd_value(path: tuple[Any, ...], tmp_path: Path, installed: Installed) -> None:
    for odd in ODD:
        data = copy.deepcopy(GOOD)
        inside: Any = data
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = odd
        loaded(json.dumps(data).encode(), tmp_path, installed)
        del inside[path[-1]]
        loaded(json.dumps(data).encode(), tmp_path, installed)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.one_of(st.binary(max_size=60), st.text("ab:-[]{}&*!|>#'\" \n\t<,?%@", max_size=60).map(str.encode)))
@example(b"!")
def test_any_bytes(tmp_path: Path, installed: Installed, raw: bytes) -> None:
    assert loaded(raw, tmp_path, installed).problems
