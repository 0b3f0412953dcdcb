"""Our listener with Amazon's own library: {"settings", "refuse", "count"} on standard input.

Prints what was delivered. The first delivery of each id in `refuse` fails, as if the journal had no room; then the
listener is started again, as the host does. It ends after `count` deliveries.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from caseconnect.sdk.components import Pushed
from caseconnect.sdk.errors import TransientError
from caseconnect.sdk.pace import Pace
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.testing.resources import MemorySecrets, RecordingLog
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.sqs import listen

asked = json.load(sys.stdin)
settings = ShopifySettings.model_validate(asked["settings"])
refuse = set(asked["refuse"])
got: list[dict[str, Any]] = []


async def main() -> None:
    """Listen until everything came."""
    done = asyncio.Event()

    async def deliver(pushed: Pushed) -> None:
        if pushed.delivery_id in refuse:
            refuse.discard(pushed.delivery_id)
            raise TransientError("no room")
        got.append({"topic": pushed.topic, "id": pushed.delivery_id, "body": pushed.body.decode()})
        if len(got) >= asked["count"]:
            done.set()

    resources = Resources(
        tenant="acme",
        environment="test",
        connection="shop",
        now=lambda: datetime.now(UTC),
        secrets=MemorySecrets({"KEY": "secret"}),
        log=RecordingLog(),
        pace=Pace(math.inf, 1),
    )

    async def on_and_on() -> None:
        while True:
            with suppress(TransientError):
                await listen(settings, resources, deliver)

    listening = asyncio.create_task(on_and_on())
    try:
        async with asyncio.timeout(60):
            await done.wait()
            await asyncio.sleep(1)  # the last ones are taken off the queue
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


asyncio.run(main())
json.dump(got, sys.stdout)
