"""Each page in a real browser: accessible, alone, at every width, in both lights, and deaf to what is written in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from console_world import World
from tools.docs.workspace import ROOT

PAGES = {
    "needs": "/",
    "proposals": "/proposals",
    "search": "/search?q=1005",
    "customers": "/search?q=ann.lee&persons=1",
    "flows": "/flows",
    "connections": "/connections",
    "tenants": "/tenants",
    "tenant": "/tenants/acme",
    "incidents": "/incidents",
    "incident": "/incidents/acme/{incident}",
    "alerts": "/alerts",
    "caps": "/caps",
    "audit": "/audit",
    "clicks": "/clicks",
    "deliveries": "/deliveries/of/acme/shop",
    "delivery": "/deliveries/1",
    "body": "/deliveries/1/body",
    "order": "/orders/acme/{closed}",
    "hostile": "/orders/acme/{hostile}",
    "parked": "/orders/acme/{parked}",
    "nothing": "/orders/acme/{plain}",
}
PICTURED = {"needs", "order", "flows", "connections", "parked"}
LIGHTS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "size": (390, 844)},
}


def path_of(world: World, name: str) -> str:
    """The address of a page in this world."""
    names: dict[str, str] = {n: getattr(world, n) for n in ("closed", "hostile", "parked", "plain")}
    return PAGES[name].format(incident=world.incident.rpartition("/")[2], **names)


@pytest.mark.parametrize("light", LIGHTS)
def test_every_page_is_accessible_and_keeps_to_itself(light: str, site: Any, world: World, enter: Any) -> None:
    from axe_core_python.sync_playwright import Axe

    page, axe = enter(site, **LIGHTS[light]), Axe()
    for name in PAGES:
        answer = page.goto(site.address + path_of(world, name))
        assert answer.status == 200, name
        found = [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in axe.run(page)["violations"]]
        assert found == [], f"{name}, {light}"
        for details in page.locator("main details").all():
            details.evaluate("one => { one.open = true }")
        found = [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in axe.run(page)["violations"]]
        assert found == [], f"{name}, {light}, all open"
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name}, {light}: {wide} pixels too wide"
        injected = page.locator("img, main script, main iframe, main [onerror], main [onclick], main [style]")
        assert injected.count() == 0, name


def test_what_is_written_elsewhere_is_shown_as_it_is_written(site: Any, world: World, enter: Any) -> None:
    page = enter(site)
    shown = {}
    for name in ("needs", "hostile", "parked", "alerts", "tenant"):
        page.goto(site.address + path_of(world, name))
        shown[name] = page.locator("main").inner_text()
    for name in ("needs", "alerts", "tenant"):
        assert "<script>alert(2)</script>" in shown[name], name
    page.goto(f"{site.address}/search?q=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E")
    assert page.locator("#q").input_value() == '"><img src=x onerror=alert(1)>'
    assert page.locator("img").count() == 0


def test_pages_work_without_script(site: Any, world: World, enter: Any) -> None:
    page = enter(site)
    kept = page.context.storage_state()
    plain = page.context.browser.new_context(storage_state=kept, java_script_enabled=False)
    try:
        other = plain.new_page()
        for name in PAGES:
            other.goto(site.address + path_of(world, name))
            assert other.locator("h1").inner_text(), name
        other.goto(site.address)
        other.get_by_role("button", name="Let some go").click()
        assert other.locator("h1").inner_text()
        assert "Nothing has happened yet" in other.locator("main").inner_text()
    finally:
        plain.close()


@pytest.mark.skipif(os.environ.get("CONNECT_IMAGES") != "1", reason="CONNECT_IMAGES is not 1: none are written")
def test_pictures_for_the_docs(site: Any, world: World, enter: Any) -> None:
    folder = ROOT / "docs" / "images"
    folder.mkdir(exist_ok=True)
    for name in sorted(PICTURED):
        page = enter(site, size=(1100, 760))
        page.goto(site.address + path_of(world, name))
        picture = folder / f"console-{name}.png"
        page.screenshot(path=picture)
        assert _size(picture) < 200_000
    page = enter(site, size=(390, 760), color_scheme="dark")
    page.goto(site.address)
    page.screenshot(path=folder / "console-phone.png")


def _size(file: Path) -> int:
    return file.stat().st_size
