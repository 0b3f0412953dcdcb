"""What people do, done in a real browser: each answer is planned, shown with its effect, and then carried out."""

from __future__ import annotations

from typing import Any

import pytest
from console_world import World


def done(page: Any, button: str, *, within: Any = None, reason: str = "checked with finance") -> str:
    """Press a button of a cause, look at the plan, do it; what the last page says."""
    place = within or page.locator("main")
    place.get_by_role("button", name=button).first.click()
    page.wait_for_url("**/plan/**")
    assert "Nothing has happened yet" in page.locator("main").inner_text()
    if page.locator("#reason").count():
        page.locator("#reason").fill(reason)
    page.get_by_role("button", name="Do it").click()
    page.wait_for_url("**/do/**")
    return str(page.locator("main").inner_text())


def opened(page: Any, sign: str) -> Any:
    """A cause of the first page whose title begins so, with what can be done in view."""
    card = page.locator("article.cause").filter(has=page.get_by_role("heading", name=sign)).first
    card.locator("details").evaluate("one => { one.open = true }")
    return card


def test_a_cap_lets_some_money_go_when_two_people_say_so(own_site: Any, enter: Any) -> None:
    page = enter(own_site)
    card = opened(page, "3 refunds wait")
    assert "37.15 USD" in card.inner_text()
    assert "A second approver confirms it" in card.inner_text()
    card.get_by_label("How many").first.fill("1")
    card.get_by_role("button", name="Let some go").click()
    page.wait_for_url("**/plan/let_go")
    assert "20.00 USD" in page.locator("main").inner_text()
    page.locator("#reason").fill("checked with finance")
    page.get_by_role("button", name="Propose it").click()
    page.wait_for_url("**/proposals")
    other = enter(own_site, name="ben")
    other.goto(f"{own_site.address}/proposals")
    other.get_by_role("button", name="Confirm and do it").click()
    other.wait_for_url("**/confirm")
    other.goto(own_site.address)
    assert "2 refunds wait" in other.locator("main").inner_text()


@pytest.mark.parametrize(
    ("sign", "button", "gone"),
    [
        ("deliveries of orders/updated", "Take up again", "could not be read"),
        ("deliveries of orders/updated", "Drop", "could not be read"),
        ("order_exceptions is paused", "Resume", "order_exceptions is paused"),
        ("no mapping knows", "Close the alert", "no mapping knows"),
        ("orders joined one incident", "Open cases for all", "wait in it without a case"),
        ("orders joined one incident", "Close it", "orders joined one incident"),
    ],
)
def test_each_answer_of_the_first_page(own_site: Any, enter: Any, sign: str, button: str, gone: str) -> None:
    page = enter(own_site)
    done(page, button, within=opened(page, sign))
    page.goto(own_site.address)
    assert gone not in page.locator("main").inner_text()
    page.goto(f"{own_site.address}/audit")
    assert "ann" in page.locator("main").inner_text()


def test_one_command_is_answered_on_the_page_of_its_order(own_site: Any, world: World, enter: Any) -> None:
    page = enter(own_site)
    page.goto(f"{own_site.address}/orders/acme/{world.parked}")
    assert "Nothing is sent" in page.locator("main").inner_text()
    done(page, "It shall not happen", reason="paid back by hand")
    page.goto(f"{own_site.address}/orders/acme/{world.parked}")
    text = page.locator("main").inner_text()
    assert "paid back by hand" in text
    assert page.get_by_role("button", name="It is done").count() == 0


def test_a_connection_is_paused_and_resumed(own_site: Any, enter: Any) -> None:
    page = enter(own_site)
    page.goto(f"{own_site.address}/connections")
    place = page.locator("article.place").first
    place.locator("details").evaluate("one => { one.open = true }")
    done(page, "Pause", within=place)
    page.goto(f"{own_site.address}/connections")
    assert "paused" in page.locator("article.place").first.inner_text()
    page.locator("article.place").first.locator("details").evaluate("one => { one.open = true }")
    done(page, "Resume", within=page.locator("article.place").first)
    page.goto(f"{own_site.address}/connections")
    assert "paused" not in page.locator("article.place").first.inner_text()


def test_a_cap_is_changed_by_two_people(own_site: Any, enter: Any) -> None:
    page = enter(own_site)
    page.goto(f"{own_site.address}/caps")
    place = page.locator("article.place").first
    place.locator("details").evaluate("one => { one.open = true }")
    place.get_by_label("New limit").fill("9")
    place.get_by_role("button", name="Change").click()
    page.wait_for_url("**/plan/change_cap")
    page.locator("#reason").fill("a sale today")
    page.get_by_role("button", name="Propose it").click()
    page.wait_for_url("**/proposals")
    assert "It is your own" in page.locator("main").inner_text()
    other = enter(own_site, name="ben")
    assert "ann proposes" in other.locator("main").inner_text()
    other.goto(f"{own_site.address}/proposals")
    other.get_by_role("button", name="Confirm and do it").click()
    other.wait_for_url("**/confirm")
    other.goto(f"{own_site.address}/caps")
    assert "Changed by ann and ben" in other.locator("main").inner_text()


def test_a_viewer_sees_what_could_be_done_and_cannot(own_site: Any, world: World, enter: Any) -> None:
    page = enter(own_site, role="viewer", name="vera")
    text = page.locator("main").inner_text()
    assert "This takes the role approver" in text
    assert page.locator("main button").count() == 0
    page.goto(f"{own_site.address}/deliveries/1")
    assert "Operators may look at it" in page.locator("main").inner_text()


def test_by_keyboard_alone(own_site: Any, enter: Any) -> None:
    page = enter(own_site)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(60):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            "(() => { const at = document.activeElement, box = at.getBoundingClientRect();"
            " return [at.tagName, at.textContent.trim(), getComputedStyle(at).outlineStyle, box.width > 0] })()"
        )
        assert focus[2:] == ["solid", True] or focus[0] in {"BODY", "INPUT"}, focus
        if focus[1].startswith("Let some go"):
            break
    else:
        pytest.fail("the answer was never reached")
    page.keyboard.press("Enter")
    page.wait_for_url("**/plan/let_go")
    page.locator("#reason").focus()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    page.wait_for_url("**/proposals")
    assert "It is your own" in page.locator("main").inner_text()
