"""The simulator as a process of its own: starts, answers, hangs up when told, and explains wrong settings."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from caseconnect_opentext_case.simulator import __name__ as module

CLIENT = {"client_id": "connect-client", "client_secret": "connect-secret", "grant_type": "client_credentials"}


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    config = tmp_path_factory.mktemp("simcase") / "config.json"
    config.write_text(json.dumps({"prefix": "/core", "tenants": [{"id": "t", "rate_limit": 0}]}), "utf-8")
    process = start("--port", "0", "--config", str(config))
    assert process.stdout
    assert process.stderr
    line = process.stdout.readline()
    yield line.split()[-1]
    process.terminate()
    _, complaints = process.communicate(timeout=20)
    assert complaints == ""


def ask(address: str, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
    connection = HTTPConnection(urlsplit(address).netloc, timeout=20)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or "null")
    finally:
        connection.close()


def test_hangs_up_before_and_after_the_effect(address: str) -> None:
    assert address.startswith("http://127.0.0.1:")
    assert address.endswith("/core")
    token = ask(address, "POST", "/tenants/t/oauth2/token", CLIENT)[1]["access_token"]
    path = "/core/api/v1/case-definitions"
    for kind, count in (("drop_before", 1), ("drop_after", 2)):
        ask(address, "POST", "/_sim/faults", {"kind": kind, "operation": "create_definition"})
        with pytest.raises((RemoteDisconnected, ConnectionResetError)):
            ask(address, "POST", path, {"name": kind}, token)
        status, found = ask(address, "GET", path, token=token)
        assert (status, len(found["_embedded"]["caseDefinitions"])) == (200, count)


def test_wrong_settings_are_explained(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    for text, complaint in (('{"tennants": []}', "Did you mean 'tenants'?"), ("{", "config.json")):
        config.write_text(text, "utf-8")
        process = start("--config", str(config))
        _, complaints = process.communicate(timeout=20)
        assert process.returncode == 2
        assert complaint in complaints


def test_taken_port_is_explained(address: str) -> None:
    port = urlsplit(address).port
    process = start("--port", str(port))
    _, complaints = process.communicate(timeout=20)
    assert process.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in complaints
