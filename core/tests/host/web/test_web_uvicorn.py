"""What we override of uvicorn is not its public interface: a version that changed it is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from caseconnect.host.web import server as server_module
from caseconnect.host.web.server import Server, TimedProtocol, check_uvicorn, make_server
from caseconnect.sdk.errors import ConnectError


def doctored(base: type, name: str, method: Any) -> type:
    """`base` as another version of uvicorn might have it."""
    return type(base.__name__, (base,), {name: method})


@pytest.mark.parametrize(
    ("base", "name", "method", "told"),
    [
        (HttpToolsProtocol, "on_headers_complete", None, r"HttpToolsProtocol\.on_headers_complete\(\).+ it is gone"),
        (HttpToolsProtocol, "data_received", lambda self, chunk: None, r"data_received\(data\).+ takes \(chunk\)"),
        (HttpToolsProtocol, "connection_lost", lambda self, exc, why: None, r"connection_lost.+ takes \(exc, why\)"),
        (uvicorn.Server, "capture_signals", None, r"Server\.capture_signals\(\).+ it is gone"),
        (uvicorn.Server, "serve", lambda self: None, r"Server\.serve\(sockets\).+ it takes \(\)"),
    ],
)
def test_a_uvicorn_without_what_is_overridden_is_refused_by_its_version(
    base: type, name: str, method: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uvicorn, "__version__", "0.99.7")
    with pytest.raises(ConnectError, match=rf"^the installed uvicorn 0\.99\.7 is not .+{told}"):
        check_uvicorn(doctored(base, name, method))


def test_a_server_is_not_made_on_a_uvicorn_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    strange = doctored(HttpToolsProtocol, "on_message_begin", None)
    monkeypatch.setattr(server_module, "HttpToolsProtocol", strange)
    with pytest.raises(ConnectError, match="the installed uvicorn"):
        make_server(None, host="127.0.0.1")


def test_everything_of_uvicorn_that_is_overridden_is_checked() -> None:
    for ours, base in ((TimedProtocol, HttpToolsProtocol), (Server, uvicorn.Server)):
        overridden = {name for name in vars(ours) if not name.startswith("__") and hasattr(base, name)}
        assert overridden == set(server_module._OVERRIDDEN[base.__name__])
