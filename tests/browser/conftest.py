"""A real browser (Debian's Chromium, driven by playwright) over a console, after a bad night that was really played.

Only when CONNECT_BROWSER=1: `make browser` fetches what it needs.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from console_world import Opened, World, play

WIDE, PHONE = (1280, 900), (390, 844)
WAIT = 20_000  # milliseconds: a busy machine takes longer and does not fail


@dataclass
class Site:
    """A console that listens."""

    opened: Opened
    address: str

    def link(self, name: str, role: str) -> str:
        """A link that signs somebody in."""
        return self.opened.console.link(name, role)


@dataclass
class Seen:
    """What a page did that it should not have done."""

    wrong: list[str] = field(default_factory=list)


@contextmanager
def serving(world: World, folder: Path) -> Iterator[Site]:
    """A console over a copy of the world: what is done in it is nobody else's."""
    shutil.copytree(world.folder, folder)
    place = socket.create_server(("127.0.0.1", 0))
    port = place.getsockname()[1]
    opened = Opened(replace(world, folder=folder), port)
    server = uvicorn.Server(uvicorn.Config(opened.console.app, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, args=([place],), daemon=True)
    thread.start()
    try:
        yield Site(opened, f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = server.force_exit = True
        thread.join(WAIT / 1000)
        place.close()
        opened.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser; skips where it is not asked for."""
    if os.environ.get("CONNECT_BROWSER") != "1":
        pytest.skip("CONNECT_BROWSER is not 1: no browser is started")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def world(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The night, played once."""
    # Playwright has a loop of its own in this thread.
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(play, tmp_path_factory.mktemp("night")).result()


@pytest.fixture(scope="session")
def site(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A console to look at: nothing is done in it."""
    with serving(world, tmp_path_factory.mktemp("looked") / "data") as found:
        yield found


@pytest.fixture
def own_site(world: World, tmp_path: Path) -> Iterator[Site]:
    """A console of the test's own, to do things in."""
    with serving(world, tmp_path / "data") as found:
        yield found


@pytest.fixture
def seen() -> Seen:
    """What went wrong in the browser."""
    return Seen()


Enter = Callable[..., Any]


@pytest.fixture
def enter(chromium: Any, seen: Seen) -> Iterator[Enter]:
    """Sign in at a site and get a page; at the end nothing may have gone wrong in it."""
    contexts: list[Any] = []

    def enter(site: Site, role: str = "approver", name: str = "ann", **options: Any) -> Any:
        width, height = options.pop("size", WIDE)
        context = chromium.new_context(viewport={"width": width, "height": height}, locale="en-GB", **options)
        contexts.append(context)
        context.set_default_timeout(WAIT)
        page = context.new_page()
        watch(page, site.address, seen)
        page.goto(site.link(name, role))
        page.wait_for_url(site.address + "/")
        return page

    yield enter
    for context in contexts:
        context.close()
    assert seen.wrong == []


def watch(page: Any, address: str, seen: Seen) -> None:
    """Note dialogs, errors in the console, and requests to anybody else."""

    def dialog(one: Any) -> None:
        seen.wrong.append(f"dialog: {one.message}")
        one.dismiss()

    def said(one: Any) -> None:
        if one.type in ("error", "warning"):
            seen.wrong.append(f"console: {one.text}")

    def asked(one: Any) -> None:
        if not one.url.startswith((address, "data:")):
            seen.wrong.append(f"asked: {one.url}")

    page.on("dialog", dialog)
    page.on("console", said)
    page.on("request", asked)
    page.on("pageerror", lambda error: seen.wrong.append(f"script: {error}"))
