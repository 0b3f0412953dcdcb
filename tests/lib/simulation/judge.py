"""The judge: the promises of faults.md §3.0, as far as one machine can break them, over the journal and the ledgers.

It reads what was written down on both sides, never what Connect says of itself in memory.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from typing import Any

from caseconnect.host.journal import states
from caseconnect.host.journal.codec import digest, expand, load
from caseconnect.host.journal.verifying import verify
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.wire import Sent
from simulation.canaries import Canaries
from simulation.daemon import Daemon
from simulation.ledgers import Done, cancelled, done_by_us, given_back, held
from simulation.people import Life, paid
from simulation.swarm import Swarm
from simulation.town import Town, Wire

STALE = timedelta(minutes=6)
"""How old an approval may be when its effect is seen: the last look, a slow request, and two minutes of lateness."""

_PAUSED_AFTER = 60.0
"""Seconds after a pause in which what was already on may still send."""

_FINAL = {"deliveries": ("events", "ignored", "parked", "dropped"), "events": ("done", "parked", "dropped", "folded")}


class Judge:
    """Sees every request while it happens, and everything else at the end."""

    def __init__(self, town: Town, daemon: Daemon, swarm: Swarm) -> None:
        self._town, self._daemon, self._swarm = town, daemon, swarm
        self.problems: list[str] = []
        self.lives: list[Life] = []
        self.case_of: Callable[[Life], object | None] = lambda life: None
        self.paused: list[tuple[str, float, float]] = []
        self._taken: Counter[tuple[str, str, str, bytes]] = Counter()
        self._moved: list[tuple[float, str]] = []
        self.digest = ""
        self.canaries = Canaries(town.secrets, [tenant.canary for tenant in town.tenants.values()])

    def tell(self, invariant: str, what: str) -> None:
        """A promise is broken."""
        text = f"{invariant}: {what}"
        if text not in self.problems:
            self.problems.append(text)

    # while it happens

    def request(self, wire: Wire, sent: Sent, moves: bool) -> None:
        """A request goes out: for this tenant alone, and what changes something has its intent written down."""
        self.canaries.asked(sent)
        whole = f"{sent.url} {sent.headers}".encode() + sent.body
        for name, tenant in self._town.tenants.items():
            if name != wire.tenant and tenant.canary.encode() in whole:
                self.tell("I10", f"a request of {wire.tenant} to {wire.connection} holds data of {name}")
        if not moves:
            return
        self._moved.append((self._now(), wire.tenant))
        db = self._daemon.journal._db()
        mine = "SELECT 1 FROM commands WHERE tenant=? AND connection=? AND state='sending' LIMIT 1"
        if db.execute(mine, (wire.tenant, wire.connection)).fetchone() is None:
            self.tell("I4", f"{sent.method} {sent.path} went out, and no intent of it was committed")
        twice = "SELECT slot FROM commands WHERE state='sending' AND slot IS NOT NULL GROUP BY slot HAVING count(*) > 1"
        for (slot,) in db.execute(twice).fetchall():
            self.tell("I5", f"two commands are out at once on {slot}")

    def taken(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """We answered 2xx: from now on it is ours to keep."""
        _, room, tenant, connection = path.split("/")
        named = "X-Shopify-Webhook-Id" if room == "hooks" else "Idempotency-Key"
        place = connection if room == "hooks" else "desk"
        self._taken[tenant, place, headers[named], digest(body)] += 1

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    # at the end

    def all_ended(self) -> None:
        """Peace has lasted: everything has come to the end that it should have."""
        self._deliveries()
        self._commands()
        self._sequences()
        self._lanes()
        self._cases()
        for life in self.lives:
            if life.order is not None:
                self._money(life)
                self._ends(life)
        for tenant, since, until in self.paused:
            if any(t == tenant and since + _PAUSED_AFTER < at < until for at, t in self._moved):
                self.tell("brakes", f"{tenant} was paused, and something was sent")

    def _rows(self, sql: str, *values: object) -> list[Any]:
        return self._daemon.journal._db().execute(sql, values).fetchall()

    def _deliveries(self) -> None:
        """I1, I6."""
        kept = Counter(
            (tenant, connection, name, bytes(mark))
            for tenant, connection, name, mark in self._rows(
                "SELECT tenant, connection, delivery_id, digest FROM deliveries WHERE polled=0"
            )
        )
        for key in self._taken:
            if kept[key] != 1:
                tenant, connection, name, _ = key
                self.tell("I1", f"{name} of {tenant}/{connection} was answered 2xx and is stored {kept[key]} times")
        for table, ends in _FINAL.items():
            for state, many in self._rows(f"SELECT state, count(*) FROM {table} GROUP BY state"):
                self._swarm.seen[f"{table}: {state}"] += many
                if state not in ends:
                    why = self._rows(f"SELECT reason FROM {table} WHERE state=? LIMIT 1", state)[0][0]
                    self.tell("I6", f"{many} {table} are {state} for ever: {why}")

    def _commands(self) -> None:
        """I6, I7: nothing is left open, and no doubt ended without evidence."""
        alerts = {
            link
            for (text,) in self._rows("SELECT link FROM alerts WHERE closed_at IS NULL")
            for link in text.split(", ")
        }
        for key, kind, state, note, waits in self._rows("SELECT key, kind, state, note, waits FROM commands"):
            self._swarm.seen[f"command {state}"] += 1
            if state in states.OPEN and not waits:
                self.tell("I6", f"{kind} is {state} for ever: {note}")
            if state == states.REFUSED:
                self._swarm.seen[f"refused {kind}: {note[:60]}"] += 1
            if state == states.PARKED and key not in alerts:
                self.tell("I6", f"{kind} is parked ({note}), and no alert names it")
        for kind, was, became, note, data, by in self._rows(
            "SELECT c.kind, o.was, o.became, o.note, o.data, o.by FROM outcomes o JOIN commands c USING (key)"
        ):
            self._swarm.seen[f"{was} -> {became}"] += 1
            if was == "unknown" and became in ("done", "refused") and not (note or load(data) or by != "connect"):
                self.tell("I7", f"{kind} was unknown and is {became} without a word why")

    def _sequences(self) -> None:
        """I8: every seal and chain holds, and each history is a way through the table of states."""
        for damage in verify(self._daemon.journal._db()):
            self.tell("I8", str(damage))
        at: dict[str, str] = {}
        for key, was, became in self._rows("SELECT key, was, became FROM outcomes ORDER BY seq"):
            if at.get(key, was) != was or became not in states.TRANSITIONS.get(was, ()):
                self.tell("I8", f"a command went from {at.get(key)} by {was} to {became}")
            at[key] = became
        for key, state in self._rows("SELECT key, state FROM commands"):
            if at.get(key, state) != state:
                self.tell("I8", f"a command is {state}, and its history ends with {at[key]}")

    def _lanes(self) -> None:
        """I5, I9: what is decided on gets no older, and the newest that a platform shows was looked at."""
        for life in self.lives:
            if life.order is None:
                continue
            told = self._daemon.journal.explain(life.tenant, Subject("shop", "order", life.id), facts=True)
            seen = list(_read_of(life.id, told["decisions"]))
            for former, later in pairwise(seen):
                if datetime.fromisoformat(later) < datetime.fromisoformat(former):
                    self.tell("I5", f"order {life.id} was decided on as of {former}, and then as of {later}")
            heard = [e["body"]["time"] for e in told["events"] if e["type"] == "OrderChanged"]
            if not heard or max(datetime.fromisoformat(at) for at in heard) < self._shown(life):
                last = max(heard, default="nothing")
                self.tell("I9", f"order {life.id} is of {self._shown(life)}, and what was heard of it last is {last}")

    def _shown(self, life: Life) -> datetime:
        """When the platform says that the order changed, in whole seconds."""
        at: datetime = life.order.updated_at if life.tenant == "acme" else life.order.modified
        return at.replace(microsecond=0)

    def _cases(self) -> None:
        """I2: one case for each matter that asked for one, and none that nobody asked for."""
        known = {row[0]: row[1:] for row in self._rows("SELECT reference, tenant, case_subject, subject FROM matters")}
        for name, tenant in self._town.tenants.items():
            created = [e.case_id for e in tenant.cases.ledger if e.operation == "create_case" and e.via == "api"]
            about: defaultdict[str, list[str]] = defaultdict(list)
            for case_id in created:
                text = str(tenant.cases.cases[case_id].default) + str(tenant.cases.cases[case_id].custom)
                mine = [ref for ref in known if ref in text]
                for ref in mine:
                    about[ref].append(case_id)
                if not mine:
                    self.tell("I2", f"{name} has a case that belongs to no matter")
            for ref, cases in about.items():
                if len(cases) > 1:
                    self.tell("I2", f"{len(cases)} cases were opened for one matter of {known[ref][2]}")
                if known[ref][0] != name:
                    self.tell("I10", f"a case of {known[ref][0]} was opened at {name}")
            marked = Counter(
                (e.case_id, e.detail["text"])
                for e in tenant.cases.ledger
                if e.operation == "add_comment" and e.via == "api" and "[connect " in e.detail["text"]
            )
            for (_, text), many in marked.items():
                if many > 1:
                    self.tell("I3", f"a comment was written {many} times: {text[:60]}")

    def _money(self, life: Life) -> None:
        """I3, I4: no more than was asked for and approved, at most once, and never more than was paid."""
        by_us = done_by_us(self._town, life, "refund")
        total = given_back(self._town, life)
        if total > paid(life):
            self.tell("I3", f"{total} of {paid(life)} was given back of order {life.id}")
        wanted = Decimal(life.wanted or 0)
        if sum((e.amount for e in by_us), Decimal(0)) > wanted or len(by_us) > 1:
            self.tell("I3", f"{[str(e.amount) for e in by_us]} was given back of order {life.id}; asked for: {wanted}")
        for effect in by_us:
            self._approved(life, effect, "approved")
        for effect in done_by_us(self._town, life, "cancel"):
            self._approved(life, effect, "rejected")
        if len(done_by_us(self._town, life, "cancel")) > 1:
            self.tell("I3", f"order {life.id} was cancelled twice")

    def _approved(self, life: Life, effect: Done, outcome: str) -> None:
        """What allowed it was so at the time of sending, or shortly before."""
        stood = ""
        for at, what in life.done:
            if what.startswith("decide ") and at <= effect.at:
                if stood == outcome and at >= effect.at - STALE:
                    return  # changed while it was on its way
                stood = what.removeprefix("decide ")
        if stood != outcome:
            self.tell(
                "I4", f"{effect.what} of order {life.id} at {effect.at:%H:%M:%S}, decided was {stood or 'nothing'}"
            )

    def _ends(self, life: Life) -> None:
        """What the people wanted has come to pass, or a person was told why not."""
        told_why = self._rows(
            "SELECT 1 FROM commands c JOIN matters m ON m.id = c.matter WHERE m.tenant=? AND m.subject=?"
            " AND (c.state='parked' OR (c.state='refused' AND c.note LIKE '%changed%')) LIMIT 1",
            life.tenant, f"shop/order/{life.id}",
        )  # fmt: skip
        if told_why or life.touched:
            return
        if life.kind != "plain" and self.case_of(life) is None:
            self.tell("I2", f"order {life.id} is {life.kind}, and no case was opened")
        only = set(life.outcomes)
        if len(only) != 1:
            return
        (outcome,) = only
        if life.kind == "refund":
            given = sum((e.amount for e in done_by_us(self._town, life, "refund")), Decimal(0))
            wanted = Decimal(life.wanted) if outcome == "approved" else Decimal(0)
            if given != wanted:
                self.tell("I3", f"{outcome} was a refund of {life.wanted} of order {life.id}, and {given} was given")
        elif life.kind == "risky":
            if cancelled(life) != (outcome == "rejected"):
                self.tell("end", f"order {life.id} was {outcome}, and cancelled is {cancelled(life)}")
            if outcome == "approved" and held(life):
                self.tell("end", f"order {life.id} was approved and is still held")

    # twice is once

    def effects(self) -> Counter[str]:
        """All that was ever done by us, at every platform, in counts."""
        found: Counter[str] = Counter()
        for name, tenant in self._town.tenants.items():
            found.update(f"{name} {e.operation}" for e in tenant.cases.ledger if e.via == "api")
        found.update(f"acme {e.what}" for e in self._town.shop.ledger)
        found.update(f"birch {e.what}" for e in self._town.instance.ledger if e.who not in ("merchant", "shopper"))
        return found

    def nothing_new(self, before: Counter[str]) -> None:
        """I14: another recovery, and everything told once more, changed nothing."""
        for what, many in (self.effects() - before).items():
            self.tell("I14", f"after a restart and the same webhooks again, {what} happened {many} more times")

    def stored(self) -> None:
        """I10, I13, I15: nobody's data in another's rows, none of who was erased, no secret and no shopper told."""
        whole = sha256()
        texts: dict[str, list[bytes]] = {}
        for name in self._town.tenants:
            texts[name] = list(self._texts(name))
            for other, tenant in self._town.tenants.items():
                if other != name and any(tenant.canary.encode() in text for text in texts[name]):
                    self.tell("I10", f"rows of {name} hold data of {other}")
        for life in self.lives:
            if life.order is not None and self._is_erased(life):
                self._swarm.seen["erased whole"] += 1
                if any(life.word.encode() in text for text in texts[life.tenant]):
                    self.tell("I13", f"the shopper of order {life.id} was erased, and is there")
        self.canaries.look(self._daemon.journal, self._daemon.log, self._daemon.now)
        for found in self.canaries.found:
            self.tell("I15", found)
        for row in self._rows("SELECT key, was, became, at FROM outcomes ORDER BY seq"):
            whole.update(str(row).encode())
        self.digest = whole.hexdigest()

    def _is_erased(self, life: Life) -> bool:
        """On request, and nobody works on the order."""
        return self._daemon.journal.erased(life.tenant, Subject("shop", "order", life.id))

    def _texts(self, tenant: str) -> Iterator[bytes]:
        """All that is stored of a tenant, unpacked."""
        for headers, body in self._rows("SELECT headers, body FROM deliveries WHERE tenant=?", tenant):
            yield headers.encode() + (expand(body) if body else b"")
        for (body,) in self._rows("SELECT body FROM events WHERE tenant=?", tenant):
            yield body.encode()
        for answers, facts in self._rows("SELECT answers, facts FROM decisions WHERE tenant=?", tenant):
            yield answers.encode() + (expand(facts) if facts else b"")
        for body, note, data in self._rows("SELECT body, note, data FROM commands WHERE tenant=?", tenant):
            yield expand(body) + note.encode() + data.encode()
        for title, link in self._rows("SELECT title, link FROM alerts WHERE tenant=?", tenant):
            yield f"{title} {link}".encode()


def _read_of(order: str, decisions: list[dict[str, Any]]) -> Iterator[str]:
    """As of when the order was, each time that something was decided on it."""
    for decision in decisions:
        for fact in decision["facts"]:
            if fact["fact"] == "order" and fact["subject"].endswith(f"/{order}") and "updated_at" in fact["record"]:
                yield fact["record"]["updated_at"]
