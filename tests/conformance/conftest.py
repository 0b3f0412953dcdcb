"""A simulated shop on a loopback port, and the programs by others that judge it.

The judges are fetched into a temporary folder by npm and pip, and only when CONNECT_CONFORMANCE=1.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from caseconnect_shopify.simulator import Shop, create_app
from caseconnect_shopify.simulator.server import server

HERE = Path(__file__).parent
NPM = ("@shopify/admin-api-client@2.0.0", "@shopify/shopify-api@15")
PIP = ("shopifyapp==1.0.2", "pyjwt>=2,<3")
AMAZON = ("moto==5.2.5", "boto3>=1.40,<2", "flask>=3,<4", "flask-cors>=6,<7")
MINUTES = 300


def wanted(*programs: Any) -> None:
    """Skips, and says why, unless conformance is asked for and these programs are there."""
    if os.environ.get("CONNECT_CONFORMANCE") != "1":
        pytest.skip("CONNECT_CONFORMANCE is not 1: the judges by others are not fetched")
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: the judges that need it cannot run")


@pytest.fixture(scope="session")
def node() -> None:
    """Skips when there is no Node, or it is not asked for."""
    wanted("node")


@pytest.fixture(scope="session")
def npm(node: None, tmp_path_factory: Any) -> Any:
    """Fetches npm packages into a folder of their own."""
    wanted("npm")

    def fetch(name: str, *packages: str) -> Path:
        folder: Path = tmp_path_factory.mktemp(name)
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", *packages]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=MINUTES, check=False)
        assert done.returncode == 0, done.stderr
        return folder

    return fetch


@pytest.fixture(scope="session")
def node_folder(npm: Any) -> Any:
    """A folder with our small scripts and Shopify's npm packages."""
    folder = npm("node", *NPM)
    for script in (HERE / "node").glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


@pytest.fixture(scope="session")
def python_folder(tmp_path_factory: Any) -> Any:
    """A folder with Shopify's Python library."""
    wanted()
    folder = tmp_path_factory.mktemp("python")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--target", str(folder), *PIP]
    done = subprocess.run(command, capture_output=True, text=True, timeout=MINUTES, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def amazon_folder(tmp_path_factory: Any) -> Any:
    """A folder with Amazon's Python library, and a server that stands in for Amazon."""
    wanted()
    folder = tmp_path_factory.mktemp("amazon")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--target", str(folder), *AMAZON], capture_output=True, text=True, timeout=MINUTES, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


class Served:
    """A shop behind uvicorn, in a thread of its own."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop
        self.port = 0
        self._ready = threading.Event()
        self._server: Any = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        self._server = server(create_app([self.shop]))
        task = asyncio.create_task(self._server.serve())
        self.port = await self._server.ready(task)
        self._ready.set()
        await task

    def __enter__(self) -> Any:
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.should_exit = True
        self._thread.join(20)

    @property
    def base(self) -> Any:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def serve() -> Any:
    """Serves shops until the test ends: `serve(**settings)`."""
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(Served(Shop(static_tokens=["shpat_sim"], **settings)))


@pytest.fixture
def shop() -> Any:
    """A shop that is not served: its webhooks are sent by the test."""
    return Shop()
