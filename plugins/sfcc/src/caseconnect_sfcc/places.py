"""Which site an order is on. Every call names a site, and our names of orders hold the number alone.

Order numbers are taken to be unique in an instance: the platform makes them so unless a merchant's own hook
(`dw.order.createOrderNo`) breaks it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .client import Json, SfccClient
from .faults import Refused

_REMEMBERED: Final = 20_000


class OrderPlaces:
    """Finds an order on the sites of the connection, and remembers where it was."""

    def __init__(self, client: SfccClient, sites: Sequence[str]) -> None:
        self._client, self._sites = client, tuple(sites)
        self._known: dict[str, str] = {}

    def learn(self, order_no: str, site: str) -> None:
        """An order was seen on a site."""
        if len(self._sites) > 1:
            if len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[order_no] = site

    async def order(self, order_no: str) -> tuple[str, Json]:
        """The site of an order and the order as it is now. `Refused` (OrderNotFound) when no site has it."""
        first = self._known.get(order_no, self._sites[0])
        sites = (first, *(each for each in self._sites if each != first))
        for site in sites[:-1]:
            try:
                return await self._at(site, order_no)
            except Refused as refused:
                if refused.code != "OrderNotFound":
                    raise
        return await self._at(sites[-1], order_no)

    async def _at(self, site: str, order_no: str) -> tuple[str, Json]:
        found = await self._client.order(site, order_no)
        self.learn(order_no, site)
        return site, found
