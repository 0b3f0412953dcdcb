"""`python -m caseconnect_shopify.simulator --port N [--config FILE]`: simulated shops on 127.0.0.1."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from .app import create_app
from .server import server
from .settings import ShopifySimulatorSettings
from .world.specs import SpecError


async def serve(settings: ShopifySimulatorSettings) -> None:
    """Runs until interrupted; prints the address of each shop when it is ready."""
    running = server(create_app(settings), settings.port)
    task = asyncio.create_task(running.serve())
    port = await running.ready(task)
    for shop in settings.shops if port else ():
        sys.stdout.write(f"{shop.domain}: http://127.0.0.1:{port}/shops/{shop.domain}/\n")
    sys.stdout.flush()
    await task


def main(argv: list[str] | None = None) -> int:
    """Command line. Exit code 2: the configuration cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m caseconnect_shopify.simulator", description=__doc__)
    parser.add_argument("--port", type=int, help="port on 127.0.0.1 (default: any free one)")
    parser.add_argument("--config", type=Path, help="JSON file: shops, port")
    options = parser.parse_args(argv)
    try:
        settings = ShopifySimulatorSettings.from_file(options.config) if options.config else ShopifySimulatorSettings()
    except (SpecError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.port is not None:
        settings.port = options.port
    asyncio.run(serve(settings))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
