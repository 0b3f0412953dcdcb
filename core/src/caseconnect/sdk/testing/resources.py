"""Resources for tests: secrets in memory, pacing off, an application in this process, a log that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from caseconnect.sdk.errors import ConfigError
from caseconnect.sdk.http import ConnectionRefused, Transport, asgi_transport
from caseconnect.sdk.pace import Pace
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.secrets import Secret
from caseconnect.sdk.testing.virtual import LoopClock


class MemorySecrets:
    """Secrets by name of environment variable, or by path for `{file: path}`. Values can be changed in a test."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = dict(values or {})

    def reveal(self, secret: Secret) -> str:
        """The value; `ConfigError` naming the place when there is none."""
        value = self.values.get(secret.env or secret.file or "")
        if not value:
            raise ConfigError(f"the secret {secret} is empty or absent")
        return value

    def __repr__(self) -> str:
        return f"MemorySecrets({', '.join(self.values)})"


class RecordingLog:
    """Keeps each line as (level, event, values)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def debug(self, event: str, **values: Any) -> None:
        """Keep a line."""
        self.lines.append(("debug", event, values))

    def info(self, event: str, **values: Any) -> None:
        """Keep a line."""
        self.lines.append(("info", event, values))

    def warning(self, event: str, **values: Any) -> None:
        """Keep a line."""
        self.lines.append(("warning", event, values))

    def error(self, event: str, **values: Any) -> None:
        """Keep a line."""
        self.lines.append(("error", event, values))

    def holding(self, words: Iterable[str]) -> list[str]:
        """The lines that hold one of `words` anywhere, also within values."""
        wanted = [w for w in words if w]
        return [text for line in self.lines if any(w in (text := str(line)) for w in wanted)]


async def nobody(scope: Any, receive: Any, send: Any) -> None:
    """An application where nobody is at home: whoever asks it has forgotten to hand one in."""
    raise ConnectionRefused("no application was given to make_resources")


def make_resources(
    app: Any = None,
    *,
    secrets: Mapping[str, str] | None = None,
    transport: Transport | None = None,
    now: Callable[[], datetime] | None = None,
    pace: Pace | None = None,
    tenant: str = "acme",
    environment: str = "test",
    connection: str = "shop",
) -> Resources:
    """Resources of one connection. `app` is an ASGI application that answers every request.

    `transport` takes its place when given; with neither, every request fails, so nothing leaves the process.
    Time is that of the running virtual loop unless `now` is given.
    Pacing is off unless `pace` is given. `log` is a `RecordingLog`.
    """
    if transport is None:
        transport = asgi_transport(app=app or nobody)
    return Resources(
        tenant=tenant,
        environment=environment,
        connection=connection,
        now=now or LoopClock().now,
        secrets=MemorySecrets(secrets),
        log=RecordingLog(),
        pace=pace or Pace(float("inf"), float("inf")),
        transport=transport,
    )
