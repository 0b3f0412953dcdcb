"""What bends how a row is played: a platform that goes down, and deliveries that come twice, late or backwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from house import House

from caseconnect.host.journal.records import CursorMove, NewDelivery, Receipt


class Door:
    """In front of a platform. `shut` it, and it answers 503; `losing`: it does what it is asked first, once."""

    def __init__(self, app: Any, ledger: Callable[[], Sequence[Any]]) -> None:
        self._app, self._ledger = app, ledger
        self.shut, self.losing = False, False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not (self.shut or self.losing):
            await self._app(scope, receive, send)
            return
        if not self.shut:
            before, held, asked = len(self._ledger()), list[Any](), b""

            async def hear() -> Any:
                nonlocal asked
                message = await receive()
                asked += message.get("body", b"")
                return message

            async def hold(message: Any) -> None:
                held.append(message)

            await self._app(scope, hear, hold)
            if len(self._ledger()) == before and b"mutation" not in asked:
                for message in held:
                    await send(message)
                return
            self.shut, self.losing = True, False
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class Post:
    """Between the platforms and the journal: brings deliveries once, twice, or keeps them back for a while."""

    def __init__(self, house: House) -> None:
        self._house, self._receive = house, house.journal.receive
        self.twice, self.keeping = False, False
        self._kept: list[NewDelivery] = []
        house.journal.receive = self.receive  # type: ignore[method-assign] # the way of all deliveries

    async def receive(self, items: Sequence[NewDelivery], move: CursorMove | None, now: datetime) -> list[Receipt]:
        """As the journal does, with what is bent on the way."""
        if self.keeping:
            self._kept += items
            await self._receive([], move, now)
            return [Receipt(0, "stored") for _ in items]
        receipts = await self._receive(items, move, now)
        if self.twice and items:
            again = [replace(item, delivery_id=f"{item.delivery_id}~") for item in items]
            await self._receive([*items, *again], None, now)
        return receipts

    async def let_go(self, *, backwards: bool = False) -> int:
        """Bring what was kept back, one by one; how many there were."""
        self.keeping, kept = False, self._kept[:: -1 if backwards else 1]
        self._kept = []
        for item in kept:
            await self._receive([item], None, self._house.now())
            await self._house.settle()
        return len(kept)
