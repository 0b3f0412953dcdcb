"""Tables at every width of a window: what does not fit is scrolled to in the table's own box."""

from __future__ import annotations

from typing import Any

import pytest
from console_world import World

TOO_WIDE = """() => [...document.querySelectorAll("main .scroll")]
    .filter(box => box.scrollWidth > box.clientWidth).map(box => box.getAttribute("aria-label"))"""
AT_THE_END = """box => {
    box.scrollLeft = box.scrollWidth;
    const cell = box.querySelector("tr:last-child > :last-child").getBoundingClientRect();
    return Math.round(cell.right - box.getBoundingClientRect().right);
}"""


@pytest.mark.parametrize("width", [390, 780, 900, 1000, 1100, 1280])
def test_no_column_of_the_flows_is_cut_off(width: int, site: Any, world: World, enter: Any) -> None:
    page = enter(site, size=(width, 900))
    page.goto(f"{site.address}/flows")
    assert page.get_by_role("columnheader", name="From decision to effect").count() == 1
    wide = page.evaluate(TOO_WIDE)
    assert not wide or 768 < width < 1100
    assert "How long it took" not in wide or width < 900
    for name in wide:
        box = page.get_by_role("group", name=name, exact=True)
        assert box.evaluate(AT_THE_END) <= 0
