"""Live updates: what changed is put in place, and what a person was at stays."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from caseconnect.host.journal.records import NewAlert


def told(site: Any, title: str) -> None:
    """An alert opens; in a thread, because playwright has a loop of its own in this one."""
    new = site.opened.journal.alert(NewAlert("acme", "mode:x", title), site.opened.now())
    with ThreadPoolExecutor(1) as aside:
        aside.submit(asyncio.run, new).result()


def test_a_change_comes_by_itself_and_keeps_focus_and_what_is_open(own_site: Any, enter: Any) -> None:
    page = enter(own_site)
    last = page.locator("article.cause details").last
    last.locator("summary").click()
    place = page.get_by_role("link", name="CASE-2")
    place.focus()
    page.wait_for_timeout(2500)
    told(own_site, "something new has come")
    page.get_by_text("something new has come").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "CASE-2"
    assert page.locator("article.cause details[open]").count() >= 2
    assert page.locator("#told").inner_text() == "This page was brought up to date."


def test_what_is_being_typed_is_not_taken_away(own_site: Any, enter: Any) -> None:
    page = enter(own_site)
    few = page.get_by_label("How many").first
    few.fill("2")
    page.wait_for_timeout(2500)
    told(own_site, "something new has come")
    page.wait_for_timeout(4500)
    assert page.get_by_text("something new has come").count() == 0
    assert few.input_value() == "2"
    few.blur()
    page.get_by_text("something new has come").wait_for()
