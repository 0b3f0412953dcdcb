"""A load generator as a process of its own: signed deliveries over kept connections, as fast as they are answered.

    python -m bench.load --port 8480 --connections 64 --seconds 4 --first 0 < body

The body that all are made from (bench/body.py) comes on standard input. It prints one JSON line. Bodies, ids and
signatures are made before the clock starts.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson
import uvloop

from bench.orders import FIRST_ORDER, Bodies, request

_OK = b"HTTP/1.1 200"
_PER_SECOND = 16_000  # more than is ever answered: who runs out of requests says so
_MOST = 120_000
TOPIC = "orders/delete"
"""A topic of orders that the tenant's source reads and ignores, so that intake is measured and nothing behind it."""


@dataclass
class Tally:
    """What came back: seconds of each good answer, and how many others."""

    good: list[float] = field(default_factory=list)
    bad: int = 0
    ran_out: bool = False


class Caller(asyncio.Protocol):
    """One connection: the next request when the last is answered, until the time is over."""

    def __init__(self, requests: Iterator[bytes], tally: Tally, until: float, over: asyncio.Future[None]) -> None:
        self._requests, self._tally, self._until, self._over = requests, tally, until, over
        self._sent = 0.0
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first."""
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment] # a TCP transport writes
        self._next()

    def data_received(self, data: bytes) -> None:
        """Count the answer; all that we ask for have an empty body."""
        self._answer += data
        if not self._answer.endswith(b"\r\n\r\n"):
            return
        now = time.perf_counter()
        if self._answer.startswith(_OK):
            self._tally.good.append(now - self._sent)
        else:
            self._tally.bad += 1
        self._answer = b""
        if now >= self._until:
            self._end()
        else:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that the server closed ends; its unanswered request is not counted."""
        self._end()

    def _next(self) -> None:
        following = next(self._requests, None)
        if following is None:
            self._tally.ran_out = True
            self._end()
            return
        self._sent = time.perf_counter()
        self._transport.write(following)

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)
            self._transport.close()


async def run(bodies: Bodies, port: int, connections: int, seconds: float, first: int) -> dict[str, object]:
    """Load a server for `seconds`; the result as JSON values. Times in milliseconds."""
    count = min(int(_PER_SECOND * seconds) + connections, _MOST)
    ready = [
        request(port, TOPIC, f"bench-{first + n:012d}", bodies.body(FIRST_ORDER + first + n)) for n in range(count)
    ]
    requests, tally, loop = iter(ready), Tally(), asyncio.get_running_loop()
    began = time.perf_counter()
    endings = [loop.create_future() for _ in range(connections)]
    for over in endings:
        await loop.create_connection(
            lambda over=over: Caller(requests, tally, began + seconds, over),  # type: ignore[misc] # a lambda in a loop
            "127.0.0.1",
            port,
        )
    await asyncio.wait(endings)
    took = time.perf_counter() - began
    times = sorted(tally.good)
    return {
        "answered": len(times),
        "refused": tally.bad,
        "seconds": took,
        "per_second": len(times) / took,
        "p50_ms": 1000 * times[len(times) // 2] if times else None,
        "p99_ms": 1000 * times[len(times) * 99 // 100] if times else None,
        "body_bytes": len(bodies.body(FIRST_ORDER)),
        "used": count - sum(1 for _ in requests),
        "ran_out": tally.ran_out,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.load")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    bodies = Bodies(sys.stdin.buffer.read())
    result = uvloop.run(run(bodies, asked.port, asked.connections, asked.seconds, asked.first))
    sys.stdout.buffer.write(orjson.dumps(result) + b"\n")


if __name__ == "__main__":
    main()
