"""`connect simulate`: a platform's stand-in as a process of its own."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import click
import orjson

from caseconnect.cli import Exit
from caseconnect.cli.output import complain, say
from caseconnect.sdk.errors import ConfigError


@click.command("simulate")
@click.argument("platform", required=False)
@click.option("--port", default=0, help="Port on 127.0.0.1; 0: any free one.  [default: 0]")
@click.option(
    "--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="JSON file with its options."
)
@click.pass_context
def simulate(ctx: click.Context, platform: str | None, port: int, config: Path | None) -> None:
    """Run a stand-in of a platform on this machine, with a page that shows its state.

    Without PLATFORM: list what there is. It keeps a ledger of effects and can be told to fail; see the README of
    the platform's plugin.

    \b
    connect simulate PLATFORM --port 9001
    """
    from caseconnect.host.plugins import load

    known = load().simulators
    if platform is None:
        for spec in known.values():
            say(f"{spec.name}: {spec.summary}")
        return
    if platform not in known:
        complain(f"no simulator {platform!r} is installed; there are: {', '.join(sorted(known)) or 'none'}")
        ctx.exit(Exit.WRONG)
    options: dict[str, Any] = {}
    if config:
        try:
            options = orjson.loads(config.read_bytes())
        except orjson.JSONDecodeError as error:
            complain(f"{config}: this is not JSON: {error}")
            ctx.exit(Exit.WRONG)
    try:
        app = known[platform].app(options)
    except (ValueError, TypeError, LookupError) as error:
        complain(f"{platform}: these options do not fit: {error}")
        ctx.exit(Exit.WRONG)
    asyncio.run(_run(app, platform, port))


async def _run(app: Any, platform: str, port: int) -> None:
    import uvicorn

    with _listening(port) as listening:
        say(f"{platform}: http://127.0.0.1:{listening.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2))
        await server.serve(sockets=[listening])


def _listening(port: int) -> socket.socket:
    # TCP by name: asyncio sends without Nagle's delay (40 ms an answer) only on sockets that say so.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise ConfigError(f"127.0.0.1 port {port} cannot be had: {error.strerror}; choose another --port") from None
    listening.listen()
    return listening
