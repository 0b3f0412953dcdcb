"""`python -m caseconnect_sfcc.simulator`: the simulator as a process of its own, on loopback only."""

from __future__ import annotations

import argparse
import contextlib
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn
import yaml

from . import SfccSettings, create_app


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; 2 for wrong settings, 1 when the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m caseconnect_sfcc.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 (the default) picks a free one")
    parser.add_argument("--config", type=Path, help="YAML or JSON file with instances, clients and users")
    chosen = parser.parse_args(arguments)
    try:
        data = yaml.safe_load(chosen.config.read_text("utf-8")) if chosen.config else {}
        app = create_app(SfccSettings.from_dict(data or {}))
    except (OSError, ValueError, yaml.YAMLError) as error:
        sys.stderr.write(f"Cannot start with {chosen.config}: {error}\n")
        return 2
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", chosen.port))
        except (OSError, OverflowError) as error:
            sys.stderr.write(f"Cannot listen on 127.0.0.1:{chosen.port}: {error}\n")
            return 1
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
        # The socket queues connections from here on: who reads the line may connect at once.
        listener.listen(2048)
        sys.stdout.write(f"SFCC simulator on http://127.0.0.1:{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
