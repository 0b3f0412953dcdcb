"""Who sits before Connect: answers what is parked, by what the platform shows, and erases what was left whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - a seeded stream: a run can be repeated
from typing import Any

from caseconnect.host.journal.people import Answer
from simulation.daemon import Daemon
from simulation.ledgers import cancelled, done_by_us
from simulation.people import Life
from simulation.swarm import Swarm
from simulation.town import Town

_LANDED = timedelta(minutes=10)
"""What was parked so long ago can land no more: the platform shows whether it happened."""

_CAPPED = "the cap of "


class Operator:
    """One person, who looks first and then says what is so."""

    def __init__(self, town: Town, daemon: Daemon, swarm: Swarm, lives: Sequence[Life]) -> None:
        self._town, self._daemon, self._swarm, self._lives = town, daemon, swarm, lives

    async def answer(self, rng: Random) -> int:
        """All that has been parked for a while; how many."""
        parked = self._parked()
        for row in parked:
            life = next(
                (each for each in self._lives if (each.tenant, each.id) == (row[2], row[3].split("/")[-1])), None
            )
            what = self._truth(row[1], life, rng)
            key, note, cause, now = row[0], row[4], row[6], self._daemon.now()
            if note.startswith(_CAPPED) and rng.random() < 0.5:
                what = rng.choice(("retry", "refuse"))
                done = await self._daemon.do(lambda j: j.let_go(cause, row[2], what, 1, "looked", "ann", now))  # noqa: B023 - called at once
            else:
                done = await self._daemon.do(lambda j: j.answer(key, what, "looked", "ann", now))  # noqa: B023 - called at once
            self._swarm.seen["answered"] += done
            for each in self._lives:
                if each is life or (note.startswith(_CAPPED) and each.tenant == row[2]):
                    each.did(self._town.now(), "answered")
        return len(parked)

    async def erase_again(self) -> None:
        """What was left whole because it was being worked, and is not any more."""
        journal = self._daemon.journal
        for receipt in journal.receipts():
            if receipt.kept and receipt.action == "erase":
                await self._daemon.do(lambda j: j.erase(receipt.whom, (), self._daemon.now()))  # noqa: B023 - called at once

    def _parked(self) -> list[Any]:
        if not self._daemon.up:
            return []
        before = self._daemon.now() - _LANDED
        rows = self._daemon.journal._db().execute(
            "SELECT c.key, c.kind, c.tenant, m.subject, c.note, c.updated_at, c.cap FROM commands c"
            " JOIN matters m ON m.id = c.matter WHERE c.state='parked' ORDER BY c.seq"
        )
        return [row for row in rows.fetchall() if datetime.fromisoformat(row[5]) < before]

    def _truth(self, kind: str, life: Life | None, rng: Random) -> Answer:
        """Done if the platform's ledger has it; else as the person likes. A look goes before each new attempt."""
        happened = life is not None and (
            (kind == "RefundPayment" and bool(done_by_us(self._town, life, "refund")))
            or (kind == "CancelOrder" and cancelled(life))
        )
        if happened:
            return "done"
        return "retry" if kind == "OpenCase" else rng.choice(("retry", "refuse"))
