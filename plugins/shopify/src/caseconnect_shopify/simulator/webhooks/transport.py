"""How a signed delivery leaves the simulator: a port, and the default that posts over plain HTTP to loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

Deliver = Callable[[str, dict[str, str], bytes], Awaitable[int]]
"""`async (url, headers, body) -> HTTP status`. Any exception is a failed attempt."""

CONNECT_SECONDS = 1.0


async def post(url: str, headers: dict[str, str], body: bytes) -> int:
    """Posts over HTTP/1.1 and returns the status. Only `http://` to this machine: a simulator reaches no one else."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "http" or host not in {"127.0.0.1", "localhost", "::1"}:
        raise ValueError(f"The simulator delivers only to http://127.0.0.1, not to {parts.scheme}://{host}.")
    async with asyncio.timeout(CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection(host, parts.port or 80)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [
            f"POST {target} HTTP/1.1",
            f"Host: {parts.netloc}",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        await writer.drain()
        status_line = await reader.readline()
        status = int(status_line.split()[1])
        while await reader.read(65_536):
            pass
        return status
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
