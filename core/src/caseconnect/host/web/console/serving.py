"""The console's listener beside the webhooks': how it is made, and what it refuses to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from caseconnect.host.web.console.app import Console
from caseconnect.host.web.console.oidc import Provider
from caseconnect.host.web.console.settings import ConsoleSettings
from caseconnect.host.web.server import Server, make_server
from caseconnect.sdk.errors import ConfigError
from caseconnect.sdk.secrets import Secrets


def port_of(settings: ConsoleSettings, asked: int | None, webhooks: int) -> int:
    """Where the console listens: as the command says, as the file says, else next to the webhooks; 0: any free port."""
    chosen = settings.port if asked is None else asked
    if chosen is None:
        return webhooks + 1 if 0 < webhooks < 65_535 else 0
    return chosen


def provider_of(
    settings: Callable[[], ConsoleSettings], secrets: Secrets, now: Callable[[], datetime]
) -> Provider | None:
    """Who says who people are; None: one-time links only."""
    oidc = settings().oidc
    if oidc is None:
        return None
    kept = oidc.client_secret
    reveal = (lambda: secrets.reveal(kept)) if kept else None
    return Provider(oidc, reveal, now, max_age=lambda: settings().sessions.fresh)


def listen(settings: ConsoleSettings, console: Console, port: int) -> Server:
    """The listener. `ConfigError` when the address cannot be had, or its certificate cannot be read."""
    tls = settings.tls
    for path in (tls.certificate, tls.key) if tls else ():
        _readable(path)
    files = (str(tls.certificate), str(tls.key)) if tls else None
    try:
        server = make_server(console.app, host=settings.host, port=port, tls=files)
    except ConfigError as error:
        raise ConfigError(f"the console: {error} (--console-port, or `console.port` in the daemon's file)") from None
    console.house.port = server.listening.getsockname()[1]
    return server


def _readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise ConfigError(f"the console's {path.name} cannot be read ({error.strerror}): see `console.tls`") from None
