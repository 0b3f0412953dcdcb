"""The console's listener: beside the webhooks', with TLS of its own where it is asked for."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from console_desk import ConsoleDesk, Log

from caseconnect.host.alerting import telling
from caseconnect.host.daemon import Daemon, Options
from caseconnect.host.daemon_file import load_daemon_file
from caseconnect.host.tenants.admitting import Admitted
from caseconnect.host.web.console.serving import listen, port_of
from caseconnect.host.web.console.settings import ConsoleSettings
from caseconnect.host.web.control import ask_daemon
from caseconnect.sdk.errors import ConfigError


@pytest.mark.parametrize(
    ("in_file", "asked", "webhooks", "chosen"),
    [
        (None, None, 8480, 8481),
        (None, None, 0, 0),
        (9000, None, 8480, 9000),
        (9000, 9001, 8480, 9001),
        (9000, 0, 8480, 0),
        (None, None, 65_535, 0),
    ],
)
def test_where_it_listens(in_file: int | None, asked: int | None, webhooks: int, chosen: int) -> None:
    assert port_of(ConsoleSettings(port=in_file), asked, webhooks) == chosen


def asked(
    port: int, path: str, context: ssl.SSLContext | None = None, bearer: str = "", **form: str
) -> tuple[int, str, str]:
    """(status, body, the cookie that was set)."""
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
        if context
        else http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    )
    scheme = "https" if context else "http"
    headers = {"content-type": "application/x-www-form-urlencoded", "origin": f"{scheme}://127.0.0.1:{port}"}
    body = "&".join(f"{name}={value}" for name, value in form.items())
    if bearer:
        headers["authorization"] = f"Bearer {bearer}"
    connection.request("POST" if form else "GET", path, body or None, headers)
    told = connection.getresponse()
    text = told.read().decode()
    connection.close()
    return told.status, text, told.getheader("set-cookie") or ""


def test_with_a_certificate_it_speaks_tls_and_nothing_else(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    certificate.private_key_pem.write_to_path(key)
    for part in certificate.cert_chain_pems:
        part.write_to_path(chain, append=True)
    settings = ConsoleSettings.model_validate({"tls": {"certificate": chain, "key": key}})
    desk = ConsoleDesk(tmp_path, settings)
    context = ssl.create_default_context()
    authority.configure_trust(context)

    async def story() -> None:
        server = listen(settings, desk.console, 0)
        serving = asyncio.create_task(server.serve())
        port = desk.console.house.port
        token = desk.console.link("ann", "viewer").partition("#")[2]
        status, _, cookie = await asyncio.to_thread(asked, port, "/sign-in", context, token=token)
        assert status == 200
        assert cookie.startswith("__Host-connect-session=")
        assert "Secure" in cookie
        with pytest.raises((http.client.HTTPException, OSError)):
            await asyncio.to_thread(asked, port, "/sign-in")
        server.should_exit = True
        await serving

    asyncio.run(story())
    desk.close()


def test_a_certificate_that_is_not_there_and_a_port_that_is_taken_are_told(tmp_path: Path) -> None:
    desk = ConsoleDesk(tmp_path)
    given = {"tls": {"certificate": tmp_path / "none.pem", "key": tmp_path / "none.key"}}
    with pytest.raises(ConfigError, match=r"none\.pem cannot be read"):
        listen(ConsoleSettings.model_validate(given), desk.console, 0)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match="--console-port"):
        listen(desk.settings, desk.console, taken.getsockname()[1])
    desk.close()


class Heard(Log):
    """A log that says when it has a line."""

    def __init__(self, event: str) -> None:
        super().__init__()
        self.heard, self._event = asyncio.Event(), event

    def warning(self, event: str, **values: Any) -> None:
        """Keep it."""
        super().warning(event, **values)
        if event == self._event:
            self.heard.set()


def test_the_daemon_has_one_and_makes_links_by_its_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "EVERY", 0.01)

    async def story() -> None:
        file = tmp_path / "connect.yaml"
        file.write_text("console:\n  url: http://127.0.0.1:9\n")
        settings, problems = load_daemon_file(file)
        assert settings, problems
        log = Heard("alert opened")
        daemon = Daemon(Options(tmp_path, port=0), {}, log, read=lambda _: Admitted({}), settings=settings)
        started = asyncio.Event()
        running = asyncio.create_task(daemon.run(lambda port: started.set()))
        await asyncio.wait({asyncio.create_task(started.wait()), running}, return_when=asyncio.FIRST_COMPLETED)
        assert daemon.console
        console = daemon.console.house.port
        assert console != daemon.port
        told = await ask_daemon(tmp_path, "console_link", {"name": "ann", "role": "viewer"})
        token = told["link"].partition("#")[2]
        assert (await asyncio.to_thread(asked, console, "/"))[0] == 401
        assert (await asyncio.to_thread(asked, console, "/metrics"))[0] == 401
        status, _, cookie = await asyncio.to_thread(asked, console, "/sign-in", token=token)
        assert (status, bool(cookie)) == (200, True)
        assert (await asyncio.to_thread(asked, daemon.port, "/sign-in"))[0] == 404
        file.write_text(
            "console: {url: 'http://127.0.0.1:8'}\nmetrics: {token: {file: token}}\n"
            "alerts: {channels: {ops: {log: {}}}}\n"
        )
        (tmp_path / "token").write_text("good")
        (tmp_path / "token").chmod(0o600)
        told = (await ask_daemon(tmp_path, "reload", {"by": "ann"}))["daemon"]
        assert told["restart"] == ["console.url"]
        assert sorted(told["changed"]) == ["+ alerts.channels.ops.log", "+ metrics.token.file"]
        assert (await asyncio.to_thread(asked, console, "/metrics", bearer="good"))[0] == 200
        assert not log.heard.is_set()
        file.write_text("console: [")
        assert (await ask_daemon(tmp_path, "reload", {"by": "ann"}))["daemon"]["did"] == "kept"
        await asyncio.wait_for(log.heard.wait(), 10)
        assert daemon._stop
        daemon._stop.set()
        await running

    asyncio.run(story())
